#include "session/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int
br_helper_path(const char *name, char *out, size_t room, struct br_err *e)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n <= 0)
		return br_err_set(e, errno, "cannot read /proc/self/exe");
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	for (int i = 0; i < 2; i++) {
		int len = i == 0 ? snprintf(out, room, "%s/libexec/brattice/%s", exe, name) : snprintf(out, room, "%s/../libexec/brattice/%s", exe, name);
		if (len > 0 && (size_t)len < room && access(out, X_OK) == 0)
			return 0;
	}
	(void)br_err_set(e, 0, "the helper %s is not beside %s/brattice", name, exe);
	return br_err_hint(e, "install brattice as a whole (make install), or run it from the build tree");
}

int
br_helper_run(const char *name, char *const argv[], struct br_err *e)
{
	char path[PATH_MAX];
	if (br_helper_path(name, path, sizeof(path), e) < 0)
		return -1;
	posix_spawn_file_actions_t fa;
	if (posix_spawn_file_actions_init(&fa) != 0)
		return br_err_set(e, ENOMEM, "cannot start %s", name);
	(void)posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&fa, 2, 1);
	pid_t pid;
	int rc = posix_spawn(&pid, path, &fa, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (rc != 0)
		return br_err_set(e, rc, "cannot start %s", path);
	int st;
	while (waitpid(pid, &st, 0) < 0)
		if (errno != EINTR)
			return br_err_set(e, errno, "cannot wait for %s", name);
	if (!WIFEXITED(st))
		return br_err_set(e, 0, "%s was killed by signal %d", name, WTERMSIG(st));
	return WEXITSTATUS(st);
}
