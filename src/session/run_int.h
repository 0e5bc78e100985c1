/* Inside of `brattice run`: what its files share. prepare.c finds out what the session is to be, stdio.c gives the command its
 * descriptors, start.c starts wall and gate, run.c puts them in order and takes everything down again. All of it runs in the
 * monitor; each function returns 0, or -1 with `e` set, and run.c's tear-down is safe wherever one stopped. */
#ifndef BRATTICE_SESSION_RUN_INT_H
#define BRATTICE_SESSION_RUN_INT_H

#include "sandbox/limits.h"
#include "session/env.h"
#include "session/home.h"
#include "session/monitor.h"
#include "session/project.h"
#include "session/run.h"
#include "session/scan.h"

#define BR_RUN_HOSTNAME "brattice"

/* A pipe in the place of a descriptor of the user's. */
struct stand_in {
	struct br_monitor *m;
	int *far;
	bool filter;
};

struct br_run {
	const struct br_run_options *o;
	uint64_t began_us;
	char *state;
	char home[PATH_MAX], user[64];
	uid_t uid;
	gid_t gid;
	bool root, idmap;
	struct br_project project;
	char common[PATH_MAX]; /* the .git directory of a linked worktree's repository, or "" */
	struct br_policy policy;
	char policy_file[PATH_MAX]; /* the compiled one, in the cache */
	struct br_session_meta meta;
	int lock;
	char dir[PATH_MAX]; /* the session's */
	char upper[PATH_MAX], work[PATH_MAX];
	bool review;
	struct br_limits limits;
	struct br_env env;
	struct br_home ph;
	struct br_plan plan;
	struct br_guard *guard;
	struct br_scan scan;
	int stdio[3];
	int far[3]; /* our ends of pipes that stand in for files, terminals, sockets */
	struct stand_in stand_ins[3];
	struct br_monitor m;
};

/* prepare.c: user, project, session record, policy, trust, environment, limits, private home. */
int br_session_prepare(struct br_run *s, struct br_err *e);
/* prepare.c: the mount plan; as root its sources are opened here. */
int br_session_plan(struct br_run *s, struct br_err *e);

/* stdio.c: what the command gets as 0, 1, 2 without a terminal of its own: pipes and /dev/null themselves, a pipe of ours in the place
 * of anything else. */
int br_session_set_stdio(struct br_run *s, struct br_err *e);
/* stdio.c: begins to relay; the event loop exists. */
int br_session_start_pipes(struct br_run *s, struct br_err *e);

/* start.c, in this order. The start is given to the auditor, which makes the log meanwhile; signals go to a descriptor; init is cloned and mounts while the
 * project is looked over; the gate is forked; the start is on disk before the gate may let init start the command. */
int br_session_open_records(struct br_run *s, struct br_err *e);
int br_session_block_signals(struct br_run *s, struct br_err *e);
int br_session_start_wall(struct br_run *s, struct br_err *e);
int br_session_send_masks(struct br_run *s, struct br_err *e);
int br_session_start_gate(struct br_run *s, struct br_err *e);
int br_session_release_gate(struct br_run *s, struct br_err *e);

#endif
