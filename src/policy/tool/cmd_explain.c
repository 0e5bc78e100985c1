/* `explain`: the effective policy with the place of every rule, or why one act is allowed or not. */
#include "policy/tool/tool.h"
#include "policy/tool/value.h"

#include <limits.h>
#include <unistd.h>

struct options {
	struct br_layer_options layers;
	bool json;
	struct br_opt_list may_write, may_read; /* acts to explain */
};

static const struct br_opt table[] = {
    {"write", 0, "PATH", "why PATH can be written or not; may be repeated", BR_OPT_LIST, offsetof(struct options, may_write)},
    {"read", 0, "PATH", "why PATH can be read or not; may be repeated", BR_OPT_LIST, offsetof(struct options, may_read)},
    {"json", 0, NULL, "one JSON object per rule or answer", BR_OPT_FLAG, offsetof(struct options, json)},
    BR_WHERE_OPTIONS(struct options, layers),
};
static const struct br_usage usage = {
    .command = "policy explain",
    .synopsis = "[OPTION…] [--write PATH | --read PATH] [-- COMMAND…]",
    .summary = "the policy in force, or why one act is allowed or not",
    .about = "Prints every rule with the file and line it comes from. With --write or --read it answers for that path alone, "
	     "as things "
	     "stand on disk now; with a COMMAND, for the policy that `brattice run -- COMMAND` would use.\n\nExit status: 0; "
	     "125 or 126 when "
	     "the policy itself is in error.",
    .opts = table,
    .nopts = BR_ARRAY_LEN(table),
};

static const struct {
	enum br_pol_kind kind;
	const char *name, *title;
} groups[] = {
    {BR_POL_WRITE, "write", "May write"},
    {BR_POL_READ, "read", "May read"},
    {BR_POL_SYSTEM, "system", "May read of the system"},
    {BR_POL_ETC, "etc", "May read of /etc"},
    {BR_POL_HIDE, "hide", "Hidden in the project"},
    {BR_POL_UNHIDE, "unhide", "Not hidden after all"},
    {BR_POL_PRIVATE, "private", "Own copies of"},
    {BR_POL_PROTECT, "protect", "Protected in the project (and git's own files)"},
    {BR_POL_UNPROTECT, "unprotect", "Not protected after all"},
    {BR_POL_KEEP, "keep", "Kept as it is in the project"},
    {BR_POL_WATCH, "watch", "Watched in the project"},
    {BR_POL_HOME_KEEP, "home-keep", "Kept in the private home"},
    {BR_POL_HOME_FILE, "home-file", "Written into the private home"},
    {BR_POL_ENV_PASS, "env-pass", "Variables passed"},
    {BR_POL_ENV_SET, "env-set", "Variables set"},
    {BR_POL_LIMIT_MEMORY, "limit-memory", "Memory"},
    {BR_POL_LIMIT_PIDS, "limit-pids", "Processes"},
    {BR_POL_LIMIT_CPU, "limit-cpu", "CPU"},
    {BR_POL_LIMIT_DISK, "limit-disk", "Disk"},
    {BR_POL_LIMIT_TIME, "limit-time", "Time"},
    {BR_POL_LIMIT_FILES, "limit-files", "Open files of a process"},
    {BR_POL_LIMIT_STRICT, "limit-strict", "Limits are strict"},
    {BR_POL_REVIEW, "review", "Writes go to an overlay"},
    {BR_POL_AUDIT_TERMINAL, "audit-terminal", "The terminal's output is recorded"},
    {BR_POL_AUDIT_INPUT, "audit-input", "What is typed is recorded"},
    {BR_POL_WARNING, "warning", "Taken by files of the project"},
};

