/* From what the caller wrote to the directory and the name that it means. */
#include "exec/gate_int.h"

#include "sandbox/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void
place_close(struct place *p)
{
	br_cleanup_fd(&p->parent);
	p->parent = -1;
}

int
fd_canonical(const struct gate *g, int fd, char *out, size_t room)
{
	char link[32];
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	ssize_t n = readlinkat(g->proc, link, out, room - 1);
	if (n < 0)
		return -errno;
	if ((size_t)n >= room - 1)
		return -ENAMETOOLONG;
	out[n] = '\0';
	return 0;
}

const char *
below_root(const struct gate *g, const char *path)
{
	const char *best = NULL;
	size_t len = 0;
	for (size_t i = 0; i < g->nroots; i++) {
		const struct root *r = &g->roots[i];
		if (r->len >= len && strncmp(path, r->path, r->len) == 0 && path[r->len] == '/') {
			best = path + r->len + 1;
			len = r->len;
		}
	}
	return best;
}

static int
open_dir(int base, const char *path, size_t n)
{
	char dir[PATH_MAX];
	if (n >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, n);
	dir[n] = '\0';
	struct br_open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = BR_RESOLVE_NO_MAGICLINKS};
	int fd = br_sys_openat2(base, n > 0 ? dir : ".", &how);
	return fd >= 0 ? fd : -errno;
}

