#include "audit/log/writer.h"

#include "audit/log/merkle.h"
#include "audit/log/pack.h"
#include "audit/log/segment.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/random.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How much waits in memory before a write(2); a caller that flushes more often never gets there. */
#define FLUSH_BYTES (256U << 10)
/* Memory that one long entry needed isn't kept. */
#define KEEP_BYTES (4U << 20)
/* Full segments that aren't synced yet. At this many the writer syncs by itself: descriptors are few. */
#define UNSYNCED_MAX 64
/* A `terminal` event is made at the first checkpoint after this time, so that a denial doesn't wait for the recording's sync too. */
#define TERMINAL_US 1000000U

/* An append-only file with what is not yet written to it. */
struct out {
	int fd;
	bool unsynced; /* written to since its last fdatasync */
	struct br_buf pending;
};

struct br_log_writer {
	int dirfd, lock_fd;
	char session[BR_KEY_NAME_MAX];
	char origin[BR_KEY_NAME_MAX];
	struct br_note_signer signer;
	struct br_merkle tree;
	uint64_t signed_size; /* of the last checkpoint made */
	struct out lines;     /* the segment being written */
	struct out hashes, cast;
	struct out notes; /* checkpoints; they may reach the disk only after what they cover */
	struct br_index index; /* of the segment being written */
	int index_fd;
	int full[UNSYNCED_MAX]; /* full segments, to be synced and closed */
	size_t nfull;
	bool dir_unsynced;
	uint64_t cast_from, cast_size; /* the range that the next `terminal` event is about */
	uint64_t cast_told_us;
	struct br_sha256 cast_hash;
	struct br_packer *packer;
	struct br_event event;
	bool sealed;
};

static int
out_flush(struct out *o)
{
	if (o->pending.failed) {
		errno = ENOMEM;
		return -1;
	}
	if (o->pending.len == 0)
		return 0;
	if (br_write_all(o->fd, o->pending.p, o->pending.len) < 0)
		return -1;
	if (o->pending.cap > KEEP_BYTES)
		br_buf_free(&o->pending);
	else
		br_buf_reset(&o->pending);
	o->unsynced = true;
	return 0;
}

static int
out_sync(struct out *o)
{
	if (!o->unsynced)
		return 0;
	if (fdatasync(o->fd) < 0)
		return -1;
	o->unsynced = false;
	return 0;
}

static void
out_close(struct out *o)
{
	br_cleanup_fd(&o->fd);
	o->fd = -1;
	br_buf_free(&o->pending);
}

