#include "session/scan.h"

#include "base/io.h"
#include "policy/builtin.h"
#include "policy/gitindex.h"
#include "policy/private_key.h"
#include "session/latecomers.h"
#include "session/trusted.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCAN_MAX 2000000U
#define DEPTH_MAX 64
#define INDEX_MAX (256U << 20)

struct candidate {
	char *rel;
	bool if_untracked; /* hidden by a default rule: only when git does not track it */
};

struct walk {
	struct br_scan *out;
	struct br_guard *guard;
	struct candidate *found;
	size_t nfound;
	struct br_latecomers *late;
	struct br_buf repos; /* project-relative, NUL-terminated, one after the other */
	char rel[PATH_MAX];
	unsigned left;
	int err; /* errno of what stopped it, or 0 */
};

/* What can't be looked at, for another reason than that it is closed to this user or gone, is taken for one. */
static bool
holds_key(int dirfd, const char *name)
{
	br_auto_fd int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	static char buf[BR_PRIVATE_KEY_LOOK];
	if (fd < 0)
		return errno != EACCES && errno != ENOENT && errno != ELOOP && errno != ENXIO;
	if (fstat(fd, &st) < 0)
		return true;
	if (!S_ISREG(st.st_mode))
		return false;
	ssize_t n = read(fd, buf, sizeof(buf));
	return n < 0 || (n > 0 && br_is_private_key(buf, (size_t)n));
}

static void
hide(struct walk *w, const char *rel)
{
	br_buf_put(&w->out->hidden, rel, strlen(rel) + 1);
	w->out->nhidden++;
	if (br_guard_add_hidden(w->guard, rel) < 0 || w->out->hidden.failed)
		w->err = ENOMEM;
}

static void
note(struct walk *w, bool if_untracked)
{
	struct candidate *f = w->nfound % 64 == 0 ? realloc(w->found, (w->nfound + 64) * sizeof(*f)) : w->found;
	char *rel = strdup(w->rel);
	if (f == NULL || rel == NULL) {
		free(rel);
		w->err = ENOMEM;
		return;
	}
	w->found = f;
	f[w->nfound++] = (struct candidate){rel, if_untracked};
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
	note(w, (a.flags & BR_POLF_DEFAULT) != 0);
	return true;
}

/* A directory of which only a part is seen would leave the secrets of the rest in the open. */
static const struct dirent *
next_entry(struct walk *w, DIR *d)
{
	errno = 0;
	const struct dirent *de = readdir(d);
	if (de == NULL && errno != ENOENT) /* ENOENT: removed meanwhile (as musl, unlike glibc, reports) */
		w->err = errno;
	return de;
}

static void
walk_dir(struct walk *w, int dirfd, size_t len, int depth)
{
	/* Watched before it is read, so that nothing falls between. */
	if (w->late != NULL)
		(void)br_latecomers_watch(w->late, dirfd, w->rel);
	DIR *d = fdopendir(dirfd);
	if (d == NULL) {
		w->err = errno;
		(void)close(dirfd);
		return;
	}
	for (const struct dirent *de; w->err == 0 && (de = next_entry(w, d)) != NULL;) {
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
			br_buf_put(&w->repos, w->rel, len + 1);
			if (br_guard_add_repo(w->guard, w->rel) < 0 || w->repos.failed)
				w->err = ENOMEM;
			continue;
		}
		if (judge(w, dirfd, name, dir) || !dir || br_builtin_is_skipped(name))
			continue;
		if (depth >= DEPTH_MAX) {
			w->out->truncated = true;
			continue;
		}
		int sub = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			walk_dir(w, sub, at + n, depth + 1);
		else if (errno != EACCES && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			w->err = errno; /* neither closed to us nor gone: it may hold secrets that nobody would hide */
	}
	w->rel[len] = '\0';
	(void)closedir(d);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct candidate *)a)->rel, ((const struct candidate *)b)->rel);
}

/* The part of `rel` below the repository, or NULL. */
static const char *
below_repo(const char *rel, const char *repo)
{
	size_t n = strlen(repo);
	if (n == 0)
		return rel;
	return strncmp(rel, repo, n) == 0 && rel[n] == '/' ? rel + n + 1 : NULL;
}

