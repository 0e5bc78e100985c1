/* Kills a part of a session at every moment of its life, and looks for survivors.
 *
 *   killwalk [-u UID] [-g GID] [-w WHO] [-n ROUNDS] [-t LIFE_US] MARK COMMAND ARG…
 *
 * Each round starts COMMAND with MARK in its environment, waits a little longer than the round before (the rounds step evenly
 * through LIFE_US microseconds; without -t through 1.3 times what an undisturbed run takes), and kills with SIGKILL
 *   WHO = monitor   the process that was started (default)
 *         child     its first child (init, gate or helper, whichever lives)
 *         any       a random process of the session
 *         leaf      the youngest descendant
 * Afterwards, within 5 s, no process may live that has MARK in its environment or command line, and no mount of the host may name
 * MARK. Survivors are printed, and killed by their pid. Exit status: 0 clean, 1 survivors, 2 it could not be tried. */
#include "base/defs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct walk {
	const char *who, *mark;
	char **argv;
	uid_t uid;
	gid_t gid;
	long rounds;
	int64_t life_us;
	unsigned survivors, stuck, rounds_hit;
	int64_t worst_us;
};
struct procs {
	pid_t pid[4096], parent[4096];
	size_t n;
};

static int64_t
now_us(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
static void
sleep_us(int64_t us)
{
	struct timespec ts = {us / 1000000, us % 1000000 * 1000};
	while (us > 0 && nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

static ssize_t
slurp(pid_t pid, const char *file, char *buf, size_t room)
{
	char p[64];
	(void)snprintf(p, sizeof(p), "/proc/%d/%s", pid, file);
	int fd = open(p, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, room - 1);
	if (fd >= 0)
		(void)close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return n;
}
static bool
contains(pid_t pid, const char *file, const char *what)
{
	static char buf[1 << 17];
	ssize_t n = slurp(pid, file, buf, sizeof(buf));
	return n > 0 && memmem(buf, (size_t)n, what, strlen(what)) != NULL;
}
static char
state_of(pid_t pid, pid_t *parent)
{
	char buf[1024], *p;
	char state = 'X';
	if (slurp(pid, "stat", buf, sizeof(buf)) <= 0 || (p = strrchr(buf, ')')) == NULL)
		return 'X';
	/* ") S 123 …" */
	if (p[1] == ' ' && p[2] != '\0') {
		state = p[2];
		*parent = (pid_t)strtol(p + 3, NULL, 10);
	}
	return state;
}
static void
all(struct procs *ps)
{
	DIR *d = opendir("/proc");
	ps->n = 0;
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL && ps->n < BR_ARRAY_LEN(ps->pid);) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10), parent = 0;
		if (pid > 0 && state_of(pid, &parent) != 'X') {
			ps->pid[ps->n] = pid;
			ps->parent[ps->n++] = parent;
		}
	}
	if (d != NULL)
		(void)closedir(d);
}
/* A process that has exited and waits to be reaped runs nothing. */
static bool
lives(pid_t pid, const char *mark)
{
	pid_t parent = 0;
	char state = state_of(pid, &parent);
	return state != 'X' && state != 'Z' && pid != getpid() && (contains(pid, "cmdline", mark) || contains(pid, "environ", mark));
}
static size_t
survivors(const struct walk *w, pid_t *out, size_t room)
{
	static struct procs ps;
	size_t n = 0;
	all(&ps);
	for (size_t i = 0; i < ps.n && n < room; i++) {
		if (lives(ps.pid[i], w->mark))
			out[n++] = ps.pid[i];
	}
	return n;
}

static bool
descends(const struct procs *ps, pid_t pid, pid_t from)
{
	for (int depth = 0; depth < 64 && pid > 1; depth++) {
		size_t i = 0;
		while (i < ps->n && ps->pid[i] != pid)
			i++;
		if (i == ps->n)
			return false;
		if (ps->parent[i] == from)
			return true;
		pid = ps->parent[i];
	}
	return false;
}
static pid_t
choose(const struct walk *w, pid_t monitor)
{
	static struct procs ps;
	pid_t found[4096];
	size_t n = 0;
	if (br_streq(w->who, "monitor"))
		return monitor;
	all(&ps);
	for (size_t i = 0; i < ps.n; i++) {
		if (descends(&ps, ps.pid[i], monitor))
			found[n++] = ps.pid[i];
	}
	if (n == 0)
		return 0;
	if (br_streq(w->who, "child"))
		return found[0];
	return br_streq(w->who, "leaf") ? found[n - 1] : found[(size_t)random() % n];
}

