/* Files of the project that git on the host runs or believes because its configuration says so (`core.hooksPath = .githooks`,
 * `include.path = ../team.gitconfig`, `filter.x.clean = ./scripts/clean`): they are guarded like `.git/hooks`. */
#ifndef BRATTICE_SESSION_TRUSTED_H
#define BRATTICE_SESSION_TRUSTED_H

#include "policy/guard.h"

/* Reads the configuration that git on the host uses in the working tree at `repo` (project-relative, "" for the project; also a
 * submodule or a linked worktree, by its `.git` file) and adds to `g` what it names below `root`, the project's absolute path:
 *
 * - the system's, the user's and the repository's `config` and `config.worktree`, and all that they include, whatever the
 *   condition; a project that is no repository itself but lies in one counts as part of that;
 * - directories of hooks as a whole, and where the symlinks in them lead, also of the default one;
 * - programs: in a command every word that could be a file of the tree, whether it is there yet or not;
 * - where a symlink of the tree is on the way, what it leads to as well.
 *
 * A directory of hooks that husky owns (`…/_`) is BR_GUARD_KEEP, since every install writes it again. Configuration that is
 * absent, too large or that git could not read either adds nothing: git does not work with it, and a session should not fail
 * for it. 0, or -1 with errno when memory ran out or a file could not be read. Runs in the monitor, before the start, and in `policy explain`. */
int br_trusted_guard(const char *root, const char *repo, struct br_guard *g);

#endif
