/* The command line: a table of commands. */
#include "cli/command.h"

#include "base/suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* Commands whose options and help are in a helper program. */
static const struct br_usage usage_policy = {
	.command = "policy",
	.synopsis = "check|explain|schema|test [OPTION...]",
	.summary = "check, explain and test policies",
	.about = "",
};
static const struct br_usage usage_diff = {
	.command = "diff",
	.synopsis = "[OPTION...] SESSION [PATH...]",
	.summary = "what a session in review mode has changed",
	.about = "",
};
static const struct br_usage usage_apply = {
	.command = "apply",
	.synopsis = "[OPTION...] SESSION [PATH...]",
	.summary = "move reviewed changes into the project",
	.about = "",
};
static const struct br_usage usage_discard = {
	.command = "discard",
	.synopsis = "[OPTION...] SESSION",
	.summary = "throw the changes of a reviewed session away",
	.about = "",
};
static const struct br_usage usage_refresh = {
	.command = "refresh",
	.synopsis = "[OPTION...] SESSION",
	.summary = "let a session in review mode see what the host has changed",
	.about = "",
};
static const struct br_usage usage_export = {
	.command = "export",
	.synopsis = "--format FORMAT [OPTION...] [SESSION|BUNDLE]",
	.summary = "a session's log for other systems",
	.about = "",
};
static const struct br_usage usage_log = {
	.command = "log",
	.synopsis = "[OPTION...] [SESSION|BUNDLE]",
	.summary = "what a session did, event by event",
	.about = "",
};
static const struct br_usage usage_replay = {
	.command = "replay",
	.synopsis = "[OPTION...] [SESSION|BUNDLE]",
	.summary = "play a session's terminal and commands again",
	.about = "",
};
static const struct br_usage usage_report = {
	.command = "report",
	.synopsis = "[OPTION...] [SESSION|BUNDLE]",
	.summary = "a session on one page: done, denied, changed, verified",
	.about = "",
};
static const struct br_usage usage_verify = {
	.command = "verify",
	.synopsis = "[OPTION...] SESSION|BUNDLE",
	.summary = "check that a session's log is what was written",
	.about = "",
};

static const struct br_command group_run[] = {
	{&br_usage_run, br_cmd_run, NULL},
	{&br_usage_doctor, br_cmd_doctor, NULL},
};
static const struct br_command group_sessions[] = {
	{&br_usage_ps, br_cmd_ps, NULL},
	{&br_usage_attach, br_cmd_attach, NULL},
	{&br_usage_stop, br_cmd_stop, NULL},
	{&br_usage_kill, br_cmd_kill, NULL},
	{&br_usage_gc, br_cmd_gc, NULL},
};
static const struct br_command group_review[] = {
	{&usage_diff, NULL, "brattice-review"},
	{&usage_apply, NULL, "brattice-review"},
	{&usage_discard, NULL, "brattice-review"},
	{&usage_refresh, NULL, "brattice-review"},
};
static const struct br_command group_audit[] = {
	{&usage_export, NULL, "brattice-log"},
	{&usage_log, NULL, "brattice-log"},
	{&usage_replay, NULL, "brattice-log"},
	{&usage_report, NULL, "brattice-log"},
	{&usage_verify, NULL, "brattice-log"},
};
static const struct br_command group_policy[] = {
	{&usage_policy, NULL, "brattice-policy"},
	{&br_usage_trust, br_cmd_trust, NULL},
};

#define GROUP(title, table) {title, table, BR_ARRAY_LEN(table)}
const struct br_command_group br_command_groups[] = {
	GROUP("Run", group_run),
	GROUP("Sessions", group_sessions),
	GROUP("Review mode", group_review),
	GROUP("Audit", group_audit),
	GROUP("Policy", group_policy),
};
const size_t br_command_ngroups = BR_ARRAY_LEN(br_command_groups);

const struct br_command *
br_command_find(const char *name)
{
	for (size_t g = 0; g < br_command_ngroups; g++)
		for (size_t i = 0; i < br_command_groups[g].n; i++)
			if (br_streq(br_command_groups[g].commands[i].usage->command, name))
				return &br_command_groups[g].commands[i];
	return NULL;
}

