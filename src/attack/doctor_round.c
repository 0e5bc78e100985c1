/* A round: every attack once, all with the wall or all without it. */
#include "doctor.h"

#include "base/io.h"

#include <signal.h>

/* A hidden file that the host saves is masked when the event arrives (docs/threat-model.md): not longer than this. */
#define MASKED_MS 3000
#define DEAD_MS   5000
/* How long the lingering of the control lasts by itself, also when we are killed; and that of an attack. */
#define LINGER_BARE "2"
#define LINGER_WALL "60"

static void
settle(struct result *r, enum outcome o, const char *why)
{
	free(r->why);
	r->outcome = o;
	r->why = probe_cat(why, "");
}

static enum outcome
outcome_of(int answer)
{
	switch (answer) {
	case PROBE_DONE:
		return WORKED;
	case PROBE_REFUSED:
		return REFUSED;
	case PROBE_CANT:
		return CANT;
	default:
		return NO_ANSWER;
	}
}

/* False: it is not tried in this round, and `r` says so. */
static bool
is_tried(const struct world *w, const struct attack *a, struct result *r, struct br_buf *line)
{
	bool all = world_expand(w, a->line, line);
	free(r->line);
	r->line = probe_cat(line->p, "");
	if (w->bare && ((a->flags & NO_CONTROL) != 0 || ((a->flags & NO_CONTROL_ROOT) != 0 && geteuid() == 0)))
		settle(r, NOT_TRIED, "not tried outside");
	else if (!all)
		settle(r, CANT, "what it attacks can't be had on this machine");
	else if (w->ended != 0)
		settle(r, NO_ANSWER, "interrupted");
	else
		return true;
	return false;
}

static int
ask(struct world *w, struct session *s, const struct attack *a, const struct br_buf *line, struct br_buf *why)
{
	int64_t until = probe_now_ms() + MASKED_MS;
	int answer;
	if ((a->flags & HOST_SAVES) != 0 && world_save_hidden(w) < 0)
		return PROBE_CANT;
	if ((a->flags & HOST_BINDS) != 0 && !service_start(w, 'Z', "unix late.sock %S", 'P', "late.sock"))
		return PROBE_CANT;
	do
		answer = session_ask(w, s, line, why);
	while ((a->flags & HOST_SAVES) != 0 && !w->bare && answer == PROBE_DONE && probe_now_ms() < until && usleep(10000) == 0);
	return answer;
}

static void
attack_one(struct world *w, struct session *s, const struct attack *a, struct result *r)
{
	br_auto_buf line = {0}, why = {0}, path = {0};
	struct target before = {0}, after = {0};
	if (!is_tried(w, a, r, &line))
		return;
	const char *target = a->target != NULL && world_expand(w, a->target, &path) ? path.p : NULL;
	if (target != NULL)
		target_look(target, &before);
	enum outcome o = outcome_of(ask(w, s, a, &line, &why));
	settle(r, o, why.p != NULL ? why.p : "");
	if (target == NULL)
		return;
	/* What a call answers is not what it did. */
	target_look(target, &after);
	bool changed = target_changed(&before, &after);
	if (changed)
		settle(r, WORKED, "changed on the host");
	else if (o == WORKED)
		settle(r, REFUSED, "the call succeeded, nothing changed on the host");
	if (changed && (a->flags & KEEP) == 0) {
		if (!before.is)
			(void)unlink(target);
		world_mend(w);
	}
}

/* The attacks of one phase in one session; those that outlive it are judged afterwards. */
static int
run_session(struct world *w, enum phase phase, struct result *r, struct br_err *e)
{
	struct session s;
	if (session_start(w, &s, e) < 0)
		return -1;
	for (size_t i = 0; i < doctor_nattacks; i++)
		if (doctor_attacks[i].phase == phase)
			attack_one(w, &s, &doctor_attacks[i], &r[i]);
	session_end(w, &s, phase == PHASE_KILLED);
	bool lives = anyone_lives(w, w->bare ? 0 : DEAD_MS);
	for (size_t i = 0; i < doctor_nattacks; i++) {
		if (doctor_attacks[i].phase != phase || (doctor_attacks[i].flags & OUTLIVES) == 0 || r[i].outcome == NO_ANSWER)
			continue;
		settle(&r[i], lives ? WORKED : REFUSED, lives ? "processes of the session live" : "no process of the session lives");
	}
	return 0;
}

