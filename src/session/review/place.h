/* Writing below the project: each name changes in one step, or not at all, and nothing that the host changed since it was
 * compared is lost.
 *
 * New content is written to a nameless file (O_TMPFILE), gets a name for an instant, and takes the old one's place by
 * renameat2(2): RENAME_NOREPLACE for new names, RENAME_EXCHANGE for changed ones, so that the old file can be looked at after
 * it was taken out of the way; if it is not the one that was compared, the exchange is undone. A journal in the session's
 * directory says which temporary names there may be; the next begin cleans up after a crash. */
#ifndef BRATTICE_SESSION_REVIEW_PLACE_H
#define BRATTICE_SESSION_REVIEW_PLACE_H

#include "session/review/changes.h"

struct br_place {
	int root;    /* the project */
	int upper;   /* where new content comes from */
	int journal; /* O_APPEND */
	char tag[17];
	unsigned seq;
	bool own; /* we are root: files get the owner that the run gave them */
	uid_t agent_uid, owner_uid; /* but those of the run's own ids the project's: where root owns it, it was id-mapped for the run */
	gid_t agent_gid, owner_gid;
};

/* What came of it. */
enum br_placed {
	BR_PLACED,
	BR_PLACE_CHANGED, /* the host changed it in the meantime, or something is in the way: nothing was done */
	BR_PLACE_LOCKED,  /* with `lock`: NAME.lock is there, git on the host is at work */
	BR_PLACE_FAILED   /* errno */
};

/* Cleans up after an apply that crashed, and starts the journal. */
int br_place_begin(struct br_place *p, int root, int upper, int sessionfd, struct br_err *e);
void br_place_end(struct br_place *p, int sessionfd);

/* A new or changed file or symlink, or a mode; `seen` is what is there now (st_mode 0: nothing). With `lock` the temporary name
 * is NAME.lock, which is git's lock on NAME (git's lockfile.h). */
enum br_placed br_place_put(struct br_place *p, const struct br_change *c, const struct stat *seen, bool lock);
/* Makes a directory with mode 0700; an existing directory is fine. br_place_mode gives it its own once it is filled. */
enum br_placed br_place_dir(struct br_place *p, const struct br_change *c);
enum br_placed br_place_mode(struct br_place *p, const struct br_change *c);
enum br_placed br_place_remove(struct br_place *p, const struct br_change *c, const struct stat *seen);

#endif
