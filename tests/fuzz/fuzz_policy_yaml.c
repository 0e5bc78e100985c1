/* A policy file: YAML, the key table, and what the layers make of it. What was compiled must be read back. */
#include "fuzz.h"

#include "policy/tool/merge.h"
#include "policy/tool/read.h"
#include "policy/tool/risk.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	br_auto_arena a = {0};
	struct br_report report = {.arena = &a};
	struct br_ynode *root = br_yaml_parse(&a, "brattice.yaml", (const char *)data, size, &report);
	br_read_check(root, "brattice.yaml", false, &report);
	br_auto_buf text = {0}, sealed = {0};
	br_report_sort(&report);
	br_report_print(&report, &text);
	br_report_json(&report, &text);
	if (root == NULL || root->type != BR_Y_MAP || report.errors)
		return 0;
	struct br_layer layers[] = {
	    {.rank = BR_RANK_BUILTIN, .name = "built-in", .base = "/nonexistent/p", .root = br_ynode_map(&a)},
	    {.rank = BR_RANK_PROJECT, .name = "brattice.yaml", .base = "/nonexistent/p", .untrusted = true, .root = root},
	    {.rank = BR_RANK_SYSTEM, .name = "/etc", .base = "/nonexistent/p", .root = root},
	};
	struct br_policy_set set = {.a = &a, .r = &report, .layers = layers, .n = BR_ARRAY_LEN(layers)};
	set.places = (struct br_places){"/nonexistent/h", "/nonexistent/p", "/nonexistent/s", "/nonexistent/c"};
	struct br_rules rules = {0};
	br_merge(&set, &rules);
	br_find_risks(&set, &rules);
	struct br_policy policy;
	struct br_err e = BR_ERR_INIT;
	if (br_emit(&set, &rules, &sealed) < 0 || br_pol_parse(sealed.p, sealed.len, &policy, &e) < 0)
		abort();
	br_pol_free(&policy);
	return 0;
}
