/* The built-in policy and the profiles: YAML files of this tree, embedded at build time. */
#ifndef BRATTICE_POLICY_TOOL_PROFILES_H
#define BRATTICE_POLICY_TOOL_PROFILES_H

#include "policy/tool/arena.h"

struct br_profile {
	const char *name; /* "node"; the built-in policy is not among them */
	const char *data;
	size_t len;
};

extern const struct br_profile br_profiles[];
extern const size_t br_profiles_n;
extern const struct br_profile br_builtin_policy;

const struct br_profile *br_profile_find(const char *name);
/* "claude-code codex node …" */
const char *br_profile_names(struct br_arena *a);

#endif
