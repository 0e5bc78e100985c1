#include "session/gitconfig_home.h"

#include "base/io.h"
#include "policy/gitconfig.h"
#include "policy/gitconfig_include.h"
#include "policy/gitconfig_parse.h"
#include "session/env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	INCLUDE_DEPTH = 10, /* as git */
	FILES_MAX = 64
};

struct describe {
	const struct br_policy *policy;
	const char *home;
	struct br_buf *out;
	/* Where includes are followed: */
	const char *file; /* the file that is read, as it was named; NULL: they are not */
	struct br_gitconfig_place at;
	uid_t owner; /* of the home: whose files are read */
	unsigned depth, files;
};

/* Of the keys that harm nobody, the sections that describe a person or a habit. Not remote, submodule and branch.<name>: they
 * hold addresses and belong to one repository. */
static bool
is_descriptive(const struct br_gitconfig_entry *e)
{
	static const char *const sections[] = {"core", "user", "author", "committer", "init", "pull", "push", "merge", "rebase",
	    "fetch", "diff", "color", "column", "advice", "feature", "rerere", "log", "status", "commit", "tag", "versionsort",
	    "stash", "worktree", "checkout", "blame", "grep", "apply", "am", "interactive", "i18n", "index", "pager"};
	if (br_streq(e->section, "branch"))
		return e->subsection == NULL;
	for (size_t i = 0; i < BR_ARRAY_LEN(sections); i++)
		if (br_streq(sections[i], e->section))
			return true;
	return false;
}

static bool
holds_nocase(const char *s, const char *word)
{
	size_t n = strlen(word);
	for (; *s != '\0'; s++)
		if (strncasecmp(s, word, n) == 0)
			return true;
	return false;
}

/* A token needn't stand at the beginning: every word is looked at. Any user in an address counts, since a token may stand
 * alone. */
static bool
holds_secret(const char *name, const char *value)
{
	static const char *const words[] = {"extraheader", "authorization", "password", "insteadof", "credential"};
	if (br_env_looks_secret(name, value))
		return true;
	for (size_t i = 0; i < BR_ARRAY_LEN(words); i++)
		if (holds_nocase(value, words[i]))
			return true;
	for (const char *p = value; (p = strstr(p, "://")) != NULL;) {
		p += 3;
		if (p[strcspn(p, "@/ \t\n")] == '@')
			return true;
	}
	static const char between[] = " \t\n\"'=:,;()/@";
	for (const char *p = value; *p != '\0'; p += strcspn(p, between)) {
		p += strspn(p, between);
		if (br_env_looks_secret("", p))
			return true;
	}
	return false;
}

static bool
is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Does the policy show the file that a key names? Only as far as its name says: git takes an absent one for empty. */
static bool
is_shown(const struct describe *d, const char *value)
{
	static const enum br_pol_kind kinds[] = {BR_POL_READ, BR_POL_WRITE, BR_POL_SYSTEM, BR_POL_ETC};
	char path[PATH_MAX];
	int n = br_startswith(value, "~/") ? snprintf(path, sizeof(path), "%s%s", d->home, value + 1)
					   : snprintf(path, sizeof(path), "%s", value);
	if (n >= (int)sizeof(path) || path[0] != '/' || strstr(path, "/../") != NULL)
		return false;
	for (size_t i = 0; i < BR_ARRAY_LEN(kinds); i++)
		for (const struct br_pol_rec *r = NULL; (r = br_pol_next(d->policy, kinds[i], r)) != NULL;)
			if (is_below(path, r->text))
				return true;
	return false;
}

static bool
is_wanted(const struct describe *d, const struct br_gitconfig_entry *e)
{
	const char *value = e->value != NULL ? e->value : "";
	if (holds_secret(e->name, value))
		return false;
	if (br_streq(e->name, "core.excludesfile") || br_streq(e->name, "core.attributesfile"))
		return is_shown(d, value);
	/* Which repositories and transports the user trusts: neither holds a secret. */
	if (br_streq(e->name, "safe.directory") || (br_streq(e->section, "protocol") && br_streq(e->key, "allow")))
		return true;
	if (br_streq(e->section, "alias"))
		return value[strspn(value, " \t\n")] != '!';
	return is_descriptive(e) && br_gitconfig_is_harmless(e, NULL, NULL);
}