/* The index of a repository; of a worktree or submodule by its `.git` file. */
static int
read_index(int root, const char *repo, struct br_buf *b)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s%s.git/index", repo, repo[0] != '\0' ? "/" : "") >= (int)sizeof(path))
		return -1;
	if (br_read_file(root, path, b, INDEX_MAX) == 0)
		return 0;
	br_auto_buf link = {0};
	path[strlen(path) - 6] = '\0';
	if (errno != ENOTDIR || br_read_file(root, path, &link, PATH_MAX) < 0 || link.p == NULL || !br_startswith(link.p, "gitdir: "))
		return -1;
	link.p[strcspn(link.p, "\r\n")] = '\0';
	const char *dir = link.p + 8;
	int n = dir[0] == '/' ? snprintf(path, sizeof(path), "%s/index", dir) :
	                        snprintf(path, sizeof(path), "%s%s%s/index", repo, repo[0] != '\0' ? "/" : "", dir);
	return n < (int)sizeof(path) ? br_read_file(root, path, b, INDEX_MAX) : -1;
}

/* Takes the default rules' candidates that this repository tracks off the list: git would see a masked one as modified. */
static void
drop_tracked(struct walk *w, int root, const char *repo)
{
	const char **names = calloc(w->nfound, sizeof(*names));
	size_t *at = calloc(w->nfound, sizeof(*at));
	bool *tracked = calloc(w->nfound, sizeof(*tracked));
	size_t n = 0;
	br_auto_buf index = {0};
	struct br_err ignored = BR_ERR_INIT;
	if (names == NULL || at == NULL || tracked == NULL) {
		w->err = ENOMEM;
	} else {
		for (size_t i = 0; i < w->nfound; i++) {
			const char *name = w->found[i].if_untracked ? below_repo(w->found[i].rel, repo) : NULL;
			if (name == NULL)
				continue;
			names[n] = name;
			at[n++] = i;
		}
		/* An index that can't be read tracks nothing: the files stay hidden. */
		if (n > 0 && read_index(root, repo, &index) == 0 &&
		    br_gitindex_tracked(index.p, index.len, names, n, tracked, NULL, &ignored) == 0) {
			for (size_t i = 0; i < n; i++)
				if (tracked[i])
					w->found[at[i]].rel[0] = '\0';
		}
	}
	free(names);
	free(at);
	free(tracked);
}

static void
hide_found(struct walk *w, int root)
{
	if (w->nfound == 0)
		return;
	qsort(w->found, w->nfound, sizeof(*w->found), by_name);
	const char *end = w->repos.p + w->repos.len;
	for (const char *r = w->repos.p; r != NULL && r < end && w->err == 0; r += strlen(r) + 1)
		drop_tracked(w, root, r);
	for (size_t i = 0; i < w->nfound; i++) {
		if (w->found[i].rel[0] != '\0')
			hide(w, w->found[i].rel);
		free(w->found[i].rel);
	}
	free(w->found);
}

/* What the repositories' configuration names is guarded like their hooks. */
static void
guard_trusted(struct walk *w, const char *root)
{
	const char *end = w->repos.p + w->repos.len;
	/* The project as well when it is no repository: it may lie in one, or the session may make it one. */
	if (br_trusted_guard(root, "", w->guard) < 0)
		w->err = errno;
	for (const char *r = w->repos.p; r != NULL && r < end && w->err == 0; r += strlen(r) + 1)
		if (*r != '\0' && br_trusted_guard(root, r, w->guard) < 0)
			w->err = errno;
}

int
br_scan_project(struct br_scan *s, const char *root, struct br_guard *g, struct br_latecomers *late, struct br_err *e)
{
	*s = (struct br_scan){0};
	struct walk *w = calloc(1, sizeof(*w));
	if (w == NULL)
		return br_err_set(e, ENOMEM, "cannot look over the project");
	*w = (struct walk){.out = s, .guard = g, .late = late, .left = SCAN_MAX};
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	br_auto_fd int again = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || again < 0 ? br_err_set(e, errno, "cannot read the project %s", root) : 0;
	if (rc == 0) {
		walk_dir(w, fd, 0, 0);
		hide_found(w, again);
		guard_trusted(w, root);
	}
	br_buf_free(&w->repos);
	if (rc == 0 && w->err != 0)
		rc = br_err_set(e, w->err, "cannot look over the project");
	free(w);
	return rc;
}

void
br_scan_free(struct br_scan *s)
{
	br_buf_free(&s->hidden);
}
