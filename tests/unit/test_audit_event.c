/* Events: what a line looks like, and that any bytes come back from it (jq reads it, not we). */
#include "scratch.h"

#include "audit/event.h"

static void
test_classes(void **state)
{
	assert_string_equal(br_event_type_name(BR_EV_EXEC_FAILED), "exec-failed");
	assert_string_equal(br_event_type_name(BR_EV_TYPES), "unknown");
	for (unsigned t = 0; t < BR_EV_TYPES; t++)
		assert_string_not_equal(br_event_type_name((enum br_event_type)t), "unknown");
	assert_int_equal(br_event_class_of(BR_EV_PATH), BR_CLASS_A);
	assert_int_equal(br_event_class_of(BR_EV_EXEC), BR_CLASS_B);
	assert_int_equal(br_event_class_of(BR_EV_TERMINAL), BR_CLASS_C);
}

/* docs/events.md and the code name the same types with the same numbers and classes. */
static void
test_documented(void **state)
{
	br_auto_buf doc = {0};
	assert_int_equal(br_read_file(AT_FDCWD, DOCS_DIR "/events.md", &doc, 1 << 20), 0);
	for (unsigned t = 0; t < BR_EV_TYPES; t++) {
		char row[64];
		(void)snprintf(row, sizeof(row), "\n| %u | `%s` | %c |", t, br_event_type_name((enum br_event_type)t),
		    'A' + (int)br_event_class_of((enum br_event_type)t));
		if (strstr(doc.p, row) == NULL)
			fail_msg("docs/events.md has no row%s", row);
	}
}

static void
build(struct br_event *ev)
{
	static char a[] = "a \"b\"", b[] = "line\nbreak", c[] = "bad \xff\xfe utf-8";
	char *const argv[] = {a, b, c, NULL};
	br_event_begin(ev, BR_EV_EXEC);
	br_event_str(ev, "program", "/bin/true");
	br_event_int(ev, "exec", -7);
	br_event_bool(ev, "tty", true);
	br_event_seconds(ev, "wall_s", 61000001);
	br_event_strv(ev, "argv", argv);
	br_event_open(ev, "script", '{');
	br_event_strn(ev, "path", "\xff\0x", 3);
	br_event_bool(ev, "writable", false);
	br_event_close(ev, '}');
	br_event_open(ev, "none", '[');
	br_event_close(ev, ']');
	assert_int_equal(br_event_finish(ev), 0);
}

static void
test_line(void **state)
{
	struct br_event ev = {0};
	build(&ev);
	assert_null(memchr(ev.line.p, '\n', ev.line.len));
	put_file("line", ev.line.p, ev.line.len);
	sh("jq -e '.type == \"exec\" and .program == \"/bin/true\" and .exec == -7 and .tty == true and .wall_s == 61.000001' line >out");
	sh("jq -e '.argv[0] == \"a \\\"b\\\"\" and .argv[1] == \"line\\nbreak\" and (.argv|length) == 3 and .none == []' line >out");
	sh("test \"$(jq -r '.argv[2].base64' line)\" = \"$(printf 'bad \\377\\376 utf-8' | base64)\"");
	sh("test \"$(jq -r '.script.path.base64' line)\" = \"$(printf '\\377\\000x' | base64)\"");
	sh("jq -e '.script.writable == false and (.t > 1600000000) and (.m > 0)' line >out");
	/* Readers that look for the time at its place find it. */
	assert_memory_equal(ev.line.p, "{\"t\":", 5);
	br_event_free(&ev);
}

/* Every byte, in every position of a base64 group. */
static void
test_all_bytes(void **state)
{
	char bytes[256];
	struct br_event ev = {0};
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	for (size_t n = 253; n <= sizeof(bytes); n++) {
		br_event_begin(&ev, BR_EV_NOTE);
		br_event_strn(&ev, "text", bytes, n);
		assert_int_equal(br_event_finish(&ev), 0);
		put_file("line", ev.line.p, ev.line.len);
		put_file("bytes", bytes, n);
		sh("jq -r .text.base64 line | base64 -d | cmp - bytes");
	}
	/* All that is ASCII stays a string. */
	br_event_begin(&ev, BR_EV_NOTE);
	br_event_strn(&ev, "text", bytes, 128);
	assert_int_equal(br_event_finish(&ev), 0);
	put_file("line", ev.line.p, ev.line.len);
	put_file("bytes", bytes, 128);
	sh("jq -j .text line | cmp - bytes");
	br_event_free(&ev);
}

/* The memory is used again, and a denial isn't inherited. */
static void
test_again(void **state)
{
	struct br_event ev = {0};
	br_event_begin(&ev, BR_EV_PATH);
	br_event_denied(&ev);
	assert_int_equal(br_event_finish(&ev), 0);
	assert_true(ev.denied);
	assert_non_null(strstr(ev.line.p, "\"denied\":true"));
	const char *p = ev.line.p;
	build(&ev);
	assert_false(ev.denied);
	build(&ev);
	assert_true(ev.line.p != NULL && p != NULL);
	assert_null(strstr(ev.line.p, "\"path\":\"path\""));
	br_event_free(&ev);
}

/* As in /proc/PID/cmdline; what looks like a secret is only there as a hash, that of sha256sum. */
static void
test_argv(void **state)
{
	static const char argv[] = "curl\0--token\0hunter2\0--header=PRIVATE-TOKEN: \377x\0\0last\377";
	static const unsigned char salt[32] = "ssssssssssssssssssssssssssssssss";
	struct br_event ev = {0};
	br_event_begin(&ev, BR_EV_EXEC);
	br_event_argv(&ev, "argv", argv, sizeof(argv) - 1, salt);
	br_event_argv(&ev, "none", "", 0, salt);
	assert_int_equal(br_event_finish(&ev), 0);
	put_file("line", ev.line.p, ev.line.len);
	sh("jq -e '.argv[0] == \"curl\" and .argv[1] == \"--token\" and .argv[4] == \"\" and (.argv|length) == 6 and .none == []' line >out");
	sh("test \"$(jq -r '.argv[2].h' line)\" = \"$(printf 'sssssssssssssssssssssssssssssssshunter2' | sha256sum | cut -c1-64)\"");
	sh("test \"$(jq -r '.argv[3][0]' line)\" = '--header=PRIVATE-TOKEN: '");
	sh("test \"$(jq -r '.argv[3][1].h' line)\" = \"$(printf 'ssssssssssssssssssssssssssssssss\\377x' | sha256sum | cut -c1-64)\"");
	sh("test \"$(jq -r '.argv[5].base64' line)\" = \"$(printf 'last\\377' | base64)\"");
	sh("! grep -q hunter2 line");
	br_event_free(&ev);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_classes),
	    cmocka_unit_test(test_documented),
	    cmocka_unit_test(test_line),
	    cmocka_unit_test(test_all_bytes),
	    cmocka_unit_test(test_again),
	    cmocka_unit_test(test_argv),
	};
	return cmocka_run_group_tests_name("audit_event", tests, enter_scratch, leave_scratch);
}
