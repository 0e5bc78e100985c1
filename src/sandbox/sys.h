/* System calls and constants that the C library or Debian 12's kernel headers lack, in one place.
 * Numbers: include/uapi/asm-generic/unistd.h; the same on all 64-bit architectures since 5.x. */
#ifndef BRATTICE_SANDBOX_SYS_H
#define BRATTICE_SANDBOX_SYS_H

#include "base/defs.h"

#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/mount.h (not included: it clashes with <sys/mount.h> of glibc 2.36) */
#define BR_MS_NOSUID 2
#define BR_MS_NODEV 4
#define BR_MS_NOEXEC 8
#define BR_MS_REC 16384
#define BR_MS_PRIVATE (1 << 18)
#define BR_MNT_DETACH 2
#define BR_OPEN_TREE_CLONE 1
#define BR_OPEN_TREE_CLOEXEC 02000000
#define BR_AT_RECURSIVE 0x8000
#define BR_MOVE_MOUNT_F_EMPTY_PATH 4
#define BR_MOVE_MOUNT_T_EMPTY_PATH 0x40
#define BR_MOUNT_ATTR_RDONLY 1
#define BR_MOUNT_ATTR_NOSUID 2
#define BR_MOUNT_ATTR_NODEV 4
#define BR_MOUNT_ATTR_NOEXEC 8
#define BR_MOUNT_ATTR_IDMAP 0x00100000
#define BR_FSOPEN_CLOEXEC 1
#define BR_FSMOUNT_CLOEXEC 1
#define BR_FSCONFIG_SET_FLAG 0
#define BR_FSCONFIG_SET_STRING 1
#define BR_FSCONFIG_CMD_CREATE 6

struct br_mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

static inline int
br_sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dirfd, path, flags);
}
static inline int
br_sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}
static inline int
br_sys_mount_setattr(int fd, const char *path, unsigned flags, const struct br_mount_attr *a)
{
	return (int)syscall(SYS_mount_setattr, fd, path, flags, a, sizeof(*a));
}
static inline int
br_sys_fsopen(const char *fs)
{
	return (int)syscall(SYS_fsopen, fs, BR_FSOPEN_CLOEXEC);
}
static inline int
br_sys_fsconfig(int fd, unsigned cmd, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fd, cmd, key, value, 0);
}
static inline int
br_sys_fsmount(int fd, unsigned attr)
{
	return (int)syscall(SYS_fsmount, fd, BR_FSMOUNT_CLOEXEC, attr);
}
static inline int
br_sys_mount(const char *src, const char *dst, const char *type, unsigned long flags, const char *data)
{
	return (int)syscall(SYS_mount, src, dst, type, flags, data);
}
static inline int
br_sys_umount2(const char *path, int flags)
{
	return (int)syscall(SYS_umount2, path, flags);
}
static inline int
br_sys_pivot_root(const char *n, const char *old)
{
	return (int)syscall(SYS_pivot_root, n, old);
}
static inline int
br_sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}
static inline int
br_sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}
static inline int
br_sys_pidfd_getfd(int pidfd, int fd)
{
	return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}
static inline int
br_sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

/* openat2(2), include/uapi/linux/openat2.h */
struct br_open_how {
	uint64_t flags, mode, resolve;
};
#define BR_RESOLVE_NO_XDEV 0x01
#define BR_RESOLVE_NO_MAGICLINKS 0x02
#define BR_RESOLVE_NO_SYMLINKS 0x04
#define BR_RESOLVE_BENEATH 0x08
#define BR_RESOLVE_IN_ROOT 0x10
static inline int
br_sys_openat2(int dirfd, const char *path, const struct br_open_how *how)
{
	return (int)syscall(SYS_openat2, dirfd, path, how, sizeof(*how));
}

#endif
