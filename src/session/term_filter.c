/* The output filter of the terminal: an allowlist of control sequences. */
#include "session/terminal.h"

#include "base/utf8.h"

#define ESC 0x1b
#define CAN 0x18
#define SUB 0x1a
#define BEL 0x07

#define TITLE_MAX  255
#define TITLES_MAX 8
#define KB_MAX     16
#define PARAMS_MAX 16

enum state { GROUND, UTF8, ESCAPE, CSI, OSC, OSC_ESC, STRING, STRING_ESC };

/* DEC private modes that may be set and reset, and what a terminal has when nobody touched it. Left out are those that change the
 * language (2: VT52; 38: Tektronix; 42), resize the window (3, 40), or stop the terminal until it is answered (1001). */
enum usual { OFF, ON, UNKNOWN };
static const struct {
	unsigned short number;
	enum usual usual;
} modes[] = {
	/* The alternate screens stand first: they are left before anything else is undone. */
	{47, OFF}, {1047, OFF}, {1049, OFF},
	{1, OFF}, {5, OFF}, {6, OFF}, {7, ON}, {9, OFF}, {25, ON}, {45, OFF}, {66, OFF}, {69, OFF},
	{1000, OFF}, {1002, OFF}, {1003, OFF}, {1004, OFF}, {1005, OFF}, {1006, OFF}, {1015, OFF}, {1016, OFF},
	{2004, OFF}, {2026, OFF}, {2027, OFF}, {2031, OFF}, {2048, OFF},
	/* What was there before can't be known, and either value is harmless: not undone. */
	{8, UNKNOWN}, {12, UNKNOWN}, {1007, UNKNOWN}, {1034, UNKNOWN}, {1035, UNKNOWN}, {1036, UNKNOWN}, {1039, UNKNOWN},
	{1048, UNKNOWN},
};
#define ALTERNATE 7U /* the first three */
_Static_assert(BR_ARRAY_LEN(modes) <= 64, "one bit each");

enum changed {
	C_SGR = 1U << 0,
	C_MARGINS = 1U << 1,
	C_CHARSET = 1U << 2,
	C_KEYPAD = 1U << 3,
	C_INSERT = 1U << 4,
	C_NEWLINE = 1U << 5,
	C_CURSOR = 1U << 6,
	C_KEYS = 1U << 7,      /* xterm's modifyOtherKeys */
	C_KBSET = 1U << 8,     /* keyboard flags set without a push */
	C_PALETTE = 1U << 9,   /* OSC 4, 5 */
	C_LINK = 1U << 10,
	C_PROGRESS = 1U << 11,
	C_TITLE = 1U << 12,    /* the user's title is on the stack */
	C_COLOUR = 1U << 16,   /* OSC 10; the next nine bits are OSC 11-19 */
};

/* What passes, by private prefix, intermediate byte and final byte; some are looked at more closely. */
static const struct {
	char prefix;
	char inter;
	const char *finals;
} allowed[] = {
	{0, 0, "@ABCDEFGHIJKLMPSTXZ`abcdefghlmnqrstu"},
	{'?', 0, "hlrsJKcmnuW"},
	{'>', 0, "cmnqu"},
	{'<', 0, "u"},
	{'=', 0, "cu"},
	{0, ' ', "@Aq"},
	{0, '!', "p"},
	{0, '"', "q"},
	{0, '$', "prtvxz{"},
	{'?', '$', "p"},
	{0, '\'', "}~"},
	{0, '*', "x"},
	{0, '#', "{}pq"},
};

/* A control sequence, taken apart. */
struct csi {
	char prefix, inter, final;
	bool plain; /* parameters are numbers and semicolons only */
	size_t n;
	int param[PARAMS_MAX]; /* -1: left out */
};

static bool
is_in(const char *set, unsigned char c)
{
	return c != 0 && strchr(set, c) != NULL;
}

static void
put_pending(const struct br_term_filter *f, unsigned char last, struct br_buf *out)
{
	br_buf_put(out, "\033", 1);
	br_buf_put(out, f->pend, f->npend);
	br_buf_putc(out, (char)last);
}

