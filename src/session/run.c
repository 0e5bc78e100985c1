/* `brattice run`: from options to a running wall, and back to nothing. */
#include "session/run_int.h"

#include "base/cli.h"
#include "base/io.h"
#include "session/helper.h"
#include "session/home_changes.h"
#include "session/neighbours.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAIN_MS 500
#define HANDOFF_MAX (16UL << 20)

static int
explain(struct br_run *s)
{
	br_auto_buf b = {0};
	br_plan_print(&s->plan, &b);
	for (char **v = s->env.v; v != NULL && *v != NULL; v++)
		br_buf_printf(&b, "env     %.*s\n", (int)strcspn(*v, "="), *v);
	if (s->env.secrets.len > 0)
		br_buf_printf(&b, "withheld (look like secrets): %s\n", s->env.secrets.p);
	for (int k = 0; k < BR_LIMIT_N; k++)
		if (s->limits.value[k] != 0)
			br_buf_printf(&b, "limit   %s %llu: %s (%s)\n", br_limit_name((enum br_limit_kind)k), (unsigned long long)s->limits.value[k],
			    br_limit_how_name(s->limits.how[k]), s->limits.by[k]);
	(void)br_write_all(STDOUT_FILENO, b.p != NULL ? b.p : "", b.len);
	return 0;
}

/* For a person at a terminal, before the command owns the screen. */
static void
say_at_start(const struct br_run *s)
{
	for (int k = 0; k < BR_LIMIT_N; k++)
		if (s->limits.how[k] == BR_LIMIT_REFUSED)
			br_warn("limits.%s is not enforced: it %s", br_limit_name((enum br_limit_kind)k), s->limits.by[k]);
	if (s->m.term.fd < 0)
		return;
	if (s->env.secrets.len > 0)
		br_warn("kept out of the sandbox, since they look like secrets: %s (--env NAME passes one on)", s->env.secrets.p);
	char who[128];
	if (!s->review && br_neighbours(s->project.root, who, sizeof(who)) > 0)
		br_warn("%s works in this project too, and may run what the agent writes at once; --review keeps it apart", who);
}

/* The wall's own errors name the call that failed; which of an old kernel, a filter around us or a security module it was, they
 * can't tell. */
static void
hint_missing(struct br_err *e)
{
	if (e->hint[0] == '\0' && (e->sys == ENOSYS || e->sys == EPERM || e->sys == EOPNOTSUPP))
		(void)br_err_hint(e, "this kernel, or a sandbox around brattice, refuses it: run brattice outside of any other sandbox; "
				     "`brattice doctor` shows what this machine can enforce");
}

static int
launch(struct br_run *s, struct br_err *e)
{
	struct br_monitor *m = &s->m;
	if (br_session_open_records(s, e) < 0)
		return -1;
	if (!s->o->no_terminal && br_terminal_open(&m->term, e) < 0)
		return -1;
	m->filter.latin = br_terminal_is_latin();
	m->term.filter = &m->filter;
	if (m->term.fd < 0 && br_session_set_stdio(s, e) < 0)
		return -1;
	say_at_start(s);
	m->uid = s->uid;
	m->gid = s->gid;
	if (br_session_block_signals(s, e) < 0)
		return -1;
	if (s->o->json_events >= 0 && br_monitor_copy_events(m, (int)s->o->json_events, e) < 0)
		return -1;
	if (br_session_start_wall(s, e) < 0)
		return -1;
	if (br_session_send_masks(s, e) < 0 || br_session_start_gate(s, e) < 0 || br_monitor_watch(m, e) < 0 ||
	    br_session_release_gate(s, e) < 0) {
		br_wall_cause(&m->wall, e);
		return -1;
	}
	for (int i = 0; i < 3; i++)
		br_cleanup_fd(&s->stdio[i]); /* the command has them */
	s->stdio[0] = s->stdio[1] = s->stdio[2] = -1;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)snprintf(s->meta.state, sizeof(s->meta.state), "running");
	if (br_session_write_meta(m->session_dir, &s->meta, e) < 0)
		return -1;
	if (br_session_start_pipes(s, e) < 0)
		return -1;
	/* While init still mounts: what sessions that were killed left behind. */
	struct br_gc_report gone = {0};
	struct br_err ignored = BR_ERR_INIT;
	(void)br_session_gc(-1, &gone, &ignored);
	return br_monitor_loop(m, e);
}

