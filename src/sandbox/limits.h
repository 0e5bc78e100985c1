/* Limits on memory, processes, CPU, open files, disk and time, by whatever this machine lets an ordinary user have.
 *
 *   cgroup v2   where the user's part of the tree is delegated (systemd user sessions): memory.max, pids.max, cpu.max
 *   cgroup v1   as root
 *   otherwise   RLIMIT_NPROC and the pid namespace's pid_max for processes (hard), tmpfs sizes and RLIMIT_FSIZE for disk, the
 *               gate's own measuring for memory (soft)
 *
 * Each limit is enforced, approximate or refused; with `strict` the run does not start unless all are enforced. */
#ifndef BRATTICE_SANDBOX_LIMITS_H
#define BRATTICE_SANDBOX_LIMITS_H

#include "base/buf.h"
#include "policy/compiled.h"

enum br_limit_kind { BR_LIMIT_MEMORY, BR_LIMIT_PIDS, BR_LIMIT_CPU, BR_LIMIT_DISK, BR_LIMIT_TIME, BR_LIMIT_FILES, BR_LIMIT_N };
enum br_limit_how { BR_LIMIT_UNSET, BR_LIMIT_ENFORCED, BR_LIMIT_APPROXIMATE, BR_LIMIT_REFUSED };

struct br_limits {
	uint64_t value[BR_LIMIT_N];
	enum br_limit_how how[BR_LIMIT_N];
	const char *by[BR_LIMIT_N]; /* "cgroup v2", "pid namespace" …, static */
	char *dirs[4];              /* cgroups made for this session */
	int procs[4];               /* their cgroup.procs, open for writing; -1 terminated */
	size_t n;
};

/* Every cgroup that br_limits_setup may make, a line each: recorded before it makes one, so that whatever a killed session left is
 * found. */
void br_limits_groups(struct br_buf *out, const struct br_policy *p, const char *session_id);
/* Reads the policy, makes the cgroups "brattice-<id>". -1 with `e` when `strict` can't be met or a cgroup refuses a value. */
int br_limits_setup(struct br_limits *l, const struct br_policy *p, const char *session_id, struct br_err *e);
/* Removes the cgroups (all in them are dead) and frees. */
void br_limits_finish(struct br_limits *l);
const char *br_limit_name(enum br_limit_kind k);
const char *br_limit_how_name(enum br_limit_how h);

#endif
