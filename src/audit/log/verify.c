/* The bytes of a log: entries, hashes, roots, signatures, index, and where they end. */
#include "audit/log/verify.h"

#include "audit/log/head.h"
#include "audit/log/lines.h"
#include "audit/log/verify_int.h"
#include "audit/log/writer.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_CHUNK (BR_HASH * (size_t)8192)
#define NONE       UINT64_MAX
#define INDEX_MAX  (64U << 20)

static int
rank(enum br_verdict v)
{
	static const int ranks[] = {[BR_OK] = 0, [BR_UNKNOWN] = 1, [BR_CRASHED] = 2, [BR_TAMPERED] = 3};
	return ranks[v];
}

void
br_check_bad(struct br_check *c, enum br_verdict *v, enum br_verdict how, const char *fmt, ...)
{
	if (rank(how) > rank(*v))
		*v = how;
	if (c->nwhat == BR_VERIFY_WHATS)
		return;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(c->out->what[c->nwhat], sizeof(c->out->what[0]), fmt, ap);
	va_end(ap);
	c->nwhat++;
}

#define INTEGRITY(c)    (&(c)->out->integrity)
#define COMPLETENESS(c) (&(c)->out->completeness)

/* ---- hashes ---- */

static int
open_hashes(struct br_check *c, struct br_err *e)
{
	struct stat st;
	c->hashes_fd = br_open_regular(c->dirfd, "hashes");
	if (c->hashes_fd < 0 && br_is_no_file(errno))
		return 0;
	c->hash_buf = malloc(HASH_CHUNK);
	if (c->hashes_fd < 0 || c->hash_buf == NULL || fstat(c->hashes_fd, &st) < 0)
		return br_err_set(e, errno, "cannot read the log's hashes");
	c->hashes = (uint64_t)st.st_size / BR_HASH;
	c->hashes_rest = (size_t)st.st_size % BR_HASH;
	return 0;
}

/* That of the entry to come; NULL when there are no more (the file may shrink under us). */
static const unsigned char *
next_hash(struct br_check *c)
{
	if (c->hash_at + BR_HASH > c->hash_len) {
		size_t have = 0;
		while (c->hashes_fd >= 0 && have < HASH_CHUNK) {
			ssize_t r = pread(c->hashes_fd, c->hash_buf + have, HASH_CHUNK - have, (off_t)(c->tree.size * BR_HASH + have));
			if (r < 0 && errno == EINTR)
				continue;
			if (r <= 0)
				break;
			have += (size_t)r;
		}
		c->hash_at = 0;
		c->hash_len = have;
		if (have < BR_HASH)
			return NULL;
	}
	c->hash_at += BR_HASH;
	return c->hash_buf + c->hash_at - BR_HASH;
}

/* Where among the hashes `leaf` stands: says that an entry is another one of this log, moved. NONE when nowhere. */
static uint64_t
find_hash(const struct br_check *c, const unsigned char leaf[BR_HASH])
{
	unsigned char buf[BR_HASH * 512];
	uint64_t i = 0;
	for (ssize_t r; c->hashes_fd >= 0 && (r = pread(c->hashes_fd, buf, sizeof(buf), (off_t)(i * BR_HASH))) >= BR_HASH;)
		for (ssize_t k = 0; k + BR_HASH <= r; k += BR_HASH, i++)
			if (memcmp(buf + k, leaf, BR_HASH) == 0)
				return i;
	return NONE;
}

/* ---- roots ---- */

static void
say_odd(struct br_check *c, enum br_verdict *v, enum br_verdict how)
{
	uint64_t at = find_hash(c, c->odd_leaf);
	if (at != NONE && at != c->odd)
		br_check_bad(c, v, how, "entry %" PRIu64 " (segment %06" PRIu64 "): in its place stands entry %" PRIu64 " of this log", c->odd,
		    c->odd / BR_SEGMENT_ENTRIES, at);
	else
		br_check_bad(c, v, how, "entry %" PRIu64 " (segment %06" PRIu64 ", line %" PRIu64 ") does not match its hash", c->odd,
		    c->odd / BR_SEGMENT_ENTRIES, c->odd % BR_SEGMENT_ENTRIES + 1);
}

/* A checkpoint that covers exactly what was read so far. */
static void
judge_root(struct br_check *c, const struct br_mark *m)
{
	unsigned char root[BR_HASH];
	if (c->root_bad)
		return;
	br_merkle_root(&c->tree, root);
	if (memcmp(root, m->root, BR_HASH) == 0) {
		/* The entries are those that were signed: then it's the file of hashes that isn't. */
		if (c->odd != NONE)
			br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "hashes: number %" PRIu64 " is altered (the entry is as it was signed)", c->odd);
		c->odd = NONE;
		c->out->covered = m->size;
		c->out->checkpoints++;
		return;
	}
	c->root_bad = true;
	if (c->odd != NONE)
		say_odd(c, INTEGRITY(c), BR_TAMPERED);
	else
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED,
		    "entries %" PRIu64 " to %" PRIu64 ": not those that the checkpoint of size %" PRIu64 " signed, and `hashes` was altered with them",
		    c->out->covered, m->size - 1, m->size);
	c->odd = NONE;
}

