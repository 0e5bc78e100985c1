/* The output filter: what passes, what doesn't, cut at every byte; and what is undone at the end. */
#include "session/terminal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SAME NULL

static const struct {
	const char *in;
	const char *out; /* SAME: passes unchanged */
} cases[] = {
	/* Text. */
	{"hello\r\n\ttab\bback\avt\vff\f", SAME},
	{"gr\xc3\xbc\xc3\x9f \xe2\x94\x80\xe2\x94\x82 \xf0\x9f\x98\x80", SAME},
	{"a\x7f" "b\x05" "c\x11\x13" "d\x10" "e\x01\x02\x03", "abcde"},
	/* Colours, cursor, erasing. */
	{"\033[m\033[0m\033[1;31m\033[38;5;208m\033[38:2::1:2:3m\033[4:3m", SAME},
	{"\033[H\033[2J\033[10;20H\033[K\033[3A\033[5B\033[2C\033[D\033[1;24r\033[r\033[5@\033[2L\033[3M\033[4P\033[7X\033[2S\033[3T\033[5b", SAME},
	{"\0337\0338\033D\033E\033M\033H\033=\033>\033(0lqk\033(B\033)0\016x\017\033#8\033c", SAME},
	/* Modes: known ones pass, others are taken out of the list. */
	{"\033[?1049h\033[?25l\033[?1h\033[?2004h\033[?1000;1006h\033[?2026h\033[?2026l\033[?1004h", SAME},
	{"\033[?1049;2;1006h", "\033[?1049;1006h"},
	{"\033[?2l\033[?3h\033[?38h\033[?40h\033[?42h\033[?1001h\033[?99999999999h", ""},
	{"\033[4h\033[4l\033[20h\033[20l", SAME},
	{"\033[2h\033[12l", ""},
	{"\033[?1049s\033[?1049r", SAME},
	/* Keyboard protocols. */
	{"\033[?u\033[>1u\033[<1u\033[>4;2m\033[>4m\033[>4n\033[?4m", SAME},
	{"\033[<5u", ""},
	{"\033[>3u\033[<9u", "\033[>3u\033[<1u"},
	{"\033[=5u", "\033[=5;1u"},
	{"\033[>1;2m\033[>2n", ""},
	/* Queries that programs need. */
	{"\033[c\033[0c\033[>c\033[>0c\033[=c\033[5n\033[6n\033[?6n\033[?996n\033[?2026$p\033[4$p\033[>q\033[>0q", SAME},
	{"\033]11;?\033\\\033]10;?\a\033]4;1;?\033\\", SAME},
	/* Reports and acts on the user. */
	{"\033[21t\033[20t\033[18t\033[14t\033[11t\033[13t\033[8;50;200t\033[3;0;0t\033[1t\033[2t\033[9;1t\033[50t\033[>1t", ""},
	{"\033[?26n\033[?15n\033[?25n\033[7n\033[0n", ""},
	{"\033[1;1;1;1;1;1*y\033[x\033[1x\033[2$w\033[1$u\033[#|\033[#R", ""},
	{"\033[i\033[5i\033[?5i\033[4i", ""},
	{"\033[62;0\"p\033[1;2'z\033['|\033[1;1;10;10;1T\033[80$|\033[30*|\033[2;1y", ""},
	{"\033Z\033n\033l\033m\033|\033}\033~", "\033n"},
	{"\033 G\033%@\033%8", ""},
	{"\033 F\033%G", SAME},
	{"\033]52;c;aGVsbG8=\a\033]52;c;?\a", ""},
	{"\033]50;font\a\033]51;E\a\033]7;file://h/p\a\033]9;hello\a\033]9;7;\"cmd\"\a\033]99;;x\a\033]777;notify;a;b\a\033]133;A\a\033]633;E;rm\a"
	 "\033]1337;File=:QQ==\a\033]3;x=y\a\033]46;f\a\033]22;wait\a\033]l;x\a\033]Lx\033\\\033]\a\033];\a\033]12345;x\a", ""},
	{"\033]9;4;1;50\a\033]9;4;0\a\033]9;4;3\033\\", SAME},
	{"\033]9;4;1;x\a\033]9;4\a", ""},
	/* Strings. */
	{"a\033P$qm\033\\b\033P+q544e\033\\c\033Ptmux;\033\033]52;c;eA==\a\033\\d", "abcd"},
	{"a\033Xsos\033\\b\033^pm\033\\c\033_Gapc\033\\d\033ktitle\033\\e", "abcde"},
	{"a\033Punfinished\033[31mred", "a\033[31mred"},
	{"a\033Pcancelled\030b\033]0;x\032c", "abc"},
	{"a\033Pbell is not the end\ab\033\\c", "ac"},
	/* C1 controls, as UTF-8 and raw. */
	{"\xc2\x9b" "31mred\xc2\x9b" "21t", "\033[31mred"},
	{"\xc2\x9d" "52;c;eA==\xc2\x9c" "ok\xc2\x90q\xc2\x9c" "ok\xc2\x85\xc2\x84", "okok"},
	{"\xc2\x9d" "11;#fff\xc2\x9cok", "\033]11;#fff\033\\ok"},
	{"\x9b" "31m\x9d" "x", "\xef\xbf\xbd" "31m\xef\xbf\xbdx"},
	{"\xe2\x94" "a\xc3\033[m\xf0\x9f\x98\xc3\xa9\xed\xa0\x80z",
	 "\xef\xbf\xbd" "a\xef\xbf\xbd\033[m\xef\xbf\xbd\xc3\xa9\xef\xbf\xbdz"},
	{"\xff\xfe\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	/* A sequence interrupted: by another, by controls (carried out at once), by CAN, by what isn't ASCII. */
	{"\033[3\033[1m\033\033[2m\033[\0304;5\033[\n1;\b2m", "\033[1m\033[2m4;5\n\b\033[1;2m"},
	{"\033[3\xc3\xa9m", "\xc3\xa9m"},
	{"\033[3\x7f" "1m", "\033[31m"},
	{"\033[??1h\033[?1?h\033[1<2m\033[!!p\033[ !p\033[<1h\033[=3l", ""},
	{"\033[!p\033[2 q\033[1\"q\033[88;1;1;2;3$x", SAME},
	/* Titles: visible only, the user's own saved first. */
	{"\033]0;a title\a\033]2;another\033\\", "\033[22;0t\033]0;a title\a\033]2;another\033\\"},
	{"\033]2;x\xe2\x9c\xb3y\xe2\x80\xaez\a", "\033[22;0t\033]2;x\xe2\x9c\xb3yz\a"},
	{"\033]2;a\nb\a\033]0\a", ""},
	{"\033[22;0t\033[22;2t\033[23;2t\033[23t\033[23;0t\033[22;7t", "\033[22;0t\033[22;2t\033[23;2t\033[23;0t"},
	/* Links. */
	{"\033]8;;https://example.org/a?b#c\033\\text\033]8;;\033\\\033]8;id=1;file:///x\a\033]8;;\a", SAME},
	{"\033]8;;javascript:alert(1)\a\033]8;;ssh://x\a\033]8;;vscode://x\a\033]8\a\033]8;https://x\a\033]8;;http://\xc3\xa9\a", ""},
	/* Colours. */
	{"\033]4;1;rgb:ff/00/00\033\\\033]10;#ffffff\a\033]12;red\a\033]104\a\033]104;1;2\a\033]110\a\033]112\033\\", SAME},
	{"\033]11;\a\033]11\a\033]11;a\xc3\xa9\a\033]104;x\a\033]200;1\a", ""},
};

static void
feed(struct br_term_filter *f, const char *in, size_t from, size_t to, struct br_buf *out)
{
	/* In memory of its own, so that a sanitizer sees a read beyond the piece. */
	char *copy = malloc(to - from + 1);
	assert_non_null(copy);
	memcpy(copy, in + from, to - from);
	br_term_filter(f, copy, to - from, out);
	free(copy);
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		const char *in = cases[i].in, *want = cases[i].out == SAME ? in : cases[i].out;
		size_t n = strlen(in);
		for (size_t cut = 0; cut <= n; cut++) {
			struct br_term_filter f = {0};
			br_auto_buf out = {0};
			feed(&f, in, 0, cut, &out);
			feed(&f, in, cut, n, &out);
			assert_string_equal(out.p != NULL ? out.p : "", want);
		}
		struct br_term_filter f = {0};
		br_auto_buf out = {0};
		for (size_t k = 0; k < n; k++)
			feed(&f, in, k, k + 1, &out);
		assert_string_equal(out.p != NULL ? out.p : "", want);
	}
}

