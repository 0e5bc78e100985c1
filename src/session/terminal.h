/* The user's terminal: raw mode while the command runs in its own pty, and back to exactly what it was.
 *
 * The command's output is relayed while it runs (it owns the screen, as in any terminal multiplexer), but through a filter that
 * lets only whole, known sequences pass. What acts on the *user* and not on the screen is left out: OSC 52 (clipboard), answerback
 * and reports that would type into the shell afterwards, device control strings, window manipulation, printing. The filter keeps
 * account of what it let change, and at the end exactly that is undone (alternate screen, mouse reporting, bracketed paste, cursor,
 * colours, title, keyboard protocols) and pending replies are drained, so nothing of the agent's output can hurt the terminal
 * after exit.
 *
 * Sequences by: ECMA-48; DEC STD 070; XTerm Control Sequences (Dickey); kitty's keyboard protocol; the OSC 8 hyperlink
 * specification (Koblinger). docs/terminal.md lists what passes. */
#ifndef BRATTICE_SESSION_TERMINAL_H
#define BRATTICE_SESSION_TERMINAL_H

#include "base/buf.h"
#include "base/err.h"

#include <termios.h>

/* The output filter: a state machine that keeps its place between calls (a sequence may be cut anywhere). Zero-initialised.
 * Nothing of a sequence is passed before its end, so the terminal never sees half of one. */
struct br_term_filter {
	bool latin; /* set by the owner from br_terminal_is_latin: then the bytes 0x80-0x9f are controls to it */

	/* Place in the input. */
	int state;
	bool drop; /* too long: swallow to the end */
	size_t npend;
	unsigned char pend[2304];

	/* What the command has changed and not changed back. */
	uint64_t modes;          /* bits by place in the table of DEC private modes */
	uint32_t changed;        /* bits of other things */
	unsigned char titles;    /* titles pushed on the terminal's stack */
	unsigned char kb[2];     /* keyboard flags pushed, by screen: normal, alternate */
	unsigned char kbflags[2];
	bool asked;              /* a query has passed: a reply may be under way */
};

/* Appends what may pass of `data` to `out`. */
void br_term_filter(struct br_term_filter *f, const char *data, size_t n, struct br_buf *out);
/* The sequences that undo what has passed, into `to`, which has room for BR_TERM_UNDO bytes; returns how many. Nothing when nothing
 * was changed. Forgets it all. Allocates nothing. */
#define BR_TERM_UNDO 1024
size_t br_term_filter_undo(struct br_term_filter *f, char *to);
/* The sequences that bring another terminal, newly attached, into the same modes. */
void br_term_filter_replay(const struct br_term_filter *f, struct br_buf *out);

struct br_terminal {
	int fd;                /* the user's terminal, blocking, or -1 */
	bool own;              /* the open file is ours alone: flags may be changed */
	bool raw;
	struct termios saved;  /* valid once fd >= 0: what the user had */
	struct br_term_filter *filter; /* the owner's; NULL: nothing to undo */
};

/* Opens the terminal when stdin and stdout are the same one and we are in its foreground; fd = -1 and success when not. */
int br_terminal_open(struct br_terminal *t, struct br_err *e);
/* In characters; 24 by 80 when the terminal doesn't know. -1 when there is no terminal. */
int br_terminal_size(const struct br_terminal *t, unsigned short *rows, unsigned short *cols);
/* May be called again after a restore (job control). */
int br_terminal_raw(struct br_terminal *t, struct br_err *e);
/* Restores modes and screen state; safe to call twice and from the exit path: no allocation, and never waits longer than about half
 * a second, whatever the terminal does. Leaves the descriptor open. */
void br_terminal_restore(struct br_terminal *t);
/* Whether the user's locale names a character set other than UTF-8 (LC_ALL, LC_CTYPE, LANG in this order): for
 * br_term_filter.latin. A locale that names none ("C", or unset, as in most containers) counts as UTF-8. */
bool br_terminal_is_latin(void);

#endif
