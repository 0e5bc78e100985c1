/* The table of names in a home: each entry is found by itself, and by what lies below it. */
#include "policy/builtin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void
test_every_entry_is_found(void **state)
{
	for (size_t i = 0; i < br_builtin_home_n; i++) {
		const struct br_builtin_home *h = &br_builtin_home[i];
		char rel[256];
		size_t n = strlen(h->name);
		assert_true(n > 1 && n < 200 && h->name[0] != '/' && strpbrk(h->name, "*?[\\") == NULL && strstr(h->name, "..") == NULL);
		(void)snprintf(rel, sizeof(rel), "%.*s", (int)(n - (h->name[n - 1] == '/')), h->name);
		/* The first that covers it is the entry itself: none is shadowed by another. */
		assert_ptr_equal(br_builtin_home_find(rel), h);
		(void)snprintf(rel + strlen(rel), 16, "/below");
		assert_ptr_equal(br_builtin_home_find(rel), h);
	}
}

static void
test_others_are_not(void **state)
{
	static const char *const no[] = {"", "a", ".bashrc2", ".bash", ".local", ".local/binx", ".config", "src/.bashrc", ".claude/projects/x"};
	for (size_t i = 0; i < BR_ARRAY_LEN(no); i++)
		assert_null(br_builtin_home_find(no[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_entry_is_found), cmocka_unit_test(test_others_are_not)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
