/* The namespace wall: starts pid 1 of a new set of namespaces, which builds the sandbox and runs the command in it.
 *
 * Monitor and init talk over a SOCK_SEQPACKET pair; a frame is one letter and a payload:
 *
 *   init → monitor   A armed   T terminal (+ pty master)   S started (i32 pid inside)   X exit (i32 wait status)   E struct br_err
 *   monitor → init   G go      M masks (u32 count; the names lie in the shared area)     K signal (i32) to the command
 *                    k SIGKILL to one process (i32, its number inside)
 *   init → gate      L the seccomp listener (+ fd)          gate → init   R ready
 *
 * Order of death: init arms PDEATHSIG *before* it says A, and builds nothing before it heard G, so there is no
 * instant in which the monitor can die and leave it alive. The pid namespace dies with init. */
#ifndef BRATTICE_SANDBOX_WALL_H
#define BRATTICE_SANDBOX_WALL_H

#include "sandbox/plan.h"

#define BR_WALL_MASK_AREA (1U << 20) /* bytes for names of hidden files, NUL-terminated strings one after the other */

struct br_wall_rlimits {
	uint64_t files;  /* RLIMIT_NOFILE, 0: as it is */
	uint64_t pids;   /* RLIMIT_NPROC and pid_max of the pid namespace, 0: as it is */
	uint64_t fsize;  /* RLIMIT_FSIZE, 0: none */
};

struct br_wall_config {
	struct br_plan *plan;
	char **argv, **envp;
	const char *cwd;
	const char *hostname;
	uid_t uid; /* the agent's, the same number inside and outside */
	gid_t gid;
	bool root; /* the monitor is root: init takes uid and gid on */
	bool terminal;        /* give the command a pty */
	int stdio[3];         /* what becomes 0, 1, 2 of the command when terminal is off */
	unsigned short rows, cols;
	struct br_wall_rlimits rlimits;
	/* The monitor's own descriptors that init must not hold: ends of the command's pipes, the session's lock and records. */
	int drop[16];
	size_t ndrop;
	/* A cgroup.procs file of each cgroup that init enters first (descriptors open for writing), -1 terminated. */
	int cgroup_procs[4];
};

struct br_wall {
	pid_t init;
	int pidfd;
	int userns, mntns; /* its namespaces, to join later: init itself can't be looked into once it is locked down */
	int sock;      /* to init */
	int gate_sock; /* the gate's end of its pair with init: passed to the gate, then closed here */
	char *masks;   /* shared area of BR_WALL_MASK_AREA bytes */
};

/* Clones init and lets it go once it is armed and mapped. On -1 nothing is left. Runs in the monitor, single-threaded. */
int br_wall_start(struct br_wall *w, const struct br_wall_config *c, struct br_err *e);
/* Tells init which names to hide: `count` strings in w->masks, absolute paths. */
int br_wall_send_masks(struct br_wall *w, uint32_t count, struct br_err *e);
/* Hides one more path (absolute, inside) in the running sandbox: a child joins its namespaces and mounts. Waits for it, about a
 * millisecond. */
int br_wall_mask(const struct br_wall *w, const char *path, uid_t uid, gid_t gid, struct br_err *e);
int br_wall_signal(const struct br_wall *w, int sig);
/* SIGKILL to one process by its number inside. */
int br_wall_kill_one(const struct br_wall *w, int pid);
/* If init has said why it died, puts that into `e`: when something else fails because of it, its own word comes first. */
void br_wall_cause(const struct br_wall *w, struct br_err *e);
/* SIGKILL to init: the whole pid namespace dies. Waits for it. */
void br_wall_kill(struct br_wall *w);

/* A user namespace that maps host uid/gid 0 of files to (uid, gid), for id-mapped mounts when root owns the project.
 * A descriptor, or -1. */
int br_wall_idmap_ns(uid_t uid, gid_t gid, struct br_err *e);

/* init.c: pid 1. Never returns. */
BR_NORETURN void br_init_main(const struct br_wall_config *given, int sock, int gate_sock, const char *masks);

#endif
