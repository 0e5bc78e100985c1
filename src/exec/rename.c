/* link and rename: two names at once, and what a directory brings along. */
#include "exec/gate_int.h"

#include "base/io.h"
#include "sandbox/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define RENAME_NOREPLACE_ 1U
#define RENAME_EXCHANGE_ 2U
#define WALK_MAX 50000

static bool
harmless(const struct br_guard_answer *a)
{
	return a->cls == BR_GUARD_PLAIN || a->cls == BR_GUARD_WATCHED || a->cls == BR_GUARD_HIDDEN;
}

static enum outcome
renamed(const struct call *c, const struct place *from, const struct place *to, int rc, struct answer *a)
{
	if (rc == 0)
		report_touched(c->g, "removed", from->rel);
	return name_done(c, "rename", to, rc, a);
}

/* Walks the directory that is about to become `rel`: the first entry that would be guarded there, into `*bad`. */
struct walk {
	const struct gate *g;
	char rel[PATH_MAX];
	unsigned left;
	struct br_guard_answer bad;
};

static bool
walk_clean(struct walk *w, int dirfd, size_t len)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		br_cleanup_fd(&fd);
		return false; /* can't be looked at: can't be judged */
	}
	bool ok = true;
	for (struct dirent *de; ok && (de = readdir(d)) != NULL;) {
		struct stat st;
		size_t n = strlen(de->d_name);
		if (br_streq(de->d_name, ".") || br_streq(de->d_name, ".."))
			continue;
		if (w->left-- == 0 || len + n + 2 > sizeof(w->rel) || fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			ok = false;
			break;
		}
		w->rel[len] = '/';
		memcpy(w->rel + len + 1, de->d_name, n + 1);
		w->bad = br_guard_classify(w->g->c->guard, w->rel, S_ISDIR(st.st_mode));
		if (S_ISLNK(st.st_mode) && harmless(&w->bad)) {
			struct br_guard_answer t = br_guard_classify_tree(w->g->c->guard, w->rel);
			if (t.cls == BR_GUARD_DENY)
				w->bad = t;
		}
		ok = harmless(&w->bad);
		if (ok && S_ISDIR(st.st_mode)) {
			br_auto_fd int sub = openat(fd, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			ok = sub >= 0 && walk_clean(w, sub, len + 1 + n);
		}
		w->rel[len] = '\0';
	}
	(void)closedir(d);
	return ok;
}

/* A directory moved to `to` must not make anything in it guarded (`mv foo .git`, `mv tmp sub` where sub is a repository). */
static int
judge_dir_arrival(const struct call *c, const struct place *from, const struct place *to)
{
	if (to->rel == NULL)
		return 0;
	struct br_guard_answer t = judge_tree(c->g, to);
	if (harmless(&t))
		return 0;
	struct walk *w = calloc(1, sizeof(*w));
	if (w == NULL)
		return ENOMEM;
	w->g = c->g;
	w->left = WALK_MAX;
	w->bad = t;
	int rc = 0;
	if (snprintf(w->rel, sizeof(w->rel), "%s", to->rel) >= (int)sizeof(w->rel))
		rc = ENAMETOOLONG;
	br_auto_fd int dir = openat(from->parent, from->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rc == 0 && (dir < 0 || !walk_clean(w, dir, strlen(w->rel)))) {
		if (harmless(&w->bad))
			w->bad = t;
		rc = deny(c, "rename", to->path, &w->bad, "the directory's content would be guarded there", EACCES);
	}
	free(w);
	return rc;
}

/* May `p` (a directory or not) be taken away from its name? */
static int
judge_departure(const struct call *c, const char *op, const struct place *p, bool dir)
{
	struct br_guard_answer a = judge(c->g, p, dir);
	if (!harmless(&a))
		return deny(c, op, p->path, &a, "guarded", EACCES);
	if (dir) {
		a = judge_tree(c->g, p);
		if (!harmless(&a))
			return deny(c, op, p->path, &a, "guarded names lie in it", EACCES);
	}
	return 0;
}

static int
judge_arrival(const struct call *c, const char *op, const struct place *from, const struct place *to, bool dir, bool symlink)
{
	int rc = permit(c, op, to, dir);
	if (rc != 0)
		return rc;
	if ((dir || symlink) && brings_hooks(c, to)) {
		struct br_guard_answer why = {.cls = BR_GUARD_DENY, .rule = "hooks of a bare repository", .origin = "built-in"};
		return deny(c, op, to->path, &why, "git on the host would run what is in it", EACCES);
	}
	if (symlink) {
		struct br_guard_answer t = judge_tree(c->g, to);
		if (!harmless(&t))
			return deny(c, op, to->path, &t, "a symlink here would stand for guarded names", EACCES);
		if (to->rel != NULL && to->rel[0] != '\0' && br_guard_in_git(to->rel)) {
			t = (struct br_guard_answer){.cls = BR_GUARD_DENY, .rule = "symlink in .git", .origin = "built-in"};
			return deny(c, op, to->path, &t, "git on the host would write through it", EACCES);
		}
	}
	return dir ? judge_dir_arrival(c, from, to) : 0;
}