static void
test_too_long(void **state)
{
	(void)state;
	static const char *const heads[] = {"\033[", "\033]0;", "\033]8;;http://", "\033(", "\033]11;", "\033P", "\033]"};
	static const char *const tails[] = {"m", "\a", "\033\\", "B", "\a", "\033\\", "\xc2\x9c"};
	for (size_t i = 0; i < BR_ARRAY_LEN(heads); i++) {
		struct br_term_filter f = {0};
		br_auto_buf in = {0}, out = {0};
		br_buf_puts(&in, heads[i]);
		static const char fill[] = "122(222";
		for (int k = 0; k < 100000; k++)
			br_buf_putc(&in, fill[i]);
		br_buf_puts(&in, tails[i]);
		br_buf_puts(&in, "after");
		br_term_filter(&f, in.p, in.len, &out);
		assert_string_equal(out.p, "after");
	}
}

static void
test_latin(void **state)
{
	(void)state;
	struct br_term_filter f = {.latin = true};
	br_auto_buf out = {0};
	static const char in[] = "gr\xfc\xdf\x9b" "21t\x9d" "52;c;eA==\x9c\xe2\x9b" "31m\x85\033]2;\xe2\x9c\xb3\a\033%G";
	br_term_filter(&f, in, sizeof(in) - 1, &out);
	for (size_t i = 0; i < out.len; i++)
		assert_false((unsigned char)out.p[i] >= 0x80 && (unsigned char)out.p[i] < 0xa0);
	assert_non_null(strstr(out.p, "gr\xfc\xdf\xe2\033[31m"));
	assert_null(strstr(out.p, "52;"));
	assert_null(strstr(out.p, "%G"));
}

