/* The policy helper's parts: values, the YAML tree, the key table, paths, and how layers come together. */
#include "scratch.h"

#include "policy/inputs.h"
#include "policy/tool/decide.h"
#include "policy/tool/keys.h"
#include "policy/tool/merge.h"
#include "policy/tool/profiles.h"
#include "policy/tool/read.h"
#include "policy/tool/value.h"

/* --- values --- */

static void
sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} good[] = {{"0", 0}, {"4096", 4096}, {"1B", 1}, {"1KiB", 1024}, {"1kB", 1000}, {"4GiB", 4ULL << 30},
	    {"1.5GiB", (3ULL << 30) / 2}, {"512 MiB", 512ULL << 20}, {"2TB", 2000000000000},
	    {"18446744073709551615", UINT64_MAX}};
	static const char *const bad[] = {"", "x", "-1", "1.5", "1.55GiB", "1.GiB", "4gib", "4G", "4GiBx",
	    "18446744073709551616", "16777216TiB", "99999999999999999999GiB", " 1"};
	uint64_t v;
	const char *why;
	for (size_t i = 0; i < BR_ARRAY_LEN(good); i++) {
		assert_true(br_value_size(good[i].text, &v, &why));
		assert_int_equal(v, good[i].want);
	}
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++) {
		why = NULL;
		if (br_value_size(bad[i], &v, &why))
			fail_msg("\"%s\" was taken for a size", bad[i]);
		assert_non_null(why);
	}
}

static void
durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t want;
	} good[] = {{"30s", 30}, {"2m", 120}, {"4h", 14400}, {"1h30m", 5400}, {"2d", 172800}, {"1d1h1m1s", 90061}};
	static const char *const bad[] = {"", "10", "h", "1h1h", "1m1h", "1.5h", "10 s", "-1s", "1w", "213503982334602d"};
	uint64_t v;
	const char *why;
	for (size_t i = 0; i < BR_ARRAY_LEN(good); i++) {
		assert_true(br_value_duration(good[i].text, &v, &why));
		assert_int_equal(v, good[i].want);
		br_auto_buf b = {0};
		br_value_put_duration(&b, v);
		assert_string_equal(b.p, good[i].text);
	}
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++)
		if (br_value_duration(bad[i], &v, &why))
			fail_msg("\"%s\" was taken for a time", bad[i]);
}

/* --- the key table --- */

static void
table_is_whole(void **state)
{
	for (size_t i = 0; i < br_keys_n; i++) {
		const struct br_key *k = &br_keys[i];
		assert_ptr_equal(br_key_find(k->path), k); /* no path twice */
		assert_non_null(k->doc);
		assert_true(k->type == BR_KEY_MAP || k->example != NULL);
		assert_true((k->format == BR_FMT_VALUE) == (k->values != NULL));
		/* The parent stands in the table too. */
		const char *dot = strrchr(k->path, '.');
		if (dot == NULL)
			continue;
		size_t n = (size_t)(dot - k->path);
		n -= dot[-1] == ']' ? 2 : 0;
		char parent[128];
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)n, k->path);
		assert_non_null(br_key_find(parent));
	}
}

/* Every example of the reference page passes the reader. */
static void
examples_pass(void **state)
{
	for (size_t i = 0; i < br_keys_n; i++) {
		const struct br_key *k = &br_keys[i];
		br_auto_arena a = {0};
		struct br_report r = {.arena = &a};
		if (k->example == NULL || strchr(k->path, '[') != NULL)
			continue;
		const char *text = br_arena_printf(&a, " %s", k->example);
		for (const char *end = k->path + strlen(k->path), *dot; end != k->path; end = dot > k->path ? dot - 1 : dot) {
			for (dot = end; dot > k->path && dot[-1] != '.'; dot--)
				;
			text = br_arena_printf(&a, "{\"%.*s\": %s}", (int)(end - dot), dot, text);
		}
		const struct br_ynode *root = br_yaml_parse(&a, "x", text, strlen(text), &r);
		br_read_check(root, "x", true, &r);
		if (r.errors)
			fail_msg("%s: %s", k->path, r.v[0].msg);
	}
}

