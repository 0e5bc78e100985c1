#include "session/home.h"

#include "base/io.h"
#include "policy/builtin.h"
#include "session/gitconfig_home.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_FILE_MAX (4U << 20)

static bool
is_dir_keep(const char *rel)
{
	size_t n = strlen(rel);
	return n > 0 && rel[n - 1] == '/';
}

static int
own(const char *path, int uid, int gid, struct br_err *e)
{
	return uid >= 0 && lchown(path, (uid_t)uid, (gid_t)gid) < 0 ? br_err_set(e, errno, "cannot give %s to uid %d", path, uid) : 0;
}

static int
join(char *out, size_t room, const char *dir, const char *rel, struct br_err *e)
{
	int n = snprintf(out, room, "%s/%s", dir, rel);
	while (n > 1 && n < (int)room && out[n - 1] == '/')
		out[--n] = '\0';
	return n >= (int)room ? br_err_set(e, ENAMETOOLONG, "%s/%s", dir, rel) : 0;
}

/* mkdir -p of `rel` below `base`, each new directory owned by the agent. */
static int
make_below(const char *base, const char *rel, int uid, int gid, struct br_err *e)
{
	char path[PATH_MAX];
	size_t at = strlen(base);
	if (join(path, sizeof(path), base, rel, e) < 0)
		return -1;
	size_t n = strlen(path);
	for (size_t i = at + 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		char keep = path[i];
		path[i] = '\0';
		if (mkdir(path, 0700) == 0) {
			if (own(path, uid, gid, e) < 0)
				return -1;
		} else if (errno != EEXIST) {
			return br_err_set(e, errno, "cannot make %s", path);
		}
		path[i] = keep;
	}
	return 0;
}

static int
add_pair(struct br_home *h, const char *src, const char *dst, struct br_err *e)
{
	struct br_plan_pair *k = realloc(h->keeps, (h->nkeeps + 1) * sizeof(*k));
	if (k == NULL)
		return br_err_set(e, ENOMEM, "private home");
	h->keeps = k;
	k[h->nkeeps] = (struct br_plan_pair){strdup(src), strdup(dst)};
	if (k[h->nkeeps].src == NULL || k[h->nkeeps].dst == NULL)
		return br_err_set(e, ENOMEM, "private home");
	h->nkeeps++;
	return 0;
}

/* What the handoff check is not to take for the session's. */
static int
remember(struct br_home *h, const char *rel, const void *data, size_t n, struct br_err *e)
{
	if (br_builtin_home_find(rel) == NULL)
		return 0;
	struct br_home_written *w = reallocarray(h->written, h->nwritten + 1, sizeof(*w));
	char *name = strdup(rel);
	if (w != NULL)
		h->written = w;
	if (w == NULL || name == NULL) {
		free(name);
		return br_err_set(e, ENOMEM, "private home");
	}
	h->written[h->nwritten].rel = name;
	br_sha256_of(data, n, h->written[h->nwritten++].sha256);
	return 0;
}

static int
put_file(struct br_home *h, const char *rel, const void *data, size_t n, int uid, int gid, struct br_err *e)
{
	const char *base = h->dir;
	char path[PATH_MAX], parent[PATH_MAX];
	(void)snprintf(parent, sizeof(parent), "%s", rel);
	char *slash = strrchr(parent, '/');
	if (slash != NULL) {
		*slash = '\0';
		if (make_below(base, parent, uid, gid, e) < 0)
			return -1;
	}
	if (join(path, sizeof(path), base, rel, e) < 0)
		return -1;
	br_auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || br_write_all(fd, data, n) < 0)
		return br_err_set(e, errno, "cannot write %s", path);
	return own(path, uid, gid, e) < 0 ? -1 : remember(h, rel, data, n, e);
}

static int
keep(struct br_home *h, const char *rel, const char *home, int uid, int gid, struct br_err *e)
{
	char src[PATH_MAX], dst[PATH_MAX];
	if (join(src, sizeof(src), h->store, rel, e) < 0 || join(dst, sizeof(dst), home, rel, e) < 0)
		return -1;
	if (is_dir_keep(rel))
		return make_below(h->store, rel, uid, gid, e) < 0 || make_below(h->dir, rel, uid, gid, e) < 0 ? -1 : add_pair(h, src, dst, e);
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, src, &b, KEPT_FILE_MAX) < 0)
		return 0; /* nothing kept yet */
	return put_file(h, rel, b.p != NULL ? b.p : "", b.len, uid, gid, e);
}

/* Own copies of project directories (node_modules, .venv): the host never sees what is written there. */
static int
add_private(struct br_home *h, const char *rel, const struct br_project *p, int uid, int gid, struct br_err *e)
{
	char sub[PATH_MAX], src[PATH_MAX], dst[PATH_MAX], list[PATH_MAX];
	if (snprintf(sub, sizeof(sub), "private/%s", rel) >= (int)sizeof(sub) || join(src, sizeof(src), h->store, sub, e) < 0 ||
	    join(dst, sizeof(dst), p->root, rel, e) < 0)
		return -1;
	if (snprintf(list, sizeof(list), "%s.made", h->store) >= (int)sizeof(list))
		return br_err_set(e, ENAMETOOLONG, "%s", h->store);
	if (br_made_dir(&h->made, list, p->root, dst + strlen(p->root) + 1, e) < 0)
		return br_err_wrap(e, "filesystem.private");
	return make_below(h->store, sub, uid, gid, e) < 0 ? -1 : add_pair(h, src, dst, e);
}

