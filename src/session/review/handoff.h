/* The handoff check: what the changes of a run could make the host execute or trust.
 *
 * Runs in brattice-review at the end of every run (over the names in `touched`) and before `apply` (over the overlay). Reads
 * the tree only through `struct br_view`; writes nothing. What it reads is hostile: every file is cut at 1 MiB, every parser
 * is bounded, and nothing found is shown unescaped. A secret is never shown at all. */
#ifndef BRATTICE_SESSION_REVIEW_HANDOFF_H
#define BRATTICE_SESSION_REVIEW_HANDOFF_H

#include "base/buf.h"
#include "base/err.h"
#include "policy/guard.h"
#include "session/review/view.h"

enum br_handoff_level {
	BR_HANDOFF_NOTE, /* a person should know */
	BR_HANDOFF_WARN, /* a common command of the host would execute it */
	BR_HANDOFF_BLOCK /* acts with nobody looking, or reaches out of the tree: `apply` refuses */
};

struct br_handoff_item {
	enum br_handoff_level level;
	const char *kind; /* static: "symlink-out", "ci", "lifecycle-script" …: for programs; documented in docs/review.md */
	char *path;       /* project-relative */
	char *what;       /* what would be executed, by which host tool, when; may hold any byte */
};
struct br_handoff {
	struct br_handoff_item *items;
	size_t n, cap;
	bool failed; /* an item was lost for want of memory: the check counts as blocked */
};

struct br_handoff_ctx {
	struct br_view now;
	int before;          /* the tree as it was before the run, or -1 when nobody kept it */
	const char *project; /* absolute path of the tree on the host */
	const struct br_guard *guard;
	const struct br_strv *touched; /* sorted: every name that the run changed */
};

/* One touched name, each once, in any order. Names that are gone are nothing to look at. */
void br_handoff_look(struct br_handoff *h, const struct br_handoff_ctx *c, const char *rel);
/* Appends an item; `what` is formatted and copied. */
void br_handoff_add(struct br_handoff *h, enum br_handoff_level level, const char *kind, const char *rel, const char *fmt, ...)
    BR_PRINTF(5, 6);
/* The worst level, or -1 when there is no item. */
int br_handoff_worst(const struct br_handoff *h);
/* Sorts (worst first) and prints for people (colour when asked; many alike are folded into one line) or as one JSON object
 * a line: {"level":"block","kind":"symlink-out","path":"…","what":"…"}. */
void br_handoff_print(struct br_handoff *h, struct br_buf *out, bool colour, bool json);
void br_handoff_free(struct br_handoff *h);

#endif
