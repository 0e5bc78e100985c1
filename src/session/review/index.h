/* Git's index, as far as it says what is staged: any `git status` on the host may rewrite the file only to refresh what it
 * knows of inodes and times, and that is no change that an apply would lose. */
#ifndef BRATTICE_SESSION_REVIEW_INDEX_H
#define BRATTICE_SESSION_REVIEW_INDEX_H

#include "base/sha256.h"

#define BR_INDEX ".git/index"
#define BR_INDEX_MAX ((size_t)256 << 20)

/* Hash of the entries (mode, object, stage and flags, name) of an index of version 2 or 3 with SHA-1 objects
 * (gitformat-index(5)). False for anything else: then only the bytes count. */
bool br_index_digest(const void *data, size_t n, char hex[BR_SHA256_HEX]);

/* At the end of a run: keeps the digest of the host's index in the session (`index.digest`), when it is still what it was at
 * copy-up. Best effort: without it, a refreshed index is a conflict. */
struct br_base;
void br_index_keep(int sessionfd, int lower, const struct br_base *base);
/* What br_index_keep kept, or "". */
void br_index_kept(int sessionfd, char hex[BR_SHA256_HEX]);

#endif
