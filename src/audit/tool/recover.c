/* brattice-log recover DIR: `brattice gc`, and each start, call it for a session whose processes were all killed. */
#include "audit/log/hostkey.h"
#include "audit/log/verify.h"
#include "audit/tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* DIR is $STATE/sessions/<id>; its lock is the caller's. */
static int
recover(const char *path, struct br_err *e)
{
	struct br_note_signer host = {0};
	char id[128];
	const char *slash = strrchr(path, '/');
	(void)snprintf(id, sizeof(id), "%s", slash != NULL ? slash + 1 : path);
	br_auto_fd int session = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	br_auto_fd int log = session < 0 ? -1 : openat(session, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	/* Not by the environment: the session may be of another state directory than ours. */
	br_auto_fd int state = session < 0 ? -1 : openat(session, "../..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log < 0 || state < 0)
		return br_err_set(e, errno, "cannot open the log of session %s", id);
	int rc = br_host_key_load(state, false, &host, e) < 0 ? -1 : br_log_recover(log, id, &host, e);
	br_note_signer_wipe(&host);
	/* Its writer outlives the monitor, to seal it. */
	return rc < 0 && e->sys != EWOULDBLOCK ? -1 : 0;
}

int
br_tool_recover(int argc, char **argv)
{
	struct br_err e = BR_ERR_INIT;
	if (argc != 2)
		(void)br_err_set(&e, 0, "usage: brattice-log recover DIR");
	else if (recover(argv[1], &e) == 0)
		return 0;
	br_err_print(&e);
	return BR_EXIT_FAILURE;
}
