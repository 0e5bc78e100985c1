#include "sandbox/wall.h"

#include "sandbox/probe.h"

#include "base/io.h"
#include "sandbox/caps.h"
#include "sandbox/mounts.h"
#include "sandbox/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* include/uapi/linux/sched.h; musl and old headers have no struct */
struct clone_args_ {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static const uint64_t ALL_NAMESPACES =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWTIME;

static int
write_proc(pid_t pid, const char *file, const char *text, struct br_err *e)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	br_auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || br_write_all(fd, text, strlen(text)) < 0)
		return br_err_set(e, errno, "cannot write %s of the sandbox", file);
	return 0;
}

static int
map_ids(pid_t pid, const struct br_wall_config *c, struct br_err *e)
{
	char uid[64], gid[64];
	(void)snprintf(uid, sizeof(uid), "%u %u 1", c->uid, c->uid);
	(void)snprintf(gid, sizeof(gid), "%u %u 1", c->gid, c->gid);
	/* As root, init drops the supplementary groups itself, which setgroups=deny would forbid. */
	if (!c->root && write_proc(pid, "setgroups", "deny", e) < 0)
		return -1;
	return write_proc(pid, "uid_map", uid, e) < 0 || write_proc(pid, "gid_map", gid, e) < 0 ? -1 : 0;
}

/* Hears a frame of the given letter, or the error that init sends instead. */
static int
expect(int sock, char letter, struct br_err *e)
{
	char frame[1 + sizeof(struct br_err)];
	ssize_t n = br_recv_frame(sock, frame, sizeof(frame), NULL, NULL);
	if (n > 0 && frame[0] == letter)
		return 0;
	if (n == sizeof(frame) && frame[0] == 'E') {
		memcpy(e, frame + 1, sizeof(*e));
		return -1;
	}
	return br_err_set(e, n < 0 ? errno : 0, "the sandbox's first process died while it started");
}

static int
open_ns(pid_t pid, const char *name)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int
handshake(struct br_wall *w, const struct br_wall_config *c, struct br_err *e)
{
	if (expect(w->sock, 'A', e) < 0 || map_ids(w->init, c, e) < 0)
		return -1;
	w->userns = open_ns(w->init, "user");
	w->mntns = open_ns(w->init, "mnt");
	if (w->userns < 0 || w->mntns < 0)
		return br_err_set(e, errno, "cannot open the sandbox's namespaces");
	if (br_send_frame(w->sock, "G", 1, NULL, 0) < 0)
		return br_err_set(e, errno, "cannot start the sandbox");
	/* Taking on another uid clears PDEATHSIG: init arms again and asks again. */
	if (c->root && (expect(w->sock, 'A', e) < 0 || br_send_frame(w->sock, "G", 1, NULL, 0) < 0))
		return br_err_wrap(e, "taking on uid %u", c->uid);
	return 0;
}

static int
clone_error(int sys, struct br_err *e)
{
	(void)br_err_set(e, sys, "cannot make the sandbox's namespaces");
	if (access("/run/brattice", F_OK) == 0 && getenv("BRATTICE") != NULL)
		return br_err_hint(e, "this is inside a session of brattice already, which encloses all that runs in it: run the command itself");
	/* The mend depends on which of a dozen switches refuses: probe.h knows them. */
	static const enum br_feature_id suspects[] = {BR_FEATURE_USER_NS, BR_FEATURE_NAMESPACES, BR_FEATURE_TIME_NS};
	for (size_t i = 0; i < BR_ARRAY_LEN(suspects) && e != NULL && e->hint[0] == '\0'; i++)
		(void)br_probe_hint(suspects[i], e);
	return -1;
}

int
br_wall_start(struct br_wall *w, const struct br_wall_config *c, struct br_err *e)
{
	*w = (struct br_wall){.pidfd = -1, .userns = -1, .mntns = -1, .sock = -1, .gate_sock = -1};
	int pair[2] = {-1, -1}, gate[2] = {-1, -1};
	w->masks = mmap(NULL, BR_WALL_MASK_AREA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->masks == MAP_FAILED) {
		w->masks = NULL;
		return br_err_set(e, errno, "cannot map the area shared with the sandbox");
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, gate) < 0)
		return br_err_set(e, errno, "cannot make a socket pair");
	int pidfd = -1;
	struct clone_args_ args = {
	    .flags = ALL_NAMESPACES | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return clone_error(errno, e);
	if (pid == 0) {
		(void)close(pair[0]);
		(void)close(gate[0]);
		br_init_main(c, pair[1], gate[1], w->masks);
	}
	(void)close(pair[1]);
	(void)close(gate[1]);
	*w = (struct br_wall){.init = pid, .pidfd = pidfd, .userns = -1, .mntns = -1, .sock = pair[0], .gate_sock = gate[0], .masks = w->masks};
	if (handshake(w, c, e) < 0) {
		br_wall_kill(w);
		return -1;
	}
	return 0;
}

