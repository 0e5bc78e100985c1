/* The guard of a finished run: its compiled policy, and the repositories that were there. */
#include "session/review/review.h"

#include "base/io.h"
#include "session/state.h"

#include <errno.h>
#include <fcntl.h>

#define POLICY_MAX ((size_t)64 << 20)
#define KEPT "policy"

struct br_guard *
br_review_guard(int dirfd, const char *path, struct br_policy *p, struct br_err *e)
{
	struct br_buf b = {0};
	struct br_guard *g = NULL;
	if (br_read_file(dirfd, path, &b, POLICY_MAX) < 0) {
		(void)br_err_set(e, errno, "cannot read the run's compiled policy %s", path);
		(void)br_err_hint(e, "without it nothing says which names are guarded");
	} else if (br_pol_parse(b.p, b.len, p, e) == 0) {
		g = br_guard_new(p, e);
	}
	br_buf_free(&b);
	return g;
}

int
br_review_keep_policy(int sessionfd, const char *path, struct br_err *e)
{
	struct br_buf b = {0};
	int rc = br_read_file(AT_FDCWD, path, &b, POLICY_MAX);
	if (rc == 0)
		rc = br_replace_file(sessionfd, KEPT, b.p, b.len, 0600);
	br_buf_free(&b);
	return rc < 0 ? br_err_set(e, errno, "cannot keep the policy in the session") : 0;
}

/* True when the file holds the policy of that hash; it is then read into `p`. */
static bool
is_policy(int dirfd, const char *name, const char *hash, struct br_policy *p)
{
	struct br_buf b = {0};
	bool ok = br_read_file(dirfd, name, &b, POLICY_MAX) == 0 && br_pol_parse(b.p, b.len, p, NULL) == 0;
	br_buf_free(&b);
	if (ok && br_streq(p->hash, hash))
		return true;
	if (ok)
		br_pol_free(p);
	*p = (struct br_policy){0};
	return false;
}

static bool
in_cache(const char *hash, struct br_policy *p)
{
	br_auto_fd int state = br_state_open(false, NULL);
	br_auto_fd int cache = state >= 0 ? openat(state, "policy", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct br_strv names = {0};
	bool found = false;
	if (cache >= 0 && br_tree_list(cache, "", &names) == 0)
		for (size_t i = 0; i < names.n && !found; i++)
			found = is_policy(cache, names.v[i], hash, p);
	br_strv_free(&names);
	return found;
}

struct br_guard *
br_review_guard_of_run(int sessionfd, const char *hash, struct br_policy *p, struct br_err *e)
{
	if (is_policy(sessionfd, KEPT, hash, p) || in_cache(hash, p))
		return br_guard_new(p, e);
	(void)br_err_set(e, 0, "the policy of the run (%s) is not there any more: nothing says which names it guarded", hash);
	(void)br_err_hint(
	    e, "name one: brattice apply --policy FILE, where FILE is a compiled policy below the state directory's policy/");
	return NULL;
}

/* Adds the directories on the way to `rel`, and the root, to `dirs`. */
static int
add_ways(struct br_strv *dirs, const char *rel)
{
	const char *last = dirs->n > 0 ? dirs->v[dirs->n - 1] : NULL;
	for (const char *p = rel, *slash; (slash = strchr(p, '/')) != NULL; p = slash + 1) {
		size_t n = (size_t)(slash - rel);
		/* Names come sorted: neighbours share their way, which keeps the list short. */
		if (last != NULL && strncmp(last, rel, n) == 0 && (last[n] == '/' || last[n] == '\0'))
			continue;
		if (br_strv_add(dirs, rel, n) < 0)
			return -1;
	}
	return 0;
}

int
br_review_repos(struct br_guard *g, int tree, const struct br_strv *names, const struct br_strv *made, struct br_err *e)
{
	struct br_strv dirs = {0};
	int rc = br_guard_add_repo(g, "");
	for (size_t i = 0; rc == 0 && i < names->n; i++)
		rc = add_ways(&dirs, names->v[i]);
	br_strv_sort(&dirs);
	for (size_t i = 0; rc == 0 && i < dirs.n; i++) {
		struct stat st;
		br_auto_free char *git = br_path_join(dirs.v[i], ".git");
		if (git == NULL)
			rc = -1;
		else if ((made == NULL || !br_strv_have(made, git)) && br_tree_stat(tree, git, &st) == 0)
			rc = br_guard_add_repo(g, dirs.v[i]);
	}
	br_strv_free(&dirs);
	return rc < 0 ? br_err_set(e, ENOMEM, "cannot list the repositories of the project") : 0;
}
