#include "policy/tool/load.h"

#include "base/io.h"
#include "policy/inputs.h"
#include "policy/tool/profiles.h"
#include "policy/tool/read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

struct br_place
br_layer_place(const struct br_layer *l, const struct br_ynode *n)
{
	return (struct br_place){l->name, n != NULL ? n->line : 0, n != NULL ? n->col : 0};
}

const char *
br_layer_origin(struct br_arena *a, const struct br_layer *l, const struct br_ynode *n)
{
	if (l->rank == BR_RANK_BUILTIN || n == NULL || n->line == 0)
		return l->name;
	return br_arena_printf(a, "%s:%u", l->name, n->line);
}

static void
note_input(struct br_policy_set *s, const char *path, const char *state, uint32_t flags)
{
	s->inputs = br_arena_grow(s->a, s->inputs, s->ninputs, &s->inputs_cap, sizeof(*s->inputs));
	struct br_input *in = &s->inputs[s->ninputs++];
	*in = (struct br_input){.path = path, .flags = flags};
	(void)snprintf(in->state, sizeof(in->state), "%s", state);
	if (flags == 0 && br_path_under(path, s->places.project))
		in->flags |= BR_POLF_UNTRUSTED; /* the others say nothing that one would have to trust */
}

void
br_load_note(struct br_policy_set *s, const char *path)
{
	for (size_t i = 0; i < s->ninputs; i++)
		if (br_streq(s->inputs[i].path, path))
			return;
	char state[BR_SHA256_HEX];
	if (br_input_state(path, false, state) == 0)
		note_input(s, path, state, 0);
}

/* Variables that path.c and br_load look at, and this program, which has the built-in policy in it. */
static void
note_surroundings(struct br_policy_set *s)
{
	static const char *const names[] = {"XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "DOCKER_HOST"};
	char state[BR_SHA256_HEX], self[PATH_MAX];
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++) {
		br_input_variable(names[i], state);
		note_input(s, names[i], state, BR_POLF_VARIABLE);
	}
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n > 0 ? n : 0] = '\0';
	if (n > 0 && br_input_program(self, state) == 0)
		note_input(s, br_arena_strdup(s->a, self), state, BR_POLF_PROGRAM);
}

static void
cannot_read(struct br_policy_set *s, const char *name, int err)
{
	struct br_place at = {.file = name};
	const char *why = err == EISDIR   ? "is a directory, not a file"
			  : err == EINVAL ? "is not a regular file"
			  : err == EFBIG  ? "is bigger than 1 MiB"
					  : NULL;
	if (why != NULL)
		br_report(s->r, BR_SEV_ERROR, "unreadable", at, "%s", why);
	else
		br_report(s->r, BR_SEV_ERROR, "unreadable", at, "can't be read: %s", strerror(err));
	if (err == EACCES)
		br_report_mend(
		    s->r, "make it readable for the user who runs brattice; a policy that can't be read is never ignored");
	else if (err != ENOENT)
		br_report_mend(s->r, "a policy is a YAML file of a few lines");
}

const struct br_ynode *
br_load_file(struct br_policy_set *s, const char *path, const char *name, bool required)
{
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, path, &b, BR_YAML_MAX) < 0) {
		if ((errno == ENOENT || errno == ENOTDIR) && !required)
			note_input(s, path, "absent", 0);
		else
			cannot_read(s, name, errno);
		return NULL;
	}
	char sum[BR_SHA256_HEX];
	br_sha256_of(b.p != NULL ? b.p : "", b.len, sum);
	note_input(s, path, sum, 0);
	struct br_ynode *root = br_yaml_parse(s->a, name, b.p != NULL ? b.p : "", b.len, s->r);
	br_read_check(root, name, false, s->r);
	return root != NULL && root->type == BR_Y_MAP ? root : NULL;
}

static void
add_layer(struct br_policy_set *s, struct br_layer l)
{
	if (l.root == NULL)
		return;
	l.untrusted = l.path != NULL && br_path_under(l.path, s->places.project);
	s->layers = br_arena_grow(s->a, s->layers, s->n, &s->cap, sizeof(*s->layers));
	s->layers[s->n++] = l;
}

