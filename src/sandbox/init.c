/* pid 1 of the sandbox: builds the wall around itself, runs the command, reaps, and takes everything with it when it dies. */
#include "base/io.h"
#include "base/proctitle.h"
#include "sandbox/caps.h"
#include "sandbox/landlock.h"
#include "sandbox/mounts.h"
#include "sandbox/seccomp.h"
#include "sandbox/sys.h"
#include "sandbox/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct init {
	const struct br_wall_config *c;
	const char *masks;
	int sock, gate_sock;
	int pty_slave; /* with a terminal */
};

BR_NORETURN static void
die(const struct init *in, const struct br_err *e)
{
	char frame[1 + sizeof(*e)] = {'E'};
	memcpy(frame + 1, e, sizeof(*e));
	(void)br_send_frame(in->sock, frame, sizeof(frame), NULL, 0);
	_exit(BR_EXIT_FAILURE);
}

/* Says A and waits for G. End of file: the monitor is gone. */
static void
arm(const struct init *in)
{
	char c = 0;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (br_send_frame(in->sock, "A", 1, NULL, 0) < 0 || br_recv_frame(in->sock, &c, 1, NULL, NULL) != 1 || c != 'G')
		_exit(BR_EXIT_FAILURE);
}

static int
take_ids(const struct init *in, struct br_err *e)
{
	const struct br_wall_config *c = in->c;
	if (!c->root)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresgid(c->gid, c->gid, c->gid) < 0 ||
	    setresuid(c->uid, c->uid, c->uid) < 0)
		return br_err_set(e, errno, "cannot take on uid %u", c->uid);
	arm(in);
	/* Changing ids emptied the effective set; the permitted one was kept. */
	return br_caps_raise_all(e);
}

static int
write_file(const char *path, const char *text)
{
	br_auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : br_write_all(fd, text, strlen(text));
}

static int
loopback_up(struct br_err *e)
{
	br_auto_fd int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_name = "lo"};
	if (s < 0 || ioctl(s, SIOCGIFFLAGS, &r) < 0)
		return br_err_set(e, errno, "cannot find the loopback interface");
	r.ifr_flags |= IFF_UP | IFF_RUNNING;
	return ioctl(s, SIOCSIFFLAGS, &r) < 0 ? br_err_set(e, errno, "cannot bring the loopback interface up") : 0;
}

/* Kernel settings that belong to the new namespaces; written through the host's /proc while it is still there. */
static int
set_kernel(const struct init *in, struct br_err *e)
{
	if (write_file("/proc/sys/user/max_user_namespaces", "0") < 0)
		return br_err_set(e, errno, "cannot forbid nested user namespaces");
	if (in->c->rlimits.pids != 0) {
		/* Per pid namespace since Linux 6.14; before that EACCES, and RLIMIT_NPROC carries the limit. */
		char n[32];
		uint64_t pids = in->c->rlimits.pids < 301 ? 301 : in->c->rlimits.pids;
		(void)snprintf(n, sizeof(n), "%llu", (unsigned long long)pids);
		(void)write_file("/proc/sys/kernel/pid_max", n);
	}
	if (sethostname(in->c->hostname, strlen(in->c->hostname)) < 0)
		return br_err_set(e, errno, "cannot set the sandbox's host name");
	return loopback_up(e);
}

static int
set_one(int what, uint64_t value, struct br_err *e)
{
	struct rlimit r;
	if (value == 0)
		return 0;
	if (getrlimit((unsigned)what, &r) < 0)
		return br_err_set(e, errno, "getrlimit");
	if (r.rlim_max == RLIM_INFINITY || value < r.rlim_max)
		r.rlim_max = value;
	r.rlim_cur = r.rlim_max;
	return setrlimit((unsigned)what, &r) < 0 ? br_err_set(e, errno, "cannot set resource limit %d", what) : 0;
}

static int
set_rlimits(const struct init *in, struct br_err *e)
{
	const struct br_wall_rlimits *l = &in->c->rlimits;
	struct rlimit core = {0, 0};
	/* No core files: a handler of the host would run on what the agent controls. */
	if (setrlimit(RLIMIT_CORE, &core) < 0)
		return br_err_set(e, errno, "cannot forbid core dumps");
	/* RLIMIT_NPROC counts only inside because it is set after the user namespace was made. */
	return set_one(RLIMIT_NOFILE, l->files, e) < 0 || set_one(RLIMIT_NPROC, l->pids, e) < 0 || set_one(RLIMIT_FSIZE, l->fsize, e) < 0 ? -1 : 0;
}

static int
hide(const struct init *in, struct br_err *e)
{
	char frame[5];
	uint32_t count;
	if (br_recv_frame(in->sock, frame, sizeof(frame), NULL, NULL) != sizeof(frame) || frame[0] != 'M')
		_exit(BR_EXIT_FAILURE);
	memcpy(&count, frame + 1, sizeof(count));
	if (count == 0)
		return 0;
	const char **paths = calloc(count, sizeof(*paths));
	if (paths == NULL)
		return br_err_set(e, ENOMEM, "hidden files");
	const char *p = in->masks;
	for (uint32_t i = 0; i < count; i++, p += strlen(p) + 1)
		paths[i] = p;
	int rc = br_mounts_mask(paths, count, e);
	free(paths);
	return rc;
}

