#include "session/review/textdiff.h"

#define CONTEXT ((size_t)3)

struct line {
	const char *p;
	size_t n;    /* with its newline, if it has one */
	unsigned id; /* equal lines have equal ids */
};

struct side {
	struct line *v;
	size_t n;
	unsigned *ids;
	bool *changed;
};

bool
br_text_binary(struct br_text t)
{
	return t.n > 0 && memchr(t.p, '\0', t.n < 8000 ? t.n : 8000) != NULL;
}

static int
split(struct br_text t, struct side *s)
{
	size_t lines = 0;
	for (size_t i = 0; i < t.n; i++)
		lines += t.p[i] == '\n';
	lines += t.n > 0 && t.p[t.n - 1] != '\n';
	s->v = calloc(lines + 1, sizeof(*s->v));
	s->ids = calloc(lines + 1, sizeof(*s->ids));
	s->changed = calloc(lines + 1, sizeof(*s->changed));
	if (s->v == NULL || s->ids == NULL || s->changed == NULL)
		return -1;
	for (size_t at = 0; at < t.n;) {
		const char *nl = memchr(t.p + at, '\n', t.n - at);
		size_t n = nl != NULL ? (size_t)(nl - (t.p + at)) + 1 : t.n - at;
		s->v[s->n++] = (struct line){.p = t.p + at, .n = n};
		at += n;
	}
	return 0;
}

static void
side_free(struct side *s)
{
	free(s->v);
	free(s->ids);
	free(s->changed);
}

static int
by_text(const void *pa, const void *pb)
{
	const struct line *a = *(struct line *const *)pa, *b = *(struct line *const *)pb;
	int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
	return c != 0 ? c : (a->n > b->n) - (a->n < b->n);
}

/* Numbers the lines by sorting: no hash that an attacker could make collide. */
static int
number(struct side *a, struct side *b)
{
	br_auto_free struct line **all = calloc(a->n + b->n + 1, sizeof(*all));
	if (all == NULL)
		return -1;
	for (size_t i = 0; i < a->n; i++)
		all[i] = &a->v[i];
	for (size_t i = 0; i < b->n; i++)
		all[a->n + i] = &b->v[i];
	qsort(all, a->n + b->n, sizeof(struct line *), by_text);
	for (size_t i = 1; i < a->n + b->n; i++)
		all[i]->id = all[i - 1]->id + (by_text(&all[i - 1], &all[i]) != 0);
	for (size_t i = 0; i < a->n; i++)
		a->ids[i] = a->v[i].id;
	for (size_t i = 0; i < b->n; i++)
		b->ids[i] = b->v[i].id;
	return 0;
}

static void
put_line(struct br_buf *out, const struct br_diff_style *style, char sign, const struct line *l)
{
	bool nl = l->p[l->n - 1] == '\n';
	size_t n = l->n - nl;
	const char *colour = !style->colour ? NULL : sign == '+' ? "\033[32m" : sign == '-' ? "\033[31m" : NULL;
	if (colour != NULL)
		br_buf_puts(out, colour);
	br_buf_putc(out, sign);
	if (style->exact)
		br_buf_put(out, l->p, n);
	else
		br_buf_put_visible(out, l->p, n, true);
	if (colour != NULL)
		br_buf_puts(out, "\033[0m");
	br_buf_puts(out, nl ? "\n" : "\n\\ No newline at end of file\n");
}

/* A place in both texts. */
struct at {
	size_t x, y;
};

static void
put_range(struct br_buf *out, char sign, size_t start, size_t n)
{
	br_buf_printf(out, "%c%zu", sign, n > 0 ? start + 1 : start);
	if (n != 1)
		br_buf_printf(out, ",%zu", n);
}

static void
put_hunk(struct br_buf *out, const struct br_diff_style *style, const struct side *a, const struct side *b, struct at from,
    struct at to)
{
	br_buf_puts(out, style->colour ? "\033[36m@@ " : "@@ ");
	put_range(out, '-', from.x, to.x - from.x);
	br_buf_putc(out, ' ');
	put_range(out, '+', from.y, to.y - from.y);
	br_buf_puts(out, style->colour ? " @@\033[0m\n" : " @@\n");
	while (from.x < to.x || from.y < to.y) {
		if (from.x < to.x && a->changed[from.x]) {
			put_line(out, style, '-', &a->v[from.x++]);
		} else if (from.y < to.y && b->changed[from.y]) {
			put_line(out, style, '+', &b->v[from.y++]);
		} else {
			put_line(out, style, ' ', &a->v[from.x++]);
			from.y++;
		}
	}
}

/* Moves over lines that are the same, at most `most`; returns how many. */
static size_t
same_run(const struct side *a, const struct side *b, struct at *p, size_t most)
{
	size_t n = 0;
	while (n < most && p->x < a->n && p->y < b->n && !a->changed[p->x] && !b->changed[p->y]) {
		p->x++;
		p->y++;
		n++;
	}
	return n;
}

static void
changed_run(const struct side *a, const struct side *b, struct at *p, struct br_diff_count *count)
{
	for (; p->x < a->n && a->changed[p->x]; p->x++)
		count->removed++;
	for (; p->y < b->n && b->changed[p->y]; p->y++)
		count->added++;
}

static void
put_hunks(struct br_buf *out, const struct br_diff_style *style, const struct side *a, const struct side *b,
    struct br_diff_count *count)
{
	struct at p = {0, 0};
	for (;;) {
		size_t before = same_run(a, b, &p, SIZE_MAX);
		if (p.x >= a->n && p.y >= b->n)
			return;
		size_t lead = before < CONTEXT ? before : CONTEXT;
		struct at from = {p.x - lead, p.y - lead}, to;
		for (;;) {
			changed_run(a, b, &p, count);
			/* Changes up to twice the context apart share a hunk. */
			struct at next = p;
			size_t gap = same_run(a, b, &next, 2 * CONTEXT + 1);
			bool end = next.x >= a->n && next.y >= b->n;
			if (gap > 2 * CONTEXT || end) {
				size_t tail = gap < CONTEXT ? gap : CONTEXT;
				to = (struct at){p.x + tail, p.y + tail};
				break;
			}
			p = next;
		}
		if (out != NULL)
			put_hunk(out, style, a, b, from, to);
	}
}

int
br_textdiff(struct br_text before, struct br_text after, const struct br_diff_style *style, struct br_buf *out,
    struct br_diff_count *count)
{
	struct side a = {0}, b = {0};
	int rc = -1;
	*count = (struct br_diff_count){0};
	if (split(before, &a) == 0 && split(after, &b) == 0 && number(&a, &b) == 0)
		rc = br_myers(a.ids, a.n, b.ids, b.n, a.changed, b.changed);
	if (rc == 0)
		put_hunks(out, style, &a, &b, count);
	side_free(&a);
	side_free(&b);
	return out != NULL && out->failed ? -1 : rc;
}