static void
put_value(struct br_buf *b, const struct br_pol_rec *r)
{
	if (r->kind == BR_POL_LIMIT_MEMORY || r->kind == BR_POL_LIMIT_DISK)
		br_value_put_size(b, r->value);
	else if (r->kind == BR_POL_LIMIT_TIME)
		br_value_put_duration(b, r->value);
	else if (r->kind == BR_POL_LIMIT_STRICT || r->kind == BR_POL_REVIEW || r->kind == BR_POL_AUDIT_TERMINAL || r->kind == BR_POL_AUDIT_INPUT)
		br_buf_puts(b, "yes");
	else if (r->kind == BR_POL_LIMIT_PIDS || r->kind == BR_POL_LIMIT_FILES || r->kind == BR_POL_LIMIT_CPU)
		br_buf_printf(b, "%llu%s", (unsigned long long)r->value, r->kind == BR_POL_LIMIT_CPU ? "%" : "");
	else
		br_buf_put_visible(b, r->text, strlen(r->text), false);
}

static void
put_rule_line(struct br_buf *out, const struct br_pol_rec *r, const char *shown)
{
	size_t width = strlen(shown);
	br_buf_puts(out, "    ");
	br_buf_put_visible(out, shown, width, false);
	if (r->kind != BR_POL_WARNING)
		br_buf_printf(out, "%*s  %s", width < 40 ? (int)(40 - width) : 0, "", r->origin);
	br_buf_putc(out, '\n');
}

/* What people wrote, one rule a line; what is built in, as one paragraph. */
static void
put_group(struct br_buf *out, struct br_arena *a, const struct br_policy *p, const struct br_places *pl, size_t g)
{
	br_auto_buf builtin = {0};
	bool titled = false;
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(p, groups[g].kind, r)) != NULL;) {
		if (!titled)
			br_buf_printf(out, "  %s:\n", groups[g].title);
		titled = true;
		br_auto_buf v = {0};
		put_value(&v, r);
		const char *shown = v.p != NULL && v.p[0] == '/' ? br_path_show(a, pl, v.p) : v.p != NULL ? v.p : "";
		if (!br_streq(r->origin, "built-in")) {
			put_rule_line(out, r, shown);
			continue;
		}
		if (builtin.len > 0)
			br_buf_putc(&builtin, ' ');
		br_buf_put_visible(&builtin, shown, strlen(shown), false);
	}
	if (builtin.len == 0)
		return;
	br_buf_puts(&builtin, " (built-in)");
	br_put_wrapped(out, builtin.p, 4, 100);
}

static void
put_file_line(struct br_buf *out, const char *shown, bool untrusted)
{
	br_buf_puts(out, "  ");
	br_buf_put_visible(out, shown, strlen(shown), false);
	br_buf_puts(out, untrusted ? "  (in the project: must be trusted)\n" : "\n");
}

static void
put_policy(struct br_buf *out, struct br_arena *a, const struct br_policy *p, const struct br_places *pl)
{
	br_buf_puts(out, "Profiles:");
	const struct br_pol_rec *r = NULL;
	for (; (r = br_pol_next(p, BR_POL_PROFILE, r)) != NULL;)
		br_buf_printf(out, " %s", r->text);
	br_buf_puts(out, "\nFiles:\n");
	for (r = NULL; (r = br_pol_next(p, BR_POL_INPUT, r)) != NULL;)
		if (br_endswith(r->text, ".yaml") && !br_streq(r->data, "absent") && (r->flags & BR_POLF_PRESENCE) == 0)
			put_file_line(out, br_path_show(a, pl, r->text), (r->flags & BR_POLF_UNTRUSTED) != 0);
	br_buf_puts(out, "Rules:\n");
	for (size_t g = 0; g < BR_ARRAY_LEN(groups); g++)
		put_group(out, a, p, pl, g);
	br_buf_puts(
	    out, "  Network:\n    none but its own loopback\n  Commands:\n    every program that the session can see\n");
}

