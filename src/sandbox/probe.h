/* What this kernel and this machine can enforce: each feature that may be missing is probed here and nowhere else, by
 * using it in a child process, never by comparing kernel versions.
 *
 * `brattice doctor` prints the whole table; `run` asks for one feature when a step of its set-up has failed, to say
 * what is missing and how to mend it (br_probe_hint). A probe changes nothing that outlives it: no process, mount or
 * file. It needs no rights. Runs in any process that has one thread. */
#ifndef BRATTICE_SANDBOX_PROBE_H
#define BRATTICE_SANDBOX_PROBE_H

#include "base/err.h"

enum br_probe_state {
	BR_PROBE_ENFORCED,    /* works */
	BR_PROBE_APPROXIMATE, /* something weaker takes its place; `detail` says what */
	BR_PROBE_MISSING,
	BR_PROBE_UNUSED /* has no meaning here (a feature that only root uses) */
};

struct br_probe {
	enum br_probe_state state;
	char detail[256]; /* what was seen: "ABI 7: …", "clone: Operation not permitted" */
	char mend[384];   /* what to do about it, or "" */
};

enum br_feature_id {
	BR_FEATURE_USER_NS,
	BR_FEATURE_NAMESPACES,
	BR_FEATURE_TIME_NS,
	BR_FEATURE_MOUNT_SETATTR,
	BR_FEATURE_PROC,
	BR_FEATURE_LANDLOCK,
	BR_FEATURE_OPENAT2,
	BR_FEATURE_NOTIFY,
	BR_FEATURE_ADDFD_SEND,
	BR_FEATURE_SYNC_WAKE_UP,
	BR_FEATURE_MEMORY_READ,
	BR_FEATURE_PIDFD,
	BR_FEATURE_LIMIT_MEMORY,
	BR_FEATURE_LIMIT_PIDS,
	BR_FEATURE_LIMIT_CPU,
	BR_FEATURE_PID_MAX,
	BR_FEATURE_OVERLAY,
	BR_FEATURE_IDMAP,
	BR_FEATURE_TIOCSTI,
	BR_FEATURE_COUNT
};

struct br_feature {
	const char *name;  /* "user namespaces" */
	const char *layer; /* the group it is shown in */
	const char *since; /* the kernel that brought it: "5.19" */
	const char *why;   /* what brattice does with it */
	bool required;     /* without it `brattice run` does not start */
	void (*probe)(struct br_probe *out);
};

/* The description of one feature; static. */
const struct br_feature *br_feature(enum br_feature_id id);
/* Tries it. Takes up to a few milliseconds. */
void br_probe_run(enum br_feature_id id, struct br_probe *out);
/* For a set-up step that failed: probes the feature and, when it isn't enforced, puts its mend into `e`. Returns -1. */
int br_probe_hint(enum br_feature_id id, struct br_err *e);

#endif
