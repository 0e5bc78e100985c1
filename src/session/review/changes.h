/* What an overlay changes: the upper tree against the lower one, as a list in the order in which it can be applied.
 *
 * A file that was only copied up (opened for writing, touched) and is the same as the lower one is no change. So a list made
 * again after an `apply` holds exactly what is still to be done, whatever interrupted it. */
#ifndef BRATTICE_SESSION_REVIEW_CHANGES_H
#define BRATTICE_SESSION_REVIEW_CHANGES_H

#include "base/err.h"
#include "session/review/view.h"

enum br_change_kind {
	BR_CHANGE_DEL, /* gone: `before` is what it was. Files before the directory that held them */
	BR_CHANGE_ADD, /* new: `after`. Directories before what they hold */
	BR_CHANGE_MOD  /* other content, target, mode or (but for directories) type */
};

struct br_change {
	enum br_change_kind kind;
	char *rel;
	struct stat before; /* lstat; st_mode 0 when there was nothing */
	struct stat after;  /* lstat; st_mode 0 when there is nothing */
	bool content;       /* the bytes or the target differ, not only the mode */
	bool inert;         /* nothing of it can be applied: FIFOs, sockets, devices, set-id bits alone */
	bool in_the_way;    /* a removal that must come before something else can take its name */
};

struct br_changes {
	struct br_change *v;
	size_t n, cap;
	struct br_strv skipped; /* "path: reason" of what can't be read: too deep, no permission, an unknown overlay feature */
};

/* 0; -1 with `e` when memory ran out or the roots can't be read. What single names can't be read is in `skipped`. */
int br_changes_scan(const struct br_view *v, struct br_changes *out, struct br_err *e);
void br_changes_free(struct br_changes *c);
/* The names, sorted. */
int br_changes_names(const struct br_changes *c, struct br_strv *out);

/* Permission bits that `apply` gives to a file. */
static inline mode_t
br_change_mode(const struct stat *st)
{
	return st->st_mode & 0777;
}

#endif
