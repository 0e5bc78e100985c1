#include "policy/tool/merge.h"

#include "policy/builtin.h"
#include "policy/glob.h"
#include "policy/tool/read.h"
#include "policy/tool/value.h"

#include <dirent.h>

struct merge {
	struct br_policy_set *s;
	struct br_rules *out;
};

static struct br_rule *
add(struct merge *m, enum br_pol_kind kind, uint32_t flags, const char *text, const struct br_layer *l,
    const struct br_ynode *n)
{
	struct br_rules *r = m->out;
	r->v = br_arena_grow(m->s->a, r->v, r->n, &r->cap, sizeof(*r->v));
	r->v[r->n] = (struct br_rule){.kind = kind, .flags = flags, .text = text, .data = "", .layer = l, .node = n};
	r->v[r->n].origin = l != NULL ? br_layer_origin(m->s->a, l, n) : "built-in";
	if (l != NULL && l->rank <= BR_RANK_PROFILE)
		r->v[r->n].flags |= BR_POLF_DEFAULT;
	return &r->v[r->n++];
}

static void
drop(struct br_rules *r, size_t i)
{
	memmove(&r->v[i], &r->v[i + 1], (r->n - i - 1) * sizeof(*r->v));
	r->n--;
}

/* The key's value in one layer when it has the type that the reader wants. */
static const struct br_ynode *
value_of(const struct br_layer *l, const char *key, enum br_ytype type)
{
	const struct br_ynode *n = br_ynode_find(l->root, key);
	return n != NULL && n->type == type && !br_ynode_is_null(n) ? n : NULL;
}

static const struct br_layer *
fixed_by(const struct merge *m, const char *key, enum br_ytype type)
{
	for (size_t i = m->s->n; i > 0 && m->s->layers[i - 1].rank == BR_RANK_SYSTEM; i--)
		if (value_of(&m->s->layers[i - 1], key, type) != NULL)
			return &m->s->layers[i - 1];
	return NULL;
}

static void
report_wider(struct merge *m, const struct br_layer *l, const struct br_ynode *n, const char *what, const char *value,
    const struct br_layer *fix, const struct br_ynode *fix_node, const char *fix_value)
{
	br_report(m->s->r, BR_SEV_REFUSED, "widens", br_layer_place(l, n), "%s: %s is more than %s allows%s%s%s", what, value,
	    br_layer_origin(m->s->a, fix, fix_node), fix_value[0] != '\0' ? " (" : "", fix_value,
	    fix_value[0] != '\0' ? ")" : "");
	br_report_mend(m->s->r, "remove it or narrow it; only whoever administers this machine can allow more");
}

/* Paths: union over the layers, bounded by what the system's layer says. */

static void
add_paths(struct merge *m, const char *key, enum br_pol_kind kind)
{
	bool write = kind == BR_POL_WRITE;
	const struct br_places *pl = &m->s->places;
	for (size_t i = 0; i < m->s->n; i++) {
		const struct br_layer *l = &m->s->layers[i];
		const struct br_ynode *list = value_of(l, key, BR_Y_LIST);
		for (const struct br_ynode *n = list != NULL ? list->first : NULL; n != NULL; n = n->next) {
			const char *path = br_path_normal(m->s->a, l->base, pl->home, n->text);
			const char *real, *why = br_path_refused(m->s->a, pl, path, write, &real);
			if (why != NULL && l->rank == BR_RANK_PROFILE)
				continue; /* an odd home, such as / */
			if (why != NULL) {
				br_report(m->s->r, BR_SEV_REFUSED, "refused-path", br_layer_place(l, n),
				    "%s: %s can't be granted: %s", key, br_path_show(m->s->a, pl, path), why);
				br_report_mend(m->s->r, "name the directory or file that is needed, and no more");
				continue;
			}
			add(m, kind, l->rank <= BR_RANK_PROFILE && !write ? BR_POLF_OPTIONAL : 0, path, l, n)->data = real;
		}
	}
}

