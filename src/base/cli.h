/* What the commands of every program of ours do in the same way: errors, options, output, colour. */
#ifndef BRATTICE_BASE_CLI_H
#define BRATTICE_BASE_CLI_H

#include "base/buf.h"
#include "base/err.h"
#include "base/opt.h"

/* Prints the error; returns the exit status it asks for. */
int br_cli_fail(const struct br_err *e);
/* Parses with br_opt_parse. Returns -1 to go on, else the exit status (help was shown, or an error printed). */
int br_cli_options(const struct br_usage *u, int argc, char **argv, void *target, int *first);
/* Writes all to stdout; returns `status`, or BR_EXIT_FAILURE with a message. A reader that went away is no news: no message. */
int br_cli_put(const struct br_buf *out, int status);
/* Whether `fd` is a terminal that wants colour (NO_COLOR not empty, TERM=dumb: no). */
bool br_cli_colour(int fd);

#endif
