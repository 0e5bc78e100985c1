/* The helper programs of libexec/brattice: found beside the running program, never by PATH or the environment. */
#ifndef BRATTICE_SESSION_HELPER_H
#define BRATTICE_SESSION_HELPER_H

#include "base/buf.h"
#include "base/err.h"

/* The absolute path of a helper: <dir of /proc/self/exe>/libexec/brattice/NAME (build tree) or
 * <dir>/../libexec/brattice/NAME (installed). -1 with `e` when neither is there. */
int br_helper_path(const char *name, char *out, size_t room, struct br_err *e);
/* Runs it to its end with stdin from /dev/null and stdout to stderr; the exit status, or -1 with `e`. */
int br_helper_run(const char *name, char *const argv[], struct br_err *e);
/* The same, with what it writes to its standard output appended to `out`: at most `max` bytes, more is an error. */
int br_helper_output(const char *name, char *const argv[], struct br_buf *out, size_t max, struct br_err *e);
/* The same, with what it writes to its standard error too. */
int br_helper_all_output(const char *name, char *const argv[], struct br_buf *out, size_t max, struct br_err *e);

#endif