/* The default of filesystem.write is the project; a file about this project (or /etc) that names paths replaces it. */
static bool
default_write_replaced(const struct merge *m)
{
	for (size_t i = 0; i < m->s->n; i++) {
		enum br_rank rank = m->s->layers[i].rank;
		bool decides = rank >= BR_RANK_PROJECT && rank != BR_RANK_OPTION;
		if (decides && value_of(&m->s->layers[i], "filesystem.write", BR_Y_LIST) != NULL)
			return true;
	}
	return false;
}

static void
drop_replaced_default(struct merge *m)
{
	if (!default_write_replaced(m))
		return;
	for (size_t i = 0; i < m->out->n; i++)
		if (m->out->v[i].kind == BR_POL_WRITE && m->out->v[i].layer->rank == BR_RANK_BUILTIN)
			drop(m->out, i--);
}

/* True when some rule of `kind` from the system's layer covers `path`. */
static bool
covered_by_system(const struct merge *m, enum br_pol_kind kind, const char *path)
{
	for (size_t i = 0; i < m->out->n; i++) {
		const struct br_rule *r = &m->out->v[i];
		if (r->kind == kind && r->layer->rank == BR_RANK_SYSTEM && br_path_under(path, r->text))
			return true;
	}
	return false;
}

static void
bound_paths(struct merge *m, const char *key, enum br_pol_kind kind)
{
	const struct br_layer *fix = fixed_by(m, key, BR_Y_LIST);
	if (fix == NULL)
		return;
	for (size_t i = 0; i < m->out->n; i++) {
		const struct br_rule *r = &m->out->v[i];
		if (r->kind != kind || r->layer->rank == BR_RANK_SYSTEM || covered_by_system(m, kind, r->text) ||
		    (kind == BR_POL_READ && covered_by_system(m, BR_POL_WRITE, r->text)))
			continue;
		if (r->layer->rank >= BR_RANK_USER)
			report_wider(m, r->layer, r->node, key, br_path_show(m->s->a, &m->s->places, r->text), fix,
			    value_of(fix, key, BR_Y_LIST), "");
		drop(m->out, i--);
	}
}

/* What another rule of the same or a stronger kind grants already. The project keeps a rule of its own, since `run` asks by it
 * whether the project can be written. */
static bool
is_redundant(const struct br_rules *r, size_t i, const char *project)
{
	for (size_t j = 0; j < r->n; j++) {
		const struct br_rule *a = &r->v[i], *b = &r->v[j];
		if (i == j || !br_path_under(a->text, b->text))
			continue;
		bool same = br_streq(a->text, b->text);
		if (!same && br_streq(a->text, project))
			continue;
		/* Of two alike the higher layer's stays, so that messages name it. */
		bool outranked = b->layer->rank > a->layer->rank || (b->layer->rank == a->layer->rank && j < i);
		if (a->kind == b->kind && (!same || outranked))
			return true;
		if (a->kind == BR_POL_READ && (b->kind == BR_POL_WRITE || b->kind == BR_POL_SYSTEM))
			return true;
	}
	return false;
}

static void
drop_redundant(struct merge *m)
{
	for (size_t i = 0; i < m->out->n; i++) {
		enum br_pol_kind k = m->out->v[i].kind;
		if ((k == BR_POL_READ || k == BR_POL_WRITE || k == BR_POL_SYSTEM) &&
		    is_redundant(m->out, i, m->s->places.project))
			drop(m->out, i--);
	}
}

