#include "policy/guard.h"

#include "policy/gitpath.h"
#include "policy/glob.h"

/* How the index works. Nearly every pattern starts with a component that is a literal name (`.claude/hooks`, `Makefile`), a
 * literal with a star before it (`*.pem`) or behind it (`.env.*`). Such a rule sits in a hash table under that text; for each
 * component of a path a few look-ups find the rules that could match there, and only those are matched. The rest (`a*b`) is
 * tried in turn. The cost of a path so depends on its depth, not on the number of rules. */

enum key_kind { KEY_NAME, KEY_SUFFIX, KEY_PREFIX, KEY_NONE };

struct rule {
	const char *text; /* as the user wrote it: what answers name */
	const char *origin;
	uint32_t flags;
	enum br_guard_class cls;
	size_t order;
	const char *pat; /* the part of `text` behind a leading '/' or "**" */
	char *owned;     /* text made here, or NULL */
	bool any_depth;  /* may match from any component on; else only from the first */
	bool root_only;  /* from the root of a repository on */
	bool single;     /* one component: a match of the key is a match */
	bool dir_only;
	enum key_kind kind;
	const char *key;
	size_t key_len;
	uint32_t hash;
	struct rule *same; /* the next in the hash chain, or in the list of rules without key */
};

struct lift {
	const struct br_pol_rec *rec;
	size_t order;
	bool names_git;
};

struct br_guard {
	struct rule **rules; /* each allocated, so that chains stay valid when the array grows */
	size_t n, room;
	struct rule **table; /* room for more than twice the rules */
	size_t mask;
	struct rule *keyless;
	size_t longest[KEY_NONE]; /* key of each kind; 0: there is none */
	struct lift *protect_lifts;
	size_t n_protect_lifts;
	struct lift *hide_lifts;
	size_t n_hide_lifts;
	char **repos;
	size_t n_repos;
};

static unsigned char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : (unsigned char)c;
}

static bool
same_folded(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fold(a[i]) != fold(b[i]))
			return false;
	return true;
}

/* FNV-1a. The table holds only rules of the policy, so nobody can choose keys that collide. */
static const uint32_t hash_start = 2166136261U;

static uint32_t
hash_step(uint32_t h, char c)
{
	return (h ^ fold(c)) * 16777619U;
}

/* The same bytes as a name, a suffix and a prefix are different keys. */
static uint32_t
hash_end(uint32_t h, enum key_kind kind)
{
	h ^= (uint32_t)kind * 0x9e3779b9U;
	return h ^ h >> 15; /* the low bits choose the slot */
}

/* Suffixes are hashed from their end, so that all suffixes of a name take one pass. */
static uint32_t
hash_key(const struct rule *r)
{
	uint32_t h = hash_start;
	for (size_t i = 0; i < r->key_len; i++)
		h = hash_step(h, r->key[r->kind == KEY_SUFFIX ? r->key_len - 1 - i : i]);
	return hash_end(h, r->kind);
}

/* Finds the key in the first component of the pattern. */
static void
set_key(struct rule *r)
{
	const char *p = r->pat;
	size_t n = strcspn(p, "/");
	size_t meta = strcspn(p, "*?[\\/");
	r->kind = KEY_NONE;
	if (meta == n) {
		r->kind = KEY_NAME;
		r->key = p;
		r->key_len = n;
	} else if (p[0] == '*' && p[1] == '.' && 1 + strcspn(p + 1, "*?[\\/") == n) {
		r->kind = KEY_SUFFIX;
		r->key = p + 1;
		r->key_len = n - 1;
	} else if (p[meta] == '*' && meta + 1 == n && meta > 0 && p[meta - 1] == '.') {
		r->kind = KEY_PREFIX;
		r->key = p;
		r->key_len = meta;
	}
	r->single = r->kind != KEY_NONE && (p[n] == '\0' || (p[n] == '/' && p[n + 1] == '\0'));
}

