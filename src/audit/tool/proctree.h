/* Who started whom, from the exec and exit events of a log. Bounded: a log with too many programs is refused by name. */
#ifndef BRATTICE_AUDIT_TOOL_PROCTREE_H
#define BRATTICE_AUDIT_TOOL_PROCTREE_H

#include "audit/tool/entry.h"
#include "audit/tool/paper.h"

struct br_proctree;

struct br_proctree *br_proctree_new(void); /* NULL: no memory; the next call says so */
/* Takes what `x` says of a program. -1 with `e`: too many for a tree. */
int br_proctree_add(struct br_proctree *t, const struct br_entry *x, struct br_err *e);
int br_proctree_print(const struct br_proctree *t, struct br_paper *paper, struct br_err *e);
void br_proctree_free(struct br_proctree *t);

#endif
