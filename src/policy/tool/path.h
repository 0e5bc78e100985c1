/* Paths of a policy: made absolute and lexically normal, and judged. */
#ifndef BRATTICE_POLICY_TOOL_PATH_H
#define BRATTICE_POLICY_TOOL_PATH_H

#include "policy/tool/arena.h"

struct br_places {
	const char *home, *project, *state,
	    *config; /* absolute, normal; config = brattice's own, in the user's configuration */
};

/* "~/x", "x" (relative to `base`) or "/x" without "//", "/./", "/../" and a trailing "/". */
char *br_path_normal(struct br_arena *a, const char *base, const char *home, const char *text);
/* True when `path` is `dir` or lies below it. */
bool br_path_under(const char *path, const char *dir);
/* Why a policy may not grant `path`, or NULL. Looks at the path as written and, when it exists, at where symlinks lead: `*real` is
 * the path without symlinks that was judged, "" when nothing is there. */
const char *br_path_refused(struct br_arena *a, const struct br_places *pl, const char *path, bool write, const char **real);
/* Why it is unwise to grant `path` (keys, whole homes), or NULL. */
const char *br_path_risk(const struct br_places *pl, const char *path, bool write);
/* The path with the home as "~", for messages. */
const char *br_path_show(struct br_arena *a, const struct br_places *pl, const char *path);

#endif
