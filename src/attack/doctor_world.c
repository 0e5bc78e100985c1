/* What is attacked: a directory of its own, and how a path of it is compared and put back. */
#include "doctor.h"

#include "base/io.h"
#include "session/state.h"

#include <dirent.h>
#include <stdarg.h>
#include <sys/file.h>

#define HEX 6

void
world_set(struct world *w, char letter, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	free(w->value[(unsigned char)letter]);
	w->value[(unsigned char)letter] = s;
}

static const char *
value(const struct world *w, char letter)
{
	return (unsigned char)letter < BR_ARRAY_LEN(w->value) ? w->value[(unsigned char)letter] : NULL;
}

bool
world_expand(const struct world *w, const char *line, struct br_buf *out)
{
	bool all = true;
	br_buf_reset(out);
	for (const char *p = line; *p != '\0'; p++) {
		if (*p != '%') {
			br_buf_putc(out, (char)(*p == ' ' ? '\t' : *p));
			continue;
		}
		const char *v = value(w, *++p);
		all = all && v != NULL;
		br_buf_puts(out, v != NULL ? v : "?");
	}
	return all;
}

/* --- made and removed ------------------------------------------------------------------------------------------------------- */

static void
name_everything(struct world *w)
{
	char hex[2 * 8 + 1];
	world_set(w, 'W', "%s", w->root);
	world_set(w, 'H', "%s/home", w->root);
	world_set(w, 'P', "%s/home/project", w->root);
	world_set(w, 'O', "%s/outside", w->root);
	world_set(w, 'R', "%s/run", w->root);
	br_random_hex(hex, 8);
	world_set(w, 'S', "canary-%s", hex);
	br_random_hex(hex, 8);
	world_set(w, 'C', "brattice-attack-%s", hex);
	br_random_hex(hex, 8);
	world_set(w, 'E', "environment-%s", hex);
	br_random_hex(hex, 8);
	world_set(w, 'M', "brattice-session-%s", hex);
}

