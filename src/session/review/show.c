#include "session/review/show.h"

#include "session/review/textdiff.h"

#include "base/cli.h"
#include "base/io.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Larger files are summarised. */
#define TEXT_MAX ((size_t)16 << 20)

struct shower {
	const struct br_view *v;
	const struct br_show_opts *o;
	struct br_buf out;
	int fd;
	bool colour;
	size_t files, added, removed; /* totals for the summary */
	size_t git;                   /* changes folded because they lie in .git */
};

static const char *
type_name(mode_t m)
{
	switch (m & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symlink";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "device";
	}
}

/* Git's own way to write a mode: 100644, 100755, 120000, 040755. */
static unsigned
git_mode(const struct stat *st)
{
	return (unsigned)(st->st_mode & (S_IFMT | 07777));
}

/* A name in a header, quoted as git and patch read it when it holds anything unusual. */
static void
put_name(struct br_buf *out, const char *prefix, const char *rel)
{
	bool plain = true;
	for (const char *p = rel; *p != '\0'; p++)
		plain = plain && (unsigned char)*p > 0x20 && (unsigned char)*p < 0x7f && *p != '"' && *p != '\\';
	if (plain) {
		br_buf_printf(out, "%s%s", prefix, rel);
		return;
	}
	br_buf_printf(out, "\"%s", prefix);
	for (const char *p = rel; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		if (c == '"' || c == '\\')
			br_buf_printf(out, "\\%c", c);
		else if (c == '\n' || c == '\t')
			br_buf_puts(out, c == '\n' ? "\\n" : "\\t");
		else if (c < 0x20 || c >= 0x7f)
			br_buf_printf(out, "\\%03o", c);
		else
			br_buf_putc(out, (char)c);
	}
	br_buf_putc(out, '"');
}

/* The content to compare: a file's bytes, a symlink's target; empty for anything else. False: too large, or can't be read. */
static bool
content(int root, const char *rel, const struct stat *st, struct br_buf *b)
{
	if (S_ISLNK(st->st_mode)) {
		br_auto_free char *to = br_tree_link(root, rel);
		if (to == NULL)
			return false;
		br_buf_puts(b, to);
		return !b->failed;
	}
	if (!S_ISREG(st->st_mode))
		return true;
	return (uint64_t)st->st_size <= TEXT_MAX && br_tree_head(root, rel, b, TEXT_MAX + 1) == 0 && b->len <= TEXT_MAX;
}

static void
put_bold(struct shower *s, const char *text)
{
	br_buf_printf(&s->out, s->colour ? "\033[1m%s\033[0m" : "%s", text);
}

static void
put_header(struct shower *s, const struct br_change *c)
{
	struct br_buf h = {0};
	br_buf_puts(&h, "diff --git ");
	put_name(&h, "a/", c->rel);
	br_buf_putc(&h, ' ');
	put_name(&h, "b/", c->rel);
	br_buf_putc(&h, '\n');
	if (c->kind == BR_CHANGE_ADD)
		br_buf_printf(&h, "new file mode %06o\n", git_mode(&c->after));
	else if (c->kind == BR_CHANGE_DEL)
		br_buf_printf(&h, "deleted file mode %06o\n", git_mode(&c->before));
	else if (git_mode(&c->before) != git_mode(&c->after))
		br_buf_printf(&h, "old mode %06o\nnew mode %06o\n", git_mode(&c->before), git_mode(&c->after));
	if (h.failed)
		s->out.failed = true;
	else
		put_bold(s, h.p);
	br_buf_free(&h);
}

static void
put_files(struct shower *s, const struct br_change *c)
{
	struct br_buf h = {0};
	br_buf_puts(&h, "--- ");
	if (c->kind == BR_CHANGE_ADD)
		br_buf_puts(&h, "/dev/null");
	else
		put_name(&h, "a/", c->rel);
	br_buf_puts(&h, "\n+++ ");
	if (c->kind == BR_CHANGE_DEL)
		br_buf_puts(&h, "/dev/null");
	else
		put_name(&h, "b/", c->rel);
	br_buf_putc(&h, '\n');
	if (h.failed)
		s->out.failed = true;
	else
		put_bold(s, h.p);
	br_buf_free(&h);
}

struct measured {
	bool binary;
	struct br_diff_count count;
	struct br_buf hunks;
};

