/* A directory of our own that goes when we do, whatever ends us: a child waits for that. */
#ifndef BRATTICE_AUDIT_TOOL_SCRATCH_H
#define BRATTICE_AUDIT_TOOL_SCRATCH_H

#include "base/err.h"

/* Below $TMPDIR or /tmp, mode 0700. The directory's descriptor, or -1 with `e`. `*keeper` is closed for it to be removed, and waited for by
 * br_scratch_end. */
int br_scratch_begin(int *keeper, pid_t *child, struct br_err *e);
void br_scratch_end(int *keeper, pid_t child);

#endif
