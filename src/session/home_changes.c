#include "session/home_changes.h"

#include "base/io.h"
#include "policy/builtin.h"
#include "sandbox/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 20000U
#define LINES_MAX 2000U
#define DEPTH_MAX 16
#define FILE_MAX  (4UL << 20)

/* A tree that is looked at: `rel` is its place in the home, "" for the home itself. */
struct area {
	const char *how;
	const char *rel;
	int fd; /* O_PATH, or -1 with `err` */
	int err;
	const struct br_home *fresh; /* the session's own home, whose files brattice wrote */
};

struct look {
	struct br_buf out;
	int lines;
	unsigned left;
	struct timespec since;
	const struct br_policy *policy;
	const struct area *area;
	const struct br_builtin_home *name;
	char rel[PATH_MAX]; /* relative to the home */
};

static bool
is_gone(const struct look *l)
{
	return l->area->fresh != NULL;
}

static void
line(struct look *l, const char *how, const char *rel)
{
	if ((unsigned)l->lines > LINES_MAX)
		return;
	if ((unsigned)l->lines == LINES_MAX)
		how = "cut";
	br_buf_printf(&l->out, "%s ", how);
	br_buf_put_field(&l->out, rel);
	br_buf_putc(&l->out, '\n');
	l->lines++;
}

/* A kept file lies in the session's own home until it is copied back. */
static bool
is_kept_file(const struct look *l)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(l->policy, BR_POL_HOME_KEEP, r)) != NULL;)
		if (br_streq(r->text, l->rel))
			return true;
	return false;
}

/* Is it as brattice wrote it? */
static bool
is_as_written(const struct look *l)
{
	const struct br_home *h = l->area->fresh;
	for (size_t i = 0; h != NULL && i < h->nwritten; i++) {
		br_auto_buf b = {0};
		char hash[BR_SHA256_HEX];
		if (!br_streq(h->written[i].rel, l->rel))
			continue;
		if (br_read_file(l->area->fd, l->rel, &b, FILE_MAX) < 0)
			return false;
		br_sha256_of(b.p != NULL ? b.p : "", b.len, hash);
		return br_streq(hash, h->written[i].sha256);
	}
	return false;
}

static bool
is_new(const struct look *l, const struct stat *st)
{
	return st->st_ctim.tv_sec != l->since.tv_sec ? st->st_ctim.tv_sec > l->since.tv_sec : st->st_ctim.tv_nsec >= l->since.tv_nsec;
}

/* True when that is all that is to be said of the name. */
static bool
changed(struct look *l, mode_t mode)
{
	if (is_gone(l) && S_ISREG(mode) && is_kept_file(l)) {
		line(l, "kept", l->rel);
		return true;
	}
	line(l, l->area->how, is_gone(l) ? l->name->name : l->rel);
	return is_gone(l);
}

static bool walk(struct look *l, int at, const char *name, size_t len, int depth);

/* One entry of a directory, or the name itself; `l->rel` names it. */
static bool
entry(struct look *l, int at, const char *name, size_t len, int depth)
{
	struct stat st;
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return false;
	if (S_ISDIR(st.st_mode))
		return walk(l, at, name, len, depth + 1);
	return is_new(l, &st) && !is_as_written(l) ? changed(l, st.st_mode) : false;
}

