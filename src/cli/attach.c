/* brattice attach */
#include "cli/command.h"

#include "session/attach.h"
#include "session/control.h"
#include "session/state.h"

#include <poll.h>
#include <unistd.h>

struct opts {
	const char *key;
};

static const struct br_opt table[] = {
	{"detach-key", 0, "KEY", "leave the session running and return: ctrl-] if not given; none for no such key", BR_OPT_STRING,
	    offsetof(struct opts, key), NULL},
};

const struct br_usage br_usage_attach = {
	.command = "attach",
	.synopsis = "[OPTION...] SESSION",
	.summary = "join the terminal of a running session",
	.about = "Shows the session's screen and types into it, from another terminal. Ctrl-] leaves it again; the session goes on. The "
		 "window takes the size of the terminal that was resized or attached last.\n\n"
		 "Exit status: 0 after leaving, that of the command when it ended.\n\n"
		 "SESSION is an id, the beginning of one, a name, or \"last\" for the one started last.",
	.opts = table,
	.nopts = BR_ARRAY_LEN(table),
	.interleave = true,
};

/* The connection ended without the status: the record has it, if the monitor could still write it. */
static int
status_from_record(const char *id, struct br_err *e)
{
	struct br_session_meta m;
	br_auto_fd int dirfd = -1;
	if (br_session_find(id, false, &m, &dirfd, e) < 0)
		return -1;
	int status = m.status;
	bool ended = br_streq(m.state, "ended") && status >= 0, alive = m.alive;
	br_session_meta_free(&m);
	if (ended)
		return status;
	(void)br_err_set(e, 0, alive ? "session %s has dropped this terminal: it did not keep up with the output" : "the monitor of session %s died", id);
	return br_err_hint(e, alive ? "brattice attach %s" : "brattice ps --all shows what is known of %s", id);
}

static int
finish(int end, int status, const char *id)
{
	struct br_err e = BR_ERR_INIT;
	if (end == BR_ATTACH_DETACHED) {
		br_warn("left session %s; brattice attach %s returns to it", id, id);
		return 0;
	}
	if (end == BR_ATTACH_LOST)
		status = status_from_record(id, &e);
	if (status < 0)
		return br_cli_fail(&e);
	br_warn("session %s ended with status %d", id, status);
	return status;
}

static int
attach(const char *which, const struct br_detach_key *key, struct br_err *e)
{
	struct br_session_meta m;
	struct br_terminal t;
	br_auto_fd int dirfd = -1;
	if (br_terminal_open(&t, e) < 0)
		return -1;
	if (t.fd < 0) {
		(void)br_err_set(e, 0, "attach needs a terminal: stdin and stdout are not one");
		return br_err_hint(e, "brattice ps --json tells about a session without one");
	}
	br_auto_fd BR_UNUSED int tty = t.fd; /* closes it */
	if (br_session_find(which, true, &m, &dirfd, e) < 0)
		return -1;
	char id[sizeof(m.id)];
	memcpy(id, m.id, sizeof(id));
	br_session_meta_free(&m);
	br_auto_fd int sock = br_control_connect(id, e);
	if (sock < 0)
		return -1;
	int status = 0, end = br_attach(sock, &t, key, &status, e);
	return end < 0 ? -1 : finish(end, status, id);
}

int
br_cmd_attach(int argc, char **argv)
{
	struct opts o = {.key = "ctrl-]"};
	struct br_err e = BR_ERR_INIT;
	struct br_detach_key key;
	int first = argc, rc = br_cli_options(&br_usage_attach, argc, argv, &o, &first);
	if (rc >= 0)
		return rc;
	if (argc - first != 1) {
		(void)br_err_set(&e, 0, "attach needs one session");
		(void)br_err_hint(&e, "brattice ps lists them");
		return br_cli_fail(&e);
	}
	rc = br_detach_key_parse(o.key, &key, &e) < 0 ? -1 : attach(argv[first], &key, &e);
	return rc < 0 ? br_cli_fail(&e) : rc;
}
