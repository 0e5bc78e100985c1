/* Other processes, and processes that outlive the run: classes 19 and 22. PID is a number as the prober sees it: a host
 * process, pid 1 of the sandbox, or `parent`, `sibling`, `child`. */
#include "probe.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>

static char shared_word[64] = "mine";

/* `sibling` and `child` are made here; both end with us. */
static pid_t
target(const char *who)
{
	if (br_streq(who, "parent"))
		return getppid();
	if (!br_streq(who, "sibling") && !br_streq(who, "child"))
		return (pid_t)strtol(who, NULL, 10);
	int p[2];
	pid_t pid = 0;
	if (pipe(p) < 0)
		return -1;
	pid_t first = fork();
	if (first == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (br_streq(who, "child") || (pid = fork()) == 0) {
			pid = getpid();
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			(void)!write(p[1], &pid, sizeof(pid));
			for (;;)
				(void)pause();
		}
		(void)pause();
	}
	return read(p[0], &pid, sizeof(pid)) == sizeof(pid) ? pid : -1;
}

static int
p_kill(char **a)
{
	return probe_rc(kill(target(a[0]), (int)strtol(a[1], NULL, 10)), "kill");
}
static int
p_kill_all(char **a)
{
	return probe_rc(kill(-1, (int)strtol(a[0], NULL, 10)), "kill of all");
}
static int
p_tgkill(char **a)
{
	pid_t pid = target(a[0]);
	return probe_rc(syscall(SYS_tgkill, pid, pid, (int)strtol(a[1], NULL, 10)), "tgkill");
}
static int
p_sigqueue(char **a)
{
	return probe_rc(sigqueue(target(a[0]), (int)strtol(a[1], NULL, 10), (union sigval){0}), "rt_sigqueueinfo");
}
static int
p_pidfd_signal(char **a)
{
	int fd = (int)syscall(SYS_pidfd_open, target(a[0]), 0);
	return fd < 0 ? probe_rc(fd, "pidfd_open") :
	                probe_rc(syscall(SYS_pidfd_send_signal, fd, (int)strtol(a[1], NULL, 10), NULL, 0), "pidfd_send_signal");
}
/* A signal by way of a descriptor's owner or a terminal's group: no kill(2) in it. */
static int
p_fown(char **a)
{
	int p[2];
	if (pipe(p) < 0)
		return PROBE_CANT;
	return probe_rc(fcntl(p[0], F_SETOWN, target(a[0])), "F_SETOWN");
}
static int
p_attach(char **a)
{
	pid_t pid = target(a[0]);
	if (ptrace(PTRACE_ATTACH, pid, 0, 0) < 0)
		return probe_rc(-1, "PTRACE_ATTACH");
	/* Or it would stay stopped: it may be the batch that waits for us. */
	(void)waitpid(pid, NULL, __WALL);
	(void)ptrace(PTRACE_DETACH, pid, 0, 0);
	return PROBE_DONE;
}
static int
p_seize(char **a)
{
	return probe_rc(ptrace(PTRACE_SEIZE, target(a[0]), 0, 0), "PTRACE_SEIZE");
}
static int
p_vm_read(char **a)
{
	char buf[64] = "";
	void *there = a[1] == NULL ? shared_word : (void *)(uintptr_t)strtoull(a[1], NULL, 16);
	struct iovec l = {buf, sizeof(buf)}, r = {there, sizeof(buf)};
	return probe_rc(syscall(SYS_process_vm_readv, target(a[0]), &l, 1, &r, 1, 0), "process_vm_readv");
}
static int
p_vm_write(char **a)
{
	char buf[64] = "overwritten";
	void *there = a[1] == NULL ? shared_word : (void *)(uintptr_t)strtoull(a[1], NULL, 16);
	struct iovec l = {buf, sizeof(buf)}, r = {there, sizeof(buf)};
	return probe_rc(syscall(SYS_process_vm_writev, target(a[0]), &l, 1, &r, 1, 0), "process_vm_writev");
}
static int
proc_open(char **a, int flags)
{
	char p[256];
	(void)snprintf(p, sizeof(p), "/proc/%d/%s", target(a[0]), a[1]);
	int fd = open(p, flags);
	return fd < 0 ? probe_rc(fd, p) : fd;
}
static int
p_proc_read(char **a)
{
	char buf[64];
	int fd = proc_open(a, O_RDONLY);
	return fd < 3 ? fd : probe_rc(read(fd, buf, sizeof(buf)), "read");
}
static int
p_proc_write(char **a)
{
	int fd = proc_open(a, O_WRONLY);
	return fd < 3 ? fd : probe_rc(write(fd, a[2], strlen(a[2])), "write");
}
static int
p_mem_read(char **a)
{
	char buf[64] = "", *args[] = {a[0], (char[]){"mem"}};
	void *there = a[1] == NULL ? shared_word : (void *)(uintptr_t)strtoull(a[1], NULL, 16);
	int fd = proc_open(args, O_RDONLY);
	return fd < 3 ? fd : probe_rc(pread(fd, buf, sizeof(buf), (off_t)(uintptr_t)there), "pread of mem");
}
static int
p_mem_write(char **a)
{
	char buf[64] = "overwritten", *args[] = {a[0], (char[]){"mem"}};
	void *there = a[1] == NULL ? shared_word : (void *)(uintptr_t)strtoull(a[1], NULL, 16);
	int fd = proc_open(args, O_RDWR);
	return fd < 3 ? fd : probe_rc(pwrite(fd, buf, sizeof(buf), (off_t)(uintptr_t)there), "pwrite of mem");
}
static int
p_getfd(char **a)
{
	int fd = (int)syscall(SYS_pidfd_open, target(a[0]), 0);
	return fd < 0 ? probe_rc(fd, "pidfd_open") : probe_rc(syscall(SYS_pidfd_getfd, fd, 0, 0), "pidfd_getfd");
}
static int
p_prlimit(char **a)
{
	struct rlimit rl;
	return probe_rc(prlimit(target(a[0]), RLIMIT_NOFILE, NULL, &rl), "prlimit");
}
static int
p_affinity(char **a)
{
	cpu_set_t set;
	pid_t pid = target(a[0]);
	if (sched_getaffinity(pid, sizeof(set), &set) < 0)
		return probe_rc(-1, "sched_getaffinity");
	return probe_rc(sched_setaffinity(pid, sizeof(set), &set), "sched_setaffinity");
}
static int
p_priority(char **a)
{
	return probe_rc(setpriority(PRIO_PROCESS, (id_t)target(a[0]), 19), "setpriority");
}
/* PRIO_USER names nobody: everything of the uid, wherever it lives. */
static int
p_priority_user(char **a)
{
	(void)a;
	return probe_rc(setpriority(PRIO_USER, 0, 1), "setpriority PRIO_USER");
}
static int
p_ioprio(char **a)
{
	return probe_rc(syscall(SYS_ioprio_set, 1, target(a[0]), (3 << 13)), "ioprio_set");
}
static int
p_scheduler(char **a)
{
	struct sched_param sp = {0};
	return probe_rc(sched_setscheduler(target(a[0]), SCHED_BATCH, &sp), "sched_setscheduler");
}
/* Pids of others are seen at all: any process whose command line holds MARK. */
static int
p_see(char **a)
{
	DIR *d = opendir("/proc");
	if (d == NULL)
		return probe_rc(-1, "opendir /proc");
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char p[512], buf[4096];
		(void)snprintf(p, sizeof(p), "/proc/%s/cmdline", e->d_name);
		int fd = strtol(e->d_name, NULL, 10) == getpid() || strtol(e->d_name, NULL, 10) == getppid() ? -1 : open(p, O_RDONLY);
		ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));
		(void)close(fd);
		if (n > 0 && memmem(buf, (size_t)n, a[0], strlen(a[0])) != NULL && memmem(buf, (size_t)n, "process-see", 11) == NULL)
			return PROBE_DONE;
	}
	return probe_refused("no such process is seen");
}
/* Stops or kills pid 1 of the sandbox; refused when it goes on. */
static int
p_init_signal(char **a)
{
	char buf[512] = "";
	(void)kill(1, (int)strtol(a[0], NULL, 10));
	(void)usleep(100000);
	int fd = open("/proc/1/stat", O_RDONLY);
	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) <= 0)
		return PROBE_DONE;
	const char *state = strrchr(buf, ')');
	return state != NULL && strchr("TtZX", state[2]) != NULL ? PROBE_DONE : probe_refused("pid 1 is alive and runs");
}

