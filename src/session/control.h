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
 * Anything else, or a frame out of order, closes the connection. Peers are checked by SO_PEERCRED: the same uid, or root.
 * A slow attached client is dropped, never waited for. At most 16 clients. */
#ifndef BRATTICE_SESSION_CONTROL_H
#define BRATTICE_SESSION_CONTROL_H

#include "base/err.h"
#include "base/loop.h"

struct br_control;

struct br_control_ops {
	void *arg;
	/* Writes the session's JSON into `out`. */
	void (*status)(void *arg, struct br_buf *out);
	void (*stop)(void *arg);
	void (*kill)(void *arg);
	/* Bytes typed by an attached client. */
	void (*input)(void *arg, const char *data, size_t n);
	/* An attached client's window size. */
	void (*resize)(void *arg, unsigned short rows, unsigned short cols);
	/* True when the session has a terminal to attach to; else attach answers 'E'. */
	bool (*can_attach)(void *arg);
};

/* Listens at $RUNTIME/<id>.sock (directory 0700, socket 0600). */
struct br_control *br_control_listen(struct br_loop *l, const char *id, const struct br_control_ops *ops, struct br_err *e);
/* Output of the command's terminal, to all attached clients. */
void br_control_output(struct br_control *c, const char *data, size_t n);
/* Tells attached clients the status, closes all, removes the socket. */
void br_control_close(struct br_control *c, int status);

/* Client side: connects to a live session's socket. */
int br_control_connect(const char *id, struct br_err *e);

#endif
