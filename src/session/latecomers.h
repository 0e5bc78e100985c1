/* Secrets that the host puts into the project while a session runs.
 *
 * A mask is a mount over a file; when the host renames another file over that (an editor saving `.env`), the kernel takes the mask
 * away, and a new `.env` never had one. So the directories are watched, and what the host makes under a hidden name is masked as
 * soon as the event arrives: within about a millisecond. That gap is a stated limit (docs/threat-model.md). What the agent itself
 * makes stays its own: the gate announces each such name before it acts, so an event without an announcement is the host's. */
#ifndef BRATTICE_SESSION_LATECOMERS_H
#define BRATTICE_SESSION_LATECOMERS_H

#include "base/loop.h"
#include "policy/guard.h"

struct br_latecomers;

#define BR_LATECOMERS_DIRS 4096 /* directories watched at most */

/* `mask` is called with a project-relative name to be hidden now. */
struct br_latecomers *br_latecomers_new(const struct br_guard *g, const char *root, void (*mask)(void *arg, const char *rel), void *arg);
void br_latecomers_free(struct br_latecomers *l); /* NULL is fine */
/* Watches the directory open as `dirfd`, named `rel` ("" for the project). Called by the scan before it reads the directory. False when
 * no more can be watched. */
bool br_latecomers_watch(struct br_latecomers *l, int dirfd, const char *rel);
/* The descriptor to wait for, and what to do when it is readable. */
int br_latecomers_fd(const struct br_latecomers *l);
void br_latecomers_serve(struct br_latecomers *l);
/* The agent is about to make `rel` (or did not, after all). */
void br_latecomers_expect(struct br_latecomers *l, const char *rel, int change);

#endif