/* Splits a pattern as glob.c reads it. */
static void
set_pattern(struct rule *r)
{
	size_t n = strlen(r->text);
	const char *p = r->text;
	r->dir_only = n > 0 && p[n - 1] == '/';
	const char *slash = memchr(p, '/', n - r->dir_only);
	r->root_only = (r->flags & BR_POLF_ROOT_ONLY) != 0;
	r->any_depth = slash == NULL && !r->root_only;
	if (*p == '/')
		p++;
	while (strncmp(p, "**/", 3) == 0 && p[3] != '\0') {
		p += 3;
		r->any_depth = true;
	}
	r->pat = p;
}

static void
link_rule(struct br_guard *g, struct rule *r)
{
	struct rule **at = r->kind == KEY_NONE ? &g->keyless : &g->table[r->hash & g->mask];
	r->same = *at;
	*at = r;
	if (r->kind != KEY_NONE && r->key_len > g->longest[r->kind])
		g->longest[r->kind] = r->key_len;
}

static int
grow_table(struct br_guard *g)
{
	size_t size = g->mask + 1;
	if (g->table != NULL && g->n * 2 < size)
		return 0;
	size = g->table == NULL ? 256 : size * 2;
	while (size <= g->n * 2)
		size *= 2;
	struct rule **table = calloc(size, sizeof(struct rule *));
	if (table == NULL)
		return -1;
	free(g->table);
	g->table = table;
	g->mask = size - 1;
	g->keyless = NULL;
	for (size_t i = 0; i < g->n; i++)
		link_rule(g, g->rules[i]);
	return 0;
}

/* Takes over `r`. */
static int
add_rule(struct br_guard *g, struct rule *r)
{
	if (g->n == g->room) {
		size_t room = g->room != 0 ? g->room * 2 : 64;
		struct rule **rules = realloc(g->rules, room * sizeof(struct rule *));
		if (rules == NULL)
			goto fail;
		g->rules = rules;
		g->room = room;
	}
	if (grow_table(g) != 0)
		goto fail;
	set_pattern(r);
	set_key(r);
	if (r->kind != KEY_NONE)
		r->hash = hash_key(r);
	link_rule(g, r);
	g->rules[g->n++] = r;
	return 0;
fail:
	free(r->owned);
	free(r);
	return -1;
}

static bool
names_git(const char *pattern)
{
	for (const char *s = pattern;; s++) {
		size_t n = strcspn(s, "/");
		if (n == 4 && memcmp(s, ".git", 4) == 0)
			return true;
		s += n;
		if (*s == '\0')
			return false;
	}
}

static int
add_lift(struct lift **list, size_t *n, const struct br_pol_rec *rec, size_t order)
{
	struct lift *more = realloc(*list, (*n + 1) * sizeof(struct lift));
	if (more == NULL)
		return -1;
	*list = more;
	more[(*n)++] = (struct lift){.rec = rec, .order = order, .names_git = names_git(rec->text)};
	return 0;
}

static int
add_record(struct br_guard *g, const struct br_pol_rec *rec, size_t order, enum br_guard_class cls)
{
	struct rule *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -1;
	*r = (struct rule){.text = rec->text, .origin = rec->origin, .flags = rec->flags, .cls = cls, .order = order};
	return add_rule(g, r);
}

/* 0 when it is none of the guard's kinds, too. */
static int
take_record(struct br_guard *g, const struct br_pol_rec *rec, size_t order)
{
	if (rec->kind == BR_POL_PROTECT)
		return add_record(g, rec, order, BR_GUARD_DENY);
	if (rec->kind == BR_POL_KEEP)
		return add_record(g, rec, order, BR_GUARD_KEEP);
	if (rec->kind == BR_POL_HIDE)
		return add_record(g, rec, order, BR_GUARD_HIDDEN);
	if (rec->kind == BR_POL_WATCH)
		return add_record(g, rec, order, BR_GUARD_WATCHED);
	if (rec->kind == BR_POL_UNPROTECT)
		return add_lift(&g->protect_lifts, &g->n_protect_lifts, rec, order);
	if (rec->kind == BR_POL_UNHIDE)
		return add_lift(&g->hide_lifts, &g->n_hide_lifts, rec, order);
	return 0;
}

