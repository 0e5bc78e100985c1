/* The guard: the built-in table, a user's rules, git's structure, and renames of whole trees. */
#include "base/buf.h"
#include "policy/builtin.h"
#include "policy/glob.h"
#include "policy/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct br_policy policy;
static struct br_guard *guard;

static void
add(struct br_pol_writer *w, enum br_pol_kind kind, uint32_t flags, const char *pattern, const char *origin)
{
	br_pol_add(w, kind, flags, 0, pattern, "", 0, origin);
}

static int
load(struct br_pol_writer *w)
{
	br_auto_buf file = {0};
	struct br_err e = BR_ERR_INIT;
	if (br_pol_seal(w, &file) != 0 || br_pol_parse(file.p, file.len, &policy, &e) != 0)
		return -1;
	guard = br_guard_new(&policy, &e);
	return guard != NULL ? 0 : -1;
}

static int
set_up(void **state)
{
	struct br_pol_writer w = {0};
	br_builtin_add(&w);
	add(&w, BR_POL_PROTECT, 0, "infra/**", "/p/brattice.yaml:3");
	add(&w, BR_POL_UNPROTECT, 0, "infra/docs", "/p/brattice.yaml:4");
	add(&w, BR_POL_UNPROTECT, 0, "infra/other", "command line");
	add(&w, BR_POL_PROTECT, 0, "lib/*/api.h", "/p/brattice.yaml:5");
	add(&w, BR_POL_PROTECT, 0, "**/deploy/prod.yaml", "/p/brattice.yaml:6");
	add(&w, BR_POL_PROTECT, 0, "build/", "/p/brattice.yaml:7");
	add(&w, BR_POL_PROTECT, 0, "a*z", "/p/brattice.yaml:8");
	add(&w, BR_POL_UNPROTECT, 0, ".npmrc", "command line");
	add(&w, BR_POL_UNPROTECT, 0, ".git/info/attributes", "command line");
	add(&w, BR_POL_HIDE, 0, "secrets/**", "/p/brattice.yaml:9");
	add(&w, BR_POL_UNHIDE, 0, "fixtures/**", "/p/brattice.yaml:10");
	if (load(&w) != 0)
		return -1;
	return br_guard_add_repo(guard, "sub/repo") | br_guard_add_hidden(guard, "conf/[x].key") |
	       br_guard_add_executed(guard, "tools/hooks*", BR_GUARD_DENY, "core.hookspath", ".git/config");
}

static int
tear_down(void **state)
{
	br_guard_free(guard);
	br_pol_free(&policy);
	return 0;
}

struct expect {
	const char *path;
	enum br_guard_class cls;
};

static void
check_all(const struct expect *e, size_t n, bool is_dir)
{
	for (size_t i = 0; i < n; i++) {
		struct br_guard_answer a = br_guard_classify(guard, e[i].path, is_dir);
		if (a.cls != e[i].cls)
			fail_msg("%s: class %d by \"%s\", not %d", e[i].path, a.cls, a.rule, e[i].cls);
		assert_true((a.cls == BR_GUARD_PLAIN) == (a.rule[0] == '\0'));
		assert_true(a.cls == BR_GUARD_PLAIN || a.origin[0] != '\0');
	}
}