/* The defaults that the page states are those that are built in. */
static void
stated_defaults(void **state)
{
	br_auto_arena a = {0};
	struct br_report r = {.arena = &a};
	const struct br_ynode *root = br_yaml_parse(&a, "built-in", br_builtin_policy.data, br_builtin_policy.len, &r);
	size_t compared = 0;
	for (size_t i = 0; i < br_keys_n; i++) {
		if (!br_startswith(br_keys[i].path, "limits."))
			continue;
		const struct br_ynode *n = br_ynode_find(root, br_keys[i].path);
		assert_non_null(n);
		assert_string_equal(n->text, br_keys[i].dflt);
		compared++;
	}
	assert_int_equal(compared, 7);
}

static void
built_in_files_are_clean(void **state)
{
	br_auto_arena a = {0};
	struct br_report r = {.arena = &a};
	br_read_check(br_yaml_parse(&a, "built-in", br_builtin_policy.data, br_builtin_policy.len, &r), "built-in", true, &r);
	assert_true(br_profiles_n >= 12);
	for (size_t i = 0; i < br_profiles_n; i++) {
		const struct br_ynode *root =
		    br_yaml_parse(&a, br_profiles[i].name, br_profiles[i].data, br_profiles[i].len, &r);
		br_read_check(root, br_profiles[i].name, true, &r);
		assert_non_null(br_ynode_find(root, "description"));
		assert_null(br_ynode_find(root, "filesystem.write")); /* a profile gives nothing away for writing */
	}
	if (r.n > 0)
		fail_msg("%s:%u: %s", r.v[0].at.file, r.v[0].at.line, r.v[0].msg);
}

/* --- paths --- */

static void
normal_paths(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {{"/", "/"}, {"//a///b/", "/a/b"}, {"/a/./b/../c", "/a/c"}, {"/../..", "/"}, {"x", "/p/x"}, {".", "/p"},
	    {"..", "/"}, {"../../x", "/x"}, {"~", "/h/u"}, {"~/x/", "/h/u/x"}, {"~/../v", "/h/v"}, {"/a/..b/...", "/a/..b/..."},
	    {"a\nb", "/p/a\nb"}};
	br_auto_arena a = {0};
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++)
		assert_string_equal(br_path_normal(&a, "/p", "/h/u", cases[i].text), cases[i].want);
}

static void
under(void **state)
{
	assert_true(br_path_under("/a/b", "/a"));
	assert_true(br_path_under("/a", "/a"));
	assert_true(br_path_under("/a", "/"));
	assert_false(br_path_under("/ab", "/a"));
	assert_false(br_path_under("/", "/a"));
	assert_false(br_path_under("/a", "/a/b"));
}

/* --- layers --- */

struct fixture {
	struct br_arena a;
	struct br_report r;
	struct br_policy_set s;
	struct br_rules rules;
	struct br_layer layers[4];
};

static const struct br_ynode *
tree(struct fixture *f, const char *name, const char *text)
{
	const struct br_ynode *root = br_yaml_parse(&f->a, name, text, strlen(text), &f->r);
	br_read_check(root, name, false, &f->r);
	if (f->r.errors)
		fail_msg("%s: %s", name, f->r.v[0].msg);
	return root;
}

