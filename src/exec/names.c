/* mkdir, mknod, unlink, rmdir, symlink. */
#include "exec/gate_int.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum outcome
name_done(const struct call *c, const char *op, const struct place *p, int rc, struct answer *a)
{
	a->err = rc < 0 ? errno : 0;
	if (a->err == EROFS || (a->err == EACCES && p->rel == NULL))
		report_refused(c, op, p->path, a->err);
	if (a->err == EROFS && p->rel != NULL)
		a->err = EACCES;
	if (rc == 0)
		report_touched(c->g, op, p->rel);
	return DONE;
}

/* HEAD, objects or refs as the last piece of a directory that git would take for a repository: its config and hooks must be
 * harmless then (a bare repository). */
enum outcome
do_mkdir(const struct call *c, int dirfd, uint64_t path_addr, uint64_t mode, struct answer *a)
{
	auto_place p = {.parent = -1};
	a->err = resolve_caller(c, dirfd, path_addr, &p);
	if (a->err != 0)
		return DONE;
	if (p.dir_itself) {
		a->err = EEXIST;
		return DONE;
	}
	a->err = permit(c, "mkdir", &p, true);
	if (a->err != 0)
		return DONE;
	take_umask(c);
	return name_done(c, "mkdir", &p, mkdirat(p.parent, p.name, (mode_t)mode & 01777U), a);
}

enum outcome
do_mknod(const struct call *c, int dirfd, uint64_t path_addr, uint64_t mode, uint64_t dev, struct answer *a)
{
	auto_place p = {.parent = -1};
	(void)dev;
	a->err = resolve_caller(c, dirfd, path_addr, &p);
	if (a->err != 0)
		return DONE;
	mode_t type = (mode_t)mode & S_IFMT;
	if (p.dir_itself || p.slash)
		a->err = p.dir_itself ? EEXIST : ENOENT;
	else if (type != 0 && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK)
		a->err = EPERM; /* no devices, as for any ordinary user */
	else
		a->err = permit(c, "mknod", &p, false);
	if (a->err != 0)
		return DONE;
	take_umask(c);
	bool announced = announce_hidden(c, &p, false);
	enum outcome o = name_done(c, "create", &p, mknodat(p.parent, p.name, type | ((mode_t)mode & 01777U), 0), a);
	if (announced && a->err != 0)
		announce_failed(c, &p);
	return o;
}

enum outcome
do_unlink(const struct call *c, int dirfd, uint64_t path_addr, uint64_t flags, struct answer *a)
{
	auto_place p = {.parent = -1};
	a->err = resolve_caller(c, dirfd, path_addr, &p);
	if (a->err != 0)
		return DONE;
	bool dir = (flags & AT_REMOVEDIR) != 0;
	if (p.dir_itself) {
		/* rmdir("x/.") is EINVAL, of ".." ENOTEMPTY, of "/" EBUSY; unlink of a directory EISDIR */
		a->err = dir ? EINVAL : EISDIR;
		return DONE;
	}
	if (p.slash && !dir) {
		struct stat st;
		a->err = fstatat(p.parent, p.name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : ENOTDIR;
		return DONE;
	}
	if ((flags & 0xffffffffU & ~(uint64_t)AT_REMOVEDIR) != 0) {
		a->err = EINVAL;
		return DONE;
	}
	if (!dir && keep_unlink(c, &p))
		return DONE;
	/* An empty directory holds nothing guarded: rmdir only takes those. */
	a->err = dir ? 0 : permit(c, "unlink", &p, false);
	if (a->err != 0)
		return DONE;
	if (c->g->c->review && !dir)
		report_base(c, &p);
	return name_done(c, dir ? "rmdir" : "unlink", &p, unlinkat(p.parent, p.name, dir ? AT_REMOVEDIR : 0), a);
}

enum outcome
do_symlink(const struct call *c, uint64_t target_addr, int dirfd, uint64_t path_addr, struct answer *a)
{
	char target[PATH_MAX];
	int n = caller_string(c, target_addr, target, sizeof(target));
	auto_place p = {.parent = -1};
	a->err = n < 0 ? -n : resolve_caller(c, dirfd, path_addr, &p);
	if (a->err != 0)
		return DONE;
	if (n == 0 || p.dir_itself || p.slash) {
		a->err = n == 0 ? ENOENT : p.dir_itself ? EEXIST : ENOENT;
		return DONE;
	}
	a->err = permit(c, "symlink", &p, false);
	if (a->err != 0)
		return DONE;
	/* A symlink `.vscode` -> elsewhere would put guarded names where no rule sees them. */
	struct br_guard_answer t = judge_tree(c->g, &p);
	struct stat st;
	if (brings_hooks(c, &p))
		t = (struct br_guard_answer){.cls = BR_GUARD_DENY, .rule = "hooks of a bare repository", .origin = "built-in"};
	if (t.cls == BR_GUARD_DENY) {
		a->err = fstatat(p.parent, p.name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? EEXIST :
		         deny(c, "symlink", p.path, &t, "a symlink here would stand for guarded names", EACCES);
		return DONE;
	}
	/* Git on the host writes through names in .git (logs/HEAD, COMMIT_EDITMSG). git init tries a relative link to "testing". */
	if (p.rel != NULL && p.rel[0] != '\0' && br_guard_in_git(p.rel) && (target[0] == '/' || strstr(target, "..") != NULL)) {
		struct br_guard_answer g = {.cls = BR_GUARD_DENY, .rule = "symlink in .git", .origin = "built-in"};
		a->err = deny(c, "symlink", p.path, &g, "git on the host would write through it", EACCES);
		return DONE;
	}
	return name_done(c, "symlink", &p, symlinkat(target, p.parent, p.name), a);
}
