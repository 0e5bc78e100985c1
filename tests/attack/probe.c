#include "probe.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

static const struct probe *const tables[] = {
    read_probes, write_probes, meta_probes, guarded_probes, kernel_probes, socket_probes, process_probes, terminal_probes,
    limit_probes};

int
probe_rc(long rc, const char *call)
{
	if (rc >= 0)
		return PROBE_DONE;
	printf("refused: %s: %s (%d)\n", call, strerror(errno), errno);
	return PROBE_REFUSED;
}

int
probe_reached(long rc, const char *call)
{
	if (rc >= 0)
		return PROBE_DONE;
	if (errno == EPERM || errno == EACCES || errno == ENOSYS)
		return probe_rc(rc, call);
	printf("reached: %s: %s (%d)\n", call, strerror(errno), errno);
	return PROBE_DONE;
}

int
probe_cant(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("can't be tried: ");
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return PROBE_CANT;
}

int
probe_refused(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("refused: ");
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	return PROBE_REFUSED;
}

char *
probe_cat(const char *a, const char *b)
{
	char *s = NULL;
	if (asprintf(&s, "%s%s", a, b) < 0)
		abort();
	return s;
}

const char *
probe_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

char *
probe_dir(const char *path)
{
	const char *base = probe_base(path);
	if (base == path)
		return probe_cat(".", "");
	char *d = strndup(path, (size_t)(base - path - (base - path > 1)));
	if (d == NULL)
		abort();
	return d;
}

char *
probe_temp(const char *path)
{
	static unsigned counter;
	char *dir = probe_dir(path), *name = NULL;
	if (asprintf(&name, "%s/probe-%d-%u", dir, getpid(), counter++) < 0)
		abort();
	free(dir);
	return name;
}

int
probe_plant(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, PROBE_MARK, strlen(PROBE_MARK));
	(void)close(fd);
	return n == (ssize_t)strlen(PROBE_MARK) ? 0 : -1;
}

bool
probe_marked(const char *path)
{
	char buf[sizeof(PROBE_MARK)] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	(void)close(fd);
	return n > 0 && br_streq(buf, PROBE_MARK);
}

int64_t
probe_now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static const struct probe *
find(const char *name)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(tables); i++) {
		for (const struct probe *p = tables[i]; p->name != NULL; p++) {
			if (br_streq(p->name, name))
				return p;
		}
	}
	return NULL;
}

/* In a child, so that a filter that kills is told from one that refuses, and a batch goes on. */
static int
run_one(const struct probe *p, char **args)
{
	(void)fflush(stdout);
	pid_t pid = fork();
	if (pid < 0) {
		perror("fork");
		return PROBE_CANT;
	}
	if (pid == 0) {
		int rc = p->run(args);
		(void)fflush(stdout);
		_exit(rc);
	}
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status)) {
		printf("refused: killed by signal %d\n", WTERMSIG(status));
		return PROBE_REFUSED;
	}
	return WEXITSTATUS(status);
}

static int
list(void)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(tables); i++) {
		for (const struct probe *p = tables[i]; p->name != NULL; p++)
			printf("%-6s %s %s\n", p->cls, p->name, p->args);
	}
	return 0;
}

/* Reads "NAME ARG…" lines (separated by tabs) and answers each with "STATUS<tab>LINE". */
static int
batch(void)
{
	char line[16384];
	int worst = PROBE_REFUSED;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		char *whole = probe_cat(line, ""), *save = NULL, *words[16] = {NULL};
		size_t n = 0;
		for (char *w = strtok_r(line, "\t", &save); w != NULL && n < BR_ARRAY_LEN(words) - 1; w = strtok_r(NULL, "\t", &save))
			words[n++] = w;
		const struct probe *p = n == 0 ? NULL : find(words[0]);
		int rc = p == NULL || (int)n - 1 < p->nargs ? PROBE_CANT : run_one(p, words + 1);
		printf("=%d\t%s\n", rc, whole);
		(void)fflush(stdout);
		if (rc == PROBE_DONE)
			worst = PROBE_DONE;
		free(whole);
	}
	return worst;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && br_streq(argv[1], "--list"))
		return list();
	if (argc == 2 && br_streq(argv[1], "--batch"))
		return batch();
	const struct probe *p = argc < 2 ? NULL : find(argv[1]);
	if (p == NULL || argc - 2 < p->nargs) {
		fprintf(stderr, "usage: probe --list | --batch | NAME ARG...\n");
		return PROBE_CANT;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	return run_one(p, argv + 2);
}
