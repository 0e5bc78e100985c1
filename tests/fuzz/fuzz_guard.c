/* Input: a directory, NUL, a path below it. With the built-in rules and a user's. */
#include "fuzz.h"

#include "policy/builtin.h"
#include "policy/guard.h"

static struct br_guard *
make_guard(void)
{
	static struct br_policy policy;
	struct br_pol_writer w = {0};
	br_auto_buf file = {0};
	br_builtin_add(&w);
	br_pol_add(&w, BR_POL_PROTECT, 0, 0, "infra/**", "", 0, "x:1");
	br_pol_add(&w, BR_POL_PROTECT, 0, 0, "lib/*/a.h", "", 0, "x:2");
	br_pol_add(&w, BR_POL_PROTECT, 0, 0, "**/p/q", "", 0, "x:3");
	br_pol_add(&w, BR_POL_PROTECT, 0, 0, "r?s*", "", 0, "x:4");
	br_pol_add(&w, BR_POL_PROTECT, 0, 0, "a/**/z", "", 0, "x:5");
	MUST(br_pol_seal(&w, &file) == 0 && br_pol_parse(file.p, file.len, &policy, NULL) == 0);
	struct br_guard *g = br_guard_new(&policy, NULL);
	MUST(g != NULL && br_guard_add_repo(g, "sub/repo") == 0 && br_guard_add_hidden(g, "k/h*") == 0);
	return g;
}

static bool
is_normal(const char *path)
{
	for (const char *p = path;; p++) {
		size_t n = strcspn(p, "/");
		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '\0')
			return true;
	}
}

static bool
is_guarded(enum br_guard_class c)
{
	return c != BR_GUARD_PLAIN && c != BR_GUARD_WATCHED && c != BR_GUARD_HIDDEN;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct br_guard *g;
	if (g == NULL)
		g = make_guard();
	if (n > 300)
		return 0;
	br_auto_free char *dir = take_string(&data, &n);
	br_auto_free char *below = take_string(&data, &n);
	if (!is_normal(dir) || !is_normal(below))
		return 0;
	char here[1024], there[1024];
	(void)snprintf(here, sizeof(here), "%s/%s", dir, below);
	(void)snprintf(there, sizeof(there), "elsewhere/y/%s", below);
	enum br_guard_class was = br_guard_classify(g, here, false).cls, tree = br_guard_classify_tree(g, dir).cls;
	(void)br_guard_hidden(g, here, true);
	/* A directory that may be renamed takes nothing with it that loses its guard, nor brings anything that would be guarded
	 * here. */
	if (!is_guarded(tree) && tree != BR_GUARD_HIDDEN)
		MUST(is_guarded(was) == is_guarded(br_guard_classify(g, there, false).cls));
	/* Upper case is the same name to some file systems. */
	for (char *p = here; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	if (strstr(here, ".SAMPLE") == NULL)
		MUST(!is_guarded(was) || is_guarded(br_guard_classify(g, here, false).cls) ||
		     br_guard_classify(g, here, false).cls == BR_GUARD_HIDDEN);
	return 0;
}