static void
reach_marks(struct br_check *c)
{
	while (c->mark < c->trail.n && c->trail.mark[c->mark].size == c->tree.size)
		judge_root(c, &c->trail.mark[c->mark++]);
}

/* The writer signs every 4,096 entries without fail. */
static void
check_cadence(struct br_check *c)
{
	for (size_t i = 1; i < c->trail.n; i++) {
		const struct br_mark *a = &c->trail.mark[i - 1], *b = &c->trail.mark[i];
		uint64_t due = (a->size / BR_CHECKPOINT_ENTRIES + 1) * BR_CHECKPOINT_ENTRIES;
		if (!b->by_host && due < b->size)
			br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "checkpoints: that of size %" PRIu64 " is missing", due);
	}
}

/* ---- entries ---- */

static void
add_entry(struct br_check *c, const char *line, size_t len)
{
	unsigned char leaf[BR_HASH];
	uint64_t n = c->tree.size;
	const unsigned char *want = next_hash(c);
	br_merkle_leaf(line, len, leaf);
	if (want != NULL && memcmp(want, leaf, BR_HASH) != 0 && c->odd == NONE && !c->root_bad) {
		c->odd = n;
		memcpy(c->odd_leaf, leaf, BR_HASH);
	}
	br_merkle_append(&c->tree, leaf);
	br_head_count(&c->now, len);
	br_check_event(c, n, line, len);
	reach_marks(c);
}

static void
end_of_segment(struct br_check *c, uint64_t segment, enum br_line last, size_t rest)
{
	uint64_t full = (segment + 1) * BR_SEGMENT_ENTRIES;
	/* What a checkpoint covers was on disk before it, whole. */
	bool covered = c->trail.n > 0 && c->tree.size < c->trail.mark[c->trail.n - 1].size;
	if (last == BR_LINE_TORN) {
		c->torn = true;
		br_check_bad(c, covered ? INTEGRITY(c) : COMPLETENESS(c), covered ? BR_TAMPERED : BR_CRASHED,
		    "entry %" PRIu64 " (segment %06" PRIu64 "): cut off after %zu bytes", c->tree.size, segment, rest);
	} else if (last == BR_LINE_BAD) {
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "segment %06" PRIu64 ": unreadable from entry %" PRIu64 " on", segment, c->tree.size);
	} else if (last == BR_LINE && c->tree.size == full) {
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "segment %06" PRIu64 ": more than %d entries", segment, BR_SEGMENT_ENTRIES);
	}
}

/* Both forms are there when the writer died between making one and removing the other: they must say the same. */
static void
compare_forms(struct br_check *c, uint64_t segment)
{
	struct br_lines a = {.fd = -1}, b = {.fd = -1};
	enum br_line x = BR_LINE_END, y = BR_LINE_END;
	bool same = true;
	if (br_lines_begin(&a, c->dirfd, segment, false) == 0 && br_lines_begin(&b, c->dirfd, segment, true) == 0) {
		do {
			const char *p = NULL, *q = NULL;
			size_t n = 0, m = 0;
			x = br_lines_next(&a, &p, &n);
			y = br_lines_next(&b, &q, &m);
			same = x == y && (x != BR_LINE || (n == m && memcmp(p, q, n) == 0));
		} while (same && x == BR_LINE);
	}
	if (!same)
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "segment %06" PRIu64 ": is there twice, and the two are different", segment);
	br_lines_free(&a);
	br_lines_free(&b);
}

