/* Checks a policy tree against the key table. What passes can be used without looking at types again. */
#ifndef BRATTICE_POLICY_TOOL_READ_H
#define BRATTICE_POLICY_TOOL_READ_H

#include "policy/tool/keys.h"
#include "policy/tool/ytree.h"

/* `built_in`: the file is one of brattice's own, and may set the keys of profiles. `root` may be NULL (an empty file). */
void br_read_check(const struct br_ynode *root, const char *file, bool built_in, struct br_report *r);

/* The number that a checked value means; BR_UNLIMITED for "unlimited". Percentages of memory are resolved. */
uint64_t br_read_number(const struct br_key *k, const struct br_ynode *n);
bool br_read_bool(const struct br_ynode *n);

#endif
