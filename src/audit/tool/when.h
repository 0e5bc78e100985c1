/* Times that people write and read. */
#ifndef BRATTICE_AUDIT_TOOL_WHEN_H
#define BRATTICE_AUDIT_TOOL_WHEN_H

#include "base/buf.h"
#include "base/err.h"

/* "10m" (that long before `now_us`), "14:30[:05]" (today), "2026-11-24[ T]14:30[:05[.25]][Z]": local time, or UTC with a Z. In
 * microseconds since 1970. 0, or -1 with `e`. */
int br_when_parse(const char *s, int64_t now_us, uint64_t *out, struct br_err *e);
/* "90", "1:30", "1:02:03.5", "90s", "2m": a place in a recording, in seconds. */
int br_place_in_time(const char *s, double *out, struct br_err *e);
int64_t br_wall_clock_us(void);
/* RFC 3339 in UTC with microseconds; a time of no calendar is "-". */
void br_when_rfc3339(int64_t us, struct br_buf *out);

#endif
