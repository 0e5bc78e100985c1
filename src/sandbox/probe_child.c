#include "sandbox/probe_impl.h"

#include "base/buf.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int
write_proc(pid_t child, const char *name, const char *text)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)child, name);
	br_auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || br_write_all(fd, text, strlen(text)) < 0)
		return errno;
	return 0;
}

/* user_namespaces(7): an unprivileged writer maps only its own ids, and the group only after setgroups is denied. */
static int
map_ids(pid_t child)
{
	char uid[64];
	char gid[64];
	(void)snprintf(uid, sizeof(uid), "%u %u 1\n", (unsigned)geteuid(), (unsigned)geteuid());
	(void)snprintf(gid, sizeof(gid), "%u %u 1\n", (unsigned)getegid(), (unsigned)getegid());
	int err = write_proc(child, "setgroups", "deny");
	if (err == 0)
		err = write_proc(child, "uid_map", uid);
	if (err == 0)
		err = write_proc(child, "gid_map", gid);
	return err;
}

/* The child's side: waits for the parent's byte (end of file: the parent is gone), runs `fn`, reports its errno. */
static void BR_NORETURN
child_main(int sock, int (*fn)(void *arg), void *arg)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	char go;
	if (read(sock, &go, 1) != 1)
		_exit(1);
	int err = fn != NULL ? fn(arg) : 0;
	_exit(br_write_all(sock, &err, sizeof(err)) < 0);
}

static pid_t
spawn(uint64_t flags, int sock, int other, int (*fn)(void *arg), void *arg)
{
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		(void)close(other);
		child_main(sock, fn, arg);
	}
	return pid;
}

static struct br_probe_child
run(uint64_t flags, int (*fn)(void *arg), int (*peer)(pid_t child, void *arg), void *arg)
{
	struct br_probe_child r = {BR_PROBE_CLONE, 0};
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		r.err = errno;
		return r;
	}
	br_auto_fd int mine = pair[0];
	pid_t pid = spawn(flags, pair[1], pair[0], fn, arg);
	if (pid < 0)
		r.err = errno;
	(void)close(pair[1]);
	if (pid < 0)
		return r;
	r.step = BR_PROBE_MAP;
	r.err = (flags & CLONE_NEWUSER) != 0 ? map_ids(pid) : 0;
	if (r.err == 0) {
		r.step = BR_PROBE_FN;
		if (peer != NULL)
			r.err = peer(pid, arg);
		else if (br_write_all(mine, "g", 1) < 0 || read(mine, &r.err, sizeof(r.err)) != sizeof(r.err))
			r.err = EIO;
	}
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return r;
}

struct br_probe_child
br_probe_in(uint64_t flags, int (*fn)(void *arg), void *arg)
{
	return run(flags, fn, NULL, arg);
}

struct br_probe_child
br_probe_beside(uint64_t flags, int (*peer)(pid_t child, void *arg), void *arg)
{
	return run(flags, NULL, peer, arg);
}
