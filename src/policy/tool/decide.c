#include "policy/tool/decide.h"

#include <sys/stat.h>

static struct br_decision
answer(bool allow, const char *why, const char *rule, const char *origin)
{
	return (struct br_decision){allow, why, rule, origin};
}

/* The deepest rule of a kind that covers the path. */
static const struct br_pol_rec *
covering(const struct br_policy *p, enum br_pol_kind kind, const char *path)
{
	const struct br_pol_rec *best = NULL;
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(p, kind, r)) != NULL;)
		if (br_path_under(path, r->text) && (best == NULL || strlen(r->text) > strlen(best->text)))
			best = r;
	return best;
}

static bool
is_directory(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool
is_hidden_now(const struct br_scan *scan, const char *rel)
{
	const char *name = scan->hidden.p;
	for (uint32_t i = 0; i < scan->nhidden; i++, name += strlen(name) + 1)
		if (br_path_under(rel, name))
			return true;
	return false;
}

/* A file that is there is hidden when the look over the project found it so; a name that isn't, when a rule names it: then
 * reading it is refused as soon as it is there, while the session may make one of its own. */
static bool
refused_as_hidden(const struct br_decider *d, const char *path, const char *rel, bool write, struct br_decision *out)
{
	struct stat st;
	bool there = lstat(path, &st) == 0;
	struct br_guard_answer h = br_guard_hidden(d->names, rel, there && S_ISDIR(st.st_mode));
	bool by_content = (h.flags & BR_POLF_IF_KEY) != 0;
	if (there ? !is_hidden_now(d->scan, rel) : write || h.cls != BR_GUARD_HIDDEN || by_content)
		return false;
	const char *why = by_content ? "the file holds a private key"
			  : there    ? "the file is hidden"
				     : "the name is hidden, unless git tracks the file";
	*out = answer(false, why, h.rule != NULL ? h.rule : "", h.origin != NULL ? h.origin : "");
	return true;
}

/* The guard's refusal of a name in the project, if it refuses. */
static bool
refused_by_name(const struct br_decider *d, const char *path, const char *rel, bool write, struct br_decision *out)
{
	if (refused_as_hidden(d, path, rel, write, out))
		return true;
	if (!write)
		return false;
	struct br_guard_answer g = br_guard_classify(d->guard, rel, is_directory(path));
	const char *why = NULL;
	switch (g.cls) {
	case BR_GUARD_PLAIN:
	case BR_GUARD_WATCHED:
	case BR_GUARD_HIDDEN:
		return false;
	case BR_GUARD_DENY:
		why = "the name is protected";
		break;
	case BR_GUARD_KEEP:
		why = "the file stays as it is: what is written is dropped";
		break;
	case BR_GUARD_GITCONFIG:
		why = "git's configuration changes only through git itself, after a look at each key";
		break;
	case BR_GUARD_GITLINK:
		why = "a .git file is accepted only when it leads to a git directory of this tree";
		break;
	case BR_GUARD_COMMONDIR:
		why = "a commondir file is accepted only with the content that git gives it";
		break;
	}
	*out = answer(false, why, g.rule, g.origin);
	return true;
}

static struct br_decision
decide_in_project(const struct br_decider *d, const char *path, const char *rel, bool write)
{
	struct br_decision out;
	if (rel[0] != '\0' && refused_by_name(d, path, rel, write, &out))
		return out;
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(d->policy, BR_POL_PRIVATE, r)) != NULL;)
		if (br_path_under(path, br_path_normal(d->a, d->places.project, d->places.home, r->text)))
			return answer(true, "the session has its own copy of it", r->text, r->origin);
	const struct br_pol_rec *w = covering(d->policy, BR_POL_WRITE, path);
	if (!write)
		return w != NULL ? answer(true, "it can be read and written", w->text, w->origin)
				 : answer(true, "the project can be read", "", "");
	if (w == NULL)
		return answer(false, "this part of the project is read-only (filesystem.write does not name it)", "", "");
	if (rel[0] != '\0') {
		struct br_guard_answer g = br_guard_classify(d->guard, rel, false);
		if (g.cls == BR_GUARD_WATCHED)
			return answer(true, "it can be written, and is listed at the end of the run for somebody to look at",
			    g.rule, g.origin);
	}
	return answer(true, "it can be written", w->text, w->origin);
}