static bool
is_guard_kind(enum br_pol_kind kind)
{
	return kind == BR_POL_PROTECT || kind == BR_POL_KEEP || kind == BR_POL_HIDE || kind == BR_POL_WATCH ||
	       kind == BR_POL_UNPROTECT || kind == BR_POL_UNHIDE;
}

struct br_guard *
br_guard_new(const struct br_policy *p, struct br_err *e)
{
	struct br_guard *g = calloc(1, sizeof(*g));
	if (g == NULL || grow_table(g) != 0)
		goto nomem;
	for (size_t i = 0; i < p->n; i++) {
		const struct br_pol_rec *rec = &p->recs[i];
		if (is_guard_kind(rec->kind) && br_glob_check(rec->text, e) != 0) {
			(void)br_err_wrap(e, "%s", rec->origin);
			br_guard_free(g);
			return NULL;
		}
		if (take_record(g, rec, i) != 0)
			goto nomem;
	}
	return g;
nomem:
	br_guard_free(g);
	(void)br_err_set(e, 0, "out of memory for the rules of the policy");
	return NULL;
}

void
br_guard_free(struct br_guard *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->n; i++) {
		free(g->rules[i]->owned);
		free(g->rules[i]);
	}
	for (size_t i = 0; i < g->n_repos; i++)
		free(g->repos[i]);
	free(g->repos);
	free(g->rules);
	free(g->table);
	free(g->protect_lifts);
	free(g->hide_lifts);
	free(g);
}

int
br_guard_add_repo(struct br_guard *g, const char *rel)
{
	if (rel[0] == '\0')
		return 0; /* the project is always one */
	char **repos = realloc(g->repos, (g->n_repos + 1) * sizeof(char *));
	if (repos == NULL)
		return -1;
	g->repos = repos;
	repos[g->n_repos] = strdup(rel);
	if (repos[g->n_repos] == NULL)
		return -1;
	g->n_repos++;
	return 0;
}

/* `rel` as an anchored pattern that matches only it; `why` and `origin` each behind a NUL. */
static char *
literal_pattern(const char *rel, const char *why, const char *origin)
{
	size_t n = strlen(why) + 1, m = strlen(origin) + 1;
	char *s = malloc(strlen(rel) * 2 + 2 + n + m);
	if (s == NULL)
		return NULL;
	char *to = s;
	*to++ = '/';
	for (; *rel != '\0'; rel++) {
		if (strchr("*?[\\", *rel) != NULL)
			*to++ = '\\';
		*to++ = *rel;
	}
	*to++ = '\0';
	memcpy(to, why, n);
	memcpy(to + n, origin, m);
	return s;
}

static int
add_literal(struct br_guard *g, const char *rel, const char *why, const char *origin, enum br_guard_class cls)
{
	struct rule *r = calloc(1, sizeof(*r));
	char *text = literal_pattern(rel, why, origin);
	if (r == NULL || text == NULL) {
		free(r);
		free(text);
		return -1;
	}
	*r = (struct rule){.text = text, .owned = text, .origin = "found at start", .cls = cls, .order = SIZE_MAX};
	if (add_rule(g, r) != 0)
		return -1;
	const char *rule = text + strlen(text) + 1;
	if (*rule == '\0')
		return 0;
	r->text = rule;
	r->origin = rule + strlen(rule) + 1;
	return 0;
}

int
br_guard_add_hidden(struct br_guard *g, const char *rel)
{
	return add_literal(g, rel, "", "", BR_GUARD_HIDDEN);
}

int
br_guard_add_executed(struct br_guard *g, const char *rel, enum br_guard_class cls, const char *why, const char *origin)
{
	return add_literal(g, rel, why, origin, cls);
}

/* One question: the path, and the best answer so far. */
struct ask {
	const struct br_guard *g;
	const char *rel;
	const char *git; /* where a git directory starts in `rel`, or NULL */
	bool is_dir;
	bool hidden_only;
	const struct rule *best;
	enum br_guard_class cls;
};

