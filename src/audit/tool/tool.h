/* brattice-log: `brattice verify`, and what else reads the logs of sessions. One file for each command, one line in main.c's table. */
#ifndef BRATTICE_AUDIT_TOOL_H
#define BRATTICE_AUDIT_TOOL_H

#include "audit/log/note.h"
#include "base/cli.h"

#include <limits.h>

/* Gets argv from the command's own name on; returns an exit status. */
typedef int br_tool_fn(int argc, char **argv);

br_tool_fn br_tool_export, br_tool_log, br_tool_recover, br_tool_replay, br_tool_report, br_tool_verify;

/* A log that a user has named. */
struct br_place {
	int dirfd;           /* the directory that holds `hashes` and the rest */
	char id[128];        /* of the session; "" for a bundle, which says itself whose it is */
	bool bundle;         /* a directory from anywhere, instead of a session of ours */
	bool live;           /* its monitor lives */
	int keeper;          /* of the directory that a bundle's file was unpacked into, or -1 */
	pid_t child;
	char path[PATH_MAX]; /* for messages */
};

/* S or BUNDLE: what has a slash in it, or is "." or "..", is a directory that holds a log or a folder log/, or a file that
 * brattice export made (also without a slash, if its name ends in .tar.zst); anything else is a session
 * (session/state.h, br_session_find), whose log is repaired if its writer has died (br_log_recover). 0, or -1 with `e`. */
int br_place_open(const char *which, struct br_place *p, struct br_err *e);
void br_place_close(struct br_place *p);
/* The one operand of a command, or NULL with `e`. */
const char *br_place_operand(const char *command, int argc, char **argv, int first, struct br_err *e);

/* The host's own key, $STATE/host.pub. 1; 0 when there is none (no session was recorded yet); -1 with `e`. */
int br_host_key(struct br_note_key *k, struct br_err *e);
/* A verifier key out of a file, or itself when there is no such file: what --host-key takes. */
int br_named_key(const char *arg, struct br_note_key *k, struct br_err *e);
/* Whom to believe: who was named (NULL: nobody); else this host, for its own sessions, and for a bundle whose certificate it has signed.
 * 1, 0 nobody, -1 with `e`. */
int br_choose_key(const char *host_key, const struct br_place *place, struct br_note_key *k, struct br_err *e);

#endif
