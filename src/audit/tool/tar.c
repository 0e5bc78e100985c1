#include "audit/tool/tar.h"

#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <zstd.h>

#define BLOCK 512
#define SIZE_MAX_USTAR 077777777777ULL
#define LEVEL 3

struct br_tar {
	int fd;
	ZSTD_CCtx *ctx;
	uint64_t left, pad; /* of the file that is being written */
	unsigned char out[128 << 10];
};

struct br_tar *
br_tar_create(int fd, struct br_err *e)
{
	struct br_tar *t = calloc(1, sizeof(*t));
	if (t != NULL)
		t->ctx = ZSTD_createCCtx();
	if (t != NULL && t->ctx != NULL && !ZSTD_isError(ZSTD_CCtx_setParameter(t->ctx, ZSTD_c_compressionLevel, LEVEL)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(t->ctx, ZSTD_c_checksumFlag, 1))) {
		t->fd = fd;
		return t;
	}
	br_tar_free(t);
	(void)br_err_set(e, ENOMEM, "cannot make a bundle");
	return NULL;
}

void
br_tar_free(struct br_tar *t)
{
	if (t != NULL)
		(void)ZSTD_freeCCtx(t->ctx);
	free(t);
}

static int
squeeze(struct br_tar *t, const void *data, size_t n, ZSTD_EndDirective end, struct br_err *e)
{
	ZSTD_inBuffer in = {.src = data, .size = n};
	size_t left;
	do {
		ZSTD_outBuffer out = {.dst = t->out, .size = sizeof(t->out)};
		left = ZSTD_compressStream2(t->ctx, &out, &in, end);
		if (ZSTD_isError(left))
			return br_err_set(e, 0, "cannot compress the bundle: %s", ZSTD_getErrorName(left));
		if (br_write_all(t->fd, t->out, out.pos) < 0)
			return br_err_set(e, errno, "cannot write the bundle");
	} while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
	return 0;
}

static void
put_octal(char *to, size_t width, uint64_t v)
{
	for (size_t i = width - 1; i > 0; i--, v >>= 3)
		to[i - 1] = (char)('0' + (v & 7));
	to[width - 1] = '\0';
}

/* POSIX.1-2017, pax, "ustar Interchange Format". */
int
br_tar_file(struct br_tar *t, const char *name, uint64_t size, struct br_err *e)
{
	static const char magic[8] = {'u', 's', 't', 'a', 'r', '\0', '0', '0'};
	char h[BLOCK] = {0};
	unsigned sum = 0;
	size_t n = strlen(name);
	if (n > 99 || size > SIZE_MAX_USTAR)
		return br_err_set(e, EFBIG, "%s does not fit into a bundle", name);
	(void)snprintf(h, 100, "%s", name);
	put_octal(h + 100, 8, 0600);
	put_octal(h + 108, 8, 0);
	put_octal(h + 116, 8, 0);
	put_octal(h + 124, 12, size);
	put_octal(h + 136, 12, 0);
	memset(h + 148, ' ', 8);
	h[156] = '0';
	memcpy(h + 257, magic, sizeof(magic));
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)h[i];
	put_octal(h + 148, 7, sum);
	t->left = size;
	t->pad = (BLOCK - size % BLOCK) % BLOCK;
	return squeeze(t, h, sizeof(h), ZSTD_e_continue, e);
}

int
br_tar_write(struct br_tar *t, const void *data, size_t n, struct br_err *e)
{
	static const char zero[BLOCK];
	if (n > t->left)
		return br_err_set(e, 0, "a file has grown while it was exported");
	t->left -= n;
	if (squeeze(t, data, n, ZSTD_e_continue, e) < 0)
		return -1;
	return t->left > 0 || t->pad == 0 ? 0 : squeeze(t, zero, t->pad, ZSTD_e_continue, e);
}

int
br_tar_finish(struct br_tar *t, struct br_err *e)
{
	static const char zero[2 * BLOCK];
	return squeeze(t, zero, sizeof(zero), ZSTD_e_end, e);
}
