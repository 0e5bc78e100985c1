/* The user's terminal: raw mode while the command runs in its own pty, and back to exactly what it was.
 *
 * The command's output is relayed byte for byte while it runs (it owns the screen, as in any terminal multiplexer), but
 * sequences that act on the *user* and not on the screen are filtered as they pass: OSC 52 (clipboard), answerback and reports that
 * would type into the shell afterwards, device control strings, window-manipulation reports. At the end the modes it may have
 * left behind are reset (alternate screen, mouse reporting, bracketed paste, cursor, colours, title stack, keyboard protocols) and
 * pending replies are drained, so nothing of the agent's output can hurt the terminal after exit. */
#ifndef BRATTICE_SESSION_TERMINAL_H
#define BRATTICE_SESSION_TERMINAL_H

#include "base/err.h"

#include <termios.h>

struct br_terminal {
	int fd;                /* the user's terminal, or -1 */
	bool raw;
	struct termios saved;
};

/* Opens the controlling terminal when stdin and stdout are one; fd = -1 and success when they are not. */
int br_terminal_open(struct br_terminal *t, struct br_err *e);
int br_terminal_size(const struct br_terminal *t, unsigned short *rows, unsigned short *cols);
int br_terminal_raw(struct br_terminal *t, struct br_err *e);
/* Restores modes and screen state; safe to call twice and from the exit path. */
void br_terminal_restore(struct br_terminal *t);

/* The output filter: a small state machine that keeps its place between calls (a sequence may be cut anywhere). */
struct br_term_filter {
	int state;
	unsigned char pend[512];
	size_t npend;
	bool drop;
};
struct br_buf;
/* Appends what may pass of `data` to `out`. */
void br_term_filter(struct br_term_filter *f, const char *data, size_t n, struct br_buf *out);

#endif
