#include "audit/tool/scratch.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: until the last holder of the other end is gone. */
BR_NORETURN static void
keep(int fd, const char *path)
{
	char c;
	sigset_t all;
	/* What ends a terminal's programs ends the one that we wait for, and must not end us. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	(void)setsid();
	/* Who reads our parent's output waits for its end, and is not to wait for ours. */
	for (int i = 0; i <= STDERR_FILENO; i++)
		(void)close(i);
	while (read(fd, &c, 1) < 0 && errno == EINTR)
		;
	(void)br_rm_tree(AT_FDCWD, path);
	_exit(0);
}

int
br_scratch_begin(int *keeper, pid_t *child, struct br_err *e)
{
	char path[PATH_MAX];
	int p[2];
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(path, sizeof(path), "%s/brattice-bundle-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
	if (mkdtemp(path) == NULL)
		return br_err_set(e, errno, "cannot make a directory to unpack into, %s", path);
	br_auto_fd int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || pipe2(p, O_CLOEXEC) < 0) {
		int why = errno;
		(void)rmdir(path);
		return br_err_set(e, why, "cannot unpack into %s", path);
	}
	*child = fork();
	if (*child == 0) {
		(void)close(p[1]);
		keep(p[0], path);
	}
	(void)close(p[0]);
	*keeper = p[1];
	if (*child > 0)
		return br_steal_fd(&dir);
	int why = errno;
	(void)rmdir(path);
	return br_err_set(e, why, "cannot start a process");
}

void
br_scratch_end(int *keeper, pid_t child)
{
	br_cleanup_fd(keeper);
	*keeper = -1;
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}