/* How much a class forbids. */
static int
rank(enum br_guard_class c)
{
	switch (c) {
	case BR_GUARD_PLAIN:
		return 0;
	case BR_GUARD_WATCHED:
		return 1;
	case BR_GUARD_GITCONFIG:
	case BR_GUARD_GITLINK:
	case BR_GUARD_COMMONDIR:
		return 2;
	case BR_GUARD_DENY:
		return 3;
	case BR_GUARD_KEEP: /* as strong, and the more special: it lies in what is denied (`.husky/_` in `.husky`) */
		return 4;
	case BR_GUARD_HIDDEN:
		return 5;
	}
	return 3;
}

/* Whether the component at `at` stands in the root of the project or of a known repository. */
static bool
at_repo_root(const struct br_guard *g, const char *rel, const char *at)
{
	if (at == rel)
		return true;
	size_t n = (size_t)(at - rel) - 1;
	for (size_t i = 0; i < g->n_repos; i++)
		if (strlen(g->repos[i]) == n && same_folded(g->repos[i], rel, n))
			return true;
	return false;
}

static bool
same_source(const char *a, const char *b)
{
	const char *ca = strrchr(a, ':'), *cb = strrchr(b, ':');
	size_t na = ca != NULL ? (size_t)(ca - a) : strlen(a), nb = cb != NULL ? (size_t)(cb - b) : strlen(b);
	return na == nb && memcmp(a, b, na) == 0;
}

static bool
may_lift(const struct lift *l, const struct rule *r)
{
	if ((r->flags & BR_POLF_DEFAULT) != 0)
		return true;
	return (l->rec->flags & BR_POLF_DEFAULT) == 0 && l->order > r->order && same_source(l->rec->origin, r->origin);
}

/* Whether `r`, which matched from the component `at` on, is lifted for the path. A default lift (`!*.example`) is about the
 * name that the rule found, not about a directory above it. */
static bool
is_lifted(const struct br_guard *g, const struct rule *r, const char *rel, const char *at, bool is_dir)
{
	bool hide = r->cls == BR_GUARD_HIDDEN;
	if (r->cls == BR_GUARD_WATCHED || r->order == SIZE_MAX)
		return false;
	const struct lift *l = hide ? g->hide_lifts : g->protect_lifts;
	for (size_t n = hide ? g->n_hide_lifts : g->n_protect_lifts; n > 0; n--, l++) {
		uint32_t f = l->rec->flags;
		unsigned root = (f & BR_POLF_ROOT_ONLY) != 0 ? BR_GLOB_ROOT_ONLY : 0;
		if (may_lift(l, r) &&
		    br_glob_match(l->rec->text, root != 0 || (f & BR_POLF_DEFAULT) != 0 ? at : rel, is_dir, root))
			return true;
	}
	return false;
}

/* Whether `at` names a directory that the pattern goes through, literally. */
static bool
is_on_the_way(const struct rule *r, const char *at)
{
	size_t n = strlen(at);
	return strlen(r->pat) > n && r->pat[n] == '/' && same_folded(at, r->pat, n);
}

static bool
matches(const struct ask *a, const struct rule *r, const char *at, bool last, bool sure)
{
	/* A link in the place of a directory (".claude" -> "evil") would bring guarded names along. */
	if (r->cls == BR_GUARD_DENY && !a->is_dir && is_on_the_way(r, at))
		return true;
	if (sure && r->single)
		return !r->dir_only || !last || a->is_dir;
	return br_glob_match(r->pat, at, a->is_dir, BR_GLOB_ICASE | BR_GLOB_ROOT_ONLY);
}

