/* The record of a session, in its minimal first form: one JSON object a line in events.jsonl. The audit log replaces the
 * file behind this interface.
 *
 *   {"t":1764000000.123,"type":"start","session":"…","argv":[…],"project":"…","policy":"…"}
 *   {"t":…,"type":"path","op":"create","path":"…","decision":"deny","rule":".git/hooks","origin":"built-in","pid":12,"comm":"sh","errno":"EACCES"}
 *   {"t":…,"type":"limit","what":"memory",…}   {"t":…,"type":"end","status":0}
 *
 * Called by the monitor only. Denials, start and end are on disk (fdatasync) when the call returns: the effect is released
 * after it (docs/architecture.md, invariant 6). Returns -1 with errno when the record could not be written: the caller stops the run. */
#ifndef BRATTICE_SESSION_EVENTS_H
#define BRATTICE_SESSION_EVENTS_H

#include "base/buf.h"

struct br_events {
	int fd; /* events.jsonl, O_APPEND */
	off_t size; /* of the whole lines in it */
	struct br_buf line;
};

int br_events_open(struct br_events *ev, int session_dirfd);
void br_events_close(struct br_events *ev);

/* Building one event: begin, fields, then commit. Values are escaped; field names are literals. */
void br_events_begin(struct br_events *ev, const char *type);
void br_events_str(struct br_events *ev, const char *key, const char *value);
void br_events_strn(struct br_events *ev, const char *key, const char *value, size_t n);
void br_events_int(struct br_events *ev, const char *key, int64_t value);
void br_events_strv(struct br_events *ev, const char *key, char *const *values);
/* Appends the line, all of it or nothing; with `durable`, fdatasync. */
int br_events_commit(struct br_events *ev, bool durable);

#endif
