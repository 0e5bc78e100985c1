/* A look over the project before the start: which files to hide, and where repositories are.
 *
 * Names only, but for candidates that are hidden by content. Dependency folders and git's own are not entered. Runs in the
 * monitor while init builds the wall. */
#ifndef BRATTICE_SESSION_SCAN_H
#define BRATTICE_SESSION_SCAN_H

#include "base/buf.h"
#include "policy/guard.h"

struct br_scan {
	struct br_buf hidden; /* project-relative names, NUL-terminated, one after the other */
	uint32_t nhidden;
	bool truncated;       /* the tree is larger than SCAN_MAX entries: not all of it was seen */
};

struct br_latecomers;
/* Adds hidden names and repositories to `g` too, and the directories it passes to `late` (NULL: none). -1 with `e` when the tree can't be read or memory ran out. */
int br_scan_project(struct br_scan *s, const char *root, struct br_guard *g, struct br_latecomers *late, struct br_err *e);
void br_scan_free(struct br_scan *s);

#endif
