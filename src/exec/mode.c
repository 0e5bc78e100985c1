/* chmod that sets an executable bit (the filter lets the others through and refuses set-id bits). */
#include "exec/gate_int.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Git's configuration may: nothing executes it, and git sets the bit on it for a moment at init and clone to learn whether the
 * file system keeps it (core.fileMode). */
static bool
may_be_executable(enum br_guard_class cls)
{
	return cls == BR_GUARD_PLAIN || cls == BR_GUARD_WATCHED || cls == BR_GUARD_HIDDEN || cls == BR_GUARD_GITCONFIG;
}

static int
judge_mode(const struct call *c, const struct place *p, bool dir)
{
	struct br_guard_answer g = judge(c->g, p, dir);
	if (dir || may_be_executable(g.cls))
		return 0;
	return deny(c, "chmod", p->path, &g, "guarded: it would become executable", EACCES);
}

enum outcome
do_chmod(const struct call *c, int dirfd, uint64_t path_addr, uint64_t mode, uint64_t flags, struct answer *a)
{
	char path[PATH_MAX];
	auto_place p = {.parent = -1};
	int n = caller_string(c, path_addr, path, sizeof(path));
	struct stat st = {0};
	if (n < 0)
		a->err = -n;
	else if ((flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		a->err = EINVAL;
	else if (n == 0 && (flags & AT_EMPTY_PATH) != 0)
		a->err = EOPNOTSUPP; /* libraries use fchmod then */
	else
		a->err = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? -resolve(c, dirfd, path, &p) : resolve_follow(c, dirfd, path, &p);
	if (a->err == 0 && fstatat(p.parent, p.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		a->err = errno;
	if (a->err == 0 && S_ISLNK(st.st_mode))
		a->err = EOPNOTSUPP;
	if (a->err == 0)
		a->err = judge_mode(c, &p, S_ISDIR(st.st_mode));
	if (a->err != 0)
		return DONE;
	a->err = fchmodat(p.parent, p.name, (mode_t)mode & 01777U, 0) < 0 ? errno : 0;
	if (a->err == EROFS)
		report_refused(c, "chmod", p.path, a->err);
	if (a->err == 0)
		report_touched(c->g, "chmod", p.rel);
	return DONE;
}

enum outcome
do_fchmod(const struct call *c, struct answer *a)
{
	br_auto_fd int fd = caller_fd_path(c, (int)c->req->data.args[0]);
	struct place p = {.parent = -1};
	struct stat st;
	char link[32];
	if (fd < 0) {
		a->err = -fd;
		return DONE;
	}
	if (!caller_alive(c) || fstat(fd, &st) < 0) {
		a->err = EINTR;
		return DONE;
	}
	a->err = -fd_canonical(c->g, fd, p.path, sizeof(p.path));
	p.rel = a->err == 0 ? below_root(c->g, p.path) : NULL;
	if (p.rel != NULL && p.rel[0] != '\0' && !S_ISDIR(st.st_mode)) {
		struct br_guard_answer g = br_guard_classify(c->g->c->guard, p.rel, false);
		if (!may_be_executable(g.cls))
			a->err = deny(c, "chmod", p.path, &g, "guarded: it would become executable", EACCES);
	}
	if (a->err != 0)
		return DONE;
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	a->err = fchmodat(c->g->proc, link, (mode_t)c->req->data.args[1] & 01777U, 0) < 0 ? errno : 0;
	if (a->err == 0)
		report_touched(c->g, "chmod", p.rel);
	return DONE;
}
