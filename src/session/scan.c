#include "session/scan.h"

#include "base/io.h"
#include "policy/builtin.h"
#include "policy/private_key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCAN_MAX 2000000U
#define DEPTH_MAX 64

struct walk {
	struct br_scan *out;
	struct br_guard *guard;
	char rel[PATH_MAX];
	unsigned left;
	bool no_memory;
};

static bool
skipped(const char *name)
{
	for (size_t i = 0; i < br_builtin_skip_dirs_n; i++)
		if (br_streq(name, br_builtin_skip_dirs[i]))
			return true;
	return false;
}

static bool
holds_key(int dirfd, const char *name)
{
	br_auto_fd int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	static char buf[BR_PRIVATE_KEY_LOOK];
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	ssize_t n = read(fd, buf, sizeof(buf));
	return n > 0 && br_is_private_key(buf, (size_t)n);
}

static void
hide(struct walk *w)
{
	br_buf_put(&w->out->hidden, w->rel, strlen(w->rel) + 1);
	w->out->nhidden++;
	if (br_guard_add_hidden(w->guard, w->rel) < 0 || w->out->hidden.failed)
		w->no_memory = true;
}

/* True when the entry is hidden. */
static bool
judge(struct walk *w, int dirfd, const char *name, bool dir)
{
	struct br_guard_answer a = br_guard_hidden(w->guard, w->rel, dir);
	if (a.cls != BR_GUARD_HIDDEN)
		return false;
	if ((a.flags & BR_POLF_IF_KEY) != 0 && (dir || !holds_key(dirfd, name)))
		return false;
	hide(w);
	return true;
}

static void
walk_dir(struct walk *w, int dirfd, size_t len, int depth)
{
	DIR *d = fdopendir(dirfd);
	if (d == NULL) {
		(void)close(dirfd);
		return;
	}
	for (struct dirent *de; !w->no_memory && (de = readdir(d)) != NULL;) {
		const char *name = de->d_name;
		size_t n = strlen(name);
		if (br_streq(name, ".") || br_streq(name, ".."))
			continue;
		if (w->left == 0 || len + n + 2 > sizeof(w->rel)) {
			w->out->truncated = true;
			break;
		}
		w->left--;
		size_t at = len;
		if (at > 0)
			w->rel[at++] = '/';
		memcpy(w->rel + at, name, n + 1);
		bool dir = de->d_type == DT_DIR;
		if (br_streq(name, ".git")) {
			w->rel[len] = '\0';
			if (br_guard_add_repo(w->guard, w->rel) < 0)
				w->no_memory = true;
			continue;
		}
		if (judge(w, dirfd, name, dir) || !dir || skipped(name))
			continue;
		if (depth >= DEPTH_MAX) {
			w->out->truncated = true;
			continue;
		}
		int sub = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			walk_dir(w, sub, at + n, depth + 1);
	}
	w->rel[len] = '\0';
	(void)closedir(d);
}

int
br_scan_project(struct br_scan *s, const char *root, struct br_guard *g, struct br_err *e)
{
	*s = (struct br_scan){0};
	struct walk *w = calloc(1, sizeof(*w));
	if (w == NULL)
		return br_err_set(e, ENOMEM, "cannot look over the project");
	*w = (struct walk){.out = s, .guard = g, .left = SCAN_MAX};
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? br_err_set(e, errno, "cannot read the project %s", root) : 0;
	if (rc == 0)
		walk_dir(w, fd, 0, 0);
	if (rc == 0 && w->no_memory)
		rc = br_err_set(e, ENOMEM, "cannot look over the project");
	free(w);
	return rc;
}

void
br_scan_free(struct br_scan *s)
{
	br_buf_free(&s->hidden);
}
