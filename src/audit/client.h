/* The sending end of the audit log: monitor and gate each have one stream to the auditor. No library.
 *
 * Frames on a SOCK_STREAM pair, host byte order (both ends are one program's): struct br_audit_frame, then `len` bytes.
 *   'E' an event's line           'T' a line of terminal.cast (asciicast v3)         'S' seal: the session is over, reason follows
 * The auditor says 'R' on its first stream once it can record; it answers an 'E' of class A, and 'S', with one byte 'k' when it is on disk. End of file at either end is the other's
 * death: the sender gets -1 with EPIPE and ends the session (invariant 6); the auditor syncs, and seals when all senders are gone. */
#ifndef BRATTICE_AUDIT_CLIENT_H
#define BRATTICE_AUDIT_CLIENT_H

#include "audit/event.h"

struct br_audit_frame {
	uint32_t len;
	uint8_t kind;   /* 'E', 'T', 'S' */
	uint8_t class;  /* enum br_event_class */
	uint8_t type;   /* enum br_event_type */
	uint8_t denied;
};

#define BR_AUDIT_FRAME_MAX (64U << 20) /* longer frames end the stream: argv and environment are limited to 6 MiB by the kernel */

/* Waits until the log is there, its checkpoint of size 0 on disk: before that no command may start. Only on the first stream. 0, or
 * -1 with errno: EPIPE when the auditor died instead (its stderr says why). */
int br_audit_ready(int fd);
/* Sends one finished event on stream `fd` and, for class A, waits until it is on disk. Blocks while the auditor is behind (that slows
 * the agent, never loses a record). 0, or -1 with errno: EPIPE when the auditor is gone. */
int br_audit_send(int fd, const struct br_event *ev);
/* The two halves of br_audit_send, for who has something else to do meanwhile: sends it as of class `class` (weaker than its type's for what
 * has no effect that waits), without waiting; and waits for the answer to one of class A. Answers come in the order of the events. */
int br_audit_post(int fd, const struct br_event *ev, enum br_event_class class);
int br_audit_wait(int fd);
int br_audit_send_terminal(int fd, const char *line, size_t n);
/* Seals the log; returns when it is on disk. `reason` as in the `sealed` event. */
int br_audit_seal(int fd, const char *reason);
/* The same without waiting: br_audit_wait does. */
int br_audit_post_seal(int fd, const char *reason);

#endif