static void
put_help(struct br_buf *out)
{
	br_buf_puts(out, "Usage: brattice COMMAND [ARGUMENT...]\n\n"
			 "Runs a coding agent, and everything it starts, inside a hard boundary:\n\n"
			 "  brattice run -- claude\n");
	for (size_t g = 0; g < br_command_ngroups; g++) {
		br_buf_printf(out, "\n%s:\n", br_command_groups[g].title);
		for (size_t i = 0; i < br_command_groups[g].n; i++) {
			const struct br_usage *u = br_command_groups[g].commands[i].usage;
			br_buf_printf(out, "  %-10s %s\n", u->command, u->summary);
		}
	}
	br_buf_puts(out, "\n`brattice COMMAND --help` says more. A SESSION is an id, the beginning of one, a name, or \"last\".\n");
}

/* For the generators of man pages and completions (tools/gen-docs.py); not part of the contract. */
static int
dump_options(void)
{
	br_auto_buf out = {0};
	br_buf_puts(&out, "{\"version\":\"" BRATTICE_VERSION "\",\"groups\":[");
	for (size_t g = 0; g < br_command_ngroups; g++) {
		const struct br_command_group *group = &br_command_groups[g];
		br_buf_printf(&out, "%s{\"title\":\"%s\",\"commands\":[", g > 0 ? "," : "", group->title);
		for (size_t i = 0; i < group->n; i++) {
			br_buf_printf(&out, "%s{\"helper\":%s,\"usage\":", i > 0 ? ",\n" : "\n", group->commands[i].fn == NULL ? "true" : "false");
			br_opt_json(group->commands[i].usage, &out);
			br_buf_putc(&out, '}');
		}
		br_buf_puts(&out, "]}");
	}
	br_buf_puts(&out, "]}\n");
	return br_cli_put(&out, 0);
}

static int
unknown_command(const char *name)
{
	struct br_err e = BR_ERR_INIT;
	struct br_suggest s = {.word = name};
	for (size_t g = 0; g < br_command_ngroups; g++)
		for (size_t i = 0; i < br_command_groups[g].n; i++)
			br_suggest_try(&s, br_command_groups[g].commands[i].usage->command);
	(void)br_err_set(&e, 0, "unknown %s \"%s\"", name[0] == '-' ? "option" : "command", name);
	if (s.best != NULL)
		(void)br_err_hint(&e, "did you mean brattice %s? See: brattice help", s.best);
	else
		(void)br_err_hint(&e, "see: brattice help");
	return br_cli_fail(&e);
}

static int
run_command(const struct br_command *c, int argc, char **argv)
{
	return c->fn != NULL ? c->fn(argc, argv) : br_exec_helper(c->helper, argc, argv);
}

/* `brattice help [COMMAND]` */
static int
help(int argc, char **argv)
{
	if (argc > 1) {
		const struct br_command *c = br_command_find(argv[1]);
		char option[] = "--help";
		char *args[] = {argv[1], option, NULL};
		return c != NULL ? run_command(c, 2, args) : unknown_command(argv[1]);
	}
	br_auto_buf out = {0};
	put_help(&out);
	return br_cli_put(&out, 0);
}

/* A program started without stdin, stdout or stderr would get their numbers for its own files, and print into them. */
static int
hold_standard_descriptors(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
	if (fd < 0)
		return -1;
	(void)close(fd);
	return 0;
}

int
main(int argc, char **argv)
{
	if (hold_standard_descriptors() < 0) {
		br_warn("cannot open /dev/null: %s", strerror(errno));
		return BR_EXIT_FAILURE;
	}
	/* Who starts us may ignore it, and then nobody's end could be waited for. */
	(void)signal(SIGCHLD, SIG_DFL);
	/* Beyond RLIMIT_FSIZE a write shall fail with EFBIG, not kill us silently. */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (argc < 2) {
		struct br_err e = BR_ERR_INIT;
		(void)br_err_set(&e, 0, "a command is needed");
		(void)br_err_hint(&e, "brattice run -- claude; or see: brattice help");
		return br_cli_fail(&e);
	}
	const char *name = argv[1];
	if (br_streq(name, "help") || br_streq(name, "--help") || br_streq(name, "-h"))
		return help(argc - 1, argv + 1);
	if (br_streq(name, "--dump-options"))
		return dump_options();
	if (br_streq(name, "--version") || br_streq(name, "-V")) {
		br_auto_buf out = {0};
		br_buf_puts(&out, "brattice " BRATTICE_VERSION "\n");
		return br_cli_put(&out, 0);
	}
	const struct br_command *c = br_command_find(name);
	return c != NULL ? run_command(c, argc - 1, argv + 1) : unknown_command(name);
}
