/* POSIX ustar in one zstd frame, streamed: what a bundle is. zstd. */
#ifndef BRATTICE_AUDIT_TOOL_TAR_H
#define BRATTICE_AUDIT_TOOL_TAR_H

#include "base/buf.h"
#include "base/err.h"

struct br_tar;

struct br_tar *br_tar_create(int fd, struct br_err *e); /* fd stays the caller's */
/* A regular file: the header, then exactly `size` bytes by br_tar_write. Always the same bytes for the same content: no time, no owner.
 * `name` has at most 99 bytes. */
int br_tar_file(struct br_tar *t, const char *name, uint64_t size, struct br_err *e);
int br_tar_write(struct br_tar *t, const void *data, size_t n, struct br_err *e);
int br_tar_finish(struct br_tar *t, struct br_err *e); /* all of it is written when this returns 0 */
void br_tar_free(struct br_tar *t);

/* Unpacks the log of a bundle: regular files NAME that stand in a folder "log", into `dirfd`. Any bytes may come; what it writes is bounded
 * by the size of the file. 0, or -1 with `e`. */
int br_bundle_unpack(int fd, int dirfd, struct br_err *e);

#endif
