/* brattice-log: the commands that read audit logs.
 *
 * A helper of its own because logs, and bundles from other machines, are hostile bytes, and reading them needs libraries that no run
 * needs to start. */
#include "audit/tool/tool.h"

#include <signal.h>

static const struct {
	const char *name;
	br_tool_fn *fn;
} commands[] = {
    {"export", br_tool_export},
    {"log", br_tool_log},
    {"recover", br_tool_recover}, /* for brattice itself */
    {"replay", br_tool_replay},
    {"report", br_tool_report},
    {"verify", br_tool_verify},
};

static br_tool_fn *
find(const char *name)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(commands); i++)
		if (br_streq(commands[i].name, name))
			return commands[i].fn;
	return NULL;
}

int
main(int argc, char **argv)
{
	/* `brattice` executes us with the argv that the user typed, from the command's name on; by hand it follows our own
	 * name. */
	br_tool_fn *fn = argc > 0 ? find(argv[0]) : NULL;
	if (fn == NULL && argc > 1) {
		argc--;
		argv++;
		fn = find(argv[0]);
	}
	if (fn == NULL) {
		br_auto_buf names = {0};
		for (size_t i = 0; i < BR_ARRAY_LEN(commands); i++)
			br_buf_printf(&names, " %s", commands[i].name);
		br_warn("brattice-log: expected one of:%s", names.p != NULL ? names.p : "");
		return BR_EXIT_FAILURE;
	}
	(void)signal(SIGPIPE, SIG_DFL);
	return fn(argc, argv);
}