/* Built-in `write: [.]`, a user's, a project's and a system's layer; NULL for none. */
static void
merge(struct fixture *f, const char *user, const char *project, const char *system)
{
	*f = (struct fixture){0};
	f->r.arena = &f->a;
	f->s = (struct br_policy_set){.a = &f->a, .r = &f->r, .layers = f->layers};
	f->s.places = (struct br_places){"/nonexistent/h", "/nonexistent/p", "/nonexistent/s", "/nonexistent/c"};
	f->layers[f->s.n++] = (struct br_layer){.rank = BR_RANK_BUILTIN,
	    .name = "built-in",
	    .base = "/nonexistent/p",
	    .root = tree(f, "built-in", "filesystem: {write: [.]}\nlimits: {pids: 4096}\nenvironment: {pass: [PATH]}\n")};
	const char *texts[] = {user, project, system};
	static const enum br_rank ranks[] = {BR_RANK_USER, BR_RANK_PROJECT, BR_RANK_SYSTEM};
	static const char *const names[] = {"user", "project", "system"};
	for (size_t i = 0; i < 3; i++)
		if (texts[i] != NULL)
			f->layers[f->s.n++] = (struct br_layer){.rank = ranks[i],
			    .name = names[i],
			    .untrusted = i == 1,
			    .base = i == 0 ? "/nonexistent/h" : "/nonexistent/p",
			    .root = tree(f, names[i], texts[i])};
	br_merge(&f->s, &f->rules);
}

static const struct br_rule *
find(const struct fixture *f, enum br_pol_kind kind, const char *text)
{
	for (size_t i = 0; i < f->rules.n; i++)
		if (f->rules.v[i].kind == kind && (text == NULL || br_streq(f->rules.v[i].text, text)))
			return &f->rules.v[i];
	return NULL;
}

static void
assert_refused(struct fixture *f, const char *what)
{
	assert_true(f->r.refused);
	for (size_t i = 0; i < f->r.n; i++)
		if (strstr(f->r.v[i].msg, what) != NULL)
			return;
	fail_msg("\"%s\" is not what was said: %s", what, f->r.v[0].msg);
}

static void
default_and_replaced_write(void **state)
{
	struct fixture f;
	merge(&f, "filesystem: {write: [notes]}", NULL, NULL);
	assert_non_null(find(&f, BR_POL_WRITE, "/nonexistent/p")); /* the user's file only adds */
	assert_non_null(find(&f, BR_POL_WRITE, "/nonexistent/h/notes"));
	assert_null(find(&f, BR_POL_READ, "/nonexistent/p")); /* writing includes reading */
	br_arena_free(&f.a);
	merge(&f, NULL, "filesystem: {write: [src, ./src/gen]}", NULL);
	assert_null(find(&f, BR_POL_WRITE, "/nonexistent/p"));
	assert_non_null(find(&f, BR_POL_WRITE, "/nonexistent/p/src"));
	assert_null(find(&f, BR_POL_WRITE, "/nonexistent/p/src/gen")); /* said already */
	assert_non_null(find(&f, BR_POL_READ, "/nonexistent/p"));
	br_arena_free(&f.a);
	merge(&f, NULL, "filesystem: {write: []}", NULL);
	assert_null(find(&f, BR_POL_WRITE, NULL)); /* an empty list means nothing */
	br_arena_free(&f.a);
}

static void
project_keeps_its_rule(void **state)
{
	struct fixture f;
	merge(&f, NULL, "filesystem: {write: [., ..]}", NULL);
	assert_true(f.r.refused); /* the parent holds the home */
	br_arena_free(&f.a);
	merge(&f, NULL, "filesystem: {read: [/srv], write: [/srv/x, /srv/x/y]}", NULL);
	assert_non_null(find(&f, BR_POL_READ, "/srv"));
	assert_non_null(find(&f, BR_POL_WRITE, "/srv/x"));
	assert_null(find(&f, BR_POL_WRITE, "/srv/x/y"));
	assert_non_null(find(&f, BR_POL_READ, "/nonexistent/p"));
	br_arena_free(&f.a);
}

