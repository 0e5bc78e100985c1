/* What can be changed without opening for writing: modes, owners, times, attributes, locks (classes 3 and 5). */
#include "probe.h"

#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

/* Newer than the C library's headers: <asm/unistd_64.h> of Linux 6.6, 6.13 and 6.17. */
#define NR_fchmodat2     452
#define NR_setxattrat    463
#define NR_file_setattr  469

static int
m_chmod(char **a)
{
	return probe_rc(syscall(SYS_chmod, a[0], 0777), "chmod");
}
static int
m_fchmod(char **a)
{
	int fd = open(a[0], O_RDONLY);
	return fd < 0 ? probe_rc(fd, "open") : probe_rc(syscall(SYS_fchmod, fd, 0777), "fchmod");
}
static int
m_fchmodat(char **a)
{
	return probe_rc(syscall(SYS_fchmodat, AT_FDCWD, a[0], 0777), "fchmodat");
}
static int
m_fchmodat2(char **a)
{
	return probe_rc(syscall(NR_fchmodat2, AT_FDCWD, a[0], 0777, AT_SYMLINK_NOFOLLOW), "fchmodat2");
}
static int
m_chmod_proc_fd(char **a)
{
	char p[64];
	int fd = open(a[0], O_PATH);
	(void)snprintf(p, sizeof(p), "/proc/self/fd/%d", fd);
	return fd < 0 ? probe_rc(fd, "open O_PATH") : probe_rc(chmod(p, 0777), "chmod of /proc/self/fd");
}
static int
m_chown(char **a)
{
	return probe_rc(syscall(SYS_chown, a[0], getuid(), getgid()), "chown");
}
static int
m_lchown(char **a)
{
	return probe_rc(syscall(SYS_lchown, a[0], getuid(), getgid()), "lchown");
}
static int
m_fchownat(char **a)
{
	return probe_rc(syscall(SYS_fchownat, AT_FDCWD, a[0], getuid(), getgid(), 0), "fchownat");
}
static int
m_chown_root(char **a)
{
	return probe_rc(syscall(SYS_chown, a[0], 12345, 12345), "chown to another");
}
static int
m_utimensat(char **a)
{
	struct timespec ts[2] = {{1, 0}, {1, 0}};
	return probe_rc(syscall(SYS_utimensat, AT_FDCWD, a[0], ts, 0), "utimensat");
}
static int
m_utime(char **a)
{
	struct utimbuf t = {1, 1};
	return probe_rc(syscall(SYS_utime, a[0], &t), "utime");
}
static int
m_utimes(char **a)
{
	struct timeval t[2] = {{1, 0}, {1, 0}};
	return probe_rc(syscall(SYS_utimes, a[0], t), "utimes");
}
static int
m_futimesat(char **a)
{
	struct timeval t[2] = {{1, 0}, {1, 0}};
	return probe_rc(syscall(SYS_futimesat, AT_FDCWD, a[0], t), "futimesat");
}
static int
m_futimens(char **a)
{
	struct timespec ts[2] = {{1, 0}, {1, 0}};
	int fd = open(a[0], O_RDONLY);
	return fd < 0 ? probe_rc(fd, "open") : probe_rc(syscall(SYS_utimensat, fd, NULL, ts, 0), "futimens");
}
static int
m_setxattr(char **a)
{
	return probe_rc(setxattr(a[0], "user.probe", "x", 1, 0), "setxattr");
}
static int
m_fsetxattr(char **a)
{
	int fd = open(a[0], O_RDONLY);
	return fd < 0 ? probe_rc(fd, "open") : probe_rc(fsetxattr(fd, "user.probe", "x", 1, 0), "fsetxattr");
}
static int
m_setxattrat(char **a)
{
	struct {
		uint64_t value;
		uint32_t size, flags;
	} args = {(uint64_t)(uintptr_t)"x", 1, 0};
	return probe_rc(syscall(NR_setxattrat, AT_FDCWD, a[0], 0, "user.probe", &args, sizeof(args)), "setxattrat");
}
static int
m_removexattr(char **a)
{
	return probe_rc(removexattr(a[0], "user.planted"), "removexattr");
}
static int
m_setflags(char **a)
{
	int fd = open(a[0], O_RDONLY | O_NONBLOCK), flags = 0;
	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return probe_rc(-1, "FS_IOC_GETFLAGS");
	flags ^= FS_NODUMP_FL;
	return probe_rc(ioctl(fd, FS_IOC_SETFLAGS, &flags), "FS_IOC_SETFLAGS");
}
static int
m_fssetxattr(char **a)
{
	struct fsxattr fx = {0};
	int fd = open(a[0], O_RDONLY | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &fx) < 0)
		return probe_rc(-1, "FS_IOC_FSGETXATTR");
	fx.fsx_xflags ^= FS_XFLAG_NODUMP;
	return probe_rc(ioctl(fd, FS_IOC_FSSETXATTR, &fx), "FS_IOC_FSSETXATTR");
}
static int
m_file_setattr(char **a)
{
	struct {
		uint64_t xflags;
		uint32_t extsize, nextents, projid, cowextsize;
	} fa = {.xflags = FS_XFLAG_NODUMP};
	return probe_rc(syscall(NR_file_setattr, AT_FDCWD, a[0], &fa, sizeof(fa), 0), "file_setattr");
}
/* The access list's owner entry is the mode's owner bits (acl(5)): a chmod by another name. */
static int
m_acl(char **a)
{
	/* struct posix_acl_xattr_header, version 2; entries of tag, permissions, id. */
	const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[3];
	} acl = {2, {{0x01, 7, 0xffffffff}, {0x04, 5, 0xffffffff}, {0x20, 5, 0xffffffff}}};
	return probe_rc(setxattr(a[0], "system.posix_acl_access", &acl, sizeof(acl), 0), "setxattr system.posix_acl_access");
}
/* A lease blocks whoever opens the file on the host until it is given up. */
static int
m_lease(char **a)
{
	int fd = open(a[0], O_RDONLY);
	return fd < 0 ? probe_rc(fd, "open") : probe_rc(fcntl(fd, F_SETLEASE, F_RDLCK), "F_SETLEASE");
}
static int
m_flock(char **a)
{
	int fd = open(a[0], O_RDONLY);
	return fd < 0 ? probe_rc(fd, "open") : probe_rc(flock(fd, LOCK_EX | LOCK_NB), "flock");
}
/* Class 5: what is left for the host in the project itself. */
static int
leave_setuid(char **a)
{
	struct stat st;
	int fd = open(a[0], O_WRONLY | O_CREAT, 0755);
	if (fd < 0 || fchmod(fd, 06755) < 0 || fstat(fd, &st) < 0)
		return probe_rc(-1, "fchmod 06755");
	return (st.st_mode & 06000) != 0 ? PROBE_DONE : probe_refused("the bits are not there");
}
static int
leave_setuid_open(char **a)
{
	struct stat st;
	mode_t old = umask(0);
	int fd = open(a[0], O_WRONLY | O_CREAT | O_EXCL, 06777);
	(void)umask(old);
	if (fd < 0 || fstat(fd, &st) < 0)
		return probe_rc(-1, "open with 06777");
	return (st.st_mode & 06000) != 0 ? PROBE_DONE : probe_refused("the bits are not there");
}
static int
leave_setuid_mknod(char **a)
{
	struct stat st;
	(void)umask(0);
	if (syscall(SYS_mknod, a[0], S_IFREG | 06777, 0) < 0 || stat(a[0], &st) < 0)
		return probe_rc(-1, "mknod with 06777");
	return (st.st_mode & 06000) != 0 ? PROBE_DONE : probe_refused("the bits are not there");
}
static int
leave_setuid_fchmodat2(char **a)
{
	struct stat st;
	if (probe_plant(a[0]) < 0 || syscall(NR_fchmodat2, AT_FDCWD, a[0], 06755, 0) < 0 || stat(a[0], &st) < 0)
		return probe_rc(-1, "fchmodat2 06755");
	return (st.st_mode & 06000) != 0 ? PROBE_DONE : probe_refused("the bits are not there");
}
static int
leave_filecap(char **a)
{
	/* struct vfs_cap_data, version 2, every capability permitted and effective. */
	const uint32_t cap[5] = {0x02000001, 0xffffffff, 0, 0xffffffff, 0};
	if (probe_plant(a[0]) < 0)
		return probe_rc(-1, "create");
	return probe_rc(setxattr(a[0], "security.capability", cap, sizeof(cap), 0), "setxattr security.capability");
}

