/* The mount plan: the sandbox's root file system as a list of operations.
 *
 * Built by br_plan_build from the policy (reading nothing but whether host paths exist), printed by `run --explain`, and
 * carried out in order by mounts.c inside init. Order matters: a later operation may lie below an earlier one. */
#ifndef BRATTICE_SANDBOX_PLAN_H
#define BRATTICE_SANDBOX_PLAN_H

#include "base/err.h"
#include "policy/compiled.h"

enum br_plan_kind {
	BR_PLAN_DIR,     /* make a directory (mode) */
	BR_PLAN_TMPFS,   /* new tmpfs: size (bytes), mode */
	BR_PLAN_BIND,    /* src → dst, recursive */
	BR_PLAN_SYMLINK, /* src = target */
	BR_PLAN_FILE,    /* data → a regular file (mode) */
	BR_PLAN_PROC,
	BR_PLAN_DEVPTS,
	BR_PLAN_MQUEUE,
	BR_PLAN_OVERLAY /* src = lower; upper and work in `data` as "upper\nwork" */
};
enum {
	BR_PLAN_RO = 1 << 0,
	BR_PLAN_NOEXEC = 1 << 1,
	BR_PLAN_DEV = 1 << 2,       /* device nodes work (only /dev's own) */
	BR_PLAN_OPTIONAL = 1 << 3,  /* skipped when src is absent */
	BR_PLAN_MUST_EXIST = 1 << 4, /* dst is never created (it lies in the project) */
	BR_PLAN_EXACT = 1 << 5 /* src is a path without symlinks that was judged; one that is in it now is refused */
};

struct br_plan_op {
	enum br_plan_kind kind;
	unsigned flags;
	mode_t mode;
	uint64_t size;
	char *src, *dst, *data;
	int fd; /* a detached mount made by the monitor (as root), or -1 */
};
struct br_plan {
	struct br_plan_op *ops;
	size_t n, cap;
	bool failed; /* memory ran out, or `err` */
	int err;     /* errno of a system directory that could not be looked at, or 0 */
};

/* Two absolute host paths. */
struct br_plan_pair {
	const char *src, *dst;
};

struct br_plan_input {
	const struct br_policy *policy;
	const char *project; /* real path, on the host and inside */
	const char *common;  /* the .git of a linked worktree's repository, or NULL: bound read-write at its own path */
	const char *home;    /* path inside */
	const char *home_src; /* private home on the host; like the sources of keeps, without symlinks */
	const struct br_plan_pair *keeps; /* kept parts of the home and private project paths: bound read-write */
	size_t nkeeps;
	const char *user;    /* name in the synthesised /etc/passwd */
	uid_t uid;           /* inside and outside */
	gid_t gid;
	const char *hostname;
	const char *upper, *work; /* review mode, else NULL */
	uint64_t tmp_size;
};

int br_plan_build(struct br_plan *p, const struct br_plan_input *in, struct br_err *e);
void br_plan_free(struct br_plan *p);
/* For --explain: one line an operation. */
void br_plan_print(const struct br_plan *p, struct br_buf *out);

#endif
