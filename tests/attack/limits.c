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
    L("nproc-raise", "21", "", 0, l_nproc_raise),
    {NULL, NULL, NULL, 0, NULL},
};
