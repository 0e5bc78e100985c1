/* What one decision of the guard costs, by the number of rules, beside the walk over all of them that it replaces.
 *
 *	guard [BATCHES]    prints, for each policy: nanoseconds of br_guard_classify and of the plain walk */
#include "policy/guard.h"
#include "policy/builtin.h"
#include "policy/glob.h"

#include <time.h>

/* Names such as a build, an install and git create. */
static const char *const paths[] = {"src/components/forms/TextField.tsx",
    "node_modules/.pnpm/react@18.2.0/node_modules/react/cjs/react.production.min.js",
    ".git/objects/3f/8a9c1e5b7d2f4a6c8e0b1d3f5a7c9e1b3d5f7a", ".git/refs/heads/feature/login", ".git/config.lock",
    "target/debug/deps/libserde-0f1e2d3c4b5a.rlib", "README.md", "a/b/c/d/e/f/g/h/i/j/k.c",
    "build/CMakeFiles/app.dir/src/main.c.o", "tests/fixtures/.env.example"};

static double
now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Rules as users write them: directories, files at a place, extensions, names. */
static const struct {
	const char *before; /* the number */
	const char *behind;
} forms[] = {{"team", "/secrets/**"}, {"services/svc", "/config.yaml"}, {"*.ext", ""}, {"generated", ".lock"},
    {"**/deploy", "/prod.yaml"}, {"packages/p", "/dist/"}, {"settings.", ".*"}, {"docs/", "/*.md"}};

static void
add_rules(struct br_pol_writer *w, int n)
{
	static const enum br_pol_kind kinds[] = {BR_POL_WATCH, BR_POL_PROTECT, BR_POL_HIDE};
	for (int i = 0; i < n; i++) {
		char pattern[64];
		size_t form = (size_t)i % BR_ARRAY_LEN(forms);
		(void)snprintf(pattern, sizeof(pattern), "%s%d%s", forms[form].before, i, forms[form].behind);
		br_pol_add(w, kinds[i % 3], 0, 0, pattern, "", 0, "bench:1");
	}
}

/* Returns a number that depends on every answer, so that nothing is optimized away. */
static unsigned
indexed(const struct br_guard *g, int rounds)
{
	unsigned sum = 0;
	for (int r = 0; r < rounds; r++)
		for (size_t i = 0; i < BR_ARRAY_LEN(paths); i++)
			sum += (unsigned)br_guard_classify(g, paths[i], false).cls;
	return sum;
}

static unsigned
plain_walk(const struct br_policy *p, int rounds)
{
	unsigned sum = 0;
	for (int r = 0; r < rounds; r++)
		for (size_t i = 0; i < BR_ARRAY_LEN(paths); i++)
			for (size_t k = 0; k < p->n; k++)
				sum += br_glob_match(p->recs[k].text, paths[i], false, BR_GLOB_ICASE);
	return sum;
}

static void
measure(int rules, int rounds)
{
	struct br_pol_writer w = {0};
	br_auto_buf file = {0};
	struct br_policy p;
	struct br_err e = BR_ERR_INIT;
	struct br_guard *g = NULL;
	br_builtin_add(&w);
	add_rules(&w, rules);
	if (br_pol_seal(&w, &file) != 0 || br_pol_parse(file.p, file.len, &p, &e) != 0 || (g = br_guard_new(&p, &e)) == NULL) {
		br_err_print(&e);
		exit(1);
	}
	/* The best of many short batches: the machine may have other work. */
	const size_t n_paths = BR_ARRAY_LEN(paths);
	unsigned sum = 0;
	double each = 1e18, walk = 1e18;
	for (int i = 0; i < rounds; i++) {
		const int batch = 20;
		double t0 = now_ns();
		sum += indexed(g, batch);
		double t = (now_ns() - t0) / batch / (double)n_paths;
		each = t < each ? t : each;
	}
	for (int i = 0; i < 10; i++) {
		double t0 = now_ns();
		sum += plain_walk(&p, 1);
		double t = (now_ns() - t0) / (double)n_paths;
		walk = t < walk ? t : walk;
	}
	printf("%zu built-in and %5d own rules: %7.0f ns per decision; a walk over all rules %9.0f ns (%.0f times; %u)\n",
	    br_builtin_paths_n, rules, each, walk, walk / each, sum);
	br_guard_free(g);
	br_pol_free(&p);
}

int
main(int argc, char **argv)
{
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 2000;
	static const int sizes[] = {0, 100, 1000, 10000};
	for (size_t i = 0; i < BR_ARRAY_LEN(sizes); i++)
		measure(sizes[i], rounds > 0 && rounds < 10000000 ? (int)rounds : 2000);
	return 0;
}
