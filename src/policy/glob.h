/* Globs with gitignore semantics, for hide, protect, watch, private, and Read/Edit rules.
 *
 * `*` and `?` do not cross '/', `**` as a whole component does, `[a-z]` and `[!a-z]` classes, backslash escapes.
 * A pattern with no '/' but a trailing one matches a name at any depth; one with a '/' elsewhere is anchored at the
 * root; a trailing '/' matches directories only. A pattern that matches a directory matches everything below it. */
#ifndef BRATTICE_POLICY_GLOB_H
#define BRATTICE_POLICY_GLOB_H

#include "base/err.h"

enum {
	BR_GLOB_ICASE = 1 << 0,     /* ASCII case folded, for guards: .GIT is .git on some file systems */
	BR_GLOB_ROOT_ONLY = 1 << 1, /* a pattern without '/' matches only the first component */
	BR_GLOB_WHOLE = 1 << 2      /* the path itself, not a directory above it: wildmatch of git with WM_PATHNAME; for anchored patterns */
};

/* True when `path` (relative, no leading '/', normal form), or a directory above it, matches `pattern`.
 * `is_dir`: whether the last component of `path` is a directory. Linear time, no allocation, no recursion without bound. */
bool br_glob_match(const char *pattern, const char *path, bool is_dir, unsigned flags);
/* True when some path strictly below the directory `dir` could match `pattern` (for renames of a parent).
 * May answer true too often, never false wrongly. */
bool br_glob_may_match_below(const char *pattern, const char *dir, unsigned flags);
/* Checks a pattern's syntax; -1 and a message that says what is wrong and at which byte. */
int br_glob_check(const char *pattern, struct br_err *e);

#endif
