/* Namespaces, mounts and what is mounted in them. */
#include "sandbox/probe_impl.h"

#include "base/buf.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h> /* and not sys/mount.h: glibc 2.36 defines the same structures */
#include <linux/sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE /* linux/fcntl.h, which can't be included beside fcntl.h */
#define AT_RECURSIVE 0x8000
#endif

#define ALL_NS                                                                                                                    \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static int
do_mount(const char *src, const char *dst, const char *type, unsigned long flags, const char *data)
{
	return (int)syscall(SYS_mount, src, dst, type, flags, data);
}

/* In a chroot(2) no user namespace can be made (kernel/user_namespace.c: current_chrooted). The sign: "/" is no mount. */
static bool
in_chroot(void)
{
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, "/proc/self/mountinfo", &b, 1 << 20) < 0)
		return false;
	for (char *line = b.p; line != NULL && *line != '\0';) {
		char *next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		char where[8];
		if (sscanf(line, "%*s %*s %*s %*s %7s", where) == 1 && br_streq(where, "/"))
			return false;
		line = next;
	}
	return true;
}

/* 2: a seccomp filter is in force on this process, as in a container's default profile. */
static bool
under_filter(void)
{
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, "/proc/self/status", &b, 65536) < 0)
		return false;
	const char *at = strstr(b.p, "\nSeccomp:");
	return at != NULL && strtol(at + 9, NULL, 10) == 2;
}

static bool
in_container(void)
{
	return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0 || getenv("KUBERNETES_SERVICE_HOST") != NULL;
}

