/* Execs of every shape, for tests/e2e/exec.bats: what runs reports itself, so that the record can be compared with it.
 *
 *	execs report ARG…         prints one line, in one write: process, program, arguments, separated by \x1f
 *	execs sum ARG…            prints how many arguments, and how many bytes with their NULs
 *	execs SHAPE PROGRAM ARG…  runs it by thread, vfork, fork, spawn, memfd, fexecve, exec
 *	execs race A B ROUNDS     a second thread rewrites name and arguments during each exec
 *	execs many N PROGRAM      N processes, one after the other
 *	execs storm T N PROGRAM   from each of T threads N of them
 *	execs crowd N PROGRAM     N at once, each waits for the end of standard input
 *	execs kill N | stop N     each child is killed, or stopped and continued, somewhere around its exec
 *	execs threads N           processes whose other threads end, or exec too, while one of them execs
 *	execs big BYTES | bytes   long arguments; arguments that are not UTF-8
 *	execs orphan              a forked copy of a process that has ended, adopted by a reaper, execs
 *	execs fail                calls that fail, each with another errno
 *	execs signal N | status N ends so
 *	execs burn MS             uses the processor, and 64 MB of memory */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static const char *self;

static int
fail(const char *what)
{
	(void)fprintf(stderr, "execs: %s: %s\n", what, strerror(errno));
	return 1;
}

static int
wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
report(int argc, char **argv)
{
	char line[8192], exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	size_t at = (size_t)snprintf(line, sizeof(line), "%d\x1f%s", getpid(), exe);
	for (int i = 0; i < argc && at + strlen(argv[i]) + 2 < sizeof(line); i++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, "\x1f%s", argv[i]);
	line[at++] = '\n';
	return write(STDOUT_FILENO, line, at) == (ssize_t)at ? 0 : fail("write");
}

static int
sum(int argc, char **argv)
{
	size_t bytes = 0;
	for (int i = 0; i < argc; i++)
		bytes += strlen(argv[i]) + 1;
	printf("%d %zu\n", argc, bytes);
	return 0;
}

static void *
exec_thread(void *arg)
{
	char **argv = arg;
	(void)execv(argv[0], argv);
	_exit(fail(argv[0]));
}

static int
from_thread(char **argv)
{
	pthread_t t;
	if (pthread_create(&t, NULL, exec_thread, argv) != 0)
		return fail("pthread_create");
	for (;;)
		pause();
}

static int
from_memfd(char **argv)
{
	char buf[65536];
	int in = open(argv[0], O_RDONLY | O_CLOEXEC), out = memfd_create("program", MFD_CLOEXEC);
	for (ssize_t n; (n = read(in, buf, sizeof(buf))) > 0;)
		if (write(out, buf, (size_t)n) != n)
			return fail("write");
	(void)syscall(SYS_execveat, out, "", argv, environ, AT_EMPTY_PATH);
	return fail("execveat");
}

static int
by_shape(const char *shape, char **argv)
{
	pid_t pid = -1;
	if (strcmp(shape, "exec") == 0) {
		(void)execv(argv[0], argv);
		return fail(argv[0]);
	}
	if (strcmp(shape, "thread") == 0)
		return from_thread(argv);
	if (strcmp(shape, "memfd") == 0)
		return from_memfd(argv);
	if (strcmp(shape, "fexecve") == 0) {
		(void)syscall(SYS_execveat, open(argv[0], O_RDONLY | O_CLOEXEC), "", argv, environ, AT_EMPTY_PATH);
		return fail("execveat");
	}
	if (strcmp(shape, "spawn") == 0) {
		errno = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
	} else {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork,clang-analyzer-security.insecureAPI.vfork): the shape that is wanted */
		pid = strcmp(shape, "vfork") == 0 ? vfork() : fork();
		if (pid == 0) {
			(void)execv(argv[0], argv);
			_exit(127);
		}
	}
	return pid > 0 ? wait_for(pid) : fail(shape);
}

/* --- a race over name and arguments ------------------------------------------------------------------------------------------ */

struct race {
	char name[2][256];
	char path[256], word[16]; /* what the call points at */
	volatile bool end;
};

static void *
rewriter(void *arg)
{
	struct race *r = arg;
	for (unsigned i = 0; !r->end; i++) {
		memcpy(r->path, r->name[i & 1], sizeof(r->path));
		memcpy(r->word, i & 2 ? "first" : "other", 6);
	}
	return NULL;
}

