/* The control socket of a session: SOCK_SEQPACKET frames, one byte of type, then the payload. docs/protocol-control.md.
 *
 *   client → monitor   'p' status            → 'P' + JSON of the session
 *                      's' stop (SIGTERM to the command, SIGKILL after 10 s)   → 'O'
 *                      'k' kill now          → 'O'
 *                      'a' attach: u16 rows, u16 cols (native order)           → 'O', then output frames
 *                      'i' input bytes       (attached only)
 *                      'w' u16 rows, u16 cols (attached only)
 *   monitor → client   'o' output bytes      'x' i32 status: the command ended      'E' text: an error
 *
 * Anything else, or a frame out of order, closes the connection. Peers are checked by SO_PEERCRED: the same uid, or root, and
 * not from a user namespace inside (the sandbox). A client that is BR_CONTROL_QUEUE behind is dropped, never waited for. At most 16
 * clients, 12 of them attached; a new one pushes out the oldest that is not attached, so that a kill always gets through. */
#ifndef BRATTICE_SESSION_CONTROL_H
#define BRATTICE_SESSION_CONTROL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"

struct br_control;

#define BR_CONTROL_FRAME (32UL * 1024)        /* most payload bytes of an 'o' frame */
#define BR_CONTROL_REQUEST 4096UL             /* most payload bytes of a client's frame */
#define BR_CONTROL_REPLY (128UL * 1024)       /* most payload bytes of any frame of the monitor */
#define BR_CONTROL_QUEUE (1024UL * 1024)      /* output kept for an attached client that does not read */

/* Called in the monitor, from its event loop. Only `stop` and `kill` may call br_control_close. */
struct br_control_ops {
	void *arg;
	/* Writes the session's JSON into `out`. */
	void (*status)(void *arg, struct br_buf *out);
	void (*stop)(void *arg);
	void (*kill)(void *arg);
	/* Bytes typed by an attached client. */
	void (*input)(void *arg, const char *data, size_t n);
	/* An attached client's window size, each at least 1. At attach it is called twice, with one row less and with the true size:
	 * the kernel sends SIGWINCH only for a change, and programs that own the screen draw it anew on that. */
	void (*resize)(void *arg, unsigned short rows, unsigned short cols);
	/* True when the session has a terminal to attach to; else attach answers 'E'. */
	bool (*can_attach)(void *arg);
	/* May be NULL. What a terminal that attaches must be told first: br_term_filter_replay. */
	void (*replay)(void *arg, struct br_buf *out);
};

/* Listens at $RUNTIME/<id>.sock (directory 0700, socket 0600). */
struct br_control *br_control_listen(struct br_loop *l, const char *id, const struct br_control_ops *ops, struct br_err *e);
/* Output of the command's terminal (filtered already: session/terminal.h), to all attached clients. Never blocks. */
void br_control_output(struct br_control *c, const char *data, size_t n);
/* Tells attached clients the status, closes all, removes the socket. */
void br_control_close(struct br_control *c, int status);

/* Client side: connects to a live session's socket, wherever br_runtime_open_all finds it, and checks that the listener is ours or
 * root's. Sending and receiving give up after 5 s (EAGAIN). */
int br_control_connect(const char *id, struct br_err *e);
/* Sends the one-byte request `type` and waits for its answer: 'O' or 'P', whose payload goes to `reply` (may be NULL). An 'E' is an
 * error with the monitor's text. */
int br_control_request(int sock, char type, struct br_buf *reply, struct br_err *e);

#endif
