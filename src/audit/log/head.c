#include "audit/log/head.h"

/* "1700000000.123456" */
static bool
take_seconds(const char **p, const char *end, int64_t *us)
{
	int64_t v = 0;
	size_t digits = 0;
	for (; *p < end && **p >= '0' && **p <= '9' && digits < 12; digits++)
		v = v * 10 + (*(*p)++ - '0');
	if (digits == 0 || end - *p < 7 || **p != '.')
		return false;
	(*p)++;
	for (size_t i = 0; i < 6; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = v * 10 + (**p - '0');
	}
	*us = v;
	return true;
}

static bool
take_literal(const char **p, const char *end, const char *literal, size_t n)
{
	if ((size_t)(end - *p) < n || memcmp(*p, literal, n) != 0)
		return false;
	*p += n;
	return true;
}
#define TAKE(p, end, literal) take_literal(p, end, literal, sizeof(literal) - 1)

static int
type_of(const char *name, size_t n, int guess)
{
	for (int i = -1; i < BR_EV_TYPES; i++) {
		int t = i < 0 ? guess : i; /* mostly the same as before */
		const char *known = t < 0 ? "" : br_event_type_name((enum br_event_type)t);
		if (strlen(known) == n && n > 0 && memcmp(known, name, n) == 0)
			return t;
	}
	return -1;
}

bool
br_head_read(const char *line, size_t n, int guess, struct br_head *h)
{
	const char *p = line, *end = line + n;
	if (!TAKE(&p, end, "{\"t\":") || !take_seconds(&p, end, &h->t) || !TAKE(&p, end, ",\"m\":") || !take_seconds(&p, end, &h->m) ||
	    !TAKE(&p, end, ",\"type\":\""))
		return false;
	const char *quote = memchr(p, '"', (size_t)(end - p));
	if (quote == NULL)
		return false;
	h->type = type_of(p, (size_t)(quote - p), guess);
	return true;
}

void
br_head_count(struct br_index *x, size_t n)
{
	size_t plain;
	if (__builtin_add_overflow((size_t)x->plain, n + 1, &plain) || plain > UINT32_MAX)
		plain = UINT32_MAX;
	x->plain = (uint32_t)plain;
	x->entries++;
}

void
br_head_index(struct br_index *x, const struct br_head *h, const char *line, size_t n)
{
	static const char denied[] = "\"denied\":true";
	uint64_t t = (uint64_t)h->t;
	if (x->entries == 1 || t < x->from_us)
		x->from_us = t;
	if (t > x->to_us)
		x->to_us = t;
	if (h->type >= 0)
		x->types |= 1U << h->type;
	/* In a string its quotes would be escaped. */
	if ((x->flags & BR_INDEX_DENIED) == 0 && memmem(line, n, denied, sizeof(denied) - 1) != NULL)
		x->flags |= BR_INDEX_DENIED;
}