/* "java*" as the names that are there; the directory's listing becomes an input. */
static void
add_etc_matches(struct merge *m, const char *pattern, const struct br_layer *l, const struct br_ynode *n)
{
	const char *slash = strrchr(pattern, '/');
	const char *dir = br_arena_strndup(m->s->a, pattern, (size_t)(slash - pattern));
	const char *prefix = br_arena_strndup(m->s->a, slash + 1, strlen(slash + 1) - 1);
	br_load_note(m->s, dir);
	DIR *d = opendir(dir);
	for (struct dirent *de; d != NULL && (de = readdir(d)) != NULL;)
		if (de->d_name[0] != '.' && br_startswith(de->d_name, prefix))
			(void)add(m, BR_POL_ETC, BR_POLF_OPTIONAL, br_arena_printf(m->s->a, "%s/%s", dir, de->d_name), l, n);
	if (d != NULL)
		(void)closedir(d);
}

static void
add_system_trees(struct merge *m)
{
	for (size_t i = 0; i < m->s->n; i++) {
		const struct br_layer *l = &m->s->layers[i];
		const struct br_ynode *sys = value_of(l, "filesystem.system", BR_Y_LIST),
				      *etc = value_of(l, "filesystem.etc", BR_Y_LIST);
		for (const struct br_ynode *n = sys != NULL ? sys->first : NULL; n != NULL; n = n->next)
			(void)add(m, BR_POL_SYSTEM, BR_POLF_OPTIONAL, br_path_normal(m->s->a, "/", "/", n->text), l, n);
		for (const struct br_ynode *n = etc != NULL ? etc->first : NULL; n != NULL; n = n->next) {
			const char *path = br_path_normal(m->s->a, "/etc", "/", n->text);
			if (br_endswith(path, "*"))
				add_etc_matches(m, path, l, n);
			else
				(void)add(m, BR_POL_ETC, BR_POLF_OPTIONAL, path, l, n);
		}
	}
}

static void
merge_paths(struct merge *m)
{
	add_paths(m, "filesystem.write", BR_POL_WRITE);
	add_paths(m, "filesystem.read", BR_POL_READ);
	drop_replaced_default(m);
	bound_paths(m, "filesystem.write", BR_POL_WRITE);
	bound_paths(m, "filesystem.read", BR_POL_READ);
	add_system_trees(m);
	/* The project is always there, if only to be read; as writable when a directory above it is. */
	bool writable = false;
	for (size_t i = 0; i < m->out->n; i++)
		writable |= m->out->v[i].kind == BR_POL_WRITE && br_path_under(m->s->places.project, m->out->v[i].text);
	struct br_rule *p = add(m, writable ? BR_POL_WRITE : BR_POL_READ, 0, m->s->places.project, &m->s->layers[0], NULL);
	p->flags |= BR_POLF_DEFAULT;
	br_auto_free char *real = realpath(p->text, NULL);
	if (real != NULL)
		p->data = br_arena_strdup(m->s->a, real);
	drop_redundant(m);
}

/* Names in the project: denials are a union; "!" lifts built-in entries only. */

static void
add_list(struct merge *m, const char *key, enum br_pol_kind kind, enum br_pol_kind lift)
{
	for (size_t i = 0; i < m->s->n; i++) {
		const struct br_layer *l = &m->s->layers[i];
		const struct br_ynode *list = value_of(l, key, BR_Y_LIST);
		for (const struct br_ynode *n = list != NULL ? list->first : NULL; n != NULL; n = n->next) {
			bool lifts = lift != 0 && n->text[0] == '!';
			(void)add(m, lifts ? lift : kind, 0, n->text + lifts, l, n);
		}
	}
}

static void
add_builtin_names(struct merge *m)
{
	for (size_t i = 0; i < br_builtin_paths_n; i++) {
		const struct br_builtin_path *b = &br_builtin_paths[i];
		(void)add(m, b->kind, b->flags | BR_POLF_DEFAULT, b->pattern, NULL, NULL);
	}
}

