/* Inside the handoff check: one touched name under the eyes of the detectors. */
#ifndef BRATTICE_SESSION_REVIEW_LOOK_H
#define BRATTICE_SESSION_REVIEW_LOOK_H

#include "session/review/handoff.h"

#define BR_LOOK_MAX (1U << 20) /* bytes of a file that are looked at */

struct br_look {
	struct br_handoff *h;
	const struct br_handoff_ctx *c;
	const char *rel;
	const char *base;      /* last component of rel */
	struct stat st;        /* now */
	struct stat st_before; /* st_mode 0: it was not there, or nobody kept it */
	struct br_buf now;     /* content, when a regular file */
	struct br_buf before;
	bool deps; /* in a folder of dependencies that an installer writes: node_modules, .venv … */
};

typedef void br_look_fn(struct br_look *l);

br_look_fn br_look_named;   /* files that a host tool executes: CI, build scripts, hooks managers, containers */
br_look_fn br_look_package; /* package.json */
br_look_fn br_look_git;     /* repositories made in the run */
br_look_fn br_look_lines;   /* .gitattributes, .gitmodules, *.pth, CI steps */
br_look_fn br_look_secret;  /* keys and tokens */

#define br_look_add(l, level, kind, ...) br_handoff_add((l)->h, (level), (kind), (l)->rel, __VA_ARGS__)

/* Calls `fn` for each line of the content that the file did not have before; at most 10,000 lines, each cut at 4,096 bytes. */
typedef void br_look_line_fn(struct br_look *l, const char *line, size_t n);
void br_look_new_lines(struct br_look *l, br_look_line_fn *fn);

#endif
