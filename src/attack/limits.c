/* Resources: class 21 and 6. Each takes N of something and succeeds when it gets all of it. All are bounded, so that the control
 * run outside the wall does no harm. */
#include "probe.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static long
number(const char *s)
{
	return strtol(s, NULL, 10);
}
static int
got(long n, long wanted, const char *what)
{
	return n >= wanted ? PROBE_DONE : probe_refused("%ld of %ld %s: %s", n, wanted, what, strerror(errno));
}
static int
l_forks(char **a)
{
	long n = 0, wanted = number(a[0]);
	pid_t *pids = calloc((size_t)wanted, sizeof(*pids));
	for (; pids != NULL && n < wanted; n++) {
		if ((pids[n] = fork()) < 0)
			break;
		if (pids[n] == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			for (;;)
				(void)pause();
		}
	}
	int rc = got(n, wanted, "processes");
	for (long i = 0; i < n; i++)
		(void)kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return rc;
}
/* Children that have ended and are never asked for. */
static int
l_zombies(char **a)
{
	long n = 0, wanted = number(a[0]);
	for (; n < wanted; n++) {
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (pid == 0)
			_exit(0);
	}
	return got(n, wanted, "zombies");
}
/* Orphans that end at once: pid 1 has to reap them all. */
static int
l_orphans(char **a)
{
	long n = 0, wanted = number(a[0]);
	for (; n < wanted; n++) {
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (pid == 0) {
			(void)fork();
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
	}
	return got(n, wanted, "orphans");
}
static int
l_memory(char **a)
{
	long n = 0, wanted = number(a[0]);
	for (; n < wanted; n++) {
		char *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m == MAP_FAILED)
			break;
		memset(m, 1, 1 << 20);
	}
	return got(n, wanted, "MiB of memory");
}
/* Memory that no process holds: a tmpfs, a memfd. */
static int
l_memfd(char **a)
{
	static char block[1 << 20];
	long n = 0, wanted = number(a[0]);
	int fd = (int)syscall(SYS_memfd_create, "probe", 0);
	if (fd < 0)
		return probe_rc(fd, "memfd_create");
	memset(block, 1, sizeof(block));
	while (n < wanted && write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		n++;
	return got(n, wanted, "MiB of memfd");
}
static int
l_disk(char **a)
{
	static char block[1 << 20];
	long n = 0, wanted = number(a[1]);
	int fd = open(a[0], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return probe_rc(fd, a[0]);
	memset(block, 1, sizeof(block));
	while (n < wanted && write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		n++;
	int rc = got(n, wanted, "MiB of disk");
	(void)unlink(a[0]);
	return rc;
}
static int
l_inodes(char **a)
{
	long n = 0, wanted = number(a[1]);
	char p[4200];
	for (; n < wanted; n++) {
		(void)snprintf(p, sizeof(p), "%s/probe-inode-%ld", a[0], n);
		int fd = open(p, O_WRONLY | O_CREAT, 0644);
		if (fd < 0)
			break;
		(void)close(fd);
	}
	int rc = got(n, wanted, "files");
	while (n-- > 0) {
		(void)snprintf(p, sizeof(p), "%s/probe-inode-%ld", a[0], n);
		(void)unlink(p);
	}
	return rc;
}
static int
l_fds(char **a)
{
	long n = 0, wanted = number(a[0]);
	struct rlimit rl;
	(void)getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	while (n < wanted && open("/dev/null", O_RDONLY) >= 0)
		n++;
	return got(n, wanted, "descriptors");
}
static void *
sleeper(void *arg)
{
	(void)pause();
	return arg;
}
static int
l_threads(char **a)
{
	long n = 0, wanted = number(a[0]);
	pthread_attr_t attr;
	pthread_t t;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, 65536);
	while (n < wanted && pthread_create(&t, &attr, sleeper, NULL) == 0)
		n++;
	return got(n, wanted, "threads");
}
static int
l_output(char **a)
{
	static char block[1 << 16];
	memset(block, 'x', sizeof(block));
	for (long n = 0; n < 16 * number(a[0]); n++) {
		if (write(1, block, sizeof(block)) < 0)
			return probe_rc(-1, "write");
	}
	return PROBE_DONE;
}
static int
l_deep(char **a)
{
	long n = 0, wanted = number(a[0]);
	while (n < wanted && mkdir("d", 0755) == 0 && chdir("d") == 0)
		n++;
	return got(n, wanted, "levels");
}
/* Eight processes that create and remove as fast as the gate answers. */
static int
l_gate_storm(char **a)
{
	int64_t until = probe_now_ms() + 1000 * number(a[0]);
	for (int i = 0; i < 8; i++) {
		if (fork() != 0)
			continue;
		char p[64];
		for (unsigned k = 0; probe_now_ms() < until; k++) {
			(void)snprintf(p, sizeof(p), "probe-storm-%d", getpid());
			int fd = open(p, O_WRONLY | O_CREAT, 0644);
			(void)close(fd);
			(void)unlink(p);
		}
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	return PROBE_DONE;
}
/* Calls that the gate serves, with arguments of all kinds; a seed makes a run repeatable. Whatever they answer, the gate must go on. */
static const long served[] = {SYS_open, SYS_openat, SYS_creat, SYS_truncate, SYS_mkdir, SYS_mkdirat, SYS_rename, SYS_renameat,
    SYS_renameat2, SYS_link, SYS_linkat, SYS_symlink, SYS_symlinkat, SYS_mknod, SYS_mknodat, SYS_unlink, SYS_unlinkat, SYS_rmdir,
    SYS_bind, SYS_connect, SYS_chmod, SYS_fchmod, SYS_fchmodat, 452, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_openat2,
    SYS_unshare, SYS_mount, SYS_setns, SYS_ptrace, SYS_socketpair};
static char fuzz_room[64][8192];
static size_t fuzz_names;

static void
fuzz_name(const char *text)
{
	(void)snprintf(fuzz_room[fuzz_names++], sizeof(fuzz_room[0]), "%s", text);
}
static void
fuzz_prepare(void)
{
	const char *const names[] = {"", ".", "..", "/", "//", "a", "a/", "a/.", "b", "b/c", "b/../a", ".git", ".git/", ".git/config", ".git/config.lock",
	    ".git/hooks/x", ".envrc", ".env", "/proc/self/fd/0", "/proc/self/fd/3", "/proc/self/fd/99999999999", "/proc/self/fd/3/x",
	    "/proc/self/cwd/a", "/proc/self/root/a", "/proc/1/root/etc/passwd", "/proc/thread-self/fd/1", "/proc/self/task/1/fd/1",
	    "/proc/self/mem", "/proc/self/comm", "/dev/tty", "/dev/stdin", "/dev/fd/1", "/dev/fd/", "/dev/ptmx", "/dev/null", "/tmp/x", "loop", "loop/x",
	    "\xff\xfe", "new\nline", "\001\000", ".husky/_/x", ".husky/_", "sub/.git", "HEAD", "objects", "refs", "config", "commondir", "hooks"};
	char *longest = fuzz_room[0];
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++)
		fuzz_name(names[i]);
	longest = fuzz_room[fuzz_names++];
	memset(longest, 'n', 255);
	longest = fuzz_room[fuzz_names++];
	for (int i = 0; i < 4094; i += 2)
		memcpy(longest + i, "./", 2); /* NOLINT(bugprone-not-null-terminated-result): the room is zeroed */
	longest = fuzz_room[fuzz_names++];
	memset(longest, '/', 8191);
	(void)!symlink("loop", "loop");
}
static long
fuzz_argument(void *edge)
{
	static const long odd[] = {-1, 0, 1, 2, 3, 4, 5, AT_FDCWD, 1 << 20, INT32_MAX, INT32_MIN, 0x100000000L, O_CREAT | O_RDWR, O_TRUNC, O_DIRECTORY | O_CREAT,
	    O_TMPFILE | O_RDWR, O_PATH | O_CREAT, AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, AT_REMOVEDIR, S_IFCHR | 0666, S_IFIFO | 0777, 07777, 110, 16};
	long r = random() % 10;
	if (r < 5)
		return (long)(uintptr_t)fuzz_room[(size_t)random() % fuzz_names];
	if (r < 8)
		return odd[(size_t)random() % BR_ARRAY_LEN(odd)];
	return r == 8 ? (long)(uintptr_t)edge : (long)((unsigned long)random() << 32 | (unsigned long)random());
}
static int
l_gate_fuzz(char **a)
{
	int64_t until = probe_now_ms() + 1000 * number(a[0]);
	long seed = a[1] != NULL ? number(a[1]) : 1;
	int here = open(".", O_RDONLY | O_DIRECTORY);
	fuzz_prepare();
	for (int i = 0; i < 4; i++) {
		if (fork() != 0)
			continue;
		srandom((unsigned)(seed + i));
		/* The last bytes of a page without a next one, and no NUL in them. */
		char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memset(edge, 'e', 4096);
		(void)munmap(edge + 4096, 4096);
		for (unsigned k = 0; probe_now_ms() < until; k++) {
			(void)alarm(5);
			/* It takes away its own rights as well. */
			if (k % 32 == 0)
				(void)fchmod(here, 0755);
			(void)syscall(served[(size_t)random() % BR_ARRAY_LEN(served)], fuzz_argument(edge + 4090), fuzz_argument(edge + 4000),
			    fuzz_argument(edge), fuzz_argument(edge + 4095), fuzz_argument(edge));
			for (int fd = 6; fd < 64; fd++)
				(void)close(fd);
		}
		_exit(0);
	}
	/* One may have called PTRACE_TRACEME: then it stops at its alarm, and only its parent can end it. */
	int status = 0;
	for (pid_t pid; (pid = wait(&status)) > 0;)
		if (WIFSTOPPED(status))
			(void)kill(pid, SIGKILL);
	(void)fchmod(here, 0755);
	return PROBE_DONE;
}
static int
l_nproc_raise(char **a)
{
	(void)a;
	struct rlimit rl = {RLIM_INFINITY, RLIM_INFINITY};
	return probe_rc(setrlimit(RLIMIT_NPROC, &rl), "setrlimit RLIMIT_NPROC");
}

#define L(name, cls, args, n, fn) {"limit-" name, cls, args, n, fn}
const struct probe limit_probes[] = {
    L("forks", "21", "N", 1, l_forks), L("zombies", "21", "N", 1, l_zombies), L("orphans", "21", "N", 1, l_orphans),
    L("memory", "21", "MIB", 1, l_memory), L("memfd", "21", "MIB", 1, l_memfd), L("disk", "6", "FILE MIB", 2, l_disk),
    L("inodes", "6", "DIR N", 2, l_inodes), L("fds", "21", "N", 1, l_fds), L("threads", "21", "N", 1, l_threads),
    L("output", "21", "MIB", 1, l_output), L("deep", "6", "N", 1, l_deep), L("gate-storm", "21", "SECONDS", 1, l_gate_storm),
    L("gate-fuzz", "21", "SECONDS [SEED]", 1, l_gate_fuzz),
    L("nproc-raise", "21", "", 0, l_nproc_raise),
    {NULL, NULL, NULL, 0, NULL},
};