static void
put_quoted(struct br_buf *out, const char *s)
{
	br_buf_putc(out, '"');
	for (; *s != '\0'; s++) {
		const char *plain = "\"\\\n\t\b", *coded = "\"\\ntb";
		const char *at = strchr(plain, *s);
		if (at != NULL)
			br_buf_putc(out, '\\');
		br_buf_put(out, at != NULL ? coded + (at - plain) : s, 1);
	}
	br_buf_putc(out, '"');
}

/* In a section's name only '"' and '\\' are escaped. */
static void
put_section(struct br_buf *out, const struct br_gitconfig_entry *e)
{
	br_buf_printf(out, "[%s", e->section);
	if (e->subsection != NULL) {
		br_buf_puts(out, " \"");
		for (const char *s = e->subsection; *s != '\0'; s++) {
			if (*s == '"' || *s == '\\')
				br_buf_putc(out, '\\');
			br_buf_putc(out, *s);
		}
		br_buf_putc(out, '"');
	}
	br_buf_puts(out, "]\n");
}

static void add_file(struct describe *d, const char *path);

/* The directory of `file` is where relative paths begin; for conditions it is the one where the file really is. */
static void
dir_of(const char *file, char dir[PATH_MAX], char real_dir[PATH_MAX])
{
	(void)snprintf(dir, PATH_MAX, "%s", file);
	if (realpath(file, real_dir) == NULL)
		(void)snprintf(real_dir, PATH_MAX, "%s", file);
	*strrchr(dir, '/') = '\0';
	*strrchr(real_dir, '/') = '\0';
}

/* git reads an included file in the place of the key that names it. */
static void
follow(struct describe *d, const struct br_gitconfig_entry *e)
{
	char dir[PATH_MAX], real_dir[PATH_MAX], path[PATH_MAX];
	struct br_gitconfig_place at = d->at;
	bool always = br_streq(e->name, "include.path");
	if (e->value == NULL || e->value[0] == '\0' || (!always && (!br_streq(e->section, "includeif") || e->subsection == NULL)))
		return;
	dir_of(d->file, dir, real_dir);
	at.dir = real_dir;
	if (!always && !br_gitconfig_condition(e->subsection, &at))
		return;
	bool in_home = br_startswith(e->value, "~/"), absolute = e->value[0] == '/';
	if (snprintf(path, sizeof(path), "%s%s%s", in_home ? d->home : absolute ? "" : dir, in_home || absolute ? "" : "/",
		e->value + (in_home ? 1 : 0)) < (int)sizeof(path))
		add_file(d, path);
}

static bool
take(void *arg, const struct br_gitconfig_entry *e)
{
	struct describe *d = arg;
	if (d->file != NULL && br_streq(e->key, "path") && br_startswith(e->section, "include"))
		follow(d, e);
	if (!is_wanted(d, e))
		return true;
	put_section(d->out, e);
	br_buf_printf(d->out, "\t%s", e->key);
	if (e->value != NULL) {
		br_buf_puts(d->out, " = ");
		put_quoted(d->out, e->value);
	}
	br_buf_putc(d->out, '\n');
	return !d->out->failed;
}

bool
br_gitconfig_describe(const char *data, size_t n, const struct br_policy *policy, const char *home, struct br_buf *out,
    unsigned *line, const char **why)
{
	struct describe d = {.policy = policy, .home = home, .out = out};
	return br_gitconfig_each(data, n, take, &d, line, why);
}

static bool
is_in_force(const struct br_policy *policy, const char *profile)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(policy, BR_POL_PROFILE, r)) != NULL;)
		if (br_streq(r->text, profile))
			return true;
	return false;
}

