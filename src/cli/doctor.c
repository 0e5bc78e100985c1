#include "cli/command.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/opt.h"
#include "sandbox/probe.h"
#include "session/helper.h"

#include <errno.h>
#include <limits.h>
#include <sys/utsname.h>
#include <unistd.h>

struct opts {
	bool json;
	bool attack;
};

static const struct br_opt table[] = {
	{"json", 'j', NULL, "one JSON object a line", BR_OPT_FLAG, offsetof(struct opts, json), NULL},
	{"attack", 0, NULL, "also attack sessions from inside, and say what held", BR_OPT_FLAG, offsetof(struct opts, attack), NULL},
};

const struct br_usage br_usage_doctor = {
	.command = "doctor",
	.synopsis = "[--json] [--attack]",
	.summary = "what this machine can enforce, and how to mend what it can't",
	.about = "Tries each kernel feature that brattice uses, by using it, and says for each layer whether it is enforced, approximate "
		 "or missing, and what to do about it.\n\n"
		 "With --attack it then makes a home, a project and services of its own, starts sessions with the built-in policy beside them and "
		 "attacks them from inside, in some seconds: a line for each class of attack says whether it held. Each attack that is harmless is "
		 "tried without the wall too, and how many work there is said; one that fails both ways proves little. What was made is "
		 "removed again.\n\n"
		 "Exit status: 0 when `brattice run` has all it needs and all attacks were held, 1 when something it needs is missing, or an attack "
		 "went through or had no answer.",
	.opts = table,
	.nopts = BR_ARRAY_LEN(table),
};

static const char *
state_word(enum br_probe_state s)
{
	switch (s) {
	case BR_PROBE_ENFORCED:
		return "enforced";
	case BR_PROBE_APPROXIMATE:
		return "approximate";
	case BR_PROBE_MISSING:
		return "missing";
	case BR_PROBE_UNUSED:
		break;
	}
	return "unused";
}

/* The escape sequence of a state; "" without colour. */
static const char *
state_colour(enum br_probe_state s, bool colour)
{
	if (!colour)
		return "";
	switch (s) {
	case BR_PROBE_ENFORCED:
		return "\x1b[32m";
	case BR_PROBE_APPROXIMATE:
		return "\x1b[33m";
	case BR_PROBE_MISSING:
		return "\x1b[1;31m";
	case BR_PROBE_UNUSED:
		break;
	}
	return "\x1b[2m";
}

static void
put_text(struct br_buf *out, const struct br_feature *f, const struct br_probe *p, bool colour)
{
	br_buf_printf(out, "  %s%-11s%s  %-27s %s\n", state_colour(p->state, colour), state_word(p->state), colour ? "\x1b[0m" : "", f->name, p->detail);
	if (p->state == BR_PROBE_ENFORCED || p->state == BR_PROBE_UNUSED)
		return;
	br_buf_printf(out, "               for: %s (Linux %s)\n", f->why, f->since);
	if (p->mend[0] != '\0')
		br_buf_printf(out, "               mend: %s\n", p->mend);
}

static void
put_member(struct br_buf *out, const char *key, const char *value)
{
	br_buf_printf(out, ",\"%s\":", key);
	br_buf_put_json(out, value, strlen(value));
}

static void
put_json(struct br_buf *out, const struct br_feature *f, const struct br_probe *p)
{
	br_buf_puts(out, "{\"feature\":");
	br_buf_put_json(out, f->name, strlen(f->name));
	put_member(out, "layer", f->layer);
	put_member(out, "state", state_word(p->state));
	put_member(out, "detail", p->detail);
	put_member(out, "mend", p->mend);
	put_member(out, "since", f->since);
	put_member(out, "why", f->why);
	br_buf_printf(out, ",\"required\":%s}\n", f->required ? "true" : "false");
}

static void
put_head(struct br_buf *out)
{
	struct utsname u;
	if (uname(&u) == 0)
		br_buf_printf(out, "brattice %s on %s %s %s, uid %u\n", BRATTICE_VERSION, u.sysname, u.release, u.machine, (unsigned)geteuid());
}

/* Probes and prints everything; returns how many required features are missing. */
static unsigned
examine(struct br_buf *out, bool json, bool colour)
{
	unsigned missing = 0;
	const char *layer = "";
	if (!json)
		put_head(out);
	for (int id = 0; id < BR_FEATURE_COUNT; id++) {
		const struct br_feature *f = br_feature((enum br_feature_id)id);
		struct br_probe p;
		br_probe_run((enum br_feature_id)id, &p);
		missing += f->required && p.state == BR_PROBE_MISSING;
		if (json) {
			put_json(out, f, &p);
			continue;
		}
		if (!br_streq(layer, f->layer))
			br_buf_printf(out, "\n%s\n", f->layer);
		layer = f->layer;
		put_text(out, f, &p, colour);
	}
	if (!json && missing == 0)
		br_buf_puts(out, "\nThe wall can be built here: `brattice run -- COMMAND` has all it needs.\n");
	else if (!json)
		br_buf_printf(out, "\nThe wall can't be built here: %u feature%s missing. `brattice run` will refuse to start.\n", missing, missing == 1 ? "" : "s");
	return missing;
}

/* The attacks are a program of their own: what attacks is not linked into what defends. */
static int
attack(bool json)
{
	struct br_err e = BR_ERR_INIT;
	char self[PATH_MAX], name[] = "brattice-attack", command[] = "doctor", option[] = "--json";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0) {
		(void)br_err_set(&e, errno, "cannot read /proc/self/exe");
		return br_cli_fail(&e);
	}
	self[n] = '\0';
	char *args[] = {name, command, json ? option : self, json ? self : NULL, NULL};
	return br_exec_helper(name, json ? 4 : 3, args);
}

int
br_cmd_doctor(int argc, char **argv)
{
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	br_auto_buf out = {0};
	int first = argc;
	int rc = br_opt_parse(&br_usage_doctor, argc, argv, &o, &first, &e);
	if (rc == 0 && first < argc)
		rc = br_err_set(&e, 0, "doctor takes no operands, \"%s\" is one", argv[first]);
	if (rc < 0) {
		br_err_print(&e);
		return e.status;
	}
	unsigned missing = 0;
	if (rc == 1)
		br_opt_help(&br_usage_doctor, &out);
	else
		missing = examine(&out, o.json, isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL);
	if (out.failed || br_write_all(STDOUT_FILENO, out.p, out.len) < 0)
		return BR_EXIT_FAILURE;
	if (rc == 0 && o.attack && missing == 0)
		return attack(o.json);
	return missing > 0;
}
