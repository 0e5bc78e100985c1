/* Commands that are programs of their own. */
#include "cli/command.h"

#include "session/helper.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

extern char **environ;

/* What would make the dynamic linker or the C library of a helper load or write something else. A user has no use for them here. */
static bool
is_loader_variable(const char *entry)
{
	return br_startswith(entry, "LD_") || br_startswith(entry, "GLIBC_TUNABLES=") || br_startswith(entry, "GCONV_PATH=") ||
	       br_startswith(entry, "LOCPATH=") || br_startswith(entry, "MALLOC_");
}

static void
clean_environment(void)
{
	char **to = environ;
	for (char **from = environ; from != NULL && *from != NULL; from++)
		if (!is_loader_variable(*from))
			*to++ = *from;
	if (to != NULL)
		*to = NULL;
}

int
br_exec_helper(const char *helper, int argc, char **argv)
{
	struct br_err e = BR_ERR_INIT;
	char path[PATH_MAX];
	(void)argc;
	if (br_helper_path(helper, path, sizeof(path), &e) < 0)
		return br_cli_fail(&e);
	clean_environment();
	(void)execv(path, argv);
	(void)br_err_set(&e, errno, "cannot execute %s", path);
	return br_cli_fail(&e);
}
