/* What a command prints: collected, folded to the terminal's width, written in large pieces. */
#ifndef BRATTICE_AUDIT_TOOL_PAPER_H
#define BRATTICE_AUDIT_TOOL_PAPER_H

#include "base/buf.h"
#include "base/err.h"

struct br_paper {
	struct br_buf buf;
	int fd;
	bool colour;
	size_t width; /* columns, or 0: lines are not folded */
	bool gone;    /* who reads went away: nothing more is wanted, and that is no news */
};

/* On stdout. */
void br_paper_open(struct br_paper *p);
/* One line, `head` first; what is longer than the width goes on in lines indented by `indent`, never cut. Both are text that is safe to
 * show (br_buf_put_visible). `colour`: the SGR parameters, or NULL. */
void br_paper_line(struct br_paper *p, const char *head, size_t indent, const char *text, size_t n, const char *colour);
/* Writes when there is much, or with `now`. 0, or -1 with `e` (none when `gone`: check it). */
int br_paper_flush(struct br_paper *p, bool now, struct br_err *e);
void br_paper_close(struct br_paper *p);

#endif