/* A built-in file can only be wrong in a build that is wrong. */
static const struct br_ynode *
parse_builtin(struct br_policy_set *s, const struct br_profile *p, const char *name)
{
	struct br_ynode *root = br_yaml_parse(s->a, name, p->data, p->len, s->r);
	br_read_check(root, name, true, s->r);
	return root;
}

static void
add_file(struct br_policy_set *s, enum br_rank rank, const char *path, const char *name, const char *base, bool required)
{
	const struct br_ynode *root = br_load_file(s, path, name, required);
	add_layer(s, (struct br_layer){.rank = rank, .name = name, .path = path, .base = base, .root = root});
}

/* The system's layer decides over the user's, so it must not be the user's to write. */
static bool
is_safe_system_file(struct br_policy_set *s, const char *path, const char *etc)
{
	struct stat st, dir;
	if (stat(path, &st) < 0 || stat(etc, &dir) < 0)
		return true; /* reading it will say so */
	const struct stat *bad = (st.st_mode & 022) != 0 ? &st : (dir.st_mode & 022) != 0 ? &dir : NULL;
	if (bad != NULL || st.st_uid != dir.st_uid) {
		br_report(s->r, BR_SEV_REFUSED, "unsafe-file", (struct br_place){.file = path},
		    "can be changed by others than the owner of %s", etc);
		br_report_mend(s->r, "chown root and chmod go-w it and its directory");
		return false;
	}
	return true;
}

