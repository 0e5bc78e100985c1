#include "session/review/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct scan {
	const struct br_view *v;
	struct br_changes *out;
	bool failed; /* memory ran out */
};

static struct br_change *
add(struct scan *s, enum br_change_kind kind, const char *rel, const struct stat *before, const struct stat *after)
{
	struct br_changes *c = s->out;
	if (c->n == c->cap) {
		size_t cap = c->cap != 0 ? c->cap * 2 : 64;
		struct br_change *v = reallocarray(c->v, cap, sizeof(*v));
		if (v == NULL) {
			s->failed = true;
			return NULL;
		}
		c->v = v;
		c->cap = cap;
	}
	struct br_change ch = {.kind = kind, .rel = strdup(rel)};
	if (ch.rel == NULL) {
		s->failed = true;
		return NULL;
	}
	if (before != NULL)
		ch.before = *before;
	if (after != NULL)
		ch.after = *after;
	c->v[c->n] = ch;
	return &c->v[c->n++];
}

static void
skip(struct scan *s, const char *rel, const char *why)
{
	struct br_buf b = {0};
	br_buf_printf(&b, "%s: %s", rel, why);
	if (b.failed || br_strv_add(&s->out->skipped, b.p, b.len) < 0)
		s->failed = true;
	br_buf_free(&b);
}

/* Reads `n` bytes at `at`, or up to the end of the file. */
static ssize_t
read_full(int fd, char *buf, size_t n, off_t at)
{
	size_t have = 0;
	while (have < n) {
		ssize_t r = pread(fd, buf + have, n - have, at + (off_t)have);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		have += (size_t)r;
	}
	return (ssize_t)have;
}

/* Where the next bytes are that are not a hole, from `at` on. */
static off_t
next_data(int fd, off_t at, off_t size)
{
	off_t to = lseek(fd, at, SEEK_DATA);
	return to >= 0 ? to : errno == ENXIO ? size : at;
}

/* 1: the same bytes, 0: not, -1: errno. Size and time would not do: a tool can put both back. What is a hole in both is
 * skipped: a file of a terabyte may hold nothing. */
static int
same_bytes(int a, int b, off_t size)
{
	enum { CHUNK = 65536 };
	br_auto_free char *x = malloc(CHUNK), *y = malloc(CHUNK);
	if (x == NULL || y == NULL)
		return -1;
	for (off_t at = 0; at < size; at += CHUNK) {
		off_t from_a = next_data(a, at, size), from_b = next_data(b, at, size);
		at = from_a < from_b ? from_a : from_b;
		ssize_t n = read_full(a, x, CHUNK, at), m = read_full(b, y, CHUNK, at);
		if (n < 0 || m < 0)
			return -1;
		if (n != m || memcmp(x, y, (size_t)n) != 0)
			return 0;
	}
	return 1;
}

