/* brattice-review: `brattice diff | apply | discard | refresh`, and the handoff check at the end of a run.
 *
 * A helper of its own because it reads trees that a hostile program wrote, with a JSON library, while no run needs it to start.
 */
#include "session/review/review.h"

#include <signal.h>

struct command {
	const char *name;
	br_review_fn *fn;
};

static const struct command COMMANDS[] = {
    {"diff", br_cmd_diff},
    {"apply", br_cmd_apply},
    {"discard", br_cmd_discard},
    {"refresh", br_cmd_refresh},
    {"handoff", br_cmd_handoff},
};

static const struct command *
find(const char *name)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(COMMANDS); i++)
		if (br_streq(COMMANDS[i].name, name))
			return &COMMANDS[i];
	return NULL;
}

int
main(int argc, char **argv)
{
	/* `brattice` executes us with the argv that the user typed, from the command's name on; by hand it follows our own
	 * name. */
	const struct command *c = argc > 0 ? find(argv[0]) : NULL;
	if (c == NULL && argc > 1) {
		argc--;
		argv++;
		c = find(argv[0]);
	}
	if (c == NULL) {
		br_warn("brattice-review: expected diff, apply, discard, refresh or handoff");
		return BR_EXIT_FAILURE;
	}
	(void)signal(SIGPIPE, SIG_DFL);
	return c->fn(argc, argv);
}
