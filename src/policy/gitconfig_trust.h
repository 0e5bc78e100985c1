/* Which files does a repository's configuration make git run or believe? `core.hooksPath = .githooks`, `include.path =
 * ../team.gitconfig`, `alias.x = !tools/x` or `filter.y.clean = ./scripts/clean` make a file of the tree as sensitive as
 * `.git/hooks`: the session guards what the configuration names at its start (br_guard_add_executed). */
#ifndef BRATTICE_POLICY_GITCONFIG_TRUST_H
#define BRATTICE_POLICY_GITCONFIG_TRUST_H

#include "base/defs.h"

enum br_gitconfig_base {
	BR_GITCONFIG_FROM_FILE, /* relative to the directory that the configuration file is in */
	BR_GITCONFIG_FROM_TREE, /* relative to the root of the working tree */
	/* The same, but words of a command: */
	BR_GITCONFIG_PROGRAM, /* stands where a program does, with a '/' */
	BR_GITCONFIG_WORD,    /* any other with a '/': may be something else than a path */
	BR_GITCONFIG_SCRIPT   /* without one, behind the name of an interpreter */
};

/* `name` is the key ("core.hookspath"), `path` as written: relative or absolute, possibly with "./" or "..", never empty. Valid
 * during the callback. Returns false to stop. */
typedef bool br_gitconfig_trust_fn(void *arg, const char *name, const char *path, enum br_gitconfig_base base);

/* Calls `fn` for each such path, some more often than once ("~/x" as written). In a command every word counts that could be a
 * file; programs that are found by PATH and addresses don't. True when all of `data` was read; false when it is not git's
 * syntax (git does not work then either), or `fn` stopped. Pure. */
bool br_gitconfig_trusted_paths(const char *data, size_t n, br_gitconfig_trust_fn *fn, void *arg);

#endif
