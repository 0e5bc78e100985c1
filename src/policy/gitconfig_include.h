/* The conditions of git's `includeIf.<condition>.path` (git-config(1), "Conditional includes"). */
#ifndef BRATTICE_POLICY_GITCONFIG_INCLUDE_H
#define BRATTICE_POLICY_GITCONFIG_INCLUDE_H

#include "base/defs.h"

/* Where a configuration is read, and for which repository. All paths are absolute. */
struct br_gitconfig_place {
	const char *home;      /* what "~/" stands for, with symlinks resolved */
	const char *dir;       /* of the file that holds the condition, with symlinks resolved */
	const char *gitdir;    /* of the repository, with symlinks resolved; NULL: there is none */
	const char *also;      /* its path as the user went there, or NULL */
};

/* Does "gitdir:PATTERN" or "gitdir/i:PATTERN" hold? Other conditions (onbranch, hasconfig, what git learns later) never do: they can
 * change while a session runs. Neither does a pattern that is longer than a path. Pure; linear in the lengths as br_glob_match. */
bool br_gitconfig_condition(const char *condition, const struct br_gitconfig_place *at);

#endif
