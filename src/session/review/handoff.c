#include "session/review/handoff.h"

#include <stdarg.h>

void
br_handoff_add(struct br_handoff *h, enum br_handoff_level level, const char *kind, const char *rel, const char *fmt, ...)
{
	if (h->n == h->cap) {
		size_t cap = h->cap != 0 ? h->cap * 2 : 32;
		struct br_handoff_item *v = reallocarray(h->items, cap, sizeof(*v));
		if (v == NULL) {
			h->failed = true;
			return;
		}
		h->items = v;
		h->cap = cap;
	}
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct br_handoff_item it = {.level = level, .kind = kind, .path = strdup(rel), .what = strdup(text)};
	if (it.path == NULL || it.what == NULL) {
		free(it.path);
		free(it.what);
		h->failed = true;
		return;
	}
	h->items[h->n++] = it;
}

int
br_handoff_worst(const struct br_handoff *h)
{
	int worst = h->failed ? (int)BR_HANDOFF_BLOCK : -1;
	for (size_t i = 0; i < h->n; i++)
		if ((int)h->items[i].level > worst)
			worst = (int)h->items[i].level;
	return worst;
}

void
br_handoff_free(struct br_handoff *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->items[i].path);
		free(h->items[i].what);
	}
	free(h->items);
	*h = (struct br_handoff){0};
}

static int
worst_first(const void *pa, const void *pb)
{
	const struct br_handoff_item *a = pa, *b = pb;
	if (a->level != b->level)
		return a->level > b->level ? -1 : 1;
	int c = strcmp(a->kind, b->kind);
	if (c == 0)
		c = strcmp(a->path, b->path);
	return c != 0 ? c : strcmp(a->what, b->what);
}

/* Worst first, and without doubles: several names may lead to one finding. */
static void
sort(struct br_handoff *h)
{
	if (h->n == 0)
		return;
	qsort(h->items, h->n, sizeof(*h->items), worst_first);
	size_t keep = 1;
	for (size_t i = 1; i < h->n; i++) {
		if (worst_first(&h->items[i], &h->items[keep - 1]) == 0) {
			free(h->items[i].path);
			free(h->items[i].what);
		} else {
			h->items[keep++] = h->items[i];
		}
	}
	h->n = keep;
}

static const char *
level_name(enum br_handoff_level l)
{
	switch (l) {
	case BR_HANDOFF_BLOCK:
		return "block";
	case BR_HANDOFF_WARN:
		return "warn";
	case BR_HANDOFF_NOTE:
		break;
	}
	return "note";
}

static const char *
level_colour(enum br_handoff_level l)
{
	switch (l) {
	case BR_HANDOFF_BLOCK:
		return "\033[1;31m";
	case BR_HANDOFF_WARN:
		return "\033[33m";
	case BR_HANDOFF_NOTE:
		break;
	}
	return "\033[36m";
}

static void
put_line(struct br_buf *out, const struct br_handoff_item *it, bool colour)
{
	br_buf_printf(
	    out, "  %s%-5s%s ", colour ? level_colour(it->level) : "", level_name(it->level), colour ? "\033[0m" : "");
	br_buf_put_visible(out, it->path, strlen(it->path), false);
	br_buf_puts(out, ": ");
	br_buf_put_visible(out, it->what, strlen(it->what), false);
	br_buf_putc(out, '\n');
}

static void
put_json(struct br_buf *out, const struct br_handoff_item *it)
{
	br_buf_printf(out, "{\"level\":\"%s\",\"kind\":\"%s\",\"path\":", level_name(it->level), it->kind);
	br_buf_put_json(out, it->path, strlen(it->path));
	br_buf_puts(out, ",\"what\":");
	br_buf_put_json(out, it->what, strlen(it->what));
	br_buf_puts(out, "}\n");
}

/* An install leaves thousands of alike notes, and a report that long is read by nobody: a run of the same level and kind
 * shows its first ones and the number of the others. What blocks is never folded. */
static size_t
shown_of_run(enum br_handoff_level level, size_t run)
{
	size_t most = level == BR_HANDOFF_BLOCK ? run : level == BR_HANDOFF_WARN ? 20 : 5;
	return run > most + 1 ? most : run;
}

void
br_handoff_print(struct br_handoff *h, struct br_buf *out, bool colour, bool json)
{
	sort(h);
	for (size_t i = 0, run; i < h->n; i += run) {
		const struct br_handoff_item *first = &h->items[i];
		for (run = 1; i + run < h->n && h->items[i + run].level == first->level &&
			      br_streq(h->items[i + run].kind, first->kind);)
			run++;
		size_t show = json ? run : shown_of_run(first->level, run);
		for (size_t k = 0; k < show; k++) {
			if (json)
				put_json(out, first + k);
			else
				put_line(out, first + k, colour);
		}
		if (show < run)
			br_buf_printf(out, "        … and %zu more of this kind (%s)\n", run - show, first->kind);
	}
	if (h->failed && json)
		br_buf_puts(out, "{\"level\":\"block\",\"kind\":\"incomplete\",\"path\":\"\",\"what\":\"memory ran out\"}\n");
	else if (h->failed)
		br_buf_puts(out, "  block memory ran out: the list is not complete\n");
}
