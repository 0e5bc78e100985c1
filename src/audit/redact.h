/* Finds secrets in what is about to be recorded (architecture: no secret in a log). Pure; for the gate and the monitor.
 *
 * By form (the published prefixes of tokens: AKIA…, ghp_…, sk-ant-…, xox…, JWTs, PEM private keys, URLs with a password) and by
 * name (--password X, --token=X, FOO_SECRET=X, Authorization: Bearer X). The table is data; docs/events.md names its limits. */
#ifndef BRATTICE_AUDIT_REDACT_H
#define BRATTICE_AUDIT_REDACT_H

#include "base/defs.h"

struct br_secret_span {
	size_t at, len;
};

/* Spans of secrets in `s`, in order, not overlapping; at most `max`, returns how many. `prev` is the argument before (NULL: none):
 * "--password" makes all of `s` one. Linear in n. */
size_t br_redact_find(const char *prev, const char *s, size_t n, struct br_secret_span *out, size_t max);

#endif