static void
measure(struct shower *s, const struct br_change *c, struct measured *m, bool want_hunks)
{
	struct br_buf a = {0}, b = {0};
	struct br_diff_style style = {.colour = s->colour, .exact = s->o->exact};
	bool ok = (c->kind == BR_CHANGE_ADD || content(s->v->lower, c->rel, &c->before, &a)) &&
		  (c->kind == BR_CHANGE_DEL || content(s->v->upper, c->rel, &c->after, &b));
	struct br_text x = {a.p != NULL ? a.p : "", a.len}, y = {b.p != NULL ? b.p : "", b.len};
	m->binary = !ok || br_text_binary(x) || br_text_binary(y);
	if (!m->binary && br_textdiff(x, y, &style, want_hunks ? &m->hunks : NULL, &m->count) < 0)
		m->binary = true;
	s->added += m->count.added;
	s->removed += m->count.removed;
	br_buf_free(&a);
	br_buf_free(&b);
}

static void
show_diff(struct shower *s, const struct br_change *c)
{
	struct measured m = {0};
	put_header(s, c);
	measure(s, c, &m, true);
	bool dir = S_ISDIR((c->kind == BR_CHANGE_DEL ? c->before : c->after).st_mode);
	if (c->inert && c->kind != BR_CHANGE_DEL) {
		br_buf_printf(&s->out, "(%s: is not applied)\n", type_name(c->after.st_mode));
	} else if (!dir && m.binary) {
		br_buf_puts(&s->out, "Binary files ");
		put_name(&s->out, c->kind == BR_CHANGE_ADD ? "/dev/null" : "a/", c->kind == BR_CHANGE_ADD ? "" : c->rel);
		br_buf_puts(&s->out, " and ");
		put_name(&s->out, c->kind == BR_CHANGE_DEL ? "/dev/null" : "b/", c->kind == BR_CHANGE_DEL ? "" : c->rel);
		br_buf_printf(
		    &s->out, " differ (%lld to %lld bytes)\n", (long long)c->before.st_size, (long long)c->after.st_size);
	} else if (m.hunks.len > 0) {
		put_files(s, c);
		br_buf_put(&s->out, m.hunks.p, m.hunks.len);
	}
	br_buf_free(&m.hunks);
}

static const char *
letter(const struct br_change *c)
{
	return c->kind == BR_CHANGE_ADD ? "A" : c->kind == BR_CHANGE_DEL ? "D" : "M";
}

static void
show_stat(struct shower *s, const struct br_change *c)
{
	struct measured m = {0};
	measure(s, c, &m, false);
	br_buf_printf(&s->out, " %s ", letter(c));
	br_buf_put_visible(&s->out, c->rel, strlen(c->rel), false);
	if (S_ISDIR((c->kind == BR_CHANGE_DEL ? c->before : c->after).st_mode))
		br_buf_puts(&s->out, "/\n");
	else if (m.binary)
		br_buf_printf(
		    &s->out, " | binary, %lld to %lld bytes\n", (long long)c->before.st_size, (long long)c->after.st_size);
	else if (c->kind == BR_CHANGE_MOD && !c->content)
		br_buf_printf(&s->out, " | mode %04o to %04o\n", git_mode(&c->before) & 07777, git_mode(&c->after) & 07777);
	else
		br_buf_printf(&s->out, " | +%zu -%zu\n", m.count.added, m.count.removed);
}

static void
show_json(struct shower *s, const struct br_change *c)
{
	static const char *const kinds[] = {
	    [BR_CHANGE_DEL] = "deleted", [BR_CHANGE_ADD] = "added", [BR_CHANGE_MOD] = "modified"};
	struct measured m = {0};
	const struct stat *st = c->kind == BR_CHANGE_DEL ? &c->before : &c->after;
	measure(s, c, &m, false);
	br_buf_puts(&s->out, "{\"path\":");
	br_buf_put_json(&s->out, c->rel, strlen(c->rel));
	br_buf_printf(&s->out, ",\"change\":\"%s\",\"type\":\"%s\",\"content\":%s", kinds[c->kind], type_name(st->st_mode),
	    c->content || c->kind != BR_CHANGE_MOD ? "true" : "false");
	if (c->kind != BR_CHANGE_ADD)
		br_buf_printf(&s->out, ",\"mode_before\":\"%04o\"", git_mode(&c->before) & 07777);
	if (c->kind != BR_CHANGE_DEL)
		br_buf_printf(&s->out, ",\"mode_after\":\"%04o\",\"size\":%lld", git_mode(&c->after) & 07777,
		    (long long)c->after.st_size);
	if (m.binary)
		br_buf_puts(&s->out, ",\"binary\":true}\n");
	else
		br_buf_printf(&s->out, ",\"added\":%zu,\"removed\":%zu}\n", m.count.added, m.count.removed);
}

