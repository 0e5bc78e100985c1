/* The commands of the policy helper: `brattice policy NAME …` and what the monitor calls. */
#ifndef BRATTICE_POLICY_TOOL_TOOL_H
#define BRATTICE_POLICY_TOOL_TOOL_H

#include "base/cli.h"
#include "policy/tool/decide.h"
#include "policy/tool/merge.h"

/* The options that say which policy is meant; the same for all commands. */
struct br_layer_options {
	const char *home, *project, *state, *etc, *command;
	const char *only; /* not an option: br_load_options.only */
	struct br_opt_list policy, profile, default_profile, read, write, env;
	bool review;
};
/* The entries of a command's option table; `type` is its structure, `member` the br_layer_options in it. */
#define BR_LAYER_AT(type, member, field) (offsetof(type, member) + offsetof(struct br_layer_options, field))
#define BR_WHERE_OPTIONS(type, member)                                                                                         \
	{"policy", 0, "FILE", "also read this policy; may be repeated", BR_OPT_LIST, BR_LAYER_AT(type, member, policy)},       \
	    {"profile", 0, "NAME", "take a profile; may be repeated", BR_OPT_LIST, BR_LAYER_AT(type, member, profile)},        \
	    {"env", 0, "NAME[=VALUE]", "pass or set a variable", BR_OPT_LIST, BR_LAYER_AT(type, member, env)},                 \
	    {"review", 0, NULL, "writes go to an overlay", BR_OPT_FLAG, BR_LAYER_AT(type, member, review)},                    \
	    {"project", 0, "DIR", "the project (default: the working directory)", BR_OPT_STRING,                               \
		BR_LAYER_AT(type, member, project)},                                                                           \
	    {"command", 0, "NAME", "the command that will run, for its profile", BR_OPT_STRING,                                \
		BR_LAYER_AT(type, member, command)},                                                                           \
	    {"default-profile", 0, "NAME", "a profile for when no layer names any", BR_OPT_LIST,                               \
		BR_LAYER_AT(type, member, default_profile)},                                                                   \
	    {"home", 0, "DIR", "the user's home directory (default: $HOME)", BR_OPT_STRING, BR_LAYER_AT(type, member, home)},  \
	    {"state", 0, "DIR", "brattice's state directory", BR_OPT_STRING, BR_LAYER_AT(type, member, state)},                \
	{                                                                                                                      \
		"etc", 0, "DIR", "the machine's policies (default: /etc/brattice/policy.d)", BR_OPT_STRING,                    \
		    BR_LAYER_AT(type, member, etc)                                                                             \
	}
/* The same, and what the policy shall allow beside: not for `explain`, where --read and --write are questions. */
#define BR_LAYER_OPTIONS(type, member)                                                                                         \
	BR_WHERE_OPTIONS(type, member),                                                                                        \
	    {"read", 0, "PATH", "let the session read PATH", BR_OPT_LIST, BR_LAYER_AT(type, member, read)},                    \
	{                                                                                                                      \
		"write", 0, "PATH", "let the session write PATH", BR_OPT_LIST, BR_LAYER_AT(type, member, write)                \
	}

void br_layer_options_free(struct br_layer_options *o);
/* Loads and merges what the options say. 0 also when the report holds problems; -1 with `e` when there is no home or working
 * directory. `s->a` and `s->r` are set by the caller. */
int br_tool_policy(const struct br_layer_options *o, struct br_policy_set *s, struct br_rules *rules, struct br_err *e);

/* The policy as the monitor would see it, compiled and read back, with a look over the project as it is now. Its parts point at each
 * other: it stays where it is. */
struct br_tool_world {
	struct br_arena a;
	struct br_report report;
	struct br_policy_set set;
	struct br_policy policy;
	struct br_guard *guard, *names;
	struct br_scan scan;
	struct br_decider decider;
};
/* `look`: whether acts will be decided; else the project is not looked at. 0; -1 with `e`; or the exit status of a policy in error,
 * whose report is printed. The caller closes it in every case. */
int br_tool_world_open(struct br_tool_world *w, const struct br_layer_options *o, bool look, struct br_err *e);
void br_tool_world_close(struct br_tool_world *w);

/* Prints the report on standard error and returns its exit status. */
int br_tool_refuse(struct br_report *r);
/* -1 when there are none, else the exit status. */
int br_tool_no_operands(const struct br_usage *u, int argc, char **argv, int first);

/* Each gets argv from its own name on and returns an exit status. */
int br_tool_compile(int argc, char **argv);
int br_tool_check(int argc, char **argv);
int br_tool_explain(int argc, char **argv);
int br_tool_schema(int argc, char **argv);
int br_tool_reference(int argc, char **argv);
int br_tool_test(int argc, char **argv);
int br_tool_trust_hash(int argc, char **argv);

#endif
