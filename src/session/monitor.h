/* The monitor while the command runs: one event loop over init, gate, terminal, signals and the control socket. */
#ifndef BRATTICE_SESSION_MONITOR_H
#define BRATTICE_SESSION_MONITOR_H

#include "sandbox/wall.h"
#include "session/control.h"
#include "session/latecomers.h"
#include "session/recorder.h"
#include "session/recording.h"
#include "session/relay.h"
#include "session/state.h"
#include "session/terminal.h"

struct br_monitor {
	struct br_loop *loop;
	struct br_wall wall;
	struct br_control *control;
	struct br_recorder rec;
	struct br_session_meta *meta;
	int session_dir;
	struct br_relay *copy; /* of events, to --json-events; NULL: none */
	int copy_fd;
	int touched_fd, base_fd;

	pid_t gate_pid;
	int gate_sock;    /* frames of exec/gate.h */
	struct br_watch *gate_watch;
	bool gate_done;   /* it has said all it had to say */
	int sigfd;

	struct br_terminal term;
	struct br_term_filter filter;
	int pty;          /* master, or -1 */
	bool record_terminal, record_input;
	struct br_recording recording;
	struct br_buf recorded; /* its next line */
	struct br_relay *relays[4]; /* pty out, pty in, or the stand-ins of a terminal's stdin, stdout, stderr */
	size_t nrelays;

	struct br_latecomers *late;
	uid_t uid; /* the agent's */
	gid_t gid;
	uint64_t time_limit; /* seconds; 0: none */

	bool started;     /* the command runs */
	bool ended;
	bool stopping;
	bool timed_out;
	int status;       /* exit status for the user */
	unsigned denied, watched;
	uint64_t touched;
	struct br_err err; /* why the session failed, when status is brattice's own */
	bool failed;
};

/* Begins the copy of events to the user's descriptor `fd`, with the event just posted. SIGPIPE must be ignored. 0 or -1. */
int br_monitor_copy_events(struct br_monitor *m, int fd, struct br_err *e);
/* The last event, recorded or not, and what the reader has not taken yet; waits for it half a second at most. */
void br_monitor_end_copy(struct br_monitor *m);
/* Everything that the loop looks at, the control socket too: before the gate may let the command start. */
int br_monitor_watch(struct br_monitor *m, struct br_err *e);
/* Runs until the command has ended or the session failed. Everything else was set up by run.c. */
int br_monitor_loop(struct br_monitor *m, struct br_err *e);
/* What the gate still has to say when the last process inside has ended. */
void br_monitor_drain_gate(struct br_monitor *m);
/* For br_latecomers_new: hides the project-relative name in the running sandbox. */
void br_monitor_mask(void *arg, const char *rel);
/* Kills everything inside, now. Safe at any time. */
void br_monitor_kill(struct br_monitor *m);

#endif
