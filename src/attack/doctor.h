/* `brattice doctor --attack`: the probes, run inside a real session of `brattice run` with the built-in policy, and before that
 * the same way without a wall, as a control.
 *
 *   brattice-attack doctor [--json] [--bare] BRATTICE
 *
 * Everything that is attacked is made for it: a home, a project, services and a process to attack, all below a directory of its own
 * in the state directory (a *world*). Exit status: 0 when all held, 1 when something went through or could not be told, 125 when
 * it could not be done, 128 + n after signal n. --bare runs the control alone and reports it as if it were the wall. */
#ifndef BRATTICE_ATTACK_DOCTOR_H
#define BRATTICE_ATTACK_DOCTOR_H

#include "base/buf.h"
#include "base/err.h"
#include "probe.h"

#include <limits.h>
#include <sys/stat.h>

/* --- what is tried: doctor_plan.c ------------------------------------------------------------------------------------------- */

struct group {
	const char *name;
	const char *classes; /* docs/threat-model.md */
	const char *title;
};

enum phase {
	PHASE_MAIN,     /* one session, attack after attack */
	PHASE_TERMINAL, /* a session each, on a terminal of its own */
	PHASE_NEXT,     /* a later session of the same project */
	PHASE_POLICY,   /* one that starts beside a policy that nobody trusted */
	PHASE_KILLED,   /* one whose brattice is killed */
};

enum {
	/* Not tried outside: it would act on the machine, or means nothing there. */
	NO_CONTROL = 1 << 0,
	NO_CONTROL_ROOT = 1 << 1,
	/* The verdict is whether a process lives when the session is over. */
	OUTLIVES = 1 << 2,
	/* What it leaves is needed later: not mended at once. */
	KEEP = 1 << 3,
	/* The host does this first, while the session runs. */
	HOST_SAVES = 1 << 4,
	HOST_BINDS = 1 << 5,
};

struct attack {
	const char *group;
	const char *line;   /* a probe and its arguments, separated by spaces; %X stands for a value of the world */
	const char *target; /* a path of the host whose change is the verdict, whatever the probe says; or NULL */
	const char *seen;   /* PHASE_TERMINAL: text that must not be on the user's terminal; or NULL */
	enum phase phase;
	unsigned flags;
};

extern const struct group doctor_groups[];
extern const size_t doctor_ngroups;
extern const struct attack doctor_attacks[];
extern const size_t doctor_nattacks;

/* --- where: doctor_world.c -------------------------------------------------------------------------------------------------- */

struct world {
	char root[PATH_MAX];
	int dir, lock;
	int signals;     /* signalfd of those that end us */
	int ended;       /* the signal that came, or 0 */
	bool bare;       /* without the wall */
	bool killed;     /* a session had to be killed: what it left is brattice gc's */
	char *value[128]; /* what %X stands for, by letter; NULL: could not be made here */
	pid_t services[16];
	size_t nservices;
	const char *self;     /* this program */
	const char *brattice;
};

/* Makes $STATE/attacks/<hex>, locked: a directory there whose lock is free is dead, and brattice gc removes it. */
int world_make(struct world *w, struct br_err *e);
void world_remove(struct world *w);
/* Home, project and the rest, as they are before a round. */
int world_plant(struct world *w, struct br_err *e);
/* Puts back what an attack changed; the services' sockets stay. */
void world_mend(struct world *w);
void world_clear(struct world *w);
void world_set(struct world *w, char letter, const char *fmt, ...) BR_PRINTF(3, 4);
/* Words separated by tabs into `out`. False when a value could not be made on this machine. */
bool world_expand(const struct world *w, const char *line, struct br_buf *out);
/* The host saves the hidden file as editors do: under another name, then renamed. */
int world_save_hidden(const struct world *w);

struct target {
	bool is;
	struct stat st;
	char head[32];
};
void target_look(const char *path, struct target *t);
bool target_changed(const struct target *a, const struct target *b);

/* --- processes: doctor_session.c -------------------------------------------------------------------------------------------- */

struct spawn {
	const char *path, *cwd;
	char *const *argv;
	char *const *env;
	int in, out;   /* -1: /dev/null, the world's log */
	int at_death;  /* the signal it gets when we die */
	bool session;  /* gets a descriptor too many, as a careless launcher leaves one */
	bool own_mounts;
};
pid_t world_spawn(struct world *w, const struct spawn *s);
/* True when it ended (status in `*status`) within `ms`; false also when a signal came. */
bool world_wait(struct world *w, pid_t pid, int ms, int *status);
/* 1: `fd` can be read; 0: not within `ms`; -1: a signal came. */
int world_poll(struct world *w, int fd, int ms);

/* Starts what is attacked on the host. What can't be had here has no value afterwards. */
void services_start(struct world *w);
void services_stop(struct world *w);
bool service_start(struct world *w, char letter, const char *line, char cwd, const char *value);

struct session {
	pid_t pid;
	int in, out;
	struct br_buf got;
	bool lost; /* it ended, or does not answer */
};
int session_start(struct world *w, struct session *s, struct br_err *e);
/* A probe_result, or -1 when there is no answer; `why` is what the probe said. */
int session_ask(struct world *w, struct session *s, const struct br_buf *line, struct br_buf *why);
/* End of input, and waits for the end; with `kill9`, SIGKILL. */
void session_end(struct world *w, struct session *s, bool kill9);
/* One probe in a session of its own, on a terminal of its own if `terminal`; the exit status, or -1. */
int session_once(struct world *w, const struct br_buf *line, bool terminal);
/* Whether a process of a session lives, `ms` later at the latest; it is killed. */
bool anyone_lives(struct world *w, int ms);
/* `brattice gc` in the world's state directory. */
void world_gc(struct world *w);

/* --- verdicts: doctor_round.c, doctor_report.c ------------------------------------------------------------------------------ */

enum outcome { NOT_TRIED, REFUSED, WORKED, CANT, NO_ANSWER };
struct result {
	enum outcome outcome;
	char *why;
	char *line; /* as it was tried */
};

/* All attacks with or without the wall; `r` has doctor_nattacks of them. -1: it could not be done at all. */
int round_run(struct world *w, struct result *r, struct br_err *e);
/* Returns the exit status. `control` is NULL with --bare. */
int report_put(struct br_buf *out, const struct result *wall, const struct result *control, double seconds, bool json, bool colour);

int doctor_main(int argc, char **argv);

#endif
