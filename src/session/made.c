#include "session/made.h"

#include "base/io.h"
#include "sandbox/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_MAX (1UL << 20)
#define LIST_FLAGS (O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

/* A directory below the project, reached by directories alone: what the project holds was written by others. */
static int
open_below(int project, const char *rel)
{
	struct br_open_how how = {
	    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = BR_RESOLVE_BENEATH | BR_RESOLVE_NO_SYMLINKS};
	return br_sys_openat2(project, rel[0] != '\0' ? rel : ".", &how);
}

/* Splits "a/b/c" into "a/b" and "c"; the parent of "c" is "". */
static bool
split(const char *rel, char parent[PATH_MAX], const char **name)
{
	const char *slash = strrchr(rel, '/');
	size_t n = slash != NULL ? (size_t)(slash - rel) : 0;
	if (n >= PATH_MAX)
		return false;
	memcpy(parent, rel, n);
	parent[n] = '\0';
	*name = slash != NULL ? slash + 1 : rel;
	return **name != '\0';
}

static void
remove_one(int project, const char *rel)
{
	char parent[PATH_MAX];
	const char *name;
	if (!split(rel, parent, &name))
		return;
	br_auto_fd int dir = open_below(project, parent);
	if (dir >= 0)
		(void)unlinkat(dir, name, AT_REMOVEDIR); /* refused when something is in it */
}

/* The exclusive lock is held. From the end: a directory before the one it lies in. */
static void
remove_listed(int fd)
{
	br_auto_buf b = {0};
	if (lseek(fd, 0, SEEK_SET) < 0 || br_read_all(fd, &b, LIST_MAX) < 0 || b.len == 0)
		return;
	br_buf_putc(&b, '\0'); /* an entry that was cut off ends too */
	if (b.failed)
		return;
	size_t root = strlen(b.p) + 1;
	br_auto_fd int project = open(b.p, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	for (size_t end = b.len; project >= 0 && end > root;) {
		size_t at = end - 1;
		while (at > root && b.p[at - 1] != '\0')
			at--;
		if (b.p[at] != '\0')
			remove_one(project, b.p + at);
		end = at;
	}
	/* Emptied, not removed: another session may have it open and wait for the lock. */
	(void)!ftruncate(fd, 0);
}

static int
open_list(struct br_made *m, const char *list, bool create, struct br_err *e)
{
	if (m->fd >= 0)
		return 0;
	m->fd = open(list, LIST_FLAGS | (create ? O_CREAT : 0), 0600);
	if (m->fd < 0)
		return !create && errno == ENOENT ? 0 : br_err_set(e, errno, "cannot open %s", list);
	/* Waits only for a session that is just removing. */
	while (flock(m->fd, LOCK_SH) < 0)
		if (errno != EINTR)
			return br_err_set(e, errno, "cannot lock %s", list);
	return 0;
}

/* On record first: what is made and not on record would stay for ever. */
static int
note(const struct br_made *m, const char *root, const char *rel, struct br_err *e)
{
	struct stat st;
	br_auto_buf b = {0};
	if (fstat(m->fd, &st) < 0)
		return br_err_set(e, errno, "cannot note the directory %s", rel);
	if (st.st_size == 0)
		br_buf_put(&b, root, strlen(root) + 1);
	br_buf_put(&b, rel, strlen(rel) + 1);
	if (b.failed || br_write_all(m->fd, b.p, b.len) < 0)
		return br_err_set(e, b.failed ? ENOMEM : errno, "cannot note the directory %s", rel);
	return 0;
}

static int
make_one(const struct br_made *m, const char *root, const char *rel, struct br_err *e)
{
	char parent[PATH_MAX];
	const char *name;
	struct stat st;
	if (!split(rel, parent, &name))
		return br_err_set(e, EINVAL, "%s/%s", root, rel);
	br_auto_fd int dir = open_below(m->project, parent);
	if (dir < 0 || fstat(dir, &st) < 0)
		return br_err_set(e, errno, "cannot open %s/%s", root, parent);
	if (note(m, root, rel, e) < 0)
		return -1;
	if (mkdirat(dir, name, 0755) < 0)
		return errno == EEXIST ? 0 : br_err_set(e, errno, "cannot make %s/%s", root, rel);
	if (geteuid() == 0 && st.st_uid != 0 && fchownat(dir, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return br_err_set(e, errno, "cannot give %s/%s to uid %u", root, rel, st.st_uid);
	return 0;
}

int
br_made_dir(struct br_made *m, const char *list, const char *root, const char *rel, struct br_err *e)
{
	char path[PATH_MAX];
	size_t n = strlen(rel);
	if (n >= sizeof(path))
		return br_err_set(e, ENAMETOOLONG, "%s/%s", root, rel);
	/* Locked before it is looked at: a session that ends can't remove what has been seen. */
	if (open_list(m, list, false, e) < 0)
		return -1;
	if (m->project < 0 && (m->project = open(root, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return br_err_set(e, errno, "%s", root);
	for (size_t i = 1; i <= n; i++) {
		if (rel[i] != '/' && rel[i] != '\0')
			continue;
		memcpy(path, rel, i);
		path[i] = '\0';
		br_auto_fd int there = open_below(m->project, path);
		bool unlocked = m->fd < 0;
		if (there >= 0 && open_list(m, list, false, e) < 0)
			return -1;
		/* Another session may just have made it, and removed it before the lock was ours. */
		if (there >= 0 && unlocked && m->fd >= 0)
			i--;
		if (there >= 0)
			continue;
		if (errno != ENOENT)
			return br_err_set(e, errno, "%s/%s is not a directory of the project itself", root, path);
		if (open_list(m, list, true, e) < 0 || make_one(m, root, path, e) < 0)
			return -1;
	}
	return 0;
}

void
br_made_finish(struct br_made *m)
{
	if (m->fd >= 0 && flock(m->fd, LOCK_EX | LOCK_NB) == 0)
		remove_listed(m->fd);
	br_cleanup_fd(&m->fd);
	br_cleanup_fd(&m->project);
	m->fd = m->project = -1;
}

void
br_made_collect(int homes)
{
	int fd = openat(homes, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		br_cleanup_fd(&fd);
		return;
	}
	for (struct dirent *de; (de = readdir(d)) != NULL;) {
		struct br_made m = BR_MADE_INIT;
		struct stat st;
		if (!br_endswith(de->d_name, ".made") || fstatat(homes, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_size == 0)
			continue;
		m.fd = openat(homes, de->d_name, LIST_FLAGS);
		br_made_finish(&m);
	}
	(void)closedir(d);
}
