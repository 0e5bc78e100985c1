/* Three-way decisions: may this change be applied, given what the host's file was at copy-up and what it is now? */
#ifndef BRATTICE_SESSION_REVIEW_MERGE_H
#define BRATTICE_SESSION_REVIEW_MERGE_H

#include "policy/guard.h"
#include "session/review/changes.h"
#include "session/review/record.h"

enum br_verdict_kind {
	BR_VERDICT_APPLY,
	BR_VERDICT_SKIP,     /* never applied, and that is no conflict: a FIFO, a socket */
	BR_VERDICT_CONFLICT, /* the host changed it meanwhile */
	BR_VERDICT_GUARDED   /* its name or content is guarded */
};

struct br_verdict {
	enum br_verdict_kind kind;
	char why[512];    /* for people; may hold any byte */
	struct stat seen; /* the host's file that was compared: what is replaced or removed must still be it. st_mode 0: nothing
			     there */
};

struct br_merge {
	const struct br_view *view;
	const struct br_base *base;
	const struct br_guard *guard;
	const char *project;
	int64_t started_ms; /* start of the run, CLOCK_REALTIME */
	const char *index;  /* br_index_digest of .git/index at copy-up, or "" */
};

void br_merge_decide(const struct br_merge *m, const struct br_change *c, struct br_verdict *v);

/* True when a `.git` file with this content leads to .git/worktrees/ or .git/modules/ of a repository inside the project. */
bool br_gitlink_inside(const char *project, const char *rel, const char *text, size_t n);
/* True for the only content of a `commondir` that stays in its repository: "../..". */
bool br_commondir_inside(const char *text, size_t n);
/* For br_gitconfig_judge: true when a path (or URL of a local repository) in a configuration stays in the tree. `arg`: the project's
 * absolute path, a string. */
bool br_gitconfig_path_inside(void *arg, const char *path);

#endif