static void
test_git_files(void **state)
{
	static const struct expect e[] = {{".git", BR_GUARD_GITLINK}, {"a/b/.git", BR_GUARD_GITLINK},
	    {".GIT", BR_GUARD_GITLINK}, {".git. .", BR_GUARD_GITLINK}, {".git::$INDEX_ALLOCATION", BR_GUARD_GITLINK},
	    {"git~1", BR_GUARD_GITLINK}, {".g\xe2\x80\x8cit", BR_GUARD_GITLINK}, {"\xef\xbb\xbf.git", BR_GUARD_GITLINK},
	    {".gitx", BR_GUARD_PLAIN}, {"x.git", BR_GUARD_PLAIN}, {".gi", BR_GUARD_PLAIN}, {"git", BR_GUARD_PLAIN},
	    {".git/hooks/pre-commit", BR_GUARD_DENY}, {".git/hooks/x.sample", BR_GUARD_PLAIN},
	    {".git/hooks/x.sample/y", BR_GUARD_DENY}, {".git/hooks/x.sample.sh", BR_GUARD_DENY},
	    {".git/hooks/.sample", BR_GUARD_DENY}, {".git/HOOKS/pre-commit", BR_GUARD_DENY},
	    {".git/hoo\xe2\x84\xaas/x", BR_GUARD_DENY}, {".git/hook\xc5\xbf/x", BR_GUARD_DENY},
	    {".git/hooks./x", BR_GUARD_DENY}, {".git/hooks", BR_GUARD_DENY}, {".git/hooksx/y", BR_GUARD_PLAIN},
	    {"a/b/.git/hooks/x", BR_GUARD_DENY}, {".git/config", BR_GUARD_GITCONFIG},
	    {".git/config.worktree", BR_GUARD_GITCONFIG}, {".git/CONFIG", BR_GUARD_GITCONFIG},
	    {".git/config.lock", BR_GUARD_PLAIN}, {".git/config.worktree.lock", BR_GUARD_PLAIN},
	    {".git/config/x", BR_GUARD_DENY}, {".git/commondir", BR_GUARD_DENY},
	    {".git/info/attributes", BR_GUARD_PLAIN /* lifted by name */}, {"a/.git/info/attributes", BR_GUARD_DENY},
	    {".git/info/exclude", BR_GUARD_PLAIN}, {".git/info/sparse-checkout", BR_GUARD_PLAIN}, {".git/info", BR_GUARD_DENY},
	    {".git/objects/info/alternates", BR_GUARD_WATCHED}, {".git/objects/info/commit-graph", BR_GUARD_PLAIN},
	    {".git/objects/ab/cdef", BR_GUARD_PLAIN}, {".git/objects", BR_GUARD_DENY},
	    {".git/refs/heads/config", BR_GUARD_PLAIN}, {".git/refs/heads/hooks/x", BR_GUARD_PLAIN},
	    {".git/refs/remotes/o/main", BR_GUARD_PLAIN}, {".git/refs/heads/Makefile", BR_GUARD_PLAIN},
	    {".git/refs/heads/x.pem", BR_GUARD_PLAIN}, {".git/refs/remotes/o/HEAD", BR_GUARD_PLAIN},
	    {".git/HEAD", BR_GUARD_PLAIN}, {".git/index.lock", BR_GUARD_PLAIN}, {".git/COMMIT_EDITMSG", BR_GUARD_PLAIN},
	    {".git/logs/HEAD", BR_GUARD_PLAIN}, {".git/remotes/origin", BR_GUARD_DENY}, {".git/branches/x", BR_GUARD_DENY},
	    {".git/rebase-merge/git-rebase-todo", BR_GUARD_WATCHED}, {".git/rebase-merge/onto", BR_GUARD_PLAIN},
	    {".git/sequencer/todo", BR_GUARD_WATCHED}, {".git/modules/x", BR_GUARD_DENY},
	    {".git/modules/x/config", BR_GUARD_GITCONFIG}, {".git/modules/a/b/config", BR_GUARD_GITCONFIG},
	    {".git/modules/a/modules/b/config", BR_GUARD_GITCONFIG}, {".git/modules/a/hooks/post-checkout", BR_GUARD_DENY},
	    {".git/modules/a/refs/b/hooks/x", BR_GUARD_DENY}, {".git/modules/a/objects/b/config", BR_GUARD_GITCONFIG},
	    {".git/modules/a/info/attributes", BR_GUARD_DENY}, {".git/modules/a/commondir", BR_GUARD_DENY},
	    {".git/modules/a/HEAD", BR_GUARD_PLAIN}, {".git/modules/a/refs/remotes/o/main", BR_GUARD_PLAIN},
	    {".git/modules/a/config.lock", BR_GUARD_PLAIN}, {".git/modules/hooks/HEAD", BR_GUARD_PLAIN},
	    {".git/worktrees/w/commondir", BR_GUARD_COMMONDIR}, {".git/worktrees/w/config.worktree", BR_GUARD_GITCONFIG},
	    {".git/worktrees/w/gitdir", BR_GUARD_PLAIN}, {".git/worktrees/w/HEAD", BR_GUARD_PLAIN},
	    {".git/worktrees/hooks/HEAD", BR_GUARD_PLAIN}, {".git/worktrees/w/hooks/x", BR_GUARD_DENY},
	    {".git/worktrees/w/logs/HEAD", BR_GUARD_PLAIN}, {".git/modules/a/worktrees/w/commondir", BR_GUARD_COMMONDIR},
	    {".git/x/.git/hooks/y", BR_GUARD_DENY}, {".git/worktrees", BR_GUARD_DENY}};
	check_all(e, BR_ARRAY_LEN(e), false);
	static const struct expect dirs[] = {{".git", BR_GUARD_PLAIN}, {".git/hooks", BR_GUARD_PLAIN},
	    {".git/info", BR_GUARD_PLAIN}, {".git/modules", BR_GUARD_PLAIN}, {".git/modules/config", BR_GUARD_PLAIN},
	    {".git/modules/a/config", BR_GUARD_PLAIN}, {".git/worktrees/w", BR_GUARD_PLAIN}, {".git/branches", BR_GUARD_PLAIN},
	    {".git/objects/ab", BR_GUARD_PLAIN}, {".git/config", BR_GUARD_DENY}, {".git/hooks/x.sample", BR_GUARD_DENY},
	    {".git/hooks/d", BR_GUARD_DENY}, {".git/refs/heads/hooks", BR_GUARD_PLAIN}};
	check_all(dirs, BR_ARRAY_LEN(dirs), true);
}