/* Places that every session has of its own, whatever the host's hold. */
static const char *
own_place(const struct br_places *pl, const char *path)
{
	static const char *const own[] = {"/tmp", "/var/tmp", "/run", "/dev", "/proc"};
	if (br_path_under(path, pl->home))
		return "the host's is absent: the session has a private home";
	for (size_t i = 0; i < BR_ARRAY_LEN(own); i++)
		if (br_path_under(path, own[i]))
			return "the host's is absent: the session has its own there";
	return "it is absent in the session";
}

static struct br_decision
decide_outside(const struct br_decider *d, const char *path, bool write)
{
	static const enum br_pol_kind readable[] = {BR_POL_READ, BR_POL_SYSTEM, BR_POL_ETC};
	const struct br_pol_rec *r = covering(d->policy, BR_POL_WRITE, path);
	if (r != NULL)
		return answer(true, "it can be read and written", r->text, r->origin);
	for (size_t i = 0; i < BR_ARRAY_LEN(readable); i++) {
		r = covering(d->policy, readable[i], path);
		if (r != NULL)
			return answer(!write, write ? "it can only be read" : "it can be read", r->text, r->origin);
	}
	return answer(false, own_place(&d->places, path), "", "");
}

static struct br_decision
decide_once(const struct br_decider *d, const char *path, bool write)
{
	if (!br_path_under(path, d->places.project))
		return decide_outside(d, path, write);
	const char *rel = path + strlen(d->places.project);
	return decide_in_project(d, path, rel + (*rel == '/'), write);
}

/* Where the path leads now: symlinks of its directory, and its own. A name that doesn't exist is judged by its directory. */
static const char *
resolve(struct br_arena *a, const char *path)
{
	br_auto_free char *whole = realpath(path, NULL);
	if (whole != NULL)
		return br_arena_strdup(a, whole);
	const char *slash = strrchr(path, '/');
	if (slash == NULL || slash == path)
		return path;
	const char *dir = resolve(a, br_arena_strndup(a, path, (size_t)(slash - path)));
	return br_arena_printf(a, "%s%s", br_streq(dir, "/") ? "" : dir, slash);
}

/* A grant that is a symlink is bound, under its name, from where it leads: that is judged already. */
static bool
is_granted_there(const struct br_decider *d, const char *path, const char *real)
{
	static const enum br_pol_kind kinds[] = {BR_POL_WRITE, BR_POL_READ};
	for (size_t i = 0; i < BR_ARRAY_LEN(kinds) && !br_path_under(path, d->places.project); i++) {
		const struct br_pol_rec *r = covering(d->policy, kinds[i], path);
		if (r != NULL && r->data[0] != '\0' && br_path_under(real, r->data))
			return true;
	}
	return false;
}

struct br_decision
br_decide_path(const struct br_decider *d, const char *path, bool write)
{
	struct br_decision first = decide_once(d, path, write);
	const char *real = resolve(d->a, path);
	if (!first.allow || br_streq(real, path) || is_granted_there(d, path, real))
		return first;
	struct br_decider there = *d;
	there.places.project = resolve(d->a, d->places.project);
	there.places.home = resolve(d->a, d->places.home);
	if (!br_streq(there.places.project, d->places.project) || !br_streq(there.places.home, d->places.home))
		return first; /* the project itself lies behind a symlink: `run` binds it under its own name */
	struct br_decision second = decide_once(&there, real, write);
	if (second.allow)
		return first;
	second.why = br_arena_printf(d->a, "it leads to %s: %s", real, second.why);
	return second;
}
