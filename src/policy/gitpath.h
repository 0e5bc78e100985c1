/* What a path inside a git directory means to git on the host: a pure function of the path's shape.
 *
 * A git directory is everything below a component named `.git` (gitrepository-layout(5)), with the git directories of
 * submodules below `.git/modules/` and of linked worktrees below `.git/worktrees/`. `.git` and the names below it are compared
 * as the most forgiving file system would: ASCII case, trailing dots and spaces, `:stream` and `git~1` (NTFS), and the
 * characters that HFS+ and casefolded ext4 ignore. */
#ifndef BRATTICE_POLICY_GITPATH_H
#define BRATTICE_POLICY_GITPATH_H

#include "policy/guard.h"

/* The start of the first component of `rel` that is `.git`, or NULL: everything from there on is a git directory. */
const char *br_gitpath_find(const char *rel);

/* Class of `rel` by git's rules alone; `rule` is a static text, or NULL with BR_GUARD_PLAIN. */
enum br_guard_class br_gitpath_classify(const char *rel, bool is_dir, const char **rule);

/* Class of renaming the directory `rel` away or another directory to this name: BR_GUARD_DENY when it is `.git` itself or holds
 * (or could bring) hooks, configuration or git directories of submodules and worktrees. */
enum br_guard_class br_gitpath_classify_tree(const char *rel, const char **rule);

#endif