int
br_wall_send_masks(struct br_wall *w, uint32_t count, struct br_err *e)
{
	char frame[1 + sizeof(count)] = {'M'};
	memcpy(frame + 1, &count, sizeof(count));
	return br_send_frame(w->sock, frame, sizeof(frame), NULL, 0) < 0 ? br_err_set(e, errno, "cannot tell the sandbox what to hide") : 0;
}

int
br_wall_mask(const struct br_wall *w, const char *path, uid_t uid, gid_t gid, struct br_err *e)
{
	bool other = getuid() != uid; /* asked before joining: in there an unmapped uid reads as 65534 */
	pid_t pid = fork();
	if (pid < 0)
		return br_err_set(e, errno, "cannot hide %s", path);
	if (pid == 0) {
		if (setns(w->userns, CLONE_NEWUSER) < 0 || setns(w->mntns, CLONE_NEWNS) < 0)
			_exit(1);
		/* As root the new mount must belong to the agent's id: no other exists in there. */
		if (other && (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0))
			_exit(1);
		if (br_caps_raise_all(e) < 0 || br_mounts_mask(&path, 1, e) < 0) {
			br_err_print(e);
			_exit(1);
		}
		_exit(0);
	}
	int st;
	while (waitpid(pid, &st, 0) < 0)
		if (errno != EINTR)
			return br_err_set(e, errno, "cannot hide %s", path);
	return WIFEXITED(st) && WEXITSTATUS(st) == 0 ? 0 : br_err_set(e, 0, "cannot hide %s", path);
}

static int
send_number(const struct br_wall *w, char letter, int value)
{
	char frame[1 + sizeof(value)] = {letter};
	memcpy(frame + 1, &value, sizeof(value));
	return br_send_frame(w->sock, frame, sizeof(frame), NULL, 0);
}

int
br_wall_signal(const struct br_wall *w, int sig)
{
	return send_number(w, 'K', sig);
}

int
br_wall_kill_one(const struct br_wall *w, int pid)
{
	return send_number(w, 'k', pid);
}

void
br_wall_cause(const struct br_wall *w, struct br_err *e)
{
	char frame[1 + sizeof(struct br_err)];
	struct pollfd p = {.fd = w->sock, .events = POLLIN};
	while (w->sock >= 0 && poll(&p, 1, 200) == 1) {
		ssize_t n = br_recv_frame(w->sock, frame, sizeof(frame), NULL, NULL);
		if (n <= 0)
			return;
		if (n == (ssize_t)sizeof(frame) && frame[0] == 'E') {
			memcpy(e, frame + 1, sizeof(*e));
			return;
		}
	}
}

void
br_wall_kill(struct br_wall *w)
{
	if (w->pidfd >= 0) {
		/* Not waited for until now, so its number is still its own. */
		if (br_sys_pidfd_send_signal(w->pidfd, SIGKILL) < 0)
			(void)kill(w->init, SIGKILL);
		while (waitpid(w->init, NULL, 0) < 0 && errno == EINTR)
			;
		(void)close(w->pidfd);
		w->pidfd = -1;
	}
	int *const fds[] = {&w->sock, &w->gate_sock, &w->userns, &w->mntns};
	for (size_t i = 0; i < BR_ARRAY_LEN(fds); i++) {
		br_cleanup_fd(fds[i]);
		*fds[i] = -1;
	}
}

int
br_wall_idmap_ns(uid_t uid, gid_t gid, struct br_err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return br_err_set(e, errno, "cannot make a socket pair");
	struct clone_args_ args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return clone_error(errno, e);
	if (pid == 0) {
		char c;
		(void)close(pair[0]);
		(void)!read(pair[1], &c, 1); /* until the parent is done, or dead */
		_exit(0);
	}
	(void)close(pair[1]);
	char map[64], path[64];
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	int fd = write_proc(pid, "uid_map", map, e);
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	if (fd == 0)
		fd = write_proc(pid, "gid_map", map, e);
	if (fd == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			br_err_set(e, errno, "cannot open the id-mapping namespace");
	}
	(void)close(pair[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}
