/* What `brattice run` was asked for: plain data, read from the command line by src/cli/run.c. */
#ifndef BRATTICE_SESSION_RUN_H
#define BRATTICE_SESSION_RUN_H

#include "base/opt.h"

/* All strings belong to argv. Paths are as typed: relative ones are relative to brattice's working directory, not to `cwd`. */
struct br_run_options {
	struct br_opt_list policy;     /* --policy FILE, in order */
	struct br_opt_list profile;    /* --profile NAME, in order */
	const char *wall;              /* --wall, a known name; NULL: the policy says, or auto */
	bool review;                   /* --review: writes go to an overlay */
	bool learn;                    /* --learn: run.c refuses it until it is enforced */
	struct br_opt_list env;        /* --env NAME (taken from the caller's environment) or NAME=VALUE; the names are checked */
	struct br_opt_list read;       /* --read PATH */
	struct br_opt_list write;      /* --write PATH */
	struct br_opt_list allow_host; /* --allow-host HOST[:PORT]: run.c refuses it until there is egress */
	const char *cwd;               /* --cwd DIR: the project; NULL: the working directory */
	bool no_terminal;              /* --no-terminal: pipes, also when stdin and stdout are a terminal */
	const char *name;              /* --name, checked: 1 to 63 of [A-Za-z0-9._-], begins with a letter; NULL: none */
	int64_t json_events;           /* --json-events FD: an open, writable descriptor that gets each event line too; -1: none */
	struct br_opt_list trust;      /* --trust-policy SHA256: 64 lower-case hex digits each */
	bool explain;                  /* --explain: print the wall's plan instead of running */
	bool force;                    /* --force: the project may be / or the home directory */
	char **argv;                   /* the command, at least one word, NULL-terminated */
};

/* Runs the session from start to end in this process, the monitor. Returns the exit status for brattice (the command's own,
 * 128+n for a signal), or -1 with `e` set and `e->status` the status to exit with. Prints nothing about `e` itself. */
int br_run(const struct br_run_options *o, struct br_err *e);

#endif
