/* The terminal's output filter. Oracles: however the input is cut, the output is the same; what comes out holds no control that
 * may not pass; filtering it again changes nothing but titles; the undo fits. */
#include "fuzz.h"

#include "session/terminal.h"

static void
check_output(const struct br_buf *out, bool latin)
{
	for (size_t i = 0; i < out->len; i++) {
		unsigned char c = (unsigned char)out->p[i];
		/* BEL to SI, and ESC. */
		if (c < 0x20 && (c < 7 || c > 15) && c != 0x1b)
			abort();
		if (c == 0x7f || (latin && c >= 0x80 && c < 0xa0))
			abort();
		/* C1 controls as UTF-8. */
		if (!latin && c == 0xc2 && i + 1 < out->len && (unsigned char)out->p[i + 1] < 0xa0)
			abort();
	}
	static const char *const never[] = {"\033P", "\033X", "\033^", "\033_", "\033k", "\033]52", "\033[21t", "\033[20t", "\033[5i", "\033[?38h", "\033[?2l", "\033Z"};
	for (size_t i = 0; i < BR_ARRAY_LEN(never); i++)
		if (out->len > 0 && memmem(out->p, out->len, never[i], strlen(never[i])) != NULL)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct br_term_filter whole = {.latin = (data[0] & 1) != 0}, cut = whole, again = whole;
	size_t step = 1 + (data[1] & 15);
	const char *in = (const char *)data + 2;
	size_t n = size - 2;
	br_auto_buf a = {0}, b = {0}, c = {0};
	br_term_filter(&whole, in, n, &a);
	for (size_t i = 0; i < n; i += step)
		br_term_filter(&cut, in + i, n - i < step ? n - i : step, &b);
	if (a.len != b.len || (a.len > 0 && memcmp(a.p, b.p, a.len) != 0))
		abort();
	if (whole.modes != cut.modes || whole.changed != cut.changed || whole.titles != cut.titles || whole.asked != cut.asked)
		abort();
	check_output(&a, whole.latin);
	br_term_filter(&again, a.len > 0 ? a.p : "", a.len, &c);
	if (a.len > 0 && memmem(a.p, a.len, "\033[2", 3) == NULL && (c.len != a.len || memcmp(a.p, c.p, a.len) != 0))
		abort();
	char undo[BR_TERM_UNDO];
	br_auto_buf replay = {0};
	br_term_filter_replay(&whole, &replay);
	if (br_term_filter_undo(&whole, undo) > BR_TERM_UNDO - 100 || br_term_filter_undo(&whole, undo) != 0)
		abort();
	return 0;
}
