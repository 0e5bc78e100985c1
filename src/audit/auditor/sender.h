/* One sender's stream in the auditor: bytes in, frames out (audit/client.h). Senders are brattice's own processes, but the gate handles
 * what hostile programs hand it: so nothing that a stream says can do more than end that stream. */
#ifndef BRATTICE_AUDITOR_SENDER_H
#define BRATTICE_AUDITOR_SENDER_H

#include "audit/client.h"

/* At most so many bytes of one sender are taken before the others have their turn. */
#define BR_SENDER_ROUND (256U << 10)

struct br_sender {
	int fd; /* owned; -1 once it is over */
	struct br_buf in;
	size_t at;       /* [at, in.len) is to be taken */
	uint32_t unacked; /* class A events that are to be answered once they are on disk */
	bool waits;       /* it has sent one that it waits for: it is always listened to */
	uint64_t rests;   /* until then nobody listens, microseconds; 0: it is listened to */
};

struct br_frame {
	struct br_audit_frame head;
	const char *data; /* head.len bytes, valid until the next read */
};

/* Reads what is there without waiting, at most `max` bytes. 1 there was something, 0 nothing now, -1 the sender is gone. */
int br_sender_read(struct br_sender *s, size_t max);
/* The next whole frame. 1, 0 none yet, -1 what comes is none. */
int br_sender_frame(struct br_sender *s, struct br_frame *out);
/* Whether it is one that may be: kind, class, type, and the outline of a line. */
bool br_frame_valid(const struct br_frame *f);
/* Answers all that is unacknowledged. A sender that doesn't take it is closed. */
void br_sender_ack(struct br_sender *s);
void br_sender_close(struct br_sender *s);

#endif
