/* Carries the mount plan out. Runs in init, in its own user and mount namespace, with all capabilities there. */
#ifndef BRATTICE_SANDBOX_MOUNTS_H
#define BRATTICE_SANDBOX_MOUNTS_H

#include "sandbox/plan.h"

/* Opens every source of the plan as a detached, attribute-set mount: ops[i].fd. Sources are opened before anything is
 * mounted, so that the new root can't shadow one of them.
 * Also used by the monitor when it is root (sources only root can reach), then with `idmap_userns` >= 0 for the
 * read-write bind `idmap_src` (mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12), or an overlay's lower layer of that name (Linux 6.15).
 * It makes the overlay too: in init the way to its layers would end at root's directories. */
int br_mounts_open_sources(struct br_plan *p, int idmap_userns, const char *idmap_src, struct br_err *e);
/* Builds the new root from the plan and makes it the root of this mount namespace; the old one is gone afterwards.
 * The root and everything that is not writable by plan are read-only. */
int br_mounts_build(struct br_plan *p, struct br_err *e);
/* Lays an unreadable file or directory over each of `paths` (n strings; absolute inside). A path that vanished is skipped. */
int br_mounts_mask(const char *const *paths, size_t n, struct br_err *e);
/* Last step: the root and /dev become read-only. */
int br_mounts_seal(struct br_err *e);

#endif