static bool
walk(struct look *l, int at, const char *name, size_t len, int depth)
{
	br_auto_fd int fd = openat(at, name[0] != '\0' ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return changed(l, 0);
	DIR *d = depth <= DEPTH_MAX ? fdopendir(fd) : NULL;
	if (d == NULL) {
		line(l, "cut", l->rel);
		return false;
	}
	(void)br_steal_fd(&fd);
	bool done = false;
	for (struct dirent *de; !done && (de = readdir(d)) != NULL;) {
		size_t n = strlen(de->d_name);
		if (br_streq(de->d_name, ".") || br_streq(de->d_name, ".."))
			continue;
		if (l->left == 0 || len + n + 2 > sizeof(l->rel)) {
			line(l, "cut", l->rel);
			break;
		}
		l->left--;
		l->rel[len] = '/';
		memcpy(l->rel + len + 1, de->d_name, n + 1);
		done = entry(l, dirfd(d), de->d_name, len + 1 + n, depth);
		l->rel[len] = '\0';
	}
	(void)closedir(d);
	return done;
}

/* Where the name lies in the area: "" for the area itself, NULL when they have nothing in common. */
static const char *
place_in(const struct area *a, const char *name)
{
	size_t n = strlen(a->rel);
	if (n == 0)
		return name;
	if (strncmp(name, a->rel, n) == 0 && name[n] == '/')
		return name + n + 1;
	return br_home_name_covers(name, a->rel) ? "" : NULL;
}

static void
look_at(struct look *l, const struct area *a, const struct br_builtin_home *name)
{
	const char *sub = place_in(a, name->name);
	char path[256];
	if (sub == NULL || snprintf(path, sizeof(path), "%s", sub) >= (int)sizeof(path))
		return;
	size_t n = strlen(path);
	if (n > 0 && path[n - 1] == '/')
		path[--n] = '\0';
	int k = n == 0 ? snprintf(l->rel, sizeof(l->rel), "%s", a->rel) :
	                 snprintf(l->rel, sizeof(l->rel), "%s%s%s", a->rel, a->rel[0] != '\0' ? "/" : "", path);
	if (k < 0 || k >= (int)sizeof(l->rel))
		return;
	l->area = a;
	l->name = name;
	struct br_open_how how = {
	    .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = BR_RESOLVE_BENEATH | BR_RESOLVE_NO_SYMLINKS};
	br_auto_fd int fd = a->fd < 0 || n == 0 ? -1 : br_sys_openat2(a->fd, path, &how);
	int err = a->fd < 0 ? a->err : errno;
	if (fd >= 0 || (a->fd >= 0 && n == 0))
		(void)entry(l, fd >= 0 ? fd : a->fd, "", (size_t)k, 0);
	else if (err != ENOENT && err != ENOTDIR)
		(void)changed(l, 0);
}

static void
look_over(struct look *l, const char *how, const char *path, const char *rel, const struct br_home *fresh)
{
	char clean[PATH_MAX];
	if (snprintf(clean, sizeof(clean), "%s", rel) >= (int)sizeof(clean))
		return;
	for (size_t n = strlen(clean); n > 0 && clean[n - 1] == '/';)
		clean[--n] = '\0';
	struct br_open_how o = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = BR_RESOLVE_NO_SYMLINKS};
	struct area a = {.how = how, .rel = clean, .fd = br_sys_openat2(AT_FDCWD, path, &o), .fresh = fresh};
	a.err = errno;
	for (size_t i = 0; i < br_builtin_home_n; i++)
		look_at(l, &a, &br_builtin_home[i]);
	l->area = NULL;
	br_cleanup_fd(&a.fd);
}

static const char *
below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* Roads of the policy into the user's own home. The project itself is the handoff check's. */
static void
look_over_grants(struct look *l, const struct br_policy *policy, const char *project, const char *home)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(policy, BR_POL_WRITE, r)) != NULL;) {
		const char *rel = below(r->text, home);
		if (rel == NULL || br_streq(r->text, project) || below(r->text, project) != NULL)
			continue;
		look_over(l, "host", r->data[0] != '\0' ? r->data : r->text, rel, NULL);
	}
}

int
br_home_changes(const struct br_home *h, const struct br_policy *policy, const char *project, const char *home, int session_dir,
    struct br_err *e)
{
	struct look l = {.left = NAMES_MAX, .policy = policy, .since = h->since};
	int rc = 0;
	if (h->dir[0] == '\0')
		return 0;
	look_over(&l, "gone", h->dir, "", h);
	for (size_t i = 0; i < h->nkeeps; i++) {
		const char *rel = below(h->keeps[i].dst, home);
		if (rel != NULL && below(h->keeps[i].dst, project) == NULL)
			look_over(&l, "kept", h->keeps[i].src, rel, NULL);
	}
	look_over_grants(&l, policy, project, home);
	if (l.out.failed)
		rc = br_err_set(e, ENOMEM, "the list of changes in the home");
	else if (l.lines > 0 && br_replace_file(session_dir, BR_HOME_CHANGES, l.out.p, l.out.len, 0600) < 0)
		rc = br_err_set(e, errno, "cannot write the list of changes in the home");
	br_buf_free(&l.out);
	return rc < 0 ? -1 : l.lines;
}
