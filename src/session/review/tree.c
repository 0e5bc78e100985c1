#include "session/review/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/io.h"

int
br_tree_open(int rootfd, const char *rel, int flags, mode_t mode)
{
	struct open_how how = {
	    .flags = (uint64_t)(unsigned)flags | O_CLOEXEC | O_NOFOLLOW,
	    .mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	for (;;) {
		long fd = syscall(SYS_openat2, rootfd, rel[0] != '\0' ? rel : ".", &how, sizeof(how));
		/* EAGAIN: a rename somewhere on the system made the kernel unsure; it asks to try again (openat2(2)). */
		if (fd >= 0 || (errno != EINTR && errno != EAGAIN))
			return (int)fd;
	}
}

int
br_tree_parent(int rootfd, const char *rel, const char **name)
{
	const char *slash = strrchr(rel, '/');
	*name = slash != NULL ? slash + 1 : rel;
	if (**name == '\0' || br_streq(*name, ".") || br_streq(*name, "..")) {
		errno = EINVAL;
		return -1;
	}
	br_auto_free char *dir = strndup(rel, slash != NULL ? (size_t)(slash - rel) : 0);
	if (dir == NULL)
		return -1;
	return br_tree_open(rootfd, dir, O_PATH | O_DIRECTORY, 0);
}

int
br_tree_stat(int rootfd, const char *rel, struct stat *st)
{
	br_auto_fd int fd = br_tree_open(rootfd, rel, O_PATH, 0);
	return fd < 0 ? -1 : fstat(fd, st);
}

int
br_tree_head(int rootfd, const char *rel, struct br_buf *b, size_t max)
{
	br_auto_fd int fd = br_tree_open(rootfd, rel, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	while (max > 0) {
		size_t want = max < 65536 ? max : 65536;
		char *to = br_buf_room(b, want);
		if (to == NULL) {
			errno = ENOMEM;
			return -1;
		}
		ssize_t r = read(fd, to, want);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		b->len += (size_t)r;
		b->p[b->len] = '\0';
		max -= (size_t)r;
		if (r == 0)
			break;
	}
	return 0;
}

char *
br_tree_link(int rootfd, const char *rel)
{
	br_auto_fd int fd = br_tree_open(rootfd, rel, O_PATH, 0);
	if (fd < 0)
		return NULL;
	br_auto_free char *to = malloc(PATH_MAX + 1);
	if (to == NULL)
		return NULL;
	ssize_t n = readlinkat(fd, "", to, PATH_MAX);
	if (n < 0)
		return NULL;
	to[n] = '\0';
	return br_steal_ptr(&to);
}

ssize_t
br_tree_xattr(int fd, const char *name, char *buf, size_t room)
{
	ssize_t n = fgetxattr(fd, name, buf, room);
	/* A file system without user attributes can't hold an overlay's upper directory: nothing is there. */
	return n < 0 && (errno == ENODATA || errno == ENOTSUP) ? 0 : n;
}

int
br_strv_add(struct br_strv *l, const char *s, size_t n)
{
	if (l->n == l->cap) {
		size_t cap = l->cap != 0 ? l->cap * 2 : 16;
		char **v = reallocarray(l->v, cap, sizeof(*v));
		if (v == NULL)
			return -1;
		l->v = v;
		l->cap = cap;
	}
	char *copy = strndup(s, n);
	if (copy == NULL)
		return -1;
	l->v[l->n++] = copy;
	return 0;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
br_strv_sort(struct br_strv *l)
{
	if (l->n == 0)
		return;
	qsort(l->v, l->n, sizeof(*l->v), by_bytes);
	size_t keep = 1;
	for (size_t i = 1; i < l->n; i++) {
		if (br_streq(l->v[i], l->v[keep - 1]))
			free(l->v[i]);
		else
			l->v[keep++] = l->v[i];
	}
	l->n = keep;
}

bool
br_strv_have(const struct br_strv *sorted, const char *s)
{
	return sorted->n > 0 && bsearch(&s, sorted->v, sorted->n, sizeof(*sorted->v), by_bytes) != NULL;
}

void
br_strv_free(struct br_strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct br_strv){0};
}

int
br_tree_list(int rootfd, const char *rel, struct br_strv *out)
{
	br_auto_fd int fd = br_tree_open(rootfd, rel, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return -1;
	DIR *d = fdopendir(fd);
	if (d == NULL)
		return -1;
	(void)br_steal_fd(&fd);
	int rc = 0;
	errno = 0;
	for (struct dirent *de; rc == 0 && (de = readdir(d)) != NULL; errno = 0) {
		if (!br_streq(de->d_name, ".") && !br_streq(de->d_name, ".."))
			rc = br_strv_add(out, de->d_name, strlen(de->d_name));
	}
	int saved = errno;
	(void)closedir(d);
	br_strv_sort(out);
	errno = saved;
	return saved != 0 ? -1 : rc;
}

char *
br_path_join(const char *dir, const char *name)
{
	size_t room = strlen(dir) + strlen(name) + 2;
	char *p = malloc(room);
	if (p != NULL)
		(void)snprintf(p, room, "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
	return p;
}

const char *
br_path_base(const char *rel)
{
	const char *slash = strrchr(rel, '/');
	return slash != NULL ? slash + 1 : rel;
}

bool
br_path_under(const char *rel, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = rel, *slash; (slash = strchr(p, '/')) != NULL; p = slash + 1)
		if ((size_t)(slash - p) == n && memcmp(p, name, n) == 0)
			return true;
	return false;
}

bool
br_path_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return n == 0 || (strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0'));
}

bool
br_path_wanted(const struct br_strv *paths, const char *rel)
{
	for (size_t i = 0; i < paths->n; i++)
		if (br_path_within(rel, paths->v[i]))
			return true;
	return paths->n == 0;
}
