/* Writing, replacing and creating a file by every call that can: classes 3 to 5. `PATH` is the target. A probe has done it
 * when the calls say so; the tests look at the file as well, because a gate that performs calls for others may lie. */
#include "probe.h"

#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int
put(long fd, const char *call)
{
	if (fd < 0)
		return probe_rc(fd, call);
	return probe_rc(write((int)fd, PROBE_MARK, strlen(PROBE_MARK)), "write");
}
/* A file with the mark beside the target, to be moved or linked there. The project's own directory (the working directory) is
 * tried second: the target's directory may not be writable. */
static char *
source(const char *path)
{
	char *t = probe_temp(path);
	if (probe_plant(t) == 0)
		return t;
	t = probe_temp("./x");
	return probe_plant(t) == 0 ? t : NULL;
}
static int
done(long rc, const char *call, const char *temp)
{
	int result = probe_rc(rc, call);
	if (temp != NULL)
		(void)unlink(temp);
	return result;
}

#define OPENING(fn, expr, call)          \
	static int fn(char **a)          \
	{                                \
		return put((expr), call); \
	}
OPENING(w_open, syscall(SYS_open, a[0], O_WRONLY), "open O_WRONLY")
OPENING(w_open_rdwr, syscall(SYS_open, a[0], O_RDWR), "open O_RDWR")
OPENING(w_open_append, syscall(SYS_open, a[0], O_WRONLY | O_APPEND), "open O_APPEND")
OPENING(w_open_create, syscall(SYS_open, a[0], O_WRONLY | O_CREAT, 0755), "open O_CREAT")
OPENING(w_open_trunc, syscall(SYS_open, a[0], O_WRONLY | O_TRUNC), "open O_TRUNC")
OPENING(w_openat, syscall(SYS_openat, AT_FDCWD, a[0], O_WRONLY | O_CREAT, 0755), "openat O_CREAT")
OPENING(w_openat_excl, syscall(SYS_openat, AT_FDCWD, a[0], O_WRONLY | O_CREAT | O_EXCL, 0755), "openat O_EXCL")
OPENING(w_creat, syscall(SYS_creat, a[0], 0755), "creat")
/* The upper half of a register that a 32-bit comparison in a filter doesn't see. */
OPENING(w_openat_hi, syscall(SYS_openat, (long)AT_FDCWD, a[0], (long)(O_WRONLY | O_CREAT) | (1L << 40), 0755), "openat, high bits")
/* O_ACCMODE 3: "no access", but O_TRUNC and ioctls work; the kernel asks for both permissions. */
OPENING(w_open_3, syscall(SYS_open, a[0], 3 | O_CREAT, 0755) < 0 ? -1 : syscall(SYS_open, a[0], O_WRONLY), "open 3|O_CREAT")

