/* What every entry begins with, and what the index tells of entries: looked at without a JSON parser, a million a second. Pure. */
#ifndef BRATTICE_AUDIT_HEAD_H
#define BRATTICE_AUDIT_HEAD_H

#include "audit/event.h"
#include "audit/log/segment.h"

struct br_head {
	int64_t t, m; /* microseconds */
	int type;     /* enum br_event_type, -1: none that we know */
};

/* `guess`: the type that is likely, or -1. False when the line does not begin as those of audit/event.c do. */
bool br_head_read(const char *line, size_t n, int guess, struct br_head *h);
/* Counts a line of `n` bytes; then, if it has a head, what that says. */
void br_head_count(struct br_index *x, size_t n);
void br_head_index(struct br_index *x, const struct br_head *h, const char *line, size_t n);

#endif