static void
undone(const char *in, const char *want)
{
	struct br_term_filter f = {0};
	br_auto_buf out = {0};
	char undo[BR_TERM_UNDO + 1];
	br_term_filter(&f, in, strlen(in), &out);
	size_t n = br_term_filter_undo(&f, undo);
	undo[n] = '\0';
	assert_string_equal(undo, want);
	assert_int_equal(br_term_filter_undo(&f, undo), 0);
}

static void
test_undo(void **state)
{
	(void)state;
	/* What changed nothing, or changed it back, leaves nothing to undo: a plain command is plain. */
	undone("hello\r\n\033[1mbold\033[0m \033[31mred\033[m\r\n", "");
	undone("\033[?1049h\033[?1000;1006h\033[?25l\033[H\033[2J\033[?25h\033[?1006;1000l\033[?1049l", "");
	undone("\033]8;;http://x;\033\\x\033]8;;\033\\\033]11;#000\a\033]111\a\033[2 q\033[0 q\033[4h\033[4l\033=\033>", "");
	undone("\033]11;?\a\033]10;?\a", "");
	/* What was left. */
	undone("\033]10;#000;#fff\a\033]4;1;red\a\033]12;red\a\033]112\a", "\033]104\033\\\033]105\033\\\033]110\033\\\033]111\033\\");
	undone("\033[?1049h\033[?25l", "\033[?1049l\033[?25h");
	undone("\033[?1003;1006;2004;1004h\033[?7l", "\033[?7h\033[?1003l\033[?1004l\033[?1006l\033[?2004l");
	undone("\033[31mred", "\033[m");
	undone("\033[2;10r", "\0337\033[r\0338");
	undone("\033(0", "\033(B\033)B\033*B\033+B\017");
	undone("\033]8;;http://x;\033\\x", "\033]8;;\033\\");
	undone("\033]0;x\a\033[22t\033]2;y\a", "\033[23;0t\033[23;0t");
	undone("\033[>1u\033[?1049h\033[>3u\033[>5u", "\033[<2u\033[?1049l\033[<1u");
	undone("\033[?1049h\033[?1h\033[31m\033c", "");
	undone("\033]9;4;1;50\a", "\033]9;4;0\033\\");
	/* In the middle of a sequence. */
	undone("\033[?1000h\033]0;unfinished", "\033[?1000l");
}

