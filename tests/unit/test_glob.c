/* The globs against git itself: every pattern of a generated table, over every path of a real tree. */
#include "scratch.h"

#include "policy/glob.h"

enum { PATHS_MAX = 4096 };

struct tree {
	char *path[PATHS_MAX]; /* directories without a trailing '/' */
	bool is_dir[PATHS_MAX];
	size_t n;
};

static const char *const names[] = {"a", "b", "ab", "a.b", ".a", "A", "a b", "[a]", "a*", "b-", "\xc3\xa9", "aXb", "a\\"};

static void
add_path(struct tree *t, const char *dir, const char *name, bool is_dir)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s%s%s", dir, *dir != '\0' ? "/" : "", name);
	assert_true(t->n < PATHS_MAX);
	if (is_dir)
		assert_int_equal(mkdir(path, 0755), 0);
	else
		put_file(path, "", 0);
	t->path[t->n] = strdup(path);
	assert_non_null(t->path[t->n]);
	t->is_dir[t->n++] = is_dir;
}

/* Three levels: at each some names are directories, the rest files. */
static void
grow(struct tree *t, const char *dir, int depth)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++) {
		bool is_dir = depth < 3 && (i + (size_t)depth) % 4 != 3;
		add_path(t, dir, names[i], is_dir);
		if (is_dir && (i % 3 == 0 || depth == 0)) {
			br_auto_free char *below = strdup(t->path[t->n - 1]);
			grow(t, below, depth + 1);
		}
	}
}

/* xorshift: the same table on every run. */
static uint32_t
draw(uint32_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}

static void
make_pattern(uint32_t *seed, char *out, size_t size)
{
	static const char *const parts[] = {"a", "b", "ab", "a.b", ".a", "A", "*", "*", "**", "?", "[ab]", "[!a]", "[^b]",
	    "[a-c]", "[]a]", "[[:alpha:]]", "[[:upper:]b]", "[a\\]]", "[\\[]", "\\a", "\\*", "\\[", "\\\\", ".", "-", " ", "X",
	    "\xc3\xa9", "[A-Z]", "/", "/", "/", "/**/", "**/", "/**", "[!-a]", "[.--]"};
	out[0] = '\0';
	size_t len = 0;
	for (uint32_t k = 1 + draw(seed, 6); k > 0; k--) {
		const char *part = parts[draw(seed, BR_ARRAY_LEN(parts))];
		len += (size_t)snprintf(out + len, size - len, "%s", part);
	}
}

/* What git's ignore rules and ours can't be compared on: comments; trailing blanks, which git strips; and stars glued to a
 * literal name ("a**" + "/b"), where git compares the literal first and then takes the stars for a component of their own,
 * against gitignore(5) ("other consecutive asterisks are considered regular asterisks"). */
static bool
is_comparable(const char *pattern)
{
	for (const char *p = pattern + 1; pattern[0] != '\0' && *p != '\0'; p++) {
		size_t stars = strspn(p, "*");
		if (stars > 1 && p[-1] != '/' && p[-1] != '*' && (p[stars] == '/' || p[stars] == '\0'))
			return false;
	}
	return pattern[0] != '#' && pattern[strlen(pattern) - 1] != ' ' && br_glob_check(pattern, NULL) == 0;
}

static void
compare(const struct tree *t, const char *pattern, bool icase)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s\n", pattern);
	put_file("../ignore", line, (size_t)n);
	sh("git -c core.ignorecase=%s -c core.excludesFile=../ignore check-ignore --no-index -z --stdin < ../paths > "
	   "../ignored || test $? = 1",
	    icase ? "true" : "false");
	br_auto_buf out = get_file("../ignored");
	size_t at = 0;
	for (size_t i = 0; i < t->n; i++) {
		/* The answers come in the order of the questions. */
		bool git = at < out.len && br_streq(out.p + at, t->path[i]);
		at += git ? strlen(t->path[i]) + 1 : 0;
		bool ours = br_glob_match(pattern, t->path[i], t->is_dir[i], icase ? BR_GLOB_ICASE : 0);
		if (git != ours)
			fail_msg("pattern \"%s\"%s, %s \"%s\": git %d, ours %d", pattern, icase ? " (any case)" : "",
			    t->is_dir[i] ? "directory" : "file", t->path[i], git, ours);
	}
	assert_int_equal(at, out.len);
}

/* Where something below a directory matches, the look ahead says so. */
static void
check_look_ahead(const struct tree *t, const char *pattern)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!br_glob_match(pattern, t->path[i], t->is_dir[i], 0))
			continue;
		char dir[256];
		(void)snprintf(dir, sizeof(dir), "%s", t->path[i]);
		for (char *slash; (slash = strrchr(dir, '/')) != NULL;) {
			*slash = '\0';
			if (!br_glob_may_match_below(pattern, dir, 0))
				fail_msg("pattern \"%s\" matches \"%s\", but not below \"%s\"", pattern, t->path[i], dir);
		}
	}
}

