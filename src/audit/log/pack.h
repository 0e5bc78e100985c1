/* Compresses full segments, beside the writer: a denial never waits for a compressor. zstd.
 *
 * A segment is written under a temporary name, synced, renamed, and only then its plain form removed: whenever one dies, the
 * segment is there in at least one form, and both forms hold the same bytes. */
#ifndef BRATTICE_AUDIT_PACK_H
#define BRATTICE_AUDIT_PACK_H

#include "base/err.h"

struct br_packer;

/* `dirfd` and `index_fd` are borrowed until br_packer_free. NULL with `e`. */
struct br_packer *br_packer_new(int dirfd, int index_fd, struct br_err *e);
/* Segments below `n` are full and on disk, and may be compressed. The first call starts the thread: a session's start doesn't wait for it. */
void br_packer_upto(struct br_packer *p, uint64_t n);
/* Waits until all that br_packer_upto named is compressed. NULL is fine. A failure leaves plain segments, which is no loss. */
void br_packer_free(struct br_packer *p);

/* One after the other in the calling thread, for recovery: segments from..upto-1. 0, or -1 with errno; those that have no plain form
 * are passed over. */
int br_pack_segments(int dirfd, int index_fd, uint64_t from, uint64_t upto);

#endif