/* Everything at once fits, and what is undone passes the filter itself and leaves nothing. */
static void
test_undo_of_everything(void **state)
{
	(void)state;
	struct br_term_filter f = {0};
	br_auto_buf in = {0}, out = {0}, again = {0};
	for (int m = 0; m < 3000; m++)
		br_buf_printf(&in, "\033[?%d%c", m, m == 7 || m == 25 ? 'l' : 'h');
	for (int k = 0; k < 300; k++)
		br_buf_puts(&in, "\033[>31u\033[22;0t\033]2;t\a\033[4;20h\033[5 q\033[>4;2m\033[=1u\033]4;1;red\a\033]5;1;red\a\033]10;red\a"
				 "\033]8;;http://x\a\033=\033(0\033[2r\033[1m\033]9;4;1;2\a");
	br_term_filter(&f, in.p, in.len, &out);
	char undo[BR_TERM_UNDO];
	size_t n = br_term_filter_undo(&f, undo);
	assert_in_range(n, 300, BR_TERM_UNDO - 200);
	assert_int_equal(br_term_filter_undo(&f, undo), 0);
	struct br_term_filter g = {0};
	br_term_filter(&g, out.p, out.len, &again);
	char undo2[BR_TERM_UNDO];
	assert_int_equal(br_term_filter_undo(&g, undo2), n);
	assert_memory_equal(undo, undo2, n);
}

static void
test_replay(void **state)
{
	(void)state;
	struct br_term_filter f = {0};
	br_auto_buf out = {0}, replay = {0};
	static const char in[] = "\033[?1049h\033[>5u\033[?25l\033[?1000;1006;2004h\033=\033[?1000l";
	br_term_filter(&f, in, sizeof(in) - 1, &out);
	br_term_filter_replay(&f, &replay);
	assert_string_equal(replay.p, "\033[?1049h\033[?25l\033[?1006h\033[?2004h\033[>5u\033=");
	assert_false(f.asked);
	br_term_filter(&f, "\033[6n", 4, &out);
	assert_true(f.asked);
}

/* Filtering what was filtered changes nothing (but a title is saved once more): an attached terminal filters again. */
static void
test_idempotent(void **state)
{
	(void)state;
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		if (strstr(cases[i].in, "\033]0;") != NULL || strstr(cases[i].in, "\033]2;") != NULL)
			continue;
		struct br_term_filter f = {0}, g = {0};
		br_auto_buf once = {0}, twice = {0};
		br_term_filter(&f, cases[i].in, strlen(cases[i].in), &once);
		br_term_filter(&g, once.p, once.len, &twice);
		assert_int_equal(once.len, twice.len);
		if (once.len > 0)
			assert_memory_equal(once.p, twice.p, once.len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_latin),
		cmocka_unit_test(test_undo),
		cmocka_unit_test(test_undo_of_everything),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_idempotent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
