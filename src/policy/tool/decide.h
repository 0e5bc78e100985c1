/* What would happen to one act under a policy: the answer behind `explain --write|--read` and `test`. */
#ifndef BRATTICE_POLICY_TOOL_DECIDE_H
#define BRATTICE_POLICY_TOOL_DECIDE_H

#include "policy/compiled.h"
#include "policy/guard.h"
#include "policy/tool/path.h"
#include "session/scan.h"

struct br_decision {
	bool allow;
	const char *why;    /* one clause: "the project can be written" */
	const char *rule;   /* the pattern or path that decided, or "" */
	const char *origin; /* where the rule stands, or "" */
};

struct br_decider {
	struct br_arena *a;
	const struct br_policy *policy;
	const struct br_guard *guard; /* with what br_scan_project added */
	const struct br_guard *names; /* without: says by which rule a file is hidden */
	const struct br_scan *scan;   /* what is hidden now */
	struct br_places places;
};

/* Writing or reading `path` (absolute, normal), also as what symlinks in it lead to now. */
struct br_decision br_decide_path(const struct br_decider *d, const char *path, bool write);

#endif
