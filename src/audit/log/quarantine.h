/* Cuts what a death left behind the last good entry off a log, and keeps it in the file `quarantine`: a line of JSON that says where each piece
 * was, the piece, a newline. Killed at any point, it can be done again: pieces are kept before they are cut. */
#ifndef BRATTICE_AUDIT_QUARANTINE_H
#define BRATTICE_AUDIT_QUARANTINE_H

#include "base/err.h"

struct br_cut {
	int dirfd;
	int fd;        /* `quarantine`, -1 until there is something */
	bool unsynced; /* pieces that may not be cut yet */
};

/* Keeps `file` from byte `from` on. 1 there was something, 0 nothing (or no such file), -1 with errno. */
int br_cut_keep(struct br_cut *c, const char *file, uint64_t from);
/* Kept pieces are on disk when it returns; files may be cut after it. -1 with errno. */
int br_cut_sync(struct br_cut *c);
/* `file` becomes `size` bytes long, on disk; one that is shorter stays. -1 with errno. */
int br_cut_truncate(const struct br_cut *c, const char *file, uint64_t size);
/* Bytes of `quarantine`, 0 when there is none. */
uint64_t br_cut_total(const struct br_cut *c);
void br_cut_end(struct br_cut *c);

#endif
