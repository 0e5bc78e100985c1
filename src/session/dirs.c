/* Where sessions and sockets lie, and whether those directories can be trusted. */
#include "session/state.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
join(const char *dir, const char *rest, struct br_err *e)
{
	br_auto_buf b = {0};
	size_t n = strlen(dir);
	/* O_NOFOLLOW does not look at a name that ends in a slash. */
	while (n > 1 && dir[n - 1] == '/')
		n--;
	br_buf_put(&b, dir, n);
	br_buf_puts(&b, rest);
	if (b.failed) {
		(void)br_err_set(e, ENOMEM, "cannot name a directory below %s", dir);
		return NULL;
	}
	if (b.len >= PATH_MAX) {
		(void)br_err_set(e, ENAMETOOLONG, "%s%s", dir, rest);
		return NULL;
	}
	return br_steal_ptr(&b.p);
}

/* An environment variable that names a directory. Relative paths are ignored, as the XDG base directory specification says. */
static const char *
env_dir(const char *name)
{
	const char *v = getenv(name);
	return v != NULL && v[0] == '/' ? v : NULL;
}

char *
br_state_dir(struct br_err *e)
{
	const char *v = getenv("BRATTICE_STATE");
	if (v != NULL && v[0] != '\0') {
		if (v[0] != '/') {
			(void)br_err_set(e, 0, "BRATTICE_STATE is not an absolute path: %s", v);
			(void)br_err_hint(e, "set it to a directory of yours, or unset it");
			return NULL;
		}
		return join(v, "", e);
	}
	v = env_dir("XDG_STATE_HOME");
	if (v != NULL)
		return join(v, "/brattice", e);
	v = env_dir("HOME");
	if (v == NULL) {
		const struct passwd *pw = getpwuid(geteuid());
		v = pw != NULL && pw->pw_dir != NULL && pw->pw_dir[0] == '/' ? pw->pw_dir : NULL;
	}
	if (v == NULL) {
		(void)br_err_set(e, 0, "no directory for sessions: HOME is not set and uid %u has no home directory", (unsigned)geteuid());
		(void)br_err_hint(e, "set BRATTICE_STATE to a directory of yours");
		return NULL;
	}
	return join(v, "/.local/state/brattice", e);
}

/* True when `dir` is a directory of ours that only we can write: what XDG_RUNTIME_DIR promises. After `sudo -E` it is not. */
static bool
is_own_dir(const char *dir)
{
	struct stat st;
	return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

static char *
state_run(struct br_err *e)
{
	br_auto_free char *state = br_state_dir(e);
	return state != NULL ? join(state, "/run", e) : NULL;
}

char *
br_runtime_dir(struct br_err *e)
{
	const char *v = env_dir("XDG_RUNTIME_DIR");
	return v != NULL && is_own_dir(v) ? join(v, "/brattice", e) : state_run(e);
}

/* What may be said of a directory that holds what the sandbox must never reach. */
static int
check_own(int fd, const char *path, struct br_err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return br_err_set(e, errno, "cannot look at %s", path);
	if (st.st_uid != geteuid()) {
		(void)br_err_set(e, 0, "%s belongs to uid %u, not to you (uid %u)", path, (unsigned)st.st_uid, (unsigned)geteuid());
		return br_err_hint(e, "set BRATTICE_STATE to a directory of yours");
	}
	if ((st.st_mode & 077) != 0) {
		(void)br_err_set(e, 0, "%s is open to other users (mode %03o)", path, (unsigned)st.st_mode & 0777);
		return br_err_hint(e, "look whether its content is yours, then: chmod 700 %s", path);
	}
	return 0;
}

static int
open_own(const char *path, bool create, struct br_err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	br_auto_fd int fd = open(path, flags);
	if (fd < 0 && errno == ENOENT && create) {
		if (br_mkdir_p(path, 0700) < 0) {
			(void)br_err_set(e, errno, "cannot make %s", path);
			return br_err_hint(e, "make its parent writable, or set BRATTICE_STATE to a directory of yours");
		}
		fd = open(path, flags);
	}
	if (fd < 0) {
		int saved = errno;
		struct stat st;
		if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
			(void)br_err_set(e, 0, "%s is a symbolic link", path);
			return br_err_hint(e, "remove it, or set BRATTICE_STATE to the directory that is meant");
		}
		return br_err_set(e, saved, "cannot open %s", path);
	}
	if (check_own(fd, path, e) < 0)
		return -1;
	return br_steal_fd(&fd);
}

int
br_state_open(bool create, struct br_err *e)
{
	br_auto_free char *path = br_state_dir(e);
	return path != NULL ? open_own(path, create, e) : -1;
}

int
br_runtime_open(bool create, struct br_err *e)
{
	br_auto_free char *path = br_runtime_dir(e);
	if (path == NULL)
		return -1;
	/* When it lies in the state directory, that is checked as well. */
	br_auto_free char *inner = state_run(NULL);
	if (inner != NULL && br_streq(inner, path)) {
		br_auto_fd int state = br_state_open(create, e);
		if (state < 0)
			return -1;
	}
	return open_own(path, create, e);
}

size_t
br_runtime_open_all(int *fds, size_t max)
{
	char usual[64];
	(void)snprintf(usual, sizeof(usual), "/run/user/%u/brattice", (unsigned)geteuid());
	br_auto_free char *first = br_runtime_dir(NULL);
	br_auto_free char *inner = state_run(NULL);
	const char *paths[] = {first, usual, inner};
	size_t n = 0;
	for (size_t i = 0; i < BR_ARRAY_LEN(paths) && n < max; i++) {
		bool seen = paths[i] == NULL;
		for (size_t k = 0; k < i && !seen; k++)
			seen = paths[k] != NULL && br_streq(paths[k], paths[i]);
		int fd = seen ? -1 : open_own(paths[i], false, NULL);
		if (fd >= 0)
			fds[n++] = fd;
	}
	return n;
}
