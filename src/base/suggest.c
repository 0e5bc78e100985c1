#include "base/suggest.h"

#define WORD_MAX 63

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

size_t
br_edit_distance(const char *a, const char *b)
{
	size_t n = strnlen(a, WORD_MAX + 1), m = strnlen(b, WORD_MAX + 1);
	if (n > WORD_MAX || m > WORD_MAX)
		return SIZE_MAX;
	size_t rows[3][WORD_MAX + 1] = {{0}};
	size_t *prev2 = rows[0], *prev = rows[1], *cur = rows[2];
	for (size_t j = 0; j <= m; j++)
		prev[j] = j;
	for (size_t i = 1; i <= n; i++) {
		cur[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t replace = prev[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
			cur[j] = least(prev[j] + 1, cur[j - 1] + 1, replace);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && prev2[j - 2] + 1 < cur[j])
				cur[j] = prev2[j - 2] + 1;
		}
		size_t *t = prev2;
		prev2 = prev;
		prev = cur;
		cur = t;
	}
	return prev[m];
}

void
br_suggest_try(struct br_suggest *s, const char *candidate)
{
	size_t len = strlen(s->word);
	size_t d = br_edit_distance(s->word, candidate);
	/* A beginning of three letters or more is a word not typed to its end: as near as one edit. */
	if (len >= 3 && d > 1 && br_startswith(candidate, s->word))
		d = 1;
	if (d > 1 + len / 4 || d >= len)
		return;
	if (s->best == NULL || d < s->distance) {
		s->best = candidate;
		s->distance = d;
	}
}