static void
test_like_git(void **state)
{
	static const char *const fixed[] = {"a", "a/", "/a", "/a/", "a/b", "a/b/", "a/*", "a/**", "**/a", "**/a/b", "a/**/b",
	    "/**/b", "*", "/*", "*/", "**", "**/", "/**", "*/*", "*/*/", "a/**/", "a*b", "a**b", "a/**b", "**a/b", "a/***/b",
	    "***", "*.b", "?", "??", "[a]", "\\[a\\]", "a\\*", "[[]a]", "[!]a]b", "a\\\\", "[a-]", "b[-x]", "[z-a]", "*a*b*",
	    "a/b/a", "a/*/a", "**/**/a", "a/**/**/b", ".*", "[.]a", "*/**/b", "[[:digit:]]", "[[:alpha:]]", "[[:nonsense:]]",
	    "[[:alpha]", "a b", "\xc3\xa9", "?\xa9", "[\xc3]\xa9"};
	struct tree *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	assert_int_equal(mkdir("tree", 0755), 0);
	assert_int_equal(chdir("tree"), 0);
	sh("git init -q .");
	grow(t, "", 0);
	br_auto_buf paths = {0};
	for (size_t i = 0; i < t->n; i++)
		br_buf_put(&paths, t->path[i], strlen(t->path[i]) + 1);
	put_file("../paths", paths.p, paths.len);
	size_t compared = 0;
	for (size_t i = 0; i < BR_ARRAY_LEN(fixed); i++, compared++)
		if (is_comparable(fixed[i]))
			compare(t, fixed[i], false);
	uint32_t seed = 20260717;
	for (int i = 0; compared < 450; i++) {
		char pattern[128];
		make_pattern(&seed, pattern, sizeof(pattern));
		if (!is_comparable(pattern))
			continue;
		compare(t, pattern, i % 3 == 0);
		check_look_ahead(t, pattern);
		compared++;
	}
	for (size_t i = 0; i < t->n; i++)
		free(t->path[i]);
	free(t);
}

static void
test_root_only(void **state)
{
	assert_true(br_glob_match("a", "x/a", false, 0));
	assert_false(br_glob_match("a", "x/a", false, BR_GLOB_ROOT_ONLY));
	assert_true(br_glob_match("a", "a/x", false, BR_GLOB_ROOT_ONLY));
	assert_true(br_glob_match("*.b", "a.b", false, BR_GLOB_ROOT_ONLY));
	assert_false(br_glob_match("a/", "a", false, BR_GLOB_ROOT_ONLY));
	assert_true(br_glob_match("a/", "a", true, BR_GLOB_ROOT_ONLY));
	assert_true(br_glob_may_match_below("a/b", "a", BR_GLOB_ROOT_ONLY));
	assert_false(br_glob_may_match_below("a", "x", BR_GLOB_ROOT_ONLY));
	assert_true(br_glob_match(".GIT", ".git/x", false, BR_GLOB_ICASE));
	assert_false(br_glob_match(".GIT", ".git/x", false, 0));
}

static void
test_check(void **state)
{
	static const struct {
		const char *pattern;
		const char *says;
	} bad[] = {{"", "empty"}, {"/", "empty"}, {"!a", "leading '!'"}, {"a//b", "byte 3: empty name"}, {"//a", "empty name"},
	    {"a/../b", "byte 3"}, {"./a", "byte 1"}, {"a[b", "byte 2: '[' without ']'"}, {"[]", "without"}, {"[!]", "without"},
	    {"a\\", "byte 2: '\\'"}, {"a\\/b", "'/' cannot be escaped"}, {"[a/]", "'/' inside"},
	    {"[z-a]", "byte 2: the range is empty"}, {"[[:foo:]]", "no such character class"}, {"[a-", "without"},
	    {"[a\\", "without"}};
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++) {
		struct br_err e = BR_ERR_INIT;
		if (br_glob_check(bad[i].pattern, &e) == 0)
			fail_msg("\"%s\" passed", bad[i].pattern);
		if (strstr(e.msg, bad[i].says) == NULL)
			fail_msg("\"%s\": %s", bad[i].pattern, e.msg);
	}
	static const char *const good[] = {"a", "a/", "/a", "**", "a/**/b", "[]]", "[!]]", "[^]a]", "[a-]", "[-a]",
	    "[[:alpha:][:digit:]]", "\\!a", "#", "a b", "*.p[em]", "[\\]]", "[+-9]", "..a", "a..", "..."};
	for (size_t i = 0; i < BR_ARRAY_LEN(good); i++) {
		struct br_err e = BR_ERR_INIT;
		if (br_glob_check(good[i], &e) != 0)
			fail_msg("%s", e.msg);
	}
	char *long_pattern = malloc(5001);
	assert_non_null(long_pattern);
	memset(long_pattern, 'a', 5000);
	long_pattern[5000] = '\0';
	assert_int_equal(br_glob_check(long_pattern, NULL), -1);
	free(long_pattern);
}

/* Patterns on which a backtracking matcher takes ages; the count of steps is bounded, so this returns. */
static void
test_hostile(void **state)
{
	char pattern[1024], path[1024];
	for (size_t i = 0; i < 150; i++)
		memcpy(pattern + i * 6, "**/a*/", 7);
	for (size_t i = 0; i < 500; i++)
		memcpy(path + i * 2, "a/", 3);
	path[999] = '\0';
	assert_true(br_glob_match(pattern, path, true, 0));
	memcpy(pattern + 900, "z", 2);
	assert_false(br_glob_match(pattern, path, true, 0));
	memset(path, 'a', 1000);
	path[1000] = '\0';
	assert_false(br_glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", path, false, 0));
	assert_true(br_glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*", path, false, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_root_only),
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_like_git),
	};
	return cmocka_run_group_tests_name("glob", tests, enter_scratch, leave_scratch);
}
