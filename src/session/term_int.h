/* What the parts of the output filter share: the machine (term_filter.c), control sequences (term_csi.c), operating system commands
 * (term_osc.c), and the undoing (term_undo.c). */
#ifndef BRATTICE_SESSION_TERM_INT_H
#define BRATTICE_SESSION_TERM_INT_H

#include "session/terminal.h"

/* br_term_filter.state; zero is the ground state. */
enum state { GROUND, UTF8, ESCAPE, CSI, OSC, OSC_ESC, STRING, STRING_ESC };

/* A DEC private mode that may pass, and what a terminal has when nobody touched it. */
enum usual { OFF, ON, UNKNOWN };
struct mode {
	unsigned short number;
	enum usual usual;
};
extern const struct mode br_term_modes[];
extern const size_t br_term_nmodes;
#define ALTERNATE 7U /* br_term_filter.modes: the first three are the alternate screens */

/* br_term_filter.changed */
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

/* Letters of a set. The terminating NUL is none of them. */
static inline bool
is_in(const char *set, unsigned char c)
{
	return c != 0 && strchr(set, c) != NULL;
}

static inline void
mark(struct br_term_filter *f, enum changed bit, bool on)
{
	if (on)
		f->changed |= bit;
	else
		f->changed &= ~(uint32_t)bit;
}

static inline bool
on_alternate(const struct br_term_filter *f)
{
	return (f->modes & ALTERNATE) != 0;
}

/* The sequence whose introducer and middle are in `f->pend` passes as it came. */
void br_term_put_pending(const struct br_term_filter *f, unsigned char last, struct br_buf *out);
/* The ends of whole sequences: `f->pend` is "[" or "]" and what followed. They write what may pass, and keep account of it. `f->drop`:
 * it was too long. */
void br_term_csi(struct br_term_filter *f, unsigned char final, struct br_buf *out);
void br_term_osc(struct br_term_filter *f, bool bell, struct br_buf *out);

#endif
