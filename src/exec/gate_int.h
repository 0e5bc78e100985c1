/* Inside of the path gate: what its files share. */
#ifndef BRATTICE_EXEC_GATE_INT_H
#define BRATTICE_EXEC_GATE_INT_H

#include "base/buf.h"
#include "exec/gate.h"

#include <limits.h>
#include <linux/seccomp.h>
#include <sys/stat.h>

struct root { /* a writable tree of the user's: the project, and what `write:` names */
	const char *path;
	size_t len;
};
#define MAX_ROOTS 64
#define MAX_WAITING 64
#define MAX_LINKS 16
#define MAX_HELPERS 64

struct waiting { /* a call that would block, to be tried again */
	uint64_t id;
	struct seccomp_notif req;
};

/* A `.git` file, or a file that is to stay as it is (BR_GUARD_KEEP), that the caller is writing: it writes into a decoy, the gate
 * judges what it wrote when it closes. */
struct pending_link {
	const char *rule, *origin; /* of the guard that keeps the file; NULL: a `.git` file */
	int decoy;      /* our descriptor of the decoy */
	int watch;      /* inotify watch */
	int parent;     /* O_PATH of the directory that shall get the file */
	char name[NAME_MAX + 1];
	char path[PATH_MAX]; /* project-relative */
	pid_t pid;
};

struct gate {
	const struct br_gate_config *c;
	int listener;
	int proc;       /* the host's /proc */
	int inotify;    /* for pending links */
	struct root roots[MAX_ROOTS];
	size_t nroots;
	mode_t umask;   /* this process's own, now */
	uint64_t memory_due; /* microseconds: when to measure next */
	struct br_buf touched;
	uint64_t touched_since; /* microseconds; 0: nothing pending */
	uint64_t *seen; /* hashes of names already reported */
	size_t seen_n, seen_cap;
	struct waiting waiting[MAX_WAITING];
	size_t nwaiting;
	struct pending_link links[MAX_LINKS];
	size_t nlinks;
	unsigned nhelpers; /* children that wait in connect */
	bool overflow;     /* too many names to keep apart: said once */
	struct exec_gate *exec;
	uint64_t *socks; /* inodes of path sockets that this session bound: dev<<32 ^ ino pairs */
	size_t nsocks;
};

/* One call being served. */
struct call {
	struct gate *g;
	const struct seccomp_notif *req;
	pid_t pid; /* thread id */
};

/* What a handler did. */
enum outcome {
	DONE,     /* `val` or `err` is the answer */
	SENT,     /* the answer went out already, or a child gives it */
	AGAIN     /* would block: try later */
};
struct answer {
	int err; /* errno, or 0 */
	int64_t val;
};

/* A resolved name: the directory it lies in, the last component, and its canonical path inside the sandbox. */
struct place {
	int parent; /* O_PATH | O_DIRECTORY, owned */
	char name[NAME_MAX + 1];
	char path[PATH_MAX]; /* absolute: parent's canonical path + "/" + name */
	const char *rel;     /* the part below the writable root it lies in, or NULL */
	bool slash;          /* the caller wrote a trailing slash */
	bool dir_itself;     /* the path names a directory by ".", ".." or "/": parent is that directory, name is "." */
};
void place_close(struct place *p);
#define auto_place __attribute__((cleanup(place_close))) struct place

