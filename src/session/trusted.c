#include "session/trusted.h"

#include "base/io.h"
#include "policy/gitconfig_parse.h"
#include "policy/gitconfig_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

struct look {
	int rootfd;
	const char *root;
	const char *tree;      /* project-relative root of the working tree */
	char gitdir[PATH_MAX]; /* project-relative or absolute directory of the configuration */
	struct br_guard *guard;
	bool no_memory;
};

/* `path` below `base` (project-relative, or absolute), made project-relative and normal. False when it leaves the project, or
 * is the project. Lexical: a symlink on the way is the user's own, and what it leads to is guarded when it is named itself. */
static bool
project_path(const struct look *l, const char *base, const char *path, char out[PATH_MAX])
{
	char joined[2 * PATH_MAX];
	const char *from = path[0] == '/' ? "" : base;
	int len = snprintf(joined, sizeof(joined), "%s%s%s", from, from[0] != '\0' ? "/" : "", path);
	if (len < 0 || (size_t)len >= sizeof(joined))
		return false;
	const char *p = joined;
	size_t n = 0, root = strlen(l->root);
	if (*p == '/') {
		if (strncmp(p, l->root, root) != 0 || p[root] != '/')
			return false;
		p += root;
	}
	for (; *p != '\0'; p += *p == '/') {
		size_t k = strcspn(p, "/");
		if (k == 2 && p[0] == '.' && p[1] == '.') {
			if (n == 0)
				return false;
			while (n > 0 && out[--n] != '/')
				;
		} else if (k > 0 && !(k == 1 && p[0] == '.')) {
			if (n + k + 2 > PATH_MAX)
				return false;
			if (n > 0)
				out[n++] = '/';
			memcpy(out + n, p, k);
			n += k;
		}
		p += k;
	}
	out[n] = '\0';
	return n > 0;
}

static bool
guard_path(void *arg, const char *name, const char *path, enum br_gitconfig_base base)
{
	struct look *l = arg;
	char rel[PATH_MAX];
	struct stat st;
	if (!project_path(l, base == BR_GITCONFIG_FROM_FILE ? l->gitdir : l->tree, path, rel))
		return true;
	if (base == BR_GITCONFIG_WORD && (fstatat(l->rootfd, rel, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)))
		return true;
	if (br_streq(rel, ".husky/_") || br_endswith(rel, "/.husky/_"))
		return true;
	l->no_memory = br_guard_add_protected(l->guard, rel, name) < 0;
	return !l->no_memory;
}

/* The git directory of the repository: `.git`, or where the file of that name leads. */
static bool
find_gitdir(struct look *l)
{
	br_auto_buf link = {0};
	const char *sep = l->tree[0] != '\0' ? "/" : "";
	int n = snprintf(l->gitdir, sizeof(l->gitdir), "%s%s.git", l->tree, sep);
	struct stat st;
	if (n < 0 || (size_t)n >= sizeof(l->gitdir) || fstatat(l->rootfd, l->gitdir, &st, 0) < 0)
		return false;
	if (S_ISDIR(st.st_mode))
		return true;
	if (br_read_file(l->rootfd, l->gitdir, &link, PATH_MAX) < 0 || link.p == NULL || !br_startswith(link.p, "gitdir: "))
		return false;
	link.p[strcspn(link.p, "\r\n")] = '\0';
	const char *to = link.p + strlen("gitdir: ");
	n = to[0] == '/' ? snprintf(l->gitdir, sizeof(l->gitdir), "%s", to)
			 : snprintf(l->gitdir, sizeof(l->gitdir), "%s%s%s", l->tree, sep, to);
	return n > 0 && (size_t)n < sizeof(l->gitdir);
}

int
br_trusted_guard(int rootfd, const char *root, const char *repo, struct br_guard *g)
{
	static const char *const files[] = {"config", "config.worktree"};
	struct look l = {.rootfd = rootfd, .root = root, .tree = repo, .guard = g};
	if (!find_gitdir(&l))
		return 0;
	for (size_t i = 0; i < BR_ARRAY_LEN(files); i++) {
		br_auto_buf text = {0};
		char path[PATH_MAX + 32];
		(void)snprintf(path, sizeof(path), "%s/%s", l.gitdir, files[i]);
		if (br_read_file(rootfd, path, &text, BR_GITCONFIG_MAX) == 0 && text.p != NULL)
			(void)br_gitconfig_trusted_paths(text.p, text.len, guard_path, &l);
	}
	return l.no_memory ? -1 : 0;
}
