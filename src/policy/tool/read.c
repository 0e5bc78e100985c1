#include "policy/tool/read.h"

#include "base/suggest.h"
#include "policy/glob.h"
#include "policy/tool/profiles.h"
#include "policy/tool/value.h"

#include <limits.h>
#include <sys/sysinfo.h>

enum { MAX_ENTRIES = 1000 };

struct check {
	const char *file;
	bool built_in;
	struct br_report *r;
};

static void check_map(struct check *c, const char *path, const struct br_ynode *n, bool inside_refused);

static struct br_place
place(const struct check *c, const struct br_ynode *n)
{
	return (struct br_place){c->file, n->line, n->col};
}

static void
bad(struct check *c, const struct br_ynode *n, const char *code, const char *msg)
{
	br_report(c->r, BR_SEV_ERROR, code, place(c, n), "%s", msg);
}

static const char *
type_name(const struct br_ynode *n)
{
	switch (n->type) {
	case BR_Y_LIST:
		return "a list";
	case BR_Y_MAP:
		return "a map";
	case BR_Y_SCALAR:
		break;
	}
	return n->text[0] == '\0' ? "empty" : "text";
}

static void
wrong_type(struct check *c, const struct br_key *k, const struct br_ynode *n, const char *want)
{
	br_report(c->r, BR_SEV_ERROR, "wrong-type", place(c, n), "%s must be %s, not %s", k->path, want, type_name(n));
	if (k->example != NULL && strchr(k->path, '[') == NULL) {
		const char *dot = strrchr(k->path, '.');
		br_report_mend(c->r, "for example `%s: %s`", dot != NULL ? dot + 1 : k->path, k->example);
	}
}

/* Words */

static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static bool
is_env_name(const char *s, size_t n)
{
	if (n == 0 || (s[0] >= '0' && s[0] <= '9'))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool ok =
		    (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_';
		if (!ok)
			return false;
	}
	return true;
}

