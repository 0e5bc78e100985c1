/* The key that detaches, in every form a terminal may send it. */
#include "session/attach.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int byte; /* -1: refused */
	} cases[] = {{"ctrl-]", 0x1d}, {"^]", 0x1d}, {"C-]", 0x1d}, {"Ctrl-q", 0x11}, {"ctrl-Q", 0x11}, {"^\\", 0x1c}, {"^_", 0x1f}, {"none", 0},
	    {"ctrl-c", -1}, {"^D", -1}, {"^M", -1}, {"^I", -1}, {"^J", -1}, {"^[", -1}, {"^@", -1}, {"q", -1}, {"", -1}, {"ctrl-", -1}, {"ctrl-qq", -1},
	    {"alt-q", -1}, {"^1", -1}};
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		struct br_detach_key k = {.byte = 0xff};
		struct br_err e = BR_ERR_INIT;
		assert_int_equal(br_detach_key_parse(cases[i].text, &k, &e), cases[i].byte < 0 ? -1 : 0);
		if (cases[i].byte >= 0)
			assert_int_equal(k.byte, cases[i].byte);
	}
}

static void
test_find(void **state)
{
	(void)state;
	static const struct {
		unsigned char byte;
		const char *typed;
		ssize_t at;
	} cases[] = {{0x1d, "abc", -1}, {0x1d, "ab\x1d" "c", 2}, {0x1d, "\x1d", 0}, {0x1d, "a\033[93;5u", 1}, {0x1d, "\033[93;5:1u", 0}, {0x1d, "x\033[27;5;93~", 1},
	    {0x1d, "\033[93;5:3u", -1}, {0x1d, "\033[93u", -1}, {0x1d, "\033[113;5u", -1}, {0x11, "\033[113;5u", 0}, {0x11, "\021", 0}, {0, "\x1d\033[93;5u", -1},
	    {0x1d, "a\033[93;5u\x1d", 1}};
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		const struct br_detach_key k = {.byte = cases[i].byte};
		assert_int_equal(br_detach_key_find(&k, cases[i].typed, strlen(cases[i].typed)), cases[i].at);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_find),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
