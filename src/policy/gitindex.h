/* Which of some names does git track? Answered from the bytes of `.git/index` (gitformat-index(5), versions 2, 3 and 4; SHA-1
 * and SHA-256 repositories), in one pass, without git. The file may be written by the sandbox: everything is bounded and
 * checked.
 *
 * The answer decides whether a file with a secret's name is hidden (a tracked one is not: git would see it as modified). An
 * index that the sandbox forged can so at most name files that it could read before. */
#ifndef BRATTICE_POLICY_GITINDEX_H
#define BRATTICE_POLICY_GITINDEX_H

#include "base/err.h"

struct br_gitindex_info {
	unsigned version; /* 2, 3 or 4 */
	uint32_t entries;
	size_t hash_len; /* 20 or 32 */
	bool sparse;     /* some entries are directories: what lies in them is tracked, but not named here */
	char split[65]; /* "" or, with a split index, the hash in the name of `.git/sharedindex.<hash>`, which holds the entries
			   that are not here: ask that file too */
};

/* Sets `tracked[i]` to true when `names[i]` (relative to the root of the working tree, not ending in '/') is an entry, at any
 * merge stage, or lies below an entry that is a directory of a sparse index; leaves it alone otherwise, so that two files'
 * answers add up. `names` must be sorted by bytes (strcmp) without duplicates. `info` may be NULL. 0, or -1 when `data` is not
 * a sound index (answers set so far are then void) or memory ran out. Cost: one look-up among `count` names per entry. */
int br_gitindex_tracked(const void *data, size_t n, const char *const *names, size_t count, bool *tracked,
    struct br_gitindex_info *info, struct br_err *e);

#endif