/* True when `s` has a component "..". */
static bool
has_dotdot(const char *s)
{
	for (const char *p = s; (p = strstr(p, "..")) != NULL; p += 2)
		if ((p == s || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	return false;
}

static void
check_path(struct check *c, const struct br_ynode *n)
{
	const char *s = n->text;
	if (s[0] == '$') {
		bad(c, n, "bad-path", "variables are not expanded in paths");
		br_report_mend(c->r, "write ~/… for the home directory");
	} else if (s[0] == '~' && s[1] != '\0' && s[1] != '/') {
		bad(c, n, "bad-path", "~user is not supported");
		br_report_mend(c->r, "write the absolute path");
	} else if (strpbrk(s, "*?") != NULL) {
		br_report(c->r, BR_SEV_ERROR, "bad-path", place(c, n), "\"%s\" is a pattern; this key takes paths", s);
		br_report_mend(c->r, "name the directory that holds them");
	}
}

static void
check_relative(struct check *c, const struct br_ynode *n, const char *where)
{
	const char *s = n->text;
	if (s[0] == '/' || s[0] == '~' || has_dotdot(s) || br_streq(s, ".") || br_streq(s, "./"))
		br_report(c->r, BR_SEV_ERROR, "bad-path", place(c, n), "\"%s\" must be a path below %s, written relative to it",
		    s, where);
	else if (strpbrk(s, "*?") != NULL)
		br_report(c->r, BR_SEV_ERROR, "bad-path", place(c, n), "\"%s\" is a pattern; this key takes paths", s);
}

static void
check_glob(struct check *c, const struct br_ynode *n, bool lift)
{
	const char *s = n->text;
	bool lifts = lift && s[0] == '!';
	struct br_err e = BR_ERR_INIT;
	if (s[lifts] == '\0')
		bad(c, n, "empty-name", "the pattern is empty");
	else if (br_glob_check(s + lifts, &e) < 0)
		br_report(c->r, BR_SEV_ERROR, "bad-glob", place(c, n), "bad pattern \"%s\": %s", s, e.msg);
}

static void
check_env(struct check *c, const struct br_ynode *n, bool glob)
{
	const char *s = n->text;
	size_t len = strlen(s);
	bool prefix = glob && len > 0 && s[len - 1] == '*';
	if (prefix && len == 1) {
		bad(c, n, "bad-name", "\"*\" would pass the whole environment, secrets included");
		br_report_mend(c->r, "name the variables, or a prefix such as MYTOOL_*");
	} else if (!is_env_name(s, len - prefix)) {
		br_report(c->r, BR_SEV_ERROR, "bad-name", place(c, n), "\"%s\" is not a variable's name", s);
		br_report_mend(c->r, glob ? "letters, digits and _; a * only at the end" : "letters, digits and _");
	} else if (br_startswith(s, "BRATTICE_") || br_streq(s, "BRATTICE")) {
		bad(c, n, "bad-name", "BRATTICE and variables that begin with BRATTICE_ are brattice's own");
	}
}

static void
check_value(struct check *c, const struct br_key *k, const struct br_ynode *n)
{
	if (br_key_allows(k, n->text))
		return;
	struct br_suggest s = {.word = n->text};
	const char *words[16];
	size_t nwords = 0;
	for (const char *v = k->values; *v != '\0' && nwords < BR_ARRAY_LEN(words);) {
		size_t m = strcspn(v, " ");
		words[nwords++] = br_arena_strndup(c->r->arena, v, m);
		v += m + (v[m] == ' ');
	}
	for (size_t i = 0; i < nwords; i++)
		br_suggest_try(&s, words[i]);
	br_report(c->r, BR_SEV_ERROR, "bad-value", place(c, n), "%s can't be \"%s\"%s%s%s", k->path, n->text,
	    s.best != NULL ? " (did you mean \"" : "", s.best != NULL ? s.best : "", s.best != NULL ? "\"?)" : "");
	br_report_mend(c->r, "one of: %s", k->values);
}

static void
check_profile(struct check *c, const struct br_ynode *n)
{
	if (br_profile_find(n->text) != NULL)
		return;
	struct br_suggest s = {.word = n->text};
	for (size_t i = 0; i < br_profiles_n; i++)
		br_suggest_try(&s, br_profiles[i].name);
	br_report(c->r, BR_SEV_ERROR, "unknown-profile", place(c, n), "unknown profile \"%s\"%s%s%s", n->text,
	    s.best != NULL ? " (did you mean \"" : "", s.best != NULL ? s.best : "", s.best != NULL ? "\"?)" : "");
	br_report_mend(c->r, "one of: %s", br_profile_names(c->r->arena));
}

static void
check_port(struct check *c, const struct br_ynode *n)
{
	uint64_t v;
	const char *why;
	if (!br_value_int(n->text, &v, &why) || v < 1 || v > 65535)
		br_report(c->r, BR_SEV_ERROR, "bad-value", place(c, n), "\"%s\" is not a port (1 to 65535)", n->text);
}

static void
check_word(struct check *c, const struct br_key *k, const struct br_ynode *n)
{
	if (n->text[0] == '\0') {
		br_report(c->r, BR_SEV_ERROR, "empty-name", place(c, n), "%s: the name is empty", k->path);
		return;
	}
	if (strlen(n->text) >= PATH_MAX) {
		br_report(c->r, BR_SEV_ERROR, "too-long", place(c, n), "%s: longer than a path can be", k->path);
		return;
	}
	if (has_control(n->text)) {
		br_report(c->r, BR_SEV_ERROR, "control-character", place(c, n), "%s: a control character in \"%s\"", k->path,
		    n->text);
		return;
	}
	switch (k->format) {
	case BR_FMT_TEXT:
		break;
	case BR_FMT_VALUE:
		check_value(c, k, n);
		break;
	case BR_FMT_PATH:
		check_path(c, n);
		break;
	case BR_FMT_GLOB:
	case BR_FMT_LIFT:
		check_glob(c, n, k->format == BR_FMT_LIFT);
		break;
	case BR_FMT_IN_TREE:
		check_relative(c, n, "the project");
		break;
	case BR_FMT_IN_HOME:
		check_relative(c, n, "the home directory");
		break;
	case BR_FMT_ETC:
		if (n->text[0] == '/' || has_dotdot(n->text))
			bad(c, n, "bad-path", "must be a path below /etc");
		break;
	case BR_FMT_SYSTEM:
		if (n->text[0] != '/' || has_dotdot(n->text))
			bad(c, n, "bad-path", "must be an absolute path");
		break;
	case BR_FMT_ENV:
	case BR_FMT_ENV_GLOB:
		check_env(c, n, k->format == BR_FMT_ENV_GLOB);
		break;
	case BR_FMT_PROFILE:
		check_profile(c, n);
		break;
	case BR_FMT_PORT:
		check_port(c, n);
		break;
	}
}

/* Numbers */

static bool
parse_number(const struct br_key *k, const char *s, uint64_t *v, const char **why)
{
	if (k->unlimited && br_streq(s, "unlimited")) {
		*v = BR_UNLIMITED;
		return true;
	}
	switch (k->type) {
	case BR_KEY_SIZE:
		return br_value_size(s, v, why);
	case BR_KEY_MEMORY:
		return br_endswith(s, "%") ? br_value_percent(s, v, why) : br_value_size(s, v, why);
	case BR_KEY_DURATION:
		return br_value_duration(s, v, why);
	case BR_KEY_PERCENT:
		return br_value_percent(s, v, why);
	case BR_KEY_RATE:
		return br_value_rate(s, v, why);
	case BR_KEY_INT:
	case BR_KEY_MAP:
	case BR_KEY_RECORDS:
	case BR_KEY_MIXED:
	case BR_KEY_LIST:
	case BR_KEY_TABLE:
	case BR_KEY_ANY:
	case BR_KEY_BOOL:
	case BR_KEY_WORD:
		break;
	}
	return br_value_int(s, v, why);
}

static void
check_range(struct check *c, const struct br_key *k, const struct br_ynode *n, uint64_t v)
{
	bool memory_percent = k->type == BR_KEY_MEMORY && br_endswith(n->text, "%");
	uint64_t min = memory_percent ? 1 : k->min, max = memory_percent ? 100 : k->max;
	if (max == 0 || v == BR_UNLIMITED || (v >= min && v <= max))
		return;
	br_auto_buf lo = {0}, hi = {0};
	if (memory_percent) {
		br_buf_puts(&lo, "1%");
		br_buf_puts(&hi, "100%");
	} else {
		br_key_put_number(&lo, k, min);
		br_key_put_number(&hi, k, max);
	}
	if (br_streq(k->path, "version"))
		br_report(c->r, BR_SEV_ERROR, "version", place(c, n),
		    "version %s of the policy format is not known to this brattice", n->text);
	else
		br_report(c->r, BR_SEV_ERROR, "out-of-range", place(c, n), "%s: %s is out of range", k->path, n->text);
	br_report_mend(c->r, br_streq(lo.p, hi.p) ? "write %s" : "from %s to %s", lo.p, hi.p);
}

static void
check_number(struct check *c, const struct br_key *k, const struct br_ynode *n)
{
	uint64_t v = 0;
	const char *why = "";
	if (!parse_number(k, n->text, &v, &why)) {
		br_report(c->r, BR_SEV_ERROR, "bad-value", place(c, n), "%s: can't read \"%s\"", k->path, n->text);
		br_report_mend(c->r, "%s%s", why, k->unlimited ? ", or unlimited" : "");
		return;
	}
	check_range(c, k, n, v);
}

static void
check_bool(struct check *c, const struct br_key *k, const struct br_ynode *n)
{
	if (n->plain && (br_streq(n->text, "true") || br_streq(n->text, "false")))
		return;
	br_report(c->r, BR_SEV_ERROR, "wrong-type", place(c, n), "%s must be true or false, not \"%s\"", k->path, n->text);
}

/* Collections */

/* Layers are compared entry by entry, and a list that nobody can read is no policy. */
static bool
has_too_many(struct check *c, const struct br_key *k, const struct br_ynode *n)
{
	size_t count = 0;
	for (const struct br_ynode *v = n->first; v != NULL; v = v->next)
		count++;
	if (count <= MAX_ENTRIES)
		return false;
	br_report(c->r, BR_SEV_ERROR, "too-many", place(c, n), "%s has more than %d entries", k->path, MAX_ENTRIES);
	return true;
}

static void
check_table(struct check *c, const struct br_key *k, const struct br_ynode *n)
{
	if (has_too_many(c, k, n))
		return;
	for (const struct br_ynode *v = n->first; v != NULL; v = v->next) {
		check_word(c, k, v->key);
		if (v->type != BR_Y_SCALAR)
			br_report(c->r, BR_SEV_ERROR, "wrong-type", place(c, v), "%s.%s must be text, not %s", k->path,
			    v->key->text, type_name(v));
		else if (br_ynode_is_null(v))
			br_report(c->r, BR_SEV_ERROR, "no-value", place(c, v->key),
			    "%s.%s has no value (write \"\" for an empty one)", k->path, v->key->text);
	}
}

static void
check_items(struct check *c, const struct br_key *k, const struct br_ynode *n)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s[]", k->path);
	if (has_too_many(c, k, n))
		return;
	for (const struct br_ynode *v = n->first; v != NULL; v = v->next) {
		if (v->type == BR_Y_SCALAR && k->type != BR_KEY_RECORDS && !(br_ynode_is_null(v)))
			check_word(c, k, v);
		else if (v->type == BR_Y_MAP && k->type != BR_KEY_LIST)
			check_map(c, path, v, k->state == BR_KEY_REFUSED);
		else
			br_report(c->r, BR_SEV_ERROR, "wrong-type", place(c, v), "each entry of %s must be %s, not %s", k->path,
			    k->type == BR_KEY_LIST    ? "text"
			    : k->type == BR_KEY_MIXED ? "text or a map"
						      : "a map",
			    type_name(v));
	}
}

static bool
is_empty(const struct br_ynode *n)
{
	return n->type != BR_Y_SCALAR && n->first == NULL;
}

static const char *
why_refused(const char *path)
{
	static const struct {
		const char *group, *why;
	} whys[] = {
	    {"network", "this version gives a session no network at all"},
	    {"commands", "in this version every program that the session can see may run"},
	    {"credentials", "this version lends no credentials"},
	    {"approvals", "nothing asks in this version"},
	    {"audit", "in this version the session ends when its record can't be written, and records stay until `brattice gc --older-than`"},
	    {"alerts", "this version raises no alerts"},
	    {"filesystem", "in this version protected names are always refused"},
	};
	for (size_t i = 0; i < BR_ARRAY_LEN(whys); i++)
		if (br_startswith(path, whys[i].group))
			return whys[i].why;
	return "";
}

/* A key that this version can't enforce stops the run: it must never run with less than the policy says. */
static void
check_state(struct check *c, const struct br_key *k, const struct br_ynode *n)
{
	if (k->state != BR_KEY_REFUSED || k->type == BR_KEY_MAP || is_empty(n))
		return;
	if (n->type == BR_Y_SCALAR && k->same != NULL && br_streq(n->text, k->same))
		return;
	const char *value = n->type == BR_Y_SCALAR ? n->text : "";
	br_report(c->r, BR_SEV_REFUSED, "not-enforced", place(c, n->key), "%s%s%s is not enforced by this version of brattice",
	    k->path, value[0] != '\0' ? ": " : "", value);
	br_report_mend(c->r, "remove it (%s)", why_refused(k->path));
}

static void
check_key(struct check *c, const struct br_key *k, const struct br_ynode *n, bool inside_refused)
{
	if (br_ynode_is_null(n)) {
		br_report(c->r, BR_SEV_ERROR, "no-value", place(c, n->key), "%s has no value", k->path);
		br_report_mend(c->r, "give it one, or remove it");
		return;
	}
	size_t before = c->r->n + c->r->dropped;
	switch (k->type) {
	case BR_KEY_MAP:
		if (n->type != BR_Y_MAP)
			wrong_type(c, k, n, "a map");
		else
			check_map(c, k->path, n, inside_refused);
		break;
	case BR_KEY_TABLE:
		if (n->type != BR_Y_MAP)
			wrong_type(c, k, n, "a map of names to text");
		else
			check_table(c, k, n);
		break;
	case BR_KEY_LIST:
	case BR_KEY_RECORDS:
	case BR_KEY_MIXED:
		if (n->type != BR_Y_LIST)
			wrong_type(c, k, n, "a list");
		else
			check_items(c, k, n);
		break;
	case BR_KEY_ANY:
		break;
	case BR_KEY_BOOL:
	case BR_KEY_INT:
	case BR_KEY_SIZE:
	case BR_KEY_MEMORY:
	case BR_KEY_DURATION:
	case BR_KEY_PERCENT:
	case BR_KEY_RATE:
	case BR_KEY_WORD:
		if (n->type != BR_Y_SCALAR)
			wrong_type(c, k, n, "one value");
		else if (k->type == BR_KEY_WORD)
			check_word(c, k, n);
		else if (k->type == BR_KEY_BOOL)
			check_bool(c, k, n);
		else
			check_number(c, k, n);
		break;
	}
	if (!inside_refused && before == c->r->n + c->r->dropped)
		check_state(c, k, n);
}

/* The key of that name elsewhere in the table, for "it belongs under filesystem". */
static const struct br_key *
find_elsewhere(const char *name)
{
	for (size_t i = 0; i < br_keys_n; i++) {
		const char *dot = strrchr(br_keys[i].path, '.');
		if (dot != NULL && strchr(br_keys[i].path, '[') == NULL && br_streq(dot + 1, name) && !br_keys[i].profile_only)
			return &br_keys[i];
	}
	return NULL;
}

static void
unknown_key(struct check *c, const char *path, const struct br_ynode *key)
{
	static const char *const others[][2] = {{"env", "environment"}, {"fs", "filesystem"}, {"files", "filesystem"},
	    {"net", "network"}, {"profile", "profiles"}, {"resources", "limits"}, {"mem", "memory"}, {"ro", "read"},
	    {"rw", "write"}, {"ignore", "hide"}};
	struct br_suggest s = {.word = key->text};
	const char *name;
	for (size_t i = 0; i < br_keys_n; i++)
		if (br_key_is_child(&br_keys[i], path, &name) && (c->built_in || !br_keys[i].profile_only))
			br_suggest_try(&s, name);
	for (size_t i = 0; s.best == NULL && i < BR_ARRAY_LEN(others); i++)
		for (size_t j = 0; br_streq(key->text, others[i][0]) && j < br_keys_n; j++)
			if (br_key_is_child(&br_keys[j], path, &name) && br_streq(name, others[i][1]))
				s.best = others[i][1];
	br_report(c->r, BR_SEV_ERROR, "unknown-key", place(c, key), "unknown key \"%s\"%s%s%s%s%s", key->text,
	    path[0] != '\0' ? " in " : "", path, s.best != NULL ? " (did you mean \"" : "", s.best != NULL ? s.best : "",
	    s.best != NULL ? "\"?)" : "");
	const struct br_key *elsewhere = s.best == NULL ? find_elsewhere(key->text) : NULL;
	if (elsewhere != NULL)
		br_report_mend(c->r, "the key is %s", elsewhere->path);
}

static void
check_test(struct check *c, const struct br_ynode *n)
{
	unsigned acts = 0;
	static const char *const names[] = {"write", "read", "run", "connect"};
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++)
		acts += br_ynode_find(n, names[i]) != NULL;
	if (acts != 1 || br_ynode_find(n, "expect") == NULL) {
		bad(c, n, "bad-test", "a test has one act (write, read, run or connect) and `expect`");
		br_report_mend(c->r, "for example {write: .git/hooks/pre-commit, expect: deny}");
	}
}

