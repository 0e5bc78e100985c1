/* The seccomp filter of everything inside. Made at build time by seccomp_gen.c, loaded here. */
#ifndef BRATTICE_SANDBOX_SECCOMP_H
#define BRATTICE_SANDBOX_SECCOMP_H

#include "base/err.h"

/* Installs the filter in the calling (only) thread; returns the user-notification listener. no_new_privs must be set.
 * seccomp(2), SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE_RECV (Linux 5.19). EBUSY: an enclosing sandbox has one. */
int br_seccomp_install(struct br_err *e);

#endif
