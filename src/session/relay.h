/* Bytes one way between two descriptors, without ever blocking the loop: reads only while there is room. */
#ifndef BRATTICE_SESSION_RELAY_H
#define BRATTICE_SESSION_RELAY_H

#include "base/buf.h"
#include "base/loop.h"

struct br_relay;

/* Sees the bytes before they go on; what it leaves in `out` is passed on. NULL: as they are. */
typedef void br_relay_filter(void *arg, const char *data, size_t n, struct br_buf *out);
/* Called once when `from` has ended and everything is written, or `to` is gone. */
typedef void br_relay_done(void *arg);

/* `from` and `to` are not owned. They may be blocking: `to` is polled before each write of at most 512 bytes (PIPE_BUF rules; a
 * terminal that takes less blocks for that little). `from` -1: only what is injected. NULL with errno. */
struct br_relay *br_relay_new(struct br_loop *l, int from, int to, br_relay_filter *f, br_relay_done *done, void *arg);
/* Adds bytes that didn't come from `from`; dropped when `to` is gone, or when a megabyte is pending. */
void br_relay_inject(struct br_relay *r, const char *data, size_t n);
/* Bytes that `to` has not taken yet. */
size_t br_relay_pending(const struct br_relay *r);
/* Writes what is pending, waiting at most `ms` in all; for the end of a session. */
void br_relay_flush(struct br_relay *r, int ms);
/* Reads what is there already from `from` (non-blocking) and flushes. */
void br_relay_drain(struct br_relay *r, int ms);
void br_relay_free(struct br_relay *r);

#endif
