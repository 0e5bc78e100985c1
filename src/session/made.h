/* Directories that a session makes in the project because its policy has a copy of its own to mount there (filesystem.private
 * on a fresh clone). They are removed when nothing uses them any more and nothing has come into them, also after a crash.
 *
 * $STATE/homes/<hash of project>.made lists them: the project's root, then relative paths, each ending in a NUL, parents first.
 * Every session that uses one holds a shared flock(2) on that file for as long as its monitor lives; whoever gets the exclusive
 * lock knows that nobody does. (rmdir(2) of a mount point of another mount namespace would take its mount away.) */
#ifndef BRATTICE_SESSION_MADE_H
#define BRATTICE_SESSION_MADE_H

#include "base/err.h"

struct br_made {
	int fd;      /* the list, locked; -1: not open */
	int project; /* its root, O_PATH; -1 */
};

#define BR_MADE_INIT                                                                                                           \
	{                                                                                                                      \
		-1, -1                                                                                                         \
	}

/* Makes the directory `rel` (relative, normal) of the project `root` unless it is there. Nothing is followed out of the
 * project, and no symlink at all: -1 with `e` when one is in the way, or something else than a directory. Owned by the owner of
 * the directory it is made in. `list` is the file's path. */
int br_made_dir(struct br_made *m, const char *list, const char *root, const char *rel, struct br_err *e);
/* The end of the session: removes what nobody uses, and closes. */
void br_made_finish(struct br_made *m);
/* gc: the same for every list in `homes` ($STATE/homes, a descriptor). */
void br_made_collect(int homes);

#endif
