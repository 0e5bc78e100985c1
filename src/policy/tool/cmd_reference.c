/* `reference`: the key table, the built-in lists and the profiles as a page for people. */
#include "policy/builtin.h"
#include "policy/tool/keys.h"
#include "policy/tool/profiles.h"
#include "policy/tool/tool.h"
#include "policy/tool/ytree.h"

struct options {
	bool man;
};
static const struct br_opt table[] = {
    {"man", 0, NULL, "as a manual page, brattice.yaml(5)", BR_OPT_FLAG, offsetof(struct options, man)},
};
static const struct br_usage usage = {
    .command = "policy reference",
    .synopsis = "[--man]",
    .summary = "the reference of brattice.yaml, as Markdown or manual page",
    .about = "Prints every key with its type, default and an example, from the table that the reader itself uses.",
    .opts = table,
    .nopts = BR_ARRAY_LEN(table),
};

static const char *
list_of(enum br_key_format f)
{
	switch (f) {
	case BR_FMT_PATH:
	case BR_FMT_SYSTEM:
		return "paths";
	case BR_FMT_GLOB:
	case BR_FMT_LIFT:
		return "patterns";
	case BR_FMT_IN_TREE:
		return "paths in the project";
	case BR_FMT_IN_HOME:
		return "paths in the home";
	case BR_FMT_ETC:
		return "paths below /etc";
	case BR_FMT_ENV:
	case BR_FMT_ENV_GLOB:
		return "variable names";
	case BR_FMT_PROFILE:
		return "profiles";
	case BR_FMT_PORT:
		return "ports";
	case BR_FMT_TEXT:
	case BR_FMT_VALUE:
		break;
	}
	return "words";
}

static const char *
word_of(enum br_key_format f)
{
	return f == BR_FMT_PATH ? "path" : f == BR_FMT_ENV ? "variable name" : f == BR_FMT_PORT ? "port" : "text";
}

static const char *
type_of(const struct br_key *k)
{
	switch (k->type) {
	case BR_KEY_MAP:
		return "map";
	case BR_KEY_RECORDS:
		return "list of maps";
	case BR_KEY_MIXED:
		return "list of words or maps";
	case BR_KEY_LIST:
		return NULL; /* says of what */
	case BR_KEY_TABLE:
		return "map of names to text";
	case BR_KEY_ANY:
		return "map";
	case BR_KEY_BOOL:
		return "true or false";
	case BR_KEY_INT:
		return "number";
	case BR_KEY_SIZE:
		return "size";
	case BR_KEY_MEMORY:
		return "size or percentage";
	case BR_KEY_DURATION:
		return "time";
	case BR_KEY_PERCENT:
		return "percentage";
	case BR_KEY_RATE:
		return "rate";
	case BR_KEY_WORD:
		return k->format == BR_FMT_VALUE ? "word" : word_of(k->format);
	}
	return "";
}

/* "size or percentage, 16MiB to 1024TiB, or unlimited" */
static void
put_type(struct br_buf *b, const struct br_key *k)
{
	const char *t = type_of(k);
	if (t != NULL)
		br_buf_puts(b, t);
	else
		br_buf_printf(b, "list of %s", list_of(k->format));
	if (k->max > 0 && k->max != k->min) {
		br_buf_puts(b, ", ");
		br_key_put_number(b, k, k->min);
		br_buf_puts(b, " to ");
		br_key_put_number(b, k, k->max);
	}
	if (k->values != NULL) {
		br_buf_puts(b, ": ");
		for (const char *w = k->values; *w != '\0'; w++) {
			if (*w == ' ')
				br_buf_puts(b, ", ");
			else
				br_buf_putc(b, *w);
		}
	}
	if (k->unlimited)
		br_buf_puts(b, ", or `unlimited`");
}

static const char *
state_of(const struct br_key *k)
{
	if (k->state == BR_KEY_MET)
		return "Always true in this version.";
	return k->state == BR_KEY_REFUSED ? "Not enforced by this version: " : "";
}

