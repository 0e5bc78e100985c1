/* brattice export: one function for each format. They write as they read: memory is bounded by one entry. */
#ifndef BRATTICE_AUDIT_TOOL_EXPORT_H
#define BRATTICE_AUDIT_TOOL_EXPORT_H

#include "audit/tool/entry.h"
#include "audit/tool/tool.h"

struct br_export {
	const struct br_place *place;
	int fd;            /* where it goes */
	struct br_buf buf; /* collected for it */
	bool raw, salt;
	/* Of the first entry, for formats where each record says whose it is. */
	char session[128], host[256], user[128];
};

/* Writes what has been collected, when it is much, or with `now`. 0, or -1 with `e`. */
int br_export_flush(struct br_export *x, bool now, struct br_err *e);

typedef int br_export_fn(struct br_export *x, struct br_err *e);
br_export_fn br_export_asciicast, br_export_asciicast_v2, br_export_bundle;

/* A record of an entry, appended to `out` with its newline; nothing for entries that the format has no record for. */
typedef void br_record_fn(const struct br_export *x, const struct br_entry *ev, struct br_buf *out);
br_record_fn br_record_ocsf, br_record_cef, br_record_syslog;

#endif
