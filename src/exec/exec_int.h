/* Inside of the exec gate (docs/architecture.md, "The exec gate"): what exec.c, exec_image.c, exec_hash.c and exec_tree.c share. All
 * of it runs in the gate's one thread. Process numbers are the host's unless a name says `inside`. */
#ifndef BRATTICE_EXEC_EXEC_INT_H
#define BRATTICE_EXEC_EXEC_INT_H

#include "audit/event.h"
#include "base/sha256.h"
#include "exec/gate_int.h"
#include "sandbox/sys.h"

/* --- exec_tree.c: which process runs which exec ------------------------------------------------------------------------------ */

/* A live process that has made an exec. Forked copies have none: their parent is found by what fork(2) copies. */
struct exec_proc {
	struct exec_proc *next; /* in its bucket */
	pid_t pid;
	pid_t inside;
	int pidfd;
	uint64_t exec;   /* number of the exec that it runs */
	uint64_t key;    /* of its image */
	uint64_t since;  /* when that began: microseconds of CLOCK_MONOTONIC */
	uint64_t user0, sys0; /* CPU time that it had used up by then, microseconds */
	bool zombie;     /* it has ended, and was not reaped when that was seen */
	bool leaving;    /* it has called exit_group: the next three are known */
	uint64_t user, sys;
	uint64_t rss_kb;
};
#define EXEC_BUCKETS 1024
#define EXEC_KEYS 16384
#define EXEC_TTYS 64

struct exec_key { /* where the kernel put an image's arguments, and whose image it is */
	uint64_t key, exec;
};
struct exec_tty {
	pid_t session;
	int32_t tty; /* device number, 0: none */
};
struct exec_tree {
	uint64_t last; /* number of the last exec */
	struct exec_proc *bucket[EXEC_BUCKETS], *spare;
	struct exec_key *keys; /* EXEC_KEYS of them */
	struct exec_tty ttys[EXEC_TTYS];
	int epoll;     /* of pidfds */
	int pidns;     /* the sandbox's, or -1 before Linux 6.11 */
	size_t live, zombies; /* how many there are; how many of them are one */
	bool reaped_known; /* pidfds tell how those ended that were reaped (Linux 6.15) */
	bool adopters; /* somebody has made itself a reaper of orphans: a parent then proves nothing */
};

/* Who calls: filled before the exec. */
struct exec_caller {
	pid_t pid, ppid;        /* of its process */
	pid_t ppid_inside;      /* 0: not found out */
	int pidfd;              /* owned, unless `self` */
	struct exec_proc *self; /* the process has made an exec before */
	uint64_t parent;        /* number of the exec whose process, or forked copy, this is; 0: the sandbox's first process */
};

/* 0, or an errno: ENOMEM, or what epoll and the namespace's descriptor answer. */
int tree_init(struct exec_tree *t, int init_pidfd);
/* Finds out who `tid` is, as far as that can be known. */
void tree_caller(const struct gate *g, struct exec_tree *t, pid_t tid, struct exec_caller *out);
/* The caller's process runs a new exec from now on, whose number this returns. Takes its pidfd; where there was no descriptor left for
 * one its end won't be seen. */
uint64_t tree_begin(struct exec_tree *t, struct exec_caller *c, uint64_t key);
struct exec_proc *tree_find(struct exec_tree *t, pid_t pid); /* alive, or NULL */
/* The process that thread `tid` belongs to, if it has made an exec. */
struct exec_proc *tree_of_thread(struct exec_tree *t, const struct gate *g, pid_t tid);
pid_t tree_inside(const struct gate *g, const struct exec_tree *t, pid_t pid); /* its number inside; 0 when unknown */
/* The controlling terminal's device number of process `pid`; 0 when it has none. */
int32_t tree_tty(const struct gate *g, struct exec_tree *t, pid_t pid);
/* CPU time of a process, microseconds: as getrusage(2) splits it. */
void tree_cpu(pid_t pid, uint64_t *user, uint64_t *sys);

/* One process has ended. `status` as wait(2) gives it, -1: could not be known. */
struct exec_end {
	struct exec_proc *proc;
	int status;
	bool cpu; /* user and sys of proc are known */
};
/* Processes that have ended, some of them; those that nobody has reaped only if `late`, for what is to be asked of them then costs more.
 * The caller records each, then gives it to tree_forget. */
#define EXEC_ENDS 32
size_t tree_ends(const struct gate *g, struct exec_tree *t, struct exec_end out[EXEC_ENDS], bool late);
void tree_forget(struct exec_tree *t, struct exec_proc *p);

/* --- exec_hash.c: what a file is --------------------------------------------------------------------------------------------- */

#define HASH_SLOTS 1024
#define HASH_MOUNTS 64
#define HASH_NAME 64
struct hash_slot {
	uint64_t dev, ino, size;
	int64_t mtime, ctime; /* nanoseconds */
	char hex[BR_SHA256_HEX];
	char called[HASH_NAME], program[HASH_NAME]; /* names that led to it, "": not kept */
};
struct hash_mount {
	uint64_t id; /* 0: free */
	bool read_only, keeps_time;
};
struct hash_cache {
	struct hash_slot *slots;
	struct hash_mount mounts[HASH_MOUNTS];
	char *chunk; /* what is read goes through here */
};
int hash_init(struct hash_cache *h);
/* The file that /proc/`link` leads to, which statx(2) described as `x`. 0 with its SHA-256, or -1 when it can't be read. `*writable`:
 * the sandbox can change it. */
/* What is kept of that file; NULL when nothing is, or it isn't on a read-only mount. */
struct hash_slot *hash_kept(struct hash_cache *h, const struct br_statx *x);
int hash_file(const struct gate *g, struct hash_cache *h, const char *link, const struct br_statx *x, char hex[BR_SHA256_HEX], bool *writable);

/* --- exec_image.c: what the kernel has loaded -------------------------------------------------------------------------------- */

#define ENV_KEPT 4
struct env_kept { /* most processes have the environment of the one before */
	struct br_buf bytes;
	char hex[BR_SHA256_HEX];
};
struct exec_image {
	pid_t pid;
	struct br_buf stack;    /* memory of the new image, from its stack pointer on */
	const char *args, *env; /* in it: strings that end in NUL, one after the other; NULL: could not be read */
	size_t nargs, nenv;
	uint64_t key;
	char called[PATH_MAX];  /* the name that was executed (AT_EXECFN); "" when it could not be read */
	char program[PATH_MAX], cwd[PATH_MAX]; /* "" when they could not be read */
	struct br_statx exe;
	bool has_exe;
	char sha256[BR_SHA256_HEX], env_hash[BR_SHA256_HEX]; /* "": unknown */
	char script[PATH_MAX];  /* "" when the program itself was executed */
	char script_sha256[BR_SHA256_HEX];
	bool script_writable;
	struct env_kept kept[ENV_KEPT];
	unsigned next_kept;
};
/* Reads the image of `pid`, which is stopped at PTRACE_EVENT_EXEC: nobody else maps its memory, and no instruction of it has run. */
void image_read(const struct gate *g, struct hash_cache *h, struct exec_image *im, pid_t pid);

#endif