static void
test_rules(void **state)
{
	static const struct expect e[] = {{".envrc", BR_GUARD_DENY}, {"a/b/.envrc", BR_GUARD_DENY}, {".ENVRC", BR_GUARD_DENY},
	    {".claude/settings.json", BR_GUARD_DENY}, {"sub/repo/.claude/settings.json", BR_GUARD_DENY},
	    {"sub/other/.claude/settings.json", BR_GUARD_WATCHED}, {"node_modules/x/.yarnrc", BR_GUARD_WATCHED},
	    {".claude/hooks/x.sh", BR_GUARD_DENY}, {".claude/hooks", BR_GUARD_DENY}, {".claude", BR_GUARD_DENY},
	    {".claude/todo.md", BR_GUARD_WATCHED}, {".vscode", BR_GUARD_DENY}, {".vscode/tasks.json", BR_GUARD_DENY},
	    {".vscode/extensions.json", BR_GUARD_WATCHED}, {".husky/pre-commit", BR_GUARD_DENY},
	    {".husky/_/pre-commit", BR_GUARD_KEEP}, {"x.code-workspace", BR_GUARD_DENY}, {".npmrc", BR_GUARD_PLAIN},
	    {"HEAD", BR_GUARD_DENY}, {"sub/HEAD", BR_GUARD_WATCHED}, {"objects", BR_GUARD_PLAIN},
	    {"config/app.rb", BR_GUARD_PLAIN}, {".github/workflows/ci.yml", BR_GUARD_WATCHED}, {"Makefile", BR_GUARD_WATCHED},
	    {"a/b/package.json", BR_GUARD_WATCHED}, {"x/y.gradle.kts", BR_GUARD_WATCHED}, {"vite.config.ts", BR_GUARD_WATCHED},
	    {"src/main.c", BR_GUARD_PLAIN}, {"infra/x/y", BR_GUARD_DENY}, {"infra", BR_GUARD_DENY},
	    {"infra/docs/x", BR_GUARD_PLAIN}, {"infra/other/x", BR_GUARD_DENY}, {"infrastructure", BR_GUARD_PLAIN},
	    {"x/infra/y", BR_GUARD_PLAIN}, {"lib/a/api.h", BR_GUARD_DENY}, {"lib/a/b/api.h", BR_GUARD_PLAIN},
	    {"x/y/deploy/prod.yaml", BR_GUARD_DENY}, {"deploy/prod.yaml", BR_GUARD_DENY}, {"deploy/test.yaml", BR_GUARD_PLAIN},
	    {"build/x", BR_GUARD_DENY}, {"x/build/y", BR_GUARD_DENY}, {"b/abz/c", BR_GUARD_DENY}, {"az", BR_GUARD_DENY},
	    {"azx", BR_GUARD_PLAIN}, {".env", BR_GUARD_HIDDEN}, {"a/.env.local", BR_GUARD_HIDDEN},
	    {".env.example", BR_GUARD_PLAIN}, {".env.local.sample", BR_GUARD_PLAIN}, {"x.example/.env", BR_GUARD_HIDDEN},
	    {"fixtures/.env", BR_GUARD_PLAIN}, {"fixtures/id_rsa", BR_GUARD_PLAIN}, {"id_rsa", BR_GUARD_HIDDEN},
	    {"id_rsa.pub", BR_GUARD_PLAIN}, {"x.pem", BR_GUARD_PLAIN}, {"secrets/x", BR_GUARD_HIDDEN},
	    {"secrets/.env.example", BR_GUARD_HIDDEN}, {"conf/[x].key", BR_GUARD_HIDDEN}, {"conf/x.key", BR_GUARD_PLAIN}};
	check_all(e, BR_ARRAY_LEN(e), false);
	static const struct expect dirs[] = {{".claude", BR_GUARD_WATCHED}, {".vscode", BR_GUARD_WATCHED},
	    {"infra", BR_GUARD_PLAIN}, {"build", BR_GUARD_DENY}, {".husky", BR_GUARD_DENY}, {".husky/_", BR_GUARD_KEEP},
	    {"config", BR_GUARD_PLAIN}};
	check_all(dirs, BR_ARRAY_LEN(dirs), true);
	assert_int_equal(br_guard_classify(guard, ".env", false).flags & BR_POLF_DEFAULT, BR_POLF_DEFAULT);
	assert_int_equal(br_guard_classify(guard, "secrets/x", false).flags & BR_POLF_DEFAULT, 0);
	assert_string_equal(br_guard_classify(guard, "infra/x", false).origin, "/p/brattice.yaml:3");
	assert_string_equal(br_guard_classify(guard, "tools/hooks*/pre-commit", false).rule, "core.hookspath");
	assert_int_equal(br_guard_classify(guard, "tools/hooks*", false).cls, BR_GUARD_DENY);
	assert_int_equal(br_guard_classify(guard, "tools/hooksx", false).cls, BR_GUARD_PLAIN);
	assert_int_equal(br_guard_classify_tree(guard, "tools").cls, BR_GUARD_DENY);
}

