/* open for writing, creat, truncate. */
#include "exec/gate_int.h"

#include "sandbox/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TMPFILE_BIT 020000000
/* What open(2) knows; it ignores the rest, as we must. */
#define KNOWN_FLAGS                                                                                                       \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT |  \
	    0100000 /* O_LARGEFILE */ | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | TMPFILE_BIT)
#define MAX_SYMLINKS 40

/* Puts our descriptor into the caller, then answers its call with the number. Not in one step (SECCOMP_ADDFD_FLAG_SEND): when a
 * signal that can't be blocked (SIGSTOP, the freezer of a suspend) interrupts that one before the caller has taken the
 * descriptor, the kernel takes the descriptor back but not the answer, and the caller goes on with 0 as if that were its file
 * (kernel/seccomp.c, seccomp_notify_addfd). */
static enum outcome
give(const struct call *c, int fd, uint64_t flags, struct answer *a)
{
	struct seccomp_notif_addfd add = {.id = c->req->id,
	    .srcfd = (uint32_t)fd,
	    .newfd_flags = (flags & O_CLOEXEC) != 0 ? O_CLOEXEC : 0};
	int number;
	do
		number = ioctl(c->g->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	while (number < 0 && errno == EINTR);
	if (number >= 0)
		a->val = number;
	else
		a->err = errno; /* EMFILE of the caller; ENOENT when it is gone */
	return DONE;
}

static enum outcome
fail(struct answer *a, int err)
{
	a->err = err < 0 ? -err : err;
	return DONE;
}

static const char *
op_name(uint64_t flags)
{
	return (flags & O_CREAT) != 0 ? "create" : "write";
}

/* Opened O_NONBLOCK so that nothing can hold the gate; the caller's own wish is restored here. */
static void
restore_blocking(int fd, uint64_t flags)
{
	if ((flags & O_NONBLOCK) == 0) {
		int now = fcntl(fd, F_GETFL);
		(void)fcntl(fd, F_SETFL, now & ~O_NONBLOCK);
	}
}

/* Does the file lie where its path says, in this sandbox? A file of the host that the user redirected to the command does not,
 * whatever its path looks like from here. */
static bool
is_inside(int fd, const char *path)
{
	struct br_open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW, .resolve = BR_RESOLVE_NO_SYMLINKS};
	br_auto_fd int there = br_sys_openat2(AT_FDCWD, path, &how);
	uint64_t a[3], b[3];
	return there >= 0 && br_sys_identity(fd, a) == 0 && br_sys_identity(there, b) == 0 && memcmp(a, b, sizeof(a)) == 0;
}

/* A descriptor that came with the session, or a pipe: the same open file again, with no more rights and the same position. */
static enum outcome
give_same(const struct call *c, int n, uint64_t flags, struct answer *a)
{
	br_auto_fd int fd = caller_fd_dup(c, n);
	if (fd < 0)
		return fail(a, fd);
	int have = fcntl(fd, F_GETFL) & O_ACCMODE;
	int want = (int)(flags & O_ACCMODE);
	if (have != O_RDWR && have != want)
		return fail(a, EACCES);
	return give(c, fd, flags, a);
}

