/* Sessions on disk.
 *
 *   $STATE/sessions/<id>/          STATE = $BRATTICE_STATE, else $XDG_STATE_HOME/brattice, else ~/.local/state/brattice; mode 0700
 *     lock          flock(2)ed for as long as the monitor lives: whoever gets it knows the session is dead
 *     meta          "key value" lines, values escaped as \n \\ ; see struct br_session_meta
 *     events.jsonl  session/events.h
 *     touched       "op path" lines (escaped), the names the path gate let be changed: input of the handoff check
 *     base          review mode: "sha256 size mode path" of lower files at copy-up
 *     home/ upper/ work/   private storage of the run; home is removed at the end, upper and work stay until apply/discard
 *   $STATE/homes/<hash of project>/  what the private home keeps per project
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
	char state[16];         /* starting, running, ended */
	char wall[16];
	char project[PATH_MAX];
	char policy[65];        /* hash of the compiled policy */
	char **argv;            /* NULL-terminated, allocated */
	int pid;                /* the monitor */
	bool review;
	bool pending;           /* review: changes neither applied nor discarded */
	int64_t started_ms;     /* CLOCK_REALTIME */
	int64_t ended_ms;       /* 0 while running */
	int status;             /* exit status, once ended */
	bool alive;             /* filled by readers: the lock is held */
};

/* Paths; allocated, NULL with `e` set. They create nothing. */
char *br_state_dir(struct br_err *e);
char *br_runtime_dir(struct br_err *e);

/* Makes $STATE (0700, owned by us, not a symlink: else an error with the mend) and the directory of a new session; fills
 * `m->id`; takes the lock. `*dirfd` and `*lockfd` are the caller's. */
int br_session_create(struct br_session_meta *m, int *dirfd, int *lockfd, struct br_err *e);
/* Writes meta by rename. */
int br_session_write_meta(int dirfd, const struct br_session_meta *m, struct br_err *e);
int br_session_read_meta(int dirfd, struct br_session_meta *m, struct br_err *e);
void br_session_meta_free(struct br_session_meta *m);

/* Finds by id, unique prefix of an id, name, or "last" (the one started last; with `alive_only` the last that lives).
 * An ambiguous or unknown one is an error that lists the candidates. Opens its directory. */
int br_session_find(const char *which, bool alive_only, struct br_session_meta *m, int *dirfd, struct br_err *e);
/* All sessions, newest first. The caller frees each meta and the array. */
int br_session_list(struct br_session_meta **out, size_t *n, struct br_err *e);

/* Removes what dead sessions left that the kernel couldn't clean (homes, sockets, empty cgroups named brattice-<id>), marks
 * them ended, and with `older_than_s` >= 0 removes whole records of ended sessions older than that (never pending reviews). */
struct br_gc_report {
	unsigned dead, removed, sockets;
	uint64_t bytes;
};
int br_session_gc(int64_t older_than_s, struct br_gc_report *r, struct br_err *e);

#endif