/* The command's terminal comes from the sandbox's own devpts; the monitor gets the master. */
static int
make_terminal(struct init *in, struct br_err *e)
{
	if (!in->c->terminal)
		return 0;
	br_auto_fd int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0, n;
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &n) < 0)
		return br_err_set(e, errno, "cannot make a terminal");
	char path[32];
	(void)snprintf(path, sizeof(path), "/dev/pts/%d", n);
	in->pty_slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (in->pty_slave < 0)
		return br_err_set(e, errno, "cannot open the terminal %s", path);
	struct winsize ws = {.ws_row = in->c->rows, .ws_col = in->c->cols};
	(void)ioctl(in->pty_slave, TIOCSWINSZ, &ws);
	return br_send_frame(in->sock, "T", 1, &master, 1) < 0 ? br_err_set(e, errno, "cannot hand the terminal out") : 0;
}

static int
enter_cgroups(const struct init *in, struct br_err *e)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(in->c->cgroup_procs) && in->c->cgroup_procs[i] >= 0; i++)
		if (br_write_all(in->c->cgroup_procs[i], "0", 1) < 0)
			return br_err_set(e, errno, "cannot enter the session's cgroup");
	return 0;
}

/* From here on this process and all that follow are inside. */
static int
lock_down(const struct init *in, struct br_err *e)
{
	if (set_rlimits(in, e) < 0 || br_caps_drop_all(e) < 0 || br_landlock_restrict(in->c->plan, e) < 0)
		return -1;
	br_auto_fd int listener = br_seccomp_install(e);
	if (listener < 0)
		return -1;
	char c = 0;
	if (br_send_frame(in->gate_sock, "L", 1, &listener, 1) < 0 || br_recv_frame(in->gate_sock, &c, 1, NULL, NULL) != 1 || c != 'R')
		return br_err_set(e, 0, "the path gate did not start");
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

/* By the kernel's own call: a C library keeps some real-time signals for its threads and refuses to change them, but an exec hands down what the starter ignored. */
static void
reset_signals(void)
{
	/* struct sigaction of the kernel, whose layout differs by machine, but is all zeros for SIG_DFL everywhere. */
	static const char dfl[64];
	sigset_t none;
	sigemptyset(&none);
	for (int s = 1; s <= BR_KERNEL_NSIG; s++)
		(void)syscall(SYS_rt_sigaction, s, dfl, NULL, BR_KERNEL_NSIG / 8);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static const char *
env_path(char **envp)
{
	for (; *envp != NULL; envp++)
		if (br_startswith(*envp, "PATH="))
			return *envp + 5;
	return "/usr/local/bin:/usr/bin:/bin";
}

/* execvpe over the PATH the command will have; returns the errno to report. */
static int
exec_path(const struct br_wall_config *c)
{
	const char *name = c->argv[0];
	if (name == NULL)
		return ENOENT;
	if (strchr(name, '/') != NULL) {
		(void)execve(name, c->argv, c->envp);
		return errno;
	}
	int seen = ENOENT;
	for (const char *p = env_path(c->envp);; p++) {
		size_t n = strcspn(p, ":");
		char file[PATH_MAX];
		if (snprintf(file, sizeof(file), "%.*s%s%s", (int)n, p, n > 0 ? "/" : "", name) < (int)sizeof(file)) {
			(void)execve(file, c->argv, c->envp);
			if (errno != ENOENT && errno != ENOTDIR)
				seen = errno;
		}
		p += n;
		if (*p == '\0')
			return seen;
	}
}

BR_NORETURN static void
run_command(const struct init *in, int report)
{
	const struct br_wall_config *c = in->c;
	int fds[3] = {in->pty_slave, in->pty_slave, in->pty_slave};
	if (!c->terminal)
		memcpy(fds, c->stdio, sizeof(fds));
	(void)setsid();
	if (c->terminal)
		(void)ioctl(in->pty_slave, TIOCSCTTY, 0);
	/* Above 2 first, so that no source is overwritten before it is copied. */
	int high[3];
	int err = 0;
	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
		if (high[i] < 0)
			err = errno;
	}
	int rep = fcntl(report, F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 3 && err == 0; i++)
		if (dup2(high[i], i) < 0)
			err = errno;
	if (err == 0 && chdir(c->cwd) < 0)
		err = errno;
	/* Everything else that the user's shell left open ends here. */
	(void)br_sys_close_range(3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
	reset_signals();
	/* The exec gate stops every exec, and may trace what is in its user namespace: this memory is from before, and so only if dumpable. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (err == 0)
		err = exec_path(c);
	(void)br_write_all(rep, &err, sizeof(err));
	_exit(BR_EXIT_NOCOMMAND);
}

static pid_t
start_command(const struct init *in, struct br_err *e)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return br_err_set(e, errno, "pipe");
	pid_t pid = fork();
	if (pid < 0)
		return br_err_set(e, errno, "cannot start the command");
	if (pid == 0)
		run_command(in, report[1]);
	(void)close(report[1]);
	int err = 0;
	ssize_t n = read(report[0], &err, sizeof(err));
	(void)close(report[0]);
	/* What the kernel answers when nobody holds the listener of a filter any more. */
	if (n == (ssize_t)sizeof(err) && err == ENOSYS)
		return br_err_set(e, 0, "cannot run %s: the gate has ended", in->c->argv[0]);
	if (n == (ssize_t)sizeof(err)) {
		br_err_set(e, err, "cannot run %s", in->c->argv[0]);
		br_err_status(e, err == ENOENT ? BR_EXIT_NOCOMMAND : BR_EXIT_REFUSED);
		if (err == ENOENT)
			br_err_hint(e, "it is not in PATH inside the sandbox (%s); if it lies in your home, name its directory with --read or a profile",
			    env_path(in->c->envp));
		return -1;
	}
	return pid;
}

static void
say(const struct init *in, char letter, int value)
{
	char frame[1 + sizeof(value)] = {letter};
	memcpy(frame + 1, &value, sizeof(value));
	if (br_send_frame(in->sock, frame, sizeof(frame), NULL, 0) < 0)
		_exit(BR_EXIT_FAILURE);
}

/* Reaps everything; returns only through _exit when the command itself has ended. */
static void
reap(const struct init *in, pid_t command)
{
	int st;
	for (pid_t p; (p = waitpid(-1, &st, WNOHANG)) > 0;) {
		if (p != command)
			continue;
		say(in, 'X', st);
		_exit(0);
	}
}

static void
forward(const struct init *in, pid_t command)
{
	char frame[1 + sizeof(int)];
	ssize_t n = br_recv_frame(in->sock, frame, sizeof(frame), NULL, NULL);
	if (n <= 0)
		_exit(BR_EXIT_FAILURE); /* the monitor is gone: so are we, and all with us */
	if (n != sizeof(frame))
		return;
	int value;
	memcpy(&value, frame + 1, sizeof(value));
	if (frame[0] == 'k' && value > 1)
		(void)kill(value, SIGKILL);
	if (frame[0] == 'K' && kill(-command, value) < 0)
		(void)kill(command, value);
}

BR_NORETURN static void
serve(const struct init *in, pid_t command, int sigfd)
{
	struct pollfd p[2] = {{.fd = sigfd, .events = POLLIN}, {.fd = in->sock, .events = POLLIN}};
	for (;;) {
		reap(in, command);
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents != 0) {
			struct signalfd_siginfo si;
			(void)!read(sigfd, &si, sizeof(si));
		}
		if (p[1].revents != 0)
			forward(in, command);
	}
}

static int
build(struct init *in, struct br_err *e)
{
	if (enter_cgroups(in, e) < 0 || take_ids(in, e) < 0 || set_kernel(in, e) < 0 || br_mounts_build(in->c->plan, e) < 0 ||
	    hide(in, e) < 0 || br_mounts_seal(e) < 0 || make_terminal(in, e) < 0 || lock_down(in, e) < 0)
		return -1;
	return 0;
}

/* The command's words outlive the area they came in. */
static char **
copy_words(char *const *v)
{
	size_t n = 0;
	while (v[n] != NULL)
		n++;
	char **copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < n; i++) {
		copy[i] = strdup(v[i]);
		if (copy[i] == NULL)
			return NULL;
	}
	return copy;
}

