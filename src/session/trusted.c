#include "session/trusted.h"

#include "base/io.h"
#include "policy/gitconfig_parse.h"
#include "policy/gitconfig_trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	INCLUDE_DEPTH = 10, /* as git */
	FILES_MAX = 64,     /* configuration files of one repository */
	NAMES_MAX = 4096,   /* guarded names of one repository */
	LINKS_MAX = 40,     /* symlinks and missing directories of one path */
	HOOKS_MAX = 1024    /* entries of a directory of hooks that are looked at */
};

struct look {
	const char *root;      /* the project, absolute */
	char top[PATH_MAX];    /* of the working tree, absolute */
	char common[PATH_MAX]; /* git directory that all worktrees share, absolute */
	const char *file;      /* the configuration being read, absolute */
	struct br_guard *guard;
	unsigned depth, files, names;
	int err; /* errno of what could not be looked at, or 0 */
};

/* `path` from the directory `base`, without ".", ".." and "//". Lexical. */
static bool
join(const char *base, const char *path, char out[PATH_MAX])
{
	const char *const parts[] = {path[0] == '/' ? "" : base, path};
	size_t n = 0;
	for (size_t i = 0; i < BR_ARRAY_LEN(parts); i++) {
		for (const char *p = parts[i]; *p != '\0'; p += *p == '/') {
			size_t k = strcspn(p, "/");
			if (k == 2 && p[0] == '.' && p[1] == '.') {
				while (n > 0 && out[--n] != '/')
					;
			} else if (k > 0 && !(k == 1 && p[0] == '.')) {
				if (n + k + 2 > PATH_MAX)
					return false;
				out[n++] = '/';
				memcpy(out + n, p, k);
				n += k;
			}
			p += k;
		}
	}
	out[n] = '\0';
	return n > 0;
}

/* The same with "~/" understood, as git does in paths and sh in commands. */
static bool
locate(const char *base, const char *path, char out[PATH_MAX])
{
	if (path[0] != '~')
		return join(base, path, out);
	const char *home = getenv("HOME");
	return path[1] == '/' && home != NULL && home[0] == '/' && join(home, path + 2, out);
}