/* Each way in which distributions switch user namespaces off, with its own way back. */
static void
mend_user_ns(struct br_probe *p, int err)
{
	if (br_probe_sysctl("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1)
		br_probe_mend(p, "Ubuntu since 23.10 asks for an AppArmor profile: copy brattice's (share/brattice/apparmor/brattice below the prefix) "
				 "to /etc/apparmor.d/brattice, then apparmor_parser -r /etc/apparmor.d/brattice");
	else if (br_probe_sysctl("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0)
		br_probe_mend(p, "sysctl -w kernel.unprivileged_userns_clone=1 (and in /etc/sysctl.d/)");
	else if (err == ENOSPC || br_probe_sysctl("/proc/sys/user/max_user_namespaces", 1) == 0)
		br_probe_mend(p, "sysctl -w user.max_user_namespaces=15000 (its number is used up; inside another sandbox: run brattice outside it)");
	else if (in_chroot())
		br_probe_mend(p, "this is a chroot, where the kernel allows none: enter it with pivot_root (systemd-nspawn, unshare --root in a "
				 "mount of its own) instead");
	else if (in_container())
		br_probe_mend(p, "this is a container whose runtime forbids them: run brattice on the host, or give the container "
				 "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined");
	else if (under_filter())
		br_probe_mend(p, "a seccomp filter that this process inherited forbids them: start brattice from outside that sandbox");
	else if (err == ENOSYS || err == EINVAL)
		br_probe_mend(p, "a kernel of 5.19 or later, built with CONFIG_USER_NS");
	else
		br_probe_mend(p, "a security module or a service manager's setting (RestrictNamespaces=) forbids them: allow them for this user");
}

static const char *
step_name(enum br_probe_step s)
{
	switch (s) {
	case BR_PROBE_CLONE:
		return "clone3";
	case BR_PROBE_MAP:
		return "writing the id maps";
	case BR_PROBE_FN:
		break;
	}
	return "using it";
}

/* For a feature that is tried inside user namespaces: when it's those that fail, the mend is theirs. */
static void
missing(struct br_probe *p, struct br_probe_child r, const char *mend)
{
	br_probe_set(p, BR_PROBE_MISSING, "%s: %s", step_name(r.step), strerror(r.err));
	br_probe_mend(p, "%s", r.step == BR_PROBE_FN || r.err == EINVAL || r.err == ENOSYS ? mend : "needs user namespaces (above)");
}

/* A capability in the new namespace, by its use: AppArmor's restriction lets the clone succeed and takes the capabilities. */
static int
make_private(void *arg)
{
	(void)arg;
	return do_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? errno : 0;
}

void
br_probe_user_ns(struct br_probe *p)
{
	struct br_probe_child r = br_probe_in(CLONE_NEWUSER | CLONE_NEWNS, make_private, NULL);
	if (r.err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "uid %u makes one and is able to mount in it", (unsigned)geteuid());
		return;
	}
	br_probe_set(p, BR_PROBE_MISSING, "%s: %s", step_name(r.step), strerror(r.err));
	mend_user_ns(p, r.err);
}

void
br_probe_namespaces(struct br_probe *p)
{
	struct br_probe_child r = br_probe_in(ALL_NS, make_private, NULL);
	if (r.err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "mount, pid, net, ipc, uts, cgroup, all in one clone3");
		return;
	}
	static const struct {
		const char *name;
		uint64_t flag;
	} each[] = {
		{"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}};
	br_auto_buf refused = {0};
	for (size_t i = 0; i < BR_ARRAY_LEN(each); i++) {
		if (br_probe_in(CLONE_NEWUSER | each[i].flag, NULL, NULL).err != 0)
			br_buf_printf(&refused, " %s", each[i].name);
	}
	br_probe_set(p, BR_PROBE_MISSING, "%s: %s; refused:%s", step_name(r.step), strerror(r.err), refused.len > 0 ? refused.p : " all together");
	struct br_probe user;
	br_probe_user_ns(&user);
	br_probe_mend(p, "%s", user.state != BR_PROBE_ENFORCED ? "needs user namespaces (above)" : "raise the limits in /proc/sys/user/max_*_namespaces; "
												       "a kernel built with all of them");
}

void
br_probe_time_ns(struct br_probe *p)
{
	struct br_probe_child r = br_probe_in(CLONE_NEWUSER | CLONE_NEWTIME, NULL, NULL);
	if (r.err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "made together with the others");
		return;
	}
	missing(p, r, "a kernel of 5.6 or later with CONFIG_TIME_NS");
}

static int
bind_read_only(void *arg)
{
	(void)arg;
	if (do_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return errno;
	br_auto_fd int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0)
		return errno;
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return errno;
	return syscall(SYS_move_mount, tree, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0 ? errno : 0;
}

void
br_probe_mount_setattr(struct br_probe *p)
{
	struct br_probe_child r = br_probe_in(ALL_NS, bind_read_only, NULL);
	if (r.err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "open_tree, mount_setattr and move_mount over the whole tree");
		return;
	}
	missing(p, r, r.err == ENOSYS ? "a kernel of 5.12 or later" : "needs user namespaces (above)");
}

static int
mount_proc(void *arg)
{
	(void)arg;
	if (do_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return errno;
	return do_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? errno : 0;
}

void
br_probe_proc(struct br_probe *p)
{
	struct br_probe_child r = br_probe_in(ALL_NS, mount_proc, NULL);
	if (r.err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "mounted in a new pid namespace");
		return;
	}
	/* fs/namespace.c, mount_too_revealing: no new proc where parts of the one that is there are masked. */
	missing(p, r, r.err == EPERM && in_container() ? "the container's /proc has masked parts: start it with --security-opt systempaths=unconfined"
							  : "needs user namespaces and a /proc without other mounts on it");
}

static int
set_pid_max(void *arg)
{
	int err = mount_proc(arg);
	if (err != 0)
		return err;
	br_auto_fd int fd = open("/proc/sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);
	return fd < 0 || br_write_all(fd, "4096\n", 5) < 0 ? errno : 0;
}

void
br_probe_pid_max(struct br_probe *p)
{
	/* Before 6.14 the file is the whole machine's: an ordinary user can't write it, and root must not try. */
	struct br_probe_child r = {BR_PROBE_FN, EPERM};
	if (geteuid() != 0)
		r = br_probe_in(ALL_NS, set_pid_max, NULL);
	else
		r = br_probe_in(ALL_NS, mount_proc, NULL);
	if (r.err != 0) {
		missing(p, r, "a kernel of 6.14 or later");
	} else if (geteuid() == 0) {
		br_probe_set(p, BR_PROBE_UNUSED, "not tried as root: before 6.14 the number is the whole machine's");
	} else {
		br_probe_set(p, BR_PROBE_ENFORCED, "set inside, without touching the host's");
	}
}

static int
mount_overlay(void *arg)
{
	(void)arg;
	if (do_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || do_mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0)
		return errno;
	if (mkdir("/tmp/lower", 0700) < 0 || mkdir("/tmp/upper", 0700) < 0 || mkdir("/tmp/work", 0700) < 0 || mkdir("/tmp/both", 0700) < 0)
		return errno;
	return do_mount("overlay", "/tmp/both", "overlay", 0, "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr") < 0 ? errno : 0;
}

void
br_probe_overlay(struct br_probe *p)
{
	struct br_probe_child r = br_probe_in(ALL_NS, mount_overlay, NULL);
	if (r.err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "mounted with userxattr in a user namespace");
		return;
	}
	missing(p, r, r.err == ENODEV ? "load the module: modprobe overlay" : "a kernel of 5.11 or later with CONFIG_OVERLAY_FS");
}

/* In the parent: maps a copy of the tree through the child's user namespace. Nothing is attached anywhere. */
static int
idmap(pid_t child, void *arg)
{
	(void)arg;
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)child);
	br_auto_fd int ns = open(path, O_RDONLY | O_CLOEXEC);
	br_auto_fd int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (ns < 0 || tree < 0)
		return errno;
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)ns};
	return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ? errno : 0;
}

void
br_probe_idmap(struct br_probe *p)
{
	if (geteuid() != 0) {
		br_probe_set(p, BR_PROBE_UNUSED, "for sessions of root only");
		return;
	}
	struct br_probe_child r = br_probe_beside(CLONE_NEWUSER, idmap, NULL);
	if (r.err == 0) {
		br_probe_set(p, BR_PROBE_ENFORCED, "on this root file system");
		return;
	}
	missing(p, r, r.err == EINVAL ? "a file system that takes them (ext4, xfs, btrfs; tmpfs since 6.3; overlayfs since 5.19)"
					 : "a kernel of 5.12 or later");
}
