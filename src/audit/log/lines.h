/* The lines of one segment, plain or compressed, streamed: memory is bounded by the longest line. For those that trust nothing of a
 * log, not even its index: verification and recovery. */
#ifndef BRATTICE_AUDIT_LINES_H
#define BRATTICE_AUDIT_LINES_H

#include "base/defs.h"

struct br_lines {
	int fd;
	bool packed, over; /* over: nothing more to read of the file */
	uint64_t at;       /* offset, in the plain bytes, of the line that was given last */
	char *buf;
	size_t cap, from, len; /* [from, len) is read and not given yet */
	size_t given;          /* of it, the last line with its newline */
	unsigned char *raw;    /* compressed bytes */
	size_t raw_at, raw_len;
	void *ctx; /* ZSTD_DCtx */
	bool frame_over;
};

enum br_line { BR_LINE, BR_LINE_END, BR_LINE_TORN, BR_LINE_BAD };

/* Segment `segment` in the form that is asked for. Zero-initialise `l` before its first use; it can be opened again after br_lines_end.
 * 0, or -1 with errno (ENOENT: there is no such file). */
int br_lines_begin(struct br_lines *l, int dirfd, uint64_t segment, bool packed);
/* BR_LINE: one line, without its newline, valid until the next call; BR_LINE_TORN: what is left has no newline (given as a line); BR_LINE_BAD:
 * cannot be read or decompressed, longer than any line of ours, or bytes after the end of the compressed frame. */
enum br_line br_lines_next(struct br_lines *l, const char **line, size_t *n);
/* Closes the file, keeps the memory. */
void br_lines_end(struct br_lines *l);
void br_lines_free(struct br_lines *l);

/* Opens a regular file to read, whatever stands there: no symlink, no waiting for a FIFO's writer. -1 with errno. */
int br_open_regular(int dirfd, const char *name);
/* Whether an errno of it, or of br_read_file, says that no such file is there but something else or nothing: which is the log's fault and
 * not the machine's. */
bool br_is_no_file(int err);

#endif
