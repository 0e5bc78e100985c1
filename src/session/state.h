/* Sessions on disk.
 *
 *   $STATE/sessions/<id>/          STATE = $BRATTICE_STATE, else $XDG_STATE_HOME/brattice, else ~/.local/state/brattice; mode 0700
 *     lock          flock(2)ed for as long as the monitor lives: whoever gets it knows the session is dead. Removed once the
 *                   session is ended and cleaned, so that gc need not look at it again
 *     meta          "key value" lines, values escaped as \n \\ ; see struct br_session_meta. Written by rename and not synced:
 *                   after a power cut it may be empty ("damaged"); what must last is in the log
 *     log/          the audit log (docs/log-format.md), written by the auditor alone (session/recorder.h)
 *     touched       "op path" lines (escaped), the names the path gate let be changed: input of the handoff check
 *     base          review mode: "sha256 size mode mtime_ns path" of lower files at copy-up; "-" for the hash of a large one
 *     home-changes  names in homes that the handoff check knows, session/home_changes.h
 *     home/ upper/ work/   private storage of the run; home is removed at the end, upper and work stay until apply/discard
 *   $STATE/homes/<hash of project>/  what the private home keeps per project
 *   $STATE/homes/<hash>.made         directories made in the project, session/made.h
 *   $STATE/policy/<hash>             compiled policies
 *   $STATE/trust                     "sha256 path" lines: project policies the user has said yes to
 *   $RUNTIME/<id>.sock               control socket, session/control.h; RUNTIME = $XDG_RUNTIME_DIR/brattice, else STATE/run */
#ifndef BRATTICE_SESSION_STATE_H
#define BRATTICE_SESSION_STATE_H

#include "base/buf.h"
#include "base/err.h"

#include <limits.h>

#define BR_ID_LEN 12 /* hex digits of a session id, after the date: "20261124-131500-3fa9c1d20b7e" */

struct br_session_meta {
	char id[64];
	char name[64];          /* --name, or "" */
	char state[16];         /* starting, running, ended; readers fill in "damaged" when meta can't be read */
	char wall[16];
	char project[PATH_MAX];
	char policy[65];        /* hash of the compiled policy */
	char cgroup[4 * PATH_MAX]; /* absolute paths of the cgroups that the session may have, each ending in /brattice-<id>, '\n' between; "" if it
	                            * has none. gc removes them */
	char **argv;            /* NULL-terminated, allocated; stored up to 64 KiB (the log has all of it) */
	int pid;                /* the monitor */
	bool review;
	bool pending;           /* review: changes neither applied nor discarded */
	int64_t started_ms;     /* CLOCK_REALTIME */
	int64_t ended_ms;       /* 0 while running */
	int status;             /* exit status, once ended; -1 when the monitor died before it could say */
	bool alive;             /* filled by readers: the lock is held */
};

/* Paths; allocated, NULL with `e` set. They create nothing. */
char *br_state_dir(struct br_err *e);
char *br_runtime_dir(struct br_err *e);

/* Opens $STATE or $RUNTIME: owned by us, mode 0700, not a symlink, else an error with the mend. With `create` it is made when
 * absent; without, an absent one is -1 with e->sys == ENOENT. */
int br_state_open(bool create, struct br_err *e);
int br_runtime_open(bool create, struct br_err *e);
/* Every directory where a live session of ours may have put its socket: the terminal that asks may have another environment
 * than the one that started it. Opened and checked; at most `max` into `fds`; returns how many. */
size_t br_runtime_open_all(int *fds, size_t max);
/* "20261124-131500-3fa9c1d20b7e" */
bool br_session_is_id(const char *s);

/* Makes $STATE (checked as in br_state_open) and the directory of a new session; fills `m->id`, `m->pid` and, where 0,
 * `m->started_ms`; takes the lock. `*dirfd` and `*lockfd` are the caller's. A flock belongs to the open file: a child that keeps
 * `*lockfd` keeps a dead session alive, so every child closes it before anything else.
 * The directory appears under its name with its lock held. Nothing is synced. */
int br_session_create(struct br_session_meta *m, int *dirfd, int *lockfd, struct br_err *e);
/* The orderly end: meta says ended with `status`, the private home and, when the log is `sealed`, the lock file are removed: else gc has
 * to close the log. The monitor's last act on disk.
 * `m->pending` is the caller's to set. */
int br_session_end(int dirfd, struct br_session_meta *m, int status, bool sealed, struct br_err *e);
/* Writes meta by rename. */
int br_session_write_meta(int dirfd, const struct br_session_meta *m, struct br_err *e);
int br_session_read_meta(int dirfd, struct br_session_meta *m, struct br_err *e);
void br_session_meta_free(struct br_session_meta *m);

/* Finds by id, name, unique prefix of an id or (three letters or more) of its last part, or "last" (the one started last; with
 * `alive_only` the last that lives). Of several with one name the living one is meant. An ambiguous or unknown one is an error
 * that lists the candidates. Opens its directory. */
int br_session_find(const char *which, bool alive_only, struct br_session_meta *m, int *dirfd, struct br_err *e);
/* All sessions, newest first. The caller frees each meta and the array. */
int br_session_list(struct br_session_meta **out, size_t *n, struct br_err *e);

/* One JSON object without a newline: `brattice ps --json` and the status of the control socket. */
void br_session_put_json(struct br_buf *out, const struct br_session_meta *m);
/* Whether process `pid` (the monitor, says meta) is one that holds the session's lock, says /proc/locks: before it is sent a signal
 * in the monitor's place. */
bool br_session_is_held_by(int dirfd, pid_t pid);

/* Removes what dead sessions left that the kernel couldn't clean (homes, sockets, empty cgroups named brattice-<id>), marks
 * them ended, and with `older_than_s` >= 0 removes whole records of ended sessions older than that (never pending reviews). */
struct br_gc_report {
	unsigned dead, removed, sockets;
	uint64_t bytes;
};
int br_session_gc(int64_t older_than_s, struct br_gc_report *r, struct br_err *e);

#endif