static void
put_state(struct br_buf *b, const struct br_key *k)
{
	br_buf_puts(b, state_of(k));
	if (k->state != BR_KEY_REFUSED)
		return;
	if (k->same != NULL)
		br_buf_printf(b, "only `%s` is accepted.", k->same);
	else
		br_buf_puts(b, "refused unless empty.");
}

static bool
is_top(const struct br_key *k)
{
	return strpbrk(k->path, ".[") == NULL;
}

static void
put_key_md(struct br_buf *b, const struct br_key *k)
{
	if (is_top(k))
		br_buf_printf(b, "### `%s`\n\n%s", k->path, k->doc);
	else
		br_buf_printf(b, "- **`%s`**: %s", k->path, k->doc);
	br_buf_puts(b, is_top(k) ? "\n\n" : "\n  ");
	if (k->type == BR_KEY_MAP && k->state == BR_KEY_ENFORCED) {
		br_buf_puts(b, is_top(k) ? "" : "\n");
		return;
	}
	br_buf_puts(b, "*");
	put_type(b, k);
	br_buf_puts(b, "*");
	if (k->dflt != NULL)
		br_buf_printf(b, "; default: %s", k->dflt);
	if (k->example != NULL)
		br_buf_printf(b, "; for example `%s`", k->example);
	br_buf_puts(b, k->state != BR_KEY_ENFORCED ? ". " : ".");
	put_state(b, k);
	br_buf_puts(b, is_top(k) ? "\n\n" : "\n");
}

static void
put_keys_md(struct br_buf *b)
{
	br_buf_puts(b, "## Keys\n\n");
	for (size_t i = 0; i < br_keys_n; i++) {
		if (br_keys[i].profile_only)
			continue;
		if (is_top(&br_keys[i]) && b->len >= 2 && memcmp(b->p + b->len - 2, "\n\n", 2) != 0)
			br_buf_putc(b, '\n');
		put_key_md(b, &br_keys[i]);
	}
}

static void
put_names_md(struct br_buf *b, enum br_pol_kind kind, const char *title, const char *intro)
{
	br_buf_printf(b, "\n### %s\n\n%s\n\n| pattern | where | why |\n|---|---|---|\n", title, intro);
	for (size_t i = 0; i < br_builtin_paths_n; i++) {
		const struct br_builtin_path *p = &br_builtin_paths[i];
		if (p->kind == kind)
			br_buf_printf(b, "| `%s` | %s | %s |\n", p->pattern,
			    (p->flags & BR_POLF_ROOT_ONLY) != 0 ? "root of a repository" : "any depth", p->what);
	}
}

static void
put_home_md(struct br_buf *b)
{
	br_buf_puts(b, "\n### Names in a home\n\nListed at the end of the run when they were changed and stay: in what `home.keep` keeps "
		       "for the next session, or in the home's own files that `filesystem.write` names. Of the others the number is "
		       "said; they are gone with the session.\n\n| name | why |\n|---|---|\n");
	for (size_t i = 0; i < br_builtin_home_n; i++)
		br_buf_printf(b, "| `%s` | %s |\n", br_builtin_home[i].name, br_builtin_home[i].what);
}

static void
put_lists_md(struct br_buf *b)
{
	br_buf_puts(b, "\n## Built-in lists\n");
	put_names_md(b, BR_POL_PROTECT, "Protected names",
	    "Git's own files (`hooks`, `config`, a `.git` file …) are protected at any depth, by their structure and not by a "
	    "list.");
	put_names_md(b, BR_POL_KEEP, "… of which these may be written in vain",
	    "The files stay as they are. Their own tool writes the same again and again, so a write succeeds and is dropped; one "
	    "of other content is recorded as a refusal.");
	put_names_md(b, BR_POL_HIDE, "Hidden files",
	    "Files that git tracks are not hidden by these, since git would take them for modified.");
	put_names_md(b, BR_POL_UNHIDE, "… of which these are free", "");
	put_names_md(b, BR_POL_WATCH, "Watched names", "They may be written, and are listed at the end of the run.");
	put_home_md(b);
}