static uint32_t
size_of_form(const struct br_check *c, uint64_t segment)
{
	char name[BR_SEGMENT_NAME];
	struct stat st;
	br_segment_name(name, segment, true);
	if (fstatat(c->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return st.st_size > UINT32_MAX ? UINT32_MAX : (uint32_t)st.st_size;
}

/* `record`: what the index says, NULL when it ends before. False when it says nothing. */
static bool
check_index(struct br_check *c, uint64_t segment, const unsigned char *record)
{
	static const unsigned char none[BR_INDEX_RECORD];
	unsigned char want[BR_INDEX_RECORD];
	struct br_index is;
	if (record == NULL || memcmp(record, none, sizeof(none)) == 0)
		return c->now.entries == 0;
	br_index_get(&is, record);
	/* Written by the packer, which may have died before. */
	if (is.packed != 0)
		c->now.packed = size_of_form(c, segment);
	if (!c->now_times) {
		c->now.from_us = is.from_us;
		c->now.to_us = is.to_us;
	}
	if (!c->now_types)
		c->now.types = is.types;
	br_index_put(want, &c->now);
	if (memcmp(want, record, sizeof(want)) != 0)
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "index: what it says of segment %06" PRIu64 " is not so", segment);
	return true;
}

/* 1 there was one, 0 there is none, -1 with errno. */
static int
walk_segment(struct br_check *c, struct br_lines *l, uint64_t segment)
{
	enum br_line kind = BR_LINE_END;
	const char *line = NULL;
	size_t n = 0;
	if (br_lines_begin(l, c->dirfd, segment, false) < 0) {
		if (!br_is_no_file(errno))
			return -1;
		if (br_lines_begin(l, c->dirfd, segment, true) < 0)
			return br_is_no_file(errno) ? 0 : -1;
	} else if (size_of_form(c, segment) > 0) {
		compare_forms(c, segment);
	}
	c->now = (struct br_index){.first = c->tree.size};
	c->now_times = c->now_types = true;
	while ((kind = br_lines_next(l, &line, &n)) == BR_LINE && c->tree.size < (segment + 1) * BR_SEGMENT_ENTRIES)
		add_entry(c, line, n);
	br_lines_end(l);
	end_of_segment(c, segment, kind, n);
	return 1;
}

/* ---- the whole ---- */

/* The number of a segment's file, NONE for any other name. */
static uint64_t
segment_of_name(const char *name)
{
	uint64_t v = 0;
	size_t i = 0;
	for (; name[i] >= '0' && name[i] <= '9' && i < 18; i++)
		v = v * 10 + (uint64_t)(name[i] - '0');
	return i >= 6 && (br_streq(name + i, ".jsonl") || br_streq(name + i, ".jsonl.zst")) ? v : NONE;
}

/* Files of segments behind the last: the one between is gone, or they come from elsewhere. */
static void
check_strangers(struct br_check *c, uint64_t walked)
{
	int fd = openat(c->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	uint64_t least = NONE;
	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	for (const struct dirent *x; (x = readdir(d)) != NULL;) {
		uint64_t v = segment_of_name(x->d_name);
		if (v != NONE && v >= walked && v < least)
			least = v;
	}
	(void)closedir(d);
	if (least != NONE && least == walked)
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "segment %06" PRIu64 ": not of this log, which ends before it", least);
	else if (least != NONE)
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "segment %06" PRIu64 " is missing (there is %06" PRIu64 ")", walked, least);
}

static bool
is_closed(const struct br_check *c)
{
	uint64_t n = c->tree.size;
	if (n == 0 || c->trail.n == 0 || c->trail.mark[c->trail.n - 1].size != n || c->hashes != n || c->hashes_rest != 0 || c->torn || c->trail.torn)
		return false;
	bool by_host = c->trail.mark[c->trail.n - 1].by_host;
	return by_host ? c->last_type == BR_EV_RECOVERED : c->last_type == BR_EV_SEALED;
}

/* What is missing of what was signed. */
static void
check_covered(struct br_check *c)
{
	uint64_t n = c->tree.size, signed_ = c->trail.n > 0 ? c->trail.mark[c->trail.n - 1].size : 0;
	if (n < signed_ && c->mark < c->trail.n)
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "entries %" PRIu64 " to %" PRIu64 ": missing, though a checkpoint covers them", n, signed_ - 1);
	if (c->hashes < signed_)
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "hashes: numbers %" PRIu64 " to %" PRIu64 " are missing, though a checkpoint covers them",
		    c->hashes, signed_ - 1);
}

/* The end: sealed, closed by recovery, still growing, or what a death leaves. */
static void
check_end(struct br_check *c)
{
	uint64_t n = c->tree.size;
	enum br_verdict *v = COMPLETENESS(c);
	/* Killed between the seal and its checkpoint: then recovery's entry follows it. */
	bool last = c->sealed_at != NONE && (c->sealed_at + 1 == n || c->recovered_at == c->sealed_at + 1);
	if (c->sealed_at != NONE && (!last || c->sealed_says != c->sealed_at + 1))
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "entry %" PRIu64 " seals a log of %" PRIu64 " entries, but there are %" PRIu64, c->sealed_at,
		    c->sealed_says, n);
	if (is_closed(c)) {
		if (c->recovered)
			br_check_bad(c, v, BR_CRASHED, "its writer died before it could seal the log, which was closed afterwards");
		return;
	}
	if (c->trail.verdict != BR_OK) {
		if (c->odd != NONE)
			say_odd(c, INTEGRITY(c), BR_TAMPERED);
		if (rank(*v) < rank(BR_UNKNOWN))
			*v = BR_UNKNOWN; /* where it should end stands in checkpoints that can't be believed */
		return;
	}
	/* Behind the last checkpoint nothing is evidence; what stands there counts as torn, not as altered. */
	if (c->odd != NONE)
		say_odd(c, v, BR_CRASHED);
	if (c->trail.torn)
		br_check_bad(c, v, BR_CRASHED, "checkpoints: the last was not written whole");
	if (c->hashes != n || c->hashes_rest != 0)
		br_check_bad(c, v, BR_CRASHED, "there are %" PRIu64 " entries and %" PRIu64 " hashes%s", n, c->hashes,
		    c->hashes_rest != 0 ? " and a part of one" : "");
	if (c->recovered)
		br_check_bad(c, v, BR_CRASHED, "its writer died, and it could not be closed yet");
	else
		br_check_bad(c, v, BR_CRASHED, "not sealed: the last checkpoint covers %" PRIu64 " of %" PRIu64 " entries", c->out->covered, n);
}