/* What the gate still had to say when the last process inside ended. */
static void
drain_gate(struct br_run *s)
{
	struct br_monitor *m = &s->m;
	if (m->gate_sock < 0)
		return;
	br_monitor_drain_gate(m);
	/* The gate holds the watches and the namespaces too, so these closes are quick; it is not waited for while it gives them back. */
	br_latecomers_free(m->late);
	m->late = NULL;
	(void)kill(m->gate_pid, SIGKILL);
	(void)close(m->gate_sock);
	m->gate_sock = -1;
}

/* What the helper listed, one JSON object a line, as a list. */
static void
record_handoff(struct br_run *s)
{
	struct br_event *ev = &s->m.rec.event;
	br_auto_buf list = {0};
	if (br_read_file(s->m.session_dir, "handoff", &list, HANDOFF_MAX) < 0 || list.len == 0)
		return;
	br_event_begin(ev, BR_EV_HANDOFF);
	br_event_open(ev, "names", '[');
	for (const char *p = list.p; *p != '\0';) {
		size_t n = strcspn(p, "\n");
		if (p != list.p)
			br_buf_putc(&ev->line, ',');
		br_buf_put(&ev->line, p, n);
		p += n + (p[n] == '\n');
	}
	br_event_close(ev, ']');
	(void)br_recorder_commit(&s->m.rec); /* the end of the record, which follows, tells when it is broken */
}

/* What the changes could make the host execute; the helper stays quiet when there is nothing. */
static void
handoff(struct br_run *s)
{
	struct stat st;
	struct br_err e = BR_ERR_INIT;
	char policy[PATH_MAX + 16];
	if (s->m.touched_fd < 0 || fstat(s->m.touched_fd, &st) < 0 || s->policy_file[0] == '\0')
		return;
	int changes = br_home_changes(&s->ph, &s->policy, s->project.root, s->home, s->m.session_dir, &e);
	if (changes < 0)
		br_err_print(&e);
	if (st.st_size == 0 && changes <= 0)
		return;
	(void)snprintf(policy, sizeof(policy), "%s", s->policy_file);
	char *argv[] = {(char[]){"brattice-review"}, (char[]){"handoff"}, (char[]){"--session"}, s->dir, (char[]){"--project"}, s->project.root,
	    (char[]){"--policy"}, policy, br_cli_colour(STDERR_FILENO) ? (char[]){"--colour"} : NULL, NULL};
	if (br_helper_run("brattice-review", argv, &e) < 0)
		br_err_print(&e);
	record_handoff(s);
}

/* The last event, and the seal: posted, not waited for. */
static void
say_end(struct br_run *s, int status, const char *why)
{
	struct br_recorder *rec = &s->m.rec;
	struct br_event *ev = &rec->event;
	if (rec->fd < 0 || rec->broken)
		return;
	br_event_begin(ev, BR_EV_END);
	br_event_int(ev, "status", status);
	br_event_str(ev, "reason", why);
	br_event_int(ev, "denied", s->m.denied);
	br_event_seconds(ev, "wall_s", br_now_us() - s->began_us);
	if (br_recorder_post(rec, BR_CLASS_A) == 0)
		(void)br_recorder_seal(rec, "the session ended");
}

/* The command has ended, and what it did is on record; its end isn't. */
static void
say_unsealed(struct br_recorder *rec)
{
	struct br_err e = BR_ERR_INIT;
	br_recorder_cause(rec, errno, &e);
	(void)br_err_wrap(&e, "the end of the session is not on record");
	br_err_print(&e);
}

