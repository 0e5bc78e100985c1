#include "audit/tool/tally.h"

/* FNV-1a: the texts are a stranger's, but at most BR_TALLY_MAX are in the table, so the longest walk is bounded. */
static size_t
slot_of(const char *text, size_t n)
{
	uint64_t h = 14695981039346656037ULL;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * 1099511628211ULL;
	return (size_t)(h ^ h >> 32) % ((size_t)2 * BR_TALLY_MAX);
}

static bool
add_new(struct br_tally *t, size_t slot, const char *text, size_t n, int64_t at_us)
{
	if (t->v == NULL)
		t->v = calloc(BR_TALLY_MAX, sizeof(*t->v));
	if (t->v == NULL || t->n == BR_TALLY_MAX || n > BR_TALLY_BYTES - t->bytes)
		return false;
	char *copy = strndup(text, n);
	if (copy == NULL)
		return false;
	t->v[t->n].text = copy;
	t->v[t->n].count = 1;
	t->v[t->n].first_us = at_us;
	t->slot[slot] = (uint16_t)++t->n;
	t->bytes += n;
	return true;
}

void
br_tally_add(struct br_tally *t, const char *text, size_t n, int64_t at_us)
{
	size_t s = slot_of(text, n);
	for (; t->slot[s] != 0; s = (s + 1) % BR_ARRAY_LEN(t->slot)) {
		const char *known = t->v[t->slot[s] - 1].text;
		if (strlen(known) == n && memcmp(known, text, n) == 0) {
			t->v[t->slot[s] - 1].count++;
			return;
		}
	}
	if (!add_new(t, s, text, n, at_us))
		t->more++;
}

void
br_tally_free(struct br_tally *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].text);
	free(t->v);
	*t = (struct br_tally){0};
}
