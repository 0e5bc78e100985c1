/* The host's side of the attack tests: what a user has running beside the sandbox.
 *
 *   brattice-attack host unix PATH SECRET [FILE]   answers each connection with SECRET (and a descriptor of FILE)
 *   brattice-attack host abstract NAME SECRET      the same on an abstract name
 *   brattice-attack host dgram PATH LOG            appends each datagram to LOG
 *   brattice-attack host tcp ADDRESS SECRET        the same over TCP and UDP; prints the port
 *   brattice-attack host victim LOG                a process that logs each SIGURG; prints the address of a secret in its memory
 *   brattice-attack host shm KEY SECRET            a System V segment, queue and semaphore of that key, until killed
 *   brattice-attack host mq NAME                   a POSIX message queue, until killed
 *   brattice-attack host key NAME SECRET           a key in the user's keyring, until killed
 *   brattice-attack host save FILE SECONDS         saves FILE by rename again and again, as editors do
 *   brattice-attack host pty OUT QUEUE CMD ARG…    runs CMD on a terminal of its own; its output to OUT, what is left to be read by the
 *                                         shell afterwards, and the terminal's modes, to QUEUE
 *
 * The servers print "ready PID WHAT" once they serve, and do so until they get a SIGTERM. */
#include "host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ended;
static int log_fd = -1;

static void
on_end(int sig)
{
	(void)sig;
	ended = 1;
}
static void
on_urgent(int sig)
{
	(void)sig;
	(void)!write(log_fd, "signalled\n", 10);
}
static int
fail(const char *what)
{
	perror(what);
	return 1;
}
static int
ready(const char *what)
{
	printf("ready %d %s\n", getpid(), what);
	(void)fflush(stdout);
	return 0;
}

static void
answer(int c, const char *secret, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)(uintptr_t)secret, strlen(secret)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		*h = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	}
	(void)sendmsg(c, &m, MSG_NOSIGNAL);
	(void)close(c);
}
static int
serve_unix(const char *name, bool abstract, const char *secret, const char *file)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	(void)snprintf(un.sun_path + abstract, sizeof(un.sun_path) - abstract, "%s", name);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name) + !abstract);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = file == NULL ? -1 : open(file, O_RDONLY | O_CLOEXEC);
	if (bind(s, (struct sockaddr *)&un, len) < 0 || listen(s, 16) < 0)
		return fail(name);
	(void)ready(name);
	while (!ended) {
		int c = accept(s, NULL, NULL);
		if (c >= 0)
			answer(c, secret, fd);
	}
	return 0;
}
static int
serve_dgram(const char *path, const char *log)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char buf[256];
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || bind(s, (struct sockaddr *)&un, sizeof(un)) < 0)
		return fail(path);
	(void)ready(path);
	while (!ended) {
		ssize_t n = recv(s, buf, sizeof(buf), 0);
		if (n > 0)
			(void)!write(fd, buf, (size_t)n);
	}
	return 0;
}
static int
serve_tcp(const char *address, const char *secret)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};
	struct sockaddr_in a4 = {.sin_family = AF_INET};
	bool six = inet_pton(AF_INET6, address, &a6.sin6_addr) == 1;
	struct sockaddr *sa = six ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
	socklen_t len = six ? sizeof(a6) : sizeof(a4);
	if (!six && inet_pton(AF_INET, address, &a4.sin_addr) != 1)
		return fail(address);
	int s = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), u = socket(sa->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(s, sa, len) < 0 || listen(s, 16) < 0 || getsockname(s, sa, &len) < 0 || bind(u, sa, len) < 0)
		return fail("bind");
	char port[16];
	(void)snprintf(port, sizeof(port), "%d", ntohs(six ? a6.sin6_port : a4.sin_port));
	(void)ready(port);
	while (!ended) {
		struct pollfd p[2] = {{s, POLLIN, 0}, {u, POLLIN, 0}};
		char buf[256];
		if (poll(p, 2, -1) <= 0)
			continue;
		if (p[0].revents != 0)
			answer(accept(s, NULL, NULL), secret, -1);
		len = sizeof(a6);
		if (p[1].revents != 0 && recvfrom(u, buf, sizeof(buf), 0, (struct sockaddr *)&a6, &len) >= 0)
			(void)sendto(u, secret, strlen(secret), 0, (struct sockaddr *)&a6, len);
	}
	return 0;
}
static void
wait_end(void)
{
	while (!ended)
		(void)pause();
}
static int
victim(const char *log)
{
	static char secret[64] = "canary-memory";
	char address[32];
	log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	(void)signal(SIGURG, on_urgent);
	(void)snprintf(address, sizeof(address), "%lx", (unsigned long)(uintptr_t)secret);
	(void)ready(address);
	wait_end();
	return 0;
}
static int
share(const char *key_text, const char *secret)
{
	key_t key = (key_t)strtol(key_text, NULL, 0);
	int shm = shmget(key, 4096, IPC_CREAT | 0600), msg = msgget(key, IPC_CREAT | 0600), sem = semget(key, 1, IPC_CREAT | 0600);
	char *m = shmat(shm, NULL, 0);
	if (shm < 0 || m == (void *)-1)
		return fail("shmget");
	(void)snprintf(m, 4096, "%s", secret);
	(void)ready(key_text);
	wait_end();
	(void)shmctl(shm, IPC_RMID, NULL);
	(void)msgctl(msg, IPC_RMID, NULL);
	(void)semctl(sem, 0, IPC_RMID);
	return 0;
}
static int
queue(const char *name)
{
	char with_slash[256];
	(void)snprintf(with_slash, sizeof(with_slash), "/%s", name);
	if (mq_open(with_slash, O_CREAT | O_RDWR, 0600, NULL) < 0)
		return fail("mq_open");
	(void)ready(name);
	wait_end();
	(void)mq_unlink(with_slash);
	return 0;
}
static int
key(const char *name, const char *secret)
{
	long id = syscall(SYS_add_key, "user", name, secret, strlen(secret), KEY_SPEC_USER_KEYRING);
	/* By default only a possessor may search and read: the user's other processes are let in as a login session's are. */
	if (id < 0 || syscall(SYS_keyctl, KEYCTL_SETPERM, id, 0x3f3f0000) < 0)
		return fail("add_key");
	(void)ready(name);
	wait_end();
	(void)syscall(SYS_keyctl, KEYCTL_UNLINK, id, KEY_SPEC_USER_KEYRING);
	return 0;
}
static int
save(const char *file, long seconds)
{
	char temp[4200], buf[65536];
	(void)snprintf(temp, sizeof(temp), "%s.saving", file);
	int in = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = in < 0 ? -1 : read(in, buf, sizeof(buf));
	struct stat st;
	if (n < 0 || fstat(in, &st) < 0)
		return fail(file);
	(void)ready(file);
	for (time_t end = time(NULL) + seconds; time(NULL) < end && !ended;) {
		int out = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st.st_mode & 0777);
		if (out < 0 || write(out, buf, (size_t)n) != n || close(out) < 0 || rename(temp, file) < 0)
			return fail(temp);
		(void)usleep(200);
	}
	return 0;
}

