/* Conditions of includeIf: every pattern of a table against git itself, for repositories at several places. */
#include "scratch.h"

#include "policy/gitconfig_include.h"

#include <limits.h>

/* %s stands for the scratch directory, which is also the home. */
static const char *const patterns[] = {"~/", "~/work/", "~/work", "~/work/*/", "~/work/**", "~/work/app", "~/work/app/", "~/work/app/.git",
    "~/wor?/", "~/w*k/", "~/*/app/.git", "~/*/.git", "~/**/.git", "~/**/app/", "~/WORK/", "./", "./work/", "./work/app/.git", "./wor[k]/", "./app/",
    "work/", "app/", "app", "app/.git", ".git", "**/app/", "**/work/**", "**/work/**/.git", "deep/", "work/deep/", "work/**/app/", "*/", "*", "**",
    "**/", "/", "/**", "%s/", "%s/work/", "%s/work", "%s/WORK/APP/", "%s/*/app/.git", "%s/work/app/.git", "%s/work/app/.git/", "/tmp/", "/nowhere/",
    "[w]ork/", "w[!a]rk/", "\\work/", "", "~", "~nobody/", "link/", "~/link/", "./../", "other/", "App/", "APP/.GIT"};
static const char *const repos[] = {"work/app", "work/deep/er/app", "other", "link/app", "bare.git"};

/* What git says of them all in the repository: "t.k3 1" lines. */
static struct br_buf
ask_git(const char *repo)
{
	br_auto_buf b = {0};
	struct br_buf list = {0};
	for (size_t i = 0; i < 2 * BR_ARRAY_LEN(patterns); i++) {
		char name[32], pattern[PATH_MAX];
		const char *p = patterns[i / 2];
		(void)snprintf(pattern, sizeof(pattern), "%s%s", br_startswith(p, "%s") ? scratch_dir : "", p + (br_startswith(p, "%s") ? 2 : 0));
		br_buf_printf(&b, "[includeIf \"gitdir%s:", i % 2 == 1 ? "/i" : "");
		for (const char *c = pattern; *c != '\0'; c++)
			br_buf_printf(&b, "%s%c", *c == '\\' ? "\\" : "", *c);
		br_buf_printf(&b, "\"]\n\tpath = inc/%zu\n", i);
		(void)snprintf(name, sizeof(name), "inc/%zu", i);
		char text[32];
		int n = snprintf(text, sizeof(text), "[t]\n\tk%zu = 1\n", i);
		put_file(name, text, (size_t)n);
	}
	put_file(".gitconfig", b.p, b.len);
	sh("cd %s && env -u GIT_CONFIG_GLOBAL HOME=%s git config --get-regexp '^t\\.' > %s/said || test $? = 1", repo, scratch_dir, scratch_dir);
	list = get_file("said");
	br_buf_puts(&list, "");
	return list;
}

static void
test_like_git(void **state)
{
	size_t held = 0;
	sh("mkdir -p inc work/deep/er other && git init -q work/app && git init -q work/deep/er/app && git init -q other && ln -s work link && "
	   "git init -q --bare bare.git");
	for (size_t r = 0; r < BR_ARRAY_LEN(repos); r++) {
		br_auto_buf said = ask_git(repos[r]);
		char path[PATH_MAX], gitdir[PATH_MAX], also[PATH_MAX];
		(void)snprintf(also, sizeof(also), "%s/%s%s", scratch_dir, repos[r], br_startswith(repos[r], "bare") ? "" : "/.git");
		assert_non_null(realpath(also, gitdir));
		const struct br_gitconfig_place at = {.home = scratch_dir, .dir = scratch_dir, .gitdir = gitdir, .also = also};
		for (size_t i = 0; i < 2 * BR_ARRAY_LEN(patterns); i++) {
			const char *p = patterns[i / 2];
			(void)snprintf(path, sizeof(path), "gitdir%s:%s%s", i % 2 == 1 ? "/i" : "", br_startswith(p, "%s") ? scratch_dir : "",
			    p + (br_startswith(p, "%s") ? 2 : 0));
			char line[32];
			(void)snprintf(line, sizeof(line), "t.k%zu 1\n", i);
			bool git = strstr(said.p, line) != NULL, ours = br_gitconfig_condition(path, &at);
			if (git != ours)
				fail_msg("%s in %s: git %d, ours %d", path, repos[r], git, ours);
			held += ours ? 1 : 0;
		}
	}
	assert_in_range(held, 100, 400); /* the table has both sorts */
}

static void
test_others_never_hold(void **state)
{
	const struct br_gitconfig_place at = {.home = "/h", .dir = "/h", .gitdir = "/h/a/.git"}, none = {.home = "/h", .dir = "/h"};
	char *pattern = malloc((size_t)2 * PATH_MAX);
	assert_non_null(pattern);
	assert_true(br_gitconfig_condition("gitdir:**", &at));
	assert_false(br_gitconfig_condition("gitdir:**", &none));
	static const char *const no[] = {"", "gitdir", "Gitdir:**", "onbranch:**", "onbranch:main", "hasconfig:remote.*.url:**", "gitdir/x:**"};
	for (size_t i = 0; i < BR_ARRAY_LEN(no); i++)
		assert_false(br_gitconfig_condition(no[i], &at));
	memset(pattern, '*', 2 * PATH_MAX - 1);
	memcpy(pattern, "gitdir:", 7);
	pattern[2 * PATH_MAX - 1] = '\0';
	assert_false(br_gitconfig_condition(pattern, &at));
	free(pattern);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_like_git), cmocka_unit_test(test_others_never_hold)};
	return cmocka_run_group_tests_name("gitconfig_include", tests, enter_scratch, leave_scratch);
}
