/* The handoff check: each kind of finding, with the harmless neighbour that must not be one. */
#include "review_tree.h"

#include "session/review/handoff.h"

struct world {
	struct tree tree;
	struct br_policy policy;
	struct br_guard *guard;
	struct br_handoff_ctx ctx;
	struct br_handoff h;
};

static void
policy_of(struct br_policy *p)
{
	struct br_pol_writer w = {0};
	struct br_buf out = {0};
	struct br_err e = BR_ERR_INIT;
	br_pol_add(&w, BR_POL_PROTECT, BR_POLF_DEFAULT, 0, ".envrc", "", 0, "built-in");
	br_pol_add(&w, BR_POL_WATCH, BR_POLF_DEFAULT, 0, "special.txt", "", 0, "built-in");
	assert_int_equal(br_pol_seal(&w, &out), 0);
	assert_int_equal(br_pol_parse(out.p, out.len, p, &e), 0);
	br_buf_free(&out);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct br_err e = BR_ERR_INIT;
	assert_non_null(w);
	tree_make(&w->tree);
	policy_of(&w->policy);
	w->guard = br_guard_new(&w->policy, &e);
	assert_non_null(w->guard);
	w->ctx = (struct br_handoff_ctx){
	    .now = {.upper = -1, .lower = w->tree.fd}, .before = -1, .project = w->tree.dir, .guard = w->guard};
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	br_handoff_free(&w->h);
	br_guard_free(w->guard);
	br_pol_free(&w->policy);
	tree_remove(&w->tree);
	free(w);
	return 0;
}

/* Looks at one name; the worst level found, and the kinds as one string. */
static int
look(struct world *w, const char *rel, char kinds[256])
{
	br_handoff_free(&w->h);
	br_handoff_look(&w->h, &w->ctx, rel);
	kinds[0] = '\0';
	for (size_t i = 0; i < w->h.n; i++) {
		size_t at = strlen(kinds);
		(void)snprintf(kinds + at, 256 - at, "%s ", w->h.items[i].kind);
	}
	return br_handoff_worst(&w->h);
}

static int
look_at(struct world *w, const char *rel, const char *text, mode_t mode, char kinds[256])
{
	tree_put(&w->tree, rel, text, mode);
	return look(w, rel, kinds);
}

static void
test_names(void **state)
{
	static const struct {
		const char *rel, *text;
		mode_t mode;
		int level;
		const char *kind;
	} cases[] = {
	    {"src/a.c", "int main(void);\n", 0644, -1, ""},
	    {"README.md", "hello\n", 0644, -1, ""},
	    {"run.sh", "#!/bin/sh\n", 0755, BR_HANDOFF_NOTE, "executable "},
	    {"notes", "#!/bin/sh\n", 0644, BR_HANDOFF_NOTE, "executable "},
	    {"suid", "x", 04755, BR_HANDOFF_BLOCK, "setuid executable "},
	    {"sgid", "x", 02644, BR_HANDOFF_BLOCK, "setuid "},
	    {".envrc", "export A=1\n", 0644, BR_HANDOFF_BLOCK, "shell-env guarded "},
	    {"special.txt", "x\n", 0644, BR_HANDOFF_WARN, "watched "},
	    {"Makefile", "all:\n", 0644, BR_HANDOFF_NOTE, "build "},
	    {"sub/CMakeLists.txt", "project(x)\n", 0644, BR_HANDOFF_NOTE, "build "},
	    {"node_modules/x/Makefile", "all:\n", 0644, BR_HANDOFF_NOTE, "dependency "},
	    {".github/workflows/ci.yml", "    - run: make\n    - name: x\n", 0644, BR_HANDOFF_WARN, "ci ci-step "},
	    {".pre-commit-config.yaml", "repos: []\n", 0644, BR_HANDOFF_WARN, "git-hook-manager "},
	    {"pkg/.vscode/tasks.json", "{}\n", 0644, BR_HANDOFF_WARN, "editor "},
	    {".gitattributes", "*.c filter=x\n*.d text\n", 0644, BR_HANDOFF_WARN, "git-attributes "},
	    {".gitattributes", "*.c text eol=lf\n", 0644, -1, ""},
	    {".gitmodules", "[submodule \"a\"]\n\tpath = a\n", 0644, -1, ""},
	    {".gitmodules", "\turl = https://h/x\n", 0644, BR_HANDOFF_WARN, "submodule "},
	    {".gitmodules", "\turl = ext::sh -c id\n", 0644, BR_HANDOFF_BLOCK, "submodule "},
	    {".gitmodules", "\tupdate = !id\n", 0644, BR_HANDOFF_BLOCK, "submodule "},
	    {"x.pth", "import os; os.system('id')\n", 0644, BR_HANDOFF_WARN, "python-startup "},
	    {"x.pth", "../lib\n", 0644, -1, ""},
	    {"lib/sitecustomize.py", "1\n", 0644, BR_HANDOFF_WARN, "python-startup "},
	    {"sub/.git/hooks/pre-commit", "#!/bin/sh\n", 0755, BR_HANDOFF_BLOCK, "executable git-hook "},
	    {"sub/.git/hooks/pre-commit.sample", "#!/bin/sh\n", 0755, -1, ""},
	    {"w/.git", "gitdir: ../.git/worktrees/w\n", 0644, BR_HANDOFF_NOTE, "git-link "},
	    {"w/.git", "gitdir: ../../.git/worktrees/w\n", 0644, BR_HANDOFF_BLOCK, "git-link "},
	    {"w/.git", "gitdir: ../evil\n", 0644, BR_HANDOFF_BLOCK, "git-link "},
	    {"w/.git", "gitdir: /tmp/x/.git/worktrees/w\n", 0644, BR_HANDOFF_BLOCK, "git-link "},
	};
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		char kinds[256];
		int level = look_at(*state, cases[i].rel, cases[i].text, cases[i].mode, kinds);
		if (level != cases[i].level || !br_streq(kinds, cases[i].kind))
			fail_msg("%s: level %d (wanted %d), kinds \"%s\" (wanted \"%s\")", cases[i].rel, level, cases[i].level,
			    kinds, cases[i].kind);
		struct world *w = *state;
		assert_int_equal(unlinkat(w->tree.fd, cases[i].rel, 0), 0);
	}
}