static void
ceiling_of_numbers(void **state)
{
	struct fixture f;
	merge(&f, "limits: {pids: 10000}", "limits: {pids: 50}", NULL);
	assert_int_equal(find(&f, BR_POL_LIMIT_PIDS, NULL)->value, 50);
	br_arena_free(&f.a);
	merge(&f, NULL, NULL, "limits: {pids: 10000}");
	assert_int_equal(find(&f, BR_POL_LIMIT_PIDS, NULL)->value, 10000); /* over the default */
	br_arena_free(&f.a);
	merge(&f, NULL, "limits: {pids: 100}", "limits: {pids: 200}");
	assert_false(f.r.refused);
	assert_int_equal(find(&f, BR_POL_LIMIT_PIDS, NULL)->value, 100);
	br_arena_free(&f.a);
	merge(&f, "limits: {pids: 201}", "limits: {pids: 100}", "limits: {pids: 200}");
	assert_refused(&f, "limits.pids: 201 is more than system:1 allows (200)");
	br_arena_free(&f.a);
	merge(&f, NULL, "limits: {pids: unlimited}", NULL);
	assert_null(find(&f, BR_POL_LIMIT_PIDS, NULL));
	br_arena_free(&f.a);
}

static void
ceiling_of_switches(void **state)
{
	struct fixture f;
	merge(&f, NULL, "filesystem: {review: false}", "filesystem: {review: true}");
	assert_refused(&f, "filesystem.review: false is more than system:1 allows (true)");
	br_arena_free(&f.a);
	merge(&f, NULL, "filesystem: {review: true}", "filesystem: {review: false}");
	assert_false(f.r.refused);
	assert_non_null(find(&f, BR_POL_REVIEW, NULL)); /* narrower than asked is fine */
	br_arena_free(&f.a);
	merge(&f, "filesystem: {review: true}", "filesystem: {review: false}", NULL);
	assert_null(find(&f, BR_POL_REVIEW, NULL)); /* the stronger layer decides */
	br_arena_free(&f.a);
}

static void
ceiling_of_lists(void **state)
{
	struct fixture f;
	merge(&f, NULL, "filesystem: {read: [/srv/a/b, /srv/ab]}\nenvironment: {pass: [A_B, C]}",
	    "filesystem: {read: [/srv/a]}\nenvironment: {pass: [A_*]}");
	assert_refused(&f, "filesystem.read: /srv/ab is more than system:1 allows");
	assert_refused(&f, "environment.pass: C is more than system:2 allows");
	assert_int_equal(f.r.n, 2);
	assert_non_null(find(&f, BR_POL_ENV_PASS, "PATH")); /* built-in names stay */
	br_arena_free(&f.a);
}

static void
denials_unite(void **state)
{
	struct fixture f;
	merge(&f, "filesystem: {hide: [a]}", "filesystem: {hide: [b, \"!.env\"], protect: [\"infra/**\", \"!infra/notes\"]}",
	    "filesystem: {hide: [c]}");
	assert_false(f.r.refused);
	assert_non_null(find(&f, BR_POL_HIDE, "a"));
	assert_non_null(find(&f, BR_POL_HIDE, "b"));
	assert_non_null(find(&f, BR_POL_HIDE, "c"));
	assert_non_null(find(&f, BR_POL_UNHIDE, ".env"));
	assert_non_null(find(&f, BR_POL_UNPROTECT, "infra/notes"));
	assert_true((find(&f, BR_POL_HIDE, ".env")->flags & BR_POLF_DEFAULT) != 0);
	assert_true((find(&f, BR_POL_HIDE, "a")->flags & BR_POLF_DEFAULT) == 0);
	br_arena_free(&f.a);
	merge(&f, "filesystem: {hide: [\"keys/**\"]}", "filesystem: {hide: [\"!keys/public\"]}", NULL);
	assert_refused(&f, "\"!keys/public\" can't lift \"keys/**\", which user:1 sets");
	br_arena_free(&f.a);
}

static void
strongest_variable(void **state)
{
	struct fixture f;
	merge(&f, "environment: {set: {A: user, B: user}}", "environment: {set: {A: project}}\nhome: {files: {.x: project}}",
	    "home: {files: {./.x: system}}");
	assert_non_null(find(&f, BR_POL_ENV_SET, "A=project"));
	assert_null(find(&f, BR_POL_ENV_SET, "A=user"));
	assert_non_null(find(&f, BR_POL_ENV_SET, "B=user"));
	size_t files = 0;
	for (size_t i = 0; i < f.rules.n; i++)
		if (f.rules.v[i].kind == BR_POL_HOME_FILE) {
			assert_string_equal(f.rules.v[i].text, ".x");
			assert_string_equal(f.rules.v[i].data, "system");
			files++;
		}
	assert_int_equal(files, 1);
	br_arena_free(&f.a);
}

