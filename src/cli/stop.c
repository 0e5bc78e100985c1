/* brattice stop, brattice kill: the end of a session from outside. */
#include "cli/command.h"

#include "base/io.h"
#include "session/control.h"
#include "session/state.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STOP_WAIT_MS 15000 /* the monitor itself kills after 10 s */
#define KILL_WAIT_MS 5000

static const char what_session[] = "SESSION is an id, the beginning of one, a name, or \"last\" for the one started last.";

const struct br_usage br_usage_stop = {
	.command = "stop",
	.synopsis = "SESSION...",
	.summary = "end a session in an orderly way",
	.about = "Sends SIGTERM to the command, and SIGKILL to everything inside after 10 seconds; waits for the end.\n\n"
		 "SESSION is an id, the beginning of one, a name, or \"last\" for the one started last.",
	.interleave = true,
};

const struct br_usage br_usage_kill = {
	.command = "kill",
	.synopsis = "SESSION...",
	.summary = "end a session at once",
	.about = "Sends SIGKILL to everything inside, at once, and waits for the end. When the session's monitor does not answer, it is "
		 "killed itself, and everything inside dies with it.\n\n"
		 "SESSION is an id, the beginning of one, a name, or \"last\" for the one started last.",
	.interleave = true,
};

static int
open_pid(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Waits for a process to end; false when it took longer. */
static bool
wait_end(int pidfd, int ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	uint64_t until = br_now_us() + (uint64_t)ms * 1000;
	for (;;) {
		uint64_t now = br_now_us();
		int rc = poll(&p, 1, now < until ? (int)((until - now + 999) / 1000) : 0);
		if (rc > 0)
			return true;
		if (rc == 0 || errno != EINTR)
			return false;
	}
}

static int
request(const char *id, char type, struct br_err *e)
{
	br_auto_fd int sock = br_control_connect(id, e);
	return sock < 0 ? -1 : br_control_request(sock, type, NULL, e);
}

/* The monitor itself, when it doesn't do as it is told. Whatever is inside dies with it (the kernel sees to that). */
static int
kill_monitor(int dirfd, int pidfd, pid_t pid, struct br_err *e)
{
	/* `pidfd` was opened before this look: if the process still holds the lock, it is the one. */
	if (!br_session_is_held_by(dirfd, pid))
		return e->msg[0] != '\0' ? -1 : br_err_set(e, 0, "the session does not end");
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return br_err_set(e, errno, "cannot kill the monitor (process %d)", (int)pid);
	if (wait_end(pidfd, KILL_WAIT_MS))
		return 0;
	return br_err_set(e, 0, "the monitor (process %d) does not die", (int)pid);
}

static int
end_session(const struct br_session_meta *m, int dirfd, char type, struct br_err *e)
{
	pid_t pid = m->pid;
	br_auto_fd int pidfd = br_session_is_held_by(dirfd, pid) ? open_pid(pid) : -1;
	int asked = request(m->id, type, e);
	if (pidfd < 0)
		return asked;
	if (asked == 0 && wait_end(pidfd, type == 's' ? STOP_WAIT_MS : KILL_WAIT_MS))
		return 0;
	if (type == 'k')
		return kill_monitor(dirfd, pidfd, pid, e);
	if (asked == 0)
		(void)br_err_set(e, 0, "session %s has not ended yet", m->id);
	return br_err_hint(e, "brattice kill %s", m->id);
}

static int
end_one(const char *which, char type, struct br_err *e)
{
	struct br_session_meta m;
	br_auto_fd int dirfd = -1;
	if (br_session_find(which, true, &m, &dirfd, e) < 0)
		return -1;
	int rc = end_session(&m, dirfd, type, e);
	br_session_meta_free(&m);
	return rc;
}

static int
end_all(const struct br_usage *u, char type, int argc, char **argv)
{
	struct br_err e = BR_ERR_INIT;
	int first = argc, status = 0, rc = br_cli_options(u, argc, argv, NULL, &first);
	if (rc >= 0)
		return rc;
	if (first >= argc) {
		(void)br_err_set(&e, 0, "%s needs a session", u->command);
		(void)br_err_hint(&e, "brattice ps lists them. %s", what_session);
		return br_cli_fail(&e);
	}
	for (int i = first; i < argc; i++)
		if (end_one(argv[i], type, &e) < 0)
			status = br_cli_fail(&e);
	/* What a killed monitor could not clean. */
	struct br_gc_report r;
	if (type == 'k' && br_session_gc(-1, &r, &e) < 0)
		br_err_print(&e);
	return status;
}

int
br_cmd_stop(int argc, char **argv)
{
	return end_all(&br_usage_stop, 's', argc, argv);
}

int
br_cmd_kill(int argc, char **argv)
{
	return end_all(&br_usage_kill, 'k', argc, argv);
}
