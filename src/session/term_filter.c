/* The output filter of the terminal: an allowlist of control sequences. Here the state machine that finds where each begins and ends. */
#include "session/term_int.h"

#include "base/utf8.h"

#define ESC 0x1b
#define CAN 0x18
#define SUB 0x1a
#define BEL 0x07

void
br_term_put_pending(const struct br_term_filter *f, unsigned char last, struct br_buf *out)
{
	br_buf_put(out, "\033", 1);
	br_buf_put(out, f->pend, f->npend);
	br_buf_putc(out, (char)last);
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
		br_term_put_pending(f, c, out);
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
		br_term_put_pending(f, c, out);
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
		f->state = GROUND;
		br_term_csi(f, c, out);
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

static void
end_osc(struct br_term_filter *f, bool bell, struct br_buf *out)
{
	f->state = GROUND;
	br_term_osc(f, bell, out);
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
