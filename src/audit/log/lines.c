#include "audit/log/lines.h"

#include "audit/client.h"
#include "audit/log/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define CHUNK    (256U << 10)
#define LINE_CAP ((size_t)BR_AUDIT_FRAME_MAX + CHUNK)
/* Ours are 2 MiB; this is what a hostile frame can make us allocate. */
#define WINDOW_LOG_MAX 23

int
br_open_regular(int dirfd, const char *name)
{
	struct stat st;
	br_auto_fd int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return br_steal_fd(&fd);
}

bool
br_is_no_file(int err)
{
	return err == ENOENT || err == EINVAL || err == ELOOP || err == EISDIR || err == ENXIO || err == EFBIG || err == ENOTDIR;
}

static int
begin_packed(struct br_lines *l)
{
	if (l->raw == NULL)
		l->raw = malloc(CHUNK);
	if (l->ctx == NULL)
		l->ctx = ZSTD_createDCtx();
	if (l->raw != NULL && l->ctx != NULL && !ZSTD_isError(ZSTD_DCtx_reset(l->ctx, ZSTD_reset_session_and_parameters)) &&
	    !ZSTD_isError(ZSTD_DCtx_setParameter(l->ctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		return 0;
	errno = ENOMEM;
	return -1;
}

int
br_lines_begin(struct br_lines *l, int dirfd, uint64_t segment, bool packed)
{
	char name[BR_SEGMENT_NAME];
	br_segment_name(name, segment, packed);
	l->fd = br_open_regular(dirfd, name);
	if (l->fd < 0)
		return -1;
	l->packed = packed;
	l->over = l->frame_over = false;
	l->from = l->len = l->given = l->raw_at = l->raw_len = 0;
	l->at = 0;
	if (packed && begin_packed(l) < 0) {
		br_lines_end(l);
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

/* Room for a chunk behind what is there. */
static int
make_room(struct br_lines *l)
{
	if (l->from > 0) {
		memmove(l->buf, l->buf + l->from, l->len - l->from);
		l->len -= l->from;
		l->from = 0;
	}
	if (l->cap - l->len >= CHUNK)
		return 0;
	size_t cap = l->cap == 0 ? 4 * (size_t)CHUNK : l->cap * 2;
	char *p = l->len > LINE_CAP ? NULL : realloc(l->buf, cap);
	if (p == NULL)
		return -1;
	l->buf = p;
	l->cap = cap;
	return 0;
}

static ssize_t
read_some(int fd, void *p, size_t n)
{
	ssize_t r;
	do
		r = read(fd, p, n);
	while (r < 0 && errno == EINTR);
	return r;
}

/* One step of decompression; 0, or -1. Sets `over` at the end of the file, which must be the end of the one frame. */
static int
inflate_some(struct br_lines *l)
{
	if (l->raw_at == l->raw_len) {
		ssize_t r = read_some(l->fd, l->raw, CHUNK);
		if (r < 0)
			return -1;
		l->over = r == 0;
		l->raw_at = 0;
		l->raw_len = (size_t)r;
		if (l->over)
			return l->frame_over ? 0 : -1;
	}
	if (l->frame_over)
		return -1;
	ZSTD_inBuffer in = {l->raw, l->raw_len, l->raw_at};
	ZSTD_outBuffer out = {l->buf + l->len, l->cap - l->len, 0};
	size_t rc = ZSTD_decompressStream(l->ctx, &out, &in);
	if (ZSTD_isError(rc))
		return -1;
	l->frame_over = rc == 0;
	l->raw_at = in.pos;
	l->len += out.pos;
	return 0;
}

static int
fill(struct br_lines *l)
{
	if (make_room(l) < 0)
		return -1;
	if (l->packed)
		return inflate_some(l);
	ssize_t r = read_some(l->fd, l->buf + l->len, l->cap - l->len);
	if (r < 0)
		return -1;
	l->over = r == 0;
	l->len += (size_t)r;
	return 0;
}

enum br_line
br_lines_next(struct br_lines *l, const char **line, size_t *n)
{
	l->from += l->given;
	l->at += l->given;
	l->given = 0;
	for (size_t seen = 0;;) {
		size_t have = l->len - l->from;
		const char *nl = have > seen ? memchr(l->buf + l->from + seen, '\n', have - seen) : NULL;
		if (nl != NULL) {
			*line = l->buf + l->from;
			*n = (size_t)(nl - *line);
			l->given = *n + 1;
			return BR_LINE;
		}
		seen = have;
		if (l->over) {
			*line = have > 0 ? l->buf + l->from : NULL;
			*n = have;
			l->given = have;
			return have > 0 ? BR_LINE_TORN : BR_LINE_END;
		}
		if (fill(l) < 0)
			return BR_LINE_BAD;
	}
}

void
br_lines_end(struct br_lines *l)
{
	if (l->fd > 0)
		(void)close(l->fd);
	l->fd = -1;
}

void
br_lines_free(struct br_lines *l)
{
	br_lines_end(l);
	free(l->buf);
	free(l->raw);
	(void)ZSTD_freeDCtx(l->ctx);
	memset(l, 0, sizeof(*l));
}