/* A lift that meets somebody's denial would be ignored by the wall; say so instead. */
static void
check_lifts(struct merge *m, const char *key, enum br_pol_kind kind, enum br_pol_kind lift)
{
	for (size_t i = 0; i < m->out->n; i++) {
		const struct br_rule *a = &m->out->v[i];
		for (size_t j = 0; a->kind == lift && a->layer != NULL && j < m->out->n; j++) {
			const struct br_rule *b = &m->out->v[j];
			if (b->kind != kind || (b->flags & BR_POLF_DEFAULT) != 0 || b->layer == a->layer)
				continue; /* within one file, "!" takes back what stands before it, as in .gitignore */
			if (!br_streq(a->text, b->text) && !br_glob_match(b->text, a->text + (a->text[0] == '/'), false, 0))
				continue;
			br_report(m->s->r, BR_SEV_REFUSED, "lifts-denial", br_layer_place(a->layer, a->node),
			    "%s: \"!%s\" can't lift \"%s\", which %s sets", key, a->text, b->text, b->origin);
			br_report_mend(m->s->r, b->layer->rank == BR_RANK_SYSTEM
						    ? "remove it; only whoever administers this machine can allow it"
						    : "\"!\" lifts built-in entries only: change the entry there");
		}
	}
}

/* Environment and home */

/* True when pattern `a` ("LC_*" or a name) names nothing that `b` does not. */
static bool
env_covered(const char *a, const char *b)
{
	size_t n = strlen(b);
	if (n > 0 && b[n - 1] == '*')
		return strncmp(a, b, n - 1) == 0;
	return br_streq(a, b);
}

static bool
env_covered_by_system(const struct merge *m, const char *name)
{
	for (size_t i = 0; i < m->out->n; i++) {
		const struct br_rule *r = &m->out->v[i];
		if (r->kind == BR_POL_ENV_PASS && r->layer->rank == BR_RANK_SYSTEM && env_covered(name, r->text))
			return true;
	}
	return false;
}

static void
merge_env_pass(struct merge *m)
{
	static const char key[] = "environment.pass";
	add_list(m, key, BR_POL_ENV_PASS, 0);
	const struct br_layer *fix = fixed_by(m, key, BR_Y_LIST);
	for (size_t i = 0; i < m->out->n; i++) {
		const struct br_rule *r = &m->out->v[i];
		if (r->kind != BR_POL_ENV_PASS)
			continue;
		bool twice = false;
		for (size_t j = 0; j < i && !twice; j++)
			twice = m->out->v[j].kind == BR_POL_ENV_PASS && env_covered(r->text, m->out->v[j].text);
		/* The built-in names hold no secrets: a list in /etc bounds what people add to them. */
		if (fix != NULL && r->layer->rank > BR_RANK_PROFILE && r->layer->rank < BR_RANK_SYSTEM &&
		    !env_covered_by_system(m, r->text)) {
			report_wider(m, r->layer, r->node, key, r->text, fix, value_of(fix, key, BR_Y_LIST), "");
			twice = true;
		}
		if (twice)
			drop(m->out, i--);
	}
}

/* For each name the value of the highest layer. Variables are kept as NAME=VALUE, files as path and content. */
static void
merge_table(struct merge *m, const char *key, enum br_pol_kind kind)
{
	bool files = kind == BR_POL_HOME_FILE;
	for (size_t i = m->s->n; i > 0; i--) {
		const struct br_layer *l = &m->s->layers[i - 1];
		const struct br_ynode *map = value_of(l, key, BR_Y_MAP);
		for (const struct br_ynode *n = map != NULL ? map->first : NULL; n != NULL; n = n->next) {
			const char *name = files ? br_path_normal(m->s->a, "", "", n->key->text) + 1
						 : br_arena_printf(m->s->a, "%s=", n->key->text);
			bool set = false;
			for (size_t j = 0; j < m->out->n && !set; j++) {
				const struct br_rule *r = &m->out->v[j];
				set = r->kind == kind && (files ? br_streq(r->text, name) : br_startswith(r->text, name));
			}
			if (set)
				continue;
			struct br_rule *r =
			    add(m, kind, 0, files ? name : br_arena_printf(m->s->a, "%s%s", name, n->text), l, n);
			r->data = files ? n->text : "";
		}
	}
}