/* O_RDONLY | O_TRUNC truncates. */
static int
w_rdonly_trunc(char **a)
{
	return probe_rc(syscall(SYS_open, a[0], O_RDONLY | O_TRUNC), "open O_RDONLY|O_TRUNC");
}
static int
w_rdonly_create(char **a)
{
	return probe_rc(syscall(SYS_open, a[0], O_RDONLY | O_CREAT, 0755), "open O_RDONLY|O_CREAT");
}
static int
w_openat2(char **a)
{
	struct open_how how = {.flags = O_WRONLY | O_CREAT, .mode = 0755};
	return put(syscall(SYS_openat2, AT_FDCWD, a[0], &how, sizeof(how)), "openat2");
}
static int
w_self_root(char **a)
{
	char *full = realpath(probe_dir(a[0]), NULL);
	if (full == NULL)
		return probe_rc(-1, "realpath");
	char *p = probe_cat(probe_cat(probe_cat("/proc/self/root", full), "/"), probe_base(a[0]));
	return put(open(p, O_WRONLY | O_CREAT, 0755), p);
}
static int
w_self_cwd(char **a)
{
	if (chdir(probe_dir(a[0])) < 0)
		return probe_rc(-1, "chdir");
	return put(open(probe_cat("/proc/self/cwd/", probe_base(a[0])), O_WRONLY | O_CREAT, 0755), "open below /proc/self/cwd");
}
static int
w_self_fd_dir(char **a)
{
	char p[4200];
	int dir = open(probe_dir(a[0]), O_PATH | O_DIRECTORY);
	(void)snprintf(p, sizeof(p), "/proc/self/fd/%d/%s", dir, probe_base(a[0]));
	return dir < 0 ? probe_rc(dir, "open O_PATH") : put(open(p, O_WRONLY | O_CREAT, 0755), p);
}
static int
w_chdir(char **a)
{
	return chdir(probe_dir(a[0])) < 0 ? probe_rc(-1, "chdir") : put(open(probe_base(a[0]), O_WRONLY | O_CREAT, 0755), "open");
}
static int
w_dirfd(char **a)
{
	int dir = open(probe_dir(a[0]), O_PATH | O_DIRECTORY);
	return dir < 0 ? probe_rc(dir, "open O_PATH") : put(openat(dir, probe_base(a[0]), O_WRONLY | O_CREAT, 0755), "openat");
}
static int
w_dotdot(char **a)
{
	char *dir = probe_dir(a[0]), *sub = NULL;
	char *t = probe_temp(a[0]);
	if (mkdir(t, 0755) == 0)
		sub = probe_cat(t, "/.././");
	else
		sub = probe_cat(dir, "//.//");
	int rc = put(open(probe_cat(sub, probe_base(a[0])), O_WRONLY | O_CREAT, 0755), "open with ..");
	(void)rmdir(t);
	return rc;
}
static int
w_trailing(char **a)
{
	return probe_rc(mkdir(probe_cat(a[0], "/"), 0755), "mkdir with a trailing slash");
}
static int
w_symlink_file(char **a)
{
	char *t = probe_temp("./x"), *full = realpath(probe_dir(a[0]), NULL);
	if (full == NULL || symlink(probe_cat(probe_cat(full, "/"), probe_base(a[0])), t) < 0)
		return probe_rc(-1, "symlink");
	int rc = put(open(t, O_WRONLY | O_CREAT, 0755), "open through a symlink");
	(void)unlink(t);
	return rc;
}
static int
w_symlink_dir(char **a)
{
	char *t = probe_temp("./x"), *full = realpath(probe_dir(a[0]), NULL);
	if (full == NULL || symlink(full, t) < 0)
		return probe_rc(-1, "symlink");
	int rc = put(open(probe_cat(probe_cat(t, "/"), probe_base(a[0])), O_WRONLY | O_CREAT, 0755), "open through a symlink");
	(void)unlink(t);
	return rc;
}
static int
w_fd_reopen(char **a)
{
	char p[64];
	int fd = open(a[0], O_PATH);
	(void)snprintf(p, sizeof(p), "/proc/self/fd/%d", fd);
	return fd < 0 ? probe_rc(fd, "open O_PATH") : put(open(p, O_WRONLY), p);
}
static int
w_ro_reopen(char **a)
{
	char p[64];
	int fd = open(a[0], O_RDONLY);
	(void)snprintf(p, sizeof(p), "/dev/fd/%d", fd);
	return fd < 0 ? probe_rc(fd, "open O_RDONLY") : put(open(p, O_RDWR), p);
}
static int
w_empty_path(char **a)
{
	int fd = open(a[0], O_RDONLY);
	struct open_how how = {.flags = O_WRONLY};
	return fd < 0 ? probe_rc(fd, "open") : put(syscall(SYS_openat2, fd, "", &how, sizeof(how)), "openat2 of an empty path");
}
static int
w_mmap(char **a)
{
	int fd = open(a[0], O_RDWR);
	if (fd < 0)
		return probe_rc(fd, "open O_RDWR");
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED || ftruncate(fd, 4096) < 0)
		return probe_rc(-1, "mmap");
	for (size_t i = 0; i + 1 < sizeof(PROBE_MARK); i++)
		m[i] = PROBE_MARK[i];
	return PROBE_DONE;
}
static int
w_mprotect(char **a)
{
	int fd = open(a[0], O_RDONLY);
	char *m = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return probe_rc(-1, "mmap");
	return probe_rc(mprotect(m, 4096, PROT_READ | PROT_WRITE), "mprotect of a read-only mapping");
}
static int
w_truncate(char **a)
{
	return probe_rc(syscall(SYS_truncate, a[0], 0L), "truncate");
}
static int
w_ftruncate(char **a)
{
	int fd = open(a[0], O_RDWR);
	return fd < 0 ? probe_rc(fd, "open") : probe_rc(syscall(SYS_ftruncate, fd, 0L), "ftruncate");
}
static int
w_rename(char **a)
{
	char *t = source(a[0]);
	return t == NULL ? probe_rc(-1, "create") : done(syscall(SYS_rename, t, a[0]), "rename", t);
}
static int
w_renameat(char **a)
{
	char *t = source(a[0]);
	return t == NULL ? probe_rc(-1, "create") : done(syscall(SYS_renameat, AT_FDCWD, t, AT_FDCWD, a[0]), "renameat", t);
}
static int
renameat2_with(char **a, unsigned flags, const char *call)
{
	char *t = source(a[0]);
	return t == NULL ? probe_rc(-1, "create") : done(syscall(SYS_renameat2, AT_FDCWD, t, AT_FDCWD, a[0], flags), call, t);
}
static int
w_renameat2(char **a)
{
	return renameat2_with(a, 0, "renameat2");
}
static int
w_noreplace(char **a)
{
	return renameat2_with(a, RENAME_NOREPLACE, "renameat2 NOREPLACE");
}
static int
w_exchange(char **a)
{
	return renameat2_with(a, RENAME_EXCHANGE, "renameat2 EXCHANGE");
}
/* The same with the target named first: both names of an exchange are targets. */
static int
w_exchange_back(char **a)
{
	char *t = source(a[0]);
	return t == NULL ? probe_rc(-1, "create") :
	                   done(syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, t, RENAME_EXCHANGE), "renameat2 EXCHANGE", t);
}
static int
w_rename_dirfd(char **a)
{
	char *t = source(a[0]);
	int dir = open(probe_dir(a[0]), O_PATH | O_DIRECTORY);
	if (t == NULL || dir < 0)
		return probe_rc(-1, "create");
	return done(syscall(SYS_renameat, AT_FDCWD, t, dir, probe_base(a[0])), "renameat to a descriptor", t);
}
static int
w_rename_away(char **a)
{
	char *t = probe_temp("./x");
	return probe_rc(syscall(SYS_rename, a[0], t), "rename away");
}
static int
w_rename_dir_over(char **a)
{
	char *t = probe_temp("./x");
	if (mkdir(t, 0755) < 0)
		return probe_rc(-1, "mkdir");
	int rc = probe_rc(rename(t, a[0]), "rename of a directory");
	(void)rmdir(t);
	return rc;
}
/* Moves an ancestor away (N levels up), works there, moves it back. */
static int
under_renamed(char **a, int levels)
{
	char *up = probe_cat(a[0], ""), *t = NULL;
	for (int i = 0; i < levels; i++)
		up = probe_dir(up);
	if (br_streq(up, "."))
		return probe_cant("the path has no such ancestor");
	const char *rest = a[0] + strlen(up);
	t = probe_temp(up);
	if (syscall(SYS_rename, up, t) < 0)
		return probe_rc(-1, "rename of an ancestor");
	int rc = put(open(probe_cat(t, rest), O_WRONLY | O_CREAT, 0755), "open below the new name");
	if (rename(t, up) < 0)
		printf("could not rename %s back\n", t);
	return rc;
}
static int
w_rename_parent(char **a)
{
	return under_renamed(a, 1);
}
static int
w_rename_grandparent(char **a)
{
	return under_renamed(a, 2);
}
/* A copy of the parent with the target in it takes the parent's place. */
static int
w_exchange_parent(char **a)
{
	char *dir = probe_dir(a[0]), *t = probe_temp("./x");
	if (mkdir(t, 0755) < 0 || probe_plant(probe_cat(probe_cat(t, "/"), probe_base(a[0]))) < 0)
		return probe_rc(-1, "create");
	int rc = probe_rc(syscall(SYS_renameat2, AT_FDCWD, t, AT_FDCWD, dir, RENAME_EXCHANGE), "renameat2 EXCHANGE of the parent");
	(void)unlink(probe_cat(probe_cat(t, "/"), probe_base(a[0])));
	(void)rmdir(t);
	return rc;
}
static int
w_symlink_parent(char **a)
{
	char *dir = probe_dir(a[0]), *t = probe_temp("./x"), *away = probe_temp("./x"), *full = NULL;
	if (mkdir(t, 0755) < 0 || probe_plant(probe_cat(probe_cat(t, "/"), probe_base(a[0]))) < 0)
		return probe_rc(-1, "create");
	full = realpath(t, NULL);
	if (rename(dir, away) < 0 && errno != ENOENT)
		return probe_rc(-1, "rename of the parent");
	return probe_rc(symlink(full, dir), "symlink in the parent's place");
}
/* The parents don't exist yet: making them and the target, and making them under another name first. */
static int
make_parents(const char *path)
{
	for (const char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		char *dir = strndup(path, (size_t)(p - path));
		if (dir == NULL || (mkdir(dir, 0755) < 0 && errno != EEXIST))
			return -1;
		free(dir);
	}
	return 0;
}
static int
w_parents(char **a)
{
	if (make_parents(a[0]) < 0)
		return probe_rc(-1, "mkdir of the parents");
	return probe_rc(probe_plant(a[0]), "create");
}
/* The first `up` directories above the target get another name until the target is in them. */
static int
staged(char **a, int up)
{
	char *top = probe_cat(a[0], "");
	for (int i = 0; i < up; i++)
		top = probe_dir(top);
	const char *rest = a[0] + strlen(top);
	if (br_streq(top, ".") || make_parents(a[0]) < 0)
		return br_streq(top, ".") ? probe_cant("the path has no such ancestor") : probe_rc(-1, "mkdir of the parents");
	char *t = probe_temp("./x"), *away = probe_temp("./x"), *at = probe_cat(t, rest);
	if (make_parents(at) < 0 || probe_plant(at) < 0)
		return probe_rc(-1, "staging");
	/* An empty directory may be replaced; one with something in it has to go first. */
	if (rename(t, top) < 0 && rename(top, away) < 0)
		return probe_rc(-1, "rename of the parent");
	if (access(top, F_OK) < 0 && rename(t, top) < 0)
		return probe_rc(-1, "rename of the staged directory");
	return probe_marked(a[0]) ? PROBE_DONE : probe_refused("the target is not there");
}
static int
w_staged_parent(char **a)
{
	return staged(a, 1);
}
static int
w_staged_grandparent(char **a)
{
	return staged(a, 2);
}
static int
w_link_over(char **a)
{
	char *t = source(a[0]);
	return t == NULL ? probe_rc(-1, "create") : done(syscall(SYS_link, t, a[0]), "link", t);
}
static int
w_linkat(char **a)
{
	char *t = source(a[0]);
	return t == NULL ? probe_rc(-1, "create") : done(syscall(SYS_linkat, AT_FDCWD, t, AT_FDCWD, a[0], 0), "linkat", t);
}
static int
w_link_out(char **a)
{
	char *t = probe_temp("./x");
	if (syscall(SYS_link, a[0], t) < 0)
		return probe_rc(-1, "link");
	int rc = put(open(t, O_WRONLY), "open of the hard link");
	(void)unlink(t);
	return rc;
}
static int
w_tmpfile(char **a)
{
	char p[64];
	int fd = open(probe_dir(a[0]), O_TMPFILE | O_RDWR, 0755);
	if (fd < 0)
		fd = open(".", O_TMPFILE | O_RDWR, 0755);
	if (fd < 0 || put(dup(fd), "dup") != PROBE_DONE)
		return probe_rc(-1, "open O_TMPFILE");
	(void)snprintf(p, sizeof(p), "/proc/self/fd/%d", fd);
	return probe_rc(syscall(SYS_linkat, AT_FDCWD, p, AT_FDCWD, a[0], AT_SYMLINK_FOLLOW), "linkat of an O_TMPFILE");
}
static int
w_tmpfile_empty(char **a)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0755);
	if (fd < 0 || put(dup(fd), "dup") != PROBE_DONE)
		return probe_rc(-1, "open O_TMPFILE");
	return probe_rc(syscall(SYS_linkat, fd, "", AT_FDCWD, a[0], AT_EMPTY_PATH), "linkat AT_EMPTY_PATH");
}
static int
w_symlink(char **a)
{
	return probe_rc(syscall(SYS_symlink, "/bin/true", a[0]), "symlink");
}
static int
w_symlinkat(char **a)
{
	int dir = open(probe_dir(a[0]), O_PATH | O_DIRECTORY);
	return probe_rc(syscall(SYS_symlinkat, "/bin/true", dir, probe_base(a[0])), "symlinkat");
}
static int
w_symlink_replace(char **a)
{
	char *t = probe_temp("./x");
	if (symlink("/bin/true", t) < 0)
		return probe_rc(-1, "symlink");
	return done(rename(t, a[0]), "rename of a symlink", t);
}
static int
w_mkdir(char **a)
{
	return probe_rc(syscall(SYS_mkdir, a[0], 0755), "mkdir");
}
static int
w_mkdirat(char **a)
{
	int dir = open(probe_dir(a[0]), O_PATH | O_DIRECTORY);
	return probe_rc(syscall(SYS_mkdirat, dir, probe_base(a[0]), 0755), "mkdirat");
}
static int
w_mknod(char **a)
{
	return probe_rc(syscall(SYS_mknod, a[0], S_IFREG | 0755, 0), "mknod of a regular file");
}
static int
w_mkfifo(char **a)
{
	return probe_rc(syscall(SYS_mknodat, AT_FDCWD, a[0], S_IFIFO | 0644, 0), "mknodat of a FIFO");
}
static int
w_mknod_char(char **a)
{
	return probe_rc(syscall(SYS_mknod, a[0], S_IFCHR | 0666, 0x0103), "mknod of a device");
}
static int
w_mknod_block(char **a)
{
	return probe_rc(syscall(SYS_mknodat, AT_FDCWD, a[0], S_IFBLK | 0666, 0x0700), "mknodat of a block device");
}
static int
w_bind(char **a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	if (strlen(a[0]) >= sizeof(un.sun_path) && chdir(probe_dir(a[0])) < 0)
		return probe_rc(-1, "chdir");
	const char *name = strlen(a[0]) >= sizeof(un.sun_path) ? probe_base(a[0]) : a[0];
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", name);
	return probe_rc(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&un, sizeof(un)), "bind");
}
static int
w_unlink(char **a)
{
	return probe_rc(syscall(SYS_unlink, a[0]), "unlink");
}
static int
w_unlinkat(char **a)
{
	int dir = open(probe_dir(a[0]), O_PATH | O_DIRECTORY);
	return probe_rc(syscall(SYS_unlinkat, dir, probe_base(a[0]), 0), "unlinkat");
}
static int
w_recreate(char **a)
{
	return unlink(a[0]) < 0 ? probe_rc(-1, "unlink") : probe_rc(probe_plant(a[0]), "recreate");
}
static int
w_rmdir(char **a)
{
	return probe_rc(syscall(SYS_rmdir, a[0]), "rmdir");
}
static int
w_copy_range(char **a)
{
	char *t = source("./x");
	int in = t == NULL ? -1 : open(t, O_RDONLY), out = open(a[0], O_WRONLY | O_CREAT, 0755);
	if (out < 0)
		return done(-1, "open", t == NULL ? "" : t);
	return done(syscall(SYS_copy_file_range, in, NULL, out, NULL, strlen(PROBE_MARK), 0), "copy_file_range", t);
}

