#include "audit/log/pack.h"

#include "audit/log/segment.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define CHUNK (128U << 10)
#define LEVEL 3 /* measured: see bench/audit.c */
/* Segments between two syncs of the directory. */
#define BATCH 32
#define TMP_NAME (BR_SEGMENT_NAME + 8)

struct br_packer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t upto; /* under the lock, as is `stop` */
	bool stop;
	bool running, failed; /* the thread; the owner's */
	int dirfd, index_fd;
};

struct coder {
	ZSTD_CCtx *ctx;
	unsigned char in[CHUNK], out[CHUNK];
};

static struct coder *
coder_new(void)
{
	struct coder *c = malloc(sizeof(*c));
	if (c == NULL)
		return NULL;
	c->ctx = ZSTD_createCCtx();
	if (c->ctx != NULL && !ZSTD_isError(ZSTD_CCtx_setParameter(c->ctx, ZSTD_c_compressionLevel, LEVEL)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(c->ctx, ZSTD_c_checksumFlag, 1)))
		return c;
	(void)ZSTD_freeCCtx(c->ctx);
	free(c);
	return NULL;
}

static void
coder_free(struct coder *c)
{
	if (c == NULL)
		return;
	(void)ZSTD_freeCCtx(c->ctx);
	free(c);
}

