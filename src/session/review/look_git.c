/* Repositories that the run made: their hooks, their configuration, and directories that git would take for one. */
#include "session/review/look.h"

#include "policy/gitconfig.h"
#include "session/review/merge.h"

/* True when `rel` lies in a git directory; `*inside` is the path below it ("hooks/pre-commit"), and `*dir` the part of `rel`
 * up to the `.git` and with it, allocated. */
static bool
in_gitdir(const char *rel, char **dir, const char **inside)
{
	for (const char *p = rel, *slash; (slash = strchr(p, '/')) != NULL; p = slash + 1) {
		if ((size_t)(slash - p) == 4 && strncasecmp(p, ".git", 4) == 0) {
			*dir = strndup(rel, (size_t)(slash - rel));
			*inside = slash + 1;
			return *dir != NULL;
		}
	}
	return false;
}

/* Below `.git`, `modules/NAME` and `worktrees/NAME` hold git directories again. NAME may have several components. */
static const char *
last_gitdir_part(const char *inside)
{
	static const char *const parts[] = {"hooks/", "config", "commondir", "info/attributes", "config.worktree"};
	for (size_t i = 0; i < BR_ARRAY_LEN(parts); i++) {
		size_t n = strlen(parts[i]);
		for (const char *p = inside; (p = strstr(p, parts[i])) != NULL; p++) {
			bool start = p == inside || p[-1] == '/';
			bool end = parts[i][n - 1] == '/' || p[n] == '\0';
			if (start && end)
				return p;
		}
	}
	return NULL;
}

static void
look_config(struct br_look *l, bool made_here)
{
	struct br_gitconfig_refusal why = {0};
	if (br_gitconfig_judge(l->now.p, l->now.len, l->before.len > 0 ? l->before.p : NULL, l->before.len,
		br_gitconfig_path_inside, (void *)(uintptr_t)l->c->project, &why))
		return;
	/* The path gate has judged the configuration of a repository that was there before the run against what it held then.
	 * Without that former content, keys of the user's own (core.pager …) look the same as planted ones. */
	bool known = made_here || l->c->before >= 0;
	br_look_add(l, known ? BR_HANDOFF_BLOCK : BR_HANDOFF_NOTE, "git-config", "line %u: %.200s: %.200s%s", why.line,
	    why.key[0] != '\0' ? why.key : "syntax", why.why, known ? "" : " (it may have been there before the run)");
}

static void
look_hook(struct br_look *l, const char *name)
{
	if (br_endswith(name, ".sample") || *name == '\0' || l->now.len == 0)
		return;
	br_look_add(l, BR_HANDOFF_BLOCK, "git-hook", "git hook: git on the host runs it at %.40s%s", name,
	    (l->st.st_mode & 0111) != 0 ? "" : " once it is executable");
}

static bool
made_in_run(const struct br_look *l, const char *gitdir)
{
	struct stat st;
	if (l->c->before >= 0)
		return br_tree_stat(l->c->before, gitdir, &st) < 0;
	return l->c->touched != NULL && br_strv_have(l->c->touched, gitdir);
}

/* A `.git` file: "gitdir: PATH" sends git to a directory whose configuration it then obeys. */
static void
look_gitlink(struct br_look *l)
{
	const char *text = l->now.p + (l->now.len > 8 ? 8 : 0);
	size_t n = strcspn(text, "\r\n");
	if (br_gitlink_inside(l->c->project, l->rel, l->now.p, l->now.len))
		br_look_add(l, BR_HANDOFF_NOTE, "git-link", "`.git` file of a worktree or submodule (%.*s)",
		    n < 200 ? (int)n : 200, text);
	else
		br_look_add(l, BR_HANDOFF_BLOCK, "git-link",
		    "`.git` file that sends git to %.*s, and to the configuration and hooks there", n < 300 ? (int)n : 300,
		    text);
}

static bool
have(const struct br_look *l, const char *dir, const char *name)
{
	struct stat st;
	br_auto_free char *p = br_path_join(dir, name);
	return p != NULL && br_view_stat(&l->c->now, p, &st) != BR_SIDE_NONE;
}

/* git takes any directory with HEAD, objects and refs for a bare repository and obeys its `config` (setup.c,
 * is_git_directory; gitrepository-layout(5)): a command run in it, or below it, is enough. */
static void
look_bare(struct br_look *l, const char *dir)
{
	if (strcasecmp(br_path_base(dir), ".git") == 0 || br_path_under(dir, ".git"))
		return;
	if (!have(l, dir, "HEAD") || !have(l, dir, "objects") || !have(l, dir, "refs"))
		return;
	struct br_buf text = {0};
	br_auto_free char *config = br_path_join(dir, "config");
	struct br_gitconfig_refusal why = {0};
	bool bad = config != NULL && br_view_head(&l->c->now, config, &text, BR_LOOK_MAX) == 0 &&
		   !br_gitconfig_judge(text.p != NULL ? text.p : "", text.len, NULL, 0, br_gitconfig_path_inside,
		       (void *)(uintptr_t)l->c->project, &why);
	br_handoff_add(l->h, bad ? BR_HANDOFF_BLOCK : BR_HANDOFF_WARN, "bare-repository", dir[0] != '\0' ? dir : ".",
	    "git takes this directory for a bare repository: any git command in it obeys its configuration and hooks%s%s",
	    bad ? ", and the former sets " : "", bad ? (why.key[0] != '\0' ? why.key : "what can't be read") : "");
	br_buf_free(&text);
}

void
br_look_git(struct br_look *l)
{
	br_auto_free char *gitdir = NULL;
	const char *inside = NULL;
	if (in_gitdir(l->rel, &gitdir, &inside)) {
		const char *part = last_gitdir_part(inside);
		if (part == NULL || !S_ISREG(l->st.st_mode))
			return;
		if (br_startswith(part, "hooks/"))
			look_hook(l, part + 6);
		else if (br_startswith(part, "config"))
			look_config(l, made_in_run(l, gitdir));
		else if (br_streq(part, "commondir") && !br_commondir_inside(l->now.p, l->now.len))
			br_look_add(l, BR_HANDOFF_BLOCK, "git-link", "`commondir` that sends git to another directory");
		else if (br_streq(part, "info/attributes"))
			br_look_add(l, BR_HANDOFF_WARN, "git-attributes", "chooses filters and diff drivers that git runs");
		return;
	}
	if (strcasecmp(l->base, ".git") == 0 && S_ISREG(l->st.st_mode)) {
		look_gitlink(l);
		return;
	}
	/* Any of them may have been the last one that was missing. */
	if (br_streq(l->base, "HEAD") || br_streq(l->base, "objects") || br_streq(l->base, "refs") ||
	    br_streq(l->base, "config")) {
		br_auto_free char *dir = strndup(l->rel, l->base > l->rel ? (size_t)(l->base - l->rel - 1) : 0);
		if (dir != NULL)
			look_bare(l, dir);
	}
}