void
br_init_main(const struct br_wall_config *given, int sock, int gate_sock, const char *masks)
{
	struct br_wall_config copy = *given;
	const struct br_wall_config *c = &copy;
	copy.argv = copy_words(given->argv);
	if (copy.argv == NULL)
		_exit(BR_EXIT_FAILURE);
	/* Process 1 is seen by all inside: neither the user's command line nor the environment stays in it. */
	br_retitle("brattice: init");
	struct init in = {.c = c, .masks = masks, .sock = sock, .gate_sock = gate_sock, .pty_slave = -1};
	struct br_err e = BR_ERR_INIT;
	sigset_t chld;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_SETMASK, &chld, NULL);
	for (size_t i = 0; i < c->ndrop; i++)
		if (c->drop[i] >= 0)
			(void)close(c->drop[i]);
	arm(&in);
	if (build(&in, &e) < 0)
		die(&in, &e);
	br_auto_fd int sigfd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sigfd < 0) {
		br_err_set(&e, errno, "signalfd");
		die(&in, &e);
	}
	pid_t command = start_command(&in, &e);
	if (command < 0)
		die(&in, &e);
	say(&in, 'S', command);
	if (in.pty_slave >= 0)
		(void)close(in.pty_slave);
	serve(&in, command, sigfd);
}
