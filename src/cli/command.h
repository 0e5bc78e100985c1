/* Subcommands: one table in main.c, one file per command. */
#ifndef BRATTICE_CLI_COMMAND_H
#define BRATTICE_CLI_COMMAND_H

#include "base/cli.h"

/* Gets argv from the command's own name on; returns an exit status. */
typedef int br_command_fn(int argc, char **argv);

struct br_command {
	const struct br_usage *usage; /* its `command` is the name */
	br_command_fn *fn;            /* NULL: the helper is executed with the same arguments, and has the options and the help */
	const char *helper;           /* program below libexec/brattice, or NULL */
};

struct br_command_group {
	const char *title;
	const struct br_command *commands;
	size_t n;
};

/* The table of main.c. */
extern const struct br_command_group br_command_groups[];
extern const size_t br_command_ngroups;
/* NULL when there is no such command. */
const struct br_command *br_command_find(const char *name);

br_command_fn br_cmd_run, br_cmd_doctor, br_cmd_ps, br_cmd_attach, br_cmd_stop, br_cmd_kill, br_cmd_gc, br_cmd_trust;
extern const struct br_usage br_usage_run, br_usage_doctor, br_usage_ps, br_usage_attach, br_usage_stop, br_usage_kill, br_usage_gc,
    br_usage_trust;

/* Replaces the process by a helper of libexec/brattice; returns 125 when it can't. The dynamic linker's variables (LD_…) are taken
 * out of its environment. */
int br_exec_helper(const char *helper, int argc, char **argv);

#endif
