/* A bundle: the log as it lies on disk, below NAME/log, and as a log that C2SP tlog-tiles clients read, below NAME/tlog. */
#include "audit/tool/export.h"
#include "audit/tool/tar.h"

#include "audit/log/merkle.h"
#include "audit/log/note.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define TILE 256
#define ENTRY_MAX 65535 /* an entry bundle's entries have 16 bits of length */
#define CHECKPOINTS_MAX (256U << 20)

struct bundle {
	struct br_tar *tar;
	const struct br_place *place;
	char top[64];
	bool salt;
	uint64_t size; /* entries */
};

static bool
is_log_file(const struct bundle *b, const char *name)
{
	static const char *const names[] = {"certificate", "checkpoints", "hashes", "index", "policy", "quarantine", "terminal.cast"};
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++)
		if (br_streq(names[i], name))
			return true;
	return (b->salt && br_streq(name, "salt")) || br_endswith(name, ".jsonl") || br_endswith(name, ".jsonl.zst");
}

static int
copy_file(struct bundle *b, const char *name, struct br_err *e)
{
	char path[128], block[64 << 10];
	struct stat st;
	br_auto_fd int fd = openat(b->place->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return br_err_set(e, errno, "cannot read %s", name);
	if (!S_ISREG(st.st_mode))
		return br_err_set(e, 0, "%s is no file", name);
	(void)snprintf(path, sizeof(path), "%s/log/%s", b->top, name);
	if (br_tar_file(b->tar, path, (uint64_t)st.st_size, e) < 0)
		return -1;
	for (uint64_t left = (uint64_t)st.st_size; left > 0;) {
		ssize_t n = read(fd, block, left < sizeof(block) ? (size_t)left : sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return br_err_set(e, n < 0 ? errno : 0, "cannot read %s to its end", name);
		if (br_tar_write(b->tar, block, (size_t)n, e) < 0)
			return -1;
		left -= (uint64_t)n;
	}
	return 0;
}

static int
copy_log(struct bundle *b, struct br_err *e)
{
	struct dirent **names;
	br_auto_free char *path = NULL;
	if (asprintf(&path, "/proc/self/fd/%d", b->place->dirfd) < 0)
		return br_err_set(e, ENOMEM, "cannot make a bundle");
	int n = scandir(path, &names, NULL, alphasort), rc = 0;
	if (n < 0)
		return br_err_set(e, errno, "cannot list the log");
	for (int i = 0; i < n; i++) {
		if (rc == 0 && is_log_file(b, names[i]->d_name))
			rc = copy_file(b, names[i]->d_name, e);
		free(names[i]);
	}
	free(names);
	return rc;
}

/* ---- c2sp.org/tlog-tiles ---- */

/* "x001/x234/067", with ".p/W" when partial. */
static void
tile_name(const struct bundle *b, const char *level, uint64_t n, unsigned width, char *out, size_t room)
{
	char digits[64] = "";
	for (uint64_t rest = n; rest >= 1000;) {
		char with[64];
		rest /= 1000;
		(void)snprintf(with, sizeof(with), "x%03u/%s", (unsigned)(rest % 1000), digits);
		(void)snprintf(digits, sizeof(digits), "%s", with);
	}
	int k = snprintf(out, room, "%s/tlog/tile/%s/%s%03u", b->top, level, digits, (unsigned)(n % 1000));
	if (width < TILE && k > 0 && (size_t)k < room)
		(void)snprintf(out + k, room - (size_t)k, ".p/%u", width);
}

/* Tiles of one level; `next`, when not NULL, gets the roots of the full ones. */
static int
put_level(struct bundle *b, unsigned level, const unsigned char *below, uint64_t n, int hashes, struct br_buf *next, struct br_err *e)
{
	unsigned char tile[TILE][BR_HASH];
	char name[100], level_name[8];
	(void)snprintf(level_name, sizeof(level_name), "%u", level);
	for (uint64_t at = 0; at < n; at += TILE) {
		unsigned width = n - at < TILE ? (unsigned)(n - at) : TILE;
		size_t bytes = (size_t)width * BR_HASH;
		if (below != NULL)
			memcpy(tile, below + at * BR_HASH, bytes);
		else if (pread(hashes, tile, bytes, (off_t)(at * BR_HASH)) != (ssize_t)bytes)
			return br_err_set(e, errno, "cannot read hashes");
		tile_name(b, level_name, at / TILE, width, name, sizeof(name));
		if (br_tar_file(b->tar, name, bytes, e) < 0 || br_tar_write(b->tar, tile, bytes, e) < 0)
			return -1;
		if (width < TILE)
			break;
		struct br_merkle m;
		unsigned char root[BR_HASH];
		br_merkle_init(&m);
		for (unsigned i = 0; i < TILE; i++)
			br_merkle_append(&m, tile[i]);
		br_merkle_root(&m, root);
		br_buf_put(next, root, sizeof(root));
	}
	return next->failed ? br_err_set(e, ENOMEM, "cannot make a bundle") : 0;
}

static int
put_tiles(struct bundle *b, struct br_err *e)
{
	br_auto_buf below = {0};
	br_auto_fd int hashes = openat(b->place->dirfd, "hashes", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (hashes < 0)
		return br_err_set(e, errno, "cannot read hashes");
	uint64_t n = b->size;
	for (unsigned level = 0; n > 0; level++, n /= TILE) {
		br_auto_buf next = {0};
		if (put_level(b, level, level > 0 ? (const unsigned char *)below.p : NULL, n, hashes, &next, e) < 0)
			return -1;
		br_buf_reset(&below);
		br_buf_put(&below, next.p, next.len);
		if (below.failed)
			return br_err_set(e, ENOMEM, "cannot make a bundle");
	}
	return 0;
}

static int
put_entry_tile(struct bundle *b, uint64_t last, struct br_buf *tile, struct br_err *e)
{
	char name[100];
	tile_name(b, "entries", last / TILE, (unsigned)(last % TILE) + 1, name, sizeof(name));
	if (tile->failed)
		return br_err_set(e, ENOMEM, "cannot make a bundle");
	if (br_tar_file(b->tar, name, tile->len, e) < 0 || br_tar_write(b->tar, tile->p, tile->len, e) < 0)
		return -1;
	br_buf_reset(tile);
	return 0;
}

/* With `b->tar` borrowed as NULL by the first pass: is there an entry that the format has no room for? */
static int
put_entries(struct bundle *b, bool look_only, bool *fits, struct br_err *e)
{
	struct br_log_entry x;
	br_auto_buf tile = {0};
	int rc = 1;
	struct br_log_reader *r = br_log_open(b->place->dirfd, e);
	if (r == NULL)
		return -1;
	for (uint64_t i = 0; rc > 0 && i < b->size && (rc = br_log_next(r, &x, e)) > 0; i++) {
		*fits = *fits && x.len <= ENTRY_MAX;
		if (look_only)
			continue;
		br_buf_putc(&tile, (char)(x.len >> 8));
		br_buf_putc(&tile, (char)(x.len & 0xff));
		br_buf_put(&tile, x.line, x.len);
		if ((i + 1) % TILE == 0 || i + 1 == b->size)
			rc = put_entry_tile(b, i, &tile, e) < 0 ? -1 : 1;
	}
	br_log_close(r);
	return rc < 0 ? -1 : 0;
}

/* The last checkpoint of the log: the one of this size. */
static int
put_checkpoint(struct bundle *b, struct br_err *e)
{
	br_auto_buf all = {0};
	char path[100];
	const char *origin, *last = NULL;
	size_t origin_len, last_len = 0;
	unsigned char root[32];
	uint64_t size;
	struct br_note note;
	if (br_read_file(b->place->dirfd, "checkpoints", &all, CHECKPOINTS_MAX) < 0)
		return br_err_set(e, errno, "cannot read checkpoints");
	for (size_t at = 0; at < all.len && br_note_parse(&note, all.p + at, all.len - at) == 0; at += note.len)
		if (br_checkpoint_parse(note.text, note.text_len, &origin, &origin_len, &size, root) == 0) {
			last = all.p + at;
			last_len = note.len;
			b->size = size;
		}
	if (last == NULL)
		return br_err_set(e, 0, "the log has no checkpoint");
	(void)snprintf(path, sizeof(path), "%s/tlog/checkpoint", b->top);
	return br_tar_file(b->tar, path, last_len, e) < 0 ? -1 : br_tar_write(b->tar, last, last_len, e);
}

static int
put_tlog(struct bundle *b, struct br_err *e)
{
	bool fits = true;
	struct stat st;
	if (put_checkpoint(b, e) < 0)
		return -1;
	if (fstatat(b->place->dirfd, "hashes", &st, AT_SYMLINK_NOFOLLOW) < 0 || (uint64_t)st.st_size / BR_HASH < b->size)
		return br_err_set(e, 0, "the log has fewer entries than its last checkpoint covers");
	if (put_tiles(b, e) < 0 || put_entries(b, true, &fits, e) < 0)
		return -1;
	if (!fits)
		br_warn("the bundle has no entries in the form of tlog-tiles: one is longer than 65,535 bytes (they are in log/ all the same)");
	return fits ? put_entries(b, false, &fits, e) : 0;
}

int
br_export_bundle(struct br_export *x, struct br_err *e)
{
	struct bundle b = {.place = x->place, .salt = x->salt};
	if (x->place->live) {
		(void)br_err_set(e, 0, "the session still runs: its log is not closed yet");
		return br_err_hint(e, "brattice stop %s, or wait for its end", x->place->id);
	}
	(void)snprintf(b.top, sizeof(b.top), "brattice-%.40s", x->session[0] != '\0' ? x->session : "log");
	b.tar = br_tar_create(x->fd, e);
	if (b.tar == NULL)
		return -1;
	int rc = copy_log(&b, e) < 0 || put_tlog(&b, e) < 0 ? -1 : br_tar_finish(b.tar, e);
	br_tar_free(b.tar);
	return rc;
}
