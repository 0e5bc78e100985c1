/* A project that is a linked worktree (git-worktree(1)): git in it needs the repository that it belongs to. */
#ifndef BRATTICE_SESSION_WORKTREE_H
#define BRATTICE_SESSION_WORKTREE_H

#include "base/defs.h"

#include <limits.h>

/* When `project/.git` is a file that names <repository>/.git/worktrees/<name>, and that directory names the project back, the real
 * path of <repository>/.git goes to `common` and true is returned. The way back is what makes it safe: a `.git` file alone could
 * have been written to reach any repository of the user's. */
bool br_worktree_common(const char *project, char common[PATH_MAX]);

#endif
