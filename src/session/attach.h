/* The client side of attach: another terminal on a running session. */
#ifndef BRATTICE_SESSION_ATTACH_H
#define BRATTICE_SESSION_ATTACH_H

#include "base/err.h"
#include "session/terminal.h"

/* A key that ends the attachment: a control character, as terminals send it in any of their keyboard protocols. */
struct br_detach_key {
	unsigned char byte; /* 0: none */
};

/* "ctrl-]", "^]", "C-]", or "none". Letters and @ [ \ ] ^ _ can be had with Ctrl; not Ctrl-C, -D, -M, -I and -[, which one types. */
int br_detach_key_parse(const char *s, struct br_detach_key *out, struct br_err *e);
/* Where in the input the key stands, or -1. */
ssize_t br_detach_key_find(const struct br_detach_key *k, const char *data, size_t n);

enum br_attach_end { BR_ATTACH_DETACHED, BR_ATTACH_ENDED, BR_ATTACH_LOST };

/* Relays between the terminal `t` (open, not raw yet) and the session behind `sock`, until one of them ends. `*status` is the command's
 * when it ended. BR_ATTACH_LOST: the connection closed without a word. -1 with `e` when it could not begin. The terminal is as before
 * on return. */
int br_attach(int sock, struct br_terminal *t, const struct br_detach_key *k, int *status, struct br_err *e);

#endif
