#include "session/latecomers.h"

#include "base/io.h"
#include "policy/builtin.h"
#include "policy/private_key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPECTED_MAX 1024
#define DEPTH_MAX 64

struct expected {
	char *rel;
	int count;
	ino_t seen; /* the agent's own file that was met already, by a look into a new directory */
};

struct br_latecomers {
	const struct br_guard *guard;
	int root;    /* O_PATH */
	int inotify;
	void (*mask)(void *arg, const char *rel);
	void *arg;
	char **dirs; /* by watch descriptor */
	size_t ndirs, used;
	struct expected exp[EXPECTED_MAX];
	size_t nexp;
};

struct br_latecomers *
br_latecomers_new(const struct br_guard *g, const char *root, void (*mask)(void *arg, const char *rel), void *arg)
{
	struct br_latecomers *l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	*l = (struct br_latecomers){.guard = g, .mask = mask, .arg = arg};
	l->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	l->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (l->root < 0 || l->inotify < 0) {
		br_latecomers_free(l);
		return NULL;
	}
	return l;
}

void
br_latecomers_free(struct br_latecomers *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->ndirs; i++)
		free(l->dirs[i]);
	for (size_t i = 0; i < l->nexp; i++)
		free(l->exp[i].rel);
	free(l->dirs);
	br_cleanup_fd(&l->root);
	br_cleanup_fd(&l->inotify);
	free(l);
}

int
br_latecomers_fd(const struct br_latecomers *l)
{
	return l->inotify;
}

bool
br_latecomers_watch(struct br_latecomers *l, int dirfd, const char *rel)
{
	char path[32];
	if (l->used >= BR_LATECOMERS_DIRS)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dirfd);
	int wd = inotify_add_watch(l->inotify, path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	if (wd < 0)
		return false;
	if ((size_t)wd >= l->ndirs) {
		size_t n = (size_t)wd + 64;
		char **d = realloc(l->dirs, n * sizeof(*d));
		if (d == NULL)
			return false;
		memset(d + l->ndirs, 0, (n - l->ndirs) * sizeof(*d));
		l->dirs = d;
		l->ndirs = n;
	}
	free(l->dirs[wd]);
	l->dirs[wd] = strdup(rel);
	l->used++;
	return l->dirs[wd] != NULL;
}

static struct expected *
find(struct br_latecomers *l, const char *rel)
{
	for (size_t i = 0; i < l->nexp; i++)
		if (br_streq(l->exp[i].rel, rel))
			return &l->exp[i];
	return NULL;
}

void
br_latecomers_expect(struct br_latecomers *l, const char *rel, int change)
{
	struct expected *x = find(l, rel);
	if (x == NULL && change > 0 && l->nexp < EXPECTED_MAX) {
		char *copy = strdup(rel);
		if (copy == NULL)
			return; /* then the agent's own file is masked: the safe side */
		x = &l->exp[l->nexp++];
		*x = (struct expected){.rel = copy};
	}
	if (x != NULL && x->count + change >= 0)
		x->count += change;
}

static bool
holds_key(const struct br_latecomers *l, const char *rel)
{
	static char buf[BR_PRIVATE_KEY_LOOK];
	br_auto_fd int fd = openat(l->root, rel, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	ssize_t n = read(fd, buf, sizeof(buf));
	return n > 0 && br_is_private_key(buf, (size_t)n);
}

static void arrived(struct br_latecomers *l, const char *rel, bool dir, int depth);

/* A directory that has just come may have been filled before it was watched. */
static void
look_into(struct br_latecomers *l, int dirfd, const char *rel, int depth)
{
	DIR *d = fdopendir(dirfd);
	if (d == NULL) {
		(void)close(dirfd);
		return;
	}
	for (struct dirent *de; (de = readdir(d)) != NULL;) {
		char child[PATH_MAX];
		if (!br_streq(de->d_name, ".") && !br_streq(de->d_name, "..") && snprintf(child, sizeof(child), "%s/%s", rel, de->d_name) < (int)sizeof(child))
			arrived(l, child, de->d_type == DT_DIR, depth + 1);
	}
	(void)closedir(d);
}

/* True when the agent announced that it makes this file; each announcement stands for one file. */
static bool
is_own(struct br_latecomers *l, const char *rel)
{
	struct expected *x = find(l, rel);
	struct stat st;
	ino_t ino = fstatat(l->root, rel, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
	if (x == NULL)
		return false;
	if (x->count == 0)
		return ino != 0 && ino == x->seen; /* its event, after the look */
	x->count--;
	x->seen = ino;
	return true;
}

static void
arrived(struct br_latecomers *l, const char *rel, bool dir, int depth)
{
	struct br_guard_answer a = br_guard_hidden(l->guard, rel, dir);
	if (dir && a.cls != BR_GUARD_HIDDEN) {
		int fd = depth < DEPTH_MAX && !br_builtin_is_skipped(rel) ? openat(l->root, rel, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
		if (fd >= 0) {
			(void)br_latecomers_watch(l, fd, rel);
			look_into(l, fd, rel, depth);
		}
		return;
	}
	if (a.cls != BR_GUARD_HIDDEN)
		return;
	if (is_own(l, rel))
		return;
	if ((a.flags & BR_POLF_IF_KEY) == 0 || holds_key(l, rel))
		l->mask(l->arg, rel);
}

void
br_latecomers_serve(struct br_latecomers *l)
{
	union {
		char bytes[16384];
		struct inotify_event align;
	} buf;
	ssize_t n = read(l->inotify, buf.bytes, sizeof(buf));
	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
		const struct inotify_event *ev = (const void *)(buf.bytes + at);
		char rel[PATH_MAX];
		at += (ssize_t)(sizeof(*ev) + ev->len);
		if (ev->wd < 0 || (size_t)ev->wd >= l->ndirs || l->dirs[ev->wd] == NULL || ev->len == 0)
			continue;
		const char *dir = l->dirs[ev->wd];
		if (snprintf(rel, sizeof(rel), "%s%s%s", dir, dir[0] != '\0' ? "/" : "", ev->name) < (int)sizeof(rel))
			arrived(l, rel, (ev->mask & IN_ISDIR) != 0, 0);
	}
}
