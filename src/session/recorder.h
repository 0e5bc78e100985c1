/* The session's record, as its monitor sees it: starts the auditor (libexec/brattice/brattice-auditor, which owns log and signing key),
 * hands it events (docs/events.md), and learns of its death.
 *
 * The auditor is started first of all and makes the log beside everything else that a start does; br_recorder_settle is where the start waits
 * for it. It is a session of its own and needs no monitor: when this one dies, the streams end, and it seals; until then the log's lock is its. All functions run in the monitor. */
#ifndef BRATTICE_SESSION_RECORDER_H
#define BRATTICE_SESSION_RECORDER_H

#include "audit/client.h"
#include "base/err.h"

#include <sys/types.h>

struct br_recorder {
	pid_t pid;       /* never waited for: it may have to compress when we are gone; 0: not started */
	int fd;          /* the monitor's stream, or -1 */
	int gate_fd;     /* the gate's, until the gate has it */
	int said;        /* what the auditor writes to its standard error: read once it is dead */
	unsigned unacked; /* events of class A, and the seal, that may not be on disk yet */
	bool ready;      /* the log is there */
	bool sealing, sealed; /* asked for; done, said the auditor */
	int broken;      /* errno: the record is not whole, nothing more is sent; else 0 */
	struct br_event event;
	unsigned char salt[32]; /* of redacted values */
};

#define BR_RECORDER_INIT {.fd = -1, .gate_fd = -1, .said = -1}

/* Makes $STATE/sessions/<id>/log with its salt, and starts the auditor on it. 0 or -1. */
int br_recorder_start(struct br_recorder *r, int session_dir, const char *session, struct br_err *e);

/* Events are built in r->event (br_event_begin …), then one of these finishes and sends it; its line then ends in a newline, for the copy
 * that --json-events makes. 0, or -1 with errno: then br_recorder_cause says why, and the session must end. */

/* Of its type's class: one of class A is on disk when it returns. */
int br_recorder_commit(struct br_recorder *r);
/* Without waiting; as of class `class`. */
int br_recorder_post(struct br_recorder *r, enum br_event_class class);
/* Lines of terminal.cast, n bytes, without their newline. */
int br_recorder_terminal(struct br_recorder *r, const char *line, size_t n);
/* Waits until the log is there and all that was posted is on disk. */
int br_recorder_settle(struct br_recorder *r);
/* The last word; br_recorder_settle waits for it. */
int br_recorder_seal(struct br_recorder *r, const char *reason);

/* Whether the auditor is gone. While nothing is unacknowledged, it has nothing to say, so its stream is readable only then. */
bool br_recorder_gone(const struct br_recorder *r);
/* Why the record can't be kept: what the auditor said when it died, waited for a second at most; else `sys`. */
void br_recorder_cause(struct br_recorder *r, int sys, struct br_err *e);
void br_recorder_free(struct br_recorder *r);

/* For a session that is dead, its lock held by the caller: if its log was not sealed, and no auditor is at it, libexec/brattice/brattice-log
 * closes it. 0, or -1. */
int br_recorder_recover(int session_dir, struct br_err *e);

#endif