int
resolve_from(const struct call *c, int base, const char *path, struct place *out)
{
	*out = (struct place){.parent = -1};
	size_t n = strlen(path);
	if (n == 0)
		return -ENOENT;
	while (n > 1 && path[n - 1] == '/') {
		n--;
		out->slash = true;
	}
	size_t cut = n;
	while (cut > 0 && path[cut - 1] != '/')
		cut--;
	const char *name = path + cut;
	size_t len = n - cut;
	bool itself = len == 0 || (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.');
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	out->parent = open_dir(base, path, itself ? n : cut);
	if (out->parent < 0)
		return out->parent;
	int rc = fd_canonical(c->g, out->parent, out->path, sizeof(out->path));
	if (rc < 0)
		return rc;
	if (itself) {
		out->dir_itself = true;
		memcpy(out->name, ".", 2);
	} else {
		memcpy(out->name, name, len);
		out->name[len] = '\0';
		size_t at = strlen(out->path);
		if (at + len + 2 > sizeof(out->path))
			return -ENAMETOOLONG;
		if (at > 1 || out->path[0] != '/')
			out->path[at++] = '/';
		memcpy(out->path + at, out->name, len + 1);
	}
	out->rel = below_root(c->g, out->path);
	return 0;
}

static const char *
number(const char *p, int *out)
{
	int n = 0, digits = 0;
	while (*p >= '0' && *p <= '9' && digits < 9) {
		n = n * 10 + (*p++ - '0');
		digits++;
	}
	*out = n;
	return digits > 0 ? p : NULL;
}

/* "self/…", "thread-self/…", "<own pid>/…" below /proc: the rest after it, or NULL. */
static const char *
own_proc(const struct call *c, const char *p)
{
	int n;
	if (br_startswith(p, "self/"))
		return p + 5;
	if (br_startswith(p, "thread-self/"))
		return p + 12;
	const char *rest = number(p, &n);
	return rest != NULL && *rest == '/' && n == caller_ns_pid(c) ? rest + 1 : NULL;
}

/* Below /proc or /dev, what belongs to the caller itself: the part after "/proc/self/", "/proc/self/task/N/" or "/dev/"; else NULL. */
static const char *
own_path(const struct call *c, const char *path)
{
	if (br_startswith(path, "/dev/fd/"))
		return path + 5;
	const char *rest = br_startswith(path, "/proc/") ? own_proc(c, path + 6) : NULL;
	int tid;
	const char *in_task = rest != NULL && br_startswith(rest, "task/") ? number(rest + 5, &tid) : NULL;
	return in_task != NULL && *in_task == '/' ? in_task + 1 : rest;
}

/* "/proc/self/fd/N/rest", and the same of cwd: programs that hold a directory by its descriptor name files in it so. Gives the
 * directory to begin at, as the *at calls name it, and the rest. The root is the caller's and ours alike. */
static const char *
own_directory(const struct call *c, const char *path, int *dirfd)
{
	const char *what = own_path(c, path);
	if (what == NULL)
		return NULL;
	const char *end = NULL;
	if (br_startswith(what, "fd/")) {
		end = number(what + 3, dirfd);
	} else if (br_startswith(what, "cwd")) {
		*dirfd = AT_FDCWD;
		end = what + 3;
	} else if (br_startswith(what, "root/")) {
		return what + 4;
	}
	if (end == NULL || *end != '/')
		return NULL;
	while (*end == '/')
		end++;
	return *end != '\0' ? end : ".";
}

int
resolve(const struct call *c, int dirfd, const char *path, struct place *out)
{
	*out = (struct place){.parent = -1};
	const char *rest = own_directory(c, path, &dirfd);
	if (rest != NULL)
		path = rest;
	br_auto_fd int base = -1;
	if (path[0] != '/') {
		base = caller_dir(c, dirfd);
		if (base < 0)
			return br_steal_fd(&base);
	}
	/* The path was copied before, the directory is open now: if the caller still waits, both are its own. */
	if (!caller_alive(c))
		return -EINTR;
	return resolve_from(c, base >= 0 ? base : AT_FDCWD, path, out);
}

int
resolve_caller(const struct call *c, int dirfd, uint64_t addr, struct place *p)
{
	char path[PATH_MAX];
	int n = caller_string(c, addr, path, sizeof(path));
	return n < 0 ? -n : -resolve(c, dirfd, path, p);
}

/* Where a path leads through all symlinks, as parent and name. */
int
resolve_follow(const struct call *c, int dirfd, const char *path, struct place *p)
{
	char next[PATH_MAX];
	if (snprintf(next, sizeof(next), "%s", path) >= (int)sizeof(next))
		return ENAMETOOLONG;
	br_auto_fd int base = -1;
	for (int hops = 0; hops < 40; hops++) {
		place_close(p);
		int rc = base >= 0 ? resolve_from(c, base, next, p) : resolve(c, dirfd, next, p);
		if (rc < 0)
			return -rc;
		if (p->dir_itself)
			return 0;
		ssize_t n = readlinkat(p->parent, p->name, next, sizeof(next) - 1);
		if (n < 0)
			return errno == EINVAL ? 0 : errno;
		next[n] = '\0';
		br_cleanup_fd(&base);
		base = br_steal_fd(&p->parent);
	}
	return ELOOP;
}

enum magic
magic_path(const struct call *c, const char *path, int *fd, char *proc_rel, size_t room)
{
	static const struct {
		const char *path;
		int fd;
	} std[] = {{"/dev/stdin", 0}, {"/dev/stdout", 1}, {"/dev/stderr", 2}};
	if (path[0] != '/')
		return MAGIC_NONE;
	if (br_streq(path, "/dev/tty"))
		return MAGIC_TTY;
	for (size_t i = 0; i < BR_ARRAY_LEN(std); i++) {
		if (br_streq(path, std[i].path)) {
			*fd = std[i].fd;
			return MAGIC_FD;
		}
	}
	const char *what = own_path(c, path);
	int dirfd;
	if (what == NULL || own_directory(c, path, &dirfd) != NULL)
		return MAGIC_NONE;
	if (br_startswith(what, "fd/")) {
		const char *end = number(what + 3, fd);
		if (end != NULL && *end == '\0')
			return MAGIC_FD;
	}
	if (snprintf(proc_rel, room, "%s", what) >= (int)room)
		return MAGIC_NONE;
	return MAGIC_PROC;
}
