#include "audit/log/reader.h"

#include "audit/client.h"
#include "audit/log/lines.h"
#include "audit/log/segment.h"
#include "audit/log/writer.h"
#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define CHUNK (128U << 10)
/* The writer's window is 2 MiB; more is a stranger's, and this is what a hostile frame can make us allocate. */
#define WINDOW_LOG_MAX 23
/* An entry is one frame of a sender, or what the auditor makes of one. */
#define LINE_MAX_BYTES ((size_t)BR_AUDIT_FRAME_MAX)

struct br_log_reader {
	int dirfd, hashes_fd, index_fd;
	struct br_log_filter filter;
	bool filtered;
	bool closed;      /* the last entry that was given closes the log */
	uint64_t next;    /* number of the next entry */
	int fd;           /* segment next / 1024, or -1 */
	uint64_t segment; /* its number */
	uint32_t taken;   /* entries taken from it */
	struct br_buf text; /* what was read of it; [at, len) is still to give, without newline up to `scanned` */
	size_t at, scanned;
	bool packed, frame_over;
	ZSTD_DCtx *ctx;
	ZSTD_inBuffer in;
	unsigned char raw[CHUNK];
};

struct br_log_reader *
br_log_open(int dirfd, struct br_err *e)
{
	struct br_log_reader *r = calloc(1, sizeof(*r));
	if (r == NULL) {
		(void)br_err_set(e, ENOMEM, "cannot read the log");
		return NULL;
	}
	r->dirfd = dirfd;
	r->fd = -1;
	r->hashes_fd = br_open_regular(dirfd, "hashes");
	r->index_fd = br_open_regular(dirfd, "index");
	r->ctx = ZSTD_createDCtx();
	if (r->ctx != NULL && !ZSTD_isError(ZSTD_DCtx_setParameter(r->ctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)) && r->hashes_fd >= 0)
		return r;
	(void)br_err_set(e, r->hashes_fd < 0 ? errno : ENOMEM, "cannot read the log: hashes");
	br_log_close(r);
	return NULL;
}

static void
leave_segment(struct br_log_reader *r)
{
	br_cleanup_fd(&r->fd);
	r->fd = -1;
	r->taken = 0;
	r->at = r->scanned = 0;
	r->frame_over = false;
	r->in = (ZSTD_inBuffer){0};
	br_buf_reset(&r->text);
}

void
br_log_close(struct br_log_reader *r)
{
	if (r == NULL)
		return;
	leave_segment(r);
	br_buf_free(&r->text);
	br_cleanup_fd(&r->hashes_fd);
	br_cleanup_fd(&r->index_fd);
	(void)ZSTD_freeDCtx(r->ctx);
	free(r);
}

uint64_t
br_log_entries(const struct br_log_reader *r)
{
	struct stat st;
	return fstat(r->hashes_fd, &st) < 0 || st.st_size < 0 ? 0 : (uint64_t)st.st_size / BR_SHA256_LEN;
}

static bool
index_of(const struct br_log_reader *r, uint64_t segment, struct br_index *x)
{
	unsigned char record[BR_INDEX_RECORD];
	if (r->index_fd < 0 || segment > INT64_MAX / BR_INDEX_RECORD ||
	    pread(r->index_fd, record, sizeof(record), (off_t)(segment * BR_INDEX_RECORD)) != (ssize_t)sizeof(record))
		return false;
	br_index_get(x, record);
	return x->first == segment * BR_SEGMENT_ENTRIES;
}

bool
br_log_sealed(const struct br_log_reader *r)
{
	struct br_index x;
	uint64_t n = br_log_entries(r);
	if (r->closed)
		return true;
	return n > 0 && index_of(r, (n - 1) / BR_SEGMENT_ENTRIES, &x) && x.first + x.entries == n &&
	       (x.types & (1U << BR_EV_SEALED | 1U << BR_EV_RECOVERED)) != 0;
}

void
br_log_filter(struct br_log_reader *r, const struct br_log_filter *f)
{
	r->filtered = f != NULL;
	r->filter = f != NULL ? *f : (struct br_log_filter){0};
}