static void
test_hidden(void **state)
{
	struct br_guard_answer a = br_guard_hidden(guard, "a/tls.pem", false);
	assert_int_equal(a.cls, BR_GUARD_HIDDEN);
	assert_int_equal(a.flags, BR_POLF_DEFAULT | BR_POLF_IF_KEY);
	a = br_guard_hidden(guard, "secrets/tls.pem", false);
	assert_int_equal(a.cls, BR_GUARD_HIDDEN);
	assert_int_equal(a.flags & BR_POLF_IF_KEY, 0); /* the stronger rule answers */
	assert_int_equal(br_guard_hidden(guard, ".git/hooks/x", false).cls, BR_GUARD_PLAIN);
	assert_int_equal(br_guard_hidden(guard, "fixtures/tls.pem", false).cls, BR_GUARD_PLAIN);
}

static void
test_trees(void **state)
{
	static const struct expect e[] = {{".git", BR_GUARD_DENY}, {"x/.git", BR_GUARD_DENY}, {".Git", BR_GUARD_DENY},
	    {".git/hooks", BR_GUARD_DENY}, {".git/info", BR_GUARD_DENY}, {".git/modules", BR_GUARD_DENY},
	    {".git/modules/a", BR_GUARD_DENY}, {".git/modules/a/b", BR_GUARD_DENY}, {".git/worktrees/w", BR_GUARD_DENY},
	    {".git/objects/ab", BR_GUARD_PLAIN}, {".git/objects", BR_GUARD_WATCHED}, {".git/refs/heads/x", BR_GUARD_PLAIN},
	    {".git/logs", BR_GUARD_PLAIN}, {"x", BR_GUARD_PLAIN}, {"src/dir", BR_GUARD_PLAIN}, {".claude", BR_GUARD_DENY},
	    {".vscode", BR_GUARD_DENY}, {".cargo", BR_GUARD_DENY}, {".yarn", BR_GUARD_DENY}, {".yarn/cache", BR_GUARD_WATCHED},
	    {"x/.claude", BR_GUARD_WATCHED}, {"sub", BR_GUARD_DENY}, {"sub/repo", BR_GUARD_DENY},
	    {"sub/repo/.claude", BR_GUARD_DENY}, {"sub/repo/src", BR_GUARD_PLAIN}, {"sub/repository", BR_GUARD_PLAIN},
	    {"infra", BR_GUARD_DENY}, {"infra/x", BR_GUARD_DENY}, {"infra/docs", BR_GUARD_PLAIN}, {"INFRA", BR_GUARD_DENY},
	    {"lib", BR_GUARD_DENY}, {"lib/a", BR_GUARD_DENY}, {"lib/a/b", BR_GUARD_PLAIN}, {"x/deploy", BR_GUARD_DENY},
	    {"deploy/x", BR_GUARD_PLAIN}, {"secrets", BR_GUARD_HIDDEN}, {".github", BR_GUARD_WATCHED},
	    {".husky", BR_GUARD_DENY}, {".husky/_", BR_GUARD_DENY}, {"conf", BR_GUARD_HIDDEN},
	    {"node_modules", BR_GUARD_PLAIN}};
	for (size_t i = 0; i < BR_ARRAY_LEN(e); i++) {
		struct br_guard_answer a = br_guard_classify_tree(guard, e[i].path);
		if (a.cls != e[i].cls)
			fail_msg("%s: class %d by \"%s\", not %d", e[i].path, a.cls, a.rule, e[i].cls);
	}
}