static void
put_policy_json(struct br_buf *out, const struct br_policy *p)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(p, BR_POL_PROFILE, r)) != NULL;)
		br_buf_printf(out, "{\"rule\":\"profile\",\"text\":\"%s\"}\n", r->text);
	for (size_t g = 0; g < BR_ARRAY_LEN(groups); g++)
		for (const struct br_pol_rec *r = NULL; (r = br_pol_next(p, groups[g].kind, r)) != NULL;) {
			br_buf_printf(out, "{\"rule\":\"%s\"", groups[g].name);
			if (r->text[0] != '\0') {
				br_buf_puts(out, ",\"text\":");
				br_buf_put_json(out, r->text, strlen(r->text));
			} else {
				br_buf_printf(out, ",\"value\":%llu", (unsigned long long)r->value);
			}
			br_buf_puts(out, ",\"origin\":");
			br_buf_put_json(out, r->origin, strlen(r->origin));
			br_buf_printf(out, ",\"default\":%s}\n", (r->flags & BR_POLF_DEFAULT) != 0 ? "true" : "false");
		}
}

static void
put_act(struct br_buf *out, const struct br_decider *d, const char *path, bool write, bool json)
{
	char cwd[PATH_MAX];
	const char *full = br_path_normal(d->a, getcwd(cwd, sizeof(cwd)) != NULL ? cwd : "/", d->places.home, path);
	struct br_decision x = br_decide_path(d, full, write);
	if (json) {
		br_buf_printf(out, "{\"act\":\"%s\",\"path\":", write ? "write" : "read");
		br_buf_put_json(out, full, strlen(full));
		br_buf_printf(out, ",\"decision\":\"%s\",\"why\":", x.allow ? "allow" : "deny");
		br_buf_put_json(out, x.why, strlen(x.why));
		br_buf_puts(out, ",\"rule\":");
		br_buf_put_json(out, x.rule, strlen(x.rule));
		br_buf_puts(out, ",\"origin\":");
		br_buf_put_json(out, x.origin, strlen(x.origin));
		br_buf_puts(out, "}\n");
		return;
	}
	const char *line = br_arena_printf(d->a, "%s %s %s: %s", x.allow ? "allowed:" : "denied: ", write ? "write" : "read",
	    br_path_show(d->a, &d->places, full), x.why);
	br_buf_put_visible(out, line, strlen(line), false);
	if (x.rule[0] != '\0') {
		line = br_arena_printf(d->a, "\n  rule: %s  (%s)", x.rule, x.origin[0] != '\0' ? x.origin : "built-in");
		br_buf_put_visible(out, line, strlen(line), true);
	}
	br_buf_putc(out, '\n');
}

static int
explain(const struct options *o, struct br_err *e)
{
	br_auto_buf out = {0};
	struct br_tool_world w;
	bool acts = o->may_write.n + o->may_read.n > 0;
	int status = br_tool_world_open(&w, &o->layers, acts, e);
	if (status == 0) {
		for (size_t i = 0; i < o->may_write.n; i++)
			put_act(&out, &w.decider, o->may_write.v[i], true, o->json);
		for (size_t i = 0; i < o->may_read.n; i++)
			put_act(&out, &w.decider, o->may_read.v[i], false, o->json);
		if (!acts && o->json)
			put_policy_json(&out, &w.policy);
		else if (!acts)
			put_policy(&out, &w.a, &w.policy, &w.set.places);
		status = br_cli_put(&out, 0);
	}
	br_tool_world_close(&w);
	return status;
}

int
br_tool_explain(int argc, char **argv)
{
	struct options o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = 0, status = br_cli_options(&usage, argc, argv, &o, &first);
	if (status < 0) {
		if (first < argc && o.layers.command == NULL) {
			const char *slash = strrchr(argv[first], '/');
			o.layers.command = slash != NULL ? slash + 1 : argv[first];
		}
		if ((status = explain(&o, &e)) < 0)
			status = br_cli_fail(&e);
	}
	br_opt_list_free(&o.may_write);
	br_opt_list_free(&o.may_read);
	br_layer_options_free(&o.layers);
	return status;
}
