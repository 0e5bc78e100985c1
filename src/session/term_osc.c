/* The output filter: operating system commands (xterm, ECMA-48 section 8.3.89): titles, links, colours, progress. */
#include "session/term_int.h"

#include "base/utf8.h"

#define TITLE_MAX 255

/* OSC 0, 1, 2: a title without anything that is not visible. The user's own is put on the stack first. */
static void
set_title(struct br_term_filter *f, char number, const char *text, size_t n, struct br_buf *out)
{
	if ((f->changed & C_TITLE) == 0) {
		mark(f, C_TITLE, true);
		f->titles++;
		br_buf_puts(out, "\033[22;0t");
	}
	br_buf_printf(out, "\033]%c;", number);
	size_t put = 0;
	for (size_t i = 0; i < n;) {
		uint32_t c = 0;
		size_t w = br_utf8_decode(text + i, n - i, &c);
		bool ascii = w == 1 && c >= 0x20 && c < 0x7f;
		bool wide = w > 1 && c >= 0xa0 && !f->latin;
		w = w == 0 ? 1 : w;
		if (put + w > TITLE_MAX)
			break;
		if ((ascii || wide) && !br_utf8_is_disguise(c)) {
			br_buf_put(out, text + i, w);
			put += w;
		}
		i += w;
	}
}

static bool
all_in(const char *p, size_t n, const char *extra, bool letters)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!(c >= '0' && c <= '9') && !(letters && letter) && !is_in(extra, c))
			return false;
	}
	return true;
}

/* OSC 8 ; params ; URI. Only schemes that a browser or mail program opens; an empty URI ends the link. */
static bool
is_good_link(const char *p, size_t n, bool *opens)
{
	static const char *const schemes[] = {"http://", "https://", "mailto:", "file://"};
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	const char *uri = memchr(p, ';', n);
	if (uri == NULL)
		return false;
	uri++;
	size_t left = n - (size_t)(uri - p);
	*opens = left > 0;
	if (left == 0)
		return true;
	for (size_t i = 0; i < BR_ARRAY_LEN(schemes); i++) {
		size_t k = strlen(schemes[i]);
		if (left > k && memcmp(uri, schemes[i], k) == 0)
			return true;
	}
	return false;
}

/* OSC 4, 5, 10-19: a colour is set, or with "?" asked for; 104, 105, 110-119 give it back. */
static bool
colour(struct br_term_filter *f, int number, const char *p, size_t n)
{
	bool palette = number % 100 < 10;
	uint32_t bit = palette ? C_PALETTE : (uint32_t)C_COLOUR << (number % 100 - 10);
	if (number >= 104) {
		/* 105 is of another palette than 104: not counted. */
		if (n == 0 && number != 105)
			f->changed &= ~bit;
		return all_in(p, n, ";", false);
	}
	if (n == 0 || !all_in(p, n, "#:/;?.,%+- ", true))
		return false;
	/* OSC 10 with several values sets 10, 11 and so on. */
	for (size_t i = 0; i < n && !palette; i++)
		if (p[i] == ';')
			bit |= bit << 1 & 0x3ffU * C_COLOUR;
	if (memchr(p, '?', n) != NULL)
		f->asked = true;
	if (n != 1 || p[0] != '?')
		f->changed |= bit;
	return true;
}

/* The bytes of an operating system command: number, then ";" and the rest. */
void
br_term_osc(struct br_term_filter *f, bool bell, struct br_buf *out)
{
	const char *p = (const char *)f->pend + 1, *end = (const char *)f->pend + f->npend;
	int number = 0;
	size_t digits = 0;
	for (; p < end && *p >= '0' && *p <= '9' && digits < 4; p++, digits++)
		number = number * 10 + (*p - '0');
	if (f->drop || digits == 0 || (p < end && *p != ';'))
		return;
	bool more = p < end;
	p += more ? 1 : 0;
	size_t n = (size_t)(end - p);
	bool opens = false;
	bool title = more && digits == 1 && number <= 2;
	bool is_colour = number == 4 || number == 5 || (number >= 10 && number <= 19) || number == 104 || number == 105 ||
	                 (number >= 110 && number <= 119);
	if (title) {
		set_title(f, (char)('0' + number), p, n, out);
	} else if (number == 8 && more && is_good_link(p, n, &opens)) {
		mark(f, C_LINK, opens);
		br_buf_printf(out, "\033]8;%.*s", (int)n, p);
	} else if (is_colour && colour(f, number, p, n)) {
		br_buf_printf(out, "\033]%d%s%.*s", number, more ? ";" : "", (int)n, p);
	} else if (number == 9 && n >= 3 && memcmp(p, "4;", 2) == 0 && all_in(p, n, ";", false)) {
		mark(f, C_PROGRESS, p[2] != '0'); /* progress; the other things of OSC 9 act on the user */
		br_buf_printf(out, "\033]9;%.*s", (int)n, p);
	} else {
		return;
	}
	/* A reply ends as the question does. */
	br_buf_puts(out, bell ? "\a" : "\033\\");
}
