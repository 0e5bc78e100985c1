/* terminal.cast's lines: whole characters, whatever the reads cut. */
#include "session/recording.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What a line carries, after its time: [0.000001,"o","…"] */
static const char *
told(const struct br_buf *line)
{
	const char *comma = line->len > 0 ? strchr(line->p, ',') : NULL;
	return comma != NULL ? comma + 1 : "";
}

static void
test_header(void **state)
{
	(void)state;
	struct br_recording c = {0};
	br_auto_buf line = {0};
	br_recording_header(&c, &line, 80, 24, "x\"term");
	assert_true(br_startswith(line.p, "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24,\"type\":\"x\\\"term\"},\"timestamp\":"));
	br_recording_header(&c, &line, 1, 2, NULL);
	assert_true(br_startswith(line.p, "{\"version\":3,\"term\":{\"cols\":1,\"rows\":2},\"timestamp\":"));
	br_recording_resize(&c, &line, 100, 40);
	assert_string_equal(told(&line), "\"r\",\"100x40\"]");
}

/* Each character of one to four bytes, cut at every place. */
static void
test_cut(void **state)
{
	(void)state;
	static const char *const chars[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	for (size_t i = 0; i < BR_ARRAY_LEN(chars); i++) {
		size_t n = strlen(chars[i]);
		char whole[32];
		(void)snprintf(whole, sizeof(whole), "\"o\",\"%s\"]", chars[i]);
		for (size_t cut = 0; cut <= n; cut++) {
			struct br_recording c = {0};
			br_auto_buf one = {0}, two = {0};
			br_recording_output(&c, &one, chars[i], cut);
			br_recording_output(&c, &two, chars[i] + cut, n - cut);
			assert_string_equal(told(&one), cut == n ? whole : "");
			assert_string_equal(told(&two), cut == n ? "" : whole);
		}
	}
}

/* Input has a place of its own: what is typed in the middle of a character that is shown changes neither. */
static void
test_two_directions(void **state)
{
	(void)state;
	struct br_recording c = {0};
	br_auto_buf line = {0};
	br_recording_output(&c, &line, "\xe2\x82", 2);
	assert_string_equal(told(&line), "");
	br_recording_input(&c, &line, "y", 1);
	assert_string_equal(told(&line), "\"i\",\"y\"]");
	br_recording_output(&c, &line, "\xac", 1);
	assert_string_equal(told(&line), "\"o\",\"\xe2\x82\xac\"]");
}

/* Bytes that begin no character wait for nothing. */
static void
test_not_utf8(void **state)
{
	(void)state;
	static const char *const cases[][2] = {{"\xff", "\xef\xbf\xbd"}, {"\x80", "\xef\xbf\xbd"}, {"a\x80\x80\x80\x80", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	    {"\xf5", "\xef\xbf\xbd"}, {"\xc3(", "\xef\xbf\xbd("}};
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		struct br_recording c = {0};
		br_auto_buf line = {0};
		char want[64];
		(void)snprintf(want, sizeof(want), "\"o\",\"%s\"]", cases[i][1]);
		br_recording_output(&c, &line, cases[i][0], strlen(cases[i][0]));
		assert_string_equal(told(&line), want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_two_directions),
		cmocka_unit_test(test_not_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
