/* Reading the process that asked: its memory once, its directories and descriptors by /proc.
 *
 * Everything here may race with the caller's death; callers of these functions check caller_alive() after the last
 * read and before they act (seccomp_unotify(2): the pid may have been reused). */
#include "exec/gate_int.h"

#include "base/io.h"
#include "sandbox/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

int
caller_bytes(const struct call *c, uint64_t addr, void *out, size_t n)
{
	struct iovec local = {out, n}, remote = {(void *)(uintptr_t)addr, n};
	if (n == 0)
		return 0;
	ssize_t r = process_vm_readv(c->pid, &local, 1, &remote, 1, 0);
	return r == (ssize_t)n ? 0 : -EFAULT;
}

int
caller_string(const struct call *c, uint64_t addr, char *out, size_t room)
{
	size_t got = 0, chunk = 256;
	while (got < room) {
		/* Never across a page that may be missing. */
		size_t n = 4096 - (size_t)((addr + got) & 4095);
		if (n > chunk)
			n = chunk;
		if (n > room - got)
			n = room - got;
		struct iovec local = {out + got, n}, remote = {(void *)(uintptr_t)(addr + got), n};
		ssize_t r = process_vm_readv(c->pid, &local, 1, &remote, 1, 0);
		if (r <= 0)
			return -EFAULT;
		char *nul = memchr(out + got, '\0', (size_t)r);
		if (nul != NULL)
			return (int)(nul - out);
		got += (size_t)r;
		chunk = 4096;
	}
	return -ENAMETOOLONG;
}

bool
caller_alive(const struct call *c)
{
	uint64_t id = c->req->id;
	return ioctl(c->g->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static int
open_of(const struct call *c, const char *what, int flags)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/%s", (int)c->pid, what);
	int fd = openat(c->g->proc, path, flags | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int
caller_fd_path(const struct call *c, int fd)
{
	char what[32];
	if (fd < 0)
		return -EBADF;
	(void)snprintf(what, sizeof(what), "fd/%d", fd);
	int r = open_of(c, what, O_PATH);
	return r == -ENOENT ? -EBADF : r;
}

int
caller_dir(const struct call *c, int dirfd)
{
	return dirfd == AT_FDCWD ? open_of(c, "cwd", O_PATH | O_DIRECTORY) : caller_fd_path(c, dirfd);
}

/* pidfd_open wants a process: for a thread that isn't its leader, PIDFD_THREAD (Linux 6.9), or its leader's id. */
static int
open_pidfd(const struct call *c)
{
	int fd = br_sys_pidfd_open(c->pid, 0);
	if (fd >= 0)
		return fd;
	fd = br_sys_pidfd_open(c->pid, O_EXCL /* PIDFD_THREAD */);
	if (fd >= 0)
		return fd;
	br_auto_fd int st = open_of(c, "status", O_RDONLY);
	char buf[1024];
	ssize_t n = st >= 0 ? read(st, buf, sizeof(buf) - 1) : -1;
	if (n <= 0)
		return -ESRCH;
	buf[n] = '\0';
	char *p = strstr(buf, "\nTgid:");
	fd = p != NULL ? br_sys_pidfd_open((pid_t)strtol(p + 6, NULL, 10), 0) : -1;
	return fd >= 0 ? fd : -ESRCH;
}

int
caller_fd_dup(const struct call *c, int fd)
{
	br_auto_fd int pidfd = open_pidfd(c);
	if (pidfd < 0)
		return pidfd;
	int r = br_sys_pidfd_getfd(pidfd, fd);
	return r >= 0 ? r : -errno;
}

static int
read_of(const struct call *c, const char *what, char *buf, size_t room)
{
	br_auto_fd int fd = open_of(c, what, O_RDONLY);
	if (fd < 0)
		return fd;
	ssize_t n = read(fd, buf, room - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return (int)n;
}

int
caller_tty(const struct call *c)
{
	char buf[1024];
	int n = read_of(c, "stat", buf, sizeof(buf));
	if (n < 0)
		return n;
	/* proc_pid_stat(5): after "(comm)": state ppid pgrp session tty_nr */
	char *p = strrchr(buf, ')');
	int state = 0, tty = 0;
	/* NOLINTNEXTLINE(cert-err34-c): the kernel writes this number from an int */
	if (p == NULL || sscanf(p + 1, " %c %*d %*d %*d %d", (char *)&state, &tty) != 2 || tty == 0)
		return -ENXIO;
	/* Unix98 pts: majors 136-143 */
	if (major((dev_t)tty) < 136 || major((dev_t)tty) > 143)
		return -ENXIO;
	return (int)((major((dev_t)tty) - 136) * 256 + minor((dev_t)tty));
}

pid_t
caller_ns_pid(const struct call *c)
{
	char buf[2048];
	if (read_of(c, "status", buf, sizeof(buf)) < 0)
		return 0;
	char *p = strstr(buf, "\nNStgid:");
	if (p == NULL)
		return 0;
	p[1 + strcspn(p + 1, "\n")] = '\0';
	char *last = strrchr(p, '\t');
	return last != NULL ? (pid_t)strtol(last + 1, NULL, 10) : 0;
}

void
caller_comm(const struct call *c, char out[16])
{
	char buf[32];
	int n = read_of(c, "comm", buf, sizeof(buf));
	if (n < 0)
		n = 0;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	(void)snprintf(out, 16, "%.15s", buf);
}

/* The masks of signals in /proc/PID/status: proc_pid_status(5). */
static uint64_t
signal_mask(const char *status, const char *field)
{
	const char *p = strstr(status, field);
	return p == NULL ? 0 : strtoull(p + strlen(field), NULL, 16);
}

bool
caller_interrupted(const struct call *c)
{
	char buf[4096];
	if (read_of(c, "status", buf, sizeof(buf)) <= 0)
		return false;
	uint64_t pending = signal_mask(buf, "\nSigPnd:") | signal_mask(buf, "\nShdPnd:");
	return (pending & ~signal_mask(buf, "\nSigBlk:")) != 0;
}

void
take_umask(const struct call *c)
{
	char buf[192];
	mode_t m = c->g->c->umask;
	if (read_of(c, "status", buf, sizeof(buf)) > 0) {
		char *p = strstr(buf, "Umask:");
		if (p != NULL)
			m = (mode_t)strtoul(p + 6, NULL, 8) & 0777;
	}
	if (m != c->g->umask) {
		(void)umask(m);
		c->g->umask = m;
	}
}
