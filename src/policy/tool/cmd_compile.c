/* `compile`: the monitor's call. All layers into one sealed file, or an error for people on stderr. */
#include "base/io.h"
#include "policy/tool/tool.h"

#include <errno.h>
#include <fcntl.h>

struct options {
	struct br_layer_options layers;
	const char *out;
};

static const struct br_opt table[] = {
    {"out", 0, "FILE", "where the compiled policy goes", BR_OPT_STRING, offsetof(struct options, out)},
    BR_LAYER_OPTIONS(struct options, layers),
};
static const struct br_usage usage = {
    .command = "policy compile",
    .synopsis = "--home DIR --project DIR --state DIR --out FILE [OPTION…]",
    .summary = "compile a policy (used by brattice run)",
    .about =
	"Reads every layer and writes the sealed policy. Exit status: 0; 125 when a layer can't be read; 126 when what it asks "
	"for is refused.",
    .opts = table,
    .nopts = BR_ARRAY_LEN(table),
};

static int
compile(const struct options *o, struct br_err *e)
{
	br_auto_arena a = {0};
	struct br_report report = {.arena = &a};
	struct br_policy_set set = {.a = &a, .r = &report};
	struct br_rules rules = {0};
	br_auto_buf sealed = {0};
	if (o->out == NULL)
		return br_err_set(e, 0, "policy compile: --out FILE is missing");
	if (br_tool_policy(&o->layers, &set, &rules, e) < 0)
		return -1;
	if (br_report_status(&report) != 0)
		return br_tool_refuse(&report);
	if (br_emit(&set, &rules, &sealed) < 0)
		return br_err_set(e, ENOMEM, "cannot compile the policy");
	if (br_replace_file(AT_FDCWD, o->out, sealed.p, sealed.len, 0600) < 0)
		return br_err_set(e, errno, "cannot write %s", o->out);
	return 0;
}

int
br_tool_compile(int argc, char **argv)
{
	struct options o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = 0, status = br_cli_options(&usage, argc, argv, &o, &first);
	if (status < 0)
		status = br_tool_no_operands(&usage, argc, argv, first);
	if (status < 0 && (status = compile(&o, &e)) < 0)
		status = br_cli_fail(&e);
	br_layer_options_free(&o.layers);
	return status;
}
