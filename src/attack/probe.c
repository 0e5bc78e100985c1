#include "probe.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

const struct probe *const probe_tables[] = {
    read_probes, write_probes, meta_probes, guarded_probes, kernel_probes, socket_probes, process_probes, terminal_probes,
    limit_probes};
const size_t probe_ntables = BR_ARRAY_LEN(probe_tables);

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

const struct probe *
probe_find(const char *name)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(probe_tables); i++) {
		for (const struct probe *p = probe_tables[i]; p->name != NULL; p++) {
			if (br_streq(p->name, name))
				return p;
		}
	}
	return NULL;
}

int
probe_run(const struct probe *p, char **args)
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
