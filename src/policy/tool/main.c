/* brattice-policy: everything about policies that needs YAML. Run by `brattice policy …` with the same arguments, and by the
 * monitor as `compile` when no compiled policy fits. */
#include "base/io.h"
#include "base/suggest.h"
#include "policy/tool/tool.h"

#include <unistd.h>

struct command {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
    {"check", br_tool_check, "errors and risks of a policy"},
    {"explain", br_tool_explain, "the policy in force, or why one act is allowed or not"},
    {"test", br_tool_test, "run the tests that a policy brings along"},
    {"schema", br_tool_schema, "the JSON Schema of brattice.yaml, for editors"},
    {"reference", br_tool_reference, "the reference of brattice.yaml, as Markdown or manual page"},
    {"trust-hash", br_tool_trust_hash, "the hash that --trust-policy wants"},
    {"compile", br_tool_compile, NULL}, /* the monitor's */
};

/* Names of the contract that this version doesn't have. */
static const char *const later[] = {"diff", "suggest", "dry-run", "set"};

static void
put_help(struct br_buf *b)
{
	br_buf_puts(b, "Usage: brattice policy COMMAND [OPTION…]\n\n");
	for (size_t i = 0; i < BR_ARRAY_LEN(commands); i++)
		if (commands[i].summary != NULL)
			br_buf_printf(b, "  %-12s %s\n", commands[i].name, commands[i].summary);
	br_buf_puts(b, "\n`brattice policy COMMAND --help` says more.\n");
}

static int
unknown(const char *name)
{
	struct br_err e = BR_ERR_INIT;
	struct br_suggest s = {.word = name};
	for (size_t i = 0; i < BR_ARRAY_LEN(later); i++) {
		if (!br_streq(name, later[i]))
			continue;
		(void)br_err_set(&e, 0, "policy %s: it is not in this version (%s)", name, BRATTICE_VERSION);
		(void)br_err_hint(&e, "`brattice policy --help` lists the commands");
		return br_cli_fail(&e);
	}
	for (size_t i = 0; i < BR_ARRAY_LEN(commands); i++)
		br_suggest_try(&s, commands[i].name);
	(void)br_err_set(&e, 0, "unknown command \"policy %s\"", name);
	if (s.best != NULL)
		(void)br_err_hint(&e, "did you mean \"policy %s\"?", s.best);
	else
		(void)br_err_hint(&e, "`brattice policy --help` lists the commands");
	return br_cli_fail(&e);
}

int
main(int argc, char **argv)
{
	br_auto_buf help = {0};
	for (size_t i = 0; argc >= 2 && i < BR_ARRAY_LEN(commands); i++)
		if (br_streq(argv[1], commands[i].name))
			return commands[i].fn(argc - 1, argv + 1);
	bool asked = argc >= 2 && (br_streq(argv[1], "--help") || br_streq(argv[1], "-h") || br_streq(argv[1], "help"));
	if (argc >= 2 && !asked)
		return unknown(argv[1]);
	put_help(&help);
	if (asked)
		return br_cli_put(&help, 0);
	(void)br_write_all(STDERR_FILENO, help.p, help.len);
	return BR_EXIT_FAILURE;
}
