/* A recording of a terminal: asciicast v3, as in a session's log. What is in it was written by whom it was recorded of. jansson. */
#ifndef BRATTICE_AUDIT_TOOL_CAST_H
#define BRATTICE_AUDIT_TOOL_CAST_H

#include "base/buf.h"
#include "base/err.h"

#include <jansson.h>

struct br_cast {
	FILE *file;
	json_t *header;
	char *line; /* of getline(3) */
	size_t cap;
	uint64_t number; /* of the line */
	unsigned cols, rows;
	int64_t begun_s; /* since 1970; 0: not said */
	double at;       /* seconds from the beginning to the last event */
};

struct br_cast_event {
	double at;  /* seconds from the beginning */
	char code;  /* 'o' output, 'i' input, 'r' resize, 'm' marker, 'x' exit; others are for readers of the future */
	struct br_buf data;
};

/* 1; 0: there is no recording; -1 with `e`. */
int br_cast_open(struct br_cast *c, int dirfd, struct br_err *e);
/* 1 an event; 0 the end; -1 with `e`: damaged. A last line without newline is the end: its writer was interrupted. */
int br_cast_next(struct br_cast *c, struct br_cast_event *ev, struct br_err *e);
void br_cast_close(struct br_cast *c);

#endif
