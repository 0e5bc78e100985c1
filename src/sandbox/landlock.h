/* Landlock under the mounts and the path gate (landlock(7)).
 *
 * Every call that would write goes through the path gate, which acts outside the agent's domain and hands descriptors in. So
 * the domain grants reading and executing only: *no* write right at all. A write that slips past the gate by any road
 * fails here, in the project too. The domain also keeps signals and abstract sockets inside (ABI 6). */
#ifndef BRATTICE_SANDBOX_LANDLOCK_H
#define BRATTICE_SANDBOX_LANDLOCK_H

#include "sandbox/plan.h"

/* Oldest ABI that brattice runs with: 2 (Linux 5.19). */
#define BR_LANDLOCK_MIN_ABI 2

/* The kernel's ABI, or 0 when Landlock is missing or off. */
int br_landlock_abi(void);
/* Restricts the calling thread and its descendants. Runs in init, in the finished root, after no_new_privs. */
int br_landlock_restrict(const struct br_plan *p, struct br_err *e);

#endif