/* --- outliving ------------------------------------------------------------------------------------------------------------- */

static void
hide(void)
{
	(void)setsid();
	if (fork() > 0)
		_exit(0);
	for (int fd = 0; fd < 1024; fd++)
		(void)close(fd);
	for (int sig = 1; sig < 65; sig++)
		(void)signal(sig, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
/* Signs of life for who can't catch us by pid: a byte more in ./probe-MARKER. */
static void
beat(const char *marker)
{
	int fd = open(probe_cat("probe-", marker), O_WRONLY | O_CREAT | O_APPEND, 0644);
	(void)!write(fd, ".", 1);
	(void)close(fd);
}
static void
multiply(int64_t until, const char *marker)
{
	/* Never the same pid for long: a killer that walks a list arrives too late. */
	while (probe_now_ms() < until) {
		if (fork() > 0)
			_exit(0);
		beat(marker);
		(void)usleep(500);
	}
}
/* HOW SECONDS MARKER: a descendant that stays (the marker is in its command line). */
static int
p_linger(char **a)
{
	int64_t until = probe_now_ms() + 1000L * strtol(a[1], NULL, 10);
	pid_t pid = fork();
	if (pid > 0)
		return pid < 0 ? PROBE_CANT : PROBE_DONE;
	if (br_streq(a[0], "daemon") || br_streq(a[0], "multiply"))
		hide();
	if (br_streq(a[0], "stopped"))
		(void)raise(SIGSTOP);
	/* What vfork(2) warns of is the attack. NOLINTBEGIN(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork) */
	if (br_streq(a[0], "vfork") && vfork() != 0)
		_exit(0);
	if (br_streq(a[0], "traced") && fork() == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, 0, 0);
		(void)raise(SIGSTOP);
	}
	if (br_streq(a[0], "multiply"))
		multiply(until, a[2]);
	while (probe_now_ms() < until) {
		beat(a[2]);
		(void)usleep(50000);
	}
	_exit(0);
	/* NOLINTEND(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork) */
}

#define P(name, cls, args, n, fn) {"process-" name, cls, args, n, fn}
const struct probe process_probes[] = {
    P("kill", "19", "PID SIGNAL", 2, p_kill), P("kill-all", "19", "SIGNAL", 1, p_kill_all),
    P("tgkill", "19", "PID SIGNAL", 2, p_tgkill), P("sigqueue", "19", "PID SIGNAL", 2, p_sigqueue),
    P("pidfd-signal", "19", "PID SIGNAL", 2, p_pidfd_signal), P("setown", "19", "PID", 1, p_fown),
    P("attach", "19", "PID", 1, p_attach), P("seize", "19", "PID", 1, p_seize), P("vm-read", "19", "PID [ADDRESS]", 1, p_vm_read),
    P("vm-write", "9", "PID [ADDRESS]", 1, p_vm_write), P("mem-read", "19", "PID [ADDRESS]", 1, p_mem_read),
    P("mem-write", "9", "PID [ADDRESS]", 1, p_mem_write), P("proc-read", "19", "PID FILE", 2, p_proc_read),
    P("proc-write", "19", "PID FILE TEXT", 3, p_proc_write), P("getfd", "19", "PID", 1, p_getfd),
    P("prlimit", "19", "PID", 1, p_prlimit), P("affinity", "19", "PID", 1, p_affinity), P("priority", "19", "PID", 1, p_priority),
    P("priority-user", "19", "", 0, p_priority_user), P("ioprio", "19", "PID", 1, p_ioprio),
    P("scheduler", "19", "PID", 1, p_scheduler), P("see", "19", "MARK", 1, p_see), P("init-signal", "19", "SIGNAL", 1, p_init_signal),
    P("linger", "22", "HOW SECONDS MARKER", 3, p_linger),
    {NULL, NULL, NULL, 0, NULL},
};
