#include "policy/tool/arena.h"

#include "base/err.h"

enum { CHUNK = 64 * 1024 };

struct br_arena_chunk {
	struct br_arena_chunk *next;
	size_t used, cap;
	_Alignas(max_align_t) char data[];
};

static BR_NORETURN void
out_of_memory(void)
{
	br_warn("out of memory while reading the policy");
	exit(BR_EXIT_FAILURE);
}

void
br_arena_free(struct br_arena *a)
{
	for (struct br_arena_chunk *c = a->head, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	a->head = NULL;
}

void *
br_arena_alloc(struct br_arena *a, size_t n)
{
	size_t size;
	if (__builtin_add_overflow(n, sizeof(max_align_t) - 1, &size))
		out_of_memory();
	size &= ~(sizeof(max_align_t) - 1);
	struct br_arena_chunk *c = a->head;
	if (c == NULL || size > c->cap - c->used) {
		size_t cap = size > CHUNK ? size : (size_t)CHUNK, total;
		if (__builtin_add_overflow(cap, sizeof(*c), &total) || (c = calloc(1, total)) == NULL)
			out_of_memory();
		c->cap = cap;
		c->next = a->head;
		a->head = c;
	}
	void *p = c->data + c->used;
	c->used += size;
	return p;
}

char *
br_arena_strndup(struct br_arena *a, const char *s, size_t n)
{
	char *p = br_arena_alloc(a, n + 1);
	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *
br_arena_strdup(struct br_arena *a, const char *s)
{
	return br_arena_strndup(a, s, strlen(s));
}

char *
br_arena_vprintf(struct br_arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		out_of_memory();
	char *p = br_arena_alloc(a, (size_t)n + 1);
	(void)vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

char *
br_arena_printf(struct br_arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *p = br_arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

void *
br_arena_grow(struct br_arena *a, void *old, size_t n, size_t *cap, size_t elem)
{
	if (n < *cap)
		return old;
	size_t more = *cap == 0 ? 16 : *cap * 2, bytes;
	if (__builtin_mul_overflow(more, elem, &bytes))
		out_of_memory();
	void *p = br_arena_alloc(a, bytes);
	if (n > 0)
		memcpy(p, old, n * elem);
	*cap = more;
	return p;
}