/* Nothing in this segment can match. Only full ones are passed over: the last one is short, and may have grown since. */
static bool
can_skip(const struct br_log_reader *r, uint64_t segment)
{
	const struct br_log_filter *f = &r->filter;
	struct br_index x;
	if (!r->filtered || !index_of(r, segment, &x) || x.entries != BR_SEGMENT_ENTRIES)
		return false;
	return (f->types != 0 && (f->types & x.types) == 0) || (f->denied && (x.flags & BR_INDEX_DENIED) == 0) ||
	       (f->from_us != 0 && x.to_us < f->from_us) || (f->to_us != 0 && x.from_us > f->to_us);
}

int
br_log_seek(struct br_log_reader *r, uint64_t n)
{
	uint64_t known = br_log_entries(r);
	if (n > known)
		n = known;
	if (r->fd >= 0 && (n / BR_SEGMENT_ENTRIES != r->segment || n < r->next))
		leave_segment(r);
	r->next = n;
	r->closed = false;
	return 0;
}

/* 1 open, 0 there is none (yet), -1 with errno. */
static int
open_form(struct br_log_reader *r, uint64_t segment, bool packed)
{
	char name[BR_SEGMENT_NAME];
	br_segment_name(name, segment, packed);
	r->fd = br_open_regular(r->dirfd, name);
	if (r->fd < 0)
		return errno == ENOENT ? 0 : -1;
	r->packed = packed;
	r->segment = segment;
	(void)ZSTD_DCtx_reset(r->ctx, ZSTD_reset_session_only);
	return 1;
}

/* Compressed, plain, and compressed again: between the first two looks the packer may have replaced the one by the other. */
static int
open_segment(struct br_log_reader *r, uint64_t segment)
{
	static const bool forms[] = {true, false, true};
	int rc = 0;
	for (size_t i = 0; i < BR_ARRAY_LEN(forms) && rc == 0; i++)
		rc = open_form(r, segment, forms[i]);
	return rc;
}

