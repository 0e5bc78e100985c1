/* Errors are values: made where something fails, wrapped on the way up, printed once at the top.
 *
 * A `struct br_err` lives on the caller's stack; functions that can fail take a pointer to it, return
 * -1 (or false / NULL) and leave a message. The message says what, where and why; `hint` says how to mend.
 * No allocation: an error can always be reported, also when memory has run out. */
#ifndef BRATTICE_BASE_ERR_H
#define BRATTICE_BASE_ERR_H

#include "base/defs.h"

/* Exit statuses of brattice itself (docs/exit-status.md). */
enum {
	BR_EXIT_FAILURE = 125,  /* brattice's own failure */
	BR_EXIT_REFUSED = 126,  /* refused by policy before start */
	BR_EXIT_NOCOMMAND = 127 /* no such command */
};

struct br_err {
	int status;     /* exit status this error asks for: one of BR_EXIT_* */
	int sys;        /* errno, or 0 */
	char msg[1536]; /* "cannot open /x: Permission denied" */
	char hint[1024]; /* the mend, or "" */
};
#define BR_ERR_INIT {.status = BR_EXIT_FAILURE}

/* Sets `e` (may be NULL) and returns -1. When `sys` is not 0 its text is appended. */
int br_err_set(struct br_err *e, int sys, const char *fmt, ...) BR_PRINTF(3, 4);
/* Puts "context: " before the message that is there; returns -1. */
int br_err_wrap(struct br_err *e, const char *fmt, ...) BR_PRINTF(2, 3);
/* Sets the mend; returns -1. */
int br_err_hint(struct br_err *e, const char *fmt, ...) BR_PRINTF(2, 3);
/* Sets the exit status; returns -1. */
int br_err_status(struct br_err *e, int status);
/* Prints "brattice: message" and "  mend: hint" to stderr, control characters escaped. */
void br_err_print(const struct br_err *e);

/* The four above return -1 always. Said here in a form that compilers and analyzers see at the call, so that they know which
 * paths end in an error. (A name in parentheses isn't expanded: err.c defines the functions themselves.) */
static inline int
br_failed(int unused)
{
	(void)unused;
	return -1;
}
#define br_err_set(...)    br_failed((br_err_set)(__VA_ARGS__))
#define br_err_wrap(...)   br_failed((br_err_wrap)(__VA_ARGS__))
#define br_err_hint(...)   br_failed((br_err_hint)(__VA_ARGS__))
#define br_err_status(...) br_failed((br_err_status)(__VA_ARGS__))

/* One line to stderr, prefixed "brattice: "; control characters in the arguments are escaped. */
void br_warn(const char *fmt, ...) BR_PRINTF(1, 2);

#endif
