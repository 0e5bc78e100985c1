/* The state of a repository (HEAD, refs, index …) is applied as one: half of it would be a broken or a lying repository. Its
 * objects are only added and harm nobody, and what git calls configuration is judged file by file. */
#include "session/review/plan.h"

/* The part of `rel` behind the first `.git/`, or NULL. */
static const char *
inside_git(const char *rel)
{
	for (const char *p = rel, *slash; (slash = strchr(p, '/')) != NULL; p = slash + 1)
		if (slash - p == 4 && memcmp(p, ".git", 4) == 0)
			return slash + 1;
	return NULL;
}

static bool
is_state(const char *rel)
{
	const char *in = inside_git(rel);
	if (in == NULL || br_path_under(in, "objects"))
		return false;
	static const char *const not_state[] = {"config", "config.worktree", "description"};
	for (size_t i = 0; i < BR_ARRAY_LEN(not_state); i++)
		if (br_streq(br_path_base(in), not_state[i]))
			return false;
	return !br_path_under(in, "hooks") && !br_path_under(in, "info");
}

/* Names that git itself locks as NAME.lock before it writes them. */
static bool
is_lockable(const char *rel)
{
	static const char *const names[] = {"HEAD", "index", "packed-refs", "shallow"};
	const char *base = br_path_base(rel);
	if (strchr(base, ' ') != NULL)
		return false;
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++)
		if (br_streq(base, names[i]))
			return true;
	const char *in = inside_git(rel);
	return br_path_under(in, "refs") && !br_path_under(in, "logs");
}

static bool
same_repository(const char *a, const char *b)
{
	const char *x = inside_git(a), *y = inside_git(b);
	return x - a == y - b && memcmp(a, b, (size_t)(x - a)) == 0;
}

static bool
is_locked(int root, const char *rel, const char *name)
{
	char path[4200];
	struct stat st;
	const char *in = inside_git(rel);
	int n = name != NULL ? snprintf(path, sizeof(path), "%.*s%s", (int)(in - rel), rel, name)
			     : snprintf(path, sizeof(path), "%s.lock", rel);
	return n < (int)sizeof(path) && br_tree_stat(root, path, &st) == 0;
}

static void
hold(struct br_plan_item *it, const char *rel, const char *why)
{
	if (it->v.kind != BR_VERDICT_APPLY)
		return;
	it->v.kind = BR_VERDICT_CONFLICT;
	(void)snprintf(it->v.why, sizeof(it->v.why), "held back: %.300s %s", rel, why);
}

/* Holds back all state of the repository that `rel` belongs to. */
static void
hold_repository(struct br_plan *p, const char *rel, const char *why)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].state && same_repository(p->v[i].c->rel, rel))
			hold(&p->v[i], rel, why);
}

void
br_plan_git(struct br_plan *p, int root)
{
	for (size_t i = 0; i < p->n; i++) {
		struct br_plan_item *it = &p->v[i];
		it->state =
		    is_state(it->c->rel) && !S_ISDIR((it->c->kind == BR_CHANGE_DEL ? it->c->before : it->c->after).st_mode);
		it->lock =
		    it->state && is_lockable(it->c->rel) && it->c->kind != BR_CHANGE_DEL && S_ISREG(it->c->after.st_mode);
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct br_plan_item *it = &p->v[i];
		if (!it->state || it->v.kind == BR_VERDICT_SKIP)
			continue;
		if (is_locked(root, it->c->rel, "index.lock") || is_locked(root, it->c->rel, "HEAD.lock") ||
		    (is_lockable(it->c->rel) && is_locked(root, it->c->rel, NULL)))
			hold_repository(p, it->c->rel, "is locked: git on the host is at work");
		else if (it->v.kind == BR_VERDICT_CONFLICT)
			hold_repository(p, it->c->rel, "of the same repository is in conflict");
	}
}