/* `r` may match from the component `at` (of length `n`) on; `sure`: its key did, so a single component needs no other look. */
static void
consider(struct ask *a, const struct rule *r, const char *at, size_t n, bool sure)
{
	bool last = at[n] == '\0';
	if (a->hidden_only ? r->cls != BR_GUARD_HIDDEN : (r->flags & BR_POLF_IF_KEY) != 0)
		return;
	if (!r->any_depth && !r->root_only && at != a->rel)
		return;
	enum br_guard_class cls = r->cls;
	/* Inside a git directory names are git's: a branch may be called "Makefile" or "x.pem". */
	if (a->git != NULL && at >= a->git && (r->flags & BR_POLF_DEFAULT) != 0 && (r->root_only || cls != BR_GUARD_DENY))
		return;
	if (r->root_only && !r->any_depth && !at_repo_root(a->g, a->rel, at))
		cls = BR_GUARD_WATCHED;
	bool keyed_again = cls == a->cls && cls == BR_GUARD_HIDDEN && a->best != NULL &&
			   (a->best->flags & BR_POLF_IF_KEY) != 0 && (r->flags & BR_POLF_IF_KEY) == 0;
	if (rank(cls) <= rank(a->cls) && !keyed_again)
		return;
	if (!matches(a, r, at, last, sure))
		return;
	if (is_lifted(a->g, r, a->rel, at, a->is_dir))
		return;
	a->best = r;
	a->cls = cls;
}

static void
look_up(struct ask *a, enum key_kind kind, uint32_t h, const char *key, size_t len, const char *at, size_t n)
{
	h = hash_end(h, kind);
	for (const struct rule *r = a->g->table[h & a->g->mask]; r != NULL; r = r->same)
		if (r->hash == h && r->kind == kind && r->key_len == len && same_folded(r->key, key, len))
			consider(a, r, at, n, true);
}

/* Bytes beyond the longest key need no hash: most long names end after a few steps. */
static void
ask_component(struct ask *a, const char *at, size_t n)
{
	const size_t *longest = a->g->longest;
	size_t prefix = n < longest[KEY_PREFIX] ? n : longest[KEY_PREFIX],
	       suffix = n < longest[KEY_SUFFIX] ? n : longest[KEY_SUFFIX];
	size_t name = n <= longest[KEY_NAME] ? n : 0;
	uint32_t h = hash_start;
	for (size_t i = 0; i < name || i < prefix; i++) {
		h = hash_step(h, at[i]);
		if (at[i] == '.' && i < prefix)
			look_up(a, KEY_PREFIX, h, at, i + 1, at, n);
	}
	if (name > 0)
		look_up(a, KEY_NAME, h, at, n, at, n);
	h = hash_start;
	const char *dot = suffix > 0 ? memchr(at + n - suffix, '.', suffix) : NULL;
	for (const char *p = at + n; dot != NULL && p > dot;) {
		h = hash_step(h, *--p);
		if (*p == '.')
			look_up(a, KEY_SUFFIX, h, p, (size_t)(at + n - p), at, n);
	}
	for (const struct rule *r = a->g->keyless; r != NULL; r = r->same)
		consider(a, r, at, n, false);
}

static void
ask_rules(struct ask *a)
{
	for (const char *at = a->rel;; at++) {
		size_t n = strcspn(at, "/");
		ask_component(a, at, n);
		at += n;
		if (*at == '\0')
			return;
	}
}

static struct br_guard_answer
answer_of(const struct rule *r, enum br_guard_class cls)
{
	if (r == NULL)
		return (struct br_guard_answer){.cls = BR_GUARD_PLAIN, .rule = "", .origin = ""};
	return (struct br_guard_answer){.cls = cls, .rule = r->text, .origin = r->origin, .flags = r->flags};
}

static bool
git_rule_lifted(const struct br_guard *g, const char *rel, bool is_dir)
{
	for (size_t i = 0; i < g->n_protect_lifts; i++)
		if (g->protect_lifts[i].names_git && br_glob_match(g->protect_lifts[i].rec->text, rel, is_dir, 0))
			return true;
	return false;
}

/* Puts git's verdict in place of the rules' if it forbids more. */
static struct br_guard_answer
with_git(
    const struct br_guard *g, const char *rel, bool is_dir, enum br_guard_class cls, const char *rule, struct br_guard_answer a)
{
	if (rank(cls) <= rank(a.cls) || (cls == BR_GUARD_DENY && git_rule_lifted(g, rel, is_dir)))
		return a;
	return (struct br_guard_answer){.cls = cls, .rule = rule, .origin = "built-in"};
}