static void
show_name(struct shower *s, const struct br_change *c)
{
	if (s->o->exact)
		br_buf_puts(&s->out, c->rel);
	else
		br_buf_put_visible(&s->out, c->rel, strlen(c->rel), false);
	br_buf_putc(&s->out, '\n');
}

static void
show_one(struct shower *s, const struct br_change *c)
{
	/* Directories are no news of their own where a diff is read by people or patch: their files say it. */
	bool dir = S_ISDIR((c->kind == BR_CHANGE_DEL ? c->before : c->after).st_mode);
	if (s->o->json) {
		show_json(s, c);
		return;
	}
	if (!s->o->all && (br_path_under(c->rel, ".git") || br_streq(br_path_base(c->rel), ".git"))) {
		s->git++;
		return;
	}
	if (dir && (s->o->exact || c->kind != BR_CHANGE_MOD))
		return;
	s->files++;
	if (s->o->names)
		show_name(s, c);
	else if (s->o->stat)
		show_stat(s, c);
	else
		show_diff(s, c);
}

static void
show_end(struct shower *s, const struct br_changes *c)
{
	if (s->o->json || s->o->exact || s->o->names)
		return;
	if (s->o->stat)
		br_buf_printf(&s->out, " %zu files changed, %zu lines added, %zu removed\n", s->files, s->added, s->removed);
	if (s->git > 0)
		br_buf_printf(&s->out, "%s.git: %zu changes (brattice diff --all shows them)\n", s->o->stat ? " " : "", s->git);
	for (size_t i = 0; i < c->skipped.n; i++) {
		br_buf_puts(&s->out, "not shown: ");
		br_buf_put_visible(&s->out, c->skipped.v[i], strlen(c->skipped.v[i]), false);
		br_buf_putc(&s->out, '\n');
	}
}

/* By name, whatever order the changes are applied in. */
static int
by_name(const void *a, const void *b)
{
	return strcmp((*(const struct br_change *const *)a)->rel, (*(const struct br_change *const *)b)->rel);
}

static int
flush(struct shower *s)
{
	if (s->out.failed) {
		errno = ENOMEM;
		return -1;
	}
	int rc = s->out.len > 0 ? br_write_all(s->fd, s->out.p, s->out.len) : 0;
	br_buf_reset(&s->out);
	return rc;
}

int
br_show(const struct br_view *v, const struct br_changes *c, const struct br_strv *paths, const struct br_show_opts *o,
    struct br_err *e)
{
	pid_t pid = -1;
	int pager = o->no_pager || o->json ? -1 : br_pager_start(&pid);
	struct shower s = {.v = v,
	    .o = o,
	    .fd = pager >= 0 ? pager : STDOUT_FILENO,
	    .colour = !o->exact && !o->json && br_cli_colour(STDOUT_FILENO)};
	br_auto_free const struct br_change **order = calloc(c->n + 1, sizeof(*order));
	int rc = order != NULL ? 0 : -1;
	for (size_t i = 0; rc == 0 && i < c->n; i++)
		order[i] = &c->v[i];
	if (rc == 0)
		qsort(order, c->n, sizeof(struct br_change *), by_name);
	for (size_t i = 0; rc == 0 && i < c->n; i++) {
		if (br_path_wanted(paths, order[i]->rel))
			show_one(&s, order[i]);
		if (s.out.len > 65536)
			rc = flush(&s);
	}
	if (rc == 0) {
		show_end(&s, c);
		rc = flush(&s);
	}
	int saved = errno;
	if (pager >= 0)
		br_pager_end(pager, pid);
	br_buf_free(&s.out);
	return rc < 0 && !(pager >= 0 && saved == EPIPE) ? br_err_set(e, saved, "cannot show the changes") : 0;
}
