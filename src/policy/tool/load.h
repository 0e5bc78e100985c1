/* Finds and reads the layers of a policy, lowest first, and notes every file it read or looked for. */
#ifndef BRATTICE_POLICY_TOOL_LOAD_H
#define BRATTICE_POLICY_TOOL_LOAD_H

#include "base/opt.h"
#include "base/sha256.h"
#include "policy/tool/path.h"
#include "policy/tool/ytree.h"

/* A higher layer decides over a lower one. The gap before BR_RANK_PROJECT is the place of Claude Code's settings. */
enum br_rank {
	BR_RANK_BUILTIN,
	BR_RANK_PROFILE,
	BR_RANK_USER,     /* ~/.config/brattice/policy.yaml */
	BR_RANK_SETTINGS, /* .claude/settings*.json: read by a later version */
	BR_RANK_PROJECT,  /* brattice.yaml */
	BR_RANK_LOCAL,    /* brattice.local.yaml */
	BR_RANK_FILE,     /* --policy FILE */
	BR_RANK_OPTION,   /* --read, --write, --env, --profile, --review */
	BR_RANK_SYSTEM    /* /etc/brattice/policy.d: fixes what it sets */
};

struct br_layer {
	enum br_rank rank;
	const char *name;            /* as shown: "brattice.yaml", "profile node", "built-in", "command line" */
	const char *path;            /* of the file; NULL when it has none */
	const char *base;            /* what relative paths in it are relative to */
	bool untrusted;              /* the file lies in the project */
	const struct br_ynode *root; /* a map */
};

struct br_input {
	const char *path;
	char state[BR_SHA256_HEX];
	uint32_t flags; /* BR_POLF_UNTRUSTED, BR_POLF_PRESENCE */
};

struct br_load_options {
	const char *home, *project, *state; /* absolute */
	const char *etc;                    /* directory of the system's layer, "/etc/brattice/policy.d" */
	const char *cwd;                    /* what --policy, --read and --write are relative to */
	const char *config_home;            /* $XDG_CONFIG_HOME; NULL: ~/.config */
	const char *command;                /* base name of the command, or NULL */
	const char *only;                   /* judge this file alone (with what is built in and the system's layer), or NULL */
	const struct br_opt_list *policy, *profile, *default_profile, *read, *write, *env;
	bool review;
};

struct br_policy_set {
	struct br_arena *a;
	struct br_report *r;
	struct br_places places;
	struct br_layer *layers; /* in rank order */
	size_t n, cap;
	struct br_input *inputs;
	size_t ninputs, inputs_cap;
	const char **profiles; /* names of those in force */
	size_t nprofiles, profiles_cap;
};

/* Problems go to the report; what could be read is in `s` also when there were some. */
void br_load(struct br_policy_set *s, const struct br_load_options *o);
/* Reads and checks one file into a tree; NULL when absent (noted), empty, or bad (reported). `name` is as shown. */
const struct br_ynode *br_load_file(struct br_policy_set *s, const char *path, const char *name, bool required);

/* Notes the state of a file or directory that the result depends on; once each. */
void br_load_note(struct br_policy_set *s, const char *path);

/* Where a node stands, for messages. */
struct br_place br_layer_place(const struct br_layer *l, const struct br_ynode *n);
/* "brattice.yaml:12", "profile node:3", "built-in", "command line". */
const char *br_layer_origin(struct br_arena *a, const struct br_layer *l, const struct br_ynode *n);

#endif