int
world_make(struct world *w, struct br_err *e)
{
	char hex[2 * HEX + 1];
	/* brattice itself checks it, and says what is wrong with it. */
	br_auto_fd int state = br_state_open(true, e);
	br_auto_free char *path = br_state_dir(e);
	if (state < 0 || path == NULL)
		return -1;
	br_random_hex(hex, HEX);
	if (snprintf(w->root, sizeof(w->root), "%s/attacks/%s", path, hex) >= (int)sizeof(w->root) - 64)
		return br_err_set(e, ENAMETOOLONG, "%s", path);
	if (strpbrk(w->root, "\t\n") != NULL) {
		(void)br_err_set(e, 0, "the state directory has a tab or a line break in its name");
		return br_err_hint(e, "set BRATTICE_STATE to another directory");
	}
	if (br_mkdir_p(w->root, 0700) < 0 || (w->dir = open(w->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return br_err_set(e, errno, "cannot make %s", w->root);
	w->lock = openat(w->dir, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->lock < 0 || flock(w->lock, LOCK_EX | LOCK_NB) < 0)
		return br_err_set(e, errno, "cannot lock %s", w->root);
	name_everything(w);
	return 0;
}

void
world_remove(struct world *w)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(w->value); i++)
		free(w->value[i]);
	if (w->dir >= 0) {
		br_auto_free char *above = probe_dir(w->root);
		br_auto_fd int attacks = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (attacks < 0 || br_rm_tree(attacks, probe_base(w->root)) < 0)
			br_warn("cannot remove %s: %s; brattice gc will", w->root, strerror(errno));
		/* Others may have theirs in it. */
		(void)rmdir(above);
		(void)close(w->dir);
	}
	if (w->lock >= 0)
		(void)close(w->lock);
}

static int
put(int dir, const char *path, const char *text, mode_t mode)
{
	br_auto_fd int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	return fd < 0 ? -1 : br_write_all(fd, text, strlen(text));
}

static int
copy_self(const struct world *w)
{
	br_auto_buf b = {0};
	br_auto_fd int in = open(w->self, O_RDONLY | O_CLOEXEC);
	br_auto_fd int out = openat(w->dir, "home/project/probe", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (in < 0 || out < 0 || br_read_all(in, &b, 64 << 20) < 0)
		return -1;
	return br_write_all(out, b.p, b.len);
}

/* A repository as far as brattice and the attacks look: `git` need not be there. */
static int
plant_repository(int dir)
{
	static const char *const dirs[] = {".git", ".git/hooks", ".git/objects", ".git/refs", ".git/refs/heads", ".git/info"};
	for (size_t i = 0; i < BR_ARRAY_LEN(dirs); i++)
		if (mkdirat(dir, dirs[i], 0755) < 0)
			return -1;
	return put(dir, ".git/HEAD", "ref: refs/heads/main\n", 0644) < 0 ||
	               put(dir, ".git/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n", 0644) < 0 ?
	           -1 :
	           0;
}

static int
plant_project(const struct world *w, const char *secret)
{
	br_auto_fd int dir = openat(w->dir, "home/project", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	br_auto_free char *key = probe_cat(value(w, 'H'), "/.ssh/id_ed25519");
	if (dir < 0 || mkdirat(dir, "sub", 0755) < 0 || plant_repository(dir) < 0)
		return -1;
	if (put(dir, ".env", secret, 0600) < 0 || put(dir, "sub/.env", secret, 0600) < 0)
		return -1;
	return symlinkat(key, dir, "planted-link");
}

static int
plant_outside(const struct world *w, const char *secret)
{
	if (mkdirat(w->dir, "outside", 0755) < 0)
		return -1;
	return put(w->dir, "outside/file", secret, 0644);
}

int
world_plant(struct world *w, struct br_err *e)
{
	static const char *const dirs[] = {"home", "home/.ssh", "home/.aws", "home/project", "home/project-evil", "run", "state", "log"};
	br_auto_free char *secret = probe_cat(value(w, 'S'), "\n");
	int rc = 0;
	for (size_t i = 0; i < BR_ARRAY_LEN(dirs) && rc == 0; i++)
		rc = mkdirat(w->dir, dirs[i], 0700);
	if (rc < 0 || put(w->dir, "home/.ssh/id_ed25519", secret, 0600) < 0 || put(w->dir, "home/.aws/credentials", secret, 0600) < 0 ||
	    put(w->dir, "home/project-evil/secret", secret, 0600) < 0 || plant_outside(w, secret) < 0 || plant_project(w, secret) < 0 || copy_self(w) < 0)
		return br_err_set(e, errno, "cannot make what is attacked in %s", w->root);
	return 0;
}

/* Removes what is in a directory but for the names that end in one of `keep`. */
static void
empty(int at, const char *path, const char *const *keep)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *de; d != NULL && (de = readdir(d)) != NULL;) {
		bool kept = br_streq(de->d_name, ".") || br_streq(de->d_name, "..");
		for (const char *const *k = keep; *k != NULL && !kept; k++)
			kept = br_endswith(de->d_name, *k);
		if (!kept)
			(void)br_rm_tree(fd, de->d_name);
	}
	if (d != NULL)
		(void)closedir(d);
}

void
world_mend(struct world *w)
{
	static const char *const keep[] = {"probe", ".sock", NULL};
	br_auto_free char *secret = probe_cat(value(w, 'S'), "\n");
	empty(w->dir, "home/project", keep);
	(void)plant_project(w, secret);
	(void)br_rm_tree(w->dir, "outside");
	(void)plant_outside(w, secret);
}

void
world_clear(struct world *w)
{
	static const char *const keep[] = {"lock", NULL};
	empty(w->dir, ".", keep);
}

int
world_save_hidden(const struct world *w)
{
	br_auto_free char *secret = probe_cat(value(w, 'S'), "\n");
	if (put(w->dir, "home/project/saved~", secret, 0600) < 0)
		return -1;
	return renameat(w->dir, "home/project/saved~", w->dir, "home/project/.env");
}

/* --- targets ---------------------------------------------------------------------------------------------------------------- */

void
target_look(const char *path, struct target *t)
{
	memset(t, 0, sizeof(*t));
	t->is = lstat(path, &t->st) == 0;
	if (!t->is || !S_ISREG(t->st.st_mode))
		return;
	br_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0)
		(void)!read(fd, t->head, sizeof(t->head) - 1);
}

bool
target_changed(const struct target *a, const struct target *b)
{
	if (a->is != b->is || !a->is)
		return a->is != b->is;
	return a->st.st_mode != b->st.st_mode || a->st.st_ino != b->st.st_ino || a->st.st_size != b->st.st_size || a->st.st_uid != b->st.st_uid ||
	       a->st.st_mtim.tv_sec != b->st.st_mtim.tv_sec || a->st.st_mtim.tv_nsec != b->st.st_mtim.tv_nsec || !br_streq(a->head, b->head);
}
