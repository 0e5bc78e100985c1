#include "session/review/record.h"

#include "base/io.h"
#include "policy/builtin.h"

#include <errno.h>

/* 10,000,000 names of 100 bytes: more than any run makes, less than memory. */
#define RECORD_MAX ((size_t)1 << 30)

/* Calls `fn` with each whole line, without its newline. */
static int
each_line(int sessionfd, const char *name, int (*fn)(void *arg, char *line), void *arg, struct br_err *e)
{
	struct br_buf b = {0};
	if (br_read_file(sessionfd, name, &b, RECORD_MAX) < 0) {
		int saved = errno;
		br_buf_free(&b);
		return saved == ENOENT ? 0 : br_err_set(e, saved, "cannot read the session's file %s", name);
	}
	if (b.len > 0 && memchr(b.p, '\0', b.len) != NULL) {
		br_buf_free(&b);
		return br_err_set(e, 0, "the session's file %s is damaged: it holds a NUL", name);
	}
	unsigned long line = 0;
	for (char *p = b.p, *nl; p != NULL && (nl = strchr(p, '\n')) != NULL; p = nl + 1) {
		*nl = '\0';
		line++;
		if (fn(arg, p) < 0) {
			br_buf_free(&b);
			return br_err_set(e, 0, "the session's file %s is damaged in line %lu", name, line);
		}
	}
	br_buf_free(&b);
	return 0;
}

struct touched_arg {
	struct br_touched *out;
	const char *project;
};

/* The part of `path` below the project, or NULL. */
static const char *
below(const char *project, const char *path)
{
	size_t n = strlen(project);
	if (path[0] != '/')
		return path[0] != '\0' ? path : NULL;
	if (strncmp(path, project, n) != 0 || path[n] != '/' || path[n + 1] == '\0')
		return NULL;
	return path + n + 1;
}

static int
touched_line(void *arg, char *line)
{
	struct touched_arg *a = arg;
	char *path = strchr(line, ' ');
	if (path == NULL || !br_unescape(path + 1))
		return -1;
	*path++ = '\0';
	const char *rel = below(a->project, path);
	if (rel == NULL)
		return 0;
	bool moved = br_startswith(line, "rename") || br_startswith(line, "link") || br_startswith(line, "exchange");
	if (moved && br_strv_add(&a->out->moved, rel, strlen(rel)) < 0)
		return -1;
	return br_strv_add(&a->out->names, rel, strlen(rel));
}

int
br_touched_read(int sessionfd, const char *project, struct br_touched *out, struct br_err *e)
{
	*out = (struct br_touched){0};
	struct touched_arg a = {.out = out, .project = project};
	if (each_line(sessionfd, "touched", touched_line, &a, e) < 0)
		return -1;
	br_strv_sort(&out->names);
	br_strv_sort(&out->moved);
	return 0;
}

void
br_touched_free(struct br_touched *t)
{
	br_strv_free(&t->names);
	br_strv_free(&t->moved);
}

struct home_arg {
	int (*fn)(void *arg, const char *how, const char *name);
	void *arg;
};

static int
home_line(void *arg, char *line)
{
	static const char *const words[] = {"kept", "host", "gone", "cut"};
	struct home_arg *a = arg;
	char *name = strchr(line, ' ');
	if (name == NULL || !br_unescape(name + 1))
		return -1;
	*name++ = '\0';
	bool known = false;
	for (size_t i = 0; i < BR_ARRAY_LEN(words); i++)
		known = known || br_streq(line, words[i]);
	if (!known || (!br_streq(line, "cut") && br_builtin_home_find(name) == NULL))
		return -1;
	return a->fn(a->arg, line, name);
}

int
br_home_changes_read(int sessionfd, int (*fn)(void *arg, const char *how, const char *name), void *arg, struct br_err *e)
{
	struct home_arg a = {.fn = fn, .arg = arg};
	return each_line(sessionfd, "home-changes", home_line, &a, e);
}

static bool
number(const char *s, int base, uint64_t *out)
{
	char *end;
	if (s == NULL || s[0] < '0' || s[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(s, &end, base);
	return *end == '\0' && errno == 0;
}

/* "sha256 size mode mtime_ns path". A file older than 1970 has a negative time. */
static bool
parse_base(char *line, struct br_base_entry *en)
{
	char *rest = line;
	const char *sha = br_field_next(&rest), *size = br_field_next(&rest), *mode = br_field_next(&rest), *mtime = br_field_next(&rest);
	uint64_t m, t;
	if (sha == NULL || mtime == NULL || !number(size, 10, &en->size) || !number(mode, 8, &m) ||
	    !number(mtime + (mtime[0] == '-'), 10, &t) || t > INT64_MAX)
		return false;
	if (strlen(sha) == BR_SHA256_HEX - 1 && strspn(sha, "0123456789abcdef") == BR_SHA256_HEX - 1)
		memcpy(en->sha256, sha, BR_SHA256_HEX);
	else if (!br_streq(sha, "-"))
		return false;
	en->mode = (mode_t)m;
	en->mtime_ns = mtime[0] == '-' ? -(int64_t)t : (int64_t)t;
	en->path = rest;
	return br_unescape(rest) && rest[0] != '\0';
}

static int
base_line(void *arg, char *line)
{
	struct br_base *b = arg;
	struct br_base_entry en = {.place = b->n};
	if (!parse_base(line, &en))
		return -1;
	if (b->n == b->cap) {
		size_t cap = b->cap != 0 ? b->cap * 2 : 64;
		struct br_base_entry *v = reallocarray(b->v, cap, sizeof(*v));
		if (v == NULL)
			return -1;
		b->v = v;
		b->cap = cap;
	}
	en.path = strdup(en.path);
	if (en.path == NULL)
		return -1;
	b->v[b->n++] = en;
	return 0;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct br_base_entry *)a)->path, ((const struct br_base_entry *)b)->path);
}

/* The earliest entry of a path counts, and qsort keeps no order of its own. */
static int
by_path_then_place(const void *a, const void *b)
{
	const struct br_base_entry *x = a, *y = b;
	int c = strcmp(x->path, y->path);
	return c != 0 ? c : (x->place > y->place) - (x->place < y->place);
}

int
br_base_read(int sessionfd, struct br_base *out, struct br_err *e)
{
	*out = (struct br_base){0};
	if (each_line(sessionfd, "base", base_line, out, e) < 0)
		return -1;
	if (out->n == 0)
		return 0;
	qsort(out->v, out->n, sizeof(*out->v), by_path_then_place);
	size_t keep = 1;
	for (size_t i = 1; i < out->n; i++) {
		if (br_streq(out->v[i].path, out->v[keep - 1].path))
			free(out->v[i].path);
		else
			out->v[keep++] = out->v[i];
	}
	out->n = keep;
	return 0;
}

const struct br_base_entry *
br_base_find(const struct br_base *b, const char *path)
{
	struct br_base_entry key = {.path = (char *)(uintptr_t)path};
	return b->n > 0 ? bsearch(&key, b->v, b->n, sizeof(*b->v), by_path) : NULL;
}

void
br_base_free(struct br_base *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->v[i].path);
	free(b->v);
	*b = (struct br_base){0};
}
