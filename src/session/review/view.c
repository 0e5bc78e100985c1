#include "session/review/view.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

bool
br_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

int
br_is_opaque(int dirfd)
{
	char v[8];
	ssize_t n = br_tree_xattr(dirfd, "user.overlay.opaque", v, sizeof(v));
	if (n < 0)
		return errno == ERANGE ? 0 : -1;
	return n == 1 && v[0] == 'y';
}

/* Walks the upper tree along `rel`: it decides, component by component, whether the lower tree still shows through. */
enum br_side
br_view_stat(const struct br_view *v, const char *rel, struct stat *st)
{
	bool hidden = false;
	size_t len = strlen(rel);
	br_auto_free char *part = strdup(rel);
	if (part == NULL)
		return BR_SIDE_NONE;
	for (size_t i = 0; v->upper >= 0 && i <= len; i++) {
		if (rel[i] != '/' && rel[i] != '\0')
			continue;
		part[i] = '\0';
		if (br_tree_stat(v->upper, part, st) < 0) {
			if (errno != ENOENT)
				return BR_SIDE_NONE;
			break;
		}
		if (br_is_whiteout(st))
			return BR_SIDE_NONE;
		if (rel[i] == '\0')
			return BR_SIDE_UPPER;
		if (!S_ISDIR(st->st_mode))
			return BR_SIDE_NONE;
		br_auto_fd int fd = br_tree_open(v->upper, part, O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0 || br_is_opaque(fd) != 0)
			hidden = true;
		part[i] = '/';
	}
	return !hidden && br_tree_stat(v->lower, rel, st) == 0 ? BR_SIDE_LOWER : BR_SIDE_NONE;
}

static int
side_fd(const struct br_view *v, const char *rel)
{
	struct stat st;
	enum br_side side = br_view_stat(v, rel, &st);
	if (side == BR_SIDE_NONE)
		errno = ENOENT;
	return side == BR_SIDE_UPPER ? v->upper : side == BR_SIDE_LOWER ? v->lower : -1;
}

int
br_view_head(const struct br_view *v, const char *rel, struct br_buf *b, size_t max)
{
	int fd = side_fd(v, rel);
	return fd < 0 ? -1 : br_tree_head(fd, rel, b, max);
}

char *
br_view_link(const struct br_view *v, const char *rel)
{
	int fd = side_fd(v, rel);
	return fd < 0 ? NULL : br_tree_link(fd, rel);
}

static enum br_target
absolute(const char *target)
{
	static const char *const system[] = {"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/nix/"};
	for (size_t i = 0; i < BR_ARRAY_LEN(system); i++)
		if (br_startswith(target, system[i]) && strstr(target, "/..") == NULL)
			return BR_TARGET_SYSTEM;
	return BR_TARGET_OUTSIDE;
}

/* State of a walk: `at` is where we are ("" is the root), `todo` what is still to be walked from there. */
struct walk {
	struct br_buf at;
	struct br_buf todo;
};

static bool
walk_up(struct walk *w)
{
	if (w->at.len == 0)
		return false;
	char *slash = strrchr(w->at.p, '/');
	w->at.len = slash != NULL ? (size_t)(slash - w->at.p) : 0;
	w->at.p[w->at.len] = '\0';
	return true;
}

/* Takes one component off `todo` and onto `at`; false when that leaves the root. */
static bool
walk_step(struct walk *w)
{
	size_t n = strcspn(w->todo.p, "/");
	bool ok = true;
	if (n == 2 && memcmp(w->todo.p, "..", 2) == 0) {
		ok = walk_up(w);
	} else if (n > 0 && !(n == 1 && w->todo.p[0] == '.')) {
		if (w->at.len > 0)
			br_buf_putc(&w->at, '/');
		br_buf_put(&w->at, w->todo.p, n);
	}
	br_buf_consume(&w->todo, n + (w->todo.p[n] == '/'));
	return ok;
}

/* Puts a symlink's target in front of what is still to be walked. `at` names the link; true when the walk goes on. */
static bool
walk_link(struct walk *w, const char *project, const char *target, enum br_target *out)
{
	size_t n = strlen(project);
	struct br_buf next = {0};
	if (target[0] == '/') {
		if (strncmp(target, project, n) != 0 || (target[n] != '/' && target[n] != '\0')) {
			*out = absolute(target);
			return false;
		}
		br_buf_reset(&w->at);
		br_buf_puts(&next, target + n + (target[n] == '/'));
	} else {
		(void)walk_up(w);
		br_buf_puts(&next, target);
	}
	br_buf_putc(&next, '/');
	br_buf_put(&next, w->todo.p != NULL ? w->todo.p : "", w->todo.len);
	br_buf_free(&w->todo);
	w->todo = next;
	return true;
}

enum br_target
br_view_resolve(const struct br_view *v, const char *project, const char *rel)
{
	struct walk w = {0};
	enum br_target out = BR_TARGET_INSIDE;
	unsigned links = 0;
	br_buf_puts(&w.at, "");
	br_buf_puts(&w.todo, rel);
	while (w.todo.len > 0 && !w.todo.failed && !w.at.failed) {
		struct stat st;
		if (!walk_step(&w)) {
			out = BR_TARGET_OUTSIDE;
			break;
		}
		if (w.at.len == 0 || br_view_stat(v, w.at.p, &st) == BR_SIDE_NONE || !S_ISLNK(st.st_mode))
			continue;
		br_auto_free char *target = br_view_link(v, w.at.p);
		if (target == NULL || ++links > 40) {
			out = BR_TARGET_LOOP;
			break;
		}
		if (!walk_link(&w, project, target, &out))
			break;
	}
	if (w.todo.failed || w.at.failed)
		out = BR_TARGET_OUTSIDE;
	br_buf_free(&w.at);
	br_buf_free(&w.todo);
	return out;
}
