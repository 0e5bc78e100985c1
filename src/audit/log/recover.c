/* What a writer that died left is made a log again, which ends with an entry that says so and with a signature of the host. Nothing that a
 * checkpoint covers is ever touched; and what was altered isn't mended: that would make a crash of it. */
#include "audit/log/head.h"
#include "audit/log/lines.h"
#include "audit/log/merkle.h"
#include "audit/log/pack.h"
#include "audit/log/quarantine.h"
#include "audit/log/trail.h"
#include "audit/log/writer.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNPACK_CHUNK (256U << 10)
#define TAIL         4096

struct recovery {
	int dirfd, hashes_fd;
	struct br_trail trail;
	struct br_lines lines;
	uint64_t covered; /* entries below the last checkpoint */
	uint64_t hashes;  /* whole ones */
	uint64_t hash_bytes;
	uint64_t kept;    /* entries that stay */
	/* in the segment of entry `kept`: */
	uint64_t offset;  /* where it begins, in plain bytes */
	bool packed;      /* there is only the compressed form */
	bool more;        /* something follows there */
	int last_type;    /* of entry kept - 1 */
	struct br_merkle tree;
};

static int
altered(const struct recovery *r, struct br_err *e, const char *why)
{
	const char *id = r->trail.origin[0] != '\0' ? r->trail.origin + strlen("brattice/session/") : "SESSION";
	(void)br_err_set(e, 0, "the log was altered, not only cut off by a crash, and is left as it is: %s", why);
	return br_err_hint(e, "brattice verify %s", id);
}

