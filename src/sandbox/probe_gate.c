/* Landlock, seccomp and what the gates need to look at their callers. */
#include "sandbox/probe_impl.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Newer than the headers of Debian 12 (include/uapi/linux/seccomp.h of 6.6). */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* What each version of Landlock's interface added (Documentation/userspace-api/landlock.rst). */
static const struct {
	const char *kernel;
	const char *adds;
} abis[] = {
	{"5.13", "file access"},
	{"5.19", "renames across directories"},
	{"6.2", "truncation"},
	{"6.7", "TCP ports"},
	{"6.10", "device ioctls"},
	{"6.12", "abstract sockets and signals"},
	{"6.15", "records of what it refused"},
};

void
br_probe_landlock(struct br_probe *p)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 0) {
		br_probe_set(p, BR_PROBE_MISSING, "%s", strerror(errno));
		br_probe_mend(p, errno == EOPNOTSUPP ? "it is built in but switched off: add landlock to lsm= on the kernel's command line"
						     : "a kernel of 5.19 or later with CONFIG_SECURITY_LANDLOCK, and landlock in lsm=");
		return;
	}
	size_t known = BR_ARRAY_LEN(abis);
	if ((size_t)abi >= known) {
		br_probe_set(p, BR_PROBE_ENFORCED, "ABI %ld: all that brattice knows of", abi);
		return;
	}
	br_auto_buf lacks = {0};
	for (size_t i = (size_t)abi; i < known; i++)
		br_buf_printf(&lacks, "%s %s (%s)", i > (size_t)abi ? "," : "", abis[i].adds, abis[i].kernel);
	br_probe_set(p, abi < 2 ? BR_PROBE_MISSING : BR_PROBE_ENFORCED, "ABI %ld; a later kernel adds%s", abi, lacks.failed ? "" : lacks.p);
	if (abi < 2)
		br_probe_mend(p, "a kernel of 5.19 or later: without it every rename across directories would be refused");
}

void
br_probe_openat2(struct br_probe *p)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	br_auto_fd int fd = (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));
	if (fd >= 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "with RESOLVE_IN_ROOT");
		return;
	}
	br_probe_set(p, BR_PROBE_MISSING, "%s", strerror(errno));
	br_probe_mend(p, "a kernel of 5.6 or later; inside another sandbox: run brattice outside it");
}

enum listener_part { NOTIFY, ADDFD_SEND, SYNC_WAKE_UP };

/* In a child: a filter that lets everything through and whose listener answers what the kernel knows. An ioctl about a
 * notification that doesn't exist is ENOENT when its flags are known, EINVAL when they are not (kernel/seccomp.c). */
static int
listen_there(void *arg)
{
	enum listener_part part = *(const enum listener_part *)arg;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = {.len = 1, .filter = &allow};
	unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (fd < 0)
		return errno;
	if (part == ADDFD_SEND) {
		struct seccomp_notif_addfd addfd = {.id = 1, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd};
		return ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) < 0 && errno != ENOENT ? errno : 0;
	}
	if (part == SYNC_WAKE_UP)
		return ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) < 0 ? errno : 0;
	return 0;
}

static int
listen_for(enum listener_part part)
{
	return br_probe_in(0, listen_there, &part).err;
}

void
br_probe_notify(struct br_probe *p)
{
	int err = listen_for(NOTIFY);
	if (err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "with WAIT_KILLABLE_RECV, and no other listener above this process");
		return;
	}
	br_probe_set(p, BR_PROBE_MISSING, "%s", strerror(err));
	if (err == EBUSY)
		br_probe_mend(p, "the kernel allows one listener for a process tree, and another sandbox or container runtime has it: run "
				 "brattice outside that one");
	else
		br_probe_mend(p, "a kernel of 5.19 or later with CONFIG_SECCOMP_FILTER");
}

void
br_probe_addfd_send(struct br_probe *p)
{
	int err = listen_for(ADDFD_SEND);
	if (err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "SECCOMP_ADDFD_FLAG_SEND is known");
		return;
	}
	br_probe_set(p, BR_PROBE_MISSING, "%s", strerror(err));
	br_probe_mend(p, err == EBUSY ? "as above: another listener" : "a kernel of 5.14 or later");
}

void
br_probe_sync_wake_up(struct br_probe *p)
{
	int err = listen_for(SYNC_WAKE_UP);
	if (err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP is known");
		return;
	}
	br_probe_set(p, BR_PROBE_APPROXIMATE, "%s: everything works, slower", strerror(err));
	br_probe_mend(p, "a kernel of 6.6 or later");
}

/* In the parent, about a child in a user namespace of its own, as the sandbox's processes are. */
static int
read_child(pid_t child, void *arg)
{
	char mine = 0;
	struct iovec to = {&mine, 1};
	struct iovec from = {arg, 1};
	return process_vm_readv(child, &to, 1, &from, 1, 0) == 1 ? 0 : errno;
}

void
br_probe_memory_read(struct br_probe *p)
{
	static char byte = 'b';
	uint64_t user_ns = 0x10000000; /* CLONE_NEWUSER */
	struct br_probe_child r = br_probe_beside(user_ns, read_child, &byte);
	if (r.err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "process_vm_readv from a child in its own user namespace");
		return;
	}
	br_probe_set(p, BR_PROBE_MISSING, "%s", strerror(r.err));
	long scope = br_probe_sysctl("/proc/sys/kernel/yama/ptrace_scope", 0);
	if (scope > 1)
		br_probe_mend(p, "sysctl -w kernel.yama.ptrace_scope=1 (it is %ld, which forbids it for one's own children too)", scope);
	else
		br_probe_mend(p, "needs user namespaces (above)");
}

void
br_probe_pidfd(struct br_probe *p)
{
	br_auto_fd int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	br_auto_fd int same = fd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, fd, fd, 0);
	if (same >= 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "pidfd_open and pidfd_getfd");
		return;
	}
	br_probe_set(p, BR_PROBE_MISSING, "%s: %s", fd < 0 ? "pidfd_open" : "pidfd_getfd", strerror(errno));
	br_probe_mend(p, errno == EPERM ? "a container's filter forbids it: run brattice on the host" : "a kernel of 5.6 or later");
}

void
br_probe_tiocsti(struct br_probe *p)
{
	long v = br_probe_sysctl("/proc/sys/dev/tty/legacy_tiocsti", -1);
	if (v == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "dev.tty.legacy_tiocsti is 0");
		return;
	}
	br_probe_set(p, BR_PROBE_APPROXIMATE, v < 0 ? "no such switch before 6.2; the pty and the filter stand alone" : "dev.tty.legacy_tiocsti is 1; the pty and the filter stand alone");
	br_probe_mend(p, v < 0 ? "a kernel of 6.2 or later" : "sysctl -w dev.tty.legacy_tiocsti=0");
}