static int
race(const char *a, const char *b, int rounds)
{
	static struct race r;
	pthread_t t;
	(void)snprintf(r.name[0], sizeof(r.name[0]), "%s", a);
	(void)snprintf(r.name[1], sizeof(r.name[1]), "%s", b);
	memcpy(r.path, r.name[0], sizeof(r.path));
	memcpy(r.word, "first", 6);
	if (strlen(a) != strlen(b) || pthread_create(&t, NULL, rewriter, &r) != 0)
		return fail("race");
	for (int i = 0; i < rounds; i++) {
		char *argv[] = {r.path, (char[]){"report"}, r.word, NULL};
		/* Shares its memory with the other thread until the exec is done. */
		pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
		if (pid == 0) {
			(void)execv(r.path, argv);
			_exit(errno == ENOENT ? 0 : 127); /* NOLINT(clang-analyzer-unix.Vfork): a name half written */
		}
		if (pid < 0 || wait_for(pid) != 0)
			return fail("exec");
	}
	r.end = true;
	(void)pthread_join(t, NULL);
	return 0;
}

/* --- many -------------------------------------------------------------------------------------------------------------------- */

static int
spawn_one(char **argv, pid_t *pid)
{
	int err = posix_spawn(pid, argv[0], NULL, NULL, argv, environ);
	errno = err;
	return err == 0 ? 0 : fail("posix_spawn");
}

static int
many(int n, char **argv)
{
	for (int i = 0; i < n; i++) {
		pid_t pid;
		if (spawn_one(argv, &pid) != 0 || wait_for(pid) != 0)
			return 1;
	}
	return 0;
}

struct storm {
	int n;
	char **argv;
};

static void *
storm_thread(void *arg)
{
	const struct storm *s = arg;
	return (void *)(intptr_t)many(s->n, s->argv);
}

static int
storm(int threads, int n, char **argv)
{
	struct storm s = {n, argv};
	pthread_t t[64];
	void *failed;
	int rc = 0;
	for (int i = 0; i < threads && i < 64; i++)
		if (pthread_create(&t[i], NULL, storm_thread, &s) != 0)
			return fail("pthread_create");
	for (int i = 0; i < threads && i < 64; i++)
		if (pthread_join(t[i], &failed) != 0 || failed != NULL)
			rc = 1;
	return rc;
}

static int
crowd(int n, char **argv)
{
	int rc = 0, gate[2];
	pid_t *pids = calloc((size_t)n, sizeof(*pids));
	if (pids == NULL || pipe2(gate, O_CLOEXEC) < 0)
		return fail("crowd");
	for (int i = 0; i < n && rc == 0; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			(void)dup2(gate[0], STDIN_FILENO);
			(void)execv(argv[0], argv);
			_exit(127);
		}
		rc = pids[i] < 0 ? fail("fork") : 0;
	}
	(void)close(gate[1]);
	for (int i = 0; i < n && pids[i] > 0; i++)
		rc |= wait_for(pids[i]);
	free(pids);
	return rc;
}

/* --- signals in the middle --------------------------------------------------------------------------------------------------- */

static void
linger(unsigned us)
{
	struct timespec t = {0, (long)us * 1000};
	(void)nanosleep(&t, NULL);
}

/* The delay walks over the time that an exec takes, so that some signals come before, in, and after the stop. */
static int
around(int n, bool kills)
{
	char *argv[] = {(char *)self, (char[]){"status"}, (char[]){"0"}, NULL};
	int ended[2] = {0};
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			(void)execv(argv[0], argv);
			_exit(127);
		}
		linger((unsigned)i * 7 % 1200);
		if (kill(pid, kills ? SIGKILL : SIGSTOP) == 0 && !kills) {
			linger((unsigned)i * 3 % 400);
			(void)kill(pid, SIGCONT);
		}
		int rc = wait_for(pid);
		if (rc != 0 && !(kills && rc == 128 + SIGKILL))
			return fail("a child");
		ended[rc != 0]++;
	}
	printf("%d %d\n", ended[0], ended[1]);
	return 0;
}

static void *
ending_thread(void *arg)
{
	linger((unsigned)(uintptr_t)arg);
	return NULL;
}

static void *
late_exec_thread(void *arg)
{
	char **argv = arg;
	linger(30);
	(void)execv(argv[0], argv);
	return NULL;
}

static int
threads(int n)
{
	char *argv[] = {(char *)self, (char[]){"status"}, (char[]){"0"}, NULL};
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pthread_t t;
			for (int k = 0; k < 6; k++)
				(void)pthread_create(&t, NULL, k < 4 ? ending_thread : late_exec_thread, k < 4 ? (void *)(uintptr_t)(i * 5 % 100 + k * 20) : (void *)argv);
			linger((unsigned)i * 3 % 60);
			if (i % 3 == 0)
				pthread_exit(NULL); /* the leader goes first */
			(void)execv(argv[0], argv);
			_exit(127);
		}
		if (pid < 0 || wait_for(pid) != 0)
			return fail("a child");
	}
	return 0;
}