static void
mark(struct br_term_filter *f, enum changed bit, bool on)
{
	if (on)
		f->changed |= bit;
	else
		f->changed &= ~(uint32_t)bit;
}

static bool
on_alternate(const struct br_term_filter *f)
{
	return (f->modes & ALTERNATE) != 0;
}

/* `f->pend` is "[", then parameter and intermediate bytes. */
static bool
parse_csi(const struct br_term_filter *f, unsigned char final, struct csi *s)
{
	*s = (struct csi){.final = (char)final, .plain = true};
	size_t i = 1;
	if (i < f->npend && f->pend[i] >= '<' && f->pend[i] <= '?')
		s->prefix = (char)f->pend[i++];
	int v = -1;
	bool any = false;
	for (; i < f->npend && f->pend[i] >= '0' && f->pend[i] <= '?'; i++) {
		unsigned char c = f->pend[i];
		any = true;
		if (c == ';') {
			if (s->n < PARAMS_MAX - 1)
				s->param[s->n++] = v;
			else
				s->plain = false;
			v = -1;
		} else if (c <= '9') {
			v = (v < 0 ? 0 : v) * 10 + (c - '0');
			v = v > 65535 ? 65535 : v;
		} else if (c == ':') {
			s->plain = false;
		} else {
			return false; /* a second private prefix */
		}
	}
	if (any)
		s->param[s->n++] = v;
	if (i < f->npend)
		s->inter = (char)f->pend[i++];
	return i == f->npend; /* no two intermediates in what we know */
}

static int
param(const struct csi *s, size_t i, int otherwise)
{
	return i < s->n && s->param[i] >= 0 ? s->param[i] : otherwise;
}

static bool
change_mode(struct br_term_filter *f, int number, bool on)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(modes); i++) {
		if (modes[i].number != number)
			continue;
		uint64_t bit = 1ULL << i;
		if (modes[i].usual != UNKNOWN && on != (modes[i].usual == ON))
			f->modes |= bit;
		else
			f->modes &= ~bit;
		/* They are one screen with three names. */
		if (i < 3 && !on)
			f->modes &= ~(uint64_t)ALTERNATE;
		return true;
	}
	return false;
}

static bool
is_known_mode(int number)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(modes); i++)
		if (modes[i].number == number)
			return true;
	return false;
}

/* CSI ? Pm h, l (set, reset), s, r (save, restore): made anew from the modes that may pass. */
static void
private_modes(struct br_term_filter *f, const struct csi *s, struct br_buf *out)
{
	bool first = true;
	for (size_t i = 0; i < s->n; i++) {
		int m = s->param[i];
		bool pass = s->final == 'h' || s->final == 'l' ? change_mode(f, m, s->final == 'h') : is_known_mode(m);
		if (!pass)
			continue;
		br_buf_printf(out, first ? "\033[?%d" : ";%d", m);
		first = false;
	}
	if (!first)
		br_buf_putc(out, s->final);
}

/* CSI Pm h, l: insert mode and newline mode only. 2 locks the keyboard, 12 is local echo. */
static void
ansi_modes(struct br_term_filter *f, const struct csi *s, struct br_buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->param[i] != 4 && s->param[i] != 20)
			continue;
		mark(f, s->param[i] == 4 ? C_INSERT : C_NEWLINE, s->final == 'h');
		br_buf_printf(out, "\033[%d%c", s->param[i], s->final);
	}
}

/* CSI Ps t: only the stack of titles, and of it only what the command itself has pushed. */
static void
title_stack(struct br_term_filter *f, const struct csi *s, struct br_buf *out)
{
	int what = param(s, 1, 0);
	if (!s->plain || what > 2)
		return;
	int own = (f->changed & C_TITLE) != 0 ? 1 : 0;
	if (param(s, 0, 0) == 22 && f->titles < TITLES_MAX) {
		f->titles++;
		br_buf_printf(out, "\033[22;%dt", what);
	} else if (param(s, 0, 0) == 23 && f->titles > own) {
		f->titles--;
		br_buf_printf(out, "\033[23;%dt", what);
	}
}