#define M(name, fn) {"meta-" name, "3", "PATH", 1, fn}
const struct probe meta_probes[] = {
    M("chmod", m_chmod), M("fchmod", m_fchmod), M("fchmodat", m_fchmodat), M("fchmodat2", m_fchmodat2),
    M("chmod-proc-fd", m_chmod_proc_fd), M("chown", m_chown), M("lchown", m_lchown), M("fchownat", m_fchownat),
    M("chown-other", m_chown_root), M("utimensat", m_utimensat), M("utime", m_utime), M("utimes", m_utimes),
    M("futimesat", m_futimesat), M("futimens", m_futimens), M("setxattr", m_setxattr), M("fsetxattr", m_fsetxattr),
    M("setxattrat", m_setxattrat), M("removexattr", m_removexattr), M("acl", m_acl), M("setflags", m_setflags), M("fssetxattr", m_fssetxattr),
    M("file-setattr", m_file_setattr), M("lease", m_lease), M("flock", m_flock),
    {"leave-setuid", "5", "PATH", 1, leave_setuid},
    {"leave-setuid-open", "5", "PATH", 1, leave_setuid_open},
    {"leave-setuid-mknod", "5", "PATH", 1, leave_setuid_mknod},
    {"leave-setuid-fchmodat2", "5", "PATH", 1, leave_setuid_fchmodat2},
    {"leave-filecap", "5", "PATH", 1, leave_filecap},
    {NULL, NULL, NULL, 0, NULL},
};
