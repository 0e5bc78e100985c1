/* Compiler attributes and the house rules that the compiler can enforce.
 *
 * Every source file includes this first (through whichever header it needs). */
#ifndef BRATTICE_BASE_DEFS_H
#define BRATTICE_BASE_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define BR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define BR_NORETURN     __attribute__((noreturn))
#define BR_MUST_USE     __attribute__((warn_unused_result))
#define BR_UNUSED       __attribute__((unused))

#define BR_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Functions with no bound or no error report are not used in this tree. (glibc's fortified headers make macros of two for clang.) */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf gets atoi atol atoll strtok

/* Scope-bound ownership: `br_auto_fd int fd = ...;`, `br_auto_free char *p = ...;` */
static inline void
br_cleanup_free(void *p)
{
	free(*(void **)p);
}
void br_cleanup_fd(int *fd);
#define br_auto_free __attribute__((cleanup(br_cleanup_free), unused)) /* unused: to hold it can be all its use */
#define br_auto_fd   __attribute__((cleanup(br_cleanup_fd), unused))

/* Gives up ownership of a br_auto_fd / br_auto_free variable. */
static inline int
br_steal_fd(int *fd)
{
	int v = *fd;
	*fd = -1;
	return v;
}
#define br_steal_ptr(pp)               \
	({                             \
		__typeof__(*(pp)) v_ = *(pp); \
		*(pp) = NULL;          \
		v_;                    \
	})

static inline bool
br_streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}
static inline bool
br_startswith(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}
bool br_endswith(const char *s, const char *suffix);

#endif