/* The caller's descriptor by its /proc or /dev name: reopened as what it is, if that may be written. */
static enum outcome
open_own_fd(const struct call *c, int n, uint64_t flags, struct answer *a)
{
	br_auto_fd int target = caller_fd_path(c, n);
	if (target < 0)
		return fail(a, target == -EBADF ? ENOENT : target);
	if (!caller_alive(c))
		return fail(a, EINTR);
	struct place p = {.parent = -1};
	int rc = fd_canonical(c->g, target, p.path, sizeof(p.path));
	struct stat st;
	if (rc < 0 || fstat(target, &st) < 0)
		return fail(a, rc < 0 ? rc : errno);
	if (!is_inside(target, p.path) && !S_ISCHR(st.st_mode) && st.st_nlink != 0)
		return give_same(c, n, flags, a);
	/* One that was unlinked or renamed over keeps the guard of the name it had. */
	if (st.st_nlink == 0 && br_endswith(p.path, " (deleted)"))
		p.path[strlen(p.path) - strlen(" (deleted)")] = '\0';
	p.rel = below_root(c->g, p.path);
	if (p.rel != NULL && p.rel[0] != '\0') {
		struct br_guard_answer g = br_guard_classify(c->g->c->guard, p.rel, S_ISDIR(st.st_mode));
		if (g.cls != BR_GUARD_PLAIN && g.cls != BR_GUARD_WATCHED)
			return fail(a, deny(c, "write", p.path, &g, "guarded, also through a descriptor", EACCES));
	}
	/* A file with a name outside the tree too would be written there; by its name it gets an inode of its own first (links.c). */
	if (p.rel != NULL && S_ISREG(st.st_mode) && st.st_nlink > 1 && !is_young(c, target, ""))
		return fail(a, EACCES);
	char link[32];
	(void)snprintf(link, sizeof(link), "self/fd/%d", target);
	br_auto_fd int fd = openat(c->g->proc, link, (int)((flags & KNOWN_FLAGS & ~(uint64_t)(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
	if (fd < 0)
		return errno == ENXIO && S_ISFIFO(st.st_mode) && (flags & O_NONBLOCK) == 0 ? AGAIN : fail(a, errno);
	restore_blocking(fd, flags);
	return give(c, fd, flags, a);
}

static enum outcome
open_tty(const struct call *c, uint64_t flags, struct answer *a)
{
	int n = caller_tty(c);
	if (n < 0)
		return fail(a, n);
	char path[32];
	(void)snprintf(path, sizeof(path), "/dev/pts/%d", n);
	br_auto_fd int fd = open(path, (int)((flags & (O_ACCMODE | O_APPEND | O_NONBLOCK)) | O_NOCTTY | O_CLOEXEC));
	return fd < 0 ? fail(a, errno) : give(c, fd, flags, a);
}

/* The few files of /proc/self that programs write about themselves. */
static enum outcome
open_proc(const struct call *c, const char *rel, uint64_t flags, struct answer *a)
{
	static const char *const ok[] = {"comm", "oom_score_adj", "coredump_filter", "timerslack_ns"};
	for (size_t i = 0; i < BR_ARRAY_LEN(ok); i++) {
		if (!br_streq(rel, ok[i]))
			continue;
		char path[64];
		(void)snprintf(path, sizeof(path), "%d/%s", (int)c->pid, ok[i]);
		br_auto_fd int fd = openat(c->g->proc, path, (int)((flags & (O_ACCMODE | O_TRUNC | O_APPEND)) | O_CLOEXEC));
		if (fd < 0)
			return fail(a, errno);
		return caller_alive(c) ? give(c, fd, flags, a) : fail(a, EINTR);
	}
	return fail(a, EACCES);
}

/* O_TMPFILE: a file with no name in a directory; a name for it is judged when it is linked. */
static enum outcome
open_tmpfile(const struct call *c, int dirfd, const char *path, uint64_t flags, mode_t mode, struct answer *a)
{
	auto_place p = {.parent = -1};
	char whole[PATH_MAX];
	if (snprintf(whole, sizeof(whole), "%s/.", path) >= (int)sizeof(whole))
		return fail(a, ENAMETOOLONG);
	int rc = resolve(c, dirfd, whole, &p);
	if (rc < 0)
		return fail(a, rc);
	take_umask(c);
	br_auto_fd int fd = openat(p.parent, ".", (int)((flags & KNOWN_FLAGS) | O_CLOEXEC), mode & 01777U);
	return fd < 0 ? fail(a, errno) : give(c, fd, flags, a);
}

/* What a refusal by the mounts looks like to the caller, and in the record. */
static enum outcome
open_failed(const struct call *c, const struct place *p, uint64_t flags, int err, struct answer *a)
{
	if (err == EROFS && p->rel != NULL)
		err = EACCES; /* a hidden file's mask */
	if (err == EROFS || (err == EACCES && p->rel == NULL))
		report_refused(c, op_name(flags), p->path, err);
	return fail(a, err);
}

static enum outcome
special_file(const struct call *c, const struct place *p, const struct br_guard_answer *g, uint64_t flags, struct answer *a)
{
	struct stat st;
	if (fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		return fail(a, deny(c, op_name(flags), p->path, g, "a symlink in the place of git's own file", EACCES));
	br_auto_fd int fd = g->cls == BR_GUARD_GITLINK ? git_open_link(c, p) : git_open_commondir(c, p);
	if (fd < 0)
		return fail(a, fd);
	report_touched(c->g, op_name(flags), p->rel);
	return give(c, fd, flags, a);
}

static enum outcome
give_kept(const struct call *c, int fd, uint64_t flags, struct answer *a)
{
	br_auto_fd int owned = fd;
	return give(c, owned, flags, a);
}

/* One attempt at the last component. AGAIN with a->val = 1: it is a symlink, `path` now holds where it leads. */
static enum outcome
open_last(const struct call *c, const struct place *p, uint64_t flags, mode_t mode, char *target, struct answer *a)
{
	struct br_guard_answer g = judge(c->g, p, false);
	if (g.cls == BR_GUARD_GITLINK || g.cls == BR_GUARD_COMMONDIR) {
		struct stat st;
		if (fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
			return fail(a, EISDIR);
		if ((flags & (O_CREAT | O_TRUNC)) == 0 || (flags & O_ACCMODE) == O_RDONLY)
			return fail(a, fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0 && (flags & O_CREAT) == 0 ? ENOENT :
			               deny(c, op_name(flags), p->path, &g, "only whole, as git writes it", EACCES));
		return special_file(c, p, &g, flags, a);
	}
	if (g.cls == BR_GUARD_KEEP && (flags & O_PATH) == 0) {
		int kept = keep_open(c, p, &g, flags);
		if (kept != 0)
			return kept < 0 ? fail(a, kept) : give_kept(c, kept, flags, a);
	}
	int rc = permit(c, op_name(flags), p, false);
	if (rc != 0) {
		struct stat st;
		if (fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
			rc = EISDIR;
		return fail(a, rc);
	}
	if ((flags & O_CREAT) != 0)
		take_umask(c);
	if (c->g->c->review)
		report_base(c, p);
	else if ((rc = break_links(c, p)) != 0)
		return fail(a, rc);
	bool announced = (flags & O_CREAT) != 0 && announce_hidden(c, p, false);
	br_auto_fd int fd = openat(p->parent, p->name,
	    (int)((flags & KNOWN_FLAGS) | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), mode & 01777U);
	if (fd < 0 && announced) {
		int saved = errno;
		announce_failed(c, p);
		errno = saved;
	}
	if (fd >= 0) {
		restore_blocking(fd, flags);
		report_touched(c->g, op_name(flags), p->rel);
		return give(c, fd, flags, a);
	}
	int err = errno;
	if (err == ELOOP && (flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL)) {
		ssize_t n = readlinkat(p->parent, p->name, target, PATH_MAX - 1);
		if (n <= 0)
			return fail(a, n < 0 ? errno : ENOENT);
		target[n] = '\0';
		a->val = 1;
		return AGAIN;
	}
	struct stat st;
	if ((err == ENXIO || err == EWOULDBLOCK) && (flags & O_NONBLOCK) == 0 &&
	    fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode)))
		return AGAIN; /* a FIFO without reader, a lease of the host's being broken */
	return open_failed(c, p, flags, err, a);
}

enum outcome
do_open(const struct call *c, int dirfd, uint64_t path_addr, uint64_t flags, uint64_t mode, struct answer *a)
{
	char path[PATH_MAX], rel[64];
	int n = caller_string(c, path_addr, path, sizeof(path));
	if (n < 0)
		return fail(a, n);
	flags &= 0xffffffffU;
	if ((flags & O_PATH) != 0)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	br_auto_fd int base = -1;
	for (int hops = 0; hops <= MAX_SYMLINKS; hops++) {
		int own;
		switch (magic_path(c, path, &own, rel, sizeof(rel))) {
		case MAGIC_FD:
			return open_own_fd(c, own, flags, a);
		case MAGIC_TTY:
			return open_tty(c, flags, a);
		case MAGIC_PROC:
			return open_proc(c, rel, flags, a);
		case MAGIC_NONE:
			break;
		}
		if ((flags & TMPFILE_BIT) != 0)
			return open_tmpfile(c, dirfd, path, flags, (mode_t)mode, a);
		auto_place p = {.parent = -1};
		int rc = base >= 0 ? resolve_from(c, base, path, &p) : resolve(c, dirfd, path, &p);
		if (rc < 0)
			return fail(a, rc);
		struct stat st;
		if (p.dir_itself || p.slash)
			return fail(a, p.slash && (flags & O_CREAT) == 0 && fstatat(p.parent, p.name, &st, 0) == 0 && !S_ISDIR(st.st_mode) ? ENOTDIR : EISDIR);
		enum outcome o = open_last(c, &p, flags, (mode_t)mode, path, a);
		if (o != AGAIN || a->val != 1)
			return o;
		a->val = 0;
		if (base >= 0)
			(void)close(base);
		base = br_steal_fd(&p.parent);
	}
	return fail(a, ELOOP);
}

enum outcome
do_truncate(const struct call *c, struct answer *a)
{
	char path[PATH_MAX];
	int n = caller_string(c, c->req->data.args[0], path, sizeof(path));
	if (n < 0)
		return fail(a, n);
	br_auto_fd int base = -1;
	for (int hops = 0; hops <= MAX_SYMLINKS; hops++) {
		auto_place p = {.parent = -1};
		int rc = base >= 0 ? resolve_from(c, base, path, &p) : resolve(c, AT_FDCWD, path, &p);
		if (rc < 0)
			return fail(a, rc);
		if (p.dir_itself || p.slash)
			return fail(a, EISDIR);
		rc = permit(c, "truncate", &p, false);
		if (rc != 0)
			return fail(a, rc);
		if (c->g->c->review)
			report_base(c, &p);
		else if ((rc = break_links(c, &p)) != 0)
			return fail(a, rc);
		br_auto_fd int fd = openat(p.parent, p.name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0) {
			struct stat st;
			if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
				return fail(a, EINVAL);
			if (ftruncate(fd, (off_t)c->req->data.args[1]) < 0)
				return fail(a, errno);
			report_touched(c->g, "write", p.rel);
			return fail(a, 0);
		}
		if (errno != ELOOP)
			return open_failed(c, &p, O_WRONLY, errno, a);
		ssize_t len = readlinkat(p.parent, p.name, path, sizeof(path) - 1);
		if (len <= 0)
			return fail(a, ENOENT);
		path[len] = '\0';
		if (base >= 0)
			(void)close(base);
		base = br_steal_fd(&p.parent);
	}
	return fail(a, ELOOP);
}
