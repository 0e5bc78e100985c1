#include "session/recorder.h"

#include "base/io.h"
#include "base/opt.h"
#include "sandbox/sys.h"
#include "session/helper.h"
#include "session/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define AUDITOR "brattice-auditor"
#define CAUSE_MS 1000
#define SAID_MAX 4096
/* How br_err_print begins its lines. */
#define PREFIX "brattice: "
#define MEND "  mend: "

extern char **environ;

/* What the auditor inherits, from descriptor 3 on. Not the session's lock, which says that the monitor lives: the log has one of its own. */
enum { LOG, STATE, MONITOR, GATE, NFDS };

/* In the child. */
BR_NORETURN static void
become_auditor(const char *path, const char *session, int fds[NFDS], int said)
{
	struct br_err e = BR_ERR_INIT;
	char name[64];
	char *argv[] = {(char[]){AUDITOR}, name, (char[]){"3"}, (char[]){"4"}, (char[]){"5"}, (char[]){"6"}, NULL};
	(void)snprintf(name, sizeof(name), "%s", session);
	/* No ^C of the terminal's, and no hang-up, ends the recording. */
	(void)setsid();
	/* First above their places, so that none is overwritten before it is copied. */
	int high = fcntl(said, F_DUPFD, 3 + NFDS);
	for (int i = 0; i < NFDS; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, 3 + NFDS);
	(void)close(STDIN_FILENO);
	bool ok = open("/dev/null", O_RDWR) == STDIN_FILENO && dup2(STDIN_FILENO, STDOUT_FILENO) >= 0 && dup2(high, STDERR_FILENO) >= 0;
	for (int i = 0; i < NFDS; i++)
		ok = dup2(fds[i], 3 + i) >= 0 && ok;
	ok = br_sys_close_range(3 + NFDS, ~0U, 0) == 0 && ok;
	if (ok)
		(void)execve(path, argv, environ);
	(void)br_err_set(&e, errno, "cannot start %s", path);
	br_err_print(&e);
	_exit(127);
}

static int
make_salt(struct br_recorder *r, int log)
{
	br_auto_fd int fd = openat(log, "salt", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || getrandom(r->salt, sizeof(r->salt), 0) != (ssize_t)sizeof(r->salt))
		return -1;
	return br_write_all(fd, r->salt, sizeof(r->salt));
}

int
br_recorder_start(struct br_recorder *r, int session_dir, const char *session, struct br_err *e)
{
	char path[PATH_MAX];
	int monitor[2], gate[2], said[2];
	if (br_helper_path(AUDITOR, path, sizeof(path), e) < 0)
		return -1;
	br_auto_fd int log = mkdirat(session_dir, "log", 0700) < 0 ? -1 : openat(session_dir, "log", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (log < 0 || make_salt(r, log) < 0) {
		(void)br_err_set(e, errno, "cannot make the session's record");
		return br_err_hint(e, "make room where brattice keeps its state, or set BRATTICE_STATE to a directory of yours");
	}
	br_auto_fd int state = br_state_open(false, e);
	if (state < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitor) < 0)
		return br_err_set(e, errno, "cannot make a socket pair");
	r->fd = monitor[0];
	br_auto_fd int monitor_far = monitor[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate) < 0)
		return br_err_set(e, errno, "cannot make a socket pair");
	r->gate_fd = gate[0];
	br_auto_fd int gate_far = gate[1];
	if (pipe2(said, O_CLOEXEC) < 0)
		return br_err_set(e, errno, "cannot make a pipe");
	r->said = said[0];
	br_auto_fd int said_far = said[1];
	r->pid = fork();
	if (r->pid < 0)
		return br_err_set(e, errno, "cannot start %s", AUDITOR);
	if (r->pid == 0)
		become_auditor(path, session, (int[]){log, state, monitor_far, gate_far}, said_far);
	return 0;
}

static int
broken(struct br_recorder *r)
{
	r->broken = errno != 0 ? errno : EPIPE;
	return -1;
}

static bool
may_send(const struct br_recorder *r)
{
	errno = r->broken != 0 ? r->broken : EPIPE;
	return r->broken == 0 && r->fd >= 0;
}

int
br_recorder_post(struct br_recorder *r, enum br_event_class class)
{
	if (!may_send(r))
		return -1;
	if (br_event_finish(&r->event) < 0 || br_audit_post(r->fd, &r->event, class) < 0)
		return broken(r);
	r->unacked += class == BR_CLASS_A;
	br_buf_putc(&r->event.line, '\n');
	return 0;
}

int
br_recorder_commit(struct br_recorder *r)
{
	enum br_event_class class = br_event_class_of(r->event.type);
	if (br_recorder_post(r, class) < 0)
		return -1;
	return class == BR_CLASS_A ? br_recorder_settle(r) : 0;
}

int
br_recorder_terminal(struct br_recorder *r, const char *line, size_t n)
{
	if (!may_send(r))
		return -1;
	return br_audit_send_terminal(r->fd, line, n) < 0 ? broken(r) : 0;
}

int
br_recorder_settle(struct br_recorder *r)
{
	if (!may_send(r))
		return -1;
	if (!r->ready && br_audit_ready(r->fd) < 0)
		return broken(r);
	r->ready = true;
	for (; r->unacked > 0; r->unacked--)
		if (br_audit_wait(r->fd) < 0)
			return broken(r);
	r->sealed = r->sealing;
	return 0;
}