static void
check_map(struct check *c, const char *path, const struct br_ynode *n, bool inside_refused)
{
	for (const struct br_ynode *v = n->first; v != NULL; v = v->next) {
		const struct br_key *found = NULL;
		const char *name;
		for (size_t i = 0; i < br_keys_n && found == NULL; i++)
			if (br_key_is_child(&br_keys[i], path, &name) && br_streq(name, v->key->text))
				found = &br_keys[i];
		if (found != NULL && found->profile_only && !c->built_in) {
			br_report(c->r, BR_SEV_ERROR, "profile-only", place(c, v->key),
			    "%s can only be set by brattice's own profiles", found->path);
			br_report_mend(c->r, "remove it");
		} else if (found == NULL) {
			unknown_key(c, path, v->key);
		} else {
			check_key(c, found, v, inside_refused);
		}
	}
	if (br_streq(path, "tests[]"))
		check_test(c, n);
}

void
br_read_check(const struct br_ynode *root, const char *file, bool built_in, struct br_report *r)
{
	struct check c = {.file = file, .built_in = built_in, .r = r};
	if (root == NULL || br_ynode_is_null(root))
		return;
	if (root->type != BR_Y_MAP) {
		br_report(r, BR_SEV_ERROR, "wrong-type", place(&c, root), "a policy is a map of keys, not %s", type_name(root));
		br_report_mend(r, "begin with `version: 1`");
		return;
	}
	check_map(&c, "", root, false);
}

uint64_t
br_read_number(const struct br_key *k, const struct br_ynode *n)
{
	uint64_t v = 0;
	const char *why = NULL;
	if (!parse_number(k, n->text, &v, &why))
		abort(); /* checked before */
	if (k->type == BR_KEY_MEMORY && br_endswith(n->text, "%")) {
		struct sysinfo si;
		if (sysinfo(&si) < 0)
			return BR_UNLIMITED;
		uint64_t total = (uint64_t)si.totalram * si.mem_unit;
		return total / 100 * v;
	}
	return v;
}

bool
br_read_bool(const struct br_ynode *n)
{
	return br_streq(n->text, "true");
}