static void
judge_trail(struct br_check *c)
{
	const struct br_trail *t = &c->trail;
	struct br_verify *out = c->out;
	if (br_startswith(t->origin, "brattice/session/"))
		(void)snprintf(out->session, sizeof(out->session), "%s", t->origin + strlen("brattice/session/"));
	out->host = t->host;
	out->key = t->key;
	out->host_known = t->host_known;
	switch (t->verdict) {
	case BR_OK:
		break;
	case BR_TAMPERED:
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "%s", t->why);
		break;
	case BR_UNKNOWN:
		br_check_bad(c, COMPLETENESS(c), BR_UNKNOWN, "%s", t->why);
		break;
	case BR_CRASHED:
		if (c->hashes > 0 || c->tree.size > 0)
			br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "checkpoints: none, though there are entries");
		else
			br_check_bad(c, COMPLETENESS(c), BR_CRASHED, "its writer died before it began");
		break;
	}
	check_cadence(c);
}

/* Walks all segments. What the index lacks is only wrong when the log turns out to be closed. */
static int
walk(struct br_check *c, struct br_err *e)
{
	br_auto_buf index = {0};
	struct br_lines l = {.fd = -1};
	uint64_t segment = 0, lacking = NONE;
	int rc;
	if (br_read_file(c->dirfd, "index", &index, INDEX_MAX) < 0 && !br_is_no_file(errno))
		return br_err_set(e, errno, "cannot read the log's index");
	reach_marks(c);
	while ((rc = walk_segment(c, &l, segment)) > 0) {
		bool have = (segment + 1) * BR_INDEX_RECORD <= index.len;
		const void *record = have ? index.p + segment * BR_INDEX_RECORD : NULL;
		if (!check_index(c, segment, record) && lacking == NONE)
			lacking = segment;
		segment++;
		if (c->now.entries < BR_SEGMENT_ENTRIES)
			break;
	}
	br_lines_free(&l);
	if (rc < 0)
		return br_err_set(e, errno, "cannot read segment %06" PRIu64 " of the log", segment);
	if (lacking != NONE && is_closed(c))
		br_check_bad(c, INTEGRITY(c), BR_CRASHED, "index: nothing about segment %06" PRIu64 " and later ones", lacking);
	if (index.len > segment * BR_INDEX_RECORD)
		br_check_bad(c, INTEGRITY(c), BR_TAMPERED, "index: speaks of more segments than there are");
	check_strangers(c, segment);
	return 0;
}

static int
check_all(struct br_check *c, const struct br_note_key *trusted, struct br_err *e)
{
	/* Checkpoints first: what they cover of a log that grows is there already, whatever comes while we read. */
	if (br_trail_read(&c->trail, c->dirfd, trusted, e) < 0 || open_hashes(c, e) < 0 || walk(c, e) < 0)
		return -1;
	judge_trail(c);
	check_covered(c);
	check_end(c);
	br_check_files(c, is_closed(c));
	c->out->entries = c->tree.size;
	return 0;
}

int
br_log_verify(int dirfd, const struct br_note_key *trusted, struct br_verify *out, struct br_err *e)
{
	memset(out, 0, sizeof(*out));
	struct br_check *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return br_err_set(e, ENOMEM, "cannot verify the log");
	c->dirfd = dirfd;
	c->out = out;
	c->hashes_fd = c->cast_fd = -1;
	c->odd = c->sealed_at = c->recovered_at = NONE;
	c->last_type = -1;
	br_merkle_init(&c->tree);
	int rc = check_all(c, trusted, e);
	br_trail_free(&c->trail);
	br_cleanup_fd(&c->hashes_fd);
	br_cleanup_fd(&c->cast_fd);
	free(c->hash_buf);
	free(c);
	return rc;
}
