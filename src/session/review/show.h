/* Shows a list of changes: unified diff, summary, names or JSON; through a pager on a terminal. */
#ifndef BRATTICE_SESSION_REVIEW_SHOW_H
#define BRATTICE_SESSION_REVIEW_SHOW_H

#include "session/review/changes.h"

struct br_show_opts {
	bool stat, names, all, exact, json, no_pager;
};

/* Writes to standard output. */
int br_show(const struct br_view *v, const struct br_changes *c, const struct br_strv *paths, const struct br_show_opts *o,
    struct br_err *e);

/* Runs the user's pager ($PAGER, else less) with its input on the descriptor returned; -1 when standard output is no terminal.
 * br_pager_end closes it and waits. */
int br_pager_start(pid_t *pid);
void br_pager_end(int fd, pid_t pid);

#endif
