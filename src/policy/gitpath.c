#include "policy/gitpath.h"

#include "base/utf8.h"

enum name {
	OTHER,
	DOT_GIT,
	HOOKS,
	CONFIG,
	INFO,
	ATTRIBUTES,
	COMMONDIR,
	MODULES,
	WORKTREES,
	LEGACY_REMOTES, /* branches/ and remotes/: remotes from before there was a config file; git still reads them */
	OBJECTS,
	ALTERNATES,
	REFS,
	LOGS,
	TODO /* rebase-merge/, sequencer/: they hold a list of steps */
};

static const struct {
	const char *text;
	enum name name;
} names[] = {{".git", DOT_GIT}, {"git~1", DOT_GIT}, {"hooks", HOOKS}, {"config", CONFIG}, {"config.worktree", CONFIG},
    {"info", INFO}, {"attributes", ATTRIBUTES}, {"commondir", COMMONDIR}, {"modules", MODULES}, {"worktrees", WORKTREES},
    {"branches", LEGACY_REMOTES}, {"remotes", LEGACY_REMOTES}, {"objects", OBJECTS}, {"alternates", ALTERNATES},
    {"http-alternates", ALTERNATES}, {"refs", REFS}, {"logs", LOGS}, {"rebase-merge", TODO}, {"sequencer", TODO}};

enum { NAME_MAX_LEN = 15 }; /* "config.worktree", "http-alternates" */

/* Ignored by HFS+ when it compares names, and by casefolded ext4 directories ("default ignorable" in Unicode). */
static bool
is_ignored(uint32_t c)
{
	return c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	       c == 0xfeff;
}

/* Writes the name as the most forgiving file system compares it; 0 when it is too long for any name in the table. */
static size_t
normal_name(const char *s, size_t n, char out[NAME_MAX_LEN + 1])
{
	size_t len = 0, trailing = 0;
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t w = br_utf8_decode(s + i, n - i, &c);
		if (w == 0)
			return 0;
		i += w;
		if (c == ':')
			break;
		if (c >= 0x80 && is_ignored(c))
			continue;
		if (c == 0x212a) /* KELVIN SIGN and LONG S fold to ASCII letters */
			c = 'k';
		else if (c == 0x17f)
			c = 's';
		else if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (c >= 0x80)
			return 0;
		if (len > 0 && (c == '.' || c == ' ')) {
			trailing++;
			if (len + trailing > NAME_MAX_LEN)
				continue; /* still the name, if nothing but dots follows */
		} else if (len + trailing >= NAME_MAX_LEN) {
			return 0;
		} else {
			len += trailing;
			trailing = 0;
		}
		if (trailing == 0)
			out[len++] = (char)c;
		else
			out[len + trailing - 1] = (char)c;
	}
	out[len] = '\0';
	return len;
}

static enum name
name_of(const char *s, size_t n)
{
	char normal[NAME_MAX_LEN + 1];
	if (normal_name(s, n, normal) == 0)
		return OTHER;
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++)
		if (br_streq(names[i].text, normal))
			return names[i].name;
	return OTHER;
}

static bool
is_dot_git(const char *s, size_t n)
{
	/* Nearly every name ends here. The two bytes start the UTF-8 forms of the characters that some file systems ignore. */
	unsigned char c = (unsigned char)s[0];
	if (n < 4 || (c != '.' && c != 'g' && c != 'G' && c != 0xe2 && c != 0xef && c != 0xc2))
		return false;
	if (c == '.' && (s[1] | 0x20) != 'g' && (unsigned char)s[1] < 0x80)
		return false;
	return name_of(s, n) == DOT_GIT;
}

const char *
br_gitpath_find(const char *rel)
{
	for (const char *s = rel;; s++) {
		size_t n = strcspn(s, "/");
		if (is_dot_git(s, n))
			return s;
		s += n;
		if (*s == '\0')
			return NULL;
	}
}

