/* Times a command from inside a sandbox, where the sandbox's own start doesn't count.
 *
 *	clock N COMMAND [ARG…]     runs it N times; prints the nanoseconds of each
 *	clock N -create DIR        creates 100 small files in DIR, N times; prints the nanoseconds of each hundred */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long
now(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static bool
run(char **argv, int null)
{
	posix_spawn_file_actions_t quiet;
	(void)posix_spawn_file_actions_init(&quiet);
	(void)posix_spawn_file_actions_adddup2(&quiet, null, 1);
	pid_t pid;
	int status;
	int err = posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&quiet);
	return err == 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool
create(const char *dir, long round)
{
	char path[4096];
	char text[100];
	memset(text, 'x', sizeof(text));
	(void)snprintf(path, sizeof(path), "%s/%ld", dir, round);
	if (mkdir(path, 0755) < 0)
		return false;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), "%s/%ld/file-%d", dir, round, i);
		int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
		if (fd < 0)
			return false;
		bool whole = write(fd, text, sizeof(text)) == (ssize_t)sizeof(text);
		if (close(fd) < 0 || !whole)
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	if (argc < 3) {
		(void)fprintf(stderr, "usage: clock N COMMAND [ARG...] | clock N -create DIR\n");
		return 2;
	}
	long n = strtol(argv[1], NULL, 10);
	bool creates = strcmp(argv[2], "-create") == 0 && argc == 4;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC); /* once: opening it would be a part of what is timed */
	for (long i = 0; i < n; i++) {
		long long began = now();
		if (!(creates ? create(argv[3], i) : run(argv + 2, null))) {
			(void)fprintf(stderr, "clock: %s failed: %s\n", argv[2], strerror(errno));
			return 1;
		}
		printf("%lld\n", now() - began);
	}
	return 0;
}