/* caller.c */
int caller_string(const struct call *c, uint64_t addr, char *out, size_t room); /* length, or -errno */
int caller_bytes(const struct call *c, uint64_t addr, void *out, size_t n);     /* 0, or -errno */
/* Answers the call of that notification; 0 also when its caller is gone, -1 with errno when it can't be told. */
int answer_call(const struct gate *g, uint64_t id, const struct answer *a);
bool caller_alive(const struct call *c);  /* SECCOMP_IOCTL_NOTIF_ID_VALID */
/* A signal waits for the thread, which SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV keeps from it while we have its call. */
bool caller_interrupted(const struct call *c);
int caller_dir(const struct call *c, int dirfd);  /* O_PATH of its cwd or descriptor; -errno */
int caller_fd_path(const struct call *c, int fd); /* O_PATH of what its descriptor is open on; -errno */
int caller_fd_dup(const struct call *c, int fd);  /* the same open file (pidfd_getfd); -errno */
int caller_tty(const struct call *c);     /* minor number of its controlling pts; -errno */
pid_t caller_ns_pid(const struct call *c); /* its process id inside; 0 when unknown */
void caller_comm(const struct call *c, char out[16]);
void take_umask(const struct call *c);    /* makes the caller's umask ours */

/* resolve.c */
int resolve(const struct call *c, int dirfd, const char *path, struct place *out); /* 0 or -errno; does not follow a last symlink */
int resolve_follow(const struct call *c, int dirfd, const char *path, struct place *out); /* through a last symlink too; errno or 0 */
int resolve_from(const struct call *c, int base, const char *path, struct place *out); /* from a directory descriptor of ours */
/* The same for a path that stands in the caller's memory at `addr`. errno or 0. */
int resolve_caller(const struct call *c, int dirfd, uint64_t addr, struct place *out);
int fd_canonical(const struct gate *g, int fd, char *out, size_t room); /* 0 or -errno */
const char *below_root(const struct gate *g, const char *path); /* project-relative part, or NULL */
/* Paths of /proc/self and /dev that mean something else to the gate than to the caller. */
enum magic { MAGIC_NONE, MAGIC_FD, MAGIC_TTY, MAGIC_PROC };
enum magic magic_path(const struct call *c, const char *path, int *fd, char *proc_rel, size_t room);

/* judge.c */
struct br_guard_answer judge(const struct gate *g, const struct place *p, bool is_dir);
bool brings_hooks(const struct call *c, const struct place *p);
struct br_guard_answer judge_tree(const struct gate *g, const struct place *p);
/* Denies: records it (waits for the monitor), tells the caller why, and returns the errno to give. */
int deny(const struct call *c, const char *op, const char *path, const struct br_guard_answer *why, const char *detail, int err);
/* Judges a plain act on a name; 0 or the errno of a recorded denial. */
int permit(const struct call *c, const char *op, const struct place *p, bool is_dir);

/* report.c */
void report_touched(struct gate *g, const char *op, const char *rel);
void report_flush(struct gate *g);
/* A name that is hidden when the host makes it: the monitor must know which are the agent's own. Before the act, and after one that
 * failed. True when the name counts. */
bool announce_hidden(const struct call *c, const struct place *p, bool replaces);
void announce_failed(const struct call *c, const struct place *p);
void report_refused(const struct call *c, const char *op, const char *path, int err);
void report_denied(const struct call *c, const char *op, const char *path, const char *rule, const char *origin, const char *why, int err);
bool seen_before(struct gate *g, const char *kind, const char *path);

/* names.c: the answer to an act on a name that returned `rc` (errno is its); records what it changed, or that it was refused. */
enum outcome name_done(const struct call *c, const char *op, const struct place *p, int rc, struct answer *a);

/* open.c, names.c, rename.c, gitfile.c, sock.c: the handlers */
enum outcome do_open(const struct call *c, int dirfd, uint64_t path_addr, uint64_t flags, uint64_t mode, struct answer *a);
enum outcome do_truncate(const struct call *c, struct answer *a);
enum outcome do_mkdir(const struct call *c, int dirfd, uint64_t path_addr, uint64_t mode, struct answer *a);
enum outcome do_mknod(const struct call *c, int dirfd, uint64_t path_addr, uint64_t mode, uint64_t dev, struct answer *a);
enum outcome do_unlink(const struct call *c, int dirfd, uint64_t path_addr, uint64_t flags, struct answer *a);
enum outcome do_symlink(const struct call *c, uint64_t target_addr, int dirfd, uint64_t path_addr, struct answer *a);
enum outcome do_link(const struct call *c, int olddir, uint64_t old_addr, int newdir, uint64_t new_addr, uint64_t flags, struct answer *a);
enum outcome do_rename(const struct call *c, int olddir, uint64_t old_addr, int newdir, uint64_t new_addr, uint64_t flags, struct answer *a);
enum outcome do_bind(const struct call *c, struct answer *a);
enum outcome do_connect(const struct call *c, struct answer *a);