static pid_t
start(const struct walk *w)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	int null = open("/dev/null", O_RDWR);
	(void)dup2(null, 0);
	(void)dup2(null, 1);
	(void)dup2(null, 2);
	if (setenv("ATTACK_MARK", w->mark, 1) < 0)
		_exit(124);
	if (w->uid != 0 && (setgroups(0, NULL) < 0 || setgid(w->gid) < 0 || setuid(w->uid) < 0))
		_exit(124);
	(void)execvp(w->argv[0], w->argv);
	_exit(124);
}
/* Waits for the child at most `us`; false when it still lives. */
static bool
wait_for(pid_t pid, int64_t us, int *status)
{
	for (int64_t end = now_us() + us; now_us() < end; sleep_us(500)) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
	}
	return false;
}
static int
calibrate(struct walk *w)
{
	int status = 0;
	int64_t t = now_us();
	pid_t pid = start(w);
	if (pid < 0 || !wait_for(pid, 60000000, &status) || !WIFEXITED(status) || WEXITSTATUS(status) == 124) {
		fprintf(stderr, "killwalk: an undisturbed run does not end well (status %d)\n", status);
		return -1;
	}
	if (w->life_us == 0)
		w->life_us = (now_us() - t) * 13 / 10;
	return 0;
}

static void
look_for_survivors(struct walk *w, int64_t delay)
{
	pid_t left[256];
	size_t n = 0;
	int64_t t = now_us();
	while ((n = survivors(w, left, BR_ARRAY_LEN(left))) > 0 && now_us() - t < 5000000)
		sleep_us(2000);
	if (now_us() - t > w->worst_us)
		w->worst_us = now_us() - t;
	for (size_t i = 0; i < n; i++) {
		char cmd[512] = "";
		ssize_t len = slurp(left[i], "cmdline", cmd, sizeof(cmd));
		for (ssize_t k = 0; k + 1 < len; k++)
			if (cmd[k] == '\0')
				cmd[k] = ' ';
		printf("survivor after %s was killed at %ld us: %d: %s\n", w->who, (long)delay, left[i], cmd);
		(void)kill(left[i], SIGKILL);
	}
	w->survivors += n > 0;
	if (contains(getpid(), "mountinfo", w->mark)) {
		printf("a mount is left after %s was killed at %ld us\n", w->who, (long)delay);
		w->survivors++;
	}
}
static int
one_round(struct walk *w, long i)
{
	int status = 0;
	int64_t delay = w->life_us * i / w->rounds;
	pid_t pid = start(w);
	if (pid < 0)
		return -1;
	sleep_us(delay);
	pid_t victim = choose(w, pid);
	if (victim > 0 && kill(victim, SIGKILL) == 0)
		w->rounds_hit++;
	if (!wait_for(pid, 10000000, &status)) {
		printf("the monitor hangs after %s (%d) was killed at %ld us\n", w->who, victim, (long)delay);
		w->stuck++;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
	}
	look_for_survivors(w, delay);
	return 0;
}

static int
parse(struct walk *w, int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "+u:g:w:n:t:")) != -1;) {
		if (c == 'u')
			w->uid = (uid_t)strtol(optarg, NULL, 10);
		else if (c == 'g')
			w->gid = (gid_t)strtol(optarg, NULL, 10);
		else if (c == 'w')
			w->who = optarg;
		else if (c == 'n')
			w->rounds = strtol(optarg, NULL, 10);
		else if (c == 't')
			w->life_us = strtol(optarg, NULL, 10);
		else
			return -1;
	}
	if (argc - optind < 2 || w->rounds < 1)
		return -1;
	w->mark = argv[optind];
	w->argv = argv + optind + 1;
	return 0;
}

int
main(int argc, char **argv)
{
	struct walk w = {.who = "monitor", .rounds = 200};
	if (parse(&w, argc, argv) < 0) {
		fprintf(stderr, "usage: killwalk [-u UID] [-g GID] [-w WHO] [-n ROUNDS] [-t LIFE_US] MARK COMMAND ARG...\n");
		return 2;
	}
	srandom((unsigned)now_us());
	if (calibrate(&w) < 0)
		return 2;
	for (long i = 0; i < w.rounds; i++) {
		if (one_round(&w, i) < 0)
			return 2;
	}
	printf("%ld rounds through %ld us, %u killed, %u with survivors, %u hung, slowest end %ld us\n", w.rounds, (long)w.life_us,
	    w.rounds_hit, w.survivors, w.stuck, (long)w.worst_us);
	return w.survivors == 0 && w.stuck == 0 ? 0 : 1;
}