/* Kitty's keyboard protocol: CSI ? u asks, > pushes, < pops (never more than was pushed), = sets. Each screen has its own stack. */
static void
keyboard(struct br_term_filter *f, const struct csi *s, struct br_buf *out)
{
	int k = on_alternate(f) ? 1 : 0;
	int v = param(s, 0, s->prefix == '<' ? 1 : 0);
	if (!s->plain)
		return;
	if (s->prefix == '?') {
		f->asked = true;
		br_buf_puts(out, "\033[?u");
	} else if (s->prefix == '>' && f->kb[k] < KB_MAX) {
		f->kb[k]++;
		f->kbflags[k] = (unsigned char)(v & 31);
		br_buf_printf(out, "\033[>%du", v & 31);
	} else if (s->prefix == '<') {
		int n = v < f->kb[k] ? v : f->kb[k];
		f->kb[k] = (unsigned char)(f->kb[k] - n);
		if (n > 0)
			br_buf_printf(out, "\033[<%du", n);
	} else if (s->prefix == '=') {
		f->kbflags[k] = (unsigned char)(v & 31);
		mark(f, C_KBSET, true);
		br_buf_printf(out, "\033[=%d;%du", v & 31, param(s, 1, 1) & 3);
	}
}

/* CSI Ps n: status (5), cursor position (6, ?6), colour scheme (?996): the answers hold numbers only. */
static bool
is_known_report(const struct csi *s)
{
	int p = param(s, 0, 0);
	return s->plain && s->n == 1 && (p == 6 || (s->prefix == 0 && p == 5) || (s->prefix == '?' && p == 996));
}

static bool
is_margins(const struct csi *s)
{
	return (s->final == 'r' || (s->final == 's' && s->n > 0)) && s->prefix == 0 && s->inter == 0;
}

/* What a sequence that passes unchanged leaves behind; false: it may not pass after all. */
static bool
note_plain(struct br_term_filter *f, const struct csi *s)
{
	if (s->inter == ' ' && s->final == 'q') {
		mark(f, C_CURSOR, param(s, 0, 0) != 0);
	} else if (s->inter != 0) {
		f->asked = f->asked || (s->inter == '$' && s->final == 'p');
	} else if (s->final == 'm' && s->prefix == 0) {
		mark(f, C_SGR, s->n > 1 || param(s, 0, 0) != 0 || !s->plain);
	} else if ((s->final == 'm' || s->final == 'n') && s->prefix == '>') {
		if (param(s, 0, -1) != 4)
			return false;
		mark(f, C_KEYS, true);
	} else if (s->final == 'n') {
		f->asked = true;
		return is_known_report(s);
	} else if ((s->final == 'c' && s->prefix != '?') || (s->final == 'm' && s->prefix == '?') || (s->final == 'q' && s->prefix == '>')) {
		f->asked = true;
	} else if (is_margins(s)) {
		mark(f, C_MARGINS, s->n > 0);
	} else if (s->final == 'T') {
		return s->n <= 1; /* with five it starts highlight tracking */
	}
	return true;
}

static bool
is_allowed(const struct csi *s)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(allowed); i++)
		if (allowed[i].prefix == s->prefix && allowed[i].inter == s->inter && is_in(allowed[i].finals, (unsigned char)s->final))
			return true;
	return false;
}

static void
end_csi(struct br_term_filter *f, unsigned char final, struct br_buf *out)
{
	struct csi s;
	f->state = GROUND;
	if (f->drop || !parse_csi(f, final, &s) || !is_allowed(&s))
		return;
	bool bare = s.inter == 0;
	if (bare && s.prefix == '?' && is_in("hlsr", final)) {
		private_modes(f, &s, out);
	} else if (bare && s.prefix == 0 && is_in("hl", final)) {
		ansi_modes(f, &s, out);
	} else if (bare && final == 't') {
		title_stack(f, &s, out);
	} else if (bare && final == 'u' && s.prefix != 0) {
		keyboard(f, &s, out);
	} else if (note_plain(f, &s)) {
		put_pending(f, final, out);
	}
}

