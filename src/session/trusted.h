/* Files of the project that a repository's own configuration makes git run or believe (`core.hooksPath = .githooks`,
 * `include.path =
 * ../team.gitconfig`, `filter.x.clean = ./scripts/clean`): they are guarded like `.git/hooks`. */
#ifndef BRATTICE_SESSION_TRUSTED_H
#define BRATTICE_SESSION_TRUSTED_H

#include "policy/guard.h"

/* Reads `config` and `config.worktree` of the repository at `repo` (project-relative, "" for the project; also a submodule, by
 * its
 * `.git` file) and adds what they name to `g`. `rootfd` is the project's directory, `root` its absolute path. Of a command only
 * words that are regular files count. husky's own `.husky/_`, which every `npm install` writes, is left out. Configuration that
 * is absent or that git could not read either adds nothing. 0, or -1 when memory ran out. Runs in the monitor, before the
 * start. */
int br_trusted_guard(int rootfd, const char *root, const char *repo, struct br_guard *g);

#endif
