/* Subcommands: one table in main.c, one file per command. */
#ifndef BRATTICE_CLI_COMMAND_H
#define BRATTICE_CLI_COMMAND_H

#include "base/defs.h"

/* Gets argv from the command's own name on; returns an exit status. */
typedef int br_command_fn(int argc, char **argv);

struct br_command {
	const char *name;
	br_command_fn *fn;  /* NULL: the helper libexec/brattice/<helper> is executed with the same arguments */
	const char *helper;
	const char *summary;
};

br_command_fn br_cmd_run;
br_command_fn br_cmd_doctor;
extern const struct br_usage br_usage_doctor;

/* Replaces the process by a helper of libexec/brattice; returns 125 when it can't. */
int br_exec_helper(const char *helper, int argc, char **argv);

#endif
