/* brattice run: the command line of a session, checked and handed to the monitor (session/run.h). */
#include "cli/command.h"

#include "session/run.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define AT(member) offsetof(struct br_run_options, member)

static const struct br_opt table[] = {
	{"policy", 0, "FILE", "a policy file, above those of the project and the user; may be repeated", BR_OPT_LIST, AT(policy), NULL},
	{"profile", 0, "NAME", "a built-in set of rules, such as claude-code or node; may be repeated", BR_OPT_LIST, AT(profile), NULL},
	{"wall", 0, "WALL", "how to isolate; auto takes the strongest that this machine and the policy allow", BR_OPT_STRING, AT(wall),
	    "auto namespace process container vm seatbelt"},
	{"review", 0, NULL, "keep all changes of the project apart, for brattice diff, apply and discard", BR_OPT_FLAG, AT(review), NULL},
	{"learn", 0, NULL, "allow and record what the policy doesn't name, then suggest one (not in this version)", BR_OPT_FLAG, AT(learn), NULL},
	{"env", 0, "NAME[=VALUE]", "pass or set an environment variable; may be repeated", BR_OPT_LIST, AT(env), NULL},
	{"read", 0, "PATH", "a file or directory that may also be read; may be repeated", BR_OPT_LIST, AT(read), NULL},
	{"write", 0, "PATH", "a file or directory that may also be written; may be repeated", BR_OPT_LIST, AT(write), NULL},
	{"allow-host", 0, "HOST[:PORT]", "a host that may be reached; may be repeated (not in this version)", BR_OPT_LIST, AT(allow_host), NULL},
	{"cwd", 0, "DIR", "the project: where the command starts; the working directory if not given", BR_OPT_STRING, AT(cwd), NULL},
	{"no-terminal", 0, NULL, "plain pipes, also when stdin and stdout are a terminal", BR_OPT_FLAG, AT(no_terminal), NULL},
	{"name", 0, "NAME", "a name for the session: letters, digits, dots, dashes and underscores", BR_OPT_STRING, AT(name), NULL},
	{"json-events", 0, "FD", "also write each recorded event, as a line of JSON, to this descriptor", BR_OPT_NUMBER, AT(json_events), NULL},
	{"trust-policy", 0, "SHA256", "trust a policy file of the project that has this hash; may be repeated", BR_OPT_LIST, AT(trust), NULL},
	{"explain", 0, NULL, "print what the session would see and be allowed, and run nothing", BR_OPT_FLAG, AT(explain), NULL},
	{"force", 0, NULL, "accept / or the home directory as the project", BR_OPT_FLAG, AT(force), NULL},
};

const struct br_usage br_usage_run = {
	.command = "run",
	.synopsis = "[OPTION...] [--] COMMAND [ARGUMENT...]",
	.summary = "run a command, and all it starts, inside the wall",
	.about = "Runs COMMAND in a session of its own: the project can be written, the rest of the machine is absent or read-only, "
		 "secrets stay outside, and what is denied is recorded where the command can't reach it.\n\n"
		 "Exit status: the command's own, or 128 and the signal's number; 125 when brattice itself failed, 126 when the policy "
		 "refused before the start, 127 when there is no such command.",
	.opts = table,
	.nopts = BR_ARRAY_LEN(table),
};

static int
not_yet(const char *option, const char *instead, struct br_err *e)
{
	(void)br_err_set(e, 0, "--%s is not enforced by this version (%s)", option, BRATTICE_VERSION);
	return br_err_hint(e, "leave it out (%s)", instead);
}

/* The walls that are named in the interface but not built yet. A stronger one in their place would not be what was asked for. */
static int
check_wall(const char *wall, struct br_err *e)
{
	if (wall == NULL || br_streq(wall, "auto") || br_streq(wall, "namespace"))
		return 0;
	(void)br_err_set(e, 0, "--wall %s is not in this version (%s)", wall, BRATTICE_VERSION);
	return br_err_hint(e, "leave it out: the namespace wall is the one there is");
}

static bool
is_name(const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || n > 63 || !isalpha((unsigned char)s[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && strchr("._-", s[i]) == NULL)
			return false;
	return true;
}

static int
check_env(const char *entry, struct br_err *e)
{
	size_t n = strcspn(entry, "=");
	bool ok = n > 0 && !isdigit((unsigned char)entry[0]);
	for (size_t i = 0; i < n; i++)
		ok = ok && (isalnum((unsigned char)entry[i]) || entry[i] == '_');
	if (ok)
		return 0;
	(void)br_err_set(e, 0, "--env: \"%.*s\" is not the name of a variable", (int)(n > 80 ? 80 : n), entry);
	return br_err_hint(e, "write NAME to pass one on, or NAME=VALUE to set one");
}

static int
check_hash(const char *s, struct br_err *e)
{
	if (strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64)
		return 0;
	(void)br_err_set(e, 0, "--trust-policy: \"%.80s\" is not a SHA-256 hash (64 digits of 0-9 and a-f)", s);
	return br_err_hint(e, "sha256sum FILE prints it");
}

static int
check_events(int64_t fd, struct br_err *e)
{
	if (fd < 0)
		return 0;
	int flags = fd > INT_MAX ? -1 : fcntl((int)fd, F_GETFL);
	if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY)
		return 0;
	(void)br_err_set(e, 0, "--json-events: %lld is not an open descriptor that can be written", (long long)fd);
	return br_err_hint(e, "open it in the shell: brattice run --json-events 3 -- COMMAND 3>events.jsonl");
}

static int
check(const struct br_run_options *o, struct br_err *e)
{
	if (o->learn)
		return not_yet("learn", "what is refused is in the record of each session", e);
	if (o->allow_host.n > 0)
		return not_yet("allow-host", "this version gives a session no network at all", e);
	if (check_wall(o->wall, e) < 0)
		return -1;
	if (o->name != NULL && (!is_name(o->name) || br_streq(o->name, "last"))) {
		(void)br_err_set(e, 0, "--name: \"%.80s\" can't be the name of a session", o->name);
		return br_err_hint(e, "1 to 63 letters, digits, dots, dashes and underscores; begins with a letter; not \"last\"");
	}
	for (size_t i = 0; i < o->env.n; i++)
		if (check_env(o->env.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < o->trust.n; i++)
		if (check_hash(o->trust.v[i], e) < 0)
			return -1;
	return check_events(o->json_events, e);
}

static void
free_options(struct br_run_options *o)
{
	struct br_opt_list *lists[] = {&o->policy, &o->profile, &o->env, &o->read, &o->write, &o->allow_host, &o->trust};
	for (size_t i = 0; i < BR_ARRAY_LEN(lists); i++)
		br_opt_list_free(lists[i]);
}

int
br_cmd_run(int argc, char **argv)
{
	struct br_run_options o = {.json_events = -1};
	struct br_err e = BR_ERR_INIT;
	int first = argc;
	int rc = br_cli_options(&br_usage_run, argc, argv, &o, &first);
	if (rc < 0) {
		o.argv = argv + first;
		if (first >= argc) {
			(void)br_err_set(&e, 0, "run needs a command");
			rc = br_err_hint(&e, "for example: brattice run -- claude");
		} else if (o.argv[0][0] == '\0') {
			(void)br_err_set(&e, 0, "an empty word is no command");
			rc = br_err_status(&e, BR_EXIT_NOCOMMAND);
		} else {
			rc = check(&o, &e);
		}
		if (rc == 0)
			rc = br_run(&o, &e);
		if (rc < 0)
			rc = br_cli_fail(&e);
	}
	free_options(&o);
	return rc;
}
