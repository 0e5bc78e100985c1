/* Capabilities of init and the agent: none, and no way to get any (capabilities(7), PR_SET_NO_NEW_PRIVS). */
#ifndef BRATTICE_SANDBOX_CAPS_H
#define BRATTICE_SANDBOX_CAPS_H

#include "base/err.h"

/* Empties the bounding, ambient, permitted, effective and inheritable sets and sets no_new_privs and the secure bits. */
int br_caps_drop_all(struct br_err *e);
/* Makes everything that is permitted effective. */
int br_caps_raise_all(struct br_err *e);
/* Keeps only `cap` (permitted and effective). For the gate: CAP_SYS_PTRACE over the sandbox. */
int br_caps_keep_only(unsigned cap, struct br_err *e);

#endif
