/* From a place to a verdict. The rules are policy/guard.h's; here they meet what is on disk. */
#include "exec/gate_int.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <unistd.h>

/* "…/hooks/name", name not a sample */
static bool
in_hooks(const struct place *p)
{
	size_t n = strlen(p->path) - strlen(p->name) - 1;
	return n >= 6 && strncasecmp(p->path + n - 6, "/hooks", 6) == 0 && !br_endswith(p->name, ".sample");
}

/* A directory or a symlink that arrives whole as the hooks of something that git takes for a repository. */
bool
brings_hooks(const struct call *c, const struct place *p)
{
	(void)c;
	return p->rel != NULL && strcasecmp(p->name, "hooks") == 0 && git_like_dir(p->parent, "");
}

struct br_guard_answer
judge(const struct gate *g, const struct place *p, bool is_dir)
{
	struct br_guard_answer plain = {.cls = BR_GUARD_PLAIN, .rule = "", .origin = ""};
	if (p->rel == NULL || p->rel[0] == '\0')
		return plain;
	struct br_guard_answer a = br_guard_classify(g->c->guard, p->rel, is_dir);
	if (a.cls != BR_GUARD_PLAIN && a.cls != BR_GUARD_WATCHED)
		return a;
	/* A bare repository at any depth: git on the host would trust its config and run its hooks. */
	if (!is_dir && (strcasecmp(p->name, "config") == 0 || strcasecmp(p->name, "config.worktree") == 0) && git_like_dir(p->parent, "")) {
		a.cls = BR_GUARD_GITCONFIG;
		a.rule = "config of a bare repository";
		a.origin = "built-in";
	} else if (!is_dir && strcasecmp(p->name, "commondir") == 0) {
		/* Beside a HEAD it makes any directory a repository whose config and hooks lie elsewhere. */
		a.cls = BR_GUARD_DENY;
		a.rule = "commondir outside of .git/worktrees";
		a.origin = "built-in";
	} else if (!is_dir && in_hooks(p) && git_like_dir(p->parent, "../")) {
		a.cls = BR_GUARD_DENY;
		a.rule = "hooks of a bare repository";
		a.origin = "built-in";
	}
	return a;
}

struct br_guard_answer
judge_tree(const struct gate *g, const struct place *p)
{
	struct br_guard_answer plain = {.cls = BR_GUARD_PLAIN, .rule = "", .origin = ""};
	return p->rel == NULL || p->rel[0] == '\0' ? plain : br_guard_classify_tree(g->c->guard, p->rel);
}

int
deny(const struct call *c, const char *op, const char *path, const struct br_guard_answer *why, const char *detail, int err)
{
	report_denied(c, op, path, why->rule, why->origin, detail, err);
	return err;
}

/* What a caller would get if the name weren't guarded, where that is an error anyway: `mkdir -p .claude` must see EEXIST. */
static int
natural_error(const char *op, const struct place *p)
{
	struct stat st;
	bool there = fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	bool creates = br_streq(op, "mkdir") || br_streq(op, "mknod") || br_streq(op, "symlink") || br_streq(op, "link") || br_streq(op, "bind");
	bool needs = br_streq(op, "unlink") || br_streq(op, "rmdir") || br_streq(op, "write") || br_streq(op, "truncate");
	if (creates && there)
		return EEXIST;
	if (needs && !there)
		return ENOENT;
	return 0;
}

int
permit(const struct call *c, const char *op, const struct place *p, bool is_dir)
{
	struct br_guard_answer a = judge(c->g, p, is_dir);
	bool removes = br_streq(op, "unlink");
	switch (a.cls) {
	case BR_GUARD_PLAIN:
	case BR_GUARD_WATCHED:
	case BR_GUARD_HIDDEN: /* what the host has under that name lies behind a mask; an own file of the agent's is its own */
		return !removes && p->rel != NULL && git_marker_name(p->name) ? git_complete(c, op, p) : 0;
	case BR_GUARD_GITCONFIG:
	case BR_GUARD_GITLINK:
	case BR_GUARD_COMMONDIR:
		/* Removing them runs nothing: `rm -rf` of a clone must work. What replaces them is judged. The configuration of a
		 * repository that was there before the session stays. */
		if (removes && !(br_endswith(p->path, "/.git/config") && br_guard_in_known_repo(c->g->c->guard, p->rel)))
			return 0;
		break;
	case BR_GUARD_DENY:
		break;
	case BR_GUARD_KEEP:
		if (keep_permits(op, p))
			return 0;
		break;
	}
	int natural = natural_error(op, p);
	return natural != 0 ? natural : deny(c, op, p->path, &a, "guarded: a program on the host acts on it with nobody looking", EACCES);
}
