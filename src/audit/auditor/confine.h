/* What the auditor gives up before it reads a byte of anybody's. */
#ifndef BRATTICE_AUDITOR_CONFINE_H
#define BRATTICE_AUDITOR_CONFINE_H

#include "base/err.h"

/* A session of its own, terminal signals ignored, not dumpable: nobody's ^C, hang-up or debugger ends the recording. */
void br_auditor_detach(void);
/* Only the log directory from here on: Landlock where the kernel has it, no new privileges, no network, no core. -1 with `e`. */
int br_auditor_confine(int logdir, struct br_err *e);

#endif
