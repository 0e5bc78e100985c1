/* What a real repository's configuration names is guarded: through the scan, as a session does it. */
#include "scratch.h"

#include "policy/builtin.h"
#include "session/scan.h"

#include <limits.h>

static struct br_policy policy;

static struct br_guard *
scan(void)
{
	struct br_pol_writer w = {0};
	br_auto_buf file = {0};
	struct br_err e = BR_ERR_INIT;
	struct br_scan s;
	char root[PATH_MAX];
	br_builtin_add(&w);
	assert_int_equal(br_pol_seal(&w, &file), 0);
	assert_int_equal(br_pol_parse(file.p, file.len, &policy, &e), 0);
	struct br_guard *g = br_guard_new(&policy, &e);
	assert_non_null(g);
	assert_non_null(getcwd(root, sizeof(root)));
	if (br_scan_project(&s, root, g, NULL, &e) != 0)
		fail_msg("%s", e.msg);
	br_scan_free(&s);
	return g;
}

static void
expect(const struct br_guard *g, const char *path, enum br_guard_class cls, const char *rule)
{
	struct br_guard_answer a = br_guard_classify(g, path, false);
	if (a.cls != cls || !br_streq(a.rule, rule))
		fail_msg("%s: class %d by \"%s\"", path, a.cls, a.rule);
}

static void
test_named_files(void **state)
{
	sh("git init -q proj && mkdir -p proj/tools proj/src proj/.husky/_ && git init -q other && git -C other commit -q "
	   "--allow-empty -m 1");
	assert_int_equal(chdir("proj"), 0);
	sh("git -c protocol.file.allow=always submodule --quiet add $PWD/../other sub && git -C sub config core.hooksPath "
	   "../subhooks");
	sh("echo > tools/clean && echo > src/main.c && git config core.hooksPath .githooks && git config include.path "
	   "../team.conf && "
	   "git config filter.x.clean './tools/clean %%f src/nothing' && git config alias.v '!vi src/main.c' && git config "
	   "alias.d '!cd src/ && make' && "
	   "git config core.fsmonitor $PWD/tools/watch && git config core.sshCommand /usr/bin/ssh && git config --add alias.up "
	   "../../../etc/x");
	struct br_guard *g = scan();
	expect(g, ".githooks/pre-commit", BR_GUARD_DENY, "core.hookspath");
	expect(g, ".githooks", BR_GUARD_DENY, "core.hookspath");
	expect(g, "team.conf", BR_GUARD_DENY, "include.path"); /* absent as yet */
	expect(g, "tools/clean", BR_GUARD_DENY, "filter.x.clean");
	expect(g, "src/main.c", BR_GUARD_DENY, "alias.v");
	expect(g, "src/other.c", BR_GUARD_PLAIN, "");
	expect(g, "src/nothing", BR_GUARD_DENY, "filter.x.clean");
	expect(g, "tools/watch", BR_GUARD_DENY, "core.fsmonitor"); /* absent as yet, too */
	expect(g, "subhooks/post-checkout", BR_GUARD_DENY, "core.hookspath");
	assert_int_equal(br_guard_classify_tree(g, "tools").cls, BR_GUARD_DENY);
	br_guard_free(g);
	br_pol_free(&policy);
	sh("git config core.hooksPath .husky/_ && git config core.fsmonitor $PWD/tools/clean && git config --unset "
	   "filter.x.clean");
	g = scan();
	expect(g, ".husky/_/pre-commit", BR_GUARD_KEEP, "core.hookspath");
	expect(g, "tools/clean", BR_GUARD_DENY, "core.fsmonitor");
	br_guard_free(g);
	br_pol_free(&policy);
	assert_int_equal(chdir(".."), 0);
}

/* husky in a directory of its own: 9 has git run what lies in `_`, which runs what lies beside it; 8 the other way round. */
static void
test_husky(void **state)
{
	sh("git init -q husky && mkdir -p husky/web/.husky husky/web/src");
	assert_int_equal(chdir("husky"), 0);
	static const char *const dirs[] = {"web/.husky/_", "web/.husky"};
	for (size_t i = 0; i < BR_ARRAY_LEN(dirs); i++) {
		sh("git config core.hooksPath %s", dirs[i]);
		struct br_guard *g = scan();
		expect(g, "web/.husky/pre-commit", BR_GUARD_DENY, "core.hookspath");
		expect(g, "web/.husky/_/h", BR_GUARD_KEEP, "core.hookspath");
		expect(g, "web/src/h", BR_GUARD_PLAIN, "");
		assert_int_equal(br_guard_classify(g, "web/.husky/_", true).cls, BR_GUARD_KEEP);
		assert_int_equal(br_guard_classify_tree(g, "web/.husky/_").cls, BR_GUARD_DENY);
		assert_int_equal(br_guard_classify_tree(g, "web").cls, BR_GUARD_DENY);
		assert_string_equal(br_guard_classify(g, "web/.husky/_/h", false).origin, ".git/config");
		br_guard_free(g);
		br_pol_free(&policy);
	}
	assert_int_equal(chdir(".."), 0);
}

/* Configuration that includes itself, that isn't git's syntax, and one that is far too large end, and guard what they can. */
static void
test_odd_configuration(void **state)
{
	sh("git init -q odd && git -C odd config core.fsmonitor ./l1/x && git -C odd config include.path ../loop && git config "
	   "--file odd/loop include.path loop && "
	   "git config --file odd/loop --add include.path bad && git config --file odd/loop --add include.path big && "
	   "git config --file odd/loop core.hooksPath ../../../../hooks && printf '[core\\nhooksPath = x' > odd/bad && "
	   "git config --file odd/big core.hooksPath y && head -c 2000000 /dev/zero | tr '\\0' '#' >> odd/big && "
	   "ln -s l2 odd/l1 && ln -s l1 odd/l2");
	assert_int_equal(chdir("odd"), 0);
	struct br_guard *g = scan();
	expect(g, "loop", BR_GUARD_DENY, "include.path");
	expect(g, "bad", BR_GUARD_DENY, "include.path");
	expect(g, "big", BR_GUARD_DENY, "include.path");
	expect(g, "l1/x", BR_GUARD_DENY, "core.fsmonitor");
	expect(g, "hooks/x", BR_GUARD_PLAIN, "");
	expect(g, "x", BR_GUARD_PLAIN, "");
	expect(g, "y", BR_GUARD_PLAIN, "");
	br_guard_free(g);
	br_pol_free(&policy);
	assert_int_equal(chdir(".."), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_husky),
	    cmocka_unit_test(test_odd_configuration),
	    cmocka_unit_test(test_named_files),
	};
	return cmocka_run_group_tests_name("trusted", tests, enter_scratch, leave_scratch);
}