static int
make_real(char path[PATH_MAX], struct br_err *e)
{
	char real[PATH_MAX];
	if (realpath(path, real) == NULL)
		return br_err_set(e, errno, "%s", path);
	memcpy(path, real, strlen(real) + 1);
	return 0;
}

static bool
has_file(const struct br_policy *policy, enum br_pol_kind kind, const char *rel)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(policy, kind, r)) != NULL;)
		if (br_streq(r->text, rel))
			return true;
	return false;
}

/* What a policy says of the file comes first. */
static int
add_gitconfig(struct br_home *h, const struct br_policy *policy, const struct br_project *p, const char *home, int uid, int gid, struct br_err *e)
{
	static const char name[] = ".gitconfig";
	br_auto_buf b = {0};
	if (has_file(policy, BR_POL_HOME_FILE, name) || has_file(policy, BR_POL_HOME_KEEP, name))
		return 0;
	if (br_gitconfig_home(policy, home, p->root, &b, e) < 0)
		return -1;
	return b.len > 0 ? put_file(h, name, b.p, b.len, uid, gid, e) : 0;
}

int
br_home_prepare(struct br_home *h, const struct br_policy *policy, const struct br_project *p, const char *home, const char *state,
    const char *session_dir, int uid, int gid, struct br_err *e)
{
	*h = (struct br_home){.made = BR_MADE_INIT};
	(void)clock_gettime(CLOCK_REALTIME_COARSE, &h->since);
	char homes[PATH_MAX];
	if (join(h->dir, sizeof(h->dir), session_dir, "home", e) < 0 || join(homes, sizeof(homes), state, "homes", e) < 0 ||
	    join(h->store, sizeof(h->store), homes, p->hash, e) < 0)
		return -1;
	if (mkdir(homes, 0711) < 0 && errno != EEXIST)
		return br_err_set(e, errno, "cannot make %s", homes);
	if ((mkdir(h->store, 0700) < 0 && errno != EEXIST) || mkdir(h->dir, 0700) < 0)
		return br_err_set(e, errno, "cannot make the private home %s", h->dir);
	/* The user's way to the state may lead through symlinks; from here on nothing that is bound does. */
	if (make_real(h->store, e) < 0 || make_real(h->dir, e) < 0)
		return -1;
	if (own(h->store, uid, gid, e) < 0 || own(h->dir, uid, gid, e) < 0)
		return -1;
	if (add_gitconfig(h, policy, p, home, uid, gid, e) < 0)
		return -1;
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(policy, BR_POL_HOME_FILE, r)) != NULL;)
		if (put_file(h, r->text, r->data, r->data_len, uid, gid, e) < 0)
			return -1;
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(policy, BR_POL_HOME_KEEP, r)) != NULL;)
		if (keep(h, r->text, home, uid, gid, e) < 0)
			return -1;
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(policy, BR_POL_PRIVATE, r)) != NULL;)
		if (add_private(h, r->text, p, uid, gid, e) < 0)
			return -1;
	return 0;
}

void
br_home_finish(struct br_home *h, const struct br_policy *policy)
{
	struct br_err ignored = BR_ERR_INIT;
	if (h->dir[0] == '\0')
		return;
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(policy, BR_POL_HOME_KEEP, r)) != NULL;) {
		char from[PATH_MAX], to[PATH_MAX];
		br_auto_buf b = {0};
		if (is_dir_keep(r->text) || join(from, sizeof(from), h->dir, r->text, &ignored) < 0 ||
		    join(to, sizeof(to), h->store, r->text, &ignored) < 0)
			continue;
		/* The agent is gone; a symlink it left must not be followed. */
		struct stat st;
		if (lstat(from, &st) < 0 || !S_ISREG(st.st_mode) || br_read_file(AT_FDCWD, from, &b, KEPT_FILE_MAX) < 0)
			continue;
		(void)br_replace_file(AT_FDCWD, to, b.p != NULL ? b.p : "", b.len, 0600);
	}
	(void)br_rm_tree(AT_FDCWD, h->dir);
	br_made_finish(&h->made);
}

void
br_home_free(struct br_home *h)
{
	for (size_t i = 0; i < h->nkeeps; i++) {
		free((void *)(uintptr_t)h->keeps[i].src);
		free((void *)(uintptr_t)h->keeps[i].dst);
	}
	free(h->keeps);
	h->keeps = NULL;
	h->nkeeps = 0;
	for (size_t i = 0; i < h->nwritten; i++)
		free(h->written[i].rel);
	free(h->written);
	h->written = NULL;
	h->nwritten = 0;
}
