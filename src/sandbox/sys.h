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

/* _NSIG of include/uapi/asm/signal.h (64 everywhere but on MIPS); that of a C library may count otherwise. */
#define BR_KERNEL_NSIG 64

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
/* statx(2), include/uapi/linux/stat.h; older C libraries have no stx_mnt_id */
struct br_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct {
		int64_t sec;
		uint32_t nsec;
		int32_t pad;
	} atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id;
	uint64_t spare[13];
};
#define BR_STATX_BASIC_BTIME 0xfffU
#define BR_STATX_MNT_ID 0x1000U
static inline int
br_sys_statx(int dirfd, const char *path, int flags, unsigned mask, struct br_statx *x)
{
	return (int)syscall(SYS_statx, dirfd, path, flags, mask, x);
}
/* Which file on which mount: device, inode and mount id (Linux 5.8). 0, or -1 with errno. */
static inline int
br_sys_identity(int fd, uint64_t out[3])
{
	struct br_statx x;
	if (br_sys_statx(fd, "", 0x1000 /* AT_EMPTY_PATH */, BR_STATX_BASIC_BTIME | BR_STATX_MNT_ID, &x) < 0)
		return -1;
	out[0] = ((uint64_t)x.dev_major << 32) | x.dev_minor;
	out[1] = x.ino;
	out[2] = x.mnt_id;
	return 0;
}
static inline int
br_sys_openat2(int dirfd, const char *path, const struct br_open_how *how)
{
	return (int)syscall(SYS_openat2, dirfd, path, how, sizeof(*how));
}

#endif
