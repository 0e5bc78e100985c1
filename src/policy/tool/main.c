/* brattice-policy: everything about policies that needs YAML. Run by `brattice policy …` with the same arguments, and by the
 * monitor as `compile` when no compiled policy fits. */
#include "policy/tool/tool.h"

struct command {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
    {"compile", br_tool_compile, NULL},
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc >= 2 && i < BR_ARRAY_LEN(commands); i++)
		if (br_streq(argv[1], commands[i].name))
			return commands[i].fn(argc - 1, argv + 1);
	return BR_EXIT_FAILURE;
}