/* --- the rest ---------------------------------------------------------------------------------------------------------------- */

static int
big(size_t bytes)
{
	const size_t each = 100000; /* one string has at most 128 KiB (MAX_ARG_STRLEN) */
	size_t n = bytes / each;
	char **argv = calloc(n + 3, sizeof(*argv)), *word = malloc(each);
	if (argv == NULL || word == NULL)
		return fail("malloc");
	memset(word, 'x', each - 1);
	word[each - 1] = '\0';
	argv[0] = (char *)self;
	argv[1] = (char[]){"sum"};
	for (size_t i = 0; i < n; i++)
		argv[i + 2] = word;
	(void)execv(self, argv);
	return fail("execv");
}

static int
bytes(void)
{
	char *argv[] = {(char *)self, (char[]){"sum"}, (char[]){"\xff\xfe"}, (char[]){"new\nline"}, (char[]){"\x1b[31mred"}, (char[]){""}, (char[]){"\"quote\\"}, NULL};
	(void)execv(self, argv);
	return fail("execv");
}

static int
orphan(void)
{
	int done[2];
	char *middle[] = {(char *)self, (char[]){"orphan-middle"}, NULL};
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe(done) < 0)
		return fail("pipe");
	pid_t pid = fork();
	if (pid == 0) {
		(void)dup2(done[1], 9);
		(void)execv(self, middle);
		_exit(127);
	}
	(void)close(done[1]);
	(void)wait_for(pid);
	char c;
	(void)!read(done[0], &c, 1); /* until the orphan has ended too */
	while (wait(NULL) > 0)
		;
	return 0;
}

/* Ends before its copy's exec: that one waits until it has another parent. */
static int
orphan_middle(void)
{
	char *argv[] = {(char *)self, (char[]){"report"}, (char[]){"orphan"}, NULL};
	pid_t me = getpid();
	if (fork() != 0)
		return 0;
	while (getppid() == me)
		linger(100);
	(void)execv(self, argv);
	_exit(127);
}

static int
failing(void)
{
	char *argv[] = {(char[]){"x"}, NULL};
	static char loop[300];
	memset(loop, 'l', sizeof(loop) - 1);
	const char *const names[] = {"/etc", "/etc/passwd", loop, "./no-such-file", "./no-interpreter", "./no-format", "", "/etc/passwd/x"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)execv(names[i], argv);
		printf("%d ", errno);
	}
	(void)syscall(SYS_execve, 8, argv, environ); /* no memory there */
	printf("%d\n", errno);
	return 0;
}

static int
burn(int ms)
{
	struct timespec t;
	const size_t n = 64U << 20;
	volatile char *m = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m == MAP_FAILED)
		return fail("mmap");
	for (size_t i = 0; i < n; i += 4096)
		m[i] = 1;
	(void)munmap((void *)m, n);
	do
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < ms);
	return 0;
}

static int
number(const char *s)
{
	return (int)strtol(s, NULL, 10);
}

int
main(int argc, char **argv)
{
	static char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *what = argc > 1 ? argv[1] : "";
	self = n > 0 ? exe : argv[0];
	if (strcmp(what, "report") == 0)
		return report(argc, argv);
	if (strcmp(what, "sum") == 0)
		return sum(argc, argv);
	if (strcmp(what, "bytes") == 0)
		return bytes();
	if (strcmp(what, "orphan") == 0)
		return orphan();
	if (strcmp(what, "orphan-middle") == 0)
		return orphan_middle();
	if (strcmp(what, "fail") == 0)
		return failing();
	if (argc < 3)
		return 2;
	if (strcmp(what, "race") == 0 && argc == 5)
		return race(argv[2], argv[3], number(argv[4]));
	if (strcmp(what, "many") == 0 && argc > 3)
		return many(number(argv[2]), argv + 3);
	if (strcmp(what, "storm") == 0 && argc > 4)
		return storm(number(argv[2]), number(argv[3]), argv + 4);
	if (strcmp(what, "crowd") == 0 && argc > 3)
		return crowd(number(argv[2]), argv + 3);
	if (strcmp(what, "kill") == 0 || strcmp(what, "stop") == 0)
		return around(number(argv[2]), what[0] == 'k');
	if (strcmp(what, "threads") == 0)
		return threads(number(argv[2]));
	if (strcmp(what, "big") == 0)
		return big((size_t)number(argv[2]));
	if (strcmp(what, "status") == 0)
		return number(argv[2]);
	if (strcmp(what, "signal") == 0)
		return raise(number(argv[2]));
	if (strcmp(what, "burn") == 0)
		return burn(number(argv[2]));
	return by_shape(what, argv + 2);
}