static bool
was_seen(struct world *w, const char *text)
{
	static const char *const files[] = {"log/terminal", "log/queue"};
	for (size_t i = 0; i < BR_ARRAY_LEN(files); i++) {
		br_auto_buf b = {0};
		if (br_read_file(w->dir, files[i], &b, 1 << 20) == 0 && b.len > 0 && memmem(b.p, b.len, text, strlen(text)) != NULL)
			return true;
	}
	return false;
}

/* Those that need a session of their own. */
static void
run_alone(struct world *w, enum phase phase, struct result *r)
{
	for (size_t i = 0; i < doctor_nattacks; i++) {
		const struct attack *a = &doctor_attacks[i];
		br_auto_buf line = {0};
		if (a->phase != phase || !is_tried(w, a, &r[i], &line))
			continue;
		int status = session_once(w, &line, phase == PHASE_TERMINAL);
		enum outcome o = outcome_of(status);
		/* A policy that nobody trusted may also keep the session from starting. */
		if (phase == PHASE_POLICY && status == BR_EXIT_REFUSED)
			o = REFUSED;
		settle(&r[i], o, o == NO_ANSWER ? "the session did not start, or did not end" : o == CANT ? "there is no terminal to be had" : "");
		if (a->seen != NULL && (o == WORKED || o == REFUSED))
			settle(&r[i], was_seen(w, a->seen) ? WORKED : REFUSED, "by what was on the terminal");
	}
}

static int
plant_policy(const struct world *w)
{
	static const char text[] = "version: 1\nfilesystem:\n  read: [\"~/.ssh\"]\n";
	br_auto_fd int fd = openat(w->dir, "home/project/brattice.yaml", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd < 0 ? -1 : br_write_all(fd, text, strlen(text));
}

/* Whether a session can be had at all: without, every attack would seem to have no answer. */
static int
try_session(struct world *w, struct br_err *e)
{
	br_auto_buf line = {0}, said = {0};
	br_buf_puts(&line, "--list");
	if (w->bare || session_once(w, &line, false) == 0 || w->ended != 0)
		return 0;
	(void)br_read_file(w->dir, "log/messages", &said, 1 << 16);
	const char *p = said.len > 0 ? memmem(said.p, said.len, "brattice: ", 10) : NULL;
	(void)br_err_set(e, 0, "no session can be had to be attacked: %.*s", p != NULL ? (int)strcspn(p + 10, "\n") : 0, p != NULL ? p + 10 : "");
	return br_err_hint(e, "brattice run -- true says what is missing");
}

int
round_run(struct world *w, struct result *r, struct br_err *e)
{
	if (world_plant(w, e) < 0 || try_session(w, e) < 0)
		return -1;
	world_set(w, 'L', "%s", w->bare ? LINGER_BARE : LINGER_WALL);
	services_start(w);
	int rc = run_session(w, PHASE_MAIN, r, e);
	if (rc == 0)
		rc = run_session(w, PHASE_NEXT, r, e);
	if (rc == 0)
		rc = run_session(w, PHASE_KILLED, r, e);
	if (rc == 0)
		run_alone(w, PHASE_TERMINAL, r);
	if (rc == 0 && plant_policy(w) < 0)
		rc = br_err_set(e, errno, "cannot write in %s", w->root);
	if (rc == 0)
		run_alone(w, PHASE_POLICY, r);
	services_stop(w);
	if (w->killed && !w->bare)
		world_gc(w);
	return rc;
}
