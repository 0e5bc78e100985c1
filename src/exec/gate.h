/* The path gate (docs/architecture.md, "The gate"): performs every call that creates, renames, links, removes or opens for writing, and
 * connects or binds sockets, on behalf of the sandbox. No such call is ever continued: what was judged is what is done.
 *
 * A process of its own, child of the monitor, in the host's pid namespace (so the agent can neither see nor signal it) and
 * in the sandbox's user and mount namespace (so that every path means what it means to the caller). It holds one
 * capability, CAP_SYS_PTRACE over the sandbox, to read the caller's memory and descriptors; no writes to host files but
 * through the sandbox's mounts. Single-threaded on purpose: names that the agent changes change one at a time, so nothing it
 * does can come between a judgement and the act. Calls that may block (FIFO opens, connects) are retried or done by a
 * short-lived child.
 *
 * Gate and monitor speak frames over a SOCK_SEQPACKET pair:
 *   gate → monitor   'R' ready     'D' denial (struct br_gate_event + strings): recorded before the call fails
 *                    'H' path: a file that is hidden by name is about to be made by the agent;   'h' path: it was not made
 *                    'T' touched names, "op path\n" lines            'N' evidence without effect (a refused write outside)
 *                    'B' base of a file that review mode copies up: "sha256 size mode mtime_ns path\n"
 *                    'M' struct br_gate_memory: the limit is passed
 *                    'Z' the last process inside has ended, nothing more will come
 *   monitor → gate   'A' recorded: answers a 'D'; the first one says that the session's start is on disk */
#ifndef BRATTICE_EXEC_GATE_H
#define BRATTICE_EXEC_GATE_H

#include "base/err.h"
#include "policy/guard.h"

struct br_gate_event {
	int32_t pid;      /* the caller's thread id, host numbering */
	int32_t err;      /* errno the caller gets */
	char op[16];      /* "create", "write", "rename", "link", "unlink", "mkdir", "connect" … */
	char comm[16];
	/* followed by path NUL rule NUL origin NUL why NUL */
};

struct br_gate_config {
	int init_pidfd;   /* whose user and mount namespaces to join */
	int init_sock;    /* the pair with init: L, R */
	int monitor_sock;
	int audit;        /* the stream to the auditor (audit/client.h), or -1: execs are not recorded */
	unsigned char salt[32]; /* that redacted values are hashed with */
	int hold;         /* a descriptor of the monitor's whose last close is slow, or -1: held until the gate's own end */
	struct br_guard *guard;
	const struct br_policy *policy;
	const char *project;
	const char *common; /* the .git that a linked worktree belongs to, or NULL: writable and guarded like the project's own */
	uid_t uid;        /* the agent's; taken on when the monitor is root */
	gid_t gid;
	bool root;
	bool review;      /* the project is an overlay: report bases, emulate directory renames */
	bool quiet;       /* no explanations on the caller's stderr */
	mode_t umask;     /* that the command starts with */
	int64_t started_ms; /* when the session began, CLOCK_REALTIME */
	uint64_t memory;  /* bytes: measure, and report when all inside together have more; 0: a cgroup counts */
};

/* 'M': all inside together have more memory than the limit; `pid` (inside) has most. */
struct br_gate_memory {
	uint64_t total;
	int32_t pid;
};

/* Never returns: exits when the listener, the monitor or init is gone. */
BR_NORETURN void br_gate_main(struct br_gate_config *c);

#endif
