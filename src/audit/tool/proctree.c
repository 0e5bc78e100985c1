#include "audit/tool/proctree.h"

#include <errno.h>
#include <inttypes.h>

#define NODES_MAX (1U << 20)
#define TEXT_MAX (256U << 20)
#define DEPTH_MAX 40 /* deeper ones are drawn at this depth, with their number */
#define NONE UINT32_MAX

struct node {
	int64_t exec;   /* its number; 0: failed, it has none */
	int64_t key;    /* its number, or that of the last one before it that has one */
	int64_t parent; /* the number of the one that called */
	uint32_t child, next, last; /* first child, next sibling, last child, by place in the table, or NONE */
	uint32_t depth;
	size_t text; /* where in the texts; ends with a NUL */
	bool denied, exited;
	int64_t status; /* or the negative of a signal's number */
	double wall;
};

struct br_proctree {
	struct node *v;
	uint32_t n, cap;
	uint32_t root, last_root;
	struct br_buf text;
};

struct br_proctree *
br_proctree_new(void)
{
	struct br_proctree *t = calloc(1, sizeof(*t));
	if (t != NULL)
		t->root = t->last_root = NONE;
	return t;
}

void
br_proctree_free(struct br_proctree *t)
{
	if (t == NULL)
		return;
	free(t->v);
	br_buf_free(&t->text);
	free(t);
}

static struct node *
new_node(struct br_proctree *t, struct br_err *e)
{
	if (t->n == NODES_MAX || t->text.len > TEXT_MAX) {
		(void)br_err_set(e, 0, "too many programs for a tree: more than %u, or %u MiB of command lines", NODES_MAX, TEXT_MAX >> 20);
		(void)br_err_hint(e, "--since and --until choose a part of the time");
		return NULL;
	}
	if (t->n == t->cap) {
		uint32_t cap = t->cap > 0 ? 2 * t->cap : 256;
		struct node *v = realloc(t->v, cap * sizeof(*v));
		if (v == NULL) {
			(void)br_err_set(e, ENOMEM, "cannot make the tree");
			return NULL;
		}
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n] = (struct node){.child = NONE, .next = NONE, .last = NONE, .wall = -1, .text = t->text.len};
	return &t->v[t->n++];
}

/* Numbers are given in order, so the table is sorted by `key`: as far as it is, for in a hostile log it need not be. */
static struct node *
find(const struct br_proctree *t, int64_t exec)
{
	uint32_t lo = 0, hi = t->n;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (t->v[mid].key < exec)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->n && exec > 0 && t->v[lo].exec == exec ? &t->v[lo] : NULL;
}

static void
link_node(struct br_proctree *t, uint32_t at)
{
	struct node *x = &t->v[at], *up = x->parent > 0 ? find(t, x->parent) : NULL;
	/* Only what came before can have called: so there is no circle, whatever the log says. */
	if (up != NULL && up < x) {
		x->depth = up->depth + 1;
		if (up->last != NONE)
			t->v[up->last].next = at;
		else
			up->child = at;
		up->last = at;
		return;
	}
	if (t->last_root != NONE)
		t->v[t->last_root].next = at;
	else
		t->root = at;
	t->last_root = at;
}

static void
take_exit(struct br_proctree *t, const struct br_entry *x)
{
	struct node *n = find(t, br_entry_int(x, "exec", 0));
	if (n == NULL)
		return;
	n->exited = true;
	n->status = br_entry_int(x, "status", -br_entry_int(x, "signal", 0));
	n->wall = br_entry_seconds(x, "wall_s");
}

int
br_proctree_add(struct br_proctree *t, const struct br_entry *x, struct br_err *e)
{
	if (t == NULL)
		return br_err_set(e, ENOMEM, "cannot make the tree");
	if (x->type == BR_EV_EXIT) {
		take_exit(t, x);
		return 0;
	}
	if (x->type != BR_EV_EXEC && x->type != BR_EV_EXEC_FAILED)
		return 0;
	struct node *n = new_node(t, e);
	if (n == NULL)
		return -1;
	n->exec = x->type == BR_EV_EXEC ? br_entry_int(x, "exec", 0) : 0;
	n->key = n->exec > 0 ? n->exec : n > t->v ? n[-1].key : 0;
	n->parent = br_entry_int(x, "parent", 0);
	n->denied = x->denied;
	const json_t *argv = br_entry_get(x, "argv");
	if (argv != NULL)
		br_argv_show(argv, &t->text);
	else if (br_entry_get(x, "program") != NULL)
		br_value_show(br_entry_get(x, "program"), &t->text);
	if (x->type == BR_EV_EXEC_FAILED)
		br_buf_puts(&t->text, x->denied ? " (denied)" : " (failed)");
	br_buf_putc(&t->text, '\0');
	if (t->text.failed)
		return br_err_set(e, ENOMEM, "cannot make the tree");
	link_node(t, t->n - 1);
	return 0;
}

static void
put_end(const struct node *x, struct br_buf *out)
{
	if (!x->exited)
		return;
	br_buf_puts(out, "  [");
	if (x->status < 0)
		br_buf_printf(out, "signal %" PRId64, -x->status);
	else
		br_buf_printf(out, "%" PRId64, x->status);
	if (x->wall >= 0) {
		br_buf_puts(out, ", ");
		br_seconds_show(x->wall, out);
	}
	br_buf_putc(out, ']');
}

/* `more`: bit d is set when a line goes on downwards at depth d. */
static void
print_node(const struct br_proctree *t, const struct node *x, uint64_t more, struct br_paper *paper)
{
	br_auto_buf head = {0}, text = {0};
	uint32_t depth = x->depth < DEPTH_MAX ? x->depth : DEPTH_MAX;
	for (uint32_t d = 1; d < depth; d++)
		br_buf_puts(&head, (more >> d & 1) != 0 ? "│  " : "   ");
	if (depth > 0)
		br_buf_puts(&head, x->next != NONE ? "├─ " : "└─ ");
	if (x->depth > DEPTH_MAX)
		br_buf_printf(&text, "(depth %" PRIu32 ") ", x->depth);
	br_buf_puts(&text, t->text.p + x->text);
	put_end(x, &text);
	br_paper_line(paper, head.p != NULL ? head.p : "", 3 * (size_t)depth + 2, text.p != NULL ? text.p : "", text.len,
	    x->denied ? "31" : NULL);
}

int
br_proctree_print(const struct br_proctree *t, struct br_paper *paper, struct br_err *e)
{
	uint64_t more = 0;
	/* By links alone: a chain of a million programs needs no stack. `up` of a node is found again by its number. */
	for (uint32_t at = t->root; at != NONE && !paper->gone;) {
		const struct node *x = &t->v[at];
		print_node(t, x, more, paper);
		if (br_paper_flush(paper, false, e) < 0)
			return -1;
		if (x->depth < 64)
			more = x->next != NONE ? more | 1ULL << x->depth : more & ~(1ULL << x->depth);
		at = x->child;
		for (const struct node *up = x; at == NONE && up != NULL; up = up->depth > 0 ? find(t, up->parent) : NULL)
			at = up->next;
	}
	return br_paper_flush(paper, true, e);
}