/* The walk below one `.git`. */
struct walk {
	const char *p; /* the component, not terminated */
	size_t n;
	bool last;
	bool is_dir; /* of the last component */
	enum name name;
	enum name prev; /* kinds of the two components before */
	enum name prev2;
	/* Where the component stands: straight below a git directory; the name of a submodule or worktree; below such a name,
	 * which may itself hold '/', so that any component may be straight below a git directory; or in a part of no concern.
	 */
	enum { IN_GITDIR, IS_NAME, BELOW_NAME, ELSEWHERE } at;
};

static bool
next(struct walk *w)
{
	if (w->last)
		return false;
	w->prev2 = w->prev;
	w->prev = w->name;
	w->p += w->n + 1;
	w->n = strcspn(w->p, "/");
	w->last = w->p[w->n] == '\0';
	w->name = name_of(w->p, w->n);
	return true;
}

static bool
is_sample(const struct walk *w)
{
	static const char suffix[] = ".sample";
	const size_t k = sizeof(suffix) - 1;
	return w->last && !w->is_dir && w->n > k && memcmp(w->p + w->n - k, suffix, k) == 0;
}

/* "git-rebase-todo", also its backup and lock, and the sequencer's "todo": `exec` lines in them run at the next --continue. */
static bool
is_todo_list(const struct walk *w)
{
	static const char list[] = "git-rebase-todo";
	return (w->n >= sizeof(list) - 1 && memcmp(w->p, list, sizeof(list) - 1) == 0) ||
	       (w->n == 4 && memcmp(w->p, "todo", 4) == 0);
}

/* A name that must be a directory if it is there at all: a link there would lead git elsewhere. */
static enum br_guard_class
must_be_dir(const struct walk *w)
{
	return w->last && !w->is_dir ? BR_GUARD_DENY : BR_GUARD_PLAIN;
}

static enum br_guard_class
config_class(const struct walk *w)
{
	if (w->last && !w->is_dir)
		return BR_GUARD_GITCONFIG;
	/* A directory there is nonsense, but for a submodule named "…/config". */
	return w->at == BELOW_NAME ? BR_GUARD_PLAIN : BR_GUARD_DENY;
}

/* Class of what the walk has reached so far, and the step to the next component. */
static enum br_guard_class
step(struct walk *w, const char **rule)
{
	if (w->at == IS_NAME) {
		w->at = BELOW_NAME;
		w->name = OTHER; /* a worktree may be called "hooks" */
		*rule = ".git/modules/, .git/worktrees/";
		return must_be_dir(w);
	}
	if (w->prev == HOOKS && w->at != ELSEWHERE) {
		*rule = ".git/hooks/";
		return is_sample(w) ? BR_GUARD_PLAIN : BR_GUARD_DENY;
	}
	if (w->prev == INFO && w->name == ATTRIBUTES) {
		*rule = ".git/info/attributes";
		return BR_GUARD_DENY;
	}
	if (w->prev2 == OBJECTS && w->prev == INFO && w->name == ALTERNATES) {
		*rule = ".git/objects/info/alternates";
		return BR_GUARD_WATCHED;
	}
	if (w->prev == TODO && is_todo_list(w)) {
		*rule = ".git/rebase-merge/, .git/sequencer/";
		return BR_GUARD_WATCHED;
	}
	if (w->prev == LEGACY_REMOTES && w->prev2 != REFS && w->at != ELSEWHERE) {
		*rule = ".git/remotes/, .git/branches/";
		return BR_GUARD_DENY;
	}
	if (w->at == ELSEWHERE)
		return BR_GUARD_PLAIN;
	switch (w->name) {
	case CONFIG:
		*rule = ".git/config";
		return config_class(w);
	case COMMONDIR:
		*rule = "commondir";
		return w->prev2 == WORKTREES && w->last && !w->is_dir ? BR_GUARD_COMMONDIR : BR_GUARD_DENY;
	case MODULES:
	case WORKTREES:
		*rule = ".git/modules/, .git/worktrees/";
		if (w->at == IN_GITDIR || w->name == WORKTREES)
			w->at = IS_NAME;
		return must_be_dir(w);
	case INFO:
		if (w->at == IN_GITDIR)
			w->at = ELSEWHERE;
		__attribute__((fallthrough));
	case HOOKS:
	case LEGACY_REMOTES:
		*rule = ".git/hooks/, .git/info/, .git/remotes/";
		return must_be_dir(w);
	case OBJECTS:
	case REFS:
	case LOGS:
		*rule = ".git/objects/, .git/refs/, .git/logs/";
		if (w->at != IN_GITDIR)
			return BR_GUARD_PLAIN;
		w->at = ELSEWHERE;
		return must_be_dir(w);
	case TODO:
		if (w->at == IN_GITDIR)
			w->at = ELSEWHERE;
		return BR_GUARD_PLAIN;
	case OTHER:
	case DOT_GIT:
	case ATTRIBUTES:
	case ALTERNATES:
		break;
	}
	if (w->at == IN_GITDIR)
		w->at = ELSEWHERE;
	return BR_GUARD_PLAIN;
}