static void
warnings_of_untrusted_files(void **state)
{
	struct fixture f;
	merge(&f, NULL, "filesystem: {read: [/srv/a], protect: [\"!.npmrc\"]}", NULL);
	assert_non_null(find(&f, BR_POL_WARNING, "project:1 lets the session read /srv/a, outside the project"));
	assert_non_null(find(&f, BR_POL_WARNING, "project:1 lifts the protection of .npmrc"));
	br_arena_free(&f.a);
	merge(&f, "filesystem: {read: [/srv/a]}", NULL, NULL);
	assert_null(find(&f, BR_POL_WARNING, NULL));
	br_arena_free(&f.a);
}

/* What the monitor reads: parents before children, patterns in the order in which they were written. */
static void
emitted_order(void **state)
{
	struct fixture f;
	merge(&f, NULL, "filesystem: {write: [/srv/z, ., /srv/b], protect: [z, \"!z/a\", b]}", NULL);
	br_auto_buf sealed = {0};
	struct br_policy p;
	assert_int_equal(br_emit(&f.s, &f.rules, &sealed), 0);
	assert_int_equal(br_pol_parse(sealed.p, sealed.len, &p, NULL), 0);
	const struct br_pol_rec *r = br_pol_next(&p, BR_POL_WRITE, NULL);
	assert_string_equal(r->text, "/nonexistent/p");
	r = br_pol_next(&p, BR_POL_WRITE, r);
	assert_string_equal(r->text, "/srv/b");
	const struct br_pol_rec *z = NULL, *lift = NULL, *b = NULL;
	for (size_t i = 0; i < p.n; i++) {
		if (!br_startswith(p.recs[i].origin, "project"))
			continue;
		z = p.recs[i].kind == BR_POL_PROTECT && br_streq(p.recs[i].text, "z") ? &p.recs[i] : z;
		lift = p.recs[i].kind == BR_POL_UNPROTECT ? &p.recs[i] : lift;
		b = p.recs[i].kind == BR_POL_PROTECT && br_streq(p.recs[i].text, "b") ? &p.recs[i] : b;
	}
	assert_true(z != NULL && lift != NULL && b != NULL && z < lift && lift < b);
	br_pol_free(&p);
	br_arena_free(&f.a);
}

/* --- inputs --- */

static void
inputs_tell_changes(void **state)
{
	char now[BR_SHA256_HEX], then[BR_SHA256_HEX], want[BR_SHA256_HEX];
	sh("rm -rf d f && mkdir d");
	assert_int_equal(br_input_state("f", false, now), 0);
	assert_string_equal(now, "absent");
	assert_int_equal(br_input_state("f/x", true, now), 0);
	assert_string_equal(now, "absent");
	put_file("f", "abc", 3);
	assert_int_equal(br_input_state("f", false, now), 0);
	br_sha256_of("abc", 3, want);
	assert_string_equal(now, want);
	assert_int_equal(br_input_state("f", true, now), 0);
	assert_string_equal(now, "present");
	sh("touch d/b d/a");
	assert_int_equal(br_input_state("d", false, then), 0);
	br_sha256_of("a\nb\n", 4, want);
	assert_string_equal(then, want);
	sh("echo content > d/a");
	assert_int_equal(br_input_state("d", false, now), 0);
	assert_string_equal(now, then);
	sh("touch d/c");
	assert_int_equal(br_input_state("d", false, now), 0);
	assert_string_not_equal(now, then);
	sh("mkfifo p");
	assert_int_equal(br_input_state("p", false, now), -1); /* and does not block */
}

