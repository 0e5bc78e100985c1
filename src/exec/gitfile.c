/* Git's own files that decide what git on the host runs: config, `.git` files, commondir, and the making of bare repositories.
 *
 * All of them end up as bytes that the gate read, judged and wrote itself, in a file that the agent never had open. */
#include "exec/gate_int.h"

#include "base/io.h"
#include "policy/gitconfig.h"
#include "sandbox/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/inotify.h>
#include <unistd.h>

#define CONFIG_MAX (1U << 20)
#define LINK_MAX_BYTES 4352U

static const char *const MARKERS[] = {"HEAD", "objects", "refs"};

static bool
there(int dir, const char *prefix, const char *name)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "%s%s", prefix, name);
	return faccessat(dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
git_like_dir(int parent, const char *prefix)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(MARKERS); i++)
		if (!there(parent, prefix, MARKERS[i]))
			return false;
	return true;
}

bool
git_marker_name(const char *name)
{
	return strcasecmp(name, "HEAD") == 0 || strcasecmp(name, "objects") == 0 || strcasecmp(name, "refs") == 0;
}

struct base_dir {
	const struct gate *g;
	const char *dir; /* canonical */
};

/* Lexical: where would `path` lead from the configuration's directory? Below a writable root is fine. */
static bool
stays_in_tree(void *arg, const char *path)
{
	const struct base_dir *b = arg;
	char joined[PATH_MAX * 2], out[PATH_MAX * 2];
	size_t n = 0;
	if (snprintf(joined, sizeof(joined), "%s%s%s", path[0] == '/' ? "" : b->dir, path[0] == '/' ? "" : "/", path) >= (int)sizeof(joined))
		return false;
	for (char *p = joined; *p != '\0';) {
		size_t len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			while (n > 0 && out[--n] != '/')
				;
		} else if (len > 0 && !(len == 1 && p[0] == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p += len;
		p += *p == '/';
	}
	out[n] = '\0';
	for (size_t i = 0; i < b->g->nroots; i++)
		if (br_streq(out, b->g->roots[i].path))
			return true;
	return below_root(b->g, out) != NULL;
}

/* A new file with these bytes in the directory, under no name yet; -errno. */
static int
fresh_file(int parent, const void *data, size_t n, mode_t mode)
{
	int fd = openat(parent, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (br_write_all(fd, data, n) < 0 || fchmod(fd, mode & 0777) < 0) {
		int e = errno;
		(void)close(fd);
		return -e;
	}
	return fd;
}

static int
give_name(const struct gate *g, int fd, int parent, const char *name)
{
	char link[32];
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	return linkat(g->proc, link, parent, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Replaces `name` by a file with these bytes that nobody has open, by way of git's own `name.lock`. errno or 0. */
static int
install(const struct gate *g, int parent, const char *name, const void *data, size_t n, mode_t mode)
{
	char lock[NAME_MAX + 6];
	(void)snprintf(lock, sizeof(lock), "%s.lock", name);
	br_auto_fd int fd = fresh_file(parent, data, n, mode);
	if (fd < 0 && fd != -EOPNOTSUPP && fd != -EISDIR && fd != -EINVAL)
		return -fd;
	if (unlinkat(parent, lock, 0) < 0 && errno != ENOENT)
		return errno;
	if (fd < 0) { /* a file system without O_TMPFILE: a name that only the gate, which serves one call at a time, can meet */
		br_auto_fd int named = openat(parent, lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (named < 0 || br_write_all(named, data, n) < 0 || fchmod(named, mode & 0777) < 0)
			return errno;
	} else {
		int rc = give_name(g, fd, parent, lock);
		if (rc < 0)
			return -rc;
	}
	return renameat(parent, lock, parent, name) < 0 ? errno : 0;
}

static int
read_config(const struct place *p, struct br_buf *b, mode_t *mode)
{
	br_auto_fd int fd = openat(p->parent, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	*mode = st.st_mode;
	return br_read_all(fd, b, CONFIG_MAX) < 0 ? errno : 0;
}

static int
judge_config(const struct call *c, const struct place *to, const struct br_buf *now, const struct br_buf *before)
{
	char dir[PATH_MAX];
	(void)snprintf(dir, sizeof(dir), "%s", to->path);
	*strrchr(dir, '/') = '\0';
	struct base_dir base = {.g = c->g, .dir = dir};
	struct br_gitconfig_refusal why = {0};
	if (br_gitconfig_judge(now->p != NULL ? now->p : "", now->len, before->p, before->len, stays_in_tree, &base, &why))
		return 0;
	char rule[300];
	(void)snprintf(rule, sizeof(rule), "git config %s", why.key[0] != '\0' ? why.key : "syntax");
	report_denied(c, "gitconfig", to->path, rule, "built-in", why.why, EACCES);
	return EACCES;
}

int
git_install_config(const struct call *c, const struct place *from, const struct place *to)
{
	br_auto_buf now = {0};
	br_auto_buf before = {0};
	mode_t mode = 0644, old = 0;
	int rc = read_config(from, &now, &mode);
	if (rc == 0) {
		rc = read_config(to, &before, &old);
		if (rc == ENOENT)
			rc = 0;
	}
	if (rc == 0)
		rc = judge_config(c, to, &now, &before);
	if (rc != 0)
		return rc;
	if (c->g->c->review)
		report_base(c, to);
	return install(c->g, to->parent, to->name, now.p != NULL ? now.p : "", now.len, mode);
}

static bool
hooks_harmless(int parent)
{
	/* A symlink is not harmless: what it leads to can be filled later. */
	int fd = openat(parent, "hooks", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		(void)close(fd);
		return false;
	}
	bool ok = true;
	for (struct dirent *de; ok && (de = readdir(d)) != NULL;)
		ok = br_streq(de->d_name, ".") || br_streq(de->d_name, "..") || br_endswith(de->d_name, ".sample");
	(void)closedir(d);
	return ok;
}

/* A configuration beside `p` that is there already: judged, and written anew, since the agent may have this one open. */
static int
settle_config(const struct call *c, const struct place *p, const char *name)
{
	struct place config = {.parent = p->parent, .rel = p->rel};
	(void)snprintf(config.name, sizeof(config.name), "%s", name);
	(void)snprintf(config.path, sizeof(config.path), "%.*s/%s", (int)(strlen(p->path) - strlen(p->name) - 1), p->path, name);
	br_auto_buf now = {0};
	br_auto_buf none = {0};
	mode_t mode = 0644;
	int rc = read_config(&config, &now, &mode);
	if (rc == ENOENT)
		return 0;
	if (rc == 0)
		rc = judge_config(c, &config, &now, &none);
	return rc != 0 ? rc : install(c->g, p->parent, name, now.p != NULL ? now.p : "", now.len, mode);
}

int
git_complete(const struct call *c, const char *op, const struct place *p)
{
	int rc;
	for (size_t i = 0; i < BR_ARRAY_LEN(MARKERS); i++) {
		bool same = strcasecmp(MARKERS[i], p->name) == 0;
		if (same == there(p->parent, "", MARKERS[i]))
			return 0; /* complete before, or not complete after */
	}
	struct br_guard_answer why = {.cls = BR_GUARD_DENY, .rule = "bare repository", .origin = "built-in"};
	if (!hooks_harmless(p->parent))
		return deny(c, op, p->path, &why, "git on the host would take this directory for a repository and run its hooks", EACCES);
	rc = settle_config(c, p, "config");
	return rc != 0 ? rc : settle_config(c, p, "config.worktree");
}

/* A file that the caller may write without effect: our descriptor, which only reads, so that the watch (NULL: none) tells only of
 * the caller's closing. -errno. */
static int
make_decoy(const void *data, size_t n, int *watch, int inotify)
{
	char path[64] = "/run/brattice/decoy.", *end = path + strlen(path);
	br_random_hex(end, 8);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int reader = br_write_all(fd, data, n) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int err = errno;
	(void)close(fd);
	if (reader >= 0 && watch != NULL && (*watch = inotify_add_watch(inotify, path, IN_CLOSE_WRITE)) < 0) {
		err = errno;
		br_cleanup_fd(&reader);
		reader = -1;
	}
	(void)unlink(path);
	return reader >= 0 ? reader : -err;
}

/* Our own reading descriptor stays; the caller's is the one that can write. */
static int
writer_of(const struct gate *g, int decoy)
{
	char link[32];
	(void)snprintf(link, sizeof(link), "self/fd/%d", decoy);
	int fd = openat(g->proc, link, O_RDWR | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int
git_open_commondir(const struct call *c, const struct place *p)
{
	/* Its only legitimate content is known, so the gate writes it and what the caller writes goes nowhere. */
	int rc = install(c->g, p->parent, p->name, "../..\n", 6, 0644);
	if (rc != 0)
		return -rc;
	br_auto_fd int decoy = make_decoy("", 0, NULL, -1);
	return decoy < 0 ? decoy : writer_of(c->g, decoy);
}

int
git_open_link(const struct call *c, const struct place *p)
{
	return git_open_decoy(c, p, NULL, "", 0);
}

int
git_open_decoy(const struct call *c, const struct place *p, const struct br_guard_answer *why, const void *data, size_t n)
{
	struct gate *g = c->g;
	if (g->nlinks == MAX_LINKS)
		return -EAGAIN;
	struct pending_link *l = &g->links[g->nlinks];
	*l = (struct pending_link){.pid = c->pid};
	if (why != NULL) {
		l->rule = why->rule;
		l->origin = why->origin;
	}
	l->decoy = make_decoy(data, n, &l->watch, g->inotify);
	if (l->decoy < 0)
		return l->decoy;
	int writer = writer_of(g, l->decoy);
	l->parent = fcntl(p->parent, F_DUPFD_CLOEXEC, 3);
	(void)snprintf(l->name, sizeof(l->name), "%s", p->name);
	(void)snprintf(l->path, sizeof(l->path), "%s", p->path);
	if (writer < 0 || l->parent < 0) {
		(void)inotify_rm_watch(g->inotify, l->watch);
		br_cleanup_fd(&l->decoy);
		br_cleanup_fd(&writer);
		br_cleanup_fd(&l->parent);
		return -EIO;
	}
	g->nlinks++;
	return writer;
}

/* "gitdir: PATH\n" and nothing else. PATH, from the directory of the link, must lead to a directory below .git/worktrees or
 * .git/modules of the tree; what is installed is the path that was judged, not the caller's text, so that no symlink on the way
 * and no byte that git reads otherwise can lead elsewhere later. */
static bool
judged_target(const struct gate *g, const struct pending_link *l, char *text, size_t n, char *canon, size_t room)
{
	if (n < 9 || text[n - 1] != '\n' || !br_startswith(text, "gitdir: "))
		return false;
	text[--n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	struct br_open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = BR_RESOLVE_NO_MAGICLINKS};
	br_auto_fd int dir = br_sys_openat2(l->parent, text + 8, &how);
	if (dir < 0 || fd_canonical(g, dir, canon, room) < 0)
		return false;
	const char *rel = below_root(g, canon);
	if (rel == NULL || strpbrk(rel, "\n\r") != NULL)
		return false;
	const char *in = br_startswith(rel, ".git/") ? rel + 5 : NULL;
	if (in == NULL && (in = strstr(rel, "/.git/")) != NULL)
		in += 6;
	return in != NULL && (br_startswith(in, "worktrees/") || br_startswith(in, "modules/"));
}

static void
settle(struct gate *g, struct pending_link *l)
{
	char text[LINK_MAX_BYTES], canon[PATH_MAX];
	ssize_t n = pread(l->decoy, text, sizeof(text) - 1, 0);
	struct seccomp_notif none = {0};
	struct call c = {.g = g, .req = &none, .pid = l->pid};
	if (n > 0 && (size_t)n < sizeof(text) - 1 && judged_target(g, l, text, (size_t)n, canon, sizeof(canon))) {
		br_auto_buf own = {0};
		br_buf_printf(&own, "gitdir: %s\n", canon);
		if (!own.failed && install(g, l->parent, l->name, own.p, own.len, 0644) == 0)
			return;
	}
	report_denied(&c, "gitlink", l->path, ".git file", "built-in", "it must name a directory below .git/worktrees or .git/modules of the tree",
	    EACCES);
}

static void
finish(struct gate *g, size_t i)
{
	struct pending_link l = g->links[i];
	if (l.rule != NULL)
		keep_settle(g, &l);
	else
		settle(g, &l);
	(void)inotify_rm_watch(g->inotify, l.watch);
	(void)close(l.decoy);
	(void)close(l.parent);
	g->links[i] = g->links[--g->nlinks];
}

void
git_settle_links(struct gate *g, bool wait_for_close)
{
	union {
		char bytes[4096];
		struct inotify_event align;
	} buf;
	(void)wait_for_close;
	for (;;) {
		ssize_t n = read(g->inotify, buf.bytes, sizeof(buf));
		if (n <= 0)
			return;
		for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
			const struct inotify_event *ev = (const void *)(buf.bytes + at);
			at += (ssize_t)(sizeof(*ev) + ev->len);
			for (size_t i = 0; (ev->mask & IN_CLOSE_WRITE) != 0 && i < g->nlinks; i++) {
				if (g->links[i].watch == ev->wd) {
					finish(g, i);
					break;
				}
			}
		}
	}
}
