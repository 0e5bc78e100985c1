/* Between the files of the probe: each probes one group of features. */
#ifndef BRATTICE_SANDBOX_PROBE_IMPL_H
#define BRATTICE_SANDBOX_PROBE_IMPL_H

#include "sandbox/probe.h"

/* probe.c */
void br_probe_set(struct br_probe *p, enum br_probe_state state, const char *fmt, ...) BR_PRINTF(3, 4);
void br_probe_mend(struct br_probe *p, const char *fmt, ...) BR_PRINTF(2, 3);
/* A number in a file of /proc/sys; `absent` when there is no such file or no number in it. */
long br_probe_sysctl(const char *path, long absent);

/* probe_child.c: a child for what a probe would do to its own process. */
enum br_probe_step {
	BR_PROBE_CLONE, /* making the child in its namespaces failed */
	BR_PROBE_MAP,   /* writing its uid_map or gid_map failed */
	BR_PROBE_FN     /* `fn` ran; err is what it returned */
};
struct br_probe_child {
	enum br_probe_step step;
	int err; /* errno, 0 = all went well */
};
/* Runs `fn` in a child of its own namespaces `flags` (CLONE_NEW*, 0 = none), its user and group mapped to themselves when a
 * user namespace is among them. `fn` returns 0 or an errno and may leave the child in any state. */
struct br_probe_child br_probe_in(uint64_t flags, int (*fn)(void *arg), void *arg);
/* A child that waits, while `peer` runs in the parent with its pid; `peer`'s errno counts. */
struct br_probe_child br_probe_beside(uint64_t flags, int (*peer)(pid_t child, void *arg), void *arg);

void br_probe_user_ns(struct br_probe *p);
void br_probe_namespaces(struct br_probe *p);
void br_probe_time_ns(struct br_probe *p);
void br_probe_mount_setattr(struct br_probe *p);
void br_probe_proc(struct br_probe *p);
void br_probe_pid_max(struct br_probe *p);
void br_probe_overlay(struct br_probe *p);
void br_probe_idmap(struct br_probe *p);

void br_probe_landlock(struct br_probe *p);
void br_probe_openat2(struct br_probe *p);
void br_probe_notify(struct br_probe *p);
void br_probe_addfd_send(struct br_probe *p);
void br_probe_sync_wake_up(struct br_probe *p);
void br_probe_memory_read(struct br_probe *p);
void br_probe_pidfd(struct br_probe *p);
void br_probe_tiocsti(struct br_probe *p);

void br_probe_limit_memory(struct br_probe *p);
void br_probe_limit_pids(struct br_probe *p);
void br_probe_limit_cpu(struct br_probe *p);

#endif
