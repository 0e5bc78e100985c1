/* brattice-review: the commands, and what they share. */
#ifndef BRATTICE_SESSION_REVIEW_REVIEW_H
#define BRATTICE_SESSION_REVIEW_REVIEW_H

#include "session/review/changes.h"
#include "session/review/handoff.h"
#include "session/review/record.h"

/* Exit statuses of these commands; documented in docs/review.md. */
enum {
	BR_REVIEW_OK = 0,
	BR_REVIEW_CONFLICT = 1, /* apply: some of it could not be applied. handoff: warnings */
	BR_REVIEW_BLOCKED = 2   /* the handoff check found what must be looked at first: nothing was written */
};

typedef int br_review_fn(int argc, char **argv);
br_review_fn br_cmd_handoff;
br_review_fn br_cmd_diff;
br_review_fn br_cmd_apply;
br_review_fn br_cmd_discard;
br_review_fn br_cmd_refresh;

/* Reads a compiled policy file and makes the guard of it. `p` must outlive the guard. */
struct br_guard *br_review_guard(int dirfd, const char *path, struct br_policy *p, struct br_err *e);
/* Keeps the compiled policy of a run in its session, where br_review_guard_of_run looks first: the cache forgets it when the
 * policy changes. */
int br_review_keep_policy(int sessionfd, const char *path, struct br_err *e);
/* The guard of a run whose policy has the hash `hash`: from the session, else from the cache of compiled policies. */
struct br_guard *br_review_guard_of_run(int sessionfd, const char *hash, struct br_policy *p, struct br_err *e);
/* Tells the guard about every repository whose root lies on the way to one of `names` and was there before the run. `made`
 * (sorted, may be NULL): names that the run itself made or changed; a `.git` among them is no repository of before. */
int br_review_repos(struct br_guard *g, int tree, const struct br_strv *names, const struct br_strv *made, struct br_err *e);

#endif