struct br_guard_answer
br_guard_classify(const struct br_guard *g, const char *rel, bool is_dir)
{
	struct ask a = {.g = g, .rel = rel, .git = br_gitpath_find(rel), .is_dir = is_dir, .cls = BR_GUARD_PLAIN};
	ask_rules(&a);
	struct br_guard_answer out = answer_of(a.best, a.cls);
	if (a.git == NULL)
		return out;
	const char *rule = NULL;
	enum br_guard_class cls = br_gitpath_classify(rel, is_dir, &rule);
	return with_git(g, rel, is_dir, cls, rule, out);
}

struct br_guard_answer
br_guard_hidden(const struct br_guard *g, const char *rel, bool is_dir)
{
	struct ask a = {
	    .g = g, .rel = rel, .git = br_gitpath_find(rel), .is_dir = is_dir, .hidden_only = true, .cls = BR_GUARD_PLAIN};
	ask_rules(&a);
	return answer_of(a.best, a.cls);
}

bool
br_guard_in_git(const char *rel)
{
	return br_gitpath_find(rel) != NULL;
}

bool
br_guard_in_known_repo(const struct br_guard *g, const char *rel)
{
	const char *git = br_gitpath_find(rel);
	return git != NULL && at_repo_root(g, rel, git);
}

/* Whether `above` is `path` or a directory above it. */
static bool
is_at_or_above(const char *above, const char *path)
{
	size_t n = strlen(above);
	return strlen(path) >= n && same_folded(above, path, n) && (path[n] == '/' || path[n] == '\0');
}

/* The components of `rel` behind the repository `repo` that holds it; NULL when it doesn't. */
static const char *
inside_repo(const char *repo, const char *rel)
{
	if (repo[0] == '\0')
		return rel;
	return is_at_or_above(repo, rel) && rel[strlen(repo)] == '/' ? rel + strlen(repo) + 1 : NULL;
}

/* Where in `rel` a rule starts to match such that a path below `rel` could be one of its own; NULL when it can't. */
static const char *
holds_match(const struct br_guard *g, const struct rule *r, const char *rel)
{
	const unsigned flags = BR_GLOB_ICASE | BR_GLOB_ROOT_ONLY;
	if (r->any_depth) {
		/* A single name keeps its guard wherever the directory goes. */
		if (strchr(r->pat, '/') == NULL || r->single)
			return NULL;
		for (const char *s = rel;; s++) {
			if (br_glob_may_match_below(r->pat, s, flags))
				return s;
			s += strcspn(s, "/");
			if (*s == '\0')
				return NULL;
		}
	}
	if (br_glob_may_match_below(r->pat, rel, flags))
		return rel;
	for (size_t i = 0; r->root_only && i < g->n_repos; i++) {
		const char *s = inside_repo(g->repos[i], rel);
		if (s != NULL && br_glob_may_match_below(r->pat, s, flags))
			return s;
	}
	return NULL;
}

struct br_guard_answer
br_guard_classify_tree(const struct br_guard *g, const char *rel)
{
	struct br_guard_answer out = br_guard_classify(g, rel, true);
	for (size_t i = 0; i < g->n && rank(out.cls) < rank(BR_GUARD_DENY); i++) {
		const struct rule *r = g->rules[i];
		if (rank(r->cls) <= rank(out.cls) || (r->flags & BR_POLF_IF_KEY) != 0)
			continue;
		const char *at = holds_match(g, r, rel);
		if (at != NULL && !is_lifted(g, r, rel, at, true))
			out = answer_of(r, r->cls);
	}
	if (out.cls == BR_GUARD_KEEP)
		out.cls = BR_GUARD_DENY;
	const char *rule = NULL;
	enum br_guard_class cls = br_gitpath_classify_tree(rel, &rule);
	out = with_git(g, rel, true, cls, rule, out);
	for (size_t i = 0; i < g->n_repos && rank(out.cls) < rank(BR_GUARD_DENY); i++)
		if (is_at_or_above(rel, g->repos[i]))
			out = (struct br_guard_answer){
			    .cls = BR_GUARD_DENY, .rule = "a repository that was there at the start", .origin = "built-in"};
	return out;
}
