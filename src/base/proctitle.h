/* What /proc shows of a process that was forked and not executed: it would be the parent's command line and environment. */
#ifndef BRATTICE_BASE_PROCTITLE_H
#define BRATTICE_BASE_PROCTITLE_H

#include "base/defs.h"

/* Overwrites this process's own argument and environment area (proc_pid_stat(5): arg_start … env_end) with `title` and zeros.
 * `argv` of main and the strings of `environ` are gone afterwards: whoever needs one has copied it. Values of the environment
 * that are secrets leave this process's memory by it. */
void br_retitle(const char *title);

#endif
