/* Memory of one run of the policy helper: handed out in pieces, given back as a whole.
 *
 * The helper lives for milliseconds and has nothing to undo, so running out of memory ends it: the functions never
 * return NULL, they print a message and exit with BR_EXIT_FAILURE. */
#ifndef BRATTICE_POLICY_TOOL_ARENA_H
#define BRATTICE_POLICY_TOOL_ARENA_H

#include "base/defs.h"

#include <stdarg.h>

struct br_arena_chunk;
struct br_arena {
	struct br_arena_chunk *head;
};

void br_arena_free(struct br_arena *a);
/* Zeroed and aligned for any type. */
void *br_arena_alloc(struct br_arena *a, size_t n);
char *br_arena_strndup(struct br_arena *a, const char *s, size_t n);
char *br_arena_strdup(struct br_arena *a, const char *s);
char *br_arena_printf(struct br_arena *a, const char *fmt, ...) BR_PRINTF(2, 3) __attribute__((nonnull));
char *br_arena_vprintf(struct br_arena *a, const char *fmt, va_list ap) BR_PRINTF(2, 0) __attribute__((nonnull));
/* Room for one more element in a growing array; `cap` counts elements. The old array stays allocated. */
void *br_arena_grow(struct br_arena *a, void *old, size_t n, size_t *cap, size_t elem);

#define br_auto_arena __attribute__((cleanup(br_arena_free))) struct br_arena

#endif