static const char *
below(const char *root, const char *path)
{
	size_t n = strlen(root);
	return strncmp(path, root, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static void
add(struct look *l, const char *path, enum br_guard_class cls, const char *why)
{
	const char *rel = below(l->root, path);
	if (rel == NULL || l->err != 0 || l->names == NAMES_MAX)
		return;
	l->names++;
	const char *origin = below(l->root, l->file);
	if (br_guard_add_executed(l->guard, rel, cls, why, origin != NULL ? origin : l->file) < 0)
		l->err = ENOMEM;
}

/* Where `path` really is; of what isn't there yet, where it would be, also by a link that leads nowhere as yet. */
static bool
resolve_links(const char *path, char out[PATH_MAX], unsigned hops)
{
	char real[PATH_MAX], to[PATH_MAX], next[PATH_MAX];
	if (realpath(path, out) != NULL)
		return true;
	if (hops == 0 || !join(path, "..", next) || !resolve_links(next, real, hops - 1))
		return false;
	ssize_t n = readlink(path, to, sizeof(to) - 1);
	if (n > 0) {
		to[n] = '\0';
		return join(real, to, next) && resolve_links(next, out, hops - 1);
	}
	return join(real, strrchr(path, '/') + 1, out);
}

/* The name, and the place that the gate will see when a symlink is on the way. */
static void
protect(struct look *l, const char *path, enum br_guard_class cls, const char *why)
{
	char real[PATH_MAX];
	add(l, path, cls, why);
	if (resolve_links(path, real, LINKS_MAX) && !br_streq(real, path))
		add(l, real, cls, why);
}

/* Git on the host may read later what a fault keeps from us now; what is absent, or closed to this user, it doesn't. */
static void
missed(struct look *l, int err)
{
	if (err == EIO || err == ENOMEM || err == EMFILE || err == ENFILE)
		l->err = err;
}

/* `pre-commit -> ../../tools/check`: git runs what the link leads to. */
static void
protect_linked(struct look *l, const char *dir, const char *why)
{
	char path[PATH_MAX], real[PATH_MAX];
	DIR *d = opendir(dir);
	if (d == NULL) {
		missed(l, errno);
		return;
	}
	struct dirent *de;
	for (unsigned left = HOOKS_MAX; left > 0 && (de = readdir(d)) != NULL; left--) {
		if (de->d_type == DT_LNK && snprintf(path, sizeof(path), "%s/%s", dir, de->d_name) < (int)sizeof(path) &&
		    resolve_links(path, real, LINKS_MAX))
			add(l, real, BR_GUARD_DENY, why);
	}
	(void)closedir(d);
}

/* husky 9 has git run the hooks in DIR/_, each of which runs the one of the same name in DIR, where people write theirs. husky
 * 8 had git run those in DIR, which read DIR/_/husky.sh. Every install writes the files of `_` again. */
static void
protect_hooks(struct look *l, const char *dir, const char *why)
{
	char other[PATH_MAX];
	bool own = br_endswith(dir, "/_");
	(void)join(dir, own ? ".." : "_", other);
	protect(l, own ? other : dir, BR_GUARD_DENY, why);
	protect(l, own ? dir : other, BR_GUARD_KEEP, why);
	protect_linked(l, dir, why);
	protect_linked(l, other, why);
}

static bool
is_there(const char *path, mode_t type)
{
	struct stat st;
	return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

/* Whether a word of a command is to be taken for a file. `path` is where it would be. */
static bool
is_file_word(const char *path, enum br_gitconfig_base base)
{
	char dir[PATH_MAX];
	switch (base) {
	case BR_GITCONFIG_FROM_FILE:
	case BR_GITCONFIG_FROM_TREE:
		return true;
	case BR_GITCONFIG_PROGRAM:
		return !is_there(path, S_IFDIR);
	case BR_GITCONFIG_WORD:
		return !is_there(path, S_IFDIR) && join(path, "..", dir) && is_there(dir, S_IFDIR);
	case BR_GITCONFIG_SCRIPT:
		return is_there(path, S_IFREG);
	}
	return true;
}

static void read_config(struct look *l, const char *path);

static bool
take(void *arg, const char *name, const char *written, enum br_gitconfig_base base)
{
	struct look *l = arg;
	char path[PATH_MAX], dir[PATH_MAX];
	if (base == BR_GITCONFIG_FROM_FILE && !join(l->file, "..", dir))
		return true;
	if (!locate(base == BR_GITCONFIG_FROM_FILE ? dir : l->top, written, path) || !is_file_word(path, base))
		return true;
	if (br_streq(name, "core.hookspath"))
		protect_hooks(l, path, name);
	else
		protect(l, path, BR_GUARD_DENY, name);
	if (base == BR_GITCONFIG_FROM_FILE)
		read_config(l, path);
	return l->err == 0;
}

static void
read_config(struct look *l, const char *path)
{
	br_auto_buf text = {0};
	const char *outer = l->file;
	if (l->depth == INCLUDE_DEPTH || l->files == FILES_MAX)
		return;
	l->depth++;
	l->files++;
	l->file = path;
	if (br_read_file(AT_FDCWD, path, &text, BR_GITCONFIG_MAX) < 0)
		missed(l, errno);
	else if (text.p != NULL)
		(void)br_gitconfig_trusted_paths(text.p, text.len, take, l);
	l->file = outer;
	l->depth--;
}

/* The directory that the file at `path` names behind `prefix`, from the directory `base`. */
static bool
follow(const char *path, const char *prefix, const char *base, char out[PATH_MAX])
{
	br_auto_buf text = {0};
	if (br_read_file(AT_FDCWD, path, &text, PATH_MAX) < 0 || text.p == NULL || !br_startswith(text.p, prefix))
		return false;
	text.p[strcspn(text.p, "\r\n")] = '\0';
	return join(base, text.p + strlen(prefix), out);
}

/* The git directory of the working tree at l->top, into `gitdir`, and the common one. */
static bool
find_gitdir(struct look *l, char gitdir[PATH_MAX])
{
	char path[PATH_MAX];
	if (!join(l->top, ".git", path))
		return false;
	if (is_there(path, S_IFDIR))
		(void)snprintf(gitdir, PATH_MAX, "%s", path);
	else if (!follow(path, "gitdir: ", l->top, gitdir))
		return false;
	if (!join(gitdir, "commondir", path) || !follow(path, "", gitdir, l->common))
		(void)snprintf(l->common, sizeof(l->common), "%s", gitdir);
	return true;
}

/* A project with a policy file of its own may be part of a repository. */
static bool
find_outer(struct look *l, char gitdir[PATH_MAX])
{
	char up[PATH_MAX];
	while (join(l->top, "..", up)) {
		(void)snprintf(l->top, sizeof(l->top), "%s", up);
		if (find_gitdir(l, gitdir))
			return true;
	}
	return false;
}

/* git-config(1), "FILES". */
static void
read_users(struct look *l)
{
	const char *system = getenv("GIT_CONFIG_SYSTEM"), *global = getenv("GIT_CONFIG_GLOBAL");
	const char *xdg = getenv("XDG_CONFIG_HOME");
	char path[PATH_MAX];
	read_config(l, system != NULL ? system : "/etc/gitconfig");
	if (global != NULL) {
		read_config(l, global);
		return;
	}
	if (xdg != NULL && xdg[0] == '/' ? join(xdg, "git/config", path) : locate("/", "~/.config/git/config", path))
		read_config(l, path);
	if (locate("/", "~/.gitconfig", path))
		read_config(l, path);
}

int
br_trusted_guard(const char *root, const char *repo, struct br_guard *g)
{
	struct look *l = calloc(1, sizeof(*l));
	char gitdir[PATH_MAX], path[PATH_MAX];
	if (l == NULL)
		return -1;
	*l = (struct look){.root = root, .guard = g, .file = root};
	bool ok = join(root, repo, l->top);
	bool is_repo = ok && (find_gitdir(l, gitdir) || (repo[0] == '\0' && find_outer(l, gitdir)));
	if (ok && !is_repo)
		ok = join(root, repo, l->top);
	if (ok)
		read_users(l);
	if (is_repo && join(l->common, "config", path))
		read_config(l, path);
	if (is_repo && join(gitdir, "config.worktree", path))
		read_config(l, path);
	if (is_repo && join(l->common, "hooks", path)) {
		l->file = l->common;
		protect_linked(l, path, "hooks");
		if (resolve_links(path, gitdir, LINKS_MAX) && !br_streq(gitdir, path) && !br_guard_in_git(gitdir))
			protect_hooks(l, gitdir, "hooks");
	}
	int err = l->err;
	free(l);
	errno = err;
	return err != 0 ? -1 : 0;
}