/* A kept directory is mounted over the home's own, so a file that is rebuilt in it at each start would stay unseen. */
static void
check_keep_and_files(struct merge *m)
{
	for (size_t i = 0; i < m->out->n; i++) {
		const struct br_rule *k = &m->out->v[i];
		bool dir = k->kind == BR_POL_HOME_KEEP && br_endswith(k->text, "/");
		for (size_t j = 0; k->kind == BR_POL_HOME_KEEP && j < m->out->n; j++) {
			const struct br_rule *f = &m->out->v[j];
			if (f->kind != BR_POL_HOME_FILE ||
			    (dir ? !br_startswith(f->text, k->text) : !br_streq(f->text, k->text)))
				continue;
			br_report(m->s->r, BR_SEV_REFUSED, "keeps-rebuilt", br_layer_place(k->layer, k->node),
			    "home.keep: %s would hide %s, which %s writes at each start", k->text, f->text, f->origin);
			br_report_mend(m->s->r, "keep what lies beside it, one by one");
			break;
		}
	}
}

static void
merge_keep(struct merge *m)
{
	size_t from = m->out->n;
	add_list(m, "home.keep", BR_POL_HOME_KEEP, 0);
	for (size_t i = from; i < m->out->n; i++) {
		struct br_rule *r = &m->out->v[i];
		const char *rel = br_path_normal(m->s->a, "", "", r->text) + 1;
		r->text = br_endswith(r->text, "/") ? br_arena_printf(m->s->a, "%s/", rel) : rel;
		for (size_t j = from; j < i; j++)
			if (br_streq(m->out->v[j].text, r->text)) {
				drop(m->out, i--);
				break;
			}
	}
}

/* Numbers and switches */

static void
show_number(struct br_buf *b, const struct br_key *k, uint64_t v)
{
	if (v == BR_UNLIMITED)
		br_buf_puts(b, "unlimited");
	else if (k->type == BR_KEY_SIZE || k->type == BR_KEY_MEMORY)
		br_value_put_size(b, v);
	else if (k->type == BR_KEY_DURATION)
		br_value_put_duration(b, v);
	else
		br_buf_printf(b, "%llu%s", (unsigned long long)v, k->type == BR_KEY_PERCENT ? "%" : "");
}

/* The narrowest that the system's layer sets, or NULL. */
static const struct br_layer *
narrowest_fix(const struct merge *m, const struct br_key *k, uint64_t *v)
{
	const struct br_layer *fix = NULL;
	for (size_t i = 0; i < m->s->n; i++) {
		const struct br_layer *l = &m->s->layers[i];
		const struct br_ynode *n = value_of(l, k->path, BR_Y_SCALAR);
		if (l->rank != BR_RANK_SYSTEM || n == NULL)
			continue;
		uint64_t x = br_read_number(k, n);
		if (fix == NULL || x < *v) {
			fix = l;
			*v = x;
		}
	}
	return fix;
}

static void
merge_number(struct merge *m, const char *key, enum br_pol_kind kind)
{
	const struct br_key *k = br_key_find(key);
	uint64_t bound = BR_UNLIMITED, best = BR_UNLIMITED;
	const struct br_layer *fix = narrowest_fix(m, k, &bound), *from = fix;
	if (fix != NULL)
		best = bound;
	for (size_t i = 0; i < m->s->n; i++) {
		const struct br_layer *l = &m->s->layers[i];
		const struct br_ynode *n = value_of(l, key, BR_Y_SCALAR);
		if (n == NULL || l->rank == BR_RANK_SYSTEM || (fix != NULL && l->rank <= BR_RANK_PROFILE))
			continue;
		uint64_t v = br_read_number(k, n);
		if (fix != NULL && v > bound) {
			br_auto_buf b = {0};
			show_number(&b, k, bound);
			report_wider(m, l, n, key, n->text, fix, value_of(fix, key, BR_Y_SCALAR), b.p);
			continue;
		}
		best = v;
		from = l;
	}
	if (from != NULL && best != BR_UNLIMITED)
		add(m, kind, 0, "", from, value_of(from, key, BR_Y_SCALAR))->value = best;
}

