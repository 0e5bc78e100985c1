#include "session/review/show.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int
br_pager_start(pid_t *pid)
{
	int p[2];
	const char *pager = getenv("PAGER");
	if (!isatty(STDOUT_FILENO) || (pager != NULL && (*pager == '\0' || br_streq(pager, "cat"))) || pipe2(p, O_CLOEXEC) < 0)
		return -1;
	*pid = fork();
	if (*pid < 0) {
		(void)close(p[0]);
		(void)close(p[1]);
		return -1;
	}
	if (*pid == 0) {
		(void)dup2(p[0], STDIN_FILENO);
		(void)setenv("LESS", "FRX", 0);
		(void)setenv("LESSSECURE", "1", 0);
		(void)execl("/bin/sh", "sh", "-c", pager != NULL ? pager : "exec less 2>/dev/null || exec cat", (char *)NULL);
		_exit(127);
	}
	(void)close(p[0]);
	/* The user may leave the pager before it has read all. */
	(void)signal(SIGPIPE, SIG_IGN);
	return p[1];
}

void
br_pager_end(int fd, pid_t pid)
{
	int status;
	(void)close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}