/* Starts the write-back of `fd`, so that the first sync takes the sizes of all along in one commit of the file system's journal. */
static void
start_writeback(int fd)
{
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static int
make(int dirfd, const char *name)
{
	return openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int
new_segment(struct br_log_writer *w)
{
	char name[BR_SEGMENT_NAME];
	br_segment_name(name, w->tree.size / BR_SEGMENT_ENTRIES, false);
	w->lines.fd = make(w->dirfd, name);
	if (w->lines.fd < 0)
		return -1;
	w->dir_unsynced = true;
	w->index = (struct br_index){.first = w->tree.size};
	return 0;
}

/* The index is written once a segment is full (or the log sealed). It is a hint, so nobody waits for its sync. */
static int
end_segment(struct br_log_writer *w)
{
	unsigned char record[BR_INDEX_RECORD];
	uint64_t segment = w->index.first / BR_SEGMENT_ENTRIES;
	br_index_put(record, &w->index);
	if (out_flush(&w->lines) < 0 ||
	    pwrite(w->index_fd, record, sizeof(record), (off_t)(segment * sizeof(record))) != (ssize_t)sizeof(record))
		return -1;
	w->full[w->nfull++] = w->lines.fd;
	w->lines.fd = -1;
	w->lines.unsynced = false;
	return w->nfull == UNSYNCED_MAX ? br_log_sync(w) : 0;
}

/* Microseconds since 1970 of a line that begins as ours do, {"t":1.000001,; now for any other. */
static uint64_t
time_of(const char *line, size_t n)
{
	uint64_t v = 0;
	size_t i = 5, dot = 0;
	if (n > 32 && memcmp(line, "{\"t\":", 5) == 0) {
		for (; i < 24 && ((line[i] >= '0' && line[i] <= '9') || (line[i] == '.' && dot == 0)); i++) {
			if (line[i] == '.')
				dot = i;
			else
				v = v * 10 + (uint64_t)(line[i] - '0');
		}
		if (dot > 5 && i == dot + 7 && line[i] == ',')
			return v;
	}
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
note_in_index(struct br_index *x, enum br_event_type type, bool denied, uint64_t t, size_t n)
{
	if (x->entries++ == 0 || t < x->from_us)
		x->from_us = t;
	if (t > x->to_us)
		x->to_us = t;
	x->types |= 1U << type;
	x->flags |= denied ? BR_INDEX_DENIED : 0;
	size_t plain;
	if (__builtin_add_overflow(x->plain, n + 1, &plain) || plain > UINT32_MAX)
		plain = UINT32_MAX;
	x->plain = (uint32_t)plain;
}

/* Signs what is there into `notes`; it goes to disk at the next sync. */
static int
sign(struct br_log_writer *w)
{
	unsigned char root[BR_HASH];
	br_auto_buf text = {0};
	br_merkle_root(&w->tree, root);
	br_checkpoint_put(&text, w->origin, w->tree.size, root);
	if (text.failed || br_note_sign(&w->notes.pending, &w->signer, text.p, text.len) < 0) {
		errno = ENOMEM;
		return -1;
	}
	w->signed_size = w->tree.size;
	return 0;
}

int
br_log_append(struct br_log_writer *w, enum br_event_type type, bool denied, const char *line, size_t n)
{
	unsigned char leaf[BR_HASH];
	if ((unsigned)type >= BR_EV_TYPES || w->sealed || memchr(line, '\n', n) != NULL) {
		errno = EINVAL;
		return -1;
	}
	if (w->lines.fd < 0 && new_segment(w) < 0)
		return -1;
	br_merkle_leaf(line, n, leaf);
	br_buf_put(&w->hashes.pending, leaf, sizeof(leaf));
	br_buf_put(&w->lines.pending, line, n);
	br_buf_putc(&w->lines.pending, '\n');
	br_merkle_append(&w->tree, leaf);
	note_in_index(&w->index, type, denied, time_of(line, n), n);
	if (w->lines.pending.len >= FLUSH_BYTES && br_log_flush(w) < 0)
		return -1;
	if (w->tree.size % BR_SEGMENT_ENTRIES == 0 && end_segment(w) < 0)
		return -1;
	return w->tree.size % BR_CHECKPOINT_ENTRIES == 0 ? sign(w) : 0;
}

int
br_log_flush(struct br_log_writer *w)
{
	/* Lines before their hashes: a line without a hash is a torn end, a hash without its line looks more like a loss. */
	return out_flush(&w->lines) < 0 || out_flush(&w->hashes) < 0 || out_flush(&w->cast) < 0 ? -1 : 0;
}

/* How many segments hold `size` entries. */
static uint64_t
segments(uint64_t size)
{
	return size / BR_SEGMENT_ENTRIES + (size % BR_SEGMENT_ENTRIES != 0);
}

static int
sync_full(struct br_log_writer *w)
{
	while (w->nfull > 0) {
		if (fdatasync(w->full[w->nfull - 1]) < 0)
			return -1;
		(void)close(w->full[--w->nfull]);
	}
	return 0;
}

int
br_log_sync(struct br_log_writer *w)
{
	if (br_log_flush(w) < 0)
		return -1;
	uint64_t full = w->lines.fd < 0 ? segments(w->tree.size) : w->index.first / BR_SEGMENT_ENTRIES;
	for (size_t i = 0; i < w->nfull; i++)
		start_writeback(w->full[i]);
	if (w->hashes.unsynced)
		start_writeback(w->hashes.fd);
	if (sync_full(w) < 0 || out_sync(&w->lines) < 0 || out_sync(&w->hashes) < 0 || out_sync(&w->cast) < 0)
		return -1;
	if (w->dir_unsynced && fsync(w->dirfd) < 0)
		return -1;
	w->dir_unsynced = false;
	/* Only now: a checkpoint on disk that covers entries which aren't would be evidence of tampering. */
	if (out_flush(&w->notes) < 0 || out_sync(&w->notes) < 0)
		return -1;
	if (full > 0)
		br_packer_upto(w->packer, full);
	return 0;
}

/* The `terminal` event of what was recorded since the last one. */
static int
tell_terminal(struct br_log_writer *w)
{
	unsigned char sum[BR_SHA256_LEN];
	char hex[BR_SHA256_HEX];
	if (w->cast_size == w->cast_from)
		return 0;
	br_sha256_final(&w->cast_hash, sum);
	br_sha256_hex(sum, hex);
	br_event_begin(&w->event, BR_EV_TERMINAL);
	br_event_int(&w->event, "offset", (int64_t)w->cast_from);
	br_event_int(&w->event, "bytes", (int64_t)(w->cast_size - w->cast_from));
	br_event_str(&w->event, "sha256", hex);
	br_sha256_init(&w->cast_hash);
	w->cast_from = w->cast_size;
	w->cast_told_us = br_now_us();
	return br_event_finish(&w->event) < 0 ? -1 : br_log_append(w, BR_EV_TERMINAL, false, w->event.line.p, w->event.line.len);
}

int
br_log_checkpoint(struct br_log_writer *w)
{
	if (!w->sealed && br_now_us() - w->cast_told_us >= TERMINAL_US && tell_terminal(w) < 0)
		return -1;
	if (w->signed_size < w->tree.size && sign(w) < 0)
		return -1;
	return br_log_sync(w);
}

int
br_log_terminal(struct br_log_writer *w, const char *line, size_t n)
{
	if (w->sealed || memchr(line, '\n', n) != NULL) {
		errno = EINVAL;
		return -1;
	}
	if (w->cast.fd < 0) {
		w->cast.fd = make(w->dirfd, "terminal.cast");
		if (w->cast.fd < 0)
			return -1;
		w->dir_unsynced = true;
	}
	br_buf_put(&w->cast.pending, line, n);
	br_buf_putc(&w->cast.pending, '\n');
	br_sha256_update(&w->cast_hash, line, n);
	br_sha256_update(&w->cast_hash, "\n", 1);
	w->cast_size += n + 1;
	return w->cast.pending.len >= FLUSH_BYTES ? out_flush(&w->cast) : 0;
}

uint64_t
br_log_size(const struct br_log_writer *w)
{
	return w->tree.size;
}

int
br_log_seal(struct br_log_writer *w, const char *reason)
{
	if (tell_terminal(w) < 0)
		return -1;
	br_event_begin(&w->event, BR_EV_SEALED);
	br_event_int(&w->event, "entries", (int64_t)w->tree.size + 1);
	br_event_str(&w->event, "reason", reason);
	if (br_event_finish(&w->event) < 0 ||
	    br_log_append(w, BR_EV_SEALED, false, w->event.line.p, w->event.line.len) < 0)
		return -1;
	w->sealed = true;
	if (w->lines.fd >= 0 && end_segment(w) < 0)
		return -1;
	int rc = br_log_checkpoint(w);
	if (rc == 0)
		br_note_signer_wipe(&w->signer);
	return rc;
}

/* The note by which the host says whose checkpoints these are. */
static int
put_certificate(struct br_log_writer *w, const struct br_note_signer *host, struct br_buf *out)
{
	br_auto_buf text = {0};
	struct timespec t = {0};
	struct tm tm;
	char now[32];
	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (gmtime_r(&t.tv_sec, &tm) == NULL || strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return -1;
	br_buf_printf(&text, "brattice/certificate/v1\n%s\n", w->origin);
	br_note_key_put(&text, &w->signer.key);
	br_buf_printf(&text, "\n%s\n", now);
	return text.failed ? -1 : br_note_sign(out, host, text.p, text.len);
}

/* A small file of the beginning, which the caller syncs. Its descriptor, or -1 with errno. */
static int
put_file(int dirfd, const char *name, const void *data, size_t n)
{
	br_auto_fd int fd = make(dirfd, name);
	if (fd < 0 || br_write_all(fd, data, n) < 0)
		return -1;
	start_writeback(fd);
	return br_steal_fd(&fd);
}

/* Whoever redacts may have been earlier: then the salt is there, which is as good. -1 with errno, or EEXIST. */
static int
put_salt(int dirfd)
{
	unsigned char salt[32];
	if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return -1;
	return put_file(dirfd, "salt", salt, sizeof(salt));
}

static int
make_files(struct br_log_writer *w, const struct br_note_signer *host, struct br_err *e)
{
	br_auto_buf cert = {0};
	if (put_certificate(w, host, &cert) < 0)
		return br_err_set(e, 0, "cannot sign the certificate of the session's key");
	w->hashes.fd = make(w->dirfd, "hashes");
	w->index_fd = openat(w->dirfd, "index", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	w->notes.fd = make(w->dirfd, "checkpoints");
	if (w->hashes.fd < 0 || w->index_fd < 0 || w->notes.fd < 0 || new_segment(w) < 0)
		return br_err_set(e, errno, "cannot make the log");
	br_auto_fd int salt = put_salt(w->dirfd);
	if (salt < 0 && errno != EEXIST)
		return br_err_set(e, errno, "cannot make the log: salt");
	br_auto_fd int certificate = put_file(w->dirfd, "certificate", cert.p, cert.len);
	/* This checkpoint covers nothing, so it may be on disk before anything else. */
	if (certificate < 0 || sign(w) < 0 || out_flush(&w->notes) < 0)
		return br_err_set(e, errno, "cannot make the log");
	start_writeback(w->notes.fd);
	if (fdatasync(certificate) < 0 || (salt >= 0 && fdatasync(salt) < 0) || br_log_sync(w) < 0)
		return br_err_set(e, errno, "cannot make the log");
	return 0;
}

/* A description of its own: the directory's that we were given may be others' too. */
static int
take_lock(struct br_log_writer *w, struct br_err *e)
{
	w->lock_fd = openat(w->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return w->lock_fd < 0 || flock(w->lock_fd, LOCK_EX | LOCK_NB) < 0 ? br_err_set(e, errno, "cannot lock the log") : 0;
}

struct br_log_writer *
br_log_create(int dirfd, const char *session, const struct br_note_signer *host, struct br_err *e)
{
	struct br_log_writer *w = calloc(1, sizeof(*w));
	if (w == NULL) {
		(void)br_err_set(e, ENOMEM, "cannot make the log");
		return NULL;
	}
	w->dirfd = dirfd;
	w->lock_fd = w->lines.fd = w->hashes.fd = w->cast.fd = w->notes.fd = w->index_fd = -1;
	br_merkle_init(&w->tree);
	br_sha256_init(&w->cast_hash);
	w->cast_told_us = br_now_us();
	int n = snprintf(w->origin, sizeof(w->origin), "brattice/session/%s", session);
	if (n < 0 || (size_t)n >= sizeof(w->origin)) {
		(void)br_err_set(e, ENAMETOOLONG, "session %s", session);
		br_log_free(w);
		return NULL;
	}
	if (take_lock(w, e) < 0 || br_note_signer_new(&w->signer, w->origin, e) < 0 || make_files(w, host, e) < 0 ||
	    (w->packer = br_packer_new(dirfd, w->index_fd, e)) == NULL) {
		br_log_free(w);
		return NULL;
	}
	return w;
}

void
br_log_free(struct br_log_writer *w)
{
	if (w == NULL)
		return;
	br_packer_free(w->packer);
	while (w->nfull > 0)
		(void)close(w->full[--w->nfull]);
	out_close(&w->lines);
	out_close(&w->hashes);
	out_close(&w->cast);
	out_close(&w->notes);
	br_cleanup_fd(&w->index_fd);
	br_cleanup_fd(&w->lock_fd);
	br_note_signer_wipe(&w->signer);
	br_event_free(&w->event);
	free(w);
}
