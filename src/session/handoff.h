/* The handoff check: what the changes of a run could make the host execute or trust.
 *
 * Runs at the end of every run (over the names in `touched`) and before `apply` (over the overlay). Pure but for reading the
 * tree through `rootfd` (openat2 with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). */
#ifndef BRATTICE_SESSION_HANDOFF_H
#define BRATTICE_SESSION_HANDOFF_H

#include "base/buf.h"
#include "policy/guard.h"

enum br_handoff_level { BR_HANDOFF_NOTE, BR_HANDOFF_WARN, BR_HANDOFF_BLOCK };

struct br_handoff_item {
	enum br_handoff_level level;
	char *path;  /* project-relative */
	char *what;  /* "new executable", "package.json: script postinstall runs `…`" */
};
struct br_handoff {
	struct br_handoff_item *items;
	size_t n;
};

/* One touched name. Called in any order, each name once. */
int br_handoff_look(struct br_handoff *h, int rootfd, const char *rel, const struct br_guard *g, struct br_err *e);
/* Sorts (worst first) and prints for people (colour when asked) or as JSON lines. */
void br_handoff_print(const struct br_handoff *h, struct br_buf *out, bool colour, bool json);
void br_handoff_free(struct br_handoff *h);

#endif
