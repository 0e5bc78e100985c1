#include "policy/tool/tool.h"

#include "base/io.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

void
br_layer_options_free(struct br_layer_options *o)
{
	br_opt_list_free(&o->policy);
	br_opt_list_free(&o->profile);
	br_opt_list_free(&o->default_profile);
	br_opt_list_free(&o->read);
	br_opt_list_free(&o->write);
	br_opt_list_free(&o->env);
}

/* The state directory as session/state.h defines it; named by the monitor, worked out here for people. */
static const char *
default_state(struct br_arena *a, const char *home)
{
	const char *s = getenv("BRATTICE_STATE"), *xdg = getenv("XDG_STATE_HOME");
	if (s != NULL && s[0] == '/')
		return s;
	if (xdg != NULL && xdg[0] == '/')
		return br_arena_printf(a, "%s/brattice", xdg);
	return br_arena_printf(a, "%s/.local/state/brattice", home);
}

int
br_tool_policy(const struct br_layer_options *o, struct br_policy_set *s, struct br_rules *rules, struct br_err *e)
{
	char cwd[PATH_MAX];
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return br_err_set(e, errno, "cannot tell the working directory");
	const char *home = o->home != NULL ? o->home : getenv("HOME");
	if (home == NULL || home[0] != '/') {
		(void)br_err_set(e, 0, "the home directory is not known");
		return br_err_hint(e, "set HOME");
	}
	const char *project = br_path_normal(s->a, cwd, home, o->project != NULL ? o->project : ".");
	struct br_load_options lo = {.home = home,
	    .project = project,
	    .state = o->state != NULL ? br_path_normal(s->a, cwd, home, o->state) : default_state(s->a, home),
	    .etc = o->etc != NULL ? o->etc : "/etc/brattice/policy.d",
	    .cwd = cwd,
	    .config_home = getenv("XDG_CONFIG_HOME"),
	    .command = o->command,
	    .only = o->only,
	    .policy = &o->policy,
	    .profile = &o->profile,
	    .default_profile = &o->default_profile,
	    .read = &o->read,
	    .write = &o->write,
	    .env = &o->env,
	    .review = o->review};
	br_load(s, &lo);
	if (!s->r->errors)
		br_merge(s, rules);
	return 0;
}

int
br_tool_world_open(struct br_tool_world *w, const struct br_layer_options *o, bool look, struct br_err *e)
{
	struct br_rules rules = {0};
	br_auto_buf b = {0};
	*w = (struct br_tool_world){0};
	w->report.arena = &w->a;
	w->set = (struct br_policy_set){.a = &w->a, .r = &w->report};
	if (br_tool_policy(o, &w->set, &rules, e) < 0)
		return -1;
	if (br_report_status(&w->report) != 0)
		return br_tool_refuse(&w->report);
	if (br_emit(&w->set, &rules, &b) < 0)
		return br_err_set(e, ENOMEM, "cannot compile the policy");
	if (br_pol_parse(b.p, b.len, &w->policy, e) < 0)
		return -1;
	w->guard = br_guard_new(&w->policy, e);
	w->names = br_guard_new(&w->policy, e);
	if (w->guard == NULL || w->names == NULL ||
	    (look && br_scan_project(&w->scan, w->set.places.project, w->guard, NULL, e) < 0))
		return -1;
	w->decider = (struct br_decider){&w->a, &w->policy, w->guard, w->names, &w->scan, w->set.places};
	return 0;
}

void
br_tool_world_close(struct br_tool_world *w)
{
	br_scan_free(&w->scan);
	br_guard_free(w->guard);
	br_guard_free(w->names);
	br_pol_free(&w->policy);
	br_arena_free(&w->a);
}

int
br_tool_refuse(struct br_report *r)
{
	br_auto_buf text = {0};
	br_report_sort(r);
	br_report_print(r, &text);
	(void)br_write_all(STDERR_FILENO, text.p != NULL ? text.p : "", text.len);
	return br_report_status(r);
}

int
br_tool_no_operands(const struct br_usage *u, int argc, char **argv, int first)
{
	if (first >= argc)
		return -1;
	br_warn("%s: unexpected operand \"%s\"", u->command, argv[first]);
	return BR_EXIT_FAILURE;
}
