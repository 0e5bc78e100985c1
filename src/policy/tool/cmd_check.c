/* `check`: errors and risks of the policy that `run` would use here, or of single files. */
#include "policy/tool/risk.h"
#include "policy/tool/tool.h"

struct options {
	struct br_layer_options layers;
	bool strict, json;
};

static const struct br_opt table[] = {
    {"strict", 0, NULL, "exit with status 1 when there are risks", BR_OPT_FLAG, offsetof(struct options, strict)},
    {"json", 0, NULL, "one JSON object per finding", BR_OPT_FLAG, offsetof(struct options, json)},
    BR_LAYER_OPTIONS(struct options, layers),
};
static const struct br_usage usage = {
    .command = "policy check",
    .synopsis = "[OPTION…] [FILE…]",
    .summary = "errors and risks of a policy",
    .about = "Without FILE the policy that `brattice run` would use in this directory, all layers together; else each FILE "
	     "alone, with "
	     "what is built in.\n\nExit status: 0 without errors; 1 with risks and --strict; 125 when a file can't be read as "
	     "a policy; 126 when "
	     "what it asks for is refused.",
    .opts = table,
    .nopts = BR_ARRAY_LEN(table),
    .interleave = true,
};

static int
check_one(const struct options *o, const char *file, struct br_buf *out, struct br_err *e)
{
	br_auto_arena a = {0};
	struct br_report report = {.arena = &a};
	struct br_policy_set set = {.a = &a, .r = &report};
	struct br_rules rules = {0};
	struct br_layer_options layers = o->layers;
	layers.only = file;
	if (file != NULL && layers.project == NULL) {
		const char *slash = strrchr(file, '/');
		layers.project = slash == NULL ? "." : slash == file ? "/" : br_arena_strndup(&a, file, (size_t)(slash - file));
	}
	if (br_tool_policy(&layers, &set, &rules, e) < 0)
		return -1;
	int status = br_report_status(&report);
	if (status == 0)
		br_find_risks(&set, &rules);
	br_report_sort(&report);
	if (o->json)
		br_report_json(&report, out);
	else
		br_report_print(&report, out);
	return status != 0 ? status : o->strict && report.n > 0 ? 1 : 0;
}

/* The worst: a file that can't be read, then one that is refused, then risks. */
static int
worse(int a, int b)
{
	static const int order[] = {BR_EXIT_FAILURE, BR_EXIT_REFUSED, 1};
	for (size_t i = 0; i < BR_ARRAY_LEN(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return 0;
}

int
br_tool_check(int argc, char **argv)
{
	struct options o = {0};
	struct br_err e = BR_ERR_INIT;
	br_auto_buf out = {0};
	int first = 0, status = br_cli_options(&usage, argc, argv, &o, &first);
	if (status < 0) {
		status = 0;
		int i = first;
		do {
			int one = check_one(&o, i < argc ? argv[i] : NULL, &out, &e);
			status = worse(status, one < 0 ? br_cli_fail(&e) : one);
		} while (++i < argc);
		if (status == 0 && out.len == 0 && !o.json)
			br_buf_puts(&out, "no errors, no risks\n");
		status = br_cli_put(&out, status);
	}
	br_layer_options_free(&o.layers);
	return status;
}
