/* The layers made into one set of rules. */
#ifndef BRATTICE_POLICY_TOOL_MERGE_H
#define BRATTICE_POLICY_TOOL_MERGE_H

#include "policy/compiled.h"
#include "policy/tool/load.h"

struct br_rule {
	enum br_pol_kind kind;
	uint32_t flags;
	uint64_t value;
	const char *text;
	const char *data;
	const char *origin;
	const struct br_layer *layer; /* NULL for the built-in lists of names */
	const struct br_ynode *node;
};

struct br_rules {
	struct br_rule *v;
	size_t n, cap;
};

/* Reports what is refused; the rules are complete only when the report holds no error and no refusal. */
void br_merge(struct br_policy_set *s, struct br_rules *out);

/* The rules, inputs and profiles as records, sealed into `out`. */
int br_emit(const struct br_policy_set *s, const struct br_rules *rules, struct br_buf *out);

#endif