static struct walk
walk_from(const char *git, bool is_dir)
{
	struct walk w = {.p = git, .n = strcspn(git, "/"), .is_dir = is_dir, .name = DOT_GIT, .at = IN_GITDIR};
	w.last = git[w.n] == '\0';
	return w;
}

/* Class below the `.git` at `git`. */
static enum br_guard_class
classify_from(const char *git, bool is_dir, const char **rule)
{
	struct walk w = walk_from(git, is_dir);
	if (w.last) {
		*rule = ".git";
		return is_dir ? BR_GUARD_PLAIN : BR_GUARD_GITLINK;
	}
	enum br_guard_class worst = BR_GUARD_PLAIN;
	const char *worst_rule = NULL;
	while (next(&w)) {
		enum br_guard_class c = step(&w, rule);
		if (c == BR_GUARD_WATCHED)
			worst = c, worst_rule = *rule;
		else if (c != BR_GUARD_PLAIN)
			return c;
	}
	*rule = worst_rule;
	return worst;
}

enum br_guard_class
br_gitpath_classify(const char *rel, bool is_dir, const char **rule)
{
	enum br_guard_class worst = BR_GUARD_PLAIN;
	const char *worst_rule = NULL;
	for (const char *git = br_gitpath_find(rel); git != NULL;) {
		enum br_guard_class c = classify_from(git, is_dir, rule);
		if (c == BR_GUARD_WATCHED)
			worst = c, worst_rule = *rule;
		else if (c != BR_GUARD_PLAIN)
			return c;
		git += strcspn(git, "/");
		git = *git != '\0' ? br_gitpath_find(git + 1) : NULL;
	}
	*rule = worst_rule;
	return worst;
}

static enum br_guard_class
tree_from(const char *git, const char **rule)
{
	struct walk w = walk_from(git, true);
	*rule = ".git";
	if (w.last || !next(&w))
		return BR_GUARD_DENY;
	switch (w.name) {
	case HOOKS:
	case INFO:
	case CONFIG:
	case COMMONDIR:
	case LEGACY_REMOTES:
	case MODULES:
	case WORKTREES:
		return BR_GUARD_DENY;
	case OBJECTS:
		*rule = ".git/objects/info/alternates";
		return w.last ? BR_GUARD_WATCHED : BR_GUARD_PLAIN;
	case TODO:
		*rule = ".git/rebase-merge/, .git/sequencer/";
		return BR_GUARD_WATCHED;
	case OTHER:
	case DOT_GIT:
	case ATTRIBUTES:
	case ALTERNATES:
	case REFS:
	case LOGS:
		break;
	}
	*rule = NULL;
	return BR_GUARD_PLAIN;
}

enum br_guard_class
br_gitpath_classify_tree(const char *rel, const char **rule)
{
	enum br_guard_class worst = BR_GUARD_PLAIN;
	const char *worst_rule = NULL;
	for (const char *git = br_gitpath_find(rel); git != NULL;) {
		enum br_guard_class c = tree_from(git, rule);
		if (c == BR_GUARD_DENY)
			return c;
		if (c == BR_GUARD_WATCHED)
			worst = c, worst_rule = *rule;
		git += strcspn(git, "/");
		git = *git != '\0' ? br_gitpath_find(git + 1) : NULL;
	}
	*rule = worst_rule;
	return worst;
}