static bool
segment_exists(const struct br_log_reader *r, uint64_t segment)
{
	static const bool forms[] = {true, false, true};
	char name[BR_SEGMENT_NAME];
	struct stat st;
	for (size_t i = 0; i < BR_ARRAY_LEN(forms); i++) {
		br_segment_name(name, segment, forms[i]);
		if (fstatat(r->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

static int
damaged(const struct br_log_reader *r, int sys, const char *why, struct br_err *e)
{
	char name[BR_SEGMENT_NAME];
	br_segment_name(name, r->segment, r->packed);
	return br_err_set(e, sys, "%s, entry %" PRIu64 ": %s", name, r->segment * BR_SEGMENT_ENTRIES + r->taken, why);
}

/* Bytes of the file as they are: how many, 0 at its end (for now), -1 with `e`. */
static ssize_t
read_raw(struct br_log_reader *r, void *to, size_t n, struct br_err *e)
{
	ssize_t got;
	do
		got = read(r->fd, to, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? damaged(r, errno, "cannot be read", e) : got;
}

static ssize_t
unpack(struct br_log_reader *r, char *to, size_t room, struct br_err *e)
{
	ZSTD_outBuffer out = {.dst = to, .size = room};
	while (out.pos == 0) {
		if (r->in.pos == r->in.size) {
			ssize_t got = read_raw(r, r->raw, sizeof(r->raw), e);
			if (got < 0)
				return -1;
			r->in = (ZSTD_inBuffer){.src = r->raw, .size = (size_t)got};
		}
		if (r->frame_over)
			return r->in.size == 0 ? 0 : damaged(r, 0, "there is something behind its compressed frame", e);
		bool at_end = r->in.size == 0;
		size_t left = ZSTD_decompressStream(r->ctx, &out, &r->in);
		if (ZSTD_isError(left))
			return damaged(r, 0, ZSTD_getErrorName(left), e);
		r->frame_over = left == 0;
		if (at_end && !r->frame_over && out.pos == 0)
			return damaged(r, 0, "its compressed frame is cut short", e);
	}
	return (ssize_t)out.pos;
}

/* Reads on. 1 there is more, 0 the end (for now), -1 with `e`. */
static int
fill(struct br_log_reader *r, struct br_err *e)
{
	if (r->at > 0) {
		br_buf_consume(&r->text, r->at);
		r->scanned -= r->at;
		r->at = 0;
	}
	char *to = br_buf_room(&r->text, CHUNK);
	if (to == NULL)
		return damaged(r, ENOMEM, "cannot be read", e);
	ssize_t got = r->packed ? unpack(r, to, CHUNK, e) : read_raw(r, to, CHUNK, e);
	if (got <= 0)
		return (int)got;
	r->text.len += (size_t)got;
	r->text.p[r->text.len] = '\0';
	return 1;
}

/* The next line of the open segment. 1, 0 the end (for now), -1 with `e`. */
static int
take_line(struct br_log_reader *r, struct br_log_entry *out, struct br_err *e)
{
	for (;;) {
		const char *nl = NULL;
		if (r->text.len > r->scanned)
			nl = memchr(r->text.p + r->scanned, '\n', r->text.len - r->scanned);
		if (nl != NULL) {
			out->line = r->text.p + r->at;
			out->len = (size_t)(nl - out->line);
			r->at += out->len + 1;
			r->scanned = r->at;
			r->taken++;
			return 1;
		}
		r->scanned = r->text.len;
		if (r->scanned - r->at > LINE_MAX_BYTES)
			return damaged(r, EFBIG, "longer than any entry", e);
		int rc = fill(r, e);
		if (rc <= 0)
			return rc;
	}
}

/* All entries of the open segment are taken: there must be nothing behind them. */
static int
end_full(struct br_log_reader *r, struct br_err *e)
{
	int more = r->at < r->text.len ? 1 : fill(r, e);
	if (more > 0)
		return damaged(r, 0, "the segment has more than 1,024 entries", e);
	leave_segment(r);
	return more;
}

/* The open segment has no more whole line. 1 it has grown in the meantime, 0 that is the end of the log for now, -1 with `e`. */
static int
end_short(struct br_log_reader *r, struct br_err *e)
{
	if (r->packed && r->at < r->text.len)
		return damaged(r, 0, "its last line has no end", e);
	if (!segment_exists(r, r->segment + 1))
		return 0;
	/* A writer may have finished this one and begun the next since we looked. */
	int rc = fill(r, e);
	return rc == 0 ? damaged(r, 0, "the segment ends here, but there is another one behind it", e) : rc;
}

/* Opens the segment of the next entry. 1, 0 the end for now, -1 with `e`. */
static int
enter_segment(struct br_log_reader *r, struct br_err *e)
{
	uint64_t segment = r->next / BR_SEGMENT_ENTRIES;
	while (can_skip(r, segment))
		r->next = ++segment * BR_SEGMENT_ENTRIES;
	int rc = open_segment(r, segment);
	/* Lines are written before their hashes: if there are hashes, there was a file when we counted them. */
	if (rc == 0 && segment * BR_SEGMENT_ENTRIES < br_log_entries(r)) {
		errno = ENOENT;
		rc = open_segment(r, segment) > 0 ? 1 : -1;
	}
	if (rc < 0) {
		r->segment = segment;
		return damaged(r, errno, "cannot be opened", e);
	}
	return rc;
}

static bool
closes(const struct br_log_entry *x)
{
	size_t n = x->len < 80 ? x->len : 80;
	return memmem(x->line, n, "\"type\":\"sealed\"", 15) != NULL || memmem(x->line, n, "\"type\":\"recovered\"", 18) != NULL;
}

int
br_log_next(struct br_log_reader *r, struct br_log_entry *out, struct br_err *e)
{
	for (;;) {
		int rc;
		if (r->fd >= 0 && r->taken == BR_SEGMENT_ENTRIES && end_full(r, e) < 0)
			return -1;
		if (r->fd < 0 && (rc = enter_segment(r, e)) <= 0)
			return rc;
		rc = take_line(r, out, e);
		if (rc == 0)
			rc = end_short(r, e);
		else if (rc > 0 && r->segment * BR_SEGMENT_ENTRIES + r->taken > r->next) {
			out->n = r->next++;
			r->closed = closes(out);
			return 1;
		}
		if (rc <= 0)
			return rc;
	}
}
