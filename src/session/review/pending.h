/* A session of review mode with what it changed. */
#ifndef BRATTICE_SESSION_REVIEW_PENDING_H
#define BRATTICE_SESSION_REVIEW_PENDING_H

#include "base/cli.h"
#include "session/review/changes.h"
#include "session/state.h"

struct br_pending {
	struct br_session_meta meta;
	int dir;             /* the session's directory */
	int lock;            /* held by apply and discard: one at a time */
	struct br_view view; /* upper = -1 when nothing is pending */
};

/* Finds the session `which`; an error when it did not run in review mode. The caller calls br_pending_close in every case. */
int br_pending_open(struct br_pending *p, const char *which, struct br_err *e);
/* As above, for changing it: an error while the session runs (its processes could change what was checked), or while another
 * apply or discard is at work. */
int br_pending_open_locked(struct br_pending *p, const char *which, struct br_err *e);
void br_pending_close(struct br_pending *p);

/* Removes the overlay and marks the session as done. */
int br_pending_finish(struct br_pending *p, struct br_err *e);

/* Turns the user's PATH arguments into project-relative ones: absolute, or relative to the working directory when that lies in
 * the project, else to the project. "" stands for all of it. */
int br_pending_paths(const struct br_pending *p, char *const *args, int n, struct br_strv *out, struct br_err *e);

/* What a command answers that was called without a session, or with too much (`why`): prints it; returns the exit status. */
int br_pending_unnamed(const char *command, const char *why);

#endif
