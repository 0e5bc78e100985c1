/* What the monitor wrote down during the run (session/state.h): `touched` and `base`. */
#ifndef BRATTICE_SESSION_REVIEW_RECORD_H
#define BRATTICE_SESSION_REVIEW_RECORD_H

#include "base/err.h"
#include "base/sha256.h"
#include "session/review/tree.h"

struct br_touched {
	struct br_strv names; /* sorted, project-relative */
	struct br_strv moved; /* those that came by a rename or a link: a whole tree may have moved in under the name */
};
/* Reads `touched`: "op path" lines. An absent file is an empty list. Paths that are absolute are made relative to `project`;
 * those outside of it (the private home, /tmp) are left out. The last line may be cut (the monitor was killed). */
int br_touched_read(int sessionfd, const char *project, struct br_touched *out, struct br_err *e);
void br_touched_free(struct br_touched *t);

/* Reads `home-changes` (session/home_changes.h) and calls `fn` for each line, in their order; both strings are only valid in the call. An
 * absent file has no lines. A line whose first word is unknown, or whose name is of no entry of the table (policy/builtin.h) and
 * not "cut", makes the file damaged. */
int br_home_changes_read(int sessionfd, int (*fn)(void *arg, const char *how, const char *name), void *arg, struct br_err *e);

/* A lower file as it was when the run first changed it. */
struct br_base_entry {
	char *path;
	char sha256[BR_SHA256_HEX]; /* "" when the file was too large to be hashed: then `mtime_ns` counts */
	uint64_t size;
	mode_t mode;
	int64_t mtime_ns;
	size_t place; /* line of the file */
};
struct br_base {
	struct br_base_entry *v; /* sorted by path; of several for one path the earliest */
	size_t n, cap;
};
/* Reads `base`: "sha256 size mode mtime_ns path" lines, mode in octal, "-" for a file that was too large to be hashed. */
int br_base_read(int sessionfd, struct br_base *out, struct br_err *e);
/* NULL when there is none. */
const struct br_base_entry *br_base_find(const struct br_base *b, const char *path);
void br_base_free(struct br_base *b);

#endif
