/* What the audit log costs.
 *
 *	audit write DIR ENTRIES      appends so many entries of about 250 bytes, synced every 10 ms, and seals; leaves the log in DIR
 *	audit read DIR               reads all of it
 *	audit query DIR              the denials of it, by the index
 *	audit start AUDITOR DIR N    N times from exec to the checkpoint of size 0 on disk
 *
 * One line of numbers each. */
#include "audit/client.h"
#include "audit/log/reader.h"
#include "audit/log/writer.h"
#include "base/io.h"
#include "base/opt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SYNC_US 10000U

static BR_NORETURN void
die(const char *what)
{
	perror(what);
	exit(1);
}

static double
cpu_s(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

/* Execs of a build, an exit for each, and one denial in a hundred thousand. */
static void
one_event(struct br_event *ev, uint64_t i)
{
	static const char *const names[] = {"cc1", "as", "collect2", "ld", "sh", "make", "sed", "install"};
	char source[64], object[64];
	(void)snprintf(source, sizeof(source), "src/module-%" PRIu64 "/file-%" PRIu64 ".c", i % 97, i * 7919 % 10007);
	(void)snprintf(object, sizeof(object), "build/%016" PRIx64 ".o", i * UINT64_C(0x9e3779b97f4a7c15));
	char *const argv[] = {(char *)names[i % 8], (char *)"-O2", (char *)"-c", source, (char *)"-o", object, NULL};
	bool denied = i % 100000 == 99999;
	br_event_begin(ev, denied ? BR_EV_PATH : i % 2 == 0 ? BR_EV_EXEC : BR_EV_EXIT);
	br_event_int(ev, "exec", (int64_t)i / 2);
	br_event_int(ev, "pid", (int64_t)(i % 4194304));
	br_event_strv(ev, "argv", argv);
	br_event_str(ev, "cwd", "/home/user/project");
	br_event_str(ev, "decision", denied ? "deny" : "allow");
	if (denied)
		br_event_denied(ev);
	if (br_event_finish(ev) < 0)
		die("event");
}

/* The lines are made beforehand, in as much memory as one round needs: the writer is what is measured. */
static void
write_log(const char *dir, uint64_t n)
{
	enum { ROUND = 65536 };
	struct br_err e = BR_ERR_INIT;
	struct br_note_signer host;
	static struct br_event ev[ROUND];
	if (br_note_signer_new(&host, "brattice/host/bench", &e) < 0)
		die("key");
	struct br_log_writer *w = br_log_create(open_dir(dir), "bench", &host, &e);
	if (w == NULL)
		die(e.msg);
	double wall = 0, cpu = 0, slowest = 0;
	uint64_t bytes = 0, syncs = 0;
	for (uint64_t at = 0; at < n;) {
		uint64_t k = n - at < ROUND ? n - at : ROUND;
		for (uint64_t i = 0; i < k; i++) {
			one_event(&ev[i], at + i);
			bytes += ev[i].line.len;
		}
		double from = cpu_s(CLOCK_MONOTONIC), thread = cpu_s(CLOCK_THREAD_CPUTIME_ID);
		uint64_t synced = br_now_us();
		for (uint64_t i = 0; i < k; i++) {
			if (br_log_append(w, ev[i].type, ev[i].denied, ev[i].line.p, ev[i].line.len) < 0)
				die("append");
			uint64_t now;
			if (i % 64 == 63 && (now = br_now_us()) - synced >= SYNC_US) {
				if (br_log_sync(w) < 0)
					die("sync");
				synced = br_now_us();
				slowest = slowest > (double)(synced - now) ? slowest : (double)(synced - now);
				syncs++;
			}
		}
		wall += cpu_s(CLOCK_MONOTONIC) - from;
		cpu += cpu_s(CLOCK_THREAD_CPUTIME_ID) - thread;
		at += k;
	}
	if (br_log_seal(w, "bench") < 0)
		die("seal");
	double from = cpu_s(CLOCK_MONOTONIC);
	br_log_free(w);
	printf("%.0f events/s wall, %.0f events/s of the writer's own time, %.0f bytes each, %" PRIu64
	       " syncs, slowest %.1f ms; compressor %.2f s behind\n",
	    (double)n / wall, (double)n / cpu, (double)bytes / (double)n, syncs, slowest / 1e3, cpu_s(CLOCK_MONOTONIC) - from);
}

static void
read_log(const char *dir, bool denied)
{
	struct br_err e = BR_ERR_INIT;
	struct br_log_entry x;
	struct rusage ru;
	uint64_t n = 0, hits = 0;
	double from = cpu_s(CLOCK_MONOTONIC);
	struct br_log_reader *r = br_log_open(open_dir(dir), &e);
	if (r == NULL)
		die(e.msg);
	if (denied)
		br_log_filter(r, &(struct br_log_filter){.denied = true});
	int rc;
	for (; (rc = br_log_next(r, &x, &e)) > 0; n++)
		hits += denied && memmem(x.line, x.len, "\"decision\":\"deny\"", 17) != NULL;
	if (rc < 0)
		die(e.msg);
	double s = cpu_s(CLOCK_MONOTONIC) - from;
	(void)getrusage(RUSAGE_SELF, &ru);
	if (denied)
		printf("%" PRIu64 " of %" PRIu64 " entries found in %.3f s, %ld kB\n", hits, br_log_entries(r), s, ru.ru_maxrss);
	else
		printf("%.0f entries/s, %ld kB\n", (double)n / s, ru.ru_maxrss);
	br_log_close(r);
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* Microseconds from the start of the program to its 'R', and on to the answer to the seal. */
static void
start_one(const char *auditor, const char *dir, int statedir, int i, uint64_t out[2])
{
	char name[32], logfd[16], statefd[16], stream[16];
	int fds[2];
	pid_t pid;
	(void)snprintf(name, sizeof(name), "log-%d", i);
	if (mkdirat(statedir, name, 0700) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		die(dir);
	int logdir = openat(statedir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int pass[] = {logdir, statedir, fds[1]};
	char *const numbers[] = {logfd, statefd, stream};
	for (size_t k = 0; k < BR_ARRAY_LEN(pass); k++) {
		(void)fcntl(pass[k], F_SETFD, 0);
		(void)snprintf(numbers[k], 16, "%d", pass[k]);
	}
	char *const argv[] = {(char *)auditor, name, logfd, statefd, stream, NULL};
	static char *const none[] = {NULL};
	uint64_t from = br_now_us();
	if (posix_spawn(&pid, auditor, NULL, NULL, argv, none) != 0)
		die(auditor);
	(void)close(fds[1]);
	(void)close(logdir);
	if (br_audit_ready(fds[0]) < 0)
		die("ready");
	out[0] = br_now_us() - from;
	from = br_now_us();
	if (br_audit_seal(fds[0], "bench") < 0)
		die("seal");
	out[1] = br_now_us() - from;
	(void)close(fds[0]);
	(void)waitpid(pid, NULL, 0);
}

static void
start(const char *auditor, const char *dir, int64_t n)
{
	int statedir = open_dir(dir);
	uint64_t *ready = calloc((size_t)n, sizeof(*ready)), *sealed = calloc((size_t)n, sizeof(*sealed));
	if (ready == NULL || sealed == NULL)
		die("memory");
	for (int64_t i = 0; i < n; i++) {
		uint64_t t[2];
		start_one(auditor, dir, statedir, (int)i, t);
		ready[i] = t[0];
		sealed[i] = t[1];
	}
	qsort(ready, (size_t)n, sizeof(*ready), by_number);
	qsort(sealed, (size_t)n, sizeof(*sealed), by_number);
	size_t middle = (size_t)n / 2;
	printf("start: median %.2f ms, least %.2f; seal: median %.2f ms\n", (double)ready[middle] / 1e3, (double)ready[0] / 1e3,
	    (double)sealed[middle] / 1e3);
	free(ready);
	free(sealed);
}

int
main(int argc, char **argv)
{
	struct br_err e = BR_ERR_INIT;
	int64_t n = 0;
	const char *what = argc > 2 ? argv[1] : "";
	if (argc > 3 && br_parse_number(argv[argc - 1], &n, &e) < 0) {
		br_err_print(&e);
		return 2;
	}
	if (br_streq(what, "write") && n > 0)
		write_log(argv[2], (uint64_t)n);
	else if (br_streq(what, "read") || br_streq(what, "query"))
		read_log(argv[2], what[0] == 'q');
	else if (br_streq(what, "start") && argc == 5 && n > 0)
		start(argv[2], argv[3], n);
	else
		return 2;
	return 0;
}