static void
test_in_git(void **state)
{
	assert_true(br_guard_in_git(".git"));
	assert_true(br_guard_in_git("a/.GIT/logs/HEAD"));
	assert_false(br_guard_in_git(".github/x"));
	assert_true(br_guard_in_known_repo(guard, ".git/config"));
	assert_true(br_guard_in_known_repo(guard, "sub/repo/.git/config"));
	assert_false(br_guard_in_known_repo(guard, "clone/.git/config"));
	assert_false(br_guard_in_known_repo(guard, "src/x"));
}

/* The index finds what a plain walk over all rules finds. */
static void
test_like_plain_walk(void **state)
{
	static const char *const patterns[] = {"a", "a/", "/a", "a/b", "*.x", "*.x.y", "p.*", "p.q.*", "a*b", "**/c", "**/c/d",
	    "c/**", "*.x/", "/*.x", "p.*/k", "**/*.x/k", "[a]", "\\a", "*", "?.x", "A.B"};
	static const char *const comps[] = {
	    "a", "b", "c", "d", "k", "f.x", "f.x.y", "p.", "p.q.r", "a1b", ".x", "A", "a.b", "q"};
	uint32_t seed = 7;
	for (size_t i = 0; i < BR_ARRAY_LEN(patterns); i++) {
		struct br_pol_writer w = {0};
		br_auto_buf file = {0};
		struct br_policy p;
		add(&w, BR_POL_WATCH, 0, patterns[i], "x:1");
		assert_int_equal(br_pol_seal(&w, &file), 0);
		assert_int_equal(br_pol_parse(file.p, file.len, &p, NULL), 0);
		struct br_guard *g = br_guard_new(&p, NULL);
		assert_non_null(g);
		for (int k = 0; k < 3000; k++) {
			char path[128];
			size_t len = 0;
			for (uint32_t depth = 1 + (uint32_t)k % 4; depth > 0; depth--) {
				seed = seed * 1664525U + 1013904223U;
				len += (size_t)snprintf(path + len, sizeof(path) - len, "%s%s", len > 0 ? "/" : "",
				    comps[(seed >> 16) % BR_ARRAY_LEN(comps)]);
			}
			bool dir = k % 2 == 0;
			bool want = br_glob_match(patterns[i], path, dir, BR_GLOB_ICASE);
			if ((br_guard_classify(g, path, dir).cls == BR_GUARD_WATCHED) != want)
				fail_msg("\"%s\", \"%s\"%s: %d by the plain walk", patterns[i], path, dir ? "/" : "", want);
		}
		br_guard_free(g);
		br_pol_free(&p);
	}
}

