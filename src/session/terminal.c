/* The user's terminal: modes, size, and the way back. */
#include "session/terminal.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_MS 250 /* a terminal that takes nothing for so long is stopped or gone */
#define REPLY_MS 250

static bool
is_same_terminal(int a, int b)
{
	struct stat x, y;
	return isatty(a) && isatty(b) && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_rdev == y.st_rdev;
}

int
br_terminal_open(struct br_terminal *t, struct br_err *e)
{
	*t = (struct br_terminal){.fd = -1};
	if (!is_same_terminal(STDIN_FILENO, STDOUT_FILENO))
		return 0;
	/* In the background the terminal is somebody else's: tcgetpgrp fails when it isn't our controlling terminal, and then
	 * there is no job control to respect. */
	pid_t front = tcgetpgrp(STDIN_FILENO);
	if (front >= 0 && front != getpgrp())
		return 0;
	/* An open file of our own, so that flags set on it don't change the shell's. After su(1) the device may be another
	 * user's: then the one we were given must do. */
	int fd = open("/proc/self/fd/0", O_RDWR | O_NOCTTY | O_CLOEXEC);
	t->own = fd >= 0;
	if (fd < 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return br_err_set(e, errno, "cannot open the terminal");
	if (tcgetattr(fd, &t->saved) < 0) {
		(void)br_err_set(e, errno, "cannot read the terminal's modes");
		(void)close(fd);
		return -1;
	}
	t->fd = fd;
	return 0;
}

int
br_terminal_size(const struct br_terminal *t, unsigned short *rows, unsigned short *cols)
{
	struct winsize w;
	if (t->fd < 0 || ioctl(t->fd, TIOCGWINSZ, &w) < 0)
		return -1;
	*rows = w.ws_row > 0 ? w.ws_row : 24;
	*cols = w.ws_col > 0 ? w.ws_col : 80;
	return 0;
}

/* tcsetattr from the background would stop us (SIGTTOU): then the shell has the terminal, and set it as it likes. */
static int
set_modes(int fd, const struct termios *m)
{
	sigset_t ttou, old;
	(void)sigemptyset(&ttou);
	(void)sigaddset(&ttou, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &ttou, &old);
	int rc;
	do
		rc = tcsetattr(fd, TCSANOW, m);
	while (rc < 0 && errno == EINTR);
	int saved = errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return rc;
}

int
br_terminal_raw(struct br_terminal *t, struct br_err *e)
{
	if (t->fd < 0 || t->raw)
		return 0;
	/* The user may have changed them since (stty in the shell, while the job was stopped). */
	if (tcgetattr(t->fd, &t->saved) < 0)
		return br_err_set(e, errno, "cannot read the terminal's modes");
	struct termios m = t->saved;
	cfmakeraw(&m);
	m.c_cc[VMIN] = 1;
	m.c_cc[VTIME] = 0;
	if (set_modes(t->fd, &m) < 0)
		return br_err_set(e, errno, "cannot set the terminal's modes");
	t->raw = true;
	return 0;
}

/* Writes without waiting for a terminal that is stopped. */
static void
write_patiently(const struct br_terminal *t, const char *s, size_t n)
{
	uint64_t until = br_now_us() + WRITE_MS * 1000UL;
	int flags = t->own ? fcntl(t->fd, F_GETFL) : -1;
	if (flags >= 0)
		(void)fcntl(t->fd, F_SETFL, flags | O_NONBLOCK);
	while (n > 0 && br_now_us() < until) {
		struct pollfd p = {.fd = t->fd, .events = POLLOUT};
		if (poll(&p, 1, 20) <= 0)
			continue;
		if ((p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
			break;
		ssize_t w = write(t->fd, s, n);
		if (w < 0 && errno != EINTR && errno != EAGAIN)
			break;
		if (w > 0) {
			s += w;
			n -= (size_t)w;
		}
	}
	if (flags >= 0)
		(void)fcntl(t->fd, F_SETFL, flags);
}

/* Replies come in the order of the questions: asks a last one (DSR 5) and reads up to its answer, "CSI 0 n". */
static void
drain_replies(const struct br_terminal *t)
{
	static const char want[] = "\033[0n";
	uint64_t until = br_now_us() + REPLY_MS * 1000UL;
	size_t seen = 0;
	write_patiently(t, "\033[5n", 4);
	while (seen < sizeof(want) - 1) {
		uint64_t now = br_now_us();
		struct pollfd p = {.fd = t->fd, .events = POLLIN};
		if (now >= until || poll(&p, 1, (int)((until - now + 999) / 1000)) <= 0 || (p.revents & POLLIN) == 0)
			break;
		char c;
		if (read(t->fd, &c, 1) != 1)
			break;
		seen = c == want[seen] ? seen + 1 : c == want[0] ? 1 : 0;
	}
	(void)tcflush(t->fd, TCIFLUSH);
}

void
br_terminal_restore(struct br_terminal *t)
{
	if (t->fd < 0 || !t->raw)
		return;
	t->raw = false;
	char undo[BR_TERM_UNDO];
	size_t n = t->filter != NULL ? br_term_filter_undo(t->filter, undo) : 0;
	/* A write that was cut may have left half a sequence: CAN ends it. */
	if (n > 0)
		write_patiently(t, "\030", 1);
	write_patiently(t, undo, n);
	if (t->filter != NULL && t->filter->asked) {
		drain_replies(t);
		t->filter->asked = false;
	}
	(void)set_modes(t->fd, &t->saved);
}

bool
br_terminal_is_latin(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++) {
		const char *v = getenv(names[i]);
		if (v == NULL || v[0] == '\0')
			continue;
		const char *dot = strchr(v, '.');
		return dot != NULL && strncasecmp(dot + 1, "utf-8", 5) != 0 && strncasecmp(dot + 1, "utf8", 4) != 0;
	}
	return false;
}
