#include "session/helper.h"

#include "base/io.h"

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

/* With `out` its standard output, else to standard error; `said` its standard error, or -1: ours. */
static pid_t
spawn(const char *name, char *const argv[], int out, int said, struct br_err *e)
{
	char path[PATH_MAX];
	if (br_helper_path(name, path, sizeof(path), e) < 0)
		return -1;
	posix_spawn_file_actions_t fa;
	if (posix_spawn_file_actions_init(&fa) != 0)
		return br_err_set(e, ENOMEM, "cannot start %s", name);
	(void)posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&fa, out >= 0 ? out : 2, 1);
	if (said >= 0)
		(void)posix_spawn_file_actions_adddup2(&fa, said, 2);
	pid_t pid;
	int rc = posix_spawn(&pid, path, &fa, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	return rc != 0 ? br_err_set(e, rc, "cannot start %s", path) : pid;
}

static int
wait_for(pid_t pid, const char *name, struct br_err *e)
{
	int st;
	while (waitpid(pid, &st, 0) < 0)
		if (errno != EINTR)
			return br_err_set(e, errno, "cannot wait for %s", name);
	if (!WIFEXITED(st))
		return br_err_set(e, 0, "%s was killed by signal %d", name, WTERMSIG(st));
	return WEXITSTATUS(st);
}

int
br_helper_run(const char *name, char *const argv[], struct br_err *e)
{
	pid_t pid = spawn(name, argv, -1, -1, e);
	return pid < 0 ? -1 : wait_for(pid, name, e);
}

static int
output(const char *name, char *const argv[], bool both, struct br_buf *out, size_t max, struct br_err *e)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return br_err_set(e, errno, "cannot start %s", name);
	pid_t pid = spawn(name, argv, p[1], both ? p[1] : -1, e);
	(void)close(p[1]);
	int rc = pid < 0 ? -1 : br_read_all(p[0], out, max);
	int saved = errno;
	(void)close(p[0]); /* should it say more than `max`, it ends by SIGPIPE */
	if (pid < 0)
		return -1;
	int status = wait_for(pid, name, e);
	return rc < 0 ? br_err_set(e, saved, "cannot read what %s says", name) : status;
}

int
br_helper_output(const char *name, char *const argv[], struct br_buf *out, size_t max, struct br_err *e)
{
	return output(name, argv, false, out, max, e);
}

int
br_helper_all_output(const char *name, char *const argv[], struct br_buf *out, size_t max, struct br_err *e)
{
	return output(name, argv, true, out, max, e);
}