static int
is_policy(const struct dirent *de)
{
	return de->d_name[0] != '.' && (br_endswith(de->d_name, ".yaml") || br_endswith(de->d_name, ".yml"));
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* A policy under a name that isn't read would be enforced only in its author's mind. */
static void
refuse_misnamed(struct br_policy_set *s, const char *path)
{
	char state[BR_SHA256_HEX];
	if (br_input_state(path, true, state) < 0)
		return;
	note_input(s, path, state, BR_POLF_PRESENCE);
	if (br_streq(state, "absent"))
		return;
	br_report(s->r, BR_SEV_ERROR, "misnamed", (struct br_place){.file = br_path_show(s->a, &s->places, path)},
	    "policies are read from names that end in .yaml");
	br_report_mend(s->r, "rename it");
}

static void
add_system(struct br_policy_set *s, const char *etc)
{
	char state[BR_SHA256_HEX];
	if (br_input_state(etc, false, state) < 0) {
		cannot_read(s, etc, errno);
		return;
	}
	note_input(s, etc, state, 0);
	if (br_streq(state, "absent"))
		return;
	struct dirent **names = NULL;
	int n = scandir(etc, &names, is_policy, by_bytes);
	if (n < 0)
		cannot_read(s, etc, errno);
	for (int i = 0; i < n; i++) {
		const char *path = br_arena_printf(s->a, "%s/%s", etc, names[i]->d_name);
		if (br_endswith(path, ".yml"))
			refuse_misnamed(s, path);
		else if (is_safe_system_file(s, path, etc))
			add_file(s, BR_RANK_SYSTEM, path, path, s->places.project, true);
		free(names[i]);
	}
	free(names);
}

static void
add_options(struct br_policy_set *s, const struct br_load_options *o)
{
	struct br_ynode *root = br_ynode_map(s->a);
	for (size_t i = 0; i < o->read->n; i++)
		br_ynode_push(s->a, root, "filesystem.read", o->read->v[i]);
	for (size_t i = 0; i < o->write->n; i++)
		br_ynode_push(s->a, root, "filesystem.write", o->write->v[i]);
	for (size_t i = 0; i < o->profile->n; i++)
		br_ynode_push(s->a, root, "profiles", o->profile->v[i]);
	for (size_t i = 0; i < o->env->n; i++) {
		const char *word = o->env->v[i], *eq = strchr(word, '=');
		if (eq == NULL) {
			br_ynode_push(s->a, root, "environment.pass", word);
			continue;
		}
		const char *name = br_arena_strndup(s->a, word, (size_t)(eq - word));
		if (strchr(name, '.') != NULL)
			br_report(s->r, BR_SEV_ERROR, "bad-name", (struct br_place){.file = "--env"},
			    "\"%s\" is not a variable's name", name);
		else
			br_ynode_set(s->a, root, br_arena_printf(s->a, "environment.set.%s", name), eq + 1, false);
	}
	if (o->review)
		br_ynode_set(s->a, root, "filesystem.review", "true", true);
	br_read_check(root, "command line", false, s->r);
	add_layer(s, (struct br_layer){.rank = BR_RANK_OPTION, .name = "command line", .base = o->cwd, .root = root});
}

/* Profiles */

static void
take_profile(struct br_policy_set *s, const char *name)
{
	for (size_t i = 0; i < s->nprofiles; i++)
		if (br_streq(s->profiles[i], name))
			return;
	s->profiles = br_arena_grow(s->a, s->profiles, s->nprofiles, &s->profiles_cap, sizeof(*s->profiles));
	s->profiles[s->nprofiles++] = name;
}

static bool
list_has(const struct br_ynode *list, const char *word)
{
	for (const struct br_ynode *n = list != NULL ? list->first : NULL; n != NULL; n = n->next)
		if (br_streq(n->text, word))
			return true;
	return false;
}

/* Whether the project has one of the files; those looked for are inputs, by presence. */
static bool
project_has(struct br_policy_set *s, const struct br_ynode *files)
{
	for (const struct br_ynode *n = files != NULL ? files->first : NULL; n != NULL; n = n->next) {
		const char *path = br_arena_printf(s->a, "%s/%s", s->places.project, n->text);
		char state[BR_SHA256_HEX];
		bool there = br_input_state(path, true, state) == 0 && br_streq(state, "present");
		note_input(s, path, there ? "present" : "absent", BR_POLF_PRESENCE);
		if (there)
			return true;
	}
	return false;
}

struct profile_choice {
	bool named;                   /* some layer names profiles */
	bool none;                    /* … and the highest that does names none */
	const struct br_layer *fixed; /* the system's layer that names them */
	const struct br_ynode *fixed_list;
};

static struct profile_choice
look_at_choices(const struct br_policy_set *s)
{
	struct profile_choice c = {0};
	for (size_t i = 0; i < s->n; i++) {
		const struct br_ynode *list = br_ynode_find(s->layers[i].root, "profiles");
		if (list == NULL || list->type != BR_Y_LIST)
			continue;
		c.named = true;
		c.none = list->first == NULL;
		if (s->layers[i].rank == BR_RANK_SYSTEM) {
			c.fixed = &s->layers[i];
			c.fixed_list = list;
		}
	}
	return c;
}

static void
take_named(struct br_policy_set *s, const struct profile_choice *c)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct br_layer *l = &s->layers[i];
		const struct br_ynode *list = br_ynode_find(l->root, "profiles");
		if (list == NULL || list->type != BR_Y_LIST)
			continue;
		for (const struct br_ynode *n = list->first; n != NULL; n = n->next) {
			if (br_profile_find(n->text) == NULL)
				continue; /* reported by the reader */
			if (c->fixed != NULL && !list_has(c->fixed_list, n->text)) {
				br_report(s->r, BR_SEV_REFUSED, "widens", br_layer_place(l, n),
				    "profile \"%s\" is not among those that %s allows", n->text,
				    br_layer_origin(s->a, c->fixed, c->fixed_list));
				br_report_mend(s->r, "remove it, or have it added there");
				continue;
			}
			take_profile(s, n->text);
		}
	}
}

/* The profiles in force, in the order of the built-in list so that the result doesn't depend on how they were found. */
static void
choose_profiles(struct br_policy_set *s, const struct br_load_options *o, const struct br_ynode *const *roots)
{
	struct profile_choice c = look_at_choices(s);
	take_named(s, &c);
	if (c.none)
		return;
	for (size_t i = 0; i < o->default_profile->n && !c.named; i++)
		if (br_profile_find(o->default_profile->v[i]) != NULL)
			take_profile(s, o->default_profile->v[i]);
		else
			br_report(s->r, BR_SEV_ERROR, "unknown-profile", (struct br_place){.file = "--default-profile"},
			    "unknown profile \"%s\"", o->default_profile->v[i]);
	for (size_t i = 0; i < br_profiles_n; i++) {
		bool by_command = o->command != NULL && list_has(br_ynode_find(roots[i], "detect.commands"), o->command);
		bool by_file = !by_command && !c.named && project_has(s, br_ynode_find(roots[i], "detect.files"));
		if ((by_command || by_file) && (c.fixed == NULL || list_has(c.fixed_list, br_profiles[i].name)))
			take_profile(s, br_profiles[i].name);
	}
}