/* Everything that was made goes, in the opposite order; safe wherever the start stopped. `why`: the reason of the end. */
static void
finish(struct br_run *s, int status, const char *why)
{
	struct br_monitor *m = &s->m;
	br_monitor_kill(m);
	br_limits_finish(&s->limits);
	for (size_t i = 0; i < m->nrelays; i++) {
		if (m->pty < 0 || i == 0)
			br_relay_drain(m->relays[i], DRAIN_MS);
		br_relay_free(m->relays[i]);
	}
	if (m->term.fd >= 0)
		br_terminal_restore(&m->term);
	drain_gate(s);
	if (m->control != NULL)
		br_control_close(m->control, status);
	handoff(s);
	say_end(s, status, why);
	br_monitor_end_copy(m);
	if (s->meta.id[0] != '\0') {
		/* While the end of the record goes to disk. */
		br_home_finish(&s->ph, &s->policy);
		bool sealed = m->rec.fd < 0 || br_recorder_settle(&m->rec) == 0 || !m->rec.ready; /* without a log, nothing ran */
		if (!sealed && m->started && !m->failed)
			say_unsealed(&m->rec);
		struct br_err ignored = BR_ERR_INIT;
		(void)br_session_end(m->session_dir, &s->meta, status, sealed, &ignored);
	}
}

static void
release(struct br_run *s)
{
	struct br_monitor *m = &s->m;
	br_loop_free(m->loop);
	br_recorder_free(&m->rec);
	br_buf_free(&m->recorded);
	br_home_free(&s->ph);
	br_plan_free(&s->plan);
	br_latecomers_free(m->late);
	br_guard_free(s->guard);
	br_scan_free(&s->scan);
	br_env_free(&s->env);
	br_pol_free(&s->policy);
	free(s->state);
	int *const fds[] = {&m->session_dir, &s->lock, &m->touched_fd, &m->base_fd, &m->sigfd, &m->pty, &m->term.fd, &s->stdio[0], &s->stdio[1],
	    &s->stdio[2], &m->copy_fd, &s->far[0], &s->far[1], &s->far[2]};
	for (size_t i = 0; i < BR_ARRAY_LEN(fds); i++)
		br_cleanup_fd(fds[i]);
}

/* Of an end that is not brattice's own failure. */
static const char *
reason(const struct br_monitor *m)
{
	return m->timed_out ? "the time limit is over" : m->stopping ? "brattice was asked to stop" : "the command ended";
}

int
br_run(const struct br_run_options *o, struct br_err *e)
{
	struct br_run s = {.o = o, .began_us = br_now_us(), .lock = -1, .limits = {.procs = {-1, -1, -1, -1}}, .stdio = {-1, -1, -1}, .far = {-1, -1, -1}};
	s.m = (struct br_monitor){.session_dir = -1, .copy_fd = -1, .touched_fd = -1, .base_fd = -1, .gate_sock = -1, .sigfd = -1,
	    .term = {.fd = -1}, .pty = -1, .rec = BR_RECORDER_INIT, .wall = {.pidfd = -1, .userns = -1, .mntns = -1, .sock = -1, .gate_sock = -1}, .meta = &s.meta};
	s.m.loop = br_loop_new();
	int rc = s.m.loop == NULL ? br_err_set(e, errno, "epoll") : br_session_prepare(&s, e);
	if (rc == 0)
		rc = br_session_plan(&s, e);
	if (rc == 0 && o->explain)
		rc = explain(&s);
	else if (rc == 0)
		rc = launch(&s, e) < 0 ? -1 : s.m.status;
	if (rc < 0)
		hint_missing(e);
	finish(&s, rc >= 0 ? rc : e->status, rc >= 0 ? reason(&s.m) : e->msg);
	release(&s);
	return rc;
}
