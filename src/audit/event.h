/* Events of the audit log (docs/events.md): one act, one line of JSON. Pure; used by the monitor and the gate (static, no library)
 * to build, so that the auditor, which holds the signing key, never has to look into one. */
#ifndef BRATTICE_AUDIT_EVENT_H
#define BRATTICE_AUDIT_EVENT_H

#include "base/buf.h"

/* The numbers are part of the format (docs/log-format.md, "Index"): only ever add. */
enum br_event_type {
	BR_EV_START,
	BR_EV_END,
	BR_EV_EXEC,
	BR_EV_EXEC_FAILED,
	BR_EV_EXIT,
	BR_EV_PATH,
	BR_EV_LIMIT,
	BR_EV_TERMINAL,
	BR_EV_GAP,
	BR_EV_ALERT,
	BR_EV_HANDOFF,
	BR_EV_SEALED,
	BR_EV_WATCH,
	BR_EV_CALL,
	BR_EV_NOTE,
	BR_EV_RECOVERED,
	BR_EV_TYPES /* how many; at most 32 */
};

/* Durability (docs/log-format.md). */
enum br_event_class { BR_CLASS_A, BR_CLASS_B, BR_CLASS_C };

struct br_event {
	enum br_event_type type;
	bool denied;
	struct br_buf line; /* the JSON, complete after br_event_finish; its memory is reused by the next begin */
};

const char *br_event_type_name(enum br_event_type t);   /* "exec-failed" */
enum br_event_class br_event_class_of(enum br_event_type t);

/* begin, fields, finish. Field names are literals; values may be any bytes: what isn't UTF-8 becomes {"base64":"…"}. */
void br_event_begin(struct br_event *ev, enum br_event_type type); /* with t and m of now */
void br_event_str(struct br_event *ev, const char *key, const char *value);
void br_event_strn(struct br_event *ev, const char *key, const char *value, size_t n);
void br_event_int(struct br_event *ev, const char *key, int64_t value);
void br_event_bool(struct br_event *ev, const char *key, bool value);
void br_event_seconds(struct br_event *ev, const char *key, uint64_t us); /* 1.234567 */
void br_event_strv(struct br_event *ev, const char *key, char *const *values);
/* `n` bytes of NUL-separated strings, as in /proc/PID/cmdline, each passed through the redaction of audit/redact.h with `salt`. */
void br_event_argv(struct br_event *ev, const char *key, const char *bytes, size_t n, const unsigned char salt[32]);
/* A nested object or list: raw JSON between is the caller's. */
void br_event_open(struct br_event *ev, const char *key, char bracket);
void br_event_close(struct br_event *ev, char bracket);
/* Counts among the denials (brattice log --denied): a member `denied` of the event itself, so not between open and close. */
void br_event_denied(struct br_event *ev);
/* 0, or -1 with ENOMEM: then nothing may be sent. The line has no newline. */
int br_event_finish(struct br_event *ev);
void br_event_free(struct br_event *ev);

#endif