static const char *
join(struct br_arena *a, const struct br_ynode *list)
{
	br_auto_buf b = {0};
	for (const struct br_ynode *n = list != NULL ? list->first : NULL; n != NULL; n = n->next)
		br_buf_printf(&b, "%s`%s`", b.len > 0 ? ", " : "", n->text);
	return b.p != NULL ? br_arena_strdup(a, b.p) : "—";
}

static void
put_profiles_md(struct br_buf *b)
{
	br_auto_arena a = {0};
	struct br_report r = {.arena = &a};
	br_buf_puts(b, "\n## Profiles\n\n| profile | for | taken for commands | taken for files |\n|---|---|---|---|\n");
	for (size_t i = 0; i < br_profiles_n; i++) {
		const struct br_profile *p = &br_profiles[i];
		const struct br_ynode *root = br_yaml_parse(&a, p->name, p->data, p->len, &r),
				      *d = br_ynode_find(root, "description");
		br_buf_printf(b, "| `%s` | %s | %s | %s |\n", p->name, d != NULL ? d->text : "",
		    join(&a, br_ynode_find(root, "detect.commands")), join(&a, br_ynode_find(root, "detect.files")));
	}
}

/* roff: a leading "." or "'" and backslashes mean something. */
static void
put_roff(struct br_buf *b, const char *s)
{
	if (*s == '.' || *s == '\'')
		br_buf_puts(b, "\\&");
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			br_buf_puts(b, "\\e");
		else if (*s == '-')
			br_buf_puts(b, "\\-");
		else if (*s == '`')
			br_buf_puts(b, "\"");
		else
			br_buf_putc(b, *s);
	}
}

static void
put_key_man(struct br_buf *b, const struct br_key *k)
{
	br_auto_buf type = {0};
	br_buf_printf(b, ".TP\n.B %s\n", k->path);
	put_roff(b, k->doc);
	if (k->type != BR_KEY_MAP) {
		br_buf_puts(&type, " (");
		put_type(&type, k);
		if (k->dflt != NULL)
			br_buf_printf(&type, "; default: %s", k->dflt);
		br_buf_puts(&type, ") ");
		put_state(&type, k);
		put_roff(b, type.p);
	}
	if (k->example != NULL) {
		br_buf_puts(b, "\n.br\nExample: ");
		put_roff(b, k->example);
	}
	br_buf_putc(b, '\n');
}

static void
put_man(struct br_buf *b)
{
	br_buf_puts(b,
	    ".TH BRATTICE.YAML 5 \"\" brattice \"File formats\"\n.SH NAME\nbrattice.yaml \\- what a sandboxed session may do\n"
	    ".SH DESCRIPTION\nA YAML file at the project's root. The same keys stand in ~/.config/brattice/policy.yaml, in "
	    "brattice.local.yaml and in /etc/brattice/policy.d/*.yaml.\n.SH KEYS\n");
	for (size_t i = 0; i < br_keys_n; i++)
		if (!br_keys[i].profile_only)
			put_key_man(b, &br_keys[i]);
	br_buf_puts(b, ".SH SEE ALSO\n.BR brattice (1)\n");
}

int
br_tool_reference(int argc, char **argv)
{
	struct options o = {0};
	int first = 0, status = br_cli_options(&usage, argc, argv, &o, &first);
	if (status < 0)
		status = br_tool_no_operands(&usage, argc, argv, first);
	if (status >= 0)
		return status;
	br_auto_buf b = {0};
	if (o.man) {
		put_man(&b);
	} else {
		put_keys_md(&b);
		put_profiles_md(&b);
		put_lists_md(&b);
	}
	return br_cli_put(&b, 0);
}
