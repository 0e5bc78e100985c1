/* The byte buffer, and its two ways to write text that others made. */
#include "base/buf.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
test_grow(void **state)
{
	br_auto_buf b = {0};
	for (int i = 0; i < 1000; i++) {
		br_buf_printf(&b, "%04d", i);
		br_buf_putc(&b, ' ');
	}
	assert_int_equal(b.len, 5000);
	assert_memory_equal(b.p + 4990, "0998 0999 ", 11); /* and the NUL */
	br_buf_consume(&b, 4995);
	assert_string_equal(b.p, "0999 ");
	br_buf_consume(&b, 99);
	assert_int_equal(b.len, 0);
	br_buf_puts(&b, "x");
	br_buf_reset(&b);
	assert_string_equal(b.p, "");
	br_buf_printf(&b, "%300d", 7);
	assert_int_equal(b.len, 300);
	assert_false(b.failed);
	assert_null(br_buf_room(&b, SIZE_MAX - 100)); /* the sum overflows */
	assert_true(b.failed);
	br_buf_puts(&b, "more");
	assert_int_equal(b.len, 300);
}

static void
test_visible(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		bool newlines;
		const char *out;
	} v[] = {{"plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7", 17, false, "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7"},
	    {"a\nb\tc", 5, false, "a\\x0ab\\x09c"}, {"a\nb\tc", 5, true, "a\nb\tc"},
	    {"\x1b[31m\x7f", 6, true, "\\x1b[31m\\x7f"}, {"\0", 1, false, "\\x00"}, {"\r", 1, true, "\\x0d"},
	    {"\xc2\x9b\x31m", 4, false, "\\x9b1m"}, {"\xff\xc3", 2, false, "\\xff\\xc3"}, {"\xc0\xaf", 2, false, "\\xc0\\xaf"},
	    {"\xed\xa0\x80", 3, false, "\\xed\\xa0\\x80"}, {"\xe2\x80\xae", 3, false, "\\u{202e}"},
	    {"\xe2\x80\x8b\xef\xbb\xbf\xd8\x9c", 8, false, "\\u{200b}\\u{feff}\\u{061c}"},
	    {"\xe2\x81\xa6", 3, false, "\\u{2066}"}, {"\xf3\xa0\x81\x81", 4, false, "\\u{e0041}"}, {"", 0, false, ""}};
	for (size_t i = 0; i < BR_ARRAY_LEN(v); i++) {
		br_auto_buf b = {0};
		br_buf_put_visible(&b, v[i].in, v[i].n, v[i].newlines);
		assert_string_equal(b.p != NULL ? b.p : "", v[i].out);
	}
}

/* Whatever the bytes, nothing that acts on a terminal comes out, and the result is UTF-8. */
static void
test_visible_is_safe(void **state)
{
	uint32_t seed = 99;
	for (int round = 0; round < 2000; round++) {
		char in[32];
		for (size_t i = 0; i < sizeof(in); i++) {
			seed = seed * 1664525U + 1013904223U;
			in[i] = (char)(seed >> 24);
		}
		br_auto_buf b = {0};
		br_buf_put_visible(&b, in, sizeof(in), false);
		for (size_t at = 0; at < b.len;) {
			uint32_t c;
			size_t w = br_utf8_decode(b.p + at, b.len - at, &c);
			assert_true(w > 0);
			assert_true(c >= 0x20 && c != 0x7f && (c < 0x80 || c >= 0xa0));
			assert_false(c >= 0x200b && c <= 0x200f);
			at += w;
		}
	}
}

static void
test_json(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *out;
	} v[] = {{"a\"b\\c", 5, "\"a\\\"b\\\\c\""}, {"\n\t\r\0\x1b\x7f", 6, "\"\\n\\t\\u000d\\u0000\\u001b\\u007f\""},
	    {"\xc3\xa9", 2, "\"\xc3\xa9\""},
	    {"\xff"
	     "a",
		2,
		"\"\xef\xbf\xbd"
		"a\""},
	    {"\xe2\x80\xae", 3, "\"\\u202e\""}, {"\xf3\xa0\x81\x81", 4, "\"\\udb40\\udc41\""}, {"", 0, "\"\""},
	    {"</script>", 9, "\"</script>\""}};
	for (size_t i = 0; i < BR_ARRAY_LEN(v); i++) {
		br_auto_buf b = {0};
		br_buf_put_json(&b, v[i].in, v[i].n);
		assert_string_equal(b.p, v[i].out);
	}
}

/* What the lines of our own files are made of: written and read back, also when somebody else wrote them. */
static void
test_fields(void **state)
{
	br_auto_buf b = {0};
	br_buf_put_field(&b, "a\nb\\n");
	assert_string_equal(b.p, "a\\nb\\\\n");
	char out[8];
	assert_true(br_unescape_to(b.p, b.len, out, sizeof(out)));
	assert_string_equal(out, "a\nb\\n");
	assert_true(br_unescape_to(b.p, b.len, out, 6));
	assert_false(br_unescape_to(b.p, b.len, out, 5)); /* no room for the NUL */
	assert_true(br_unescape_to("", 0, out, 1));
	assert_false(br_unescape_to("", 0, out, 0));
	assert_false(br_unescape_to("a\0b", 3, out, sizeof(out)));
	assert_false(br_unescape_to("a\\", 2, out, sizeof(out)));
	assert_false(br_unescape_to("\\t", 2, out, sizeof(out)));
	assert_true(br_unescape(b.p));
	assert_string_equal(b.p, "a\nb\\n");
	char line[] = "one  three\n", *rest = line;
	assert_string_equal(br_field_next(&rest), "one");
	assert_string_equal(br_field_next(&rest), "");
	assert_null(br_field_next(&rest));
	assert_string_equal(rest, "three\n");
	rest = NULL;
	assert_null(br_field_next(&rest));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_grow),
	    cmocka_unit_test(test_visible),
	    cmocka_unit_test(test_visible_is_safe),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_fields),
	};
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
