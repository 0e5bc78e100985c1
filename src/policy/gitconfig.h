/* The judge of git's configuration: may this content become a `config` file that git on the host will trust?
 *
 * Parses git's own syntax (git-config(1), "CONFIGURATION FILE"); what it cannot parse it refuses. Keys known to be
 * harmless pass; keys that execute or redirect, and keys it does not know, are refused by name (an allowlist, because
 * git grows). */
#ifndef BRATTICE_POLICY_GITCONFIG_H
#define BRATTICE_POLICY_GITCONFIG_H

#include "base/defs.h"

struct br_gitconfig_refusal {
	unsigned line;
	char key[256]; /* "core.hookspath", or "" for a syntax error */
	char why[256];
};

/* Called for values that name a path (core.worktree, remote.*.url, submodule.*.url): returns true when the path, taken relative
 * to the directory that the configuration file is for, stays in the tree. A repository there that git on the host pushes to or
 * fetches from runs its own hooks: the caller guards those of bare repositories too. */
typedef bool br_gitconfig_path_ok(void *arg, const char *path);

/* True when all of `data` is harmless. `before` (may be NULL) is the present content: keys that are already there with
 * the same value pass, so that a user's own `core.pager` doesn't make every `git config` fail. */
bool br_gitconfig_judge(const char *data, size_t n, const char *before, size_t before_n, br_gitconfig_path_ok *path_ok,
    void *arg, struct br_gitconfig_refusal *why);

struct br_gitconfig_entry; /* gitconfig_parse.h */

/* Whether this entry alone would pass br_gitconfig_judge (`path_ok` and `arg` as there). */
bool br_gitconfig_is_harmless(const struct br_gitconfig_entry *e, br_gitconfig_path_ok *path_ok, void *arg);

#endif