enum outcome
do_link(const struct call *c, int olddir, uint64_t old_addr, int newdir, uint64_t new_addr, uint64_t flags, struct answer *a)
{
	auto_place to = {.parent = -1};
	auto_place from = {.parent = -1};
	char path[PATH_MAX], rel[64];
	int own = -1, n = caller_string(c, old_addr, path, sizeof(path));
	a->err = n < 0 ? -n : resolve_caller(c, newdir, new_addr, &to);
	if (a->err != 0)
		return DONE;
	if (to.dir_itself || to.slash) {
		a->err = to.dir_itself ? EEXIST : ENOENT;
		return DONE;
	}
	/* linkat(fd, "", AT_EMPTY_PATH) and linkat("/proc/self/fd/N", AT_SYMLINK_FOLLOW): an unnamed file gets its name. */
	br_auto_fd int target = -1;
	if (n == 0 && (flags & AT_EMPTY_PATH) != 0)
		target = caller_fd_path(c, olddir);
	else if ((flags & AT_SYMLINK_FOLLOW) != 0 && magic_path(c, path, &own, rel, sizeof(rel)) == MAGIC_FD)
		target = caller_fd_path(c, own);
	else
		own = -2;
	if (own != -2 && target < 0) {
		a->err = -target;
		return DONE;
	}
	if (target >= 0) {
		a->err = -fd_canonical(c->g, target, from.path, sizeof(from.path));
		from.rel = below_root(c->g, from.path);
		struct stat st;
		if (a->err == 0 && fstat(target, &st) == 0 && st.st_nlink == 0)
			from.rel = NULL; /* it has no name */
	} else {
		a->err = -resolve(c, olddir, path, &from);
	}
	if (a->err == 0 && from.rel != NULL) {
		struct br_guard_answer g = from.rel[0] != '\0' ? br_guard_classify(c->g->c->guard, from.rel, false) : (struct br_guard_answer){0};
		if (!harmless(&g))
			a->err = deny(c, "link", from.path, &g, "a second name for a guarded file", EACCES);
	}
	if (a->err == 0)
		a->err = permit(c, "link", &to, false);
	if (a->err != 0)
		return DONE;
	int rc;
	bool announced = announce_hidden(c, &to, false);
	if (target >= 0) {
		char link[32];
		(void)snprintf(link, sizeof(link), "self/fd/%d", target);
		rc = linkat(c->g->proc, link, to.parent, to.name, AT_SYMLINK_FOLLOW);
	} else {
		rc = linkat(from.parent, from.name, to.parent, to.name, 0);
	}
	if (rc < 0 && announced) {
		int saved = errno;
		announce_failed(c, &to);
		errno = saved;
	}
	return name_done(c, "link", &to, rc, a);
}

static bool
is_lock_of(const struct place *from, const struct place *to)
{
	size_t n = strlen(to->path);
	return strncmp(from->path, to->path, n) == 0 && br_streq(from->path + n, ".lock");
}

static enum outcome
exchange(const struct call *c, const struct place *from, const struct place *to, bool fdir, bool flink, struct answer *a)
{
	struct stat st;
	if (fstatat(to->parent, to->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		a->err = errno;
		return DONE;
	}
	bool tdir = S_ISDIR(st.st_mode), tlink = S_ISLNK(st.st_mode);
	a->err = judge_departure(c, "rename", from, fdir);
	if (a->err == 0)
		a->err = judge_departure(c, "rename", to, tdir);
	if (a->err == 0)
		a->err = judge_arrival(c, "rename", from, to, fdir, flink);
	if (a->err == 0)
		a->err = judge_arrival(c, "rename", to, from, tdir, tlink);
	if (a->err != 0)
		return DONE;
	int rc = (int)syscall(SYS_renameat2, from->parent, from->name, to->parent, to->name, RENAME_EXCHANGE_);
	if (rc == 0)
		report_touched(c->g, "rename", from->rel);
	return renamed(c, from, to, rc, a);
}

enum outcome
do_rename(const struct call *c, int olddir, uint64_t old_addr, int newdir, uint64_t new_addr, uint64_t flags, struct answer *a)
{
	auto_place from = {.parent = -1};
	auto_place to = {.parent = -1};
	struct stat st;
	flags &= 0xffffffffU;
	a->err = resolve_caller(c, olddir, old_addr, &from);
	if (a->err == 0)
		a->err = resolve_caller(c, newdir, new_addr, &to);
	if (a->err == 0 && (from.dir_itself || to.dir_itself))
		a->err = EBUSY;
	if (a->err == 0 && (flags & ~(RENAME_NOREPLACE_ | RENAME_EXCHANGE_)) != 0)
		a->err = EINVAL;
	if (a->err == 0 && fstatat(from.parent, from.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		a->err = errno;
	if (a->err != 0)
		return DONE;
	bool dir = S_ISDIR(st.st_mode);
	if ((from.slash || to.slash) && !dir) {
		a->err = ENOTDIR;
		return DONE;
	}
	if ((flags & RENAME_EXCHANGE_) != 0)
		return exchange(c, &from, &to, dir, S_ISLNK(st.st_mode), a);
	struct br_guard_answer g = judge(c->g, &to, dir);
	if (g.cls == BR_GUARD_GITCONFIG && S_ISREG(st.st_mode) && is_lock_of(&from, &to)) {
		a->err = git_install_config(c, &from, &to);
		if (a->err == 0)
			report_touched(c->g, "gitconfig", to.rel);
		return DONE;
	}
	a->err = judge_departure(c, "rename", &from, dir);
	if (a->err == 0)
		a->err = judge_arrival(c, "rename", &from, &to, dir, S_ISLNK(st.st_mode));
	if (a->err != 0)
		return DONE;
	if (c->g->c->review) {
		report_base(c, &from);
		report_base(c, &to);
	}
	bool announced = announce_hidden(c, &to, true);
	int rc = (int)syscall(SYS_renameat2, from.parent, from.name, to.parent, to.name, (unsigned)flags);
	if (rc < 0 && announced) {
		int saved = errno;
		announce_failed(c, &to);
		errno = saved;
	}
	/* overlayfs refuses to rename a directory of its lower layer: copy, as mv would. */
	if (rc < 0 && errno == EXDEV && dir && c->g->c->review && from.rel != NULL && to.rel != NULL)
		rc = copy_rename(&from, &to);
	return renamed(c, &from, &to, rc, a);
}