static uint64_t
size_of(int dirfd, const char *name)
{
	struct stat st;
	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

static bool
has_form(const struct recovery *r, uint64_t segment, bool packed)
{
	char name[BR_SEGMENT_NAME];
	struct stat st;
	br_segment_name(name, segment, packed);
	return fstatat(r->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool
has_segment(const struct recovery *r, uint64_t segment)
{
	return has_form(r, segment, false) || has_form(r, segment, true);
}

/* ---- where the good part ends ---- */

static int
hash_at(void *arg, uint64_t i, unsigned char out[BR_HASH])
{
	const struct recovery *r = arg;
	return pread(r->hashes_fd, out, BR_HASH, (off_t)(i * BR_HASH)) == BR_HASH ? 0 : -1;
}

/* Plain first: of two forms it is the one that was there before. 1 opened, 0 there is none, -1 with errno. */
static int
begin_segment(struct recovery *r, uint64_t segment)
{
	r->packed = false;
	if (br_lines_begin(&r->lines, r->dirfd, segment, false) == 0)
		return 1;
	if (errno != ENOENT)
		return -1;
	r->packed = true;
	if (br_lines_begin(&r->lines, r->dirfd, segment, true) == 0)
		return 1;
	r->packed = false;
	return errno == ENOENT ? 0 : -1;
}

/* The good lines of one segment, from its first on. 1: it is full and so far all is well; 0: the good part ends in it; -1 with `e`. */
static int
walk_segment(struct recovery *r, uint64_t segment, struct br_err *e)
{
	uint64_t first = segment * BR_SEGMENT_ENTRIES;
	const char *line = NULL;
	size_t n = 0;
	int rc = begin_segment(r, segment);
	if (rc < 0)
		return br_err_set(e, errno, "cannot read segment %06" PRIu64 " of the log", segment);
	r->kept = first;
	r->offset = 0;
	r->more = false;
	if (rc == 0)
		return 0;
	for (;;) {
		enum br_line kind = br_lines_next(&r->lines, &line, &n);
		unsigned char leaf[BR_HASH], want[BR_HASH];
		struct br_head h;
		if (kind != BR_LINE || r->kept == first + BR_SEGMENT_ENTRIES) {
			r->more = kind != BR_LINE_END;
			break;
		}
		br_merkle_leaf(line, n, leaf);
		if (r->kept >= r->hashes || hash_at(r, r->kept, want) < 0 || memcmp(leaf, want, BR_HASH) != 0) {
			r->more = true;
			break;
		}
		r->last_type = br_head_read(line, n, r->last_type, &h) ? h.type : -1;
		r->kept++;
		r->offset += n + 1;
	}
	br_lines_end(&r->lines);
	return !r->more && r->kept == first + BR_SEGMENT_ENTRIES;
}

/* Finds `kept`: from the segment of the last checkpoint on, since all before it was on disk and signed. */
static int
find_end(struct recovery *r, struct br_err *e)
{
	/* The segment that holds the last covered entry too: what its type is, is asked for. */
	uint64_t segment = r->covered > 0 ? (r->covered - 1) / BR_SEGMENT_ENTRIES : 0;
	int rc;
	while ((rc = walk_segment(r, segment, e)) > 0 && has_segment(r, segment + 1))
		segment++;
	if (rc < 0)
		return -1;
	if (rc > 0) { /* ends with a full segment */
		r->packed = false;
		r->offset = 0;
	}
	if (r->kept < r->covered)
		return altered(r, e, "entries are missing, or others, that a checkpoint covers");
	return 0;
}

/* The tree over the hashes that stay; at the last checkpoint it must have the root that was signed. */
static int
build_tree(struct recovery *r, struct br_err *e)
{
	unsigned char buf[BR_HASH * 2048], root[BR_HASH];
	const struct br_mark *m = &r->trail.mark[r->trail.n - 1];
	br_merkle_init(&r->tree);
	for (uint64_t i = 0;;) {
		if (i == r->covered) {
			br_merkle_root(&r->tree, root);
			if (memcmp(root, m->root, sizeof(root)) != 0)
				return altered(r, e, "the hashes of entries are not those that were signed");
		}
		if (i == r->kept)
			return 0;
		uint64_t stop = i < r->covered ? r->covered : r->kept;
		size_t want = stop - i < 2048 ? (size_t)(stop - i) * BR_HASH : sizeof(buf);
		if (pread(r->hashes_fd, buf, want, (off_t)(i * BR_HASH)) != (ssize_t)want)
			return br_err_set(e, errno, "cannot read the log's hashes");
		for (size_t k = 0; k < want; k += BR_HASH, i++)
			br_merkle_append(&r->tree, buf + k);
	}
}

/* Size of the last checkpoint by its words alone, UINT64_MAX when the file doesn't end with one. */
static uint64_t
last_said(const struct recovery *r)
{
	static const char word[] = "brattice/session/";
	char buf[TAIL], *p = buf;
	unsigned char root[BR_HASH];
	uint64_t size, all = size_of(r->dirfd, "checkpoints"), from = all > sizeof(buf) ? all - sizeof(buf) : 0;
	br_auto_fd int fd = br_open_regular(r->dirfd, "checkpoints");
	ssize_t n = fd >= 0 ? pread(fd, buf, sizeof(buf), (off_t)from) : -1;
	for (; n > 0 && (p = memmem(p, (size_t)(buf + n - p), word, sizeof(word) - 1)) != NULL; p++) {
		struct br_note note;
		const char *origin;
		size_t len = (size_t)(buf + n - p);
		if ((p == buf || p[-1] == '\n') && br_note_parse(&note, p, len) == 0 && note.len == len &&
		    br_checkpoint_parse(note.text, note.text_len, &origin, &len, &size, root) == 0)
			return size;
	}
	return UINT64_MAX;
}

/* The last entry is one that ends a log, and the last checkpoint covers it: what most logs are, told without looking at more than their
 * ends. Whether it's true is for verification to find out. */
static bool
looks_closed(struct recovery *r)
{
	uint64_t n = r->hashes, first = n > 0 ? (n - 1) / BR_SEGMENT_ENTRIES * BR_SEGMENT_ENTRIES : 0, i = first;
	const char *line;
	size_t len;
	struct br_head h = {.type = -1};
	if (n == 0 || r->hash_bytes != n * BR_HASH || has_segment(r, (n - 1) / BR_SEGMENT_ENTRIES + 1) ||
	    begin_segment(r, first / BR_SEGMENT_ENTRIES) <= 0)
		return false;
	enum br_line kind;
	while ((kind = br_lines_next(&r->lines, &line, &len)) == BR_LINE)
		if (++i == n && !br_head_read(line, len, -1, &h))
			h.type = -1;
	br_lines_end(&r->lines);
	return kind == BR_LINE_END && i == n && (h.type == BR_EV_SEALED || h.type == BR_EV_RECOVERED) && last_said(r) == n;
}

/* ---- cutting ---- */

/* Removes a form of a segment, after it was kept. */
static int
drop(struct br_cut *c, uint64_t segment, bool packed)
{
	char name[BR_SEGMENT_NAME];
	br_segment_name(name, segment, packed);
	return unlinkat(c->dirfd, name, 0) < 0 && errno != ENOENT ? -1 : 0;
}

static int
keep(struct br_cut *c, uint64_t segment, bool packed, uint64_t from)
{
	char name[BR_SEGMENT_NAME];
	br_segment_name(name, segment, packed);
	return br_cut_keep(c, name, from);
}

/* The good lines of a segment of which there is only the compressed form, as a plain file. */
static int
unpack(struct recovery *r, uint64_t segment)
{
	char plain[BR_SEGMENT_NAME], tmp[BR_SEGMENT_NAME + 8];
	const char *line;
	size_t n;
	br_segment_name(plain, segment, false);
	(void)snprintf(tmp, sizeof(tmp), "%s.tmp", plain);
	br_auto_fd int to = openat(r->dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (to < 0 || br_lines_begin(&r->lines, r->dirfd, segment, true) < 0)
		return -1;
	br_auto_buf b = {0};
	int rc = 0;
	for (uint64_t done = 0; rc == 0 && done < r->offset; done += n + 1) {
		if (br_lines_next(&r->lines, &line, &n) != BR_LINE) {
			errno = EIO;
			rc = -1;
			break;
		}
		br_buf_put(&b, line, n + 1);
		if (b.len < UNPACK_CHUNK && done + n + 1 < r->offset)
			continue;
		if (b.failed)
			errno = ENOMEM;
		rc = b.failed ? -1 : br_write_all(to, b.p, b.len);
		br_buf_reset(&b);
	}
	br_lines_end(&r->lines);
	if (rc < 0 || fdatasync(to) < 0 || renameat(r->dirfd, tmp, r->dirfd, plain) < 0 || fsync(r->dirfd) < 0)
		return -1;
	return 0;
}

/* Afterwards the last segment is a plain file, or there is none of entry `kept` yet. Later ones are kept whole. 1 something was cut. */
static int
cut_lines(struct recovery *r, struct br_cut *c)
{
	uint64_t segment = r->kept / BR_SEGMENT_ENTRIES, last = segment;
	char plain[BR_SEGMENT_NAME];
	int cut = r->packed ? (r->more ? keep(c, segment, true, 0) : 0) : keep(c, segment, false, r->offset);
	if (cut >= 0 && !r->packed && keep(c, segment, true, 0) < 0)
		return -1;
	for (; cut >= 0 && has_segment(r, last + 1); last++) {
		int a = keep(c, last + 1, false, 0), b = a < 0 ? -1 : keep(c, last + 1, true, 0);
		cut = b < 0 ? -1 : cut | a | b;
	}
	if (cut < 0 || br_cut_sync(c) < 0)
		return -1;
	if (r->packed && unpack(r, segment) < 0)
		return -1;
	br_segment_name(plain, segment, false);
	/* Backwards: killed in between, there is no hole. */
	for (; last > segment; last--)
		if (drop(c, last, false) < 0 || drop(c, last, true) < 0)
			return -1;
	if (drop(c, segment, true) < 0 || br_cut_truncate(c, plain, r->offset) < 0)
		return -1;
	return cut;
}

static int
cut_all(struct recovery *r, struct br_err *e)
{
	struct br_cut c = {.dirfd = r->dirfd, .fd = -1};
	int notes = br_cut_keep(&c, "checkpoints", r->trail.good);
	int hashes = notes < 0 ? -1 : br_cut_keep(&c, "hashes", r->kept * BR_HASH);
	int lines = hashes < 0 ? -1 : cut_lines(r, &c);
	int rc = lines < 0 || br_cut_truncate(&c, "hashes", r->kept * BR_HASH) < 0 || br_cut_truncate(&c, "checkpoints", r->trail.good) < 0 ? -1 : 0;
	int why = errno;
	br_cut_end(&c);
	return rc < 0 ? br_err_set(e, why, "cannot cut the torn end of the log off") : lines | hashes | notes;
}

/* ---- closing ---- */

static int
append_to(int dirfd, const char *name, const void *p, size_t n)
{
	br_auto_fd int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return fd < 0 || br_write_all(fd, p, n) < 0 || fdatasync(fd) < 0 ? -1 : 0;
}

/* The `recovered` entry. Line before hash: between the two, a death leaves one more torn end. */
static int
append_recovered(struct recovery *r, struct br_err *e)
{
	const struct br_cut c = {.dirfd = r->dirfd, .fd = -1};
	struct br_event ev = {0};
	char name[BR_SEGMENT_NAME];
	unsigned char leaf[BR_HASH];
	br_event_begin(&ev, BR_EV_RECOVERED);
	br_event_int(&ev, "quarantined", (int64_t)br_cut_total(&c));
	br_event_str(&ev, "reason", "the writer of the log died");
	int rc = br_event_finish(&ev);
	br_buf_putc(&ev.line, '\n');
	br_segment_name(name, r->kept / BR_SEGMENT_ENTRIES, false);
	if (rc == 0 && !ev.line.failed) {
		br_merkle_leaf(ev.line.p, ev.line.len - 1, leaf);
		rc = append_to(r->dirfd, name, ev.line.p, ev.line.len) < 0 || fsync(r->dirfd) < 0 ||
				     append_to(r->dirfd, "hashes", leaf, sizeof(leaf)) < 0
				 ? -1
				 : 0;
	} else {
		errno = ENOMEM;
		rc = -1;
	}
	int why = errno;
	br_event_free(&ev);
	if (rc < 0)
		return br_err_set(e, why, "cannot append to the log");
	br_merkle_append(&r->tree, leaf);
	r->kept++;
	return 0;
}

/* One record, from the segment itself. -1 with errno. */
static int
index_segment(struct recovery *r, int fd, uint64_t segment)
{
	struct br_index x = {.first = segment * BR_SEGMENT_ENTRIES};
	unsigned char record[BR_INDEX_RECORD];
	char name[BR_SEGMENT_NAME];
	const char *line;
	size_t n;
	int guess = -1;
	if (begin_segment(r, segment) <= 0)
		return -1;
	while (br_lines_next(&r->lines, &line, &n) == BR_LINE) {
		struct br_head h;
		br_head_count(&x, n);
		if (br_head_read(line, n, guess, &h)) {
			br_head_index(&x, &h, line, n);
			guess = h.type;
		}
	}
	br_lines_end(&r->lines);
	br_segment_name(name, segment, true);
	uint64_t packed = size_of(r->dirfd, name);
	x.packed = packed > UINT32_MAX ? UINT32_MAX : (uint32_t)packed;
	br_index_put(record, &x);
	return pwrite(fd, record, sizeof(record), (off_t)(segment * sizeof(record))) == (ssize_t)sizeof(record) ? 0 : -1;
}

/* The first segment whose record may be missing: the writer never waits for the index. */
static uint64_t
first_to_index(const struct recovery *r, int fd)
{
	uint64_t upto = r->covered / BR_SEGMENT_ENTRIES;
	for (uint64_t i = 0; i < upto; i++) {
		unsigned char record[BR_INDEX_RECORD];
		struct br_index x = {0};
		if (pread(fd, record, sizeof(record), (off_t)(i * sizeof(record))) == (ssize_t)sizeof(record))
			br_index_get(&x, record);
		if (x.first != i * BR_SEGMENT_ENTRIES || x.entries != BR_SEGMENT_ENTRIES)
			return i;
	}
	return upto > 0 ? upto - 1 : 0;
}

static int
mend_index(struct recovery *r, int fd, struct br_err *e)
{
	uint64_t segments = (r->kept + BR_SEGMENT_ENTRIES - 1) / BR_SEGMENT_ENTRIES;
	if (fd < 0)
		return br_err_set(e, errno, "cannot write the log's index");
	for (uint64_t i = first_to_index(r, fd); i < segments; i++)
		if (index_segment(r, fd, i) < 0)
			return br_err_set(e, errno, "cannot index segment %06" PRIu64 " of the log", i);
	if (ftruncate(fd, (off_t)(segments * BR_INDEX_RECORD)) < 0 || fdatasync(fd) < 0)
		return br_err_set(e, errno, "cannot write the log's index");
	return 0;
}

static int
sign_end(struct recovery *r, const struct br_note_signer *host, struct br_err *e)
{
	br_auto_buf text = {0}, note = {0};
	unsigned char root[BR_HASH];
	br_merkle_root(&r->tree, root);
	br_checkpoint_put(&text, r->trail.origin, r->kept, root);
	if (text.failed || br_note_sign(&note, host, text.p, text.len) < 0)
		return br_err_set(e, 0, "cannot sign the end of the log");
	if (append_to(r->dirfd, "checkpoints", note.p, note.len) < 0)
		return br_err_set(e, errno, "cannot write the log's last checkpoint");
	return 0;
}

static int
close_log(struct recovery *r, const struct br_note_signer *host, struct br_err *e)
{
	int cut = cut_all(r, e);
	if (cut < 0)
		return -1;
	/* A recovery that died behind its entry: that one will do. */
	if ((cut > 0 || r->last_type != BR_EV_RECOVERED) && append_recovered(r, e) < 0)
		return -1;
	br_auto_fd int index = openat(r->dirfd, "index", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (mend_index(r, index, e) < 0 || sign_end(r, host, e) < 0)
		return -1;
	/* Only now: until it is signed, the last segment is one that may have to be cut again. */
	if (br_pack_segments(r->dirfd, index, 0, (r->kept + BR_SEGMENT_ENTRIES - 1) / BR_SEGMENT_ENTRIES) < 0)
		return br_err_set(e, errno, "cannot compress the log");
	return 1;
}

/* ---- the whole ---- */

/* The writer died before its first checkpoint was on disk: then no command has started. */
static bool
never_began(const struct recovery *r)
{
	char name[BR_SEGMENT_NAME];
	br_segment_name(name, 0, false);
	return r->trail.n == 0 && r->hash_bytes == 0 && size_of(r->dirfd, name) == 0 && !has_form(r, 0, true) && !has_segment(r, 1) &&
	       (last_said(r) == 0 || last_said(r) == UINT64_MAX);
}

/* Its writer may live longer than the session's monitor, to seal it; and somebody else may be at it. */
static int
take_lock(const struct recovery *r, struct br_err *e)
{
	br_auto_fd int fd = openat(r->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return br_err_set(e, errno, "cannot lock the log");
	return br_steal_fd(&fd);
}

static int
recover(struct recovery *r, const char *session, const struct br_note_signer *host, struct br_err *e)
{
	r->hash_bytes = size_of(r->dirfd, "hashes");
	r->hashes = r->hash_bytes / BR_HASH;
	if (looks_closed(r))
		return 0;
	if (br_trail_read(&r->trail, r->dirfd, &host->key, e) < 0)
		return -1;
	if (never_began(r))
		return 0;
	if (r->trail.verdict != BR_OK)
		return altered(r, e, r->trail.verdict == BR_TAMPERED ? r->trail.why : "its checkpoints are gone");
	if (!br_streq(r->trail.origin + strlen("brattice/session/"), session))
		return altered(r, e, "it is another session's");
	r->covered = r->trail.mark[r->trail.n - 1].size;
	r->hashes_fd = br_open_regular(r->dirfd, "hashes");
	if (r->hashes_fd < 0 && (r->covered > 0 || errno != ENOENT))
		return errno == ENOENT ? altered(r, e, "`hashes` is missing") : br_err_set(e, errno, "cannot read the log's hashes");
	if (find_end(r, e) < 0)
		return -1;
	return build_tree(r, e) < 0 ? -1 : close_log(r, host, e);
}

bool
br_log_looks_closed(int dirfd)
{
	struct recovery *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return false;
	r->dirfd = dirfd;
	r->hashes_fd = r->lines.fd = -1;
	r->hash_bytes = size_of(dirfd, "hashes");
	r->hashes = r->hash_bytes / BR_HASH;
	bool closed = looks_closed(r);
	br_lines_free(&r->lines);
	free(r);
	return closed;
}

int
br_log_recover(int dirfd, const char *session, const struct br_note_signer *host, struct br_err *e)
{
	struct recovery *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return br_err_set(e, ENOMEM, "cannot recover the log");
	r->dirfd = dirfd;
	r->hashes_fd = r->lines.fd = -1;
	r->last_type = -1;
	br_auto_fd int lock = take_lock(r, e);
	int rc = lock < 0 ? -1 : recover(r, session, host, e);
	br_trail_free(&r->trail);
	br_lines_free(&r->lines);
	br_cleanup_fd(&r->hashes_fd);
	free(r);
	return rc;
}
