/* What a policy gives away that its author may not have meant. */
#ifndef BRATTICE_POLICY_TOOL_RISK_H
#define BRATTICE_POLICY_TOOL_RISK_H

#include "policy/tool/merge.h"

/* Adds a BR_SEV_RISK to the set's report for each. Only what people wrote counts, not what is built in. */
void br_find_risks(const struct br_policy_set *s, const struct br_rules *rules);

#endif