/* A file of the user's or root's: what somebody else put where an include leads is not taken. */
static int
read_own(const struct describe *d, const char *path, struct br_buf *b)
{
	br_auto_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || (st.st_uid != d->owner && st.st_uid != geteuid() && st.st_uid != 0)) {
		errno = S_ISREG(st.st_mode) ? EPERM : EINVAL;
		return -1;
	}
	return br_read_all(fd, b, BR_GITCONFIG_MAX);
}

static void
add_file(struct describe *d, const char *path)
{
	br_auto_buf b = {0};
	unsigned line = 0;
	const char *why = NULL, *outer = d->file;
	if (d->depth == INCLUDE_DEPTH || d->files == FILES_MAX) {
		br_warn("the session's git knows nothing of %s: too many files include one another", path);
		return;
	}
	d->files++;
	if (read_own(d, path, &b) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			br_warn("the session's git knows nothing of %s: %s", path, strerror(errno));
		return;
	}
	d->depth++;
	d->file = path;
	if (!br_gitconfig_each(b.p != NULL ? b.p : "", b.len, take, d, &line, &why) && why != NULL)
		br_warn("the session's git knows nothing of %s from line %u on: %s", path, line, why);
	d->file = outer;
	d->depth--;
}

/* The git directory of the project, with symlinks resolved. */
static bool
find_gitdir(const char *project, char out[PATH_MAX])
{
	char path[PATH_MAX], named[2 * PATH_MAX];
	struct stat st;
	if (snprintf(path, sizeof(path), "%s/.git", project) >= (int)sizeof(path) || stat(path, &st) < 0)
		return false;
	if (S_ISDIR(st.st_mode))
		return realpath(path, out) != NULL;
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, path, &b, PATH_MAX) < 0 || b.p == NULL || !br_startswith(b.p, "gitdir: "))
		return false;
	b.p[strcspn(b.p, "\r\n")] = '\0';
	const char *to = b.p + strlen("gitdir: ");
	(void)snprintf(named, sizeof(named), "%s%s%s", to[0] == '/' ? "" : project, to[0] == '/' ? "" : "/", to);
	return realpath(named, out) != NULL;
}

/* The user may have come to the project through a symlink: git tries that name too (only that of the working directory). */
static bool
find_logical(const char *project, char out[PATH_MAX])
{
	const char *pwd = getenv("PWD");
	struct stat a, b;
	return pwd != NULL && pwd[0] == '/' && stat(pwd, &a) == 0 && stat(project, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
	       snprintf(out, PATH_MAX, "%s/.git", pwd) < PATH_MAX;
}

int
br_gitconfig_home(const struct br_policy *policy, const char *home, const char *project, struct br_buf *out, struct br_err *e)
{
	char path[PATH_MAX], real[PATH_MAX], gitdir[PATH_MAX], also[PATH_MAX];
	const char *xdg = getenv("XDG_CONFIG_HOME");
	if (!is_in_force(policy, "git"))
		return 0;
	struct stat st;
	struct describe d = {.policy = policy, .home = home, .out = out, .owner = stat(home, &st) == 0 ? st.st_uid : geteuid()};
	d.at.home = realpath(home, real) != NULL ? real : home;
	d.at.gitdir = find_gitdir(project, gitdir) ? gitdir : NULL;
	d.at.also = d.at.gitdir != NULL && find_logical(project, also) ? also : NULL;
	bool own = xdg != NULL && xdg[0] == '/';
	if (snprintf(path, sizeof(path), "%s%s/git/config", own ? xdg : home, own ? "" : "/.config") < (int)sizeof(path))
		add_file(&d, path);
	if (snprintf(path, sizeof(path), "%s/.gitconfig", home) < (int)sizeof(path))
		add_file(&d, path);
	return out->failed ? br_err_set(e, ENOMEM, "the session's .gitconfig") : 0;
}
