/* What an apply will do: each wanted change with its verdict and, afterwards, its outcome. */
#ifndef BRATTICE_SESSION_REVIEW_PLAN_H
#define BRATTICE_SESSION_REVIEW_PLAN_H

#include "session/review/handoff.h"
#include "session/review/journal.h"
#include "session/review/merge.h"
#include "session/review/place.h"

struct br_plan_item {
	const struct br_change *c;
	struct br_verdict v;
	bool done;
	bool state; /* of a repository's state (HEAD, index, refs …): all of it, or none */
	bool lock;  /* written under git's own lock, NAME.lock */
};

struct br_plan {
	struct br_plan_item *v;
	size_t n;
	bool failed; /* a write failed, and another would too (disk full …): stopped */
};

/* Takes the wanted changes and decides each. -1 with `e`: no memory. */
int br_plan_make(
    struct br_plan *p, const struct br_merge *m, const struct br_changes *c, const struct br_strv *paths, struct br_err *e);
void br_plan_free(struct br_plan *p);

/* Makes a repository's state one thing: when a part of it is in conflict, or git on the host holds a lock, all of it is. */
void br_plan_git(struct br_plan *p, int root);

/* The handoff check over what would be applied. */
void br_plan_look(const struct br_plan *p, const struct br_handoff_ctx *ctx, struct br_handoff *h);

/* Does it. Never an error as a whole: each item says what came of it. */
void br_plan_run(struct br_plan *p, struct br_place *place);

#endif