static void
test_symlinks(void **state)
{
	struct world *w = *state;
	char inside[128], kinds[256];
	(void)snprintf(inside, sizeof(inside), "%s/a/b", w->tree.dir);
	tree_put(&w->tree, "a/b", "x", 0644);
	const struct {
		const char *target;
		int level;
	} cases[] = {
	    {"b", -1},
	    {"nowhere", -1},
	    {"../a/b", -1},
	    {inside, -1},
	    {"../../x", BR_HANDOFF_BLOCK},
	    {"/etc/passwd", BR_HANDOFF_BLOCK},
	    {"/usr/bin/env", BR_HANDOFF_NOTE},
	    {"/usr/../etc/passwd", BR_HANDOFF_BLOCK},
	    {"out/../../etc", -1},
	    {"out/../../../etc", BR_HANDOFF_BLOCK},
	    {"up/..", BR_HANDOFF_BLOCK},
	    {"l", BR_HANDOFF_NOTE},
	};
	/* `up` leads to the root of the tree, so `up/..` is outside though by its letters it is not. */
	assert_int_equal(symlinkat("..", w->tree.fd, "a/up"), 0);
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		assert_int_equal(symlinkat(cases[i].target, w->tree.fd, "a/l"), 0);
		int level = look(w, "a/l", kinds);
		if (level != cases[i].level)
			fail_msg("%s: level %d, wanted %d (%s)", cases[i].target, level, cases[i].level, kinds);
		assert_int_equal(unlinkat(w->tree.fd, "a/l", 0), 0);
	}
}

static void
test_package(void **state)
{
	struct world *w = *state;
	char kinds[256];
	assert_int_equal(
	    look_at(w, "package.json", "{\"scripts\":{\"postinstall\":\"curl x\",\"test\":\"jest\"}}", 0644, kinds),
	    BR_HANDOFF_WARN);
	assert_string_equal(kinds, "lifecycle-script script ");
	assert_non_null(strstr(w->h.items[0].what, "`curl x`"));
	assert_int_equal(look_at(w, "package.json", "{\"name\":\"x\"}", 0644, kinds), -1);
	assert_int_equal(look_at(w, "package.json", "{\"scripts\":", 0644, kinds), BR_HANDOFF_WARN);
	assert_int_equal(
	    look_at(w, "node_modules/x/package.json", "{\"scripts\":{\"install\":\"gyp\"}}", 0644, kinds), BR_HANDOFF_NOTE);
}

/* With the former content at hand, only what is new is listed. */
static void
test_before(void **state)
{
	struct world *w = *state;
	struct tree old;
	char kinds[256];
	tree_make(&old);
	tree_put(&old, "package.json", "{\"scripts\":{\"postinstall\":\"a\"}}", 0644);
	w->ctx.before = old.fd;
	assert_int_equal(look_at(w, "package.json", "{\"scripts\":{\"postinstall\":\"a\"}, \"x\":1}", 0644, kinds), -1);
	assert_int_equal(look_at(w, "package.json", "{\"scripts\":{\"postinstall\":\"b\"}}", 0644, kinds), BR_HANDOFF_WARN);
	w->ctx.before = -1;
	tree_remove(&old);
}