static int
same_file(const struct scan *s, const char *rel, off_t size)
{
	br_auto_fd int up = br_tree_open(s->v->upper, rel, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (up < 0)
		return -1;
	/* The host may have replaced its own by now: whatever is no regular file there is not the same. */
	br_auto_fd int low = br_tree_open(s->v->lower, rel, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	if (low < 0 || fstat(low, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != size)
		return 0;
	return same_bytes(up, low, size);
}

static int
same_link(const struct scan *s, const char *rel)
{
	br_auto_free char *up = br_tree_link(s->v->upper, rel);
	br_auto_free char *low = br_tree_link(s->v->lower, rel);
	return up == NULL ? -1 : low != NULL && br_streq(up, low);
}

static bool
applicable(const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISLNK(st->st_mode) || S_ISDIR(st->st_mode);
}

/* A file of the upper tree whose content lies elsewhere, or that marks an absence in a way we don't know. */
static const char *
unknown_feature(const struct scan *s, const char *rel, const struct stat *st)
{
	static const char *const names[] = {"user.overlay.metacopy", "user.overlay.redirect", "user.overlay.whiteout"};
	br_auto_fd int fd =
	    br_tree_open(s->v->upper, rel, O_RDONLY | O_NONBLOCK | O_NOCTTY | (S_ISDIR(st->st_mode) ? O_DIRECTORY : 0), 0);
	if (fd < 0)
		return strerror(errno);
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++) {
		char v[1];
		ssize_t n = br_tree_xattr(fd, names[i], v, sizeof(v));
		if (n > 0 || (n < 0 && errno == ERANGE))
			return names[i] + 5;
	}
	return NULL;
}

static void
removed(struct scan *s, const char *rel, bool in_the_way)
{
	struct stat st;
	if (br_tree_stat(s->v->lower, rel, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		struct br_strv l = {0};
		if (br_tree_list(s->v->lower, rel, &l) < 0)
			skip(s, rel, strerror(errno));
		for (size_t i = 0; i < l.n && !s->failed; i++) {
			br_auto_free char *p = br_path_join(rel, l.v[i]);
			if (p != NULL)
				removed(s, p, in_the_way);
			else
				s->failed = true;
		}
		br_strv_free(&l);
	}
	struct br_change *c = add(s, BR_CHANGE_DEL, rel, &st, NULL);
	if (c != NULL)
		c->in_the_way = in_the_way;
}

/* Not a directory in the upper tree, and something that is none in the lower one. */
static void
compare(struct scan *s, const char *rel, const struct stat *up, const struct stat *low)
{
	int same = 0;
	if ((up->st_mode & S_IFMT) == (low->st_mode & S_IFMT)) {
		if (S_ISREG(up->st_mode))
			same = up->st_size == low->st_size ? same_file(s, rel, up->st_size) : 0;
		else
			same = S_ISLNK(up->st_mode) ? same_link(s, rel) : 1;
	}
	if (same < 0) {
		skip(s, rel, strerror(errno));
		return;
	}
	bool mode = !S_ISLNK(up->st_mode) && br_change_mode(up) != br_change_mode(low);
	bool bits = !S_ISLNK(up->st_mode) && (up->st_mode & ~low->st_mode & 07000) != 0;
	if (same && !mode && !bits)
		return;
	struct br_change *c = add(s, BR_CHANGE_MOD, rel, low, up);
	if (c != NULL) {
		c->content = !same;
		c->inert = !applicable(up) || (same && !mode);
	}
}

static void
nondirectory(struct scan *s, const char *rel, const struct stat *up, const struct stat *low)
{
	const char *feature = S_ISREG(up->st_mode) ? unknown_feature(s, rel, up) : NULL;
	if (feature != NULL) {
		skip(s, rel, feature);
		return;
	}
	if (low != NULL && !S_ISDIR(low->st_mode)) {
		compare(s, rel, up, low);
		return;
	}
	if (low != NULL && applicable(up))
		removed(s, rel, true);
	struct br_change *c = add(s, BR_CHANGE_ADD, rel, NULL, up);
	if (c != NULL) {
		c->content = true;
		c->inert = !applicable(up);
	}
}

static void scan_dir(struct scan *s, const char *rel, bool hidden);

static void
directory(struct scan *s, const char *rel, const struct stat *up, const struct stat *low, bool hidden)
{
	const char *feature = unknown_feature(s, rel, up);
	if (feature != NULL) {
		skip(s, rel, feature);
		return;
	}
	br_auto_fd int fd = br_tree_open(s->v->upper, rel, O_RDONLY | O_DIRECTORY, 0);
	int opaque = fd < 0 ? -1 : br_is_opaque(fd);
	if (opaque < 0) {
		skip(s, rel, strerror(errno));
		return;
	}
	if (low == NULL || !S_ISDIR(low->st_mode)) {
		if (low != NULL)
			removed(s, rel, true);
		(void)add(s, BR_CHANGE_ADD, rel, NULL, up);
	} else if (br_change_mode(up) != br_change_mode(low)) {
		(void)add(s, BR_CHANGE_MOD, rel, low, up);
	}
	scan_dir(s, rel, hidden || opaque == 1);
}

static void
entry(struct scan *s, const char *rel, bool hidden)
{
	struct stat up, low;
	if (br_tree_stat(s->v->upper, rel, &up) < 0) {
		if (errno != ENOENT) /* gone: a session that still runs */
			skip(s, rel, strerror(errno));
		return;
	}
	bool have_low = br_tree_stat(s->v->lower, rel, &low) == 0;
	if (br_is_whiteout(&up)) {
		if (have_low)
			removed(s, rel, false);
	} else if (S_ISDIR(up.st_mode)) {
		directory(s, rel, &up, have_low ? &low : NULL, hidden);
	} else {
		nondirectory(s, rel, &up, have_low ? &low : NULL);
	}
}

/* `hidden`: the upper directory replaces the lower one, so what only the lower one has was removed by the run. Always compared
 * is with what the host has now, for that is where it is to be applied. */
static void
scan_dir(struct scan *s, const char *rel, bool hidden)
{
	struct br_strv up = {0}, low = {0};
	if (br_tree_list(s->v->upper, rel, &up) < 0)
		skip(s, rel, strerror(errno));
	for (size_t i = 0; i < up.n && !s->failed; i++) {
		br_auto_free char *p = br_path_join(rel, up.v[i]);
		if (p != NULL)
			entry(s, p, hidden);
		else
			s->failed = true;
	}
	if (hidden && br_tree_list(s->v->lower, rel, &low) == 0) {
		for (size_t i = 0; i < low.n && !s->failed; i++) {
			br_auto_free char *p = br_path_join(rel, low.v[i]);
			if (p == NULL)
				s->failed = true;
			else if (!br_strv_have(&up, low.v[i]))
				removed(s, p, false);
		}
	}
	br_strv_free(&up);
	br_strv_free(&low);
}

/* Removals that are in the way, then what is new or changed, then the other removals: so nothing that was only moved is ever
 * absent from both trees when the disk runs full. */
static int
rank(const struct br_change *c)
{
	return c->kind != BR_CHANGE_DEL ? 1 : c->in_the_way ? 0 : 2;
}

static int
in_order(const void *pa, const void *pb)
{
	const struct br_change *a = pa, *b = pb;
	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	return a->kind == BR_CHANGE_DEL ? strcmp(b->rel, a->rel) : strcmp(a->rel, b->rel);
}

int
br_changes_scan(const struct br_view *v, struct br_changes *out, struct br_err *e)
{
	*out = (struct br_changes){0};
	struct scan s = {.v = v, .out = out};
	scan_dir(&s, "", false);
	if (s.failed)
		return br_err_set(e, ENOMEM, "cannot list the changes");
	if (out->n > 0)
		qsort(out->v, out->n, sizeof(*out->v), in_order);
	return 0;
}

void
br_changes_free(struct br_changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].rel);
	free(c->v);
	br_strv_free(&c->skipped);
	*c = (struct br_changes){0};
}

int
br_changes_names(const struct br_changes *c, struct br_strv *out)
{
	for (size_t i = 0; i < c->n; i++)
		if (br_strv_add(out, c->v[i].rel, strlen(c->v[i].rel)) < 0)
			return -1;
	br_strv_sort(out);
	return 0;
}
