/* The terminal and the commands of a session on one clock. */
#ifndef BRATTICE_AUDIT_TOOL_TIMELINE_H
#define BRATTICE_AUDIT_TOOL_TIMELINE_H

#include "audit/log/reader.h"
#include "audit/tool/cast.h"

struct br_moment {
	double at;        /* seconds from the beginning; never goes back */
	char code;        /* of the terminal: 'o' output, and the others of an asciicast; 0: a command, or a denial */
	bool denied;
	struct br_buf text; /* output as it was; or what happened, safe to show */
};

struct br_timeline {
	int dirfd; /* the log directory, borrowed */
	bool terminal, commands; /* what is wanted */
	struct br_log_reader *log;
	struct br_cast cast;
	bool has_cast;
	int64_t base_us; /* when the clock began, since 1970 */
	double last;
	struct br_moment next[2]; /* of the terminal, of the commands */
	bool ready[2], over[2];
};

/* `dirfd` stays the caller's. 0, or -1 with `e`. */
int br_timeline_open(struct br_timeline *t, int dirfd, bool terminal, bool commands, struct br_err *e);
/* 1 the next moment, borrowed until the next call; 0 the end; -1 with `e`. */
int br_timeline_next(struct br_timeline *t, const struct br_moment **out, struct br_err *e);
/* From the beginning again. */
int br_timeline_rewind(struct br_timeline *t, struct br_err *e);
void br_timeline_close(struct br_timeline *t);

#endif