int
br_recorder_seal(struct br_recorder *r, const char *reason)
{
	if (!may_send(r))
		return -1;
	if (br_audit_post_seal(r->fd, reason) < 0)
		return broken(r);
	r->sealing = true;
	r->unacked++;
	return 0;
}

bool
br_recorder_gone(const struct br_recorder *r)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	return r->broken != 0 || (r->fd >= 0 && poll(&p, 1, 0) == 1);
}

/* To its end: the auditor closes its streams before it says why. */
static void
read_said(const struct br_recorder *r, struct br_buf *out)
{
	uint64_t until = br_now_us() + CAUSE_MS * 1000UL;
	for (uint64_t now; r->said >= 0 && out->len < SAID_MAX && (now = br_now_us()) < until;) {
		struct pollfd p = {.fd = r->said, .events = POLLIN};
		char *to = br_buf_room(out, SAID_MAX);
		if (poll(&p, 1, (int)((until - now + 999) / 1000)) != 1 || to == NULL)
			break;
		ssize_t n = read(r->said, to, SAID_MAX);
		if (n <= 0 && (n == 0 || errno != EINTR))
			break;
		out->len += n > 0 ? (size_t)n : 0;
	}
	br_buf_putc(out, '\0');
}

void
br_recorder_cause(struct br_recorder *r, int sys, struct br_err *e)
{
	br_auto_buf b = {0};
	if (sys == EPIPE)
		read_said(r, &b);
	/* As br_err_print put it. */
	char *line = b.p != NULL && !b.failed && br_startswith(b.p, PREFIX) ? b.p + strlen(PREFIX) : NULL;
	if (line == NULL && sys == EPIPE) {
		(void)br_err_set(e, 0, "the auditor, which keeps the session's record, was killed: everything inside was ended");
		return;
	}
	char *next = line == NULL ? NULL : strchr(line, '\n');
	if (next != NULL)
		*next++ = '\0';
	if (line == NULL)
		(void)br_err_set(e, sys, "cannot write the session's record; the session is stopped");
	else
		(void)br_err_set(e, 0, "cannot write the session's record: %s", line);
	if (next == NULL || !br_startswith(next, MEND)) {
		(void)br_err_hint(e, "make room where brattice keeps its state, then run again");
		return;
	}
	next += strlen(MEND);
	next[strcspn(next, "\n")] = '\0';
	(void)br_err_hint(e, "%s", next);
}

void
br_recorder_free(struct br_recorder *r)
{
	int *const fds[] = {&r->fd, &r->gate_fd, &r->said};
	for (size_t i = 0; i < BR_ARRAY_LEN(fds); i++) {
		br_cleanup_fd(fds[i]);
		*fds[i] = -1;
	}
	br_event_free(&r->event);
}

/* How many entries the last checkpoint covers; -1 when that can't be told. A note's last lines are origin, size, root, "", signature. */
static int64_t
last_checkpoint(int session_dir)
{
	char tail[1025];
	int64_t size = 0;
	br_auto_fd int fd = openat(session_dir, "log/checkpoints", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	ssize_t n = end <= 0 ? -1 : pread(fd, tail, sizeof(tail) - 1, end > (off_t)sizeof(tail) - 1 ? end - (off_t)sizeof(tail) + 1 : 0);
	if (n <= 0 || tail[n - 1] != '\n')
		return -1;
	for (int line = 0; line < 4; line++) {
		tail[n - 1] = '\0';
		const char *nl = strrchr(tail, '\n');
		if (nl == NULL)
			return -1;
		n = nl - tail + 1;
	}
	return br_parse_number(tail + n, &size, NULL) < 0 ? -1 : size;
}

/* Without a look into entries: the index record of a segment that is not full is written by the seal alone, and the checkpoint over all
 * entries is the seal's last act. */
static bool
is_sealed(int session_dir)
{
	struct stat hashes, index;
	if (fstatat(session_dir, "log/hashes", &hashes, AT_SYMLINK_NOFOLLOW) < 0 || fstatat(session_dir, "log/index", &index, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	off_t entries = hashes.st_size / 32;
	return hashes.st_size % 32 == 0 && entries % 1024 != 0 && index.st_size == (entries / 1024 + 1) * 64 && last_checkpoint(session_dir) == entries;
}

int
br_recorder_recover(int session_dir, struct br_err *e)
{
	char link[64], dir[PATH_MAX];
	struct stat st;
	/* Killed before its log was begun: then nothing ran. */
	if (fstatat(session_dir, "log/checkpoints", &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size == 0 || is_sealed(session_dir))
		return 0;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", session_dir);
	ssize_t n = readlink(link, dir, sizeof(dir) - 1);
	if (n <= 0)
		return br_err_set(e, errno, "cannot name the session's directory");
	dir[n] = '\0';
	char *argv[] = {(char[]){"brattice-log"}, (char[]){"recover"}, dir, NULL};
	br_auto_buf said = {0};
	int status = br_helper_all_output("brattice-log", argv, &said, SAID_MAX, e);
	if (status <= 0)
		return status;
	/* Its first line, without "brattice: ". */
	const char *line = said.p != NULL ? said.p : "";
	line += br_startswith(line, PREFIX) ? strlen(PREFIX) : 0;
	return br_err_set(e, 0, "cannot close the log of a session that was killed: %.*s", (int)strcspn(line, "\n"), line);
}