static void
unchanged_policy(void **state)
{
	struct br_pol_writer w = {0};
	br_auto_buf sealed = {0};
	struct br_policy p;
	char path[256], sum[BR_SHA256_HEX];
	put_file("in", "1", 1);
	(void)snprintf(path, sizeof(path), "%s/in", scratch_dir);
	br_sha256_of("1", 1, sum);
	br_pol_add(&w, BR_POL_INPUT, 0, 0, path, sum, strlen(sum), "");
	br_pol_add(&w, BR_POL_INPUT, 0, 0, "/nonexistent/x", "absent", 6, "");
	br_pol_add(&w, BR_POL_INPUT, BR_POLF_VARIABLE, 0, "BR_TEST_VARIABLE", "absent", 6, "");
	assert_int_equal(br_pol_seal(&w, &sealed), 0);
	assert_int_equal(br_pol_parse(sealed.p, sealed.len, &p, NULL), 0);
	assert_true(br_inputs_unchanged(&p));
	assert_int_equal(setenv("BR_TEST_VARIABLE", "", 1), 0);
	assert_false(br_inputs_unchanged(&p));
	assert_int_equal(unsetenv("BR_TEST_VARIABLE"), 0);
	assert_true(br_inputs_unchanged(&p));
	put_file("in", "2", 1);
	assert_false(br_inputs_unchanged(&p));
	sh("rm in");
	assert_false(br_inputs_unchanged(&p));
	br_pol_free(&p);
}

/* A grant that is a symlink is judged by where it leads, and that is on record; when it leads elsewhere the policy is made anew. */
static void
grants_that_are_symlinks(void **state)
{
	struct fixture f;
	struct br_policy p;
	br_auto_buf sealed = {0}, text = {0};
	sh("rm -rf t1 t2 l && mkdir t1 t2 && ln -s t1 l");
	br_buf_printf(&text, "filesystem: {read: [%s/l, %s/later]}%c", scratch_dir, scratch_dir, '\0');
	merge(&f, text.p, NULL, NULL);
	assert_false(f.r.refused);
	char named[256], leads[256], later[256];
	(void)snprintf(named, sizeof(named), "%s/l", scratch_dir);
	(void)snprintf(leads, sizeof(leads), "%s/t1", scratch_dir);
	(void)snprintf(later, sizeof(later), "%s/later", scratch_dir);
	assert_string_equal(find(&f, BR_POL_READ, named)->data, leads);
	assert_string_equal(find(&f, BR_POL_READ, later)->data, "");
	assert_int_equal(br_emit(&f.s, &f.rules, &sealed), 0);
	assert_int_equal(br_pol_parse(sealed.p, sealed.len, &p, NULL), 0);
	assert_true(br_inputs_unchanged(&p));
	sh("ln -sfn t2 l");
	assert_false(br_inputs_unchanged(&p));
	sh("ln -sfn t1 l");
	assert_true(br_inputs_unchanged(&p));
	sh("ln -s /etc later");
	assert_false(br_inputs_unchanged(&p));
	br_pol_free(&p);
	br_arena_free(&f.a);
	merge(&f, text.p, NULL, NULL);
	assert_refused(&f, "it leads to /etc");
	br_arena_free(&f.a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(durations),
	    cmocka_unit_test(table_is_whole),
	    cmocka_unit_test(examples_pass),
	    cmocka_unit_test(stated_defaults),
	    cmocka_unit_test(built_in_files_are_clean),
	    cmocka_unit_test(normal_paths),
	    cmocka_unit_test(under),
	    cmocka_unit_test(default_and_replaced_write),
	    cmocka_unit_test(project_keeps_its_rule),
	    cmocka_unit_test(ceiling_of_numbers),
	    cmocka_unit_test(ceiling_of_switches),
	    cmocka_unit_test(ceiling_of_lists),
	    cmocka_unit_test(denials_unite),
	    cmocka_unit_test(strongest_variable),
	    cmocka_unit_test(warnings_of_untrusted_files),
	    cmocka_unit_test(emitted_order),
	    cmocka_unit_test(inputs_tell_changes),
	    cmocka_unit_test(unchanged_policy),
	    cmocka_unit_test(grants_that_are_symlinks),
	};
	return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