static int
open_pty(char *slave, size_t room)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (m < 0 || grantpt(m) < 0 || unlockpt(m) < 0 || ptsname_r(m, slave, room) != 0)
		return -1;
	struct winsize ws = {24, 80, 0, 0};
	(void)ioctl(m, TIOCSWINSZ, &ws);
	return m;
}
static void
on_terminal(const char *slave, char **argv)
{
	(void)setsid();
	int s = open(slave, O_RDWR);
	if (s < 0 || dup2(s, 0) < 0 || dup2(s, 1) < 0 || dup2(s, 2) < 0)
		_exit(124);
	(void)execvp(argv[0], argv);
	_exit(124);
}
/* Reads what the shell would read next: without waiting, in raw mode, so that half lines count. */
static int
leftovers(int s, int q)
{
	struct termios t;
	char buf[4096];
	if (tcgetattr(s, &t) < 0)
		return fail("tcgetattr");
	dprintf(q, "echo=%d canonical=%d\n", (t.c_lflag & ECHO) != 0, (t.c_lflag & ICANON) != 0);
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = t.c_cc[VTIME] = 0;
	(void)tcsetattr(s, TCSANOW, &t);
	ssize_t n = read(s, buf, sizeof(buf));
	return n > 0 && write(q, buf, (size_t)n) != n ? fail("write") : 0;
}
static int
pty(char **argv)
{
	char slave[128], buf[65536];
	int out = open(argv[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), status = 0;
	int q = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), m = open_pty(slave, sizeof(slave));
	int keep = m < 0 ? -1 : open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (out < 0 || q < 0 || keep < 0)
		return fail("pty");
	pid_t pid = fork();
	if (pid == 0)
		on_terminal(slave, argv + 2);
	for (bool done = false; !done;) {
		struct pollfd p = {m, POLLIN, 0};
		done = waitpid(pid, &status, WNOHANG) == pid;
		while (poll(&p, 1, done ? 0 : 20) > 0 && (p.revents & POLLIN) != 0) {
			ssize_t n = read(m, buf, sizeof(buf));
			if (n <= 0 || write(out, buf, (size_t)n) != n)
				break;
		}
	}
	(void)leftovers(keep, q);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
run(int n, char **a)
{
	const char *what = a[0];
	if (br_streq(what, "unix") && n >= 3)
		return serve_unix(a[1], false, a[2], n > 3 ? a[3] : NULL);
	if (br_streq(what, "abstract") && n == 3)
		return serve_unix(a[1], true, a[2], NULL);
	if (br_streq(what, "dgram") && n == 3)
		return serve_dgram(a[1], a[2]);
	if (br_streq(what, "tcp") && n == 3)
		return serve_tcp(a[1], a[2]);
	if (br_streq(what, "victim") && n == 2)
		return victim(a[1]);
	if (br_streq(what, "shm") && n == 3)
		return share(a[1], a[2]);
	if (br_streq(what, "mq") && n == 2)
		return queue(a[1]);
	if (br_streq(what, "key") && n == 3)
		return key(a[1], a[2]);
	if (br_streq(what, "save") && n == 3)
		return save(a[1], strtol(a[2], NULL, 10));
	if (br_streq(what, "pty") && n >= 4)
		return pty(a + 1);
	return fail("usage");
}

int
host_main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_end};
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGINT, &sa, NULL);
	if (argc < 1)
		return 2;
	return run(argc, argv);
}