/* A directory whose rename is plain takes nothing guarded with it: the same name below another directory has the same class. */
static void
test_tree_keeps_classes(void **state)
{
	static const char *const dirs[] = {
	    "x", "src/a", "infra/docs", "node_modules", "sub/repo/src", "deploy/x", ".git/objects/ab"};
	static const char *const below[] = {".git/hooks/x", ".git/config", ".envrc", "deploy/prod.yaml", "build/x", "abz", "y",
	    "lib/a/api.h", "infra/x", ".env"};
	for (size_t i = 0; i < BR_ARRAY_LEN(dirs); i++) {
		assert_int_equal(br_guard_classify_tree(guard, dirs[i]).cls, BR_GUARD_PLAIN);
		for (size_t k = 0; k < BR_ARRAY_LEN(below); k++) {
			char here[256], there[256];
			(void)snprintf(here, sizeof(here), "%s/%s", dirs[i], below[k]);
			(void)snprintf(there, sizeof(there), "elsewhere/y/%s", below[k]);
			enum br_guard_class was = br_guard_classify(guard, here, false).cls,
					    is = br_guard_classify(guard, there, false).cls;
			if (was != BR_GUARD_PLAIN && was != BR_GUARD_WATCHED && is != was)
				fail_msg("%s: class %d, but %d as %s", here, was, is, there);
		}
	}
}

static void
test_bad_pattern(void **state)
{
	struct br_pol_writer w = {0};
	br_auto_buf file = {0};
	struct br_policy p;
	struct br_err e = BR_ERR_INIT;
	add(&w, BR_POL_PROTECT, 0, "a[b", "/p/brattice.yaml:12");
	assert_int_equal(br_pol_seal(&w, &file), 0);
	assert_int_equal(br_pol_parse(file.p, file.len, &p, &e), 0);
	assert_null(br_guard_new(&p, &e));
	assert_non_null(strstr(e.msg, "/p/brattice.yaml:12"));
	br_pol_free(&p);
}

static void
test_table(void **state)
{
	for (size_t i = 0; i < br_builtin_paths_n; i++) {
		const struct br_builtin_path *b = &br_builtin_paths[i];
		struct br_err e = BR_ERR_INIT;
		if (br_glob_check(b->pattern, &e) != 0)
			fail_msg("%s", e.msg);
		assert_true(b->what[0] != '\0');
		for (size_t k = 0; k < i; k++)
			if (br_builtin_paths[k].kind == b->kind && br_streq(br_builtin_paths[k].pattern, b->pattern))
				fail_msg("\"%s\" stands twice", b->pattern);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_git_files),
	    cmocka_unit_test(test_rules),
	    cmocka_unit_test(test_hidden),
	    cmocka_unit_test(test_trees),
	    cmocka_unit_test(test_in_git),
	    cmocka_unit_test(test_like_plain_walk),
	    cmocka_unit_test(test_tree_keeps_classes),
	    cmocka_unit_test(test_bad_pattern),
	    cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests_name("guard", tests, set_up, tear_down);
}
