/* Option tables: parsing, suggestions, help. */
#include "base/opt.h"
#include "base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct opts {
	bool json, quiet;
	const char *name;
	struct br_opt_list env;
	int64_t fd, age;
	const char *wall;
};

static const struct br_opt table[] = {
	{"json", 'j', NULL, "one JSON object a line", BR_OPT_FLAG, offsetof(struct opts, json)},
	{"quiet", 'q', NULL, "say nothing", BR_OPT_FLAG, offsetof(struct opts, quiet)},
	{"name", 'n', "NAME", "a name", BR_OPT_STRING, offsetof(struct opts, name)},
	{"env", 0, "NAME[=VALUE]", "sets a variable", BR_OPT_LIST, offsetof(struct opts, env)},
	{"json-events", 0, "FD", "events", BR_OPT_NUMBER, offsetof(struct opts, fd)},
	{"older-than", 0, "AGE", "how old", BR_OPT_DURATION, offsetof(struct opts, age)},
	{"wall", 0, "WALL", "the wall", BR_OPT_STRING, offsetof(struct opts, wall), "auto namespace"},
};
static const struct br_usage stops = {"t", "[OPTION...] COMMAND", "tests", "About.", table, BR_ARRAY_LEN(table), false};
static const struct br_usage mixes = {"t", "[OPTION...] [WORD...]", "tests", "About.", table, BR_ARRAY_LEN(table), true};

#define PARSE(u, o, first, e, ...)                                        \
	({                                                               \
		static char *argv_[] = {(char *)(uintptr_t)"t", __VA_ARGS__}; \
		br_opt_parse(u, (int)BR_ARRAY_LEN(argv_), argv_, o, first, e); \
	})
#define W(s) (char *)(uintptr_t)(s)

static void
test_values(void **state)
{
	(void)state;
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = 0;
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--name=a=b"), W("--env"), W("X=1"), W("--env=Y"), W("-jq"), W("--json-events"),
			     W("7"), W("--older-than=2w"), W("--wall"), W("auto"), W("cmd"), W("--json")),
	    0);
	assert_string_equal(o.name, "a=b");
	assert_int_equal(o.env.n, 2);
	assert_string_equal(o.env.v[0], "X=1");
	assert_string_equal(o.env.v[1], "Y");
	assert_null(o.env.v[2]);
	assert_true(o.json && o.quiet);
	assert_int_equal(o.fd, 7);
	assert_int_equal(o.age, 14 * 86400);
	assert_string_equal(o.wall, "auto");
	assert_int_equal(first, 11);
	br_opt_list_free(&o.env);
}

static void
test_stops(void **state)
{
	(void)state;
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = 0;
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("cmd"), W("--json")), 0);
	assert_int_equal(first, 1);
	assert_false(o.json);
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("-q"), W("--"), W("--json")), 0);
	assert_int_equal(first, 3);
	assert_false(o.json);
	/* A lone dash is an operand; no words at all leave `first` at the end. */
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("-"), W("--json")), 0);
	assert_int_equal(first, 1);
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("-q")), 0);
	assert_int_equal(first, 2);
}

static void
test_interleave(void **state)
{
	(void)state;
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = 0;
	char *argv[] = {W("t"), W("a"), W("--name"), W("n"), W("b"), W("-j"), W("--"), W("--quiet"), W("c")};
	assert_int_equal(br_opt_parse(&mixes, BR_ARRAY_LEN(argv), argv, &o, &first, &e), 0);
	assert_true(o.json);
	assert_false(o.quiet);
	assert_string_equal(o.name, "n");
	assert_int_equal(first, 5);
	assert_string_equal(argv[5], "a");
	assert_string_equal(argv[6], "b");
	assert_string_equal(argv[7], "--quiet");
	assert_string_equal(argv[8], "c");
}

static void
test_errors(void **state)
{
	(void)state;
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = 0;
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--jsno")), -1);
	assert_string_equal(e.msg, "unknown option --jsno");
	assert_non_null(strstr(e.hint, "did you mean --json?"));
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--zzzzzz=3")), -1);
	assert_string_equal(e.msg, "unknown option --zzzzzz");
	assert_null(strstr(e.hint, "did you mean"));
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("-x")), -1);
	assert_string_equal(e.msg, "unknown option -x");
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--json=1")), -1);
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--name")), -1);
	assert_string_equal(e.msg, "option --name needs a value: --name NAME");
	/* A forgotten value must not swallow the next option, nor the "--" before the command. */
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--name"), W("--json")), -1);
	assert_non_null(strstr(e.hint, "--name=--json"));
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--name"), W("--"), W("cmd")), -1);
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--json-events"), W("-1")), -1);
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--json-events"), W("9223372036854775808")), -1);
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--json-events=")), -1);
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--wall"), W("auto namespace")), -1);
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("--wall="), W("x")), -1);
	assert_non_null(strstr(e.hint, "auto namespace"));
	assert_false(o.json);
	assert_null(o.name);
}

static void
test_help(void **state)
{
	(void)state;
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = 0;
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("-j"), W("--help")), 1);
	assert_int_equal(PARSE(&stops, &o, &first, &e, W("-jh")), 1);
	br_auto_buf b = {0};
	br_opt_help(&stops, &b);
	assert_false(b.failed);
	assert_non_null(strstr(b.p, "Usage: brattice t [OPTION...] COMMAND\n"));
	for (size_t i = 0; i < BR_ARRAY_LEN(table); i++)
		assert_non_null(strstr(b.p, table[i].name));
	assert_non_null(strstr(b.p, "  -j, --json              one JSON object a line\n"));
	for (const char *line = b.p; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		assert_in_range(n, 0, 80);
		line += n + 1;
	}
}

static void
test_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t want; /* -1: an error */
	} cases[] = {{"0", 0}, {"90", 90}, {"90s", 90}, {"15m", 900}, {"12h", 43200}, {"30d", 2592000}, {"2w", 1209600}, {"", -1},
	    {"d", -1}, {"-1d", -1}, {"+1", -1}, {"1.5h", -1}, {"1y", -1}, {" 1", -1}, {"9223372036854775807w", -1},
	    {"99999999999999999999999999", -1}};
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		int64_t v = -1;
		struct br_err e = BR_ERR_INIT;
		int rc = br_parse_duration(cases[i].text, &v, &e);
		assert_int_equal(rc, cases[i].want < 0 ? -1 : 0);
		assert_int_equal(v, cases[i].want);
	}
}

static void
test_distance(void **state)
{
	(void)state;
	assert_int_equal(br_edit_distance("", ""), 0);
	assert_int_equal(br_edit_distance("abc", ""), 3);
	assert_int_equal(br_edit_distance("kitten", "sitting"), 3);
	assert_int_equal(br_edit_distance("ab", "ba"), 1);
	assert_int_equal(br_edit_distance("attach", "atach"), 1);
	char longer[80];
	memset(longer, 'a', sizeof(longer) - 1);
	longer[79] = '\0';
	assert_true(br_edit_distance(longer, "a") == SIZE_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_interleave),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_distance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
