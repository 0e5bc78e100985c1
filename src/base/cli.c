#include "base/cli.h"

#include "base/io.h"

#include <errno.h>
#include <unistd.h>

int
br_cli_fail(const struct br_err *e)
{
	br_err_print(e);
	return e->status != 0 ? e->status : BR_EXIT_FAILURE;
}

int
br_cli_put(const struct br_buf *out, int status)
{
	if (!out->failed && (out->len == 0 || br_write_all(STDOUT_FILENO, out->p, out->len) == 0))
		return status;
	int why = out->failed ? ENOMEM : errno;
	if (why != EPIPE)
		br_warn("cannot write the output: %s", strerror(why));
	return BR_EXIT_FAILURE;
}

int
br_cli_options(const struct br_usage *u, int argc, char **argv, void *target, int *first)
{
	struct br_err e = BR_ERR_INIT;
	int rc = br_opt_parse(u, argc, argv, target, first, &e);
	if (rc == 0)
		return -1;
	if (rc < 0)
		return br_cli_fail(&e);
	br_auto_buf out = {0};
	br_opt_help(u, &out);
	return br_cli_put(&out, 0);
}

bool
br_cli_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	if (no != NULL && no[0] != '\0')
		return false;
	return isatty(fd) == 1 && (term == NULL || !br_streq(term, "dumb"));
}