static void
test_secrets(void **state)
{
	struct world *w = *state;
	static const char token[] = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
	char text[256], kinds[256];
	(void)snprintf(text, sizeof(text), "a\nb = \"%s\"\n", token);
	assert_int_equal(look_at(w, "conf.py", text, 0644, kinds), BR_HANDOFF_WARN);
	assert_string_equal(kinds, "secret ");
	struct br_buf out = {0};
	br_handoff_print(&w->h, &out, false, false);
	assert_non_null(strstr(out.p, "line 2"));
	assert_null(strstr(out.p, "0123456789abc"));
	br_buf_free(&out);
	/* Built here so that scanners of this repository don't take it for one. */
	(void)snprintf(
	    text, sizeof(text), "-----BEGIN %s KEY-----\nMC4CAQAwBQYDK2VwBCIEIDl3h2ZfZ0Z5bW1lcg==\n-----END\n", "PRIVATE");
	assert_int_equal(look_at(w, "k.txt", text, 0600, kinds), BR_HANDOFF_WARN);
	assert_int_equal(look_at(w, "doc.md", "tokens start with ghp_ and keys with AKIA\n", 0644, kinds), -1);
}

static void
test_bare_repository(void **state)
{
	struct world *w = *state;
	char kinds[256];
	tree_put(&w->tree, "d/HEAD", "ref: refs/heads/main\n", 0644);
	assert_int_equal(look(w, "d/HEAD", kinds), -1);
	tree_put(&w->tree, "d/objects/x", "", 0644);
	tree_put(&w->tree, "d/refs/x", "", 0644);
	assert_int_equal(look(w, "d/HEAD", kinds), BR_HANDOFF_WARN);
	tree_put(&w->tree, "d/config", "[core]\n\tfsmonitor = ./evil\n", 0644);
	assert_int_equal(look(w, "d/config", kinds), BR_HANDOFF_BLOCK);
	assert_int_equal(look(w, "d/HEAD", kinds), BR_HANDOFF_BLOCK);
	assert_int_equal(look(w, "d/refs", kinds), BR_HANDOFF_BLOCK);
}

/* `git clone . sub` writes the project's own path; a clone from elsewhere on the machine is another thing. */
static void
test_git_config(void **state)
{
	struct world *w = *state;
	char text[256], kinds[256];
	(void)snprintf(text, sizeof(text), "[remote \"origin\"]\n\turl = %s/.\n", w->tree.dir);
	struct br_strv touched = {0};
	assert_int_equal(br_strv_add(&touched, "sub/.git", 8), 0);
	w->ctx.touched = &touched;
	assert_int_equal(look_at(w, "sub/.git/config", text, 0644, kinds), -1);
	(void)snprintf(text, sizeof(text), "[remote \"origin\"]\n\turl = %s-evil/.\n", w->tree.dir);
	assert_int_equal(look_at(w, "sub/.git/config", text, 0644, kinds), BR_HANDOFF_BLOCK);
	assert_int_equal(look_at(w, "sub/.git/config", "[core]\n\tfsmonitor = ./x\n", 0644, kinds), BR_HANDOFF_BLOCK);
	/* Of a repository that was there before, and whose former content nobody kept, it is only a note. */
	assert_int_equal(look_at(w, ".git/config", "[core]\n\tfsmonitor = ./x\n", 0644, kinds), BR_HANDOFF_NOTE);
	w->ctx.touched = NULL;
	br_strv_free(&touched);
}

static void
test_special_files(void **state)
{
	struct world *w = *state;
	char kinds[256];
	assert_int_equal(mkfifoat(w->tree.fd, "f", 0600), 0);
	assert_int_equal(look(w, "f", kinds), BR_HANDOFF_WARN);
	assert_string_equal(kinds, "fifo ");
	assert_int_equal(look(w, "gone", kinds), -1);
}

static void
test_print_folds_and_escapes(void **state)
{
	struct world *w = *state;
	char rel[64];
	for (int i = 0; i < 100; i++) {
		(void)snprintf(rel, sizeof(rel), "bin/tool-%d", i);
		br_handoff_add(&w->h, BR_HANDOFF_NOTE, "executable", rel, "new executable");
	}
	br_handoff_add(&w->h, BR_HANDOFF_BLOCK, "setuid", "a\033[2Jb\nc", "x");
	br_handoff_add(&w->h, BR_HANDOFF_BLOCK, "setuid", "a\033[2Jb\nc", "x");
	struct br_buf out = {0};
	br_handoff_print(&w->h, &out, false, false);
	assert_true(br_startswith(out.p, "  block a\\x1b[2Jb\\x0ac: x\n  note "));
	assert_non_null(strstr(out.p, "95 more"));
	assert_null(strchr(out.p, '\033'));
	br_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_symlinks, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_package, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_before, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bare_repository, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_git_config, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_special_files, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_print_folds_and_escapes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
