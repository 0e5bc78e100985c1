/* Descriptors and files. All descriptors made here are close-on-exec; all calls restart on EINTR. */
#ifndef BRATTICE_BASE_IO_H
#define BRATTICE_BASE_IO_H

#include "base/buf.h"
#include "base/err.h"

/* 0, or -1 with errno. */
int br_write_all(int fd, const void *data, size_t n);
/* Reads until end of file or `max` bytes; more than `max` is an error with errno EFBIG. Appends to `b`. 0 or -1 with errno. */
int br_read_all(int fd, struct br_buf *b, size_t max);
/* Opens `path` below `dirfd` as a regular file (never blocks on a FIFO: opened O_NONBLOCK, type checked) and reads it whole.
 * -1 with errno; ENOENT when it is absent, EINVAL when it is not a regular file, EFBIG above `max`. */
int br_read_file(int dirfd, const char *path, struct br_buf *b, size_t max);
/* Writes a file so that a reader sees the old or the new content: temporary name, fdatasync, rename. 0 or -1 with errno. */
int br_replace_file(int dirfd, const char *path, const void *data, size_t n, mode_t mode);
/* mkdir -p with mode for the last component and those made; fails with ENOTDIR/ELOOP if a component is not a directory. */
int br_mkdir_p(const char *path, mode_t mode);
/* Removes a tree below dirfd without following symlinks or leaving its file system; makes mode-000 directories searchable first. */
int br_rm_tree(int dirfd, const char *name);

/* SOCK_SEQPACKET frames with descriptors. */
int br_send_frame(int sock, const void *data, size_t n, const int *fds, size_t nfds);
/* Returns the length (0 = end of file) or -1 with errno. `*nfds` in: room, out: received. Truncated frames are EMSGSIZE. */
ssize_t br_recv_frame(int sock, void *data, size_t room, int *fds, size_t *nfds);

/* Microseconds of CLOCK_MONOTONIC. */
uint64_t br_now_us(void);
/* `n` random bytes as lower-case hex into `out` (2n+1 bytes); ends the process with BR_EXIT_FAILURE when the kernel gives none. */
void br_random_hex(char *out, size_t n);

#endif