/* Switches of which `true` is the narrower value. */
static void
merge_switch(struct merge *m, const char *key, enum br_pol_kind kind)
{
	const struct br_layer *from = NULL, *fix = NULL;
	bool value = false;
	for (size_t i = m->s->n; i > 0; i--) { /* the system's layer first */
		const struct br_layer *l = &m->s->layers[i - 1];
		const struct br_ynode *n = value_of(l, key, BR_Y_SCALAR);
		if (n == NULL)
			continue;
		bool v = br_read_bool(n);
		if (l->rank == BR_RANK_SYSTEM && v)
			fix = l;
		if (fix != NULL && !v && l->rank >= BR_RANK_USER && l->rank < BR_RANK_SYSTEM)
			report_wider(m, l, n, key, "false", fix, value_of(fix, key, BR_Y_SCALAR), "true");
		/* The highest that speaks decides; below a system layer that says false, one may still say true. */
		if (from == NULL || (from->rank == BR_RANK_SYSTEM && v && l->rank >= BR_RANK_USER)) {
			from = l;
			value = v;
		}
	}
	if (from != NULL && value)
		add(m, kind, 0, "", from, value_of(from, key, BR_Y_SCALAR))->value = 1;
}

/* Review mode puts an overlay over the whole project; a part of it mounted over the overlay would be written to at once. */
static void
check_review(struct merge *m)
{
	const char *project = m->s->places.project;
	bool review = false;
	for (size_t i = 0; i < m->out->n; i++)
		review |= m->out->v[i].kind == BR_POL_REVIEW;
	for (size_t i = 0; review && i < m->out->n; i++) {
		const struct br_rule *r = &m->out->v[i];
		if (r->kind != BR_POL_WRITE || br_streq(r->text, project) || !br_path_under(r->text, project))
			continue;
		br_report(m->s->r, BR_SEV_REFUSED, "review-in-part", br_layer_place(r->layer, r->node),
		    "filesystem.write: %s: in review mode the project can be written as a whole or not at all",
		    br_path_show(m->s->a, &m->s->places, r->text));
		br_report_mend(m->s->r, "write `.` (changes wait for `brattice apply` anyway), or run without review");
	}
}

/* What a file of the project takes for the session beyond the project, said when it is asked to be trusted. */
static void
add_warnings(struct merge *m)
{
	size_t n = m->out->n;
	for (size_t i = 0; i < n; i++) {
		struct br_rule r = m->out->v[i];
		if (r.layer == NULL || !r.layer->untrusted)
			continue;
		bool grant = r.kind == BR_POL_WRITE || r.kind == BR_POL_READ;
		/* A name in the project may be a symlink that leads out of it. */
		bool leads = grant && r.data[0] != '\0' && !br_path_under(r.data, m->s->places.project);
		bool outside = leads || (grant && !br_path_under(r.text, m->s->places.project));
		const char *shown = br_path_show(m->s->a, &m->s->places, leads ? r.data : r.text), *text = NULL;
		if (outside)
			text = br_arena_printf(m->s->a, "lets the session %s %s, outside the project",
			    r.kind == BR_POL_WRITE ? "write" : "read", shown);
		else if (r.kind == BR_POL_UNPROTECT)
			text = br_arena_printf(m->s->a, "lifts the protection of %s", r.text);
		else if (r.kind == BR_POL_UNHIDE)
			text = br_arena_printf(m->s->a, "lets the session read %s", r.text);
		else if (r.kind == BR_POL_ENV_PASS)
			text = br_arena_printf(m->s->a, "passes %s from your environment", r.text);
		if (text != NULL)
			(void)add(m, BR_POL_WARNING, 0, br_arena_printf(m->s->a, "%s %s", r.origin, text), r.layer, r.node);
	}
}

