#include "session/review/textdiff.h"

#include <limits.h>

/* Rounds of the search for a middle before a region is given up and marked as replaced: the work is its square. */
#define ROUNDS_MAX 4096

/* A box of the edit graph: a[x0, x1) against b[y0, y1). A diagonal is numbered x - y. */
struct box {
	long x0, x1, y0, y1;
};

struct myers {
	const unsigned *a, *b;
	bool *removed, *added;
	long *fwd, *bwd; /* per diagonal, shifted so that negative ones fit: how far x has come from each end */
};

static void
mark(struct myers *m, const struct box *r)
{
	for (long x = r->x0; x < r->x1; x++)
		m->removed[x] = true;
	for (long y = r->y0; y < r->y1; y++)
		m->added[y] = true;
}

static void
trim(const struct myers *m, struct box *r)
{
	while (r->x0 < r->x1 && r->y0 < r->y1 && m->a[r->x0] == m->b[r->y0]) {
		r->x0++;
		r->y0++;
	}
	while (r->x0 < r->x1 && r->y0 < r->y1 && m->a[r->x1 - 1] == m->b[r->y1 - 1]) {
		r->x1--;
		r->y1--;
	}
}

/* The range of diagonals that a search has reached; it widens by one at each side a round, but stays in the box. */
struct reach {
	long lo, hi;
};

static void
widen(struct reach *k, const struct box *r, long *v, long unreached)
{
	if (k->lo > r->x0 - r->y1)
		v[--k->lo - 1] = unreached;
	else
		k->lo++;
	if (k->hi < r->x1 - r->y0)
		v[++k->hi + 1] = unreached;
	else
		k->hi--;
}

/* One round from the upper left. True when it met the other search: `*x` is the meeting point, on diagonal `*d`. */
static bool
forward(const struct myers *m, const struct box *r, struct reach *k, const struct reach *other, bool check, long *px, long *pd)
{
	widen(k, r, m->fwd, -1);
	for (long d = k->hi; d >= k->lo; d -= 2) {
		long x = m->fwd[d - 1] < m->fwd[d + 1] ? m->fwd[d + 1] : m->fwd[d - 1] + 1;
		while (x < r->x1 && x - d < r->y1 && m->a[x] == m->b[x - d])
			x++;
		m->fwd[d] = x;
		if (check && other->lo <= d && d <= other->hi && m->bwd[d] <= x) {
			*px = x;
			*pd = d;
			return true;
		}
	}
	return false;
}

/* One round from the lower right. */
static bool
backward(const struct myers *m, const struct box *r, struct reach *k, const struct reach *other, bool check, long *px, long *pd)
{
	widen(k, r, m->bwd, LONG_MAX);
	for (long d = k->hi; d >= k->lo; d -= 2) {
		long x = m->bwd[d - 1] < m->bwd[d + 1] ? m->bwd[d - 1] : m->bwd[d + 1] - 1;
		while (x > r->x0 && x - d > r->y0 && m->a[x - 1] == m->b[x - d - 1])
			x--;
		m->bwd[d] = x;
		if (check && other->lo <= d && d <= other->hi && x <= m->fwd[d]) {
			*px = x;
			*pd = d;
			return true;
		}
	}
	return false;
}

/* Finds a point that a shortest path goes through; false when that costs too much. */
static bool
middle(const struct myers *m, const struct box *r, long *x, long *y)
{
	struct reach f = {r->x0 - r->y0, r->x0 - r->y0}, b = {r->x1 - r->y1, r->x1 - r->y1};
	bool odd = ((f.lo - b.lo) & 1) != 0;
	long d;
	m->fwd[f.lo] = r->x0;
	m->bwd[b.lo] = r->x1;
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		if (forward(m, r, &f, &b, odd, x, &d) || backward(m, r, &b, &f, !odd, x, &d)) {
			*y = *x - d;
			return true;
		}
	}
	return false;
}

/* A path of D edits is cut into two of about D/2: so the depth is at most log2(2 * ROUNDS_MAX) under the first cut. */
static void
solve(struct myers *m, struct box r)
{
	long x, y;
	trim(m, &r);
	if (r.x0 == r.x1 || r.y0 == r.y1 || !middle(m, &r, &x, &y)) {
		mark(m, &r);
		return;
	}
	solve(m, (struct box){r.x0, x, r.y0, y});
	solve(m, (struct box){x, r.x1, y, r.y1});
}

int
br_myers(const unsigned *a, size_t n, const unsigned *b, size_t m, bool *removed, bool *added)
{
	/* Diagonals from -m - 1 to n + 1. */
	size_t width = n + m + 3;
	br_auto_free long *v = calloc(width, 2 * sizeof(*v));
	if (v == NULL || n > INT_MAX || m > INT_MAX)
		return -1;
	struct myers s = {.a = a, .b = b, .removed = removed, .added = added, .fwd = v + m + 1, .bwd = v + width + m + 1};
	solve(&s, (struct box){0, (long)n, 0, (long)m});
	return 0;
}