#define W(name, fn) {"write-" name, "3,4", "PATH", 1, fn}
const struct probe write_probes[] = {
    W("open", w_open), W("open-rdwr", w_open_rdwr), W("open-append", w_open_append), W("open-create", w_open_create),
    W("open-trunc", w_open_trunc), W("open-3", w_open_3), W("rdonly-trunc", w_rdonly_trunc), W("rdonly-create", w_rdonly_create),
    W("openat", w_openat), W("openat-excl", w_openat_excl), W("openat-hi", w_openat_hi), W("openat2", w_openat2),
    W("creat", w_creat), W("self-root", w_self_root), W("self-cwd", w_self_cwd), W("self-fd-dir", w_self_fd_dir),
    W("chdir", w_chdir), W("dirfd", w_dirfd), W("dotdot", w_dotdot), W("symlink-file", w_symlink_file),
    W("symlink-dir", w_symlink_dir), W("fd-reopen", w_fd_reopen), W("ro-reopen", w_ro_reopen), W("empty-path", w_empty_path),
    W("mmap", w_mmap), W("mprotect", w_mprotect), W("truncate", w_truncate), W("ftruncate", w_ftruncate),
    W("rename", w_rename), W("renameat", w_renameat), W("renameat2", w_renameat2), W("noreplace", w_noreplace),
    W("exchange", w_exchange), W("exchange-back", w_exchange_back), W("rename-dirfd", w_rename_dirfd),
    W("rename-parent", w_rename_parent), W("rename-grandparent", w_rename_grandparent), W("exchange-parent", w_exchange_parent),
    W("link", w_link_over), W("linkat", w_linkat), W("link-out", w_link_out), W("tmpfile", w_tmpfile),
    W("tmpfile-empty", w_tmpfile_empty), W("symlink", w_symlink), W("symlinkat", w_symlinkat),
    W("symlink-replace", w_symlink_replace), W("mkdir", w_mkdir), W("mkdirat", w_mkdirat), W("mkdir-slash", w_trailing),
    W("mknod", w_mknod), W("mkfifo", w_mkfifo), W("bind", w_bind), W("copy-range", w_copy_range),
    W("rename-dir-over", w_rename_dir_over), W("recreate", w_recreate), W("unlink", w_unlink), W("unlinkat", w_unlinkat),
    W("rmdir", w_rmdir), W("rename-away", w_rename_away), W("symlink-parent", w_symlink_parent), W("parents", w_parents),
    W("staged-parent", w_staged_parent), W("staged-grandparent", w_staged_grandparent),
    {"write-mknod-char", "5", "PATH", 1, w_mknod_char},
    {"write-mknod-block", "5", "PATH", 1, w_mknod_block},
    {NULL, NULL, NULL, 0, NULL},
};