/* The end of a two- or three-byte escape sequence. `f->pend` holds the intermediate byte, if any. */
static void
end_escape(struct br_term_filter *f, unsigned char c, struct br_buf *out)
{
	f->state = GROUND;
	if (f->npend == 0) {
		if (!is_in("78=>cDEHMNOno", c))
			return;
		if (c == '=' || c == '>')
			mark(f, C_KEYPAD, c == '=');
		if (c == 'c') {
			/* Full reset. The titles stay on their stack. */
			f->modes = 0;
			f->changed &= C_TITLE | C_PALETTE | C_PROGRESS | (0x3ffU * C_COLOUR);
			f->kb[0] = f->kb[1] = 0;
		}
		if (c == 'n' || c == 'o')
			mark(f, C_CHARSET, true);
		put_pending(f, c, out);
		return;
	}
	bool pass = false;
	if (f->npend == 1 && is_in("()*+-./", f->pend[0])) {
		/* The DEC and ISO sets that terminals have; all of them are one byte a character. */
		pass = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || is_in("<=>", c);
		if (pass && c != 'B')
			mark(f, C_CHARSET, true);
	} else if (f->npend == 1 && f->pend[0] == '#') {
		pass = is_in("34568", c);
	} else if (f->npend == 1 && f->pend[0] == ' ') {
		pass = c == 'F'; /* replies in seven bits */
	} else if (f->npend == 1 && f->pend[0] == '%') {
		pass = c == 'G' && !f->latin; /* stay in UTF-8; never leave it */
	}
	if (pass)
		put_pending(f, c, out);
}

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
		bool disguise = c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069);
		w = w == 0 ? 1 : w;
		if (put + w > TITLE_MAX)
			break;
		if ((ascii || wide) && !disguise) {
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
static void
end_osc(struct br_term_filter *f, bool bell, struct br_buf *out)
{
	f->state = GROUND;
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

static void
enter(struct br_term_filter *f, enum state s, char introducer)
{
	f->state = (int)s;
	f->drop = false;
	f->npend = 0;
	if (introducer != 0)
		f->pend[f->npend++] = (unsigned char)introducer;
}

static void
keep(struct br_term_filter *f, unsigned char c)
{
	if (f->npend < sizeof(f->pend))
		f->pend[f->npend++] = c;
	else
		f->drop = true;
}

/* C1 controls: the introducers are understood, the rest is left out. */
static void
c1(struct br_term_filter *f, uint32_t c)
{
	enter(f, GROUND, 0);
	if (c == 0x9b)
		enter(f, CSI, '[');
	else if (c == 0x9d)
		enter(f, OSC, ']');
	else if (c == 0x90 || c == 0x98 || c == 0x9e || c == 0x9f)
		enter(f, STRING, 0);
}

/* C0 controls that move or ring. Not ENQ (answerback), nor XON, XOFF and the rest. */
static void
c0(struct br_term_filter *f, unsigned char c, struct br_buf *out)
{
	if (c < BEL || c > 0x0f)
		return;
	if (c == 0x0e)
		mark(f, C_CHARSET, true);
	br_buf_putc(out, (char)c);
}

static void
put_replacement(struct br_buf *out)
{
	br_buf_put(out, "\xef\xbf\xbd", 3);
}

static void
ground(struct br_term_filter *f, unsigned char c, struct br_buf *out)
{
	if (c == ESC)
		enter(f, ESCAPE, 0);
	else if (c < 0x20)
		c0(f, c, out);
	else if (c < 0x7f || (f->latin && c >= 0xa0))
		br_buf_putc(out, (char)c);
	else if (f->latin && c != 0x7f)
		c1(f, c);
	else if (c >= 0xc2 && c <= 0xf4)
		enter(f, UTF8, (char)c);
	else if (c != 0x7f)
		put_replacement(out);
}

/* Inside a character. What isn't UTF-8 is replaced, so that the terminal and we agree on where the next one begins. */
static bool
utf8(struct br_term_filter *f, unsigned char c, struct br_buf *out)
{
	size_t w = f->pend[0] >= 0xf0 ? 4 : f->pend[0] >= 0xe0 ? 3 : 2;
	if ((c & 0xc0) != 0x80) {
		put_replacement(out);
		enter(f, GROUND, 0);
		return false;
	}
	keep(f, c);
	if (f->npend < w)
		return true;
	uint32_t v;
	f->state = GROUND;
	if (br_utf8_decode((const char *)f->pend, f->npend, &v) == 0)
		put_replacement(out);
	else if (v < 0xa0)
		c1(f, v);
	else
		br_buf_put(out, f->pend, f->npend);
	return true;
}

/* Inside ESC or CSI. Controls are carried out at once, as terminals do; ESC, CAN, SUB and what isn't ASCII end the sequence. */
static bool
sequence(struct br_term_filter *f, unsigned char c, struct br_buf *out)
{
	if (c == ESC) {
		enter(f, ESCAPE, 0);
	} else if (c == CAN || c == SUB) {
		enter(f, GROUND, 0);
	} else if (c < 0x20) {
		c0(f, c, out);
	} else if (c >= 0x80) {
		enter(f, GROUND, 0);
		return false;
	} else if (c == 0x7f) {
		return true;
	} else if (c < (f->state == CSI ? '@' : '0')) {
		keep(f, c);
	} else if (f->state == CSI) {
		end_csi(f, c, out);
	} else if (f->npend == 0 && c == '[') {
		enter(f, CSI, '[');
	} else if (f->npend == 0 && c == ']') {
		enter(f, OSC, ']');
	} else if (f->npend == 0 && is_in("PX^_k", c)) {
		enter(f, STRING, 0); /* DCS, SOS, PM, APC, and screen's title */
	} else {
		end_escape(f, c, out);
	}
	return true;
}

/* Inside a string: to ST (ESC \, or U+009C), BEL in an OSC, CAN or SUB. Another ESC begins a new sequence. */
static bool
string(struct br_term_filter *f, unsigned char c, struct br_buf *out)
{
	bool osc = f->state == OSC || f->state == OSC_ESC;
	if (f->state == OSC_ESC || f->state == STRING_ESC) {
		if (c == '\\' && osc)
			end_osc(f, false, out);
		else if (c == '\\')
			enter(f, GROUND, 0);
		else
			enter(f, ESCAPE, 0);
		return c == '\\';
	}
	bool ends = c == CAN || c == SUB;
	bool c1_st = c == 0x9c && (f->latin || (f->npend > 0 && f->pend[f->npend - 1] == 0xc2));
	if (c == ESC) {
		f->state = osc ? OSC_ESC : STRING_ESC;
	} else if (ends || (c1_st && !osc)) {
		enter(f, GROUND, 0);
	} else if (osc && (c == BEL || c1_st)) {
		if (c1_st && !f->latin)
			f->npend--;
		end_osc(f, c == BEL, out);
	} else if (osc && !f->drop) {
		/* A control inside makes it none that we know. */
		f->drop = c < 0x20 || c == 0x7f;
		keep(f, c);
	} else {
		f->pend[0] = c; /* swallowed; only the last byte counts */
		f->npend = 1;
	}
	return true;
}

static void
step(struct br_term_filter *f, unsigned char c, struct br_buf *out)
{
	bool taken = true;
	switch ((enum state)f->state) {
	case GROUND:
		break;
	case UTF8:
		taken = utf8(f, c, out);
		break;
	case ESCAPE:
	case CSI:
		taken = sequence(f, c, out);
		break;
	case OSC:
	case OSC_ESC:
	case STRING:
	case STRING_ESC:
		taken = string(f, c, out);
		if (!taken)
			taken = sequence(f, c, out);
		break;
	default:
		f->state = GROUND;
		break;
	}
	if ((enum state)f->state == GROUND && !taken)
		ground(f, c, out);
}

/* Bytes of plain text at `p`: what most output is. */
static size_t
plain_run(const struct br_term_filter *f, const char *p, size_t n)
{
	size_t i = 0;
	while (i < n) {
		unsigned char c = (unsigned char)p[i];
		if ((c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r') {
			i++;
			continue;
		}
		uint32_t v;
		size_t w = c >= 0xc2 && !f->latin ? br_utf8_decode(p + i, n - i, &v) : 0;
		if (w < 2 || v < 0xa0)
			break;
		i += w;
	}
	return i;
}

void
br_term_filter(struct br_term_filter *f, const char *data, size_t n, struct br_buf *out)
{
	for (size_t i = 0; i < n;) {
		if (f->state != GROUND) {
			step(f, (unsigned char)data[i++], out);
			continue;
		}
		size_t run = plain_run(f, data + i, n - i);
		br_buf_put(out, data + i, run);
		i += run;
		if (i < n)
			ground(f, (unsigned char)data[i++], out);
	}
}

/* A fixed buffer that can't overflow: BR_TERM_UNDO is more than everything together (asserted in the tests). */
struct undo {
	char *to;
	size_t n;
};

static void
put(struct undo *u, const char *s)
{
	size_t n = strlen(s);
	if (u->n + n > BR_TERM_UNDO)
		return;
	memcpy(u->to + u->n, s, n);
	u->n += n;
}

static void
undo_keyboard(struct br_term_filter *f, struct undo *u)
{
	char s[16];
	int k = on_alternate(f) ? 1 : 0;
	if (f->kb[k] > 0) {
		(void)snprintf(s, sizeof(s), "\033[<%uu", f->kb[k]);
		put(u, s);
		f->kb[k] = 0;
	}
}

static void
undo_modes(struct br_term_filter *f, struct undo *u)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(modes); i++) {
		char s[16];
		if ((f->modes & (1ULL << i)) == 0)
			continue;
		(void)snprintf(s, sizeof(s), "\033[?%u%c", modes[i].number, modes[i].usual == ON ? 'h' : 'l');
		put(u, s);
	}
	f->modes = 0;
}

static void
undo_colours(const struct br_term_filter *f, struct undo *u)
{
	for (unsigned i = 0; i < 10; i++) {
		char s[16];
		if ((f->changed & C_COLOUR << i) == 0)
			continue;
		(void)snprintf(s, sizeof(s), "\033]%u\033\\", 110 + i);
		put(u, s);
	}
}

size_t
br_term_filter_undo(struct br_term_filter *f, char *to)
{
	static const struct {
		uint32_t bit;
		const char *undo;
	} undos[] = {
		{C_LINK, "\033]8;;\033\\"},
		{C_SGR, "\033[m"},
		{C_MARGINS, "\0337\033[r\0338"}, /* setting margins moves the cursor */
		{C_CHARSET, "\033(B\033)B\033*B\033+B\017"},
		{C_KEYPAD, "\033>"},
		{C_INSERT, "\033[4l"},
		{C_NEWLINE, "\033[20l"},
		{C_CURSOR, "\033[0 q"},
		{C_KEYS, "\033[>4m"},
		{C_KBSET, "\033[=0u"},
		{C_PALETTE, "\033]104\033\\\033]105\033\\"},
		{C_PROGRESS, "\033]9;4;0\033\\"},
	};
	struct undo u = {.to = to};
	undo_keyboard(f, &u); /* of the screen it is on */
	undo_modes(f, &u);
	undo_keyboard(f, &u); /* of the normal screen */
	for (size_t i = 0; i < BR_ARRAY_LEN(undos); i++)
		if ((f->changed & undos[i].bit) != 0)
			put(&u, undos[i].undo);
	undo_colours(f, &u);
	for (; f->titles > 0; f->titles--)
		put(&u, "\033[23;0t");
	f->changed = 0;
	f->kb[0] = f->kb[1] = 0;
	enter(f, GROUND, 0);
	return u.n;
}

void
br_term_filter_replay(const struct br_term_filter *f, struct br_buf *out)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(modes); i++)
		if ((f->modes & (1ULL << i)) != 0)
			br_buf_printf(out, "\033[?%u%c", modes[i].number, modes[i].usual == ON ? 'l' : 'h');
	int k = on_alternate(f) ? 1 : 0;
	if (f->kb[k] > 0)
		br_buf_printf(out, "\033[>%uu", f->kbflags[k]);
	else if ((f->changed & C_KBSET) != 0)
		br_buf_printf(out, "\033[=%uu", f->kbflags[k]);
	if ((f->changed & C_KEYPAD) != 0)
		br_buf_puts(out, "\033=");
}