void
br_merge(struct br_policy_set *s, struct br_rules *out)
{
	struct merge m = {s, out};
	merge_paths(&m);
	add_builtin_names(&m);
	add_list(&m, "filesystem.hide", BR_POL_HIDE, BR_POL_UNHIDE);
	add_list(&m, "filesystem.protect", BR_POL_PROTECT, BR_POL_UNPROTECT);
	check_lifts(&m, "filesystem.hide", BR_POL_HIDE, BR_POL_UNHIDE);
	check_lifts(&m, "filesystem.protect", BR_POL_PROTECT, BR_POL_UNPROTECT);
	add_list(&m, "filesystem.private", BR_POL_PRIVATE, 0);
	merge_keep(&m);
	merge_table(&m, "home.files", BR_POL_HOME_FILE);
	check_keep_and_files(&m);
	merge_env_pass(&m);
	merge_table(&m, "environment.set", BR_POL_ENV_SET);
	merge_number(&m, "limits.memory", BR_POL_LIMIT_MEMORY);
	merge_number(&m, "limits.pids", BR_POL_LIMIT_PIDS);
	merge_number(&m, "limits.cpu", BR_POL_LIMIT_CPU);
	merge_number(&m, "limits.disk", BR_POL_LIMIT_DISK);
	merge_number(&m, "limits.time", BR_POL_LIMIT_TIME);
	merge_number(&m, "limits.files", BR_POL_LIMIT_FILES);
	merge_switch(&m, "limits.strict", BR_POL_LIMIT_STRICT);
	merge_switch(&m, "filesystem.review", BR_POL_REVIEW);
	merge_switch(&m, "audit.terminal", BR_POL_AUDIT_TERMINAL);
	merge_switch(&m, "audit.input", BR_POL_AUDIT_INPUT);
	check_review(&m);
	add_warnings(&m);
}

static bool
is_path_kind(enum br_pol_kind k)
{
	return k == BR_POL_WRITE || k == BR_POL_READ || k == BR_POL_SYSTEM || k == BR_POL_ETC;
}

/* Paths by kind, a directory before what lies in it; behind them the rest as it stands, since the order of patterns counts. */
static int
in_emit_order(const void *a, const void *b)
{
	const struct br_rule *x = *(const struct br_rule *const *)a, *y = *(const struct br_rule *const *)b;
	bool px = is_path_kind(x->kind), py = is_path_kind(y->kind);
	if (px != py)
		return px ? -1 : 1;
	if (px && x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	int c = px ? strcmp(x->text, y->text) : 0;
	return c != 0 ? c : (x > y) - (x < y);
}

int
br_emit(const struct br_policy_set *s, const struct br_rules *rules, struct br_buf *out)
{
	struct br_pol_writer w = {0};
	const struct br_rule **v = br_arena_alloc(s->a, (rules->n + 1) * sizeof(*v));
	for (size_t i = 0; i < rules->n; i++)
		v[i] = &rules->v[i];
	qsort(v, rules->n, sizeof(*v), in_emit_order);
	for (size_t i = 0; i < s->nprofiles; i++)
		br_pol_add(&w, BR_POL_PROFILE, 0, 0, s->profiles[i], "", 0, "");
	for (size_t i = 0; i < s->ninputs; i++)
		br_pol_add(&w, BR_POL_INPUT, s->inputs[i].flags, 0, s->inputs[i].path, s->inputs[i].state,
		    strlen(s->inputs[i].state), "");
	for (size_t i = 0; i < rules->n; i++)
		br_pol_add(&w, v[i]->kind, v[i]->flags, v[i]->value, v[i]->text, v[i]->data, strlen(v[i]->data), v[i]->origin);
	return br_pol_seal(&w, out);
}