/* gitfile.c */
/* rename(config.lock, config): judges the content and installs the gate's own copy of it. errno or 0. */
int git_install_config(const struct call *c, const struct place *from, const struct place *to);
/* Opening a `.git` file or a `commondir` for writing. Returns a descriptor for the caller, or -errno. */
int git_open_link(const struct call *c, const struct place *p);
int git_open_commondir(const struct call *c, const struct place *p);
/* The caller's descriptor of a decoy with `n` bytes in it; what it holds when the last descriptor is closed is judged for `p`,
 * which `why` (NULL: a `.git` file) guards. -errno. */
int git_open_decoy(const struct call *c, const struct place *p, const struct br_guard_answer *why, const void *data, size_t n);
/* Judges links whose writer has closed them; called before every call is served, and when inotify says so. */
void git_settle_links(struct gate *g, bool wait_for_close);
/* True when `name` would complete (or lies in) a directory that git takes for a repository: HEAD, objects, refs, config, hooks. */
bool git_like_dir(int parent, const char *prefix); /* prefix: "" or "../" */
/* Making `p` (HEAD, objects or refs) may complete such a directory: then what is there already must be harmless. errno or 0. */
int git_complete(const struct call *c, const char *op, const struct place *p);
bool git_marker_name(const char *name);

/* mode.c */
enum outcome do_chmod(const struct call *c, int dirfd, uint64_t path_addr, uint64_t mode, uint64_t flags, struct answer *a);
enum outcome do_fchmod(const struct call *c, struct answer *a);

/* exec.c: the exec gate */
int exec_start(struct gate *g); /* 0 or an errno */
/* Descriptors for the loop: readable when exec_reap (children of ours, and stops), when exec_record_ends has something to do. */
void exec_descriptors(const struct gate *g, int *signals, int *ends);
void exec_reap(struct gate *g);
/* `late`: also those that nobody has reaped yet, which exec_ends_wait says there are. False: there were none. */
bool exec_record_ends(struct gate *g, bool late);
bool exec_ends_wait(const struct gate *g);
size_t exec_live(const struct gate *g); /* processes whose end is still to be recorded */
enum outcome do_exec(const struct call *c, uint64_t path_addr, struct answer *a);
enum outcome do_exit(const struct call *c);
enum outcome do_adopt(const struct call *c); /* prctl(PR_SET_CHILD_SUBREAPER) */

/* refuse.c: calls that are never done; recorded once per program */
enum outcome do_refuse(const struct call *c, struct answer *a);

/* links.c: a file that also has a name outside the tree (a package manager's store) gets an inode of its own before it is written.
 * errno or 0. */
int break_links(const struct call *c, const struct place *p);
bool is_young(const struct call *c, int dirfd, const char *name);

/* keep.c: BR_GUARD_KEEP */
/* A descriptor for the caller of a decoy that starts as the file; 0: not by this way, refuse; or -errno. */
int keep_open(const struct call *c, const struct place *p, const struct br_guard_answer *why, uint64_t flags);
bool keep_permits(const char *op, const struct place *p);
bool keep_unlink(const struct call *c, const struct place *p); /* true: answer success, and leave the file */
void keep_settle(struct gate *g, const struct pending_link *l);

/* memory.c */
void memory_check(struct gate *g);

/* copy.c: review mode */
void report_base(const struct call *c, const struct place *p);
int copy_rename(const struct place *from, const struct place *to); /* directory rename on overlayfs (EXDEV): copy, then remove */

#endif