/* All of `from` as one frame into `to`. Memory is bounded, whatever the segment's size. */
static int
code(struct coder *c, int from, int to, uint64_t size)
{
	(void)ZSTD_CCtx_reset(c->ctx, ZSTD_reset_session_only);
	(void)ZSTD_CCtx_setPledgedSrcSize(c->ctx, size);
	for (bool last = false; !last;) {
		ssize_t got = read(from, c->in, sizeof(c->in));
		if (got < 0)
			return -1;
		last = got == 0;
		ZSTD_inBuffer in = {.src = c->in, .size = (size_t)got};
		size_t left;
		do {
			ZSTD_outBuffer out = {.dst = c->out, .size = sizeof(c->out)};
			left = ZSTD_compressStream2(c->ctx, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
			if (ZSTD_isError(left)) {
				errno = EIO; /* not the size that fstat said: someone else writes */
				return -1;
			}
			if (br_write_all(to, c->out, out.pos) < 0)
				return -1;
		} while (last ? left != 0 : in.pos < in.size);
	}
	return 0;
}

static void
tell_index(int index_fd, uint64_t segment, int fd)
{
	unsigned char le[4];
	struct stat st;
	if (index_fd < 0 || fstat(fd, &st) < 0)
		return;
	br_put_le(le, st.st_size < UINT32_MAX ? (uint64_t)st.st_size : UINT32_MAX, sizeof(le));
	/* A hint; a reader does without. */
	if (pwrite(index_fd, le, sizeof(le), (off_t)(segment * BR_INDEX_RECORD + BR_INDEX_PACKED_AT)) < 0)
		return;
}

static void
temporary_name(char out[TMP_NAME], uint64_t segment)
{
	char packed[BR_SEGMENT_NAME];
	br_segment_name(packed, segment, true);
	(void)snprintf(out, TMP_NAME, "%s.tmp", packed);
}

/* Compresses one under its temporary name. The descriptor, to be synced; -1 with errno, 0 in it when there is no plain form. */
static int
pack_one(struct coder *c, int dirfd, uint64_t segment)
{
	char plain[BR_SEGMENT_NAME], tmp[TMP_NAME];
	struct stat st;
	br_segment_name(plain, segment, false);
	temporary_name(tmp, segment);
	br_auto_fd int from = openat(dirfd, plain, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (from < 0) {
		errno = errno == ENOENT ? 0 : errno;
		return -1;
	}
	br_auto_fd int to = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (to < 0 || fstat(from, &st) < 0 || code(c, from, to, (uint64_t)st.st_size) < 0)
		return -1;
	/* Its sync comes with those of its batch: then one commit of the file system's journal is for all. */
	(void)sync_file_range(to, 0, 0, SYNC_FILE_RANGE_WRITE);
	return br_steal_fd(&to);
}

static int
publish(int dirfd, int index_fd, uint64_t segment, int fd)
{
	char packed[BR_SEGMENT_NAME], tmp[TMP_NAME];
	br_segment_name(packed, segment, true);
	temporary_name(tmp, segment);
	if (fdatasync(fd) < 0 || renameat(dirfd, tmp, dirfd, packed) < 0)
		return -1;
	tell_index(index_fd, segment, fd);
	return 0;
}

/* At most BATCH segments: the plain ones go when the names of the new ones are on disk. */
static int
pack_batch(struct coder *c, int dirfd, int index_fd, uint64_t from, uint64_t upto)
{
	char name[TMP_NAME];
	int fds[BATCH], rc = 0, saved = 0;
	size_t n = (size_t)(upto - from);
	for (size_t i = 0; i < n; i++) {
		fds[i] = rc == 0 ? pack_one(c, dirfd, from + i) : -1;
		if (rc == 0 && fds[i] < 0 && errno != 0)
			rc = -1;
	}
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = fds[i] >= 0 ? publish(dirfd, index_fd, from + i, fds[i]) : 0;
	if (rc == 0)
		rc = fsync(dirfd);
	saved = errno;
	for (size_t i = 0; i < n; i++) {
		br_cleanup_fd(&fds[i]);
		if (rc == 0)
			br_segment_name(name, from + i, false);
		else
			temporary_name(name, from + i);
		(void)unlinkat(dirfd, name, 0); /* a plain form that stays is no harm: both have the same bytes */
	}
	errno = saved;
	return rc;
}

int
br_pack_segments(int dirfd, int index_fd, uint64_t from, uint64_t upto)
{
	int rc = 0;
	struct coder *c = coder_new();
	if (c == NULL) {
		errno = ENOMEM;
		return -1;
	}
	for (; from < upto && rc == 0; from += BATCH)
		rc = pack_batch(c, dirfd, index_fd, from, upto - from < BATCH ? upto : from + BATCH);
	coder_free(c);
	return rc;
}

/* Segments to do from `done` on, or `done` itself when it is over. */
static uint64_t
next_batch(struct br_packer *p, uint64_t done)
{
	(void)pthread_mutex_lock(&p->lock);
	while (p->upto == done && !p->stop)
		(void)pthread_cond_wait(&p->wake, &p->lock);
	uint64_t upto = p->upto - done < BATCH ? p->upto : done + BATCH;
	(void)pthread_mutex_unlock(&p->lock);
	return upto;
}

static void *
run(void *arg)
{
	struct br_packer *p = arg;
	struct coder *c = coder_new();
	uint64_t done = 0, upto;
	while (c != NULL && (upto = next_batch(p, done)) != done) {
		if (pack_batch(c, p->dirfd, p->index_fd, done, upto) < 0)
			break; /* a full disk: the plain segments are the log, and whoever comes next may try again */
		done = upto;
	}
	coder_free(c);
	return NULL;
}

struct br_packer *
br_packer_new(int dirfd, int index_fd, struct br_err *e)
{
	struct br_packer *p = calloc(1, sizeof(*p));
	if (p == NULL) {
		(void)br_err_set(e, ENOMEM, "cannot begin the log's compressor");
		return NULL;
	}
	p->dirfd = dirfd;
	p->index_fd = index_fd;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->wake, NULL);
	return p;
}

/* Signals are the main thread's. Without a thread the segments stay plain. */
static void
start(struct br_packer *p)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	p->running = pthread_create(&p->thread, NULL, run, p) == 0;
	p->failed = !p->running;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
br_packer_upto(struct br_packer *p, uint64_t n)
{
	(void)pthread_mutex_lock(&p->lock);
	if (n > p->upto)
		p->upto = n;
	(void)pthread_cond_signal(&p->wake);
	(void)pthread_mutex_unlock(&p->lock);
	if (!p->running && !p->failed)
		start(p);
}

void
br_packer_free(struct br_packer *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->stop = true;
	(void)pthread_cond_signal(&p->wake);
	(void)pthread_mutex_unlock(&p->lock);
	if (p->running)
		(void)pthread_join(p->thread, NULL);
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_cond_destroy(&p->wake);
	free(p);
}
