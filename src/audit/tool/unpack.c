/* Bundles from elsewhere: hostile bytes. */
#include "audit/tool/tar.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define BLOCK 512
#define WINDOW_LOG_MAX 23
/* Segments are compressed, hashes can't be: a log grows little when it is unpacked; a bomb would much. */
#define GROWTH_MAX 200
#define SMALL (16ULL << 20)

struct source {
	int fd;
	ZSTD_DCtx *ctx;
	ZSTD_inBuffer in;
	uint64_t given, most;
	unsigned char raw[128 << 10];
};

/* Exactly `n` bytes. */
static int
take(struct source *s, void *to, size_t n, struct br_err *e)
{
	ZSTD_outBuffer out = {.dst = to, .size = n};
	s->given += n;
	if (s->given > s->most)
		return br_err_set(e, EFBIG, "the bundle unpacks to far more than a log would");
	while (out.pos < n) {
		if (s->in.pos == s->in.size) {
			ssize_t got = read(s->fd, s->raw, sizeof(s->raw));
			if (got < 0 && errno == EINTR)
				continue;
			if (got < 0)
				return br_err_set(e, errno, "cannot read the bundle");
			if (got == 0)
				return br_err_set(e, 0, "the bundle is cut short");
			s->in = (ZSTD_inBuffer){.src = s->raw, .size = (size_t)got};
		}
		size_t rc = ZSTD_decompressStream(s->ctx, &out, &s->in);
		if (ZSTD_isError(rc))
			return br_err_set(e, 0, "it is no bundle: %s", ZSTD_getErrorName(rc));
	}
	return 0;
}

static bool
get_octal(const char *p, size_t n, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < n && p[i] != '\0' && p[i] != ' '; i++) {
		if (p[i] < '0' || p[i] > '7')
			return false;
		*v = *v << 3 | (uint64_t)(p[i] - '0');
	}
	return true;
}

/* The name below the folder "log", or NULL: nothing of ours. */
static const char *
log_name(const char *name)
{
	const char *in = strstr(name, "/log/"), *p = in != NULL ? in + 5 : br_startswith(name, "log/") ? name + 4 : NULL;
	if (p == NULL || p[0] == '\0' || p[0] == '.')
		return NULL;
	for (const char *c = p; *c != '\0'; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '.')
			return NULL;
	return p;
}

static int
copy_file(struct source *s, int fd, uint64_t size, struct br_err *e)
{
	unsigned char block[16 << 10];
	/* With the padding: read, and not written. */
	uint64_t padded = size > UINT64_MAX - BLOCK ? size : (size + BLOCK - 1) / BLOCK * BLOCK;
	while (padded > 0) {
		size_t n = padded < sizeof(block) ? (size_t)padded : sizeof(block), keep = size < n ? (size_t)size : n;
		if (take(s, block, n, e) < 0)
			return -1;
		if (fd >= 0 && br_write_all(fd, block, keep) < 0)
			return br_err_set(e, errno, "cannot unpack the bundle");
		padded -= n;
		size -= keep;
	}
	return 0;
}

/* 1 a member was taken; 0 the end; -1. */
static int
next_member(struct source *s, int dirfd, struct br_err *e)
{
	char h[BLOCK], name[101] = {0};
	uint64_t size;
	if (take(s, h, sizeof(h), e) < 0)
		return -1;
	if (h[0] == '\0')
		return 0;
	if (memcmp(h + 257, "ustar", 5) != 0 || !get_octal(h + 124, 12, &size))
		return br_err_set(e, 0, "it is no bundle: a header that is none");
	memcpy(name, h, 100);
	const char *mine = h[156] == '0' || h[156] == '\0' ? log_name(name) : NULL;
	br_auto_fd int fd = mine == NULL ? -1 : openat(dirfd, mine, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (mine != NULL && fd < 0)
		return br_err_set(e, errno, "cannot unpack %s of the bundle", mine);
	return copy_file(s, fd, size, e) < 0 ? -1 : 1;
}

int
br_bundle_unpack(int fd, int dirfd, struct br_err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return br_err_set(e, errno, "cannot read the bundle");
	struct source *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return br_err_set(e, ENOMEM, "cannot read the bundle");
	s->fd = fd;
	s->most = (uint64_t)st.st_size * GROWTH_MAX + SMALL;
	s->ctx = ZSTD_createDCtx();
	int rc = s->ctx == NULL ? br_err_set(e, ENOMEM, "cannot read the bundle") : 1;
	if (rc > 0)
		(void)ZSTD_DCtx_setParameter(s->ctx, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	while (rc > 0)
		rc = next_member(s, dirfd, e);
	(void)ZSTD_freeDCtx(s->ctx);
	free(s);
	return rc;
}
