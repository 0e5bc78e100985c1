/* The output filter: control sequences (ECMA-48 section 5.4). */
#include "session/term_int.h"

#define TITLES_MAX 8
#define KB_MAX     16
#define PARAMS_MAX 16

/* DEC private modes that may be set and reset. Left out are those that change the language (2: VT52; 38: Tektronix; 42), resize the
 * window (3, 40), or stop the terminal until it is answered (1001). */
const struct mode br_term_modes[] = {
	/* The alternate screens stand first: they are left before anything else is undone. */
	{47, OFF}, {1047, OFF}, {1049, OFF},
	{1, OFF}, {5, OFF}, {6, OFF}, {7, ON}, {9, OFF}, {25, ON}, {45, OFF}, {66, OFF}, {69, OFF},
	{1000, OFF}, {1002, OFF}, {1003, OFF}, {1004, OFF}, {1005, OFF}, {1006, OFF}, {1015, OFF}, {1016, OFF},
	{2004, OFF}, {2026, OFF}, {2027, OFF}, {2031, OFF}, {2048, OFF},
	/* What was there before can't be known, and either value is harmless: not undone. */
	{8, UNKNOWN}, {12, UNKNOWN}, {1007, UNKNOWN}, {1034, UNKNOWN}, {1035, UNKNOWN}, {1036, UNKNOWN}, {1039, UNKNOWN},
	{1048, UNKNOWN},
};
const size_t br_term_nmodes = BR_ARRAY_LEN(br_term_modes);
_Static_assert(BR_ARRAY_LEN(br_term_modes) <= 64, "one bit each");

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
	for (size_t i = 0; i < br_term_nmodes; i++) {
		if (br_term_modes[i].number != number)
			continue;
		uint64_t bit = 1ULL << i;
		if (br_term_modes[i].usual != UNKNOWN && on != (br_term_modes[i].usual == ON))
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
	for (size_t i = 0; i < br_term_nmodes; i++)
		if (br_term_modes[i].number == number)
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

void
br_term_csi(struct br_term_filter *f, unsigned char final, struct br_buf *out)
{
	struct csi s;
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
		br_term_put_pending(f, final, out);
	}
}