static void
add_profiles(struct br_policy_set *s, const struct br_load_options *o)
{
	const struct br_ynode **roots = br_arena_alloc(s->a, br_profiles_n * sizeof(*roots));
	const char **names = br_arena_alloc(s->a, br_profiles_n * sizeof(*names));
	for (size_t i = 0; i < br_profiles_n; i++) {
		names[i] = br_arena_printf(s->a, "profile %s", br_profiles[i].name);
		roots[i] = parse_builtin(s, &br_profiles[i], names[i]);
	}
	choose_profiles(s, o, roots);
	for (size_t i = 0; i < br_profiles_n; i++)
		for (size_t j = 0; j < s->nprofiles; j++)
			if (br_streq(br_profiles[i].name, s->profiles[j]))
				add_layer(s, (struct br_layer){.rank = BR_RANK_PROFILE,
						 .name = names[i],
						 .base = s->places.project,
						 .root = roots[i]});
}

static int
by_rank(const void *a, const void *b)
{
	const struct br_layer *x = a, *y = b;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

/* qsort(3) isn't stable, and within a rank the order of files counts. */
static void
sort_layers(struct br_policy_set *s)
{
	for (size_t i = 1; i < s->n; i++)
		for (size_t j = i; j > 0 && by_rank(&s->layers[j - 1], &s->layers[j]) > 0; j--) {
			struct br_layer t = s->layers[j];
			s->layers[j] = s->layers[j - 1];
			s->layers[j - 1] = t;
		}
}

/* The files that people write. */
static void
add_files(struct br_policy_set *s, const struct br_load_options *o)
{
	const struct br_places *pl = &s->places;
	const char *user = br_arena_printf(s->a, "%s/policy.yaml", pl->config);
	if (o->only != NULL) {
		const char *path = br_path_normal(s->a, o->cwd, pl->home, o->only);
		bool is_user = br_streq(path, user);
		add_file(s, is_user ? BR_RANK_USER : BR_RANK_PROJECT, path, o->only, is_user ? pl->home : pl->project, true);
		return;
	}
	refuse_misnamed(s, br_arena_printf(s->a, "%s/policy.yml", pl->config));
	refuse_misnamed(s, br_arena_printf(s->a, "%s/brattice.yml", pl->project));
	refuse_misnamed(s, br_arena_printf(s->a, "%s/brattice.local.yml", pl->project));
	add_file(s, BR_RANK_USER, user, br_path_show(s->a, pl, user), pl->home, false);
	add_file(
	    s, BR_RANK_PROJECT, br_arena_printf(s->a, "%s/brattice.yaml", pl->project), "brattice.yaml", pl->project, false);
	add_file(s, BR_RANK_LOCAL, br_arena_printf(s->a, "%s/brattice.local.yaml", pl->project), "brattice.local.yaml",
	    pl->project, false);
}

void
br_load(struct br_policy_set *s, const struct br_load_options *o)
{
	s->places.home = br_path_normal(s->a, "/", o->home, o->home);
	s->places.project = br_path_normal(s->a, "/", o->home, o->project);
	s->places.state = br_path_normal(s->a, "/", o->home, o->state);
	s->places.config = br_path_normal(s->a, s->places.home, s->places.home,
	    o->config_home != NULL && o->config_home[0] == '/' ? br_arena_printf(s->a, "%s/brattice", o->config_home)
							       : "~/.config/brattice");
	const struct br_places *pl = &s->places;
	add_layer(s, (struct br_layer){.rank = BR_RANK_BUILTIN,
			 .name = "built-in",
			 .base = pl->project,
			 .root = parse_builtin(s, &br_builtin_policy, "built-in")});
	note_surroundings(s);
	add_files(s, o);
	for (size_t i = 0; i < o->policy->n; i++)
		add_file(s, BR_RANK_FILE, br_path_normal(s->a, o->cwd, pl->home, o->policy->v[i]), o->policy->v[i], pl->project,
		    true);
	add_options(s, o);
	add_system(s, br_path_normal(s->a, o->cwd, pl->home, o->etc));
	add_profiles(s, o);
	sort_layers(s);
}
