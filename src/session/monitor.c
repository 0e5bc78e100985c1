#include "session/monitor.h"

#include "base/io.h"
#include "exec/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DRAIN_MS 2000
#define STOP_GRACE_US 10000000
#define FRAME_MAX (128U << 10)
#define COPY_MAX (256U << 10)
#define COPY_END_MS 500

/* What brattice itself can't go on from: everything inside dies, the user learns why. */
static void
fail(struct br_monitor *m, const struct br_err *e)
{
	if (!m->failed && !m->ended) {
		m->failed = true;
		m->err = *e;
	}
	br_loop_stop(m->loop);
}

/* Its reader may fall behind, but neither hold the session up nor miss an event of one that goes on. */
static int
copy_event(struct br_monitor *m)
{
	struct br_err e = BR_ERR_INIT;
	if (m->copy == NULL)
		return 0;
	br_relay_inject(m->copy, m->rec.event.line.p, m->rec.event.line.len);
	if (br_relay_pending(m->copy) <= COPY_MAX)
		return 0;
	(void)br_err_set(&e, 0, "nobody reads the events of --json-events any more; the session is stopped");
	(void)br_err_hint(&e, "the program at the other end must read on, or close it; the whole record is in the session's directory");
	fail(m, &e);
	return -1;
}

/* The record can't be kept: nothing may go on unrecorded (invariant 6). */
static int
unrecorded(struct br_monitor *m)
{
	struct br_err e = BR_ERR_INIT;
	int sys = errno;
	/* First of all: to learn why takes a moment. */
	br_monitor_kill(m);
	br_recorder_cause(&m->rec, sys, &e);
	fail(m, &e);
	return -1;
}

/* The event in m->rec.event: of class A, it is on disk when this returns. */
static int
commit(struct br_monitor *m)
{
	return br_recorder_commit(&m->rec) < 0 ? unrecorded(m) : copy_event(m);
}

static void
on_auditor(void *arg, uint32_t events)
{
	(void)events;
	errno = EPIPE;
	(void)unrecorded(arg);
}

int
br_monitor_copy_events(struct br_monitor *m, int fd, struct br_err *e)
{
	/* A descriptor of our own: the loop may watch the user's for the command's output too. Never O_NONBLOCK: that is the user's. */
	m->copy_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (m->copy_fd >= 0)
		m->copy = br_relay_new(m->loop, -1, m->copy_fd, NULL, NULL, m);
	if (m->copy == NULL)
		return br_err_set(e, errno, "--json-events");
	br_relay_inject(m->copy, m->rec.event.line.p, m->rec.event.line.len);
	return 0;
}

void
br_monitor_end_copy(struct br_monitor *m)
{
	if (m->copy == NULL)
		return;
	br_relay_inject(m->copy, m->rec.event.line.p, m->rec.event.line.len);
	br_relay_flush(m->copy, COPY_END_MS);
	br_relay_free(m->copy);
	m->copy = NULL;
}

/* ---- init ---- */

static void
command_ended(struct br_monitor *m, int st)
{
	m->ended = true;
	m->status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
	br_loop_stop(m->loop);
}

static void pty_arrived(struct br_monitor *m, int fd);

static void
on_init(void *arg, uint32_t events)
{
	struct br_monitor *m = arg;
	char frame[1 + sizeof(struct br_err)];
	int fd = -1, value = 0;
	size_t nfds = 1;
	struct br_err e = BR_ERR_INIT;
	(void)events;
	ssize_t n = br_recv_frame(m->wall.sock, frame, sizeof(frame), &fd, &nfds);
	if (n <= 0) {
		(void)br_err_set(&e, 0, "the sandbox's first process was killed");
		fail(m, &e);
		return;
	}
	if (n >= 1 + (ssize_t)sizeof(int))
		memcpy(&value, frame + 1, sizeof(value));
	switch (frame[0]) {
	case 'T':
		if (nfds == 1)
			pty_arrived(m, fd);
		return;
	case 'S':
		m->started = true;
		break;
	case 'X':
		command_ended(m, value);
		break;
	case 'E':
		if (n == (ssize_t)sizeof(frame))
			memcpy(&e, frame + 1, sizeof(e));
		fail(m, &e);
		break;
	default:
		(void)br_err_set(&e, 0, "init said something unknown");
		fail(m, &e);
	}
	if (fd >= 0)
		(void)close(fd);
}

/* ---- gate ---- */

static const char *
next_string(const char **p, const char *end)
{
	const char *s = *p, *nul = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;
	if (nul == NULL)
		return "";
	*p = nul + 1;
	return s;
}

/* What the gate refused, or, with `refused` false, what the kernel did: that has no effect that waits for the record. */
static int
record_denial(struct br_monitor *m, const char *p, size_t n, bool refused)
{
	struct br_gate_event g;
	struct br_event *ev = &m->rec.event;
	const char *end = p + n;
	if (n < sizeof(g))
		return -1;
	memcpy(&g, p, sizeof(g));
	p += sizeof(g);
	g.op[sizeof(g.op) - 1] = g.comm[sizeof(g.comm) - 1] = '\0';
	const char *path = next_string(&p, end), *rule = next_string(&p, end), *origin = next_string(&p, end), *why = next_string(&p, end);
	bool call = br_streq(g.op, "call");
	br_event_begin(ev, call ? BR_EV_CALL : BR_EV_PATH);
	if (!call)
		br_event_str(ev, "op", g.op);
	br_event_str(ev, call ? "call" : "path", path);
	br_event_str(ev, "decision", "deny");
	br_event_str(ev, "rule", rule);
	br_event_str(ev, "origin", origin);
	br_event_str(ev, "why", why);
	br_event_int(ev, "pid", g.pid);
	br_event_str(ev, "comm", g.comm);
	br_event_str(ev, "errno", strerror(g.err));
	br_event_denied(ev);
	m->denied++;
	if (refused)
		return commit(m);
	return br_recorder_post(&m->rec, BR_CLASS_B) < 0 ? unrecorded(m) : copy_event(m);
}

/* A refusal is on disk before the gate, and so the caller, hears of it. */
static void
take_denial(struct br_monitor *m, const char *p, size_t n)
{
	struct br_err e = BR_ERR_INIT;
	if (record_denial(m, p, n, true) < 0)
		return;
	/* Else the gate, and with it everything inside, would wait for ever. */
	if (br_send_frame(m->gate_sock, "A", 1, NULL, 0) < 0 && errno != EPIPE && errno != ECONNRESET) {
		(void)br_err_set(&e, errno, "cannot answer the path gate");
		fail(m, &e);
	}
}

static void
append(struct br_monitor *m, int fd, const char *p, size_t n)
{
	struct br_err e = BR_ERR_INIT;
	if (br_write_all(fd, p, n) == 0)
		return;
	(void)br_err_set(&e, errno, "cannot write the session's list of changes");
	(void)br_err_hint(&e, "make room where brattice keeps its state, then run again");
	fail(m, &e);
}

/* Lines "op path", each name once: for the handoff check, and events. The copy of --json-events goes without: a checkout makes
 * thousands at once. */
static void
touched(struct br_monitor *m, char *p, size_t n)
{
	struct br_event *ev = &m->rec.event;
	append(m, m->touched_fd, p, n);
	p[n] = '\0';
	for (char *next; *p != '\0' && !m->failed; p = next) {
		next = p + strcspn(p, "\n");
		if (*next != '\0')
			*next++ = '\0';
		char *path = p;
		const char *op = br_field_next(&path);
		if (op == NULL || !br_unescape(path))
			continue;
		m->touched++;
		br_event_begin(ev, BR_EV_WATCH);
		br_event_str(ev, "op", op);
		br_event_str(ev, "path", path);
		if (br_recorder_commit(&m->rec) < 0)
			(void)unrecorded(m);
	}
}

/* No cgroup holds memory down here: the process that has most of it goes, as the kernel's own killer would have it. */
static void
over_memory(struct br_monitor *m, const char *p, size_t n)
{
	struct br_gate_memory mem;
	if (n != sizeof(mem))
		return;
	memcpy(&mem, p, sizeof(mem));
	br_event_begin(&m->rec.event, BR_EV_LIMIT);
	br_event_str(&m->rec.event, "what", "memory");
	br_event_int(&m->rec.event, "bytes", (int64_t)mem.total);
	br_event_int(&m->rec.event, "killed", mem.pid);
	if (commit(m) == 0)
		(void)br_wall_kill_one(&m->wall, mem.pid);
}

static void
take_frame(struct br_monitor *m, char *frame, size_t n)
{
	struct br_err e = BR_ERR_INIT;
	switch (frame[0]) {
	case 'R':
		break;
	case 'Z':
		m->gate_done = true;
		br_loop_del(m->gate_watch);
		m->gate_watch = NULL;
		break;
	case 'D':
		take_denial(m, frame + 1, n - 1);
		break;
	case 'N':
		(void)record_denial(m, frame + 1, n - 1, false);
		break;
	case 'T':
		touched(m, frame + 1, n - 1);
		break;
	case 'H':
	case 'h':
		if (m->late != NULL) {
			frame[n] = '\0';
			br_latecomers_expect(m->late, frame + 1, frame[0] == 'H' ? 1 : -1);
		}
		break;
	case 'M':
		over_memory(m, frame + 1, n - 1);
		break;
	case 'B':
		append(m, m->base_fd, frame + 1, n - 1);
		break;
	default:
		(void)br_err_set(&e, 0, "the path gate said something unknown");
		fail(m, &e);
	}
}

static void
on_gate(void *arg, uint32_t events)
{
	struct br_monitor *m = arg;
	static char frame[FRAME_MAX + 1];
	struct br_err e = BR_ERR_INIT;
	(void)events;
	ssize_t n = br_recv_frame(m->gate_sock, frame, FRAME_MAX, NULL, NULL);
	if (n <= 0) {
		/* The last process inside is gone, or the gate was killed: then the listener is closed and nothing inside can change
		 * a name any more (ENOSYS); init's own end follows, or is made to. */
		struct pollfd p = {.fd = m->wall.sock, .events = POLLIN};
		while (!m->ended && !m->failed && poll(&p, 1, 200) == 1 && p.revents != 0)
			on_init(m, 0);
		if (m->ended || m->failed)
			return;
		br_monitor_kill(m);
		/* Of the two it is the auditor's end that took the gate along. */
		if (br_recorder_gone(&m->rec)) {
			on_auditor(m, 0);
			return;
		}
		(void)br_err_set(&e, 0, "the path gate was killed: everything inside was ended");
		fail(m, &e);
		return;
	}
	take_frame(m, frame, (size_t)n);
}

void
br_monitor_drain_gate(struct br_monitor *m)
{
	static char frame[FRAME_MAX + 1];
	while (m->gate_sock >= 0 && !m->gate_done) {
		struct pollfd p = {.fd = m->gate_sock, .events = POLLIN};
		ssize_t n = poll(&p, 1, DRAIN_MS) == 1 ? br_recv_frame(m->gate_sock, frame, FRAME_MAX, NULL, NULL) : 0;
		if (n <= 0)
			return;
		take_frame(m, frame, (size_t)n);
	}
}

/* The gate's announcements come first: what it announced before is not the host's. */
static void
on_latecomers(void *arg, uint32_t events)
{
	struct br_monitor *m = arg;
	struct pollfd p = {.fd = m->gate_sock, .events = POLLIN};
	(void)events;
	while (!m->failed && !m->ended && m->gate_watch != NULL && poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0)
		on_gate(m, 0);
	if (!m->failed && !m->ended)
		br_latecomers_serve(m->late);
}

/* A secret that the host has just put there. */
void
br_monitor_mask(void *arg, const char *rel)
{
	struct br_monitor *m = arg;
	struct br_err e = BR_ERR_INIT;
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", m->meta->project, rel) >= (int)sizeof(path))
		return;
	if (br_wall_mask(&m->wall, path, m->uid, m->gid, &e) < 0) {
		struct stat st;
		if (lstat(path, &st) < 0)
			return; /* gone again */
		(void)br_err_hint(&e, "it holds a secret that the agent could read: the session is stopped");
		fail(m, &e);
		return;
	}
	br_event_begin(&m->rec.event, BR_EV_WATCH);
	br_event_str(&m->rec.event, "op", "hide");
	br_event_str(&m->rec.event, "path", path);
	(void)commit(m);
}

/* ---- terminal ---- */

/* The line in m->recorded, if there is one. */
static void
record_line(struct br_monitor *m)
{
	if (m->recorded.failed)
		errno = ENOMEM;
	if (m->recorded.failed || (m->recorded.len > 0 && br_recorder_terminal(&m->rec, m->recorded.p, m->recorded.len) < 0))
		(void)unrecorded(m);
}

static void
filter_output(void *arg, const char *data, size_t n, struct br_buf *out)
{
	struct br_monitor *m = arg;
	size_t before = out->len;
	/* Before it is shown, and as the command wrote it. */
	if (m->record_terminal && !m->failed) {
		br_recording_output(&m->recording, &m->recorded, data, n);
		record_line(m);
	}
	br_term_filter(&m->filter, data, n, out);
	if (m->control != NULL && out->len > before)
		br_control_output(m->control, out->p + before, out->len - before);
}

static void
record_input(struct br_monitor *m, const char *data, size_t n)
{
	if (!m->record_terminal || !m->record_input || m->failed)
		return;
	br_recording_input(&m->recording, &m->recorded, data, n);
	record_line(m);
}

static void
pass_input(void *arg, const char *data, size_t n, struct br_buf *out)
{
	record_input(arg, data, n);
	br_buf_put(out, data, n);
}

static void
begin_recording(struct br_monitor *m)
{
	unsigned short rows = 24, cols = 80;
	if (!m->record_terminal)
		return;
	(void)br_terminal_size(&m->term, &rows, &cols);
	br_recording_header(&m->recording, &m->recorded, cols, rows, getenv("TERM"));
	record_line(m);
}

static void
add_relay(struct br_monitor *m, int from, int to, br_relay_filter *f)
{
	struct br_relay *r = br_relay_new(m->loop, from, to, f, NULL, m);
	struct br_err e = BR_ERR_INIT;
	if (r != NULL && m->nrelays < BR_ARRAY_LEN(m->relays)) {
		m->relays[m->nrelays++] = r;
		return;
	}
	(void)br_err_set(&e, errno, "cannot pass on what the terminal says");
	br_relay_free(r);
	fail(m, &e);
}

static void
pty_arrived(struct br_monitor *m, int fd)
{
	struct br_err e = BR_ERR_INIT;
	m->pty = fd;
	if (br_terminal_raw(&m->term, &e) < 0) {
		fail(m, &e);
		return;
	}
	begin_recording(m);
	add_relay(m, m->pty, m->term.fd, filter_output);
	add_relay(m, m->term.fd, m->pty, pass_input);
}

static void
set_size(struct br_monitor *m, unsigned short rows, unsigned short cols)
{
	struct winsize ws = {.ws_row = rows, .ws_col = cols};
	if (m->pty < 0)
		return;
	(void)ioctl(m->pty, TIOCSWINSZ, &ws);
	if (m->record_terminal && !m->failed) {
		br_recording_resize(&m->recording, &m->recorded, cols, rows);
		record_line(m);
	}
}

/* ---- signals ---- */

static void
kill_late(void *arg, uint32_t events)
{
	struct br_monitor *m = arg;
	(void)events;
	if (!m->ended)
		br_monitor_kill(m);
	m->status = 128 + SIGKILL;
	m->ended = true;
	br_loop_stop(m->loop);
}

static void
stop(struct br_monitor *m, int sig)
{
	(void)br_wall_signal(&m->wall, sig);
	if (m->stopping)
		return;
	m->stopping = true;
	if (br_loop_after(m->loop, STOP_GRACE_US, kill_late, m) == NULL)
		kill_late(m, 0);
}

static void
on_signal(void *arg, uint32_t events)
{
	struct br_monitor *m = arg;
	struct signalfd_siginfo si;
	unsigned short rows, cols;
	(void)events;
	if (read(m->sigfd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	switch (si.ssi_signo) {
	case SIGWINCH:
		if (br_terminal_size(&m->term, &rows, &cols) == 0)
			set_size(m, rows, cols);
		break;
	case SIGINT:
	case SIGQUIT:
	case SIGUSR1:
	case SIGUSR2:
		(void)br_wall_signal(&m->wall, (int)si.ssi_signo);
		break;
	case SIGTERM:
	case SIGHUP:
		stop(m, (int)si.ssi_signo);
		break;
	default:
		break; /* SIGCHLD: the sockets tell */
	}
}

static void
time_over(void *arg, uint32_t events)
{
	struct br_monitor *m = arg;
	(void)events;
	br_event_begin(&m->rec.event, BR_EV_LIMIT);
	br_event_str(&m->rec.event, "what", "time");
	br_event_int(&m->rec.event, "seconds", (int64_t)m->time_limit);
	if (commit(m) < 0)
		return;
	m->timed_out = true;
	br_warn("the session's time limit of %llu s is over: the command is asked to end", (unsigned long long)m->time_limit);
	stop(m, SIGTERM);
}

/* ---- control socket ---- */

static void
ctl_status(void *arg, struct br_buf *out)
{
	const struct br_monitor *m = arg;
	br_session_put_json(out, m->meta);
}
static void
ctl_stop(void *arg)
{
	stop(arg, SIGTERM);
}
static void
ctl_kill(void *arg)
{
	kill_late(arg, 0);
}
static void
ctl_input(void *arg, const char *data, size_t n)
{
	struct br_monitor *m = arg;
	if (m->nrelays > 1) {
		record_input(m, data, n);
		br_relay_inject(m->relays[1], data, n);
	}
}
static void
ctl_resize(void *arg, unsigned short rows, unsigned short cols)
{
	set_size(arg, rows, cols);
}
static bool
ctl_can_attach(void *arg)
{
	const struct br_monitor *m = arg;
	return m->pty >= 0;
}
static void
ctl_replay(void *arg, struct br_buf *out)
{
	const struct br_monitor *m = arg;
	br_term_filter_replay(&m->filter, out);
}

/* ---- */

void
br_monitor_kill(struct br_monitor *m)
{
	br_wall_kill(&m->wall);
}

static int
watch(struct br_monitor *m, int fd, br_loop_fn *fn, struct br_err *e)
{
	return br_loop_add(m->loop, fd, EPOLLIN, fn, m) == NULL ? br_err_set(e, errno, "cannot watch the session") : 0;
}

static int
watch_gate(struct br_monitor *m, struct br_err *e)
{
	m->gate_watch = br_loop_add(m->loop, m->gate_sock, EPOLLIN, on_gate, m);
	return m->gate_watch == NULL ? br_err_set(e, errno, "cannot watch the path gate") : 0;
}

int
br_monitor_watch(struct br_monitor *m, struct br_err *e)
{
	const struct br_control_ops ops = {.arg = m,
	    .status = ctl_status,
	    .stop = ctl_stop,
	    .kill = ctl_kill,
	    .input = ctl_input,
	    .resize = ctl_resize,
	    .can_attach = ctl_can_attach,
	    .replay = ctl_replay};
	if (watch(m, m->wall.sock, on_init, e) < 0 || watch_gate(m, e) < 0 || watch(m, m->sigfd, on_signal, e) < 0 ||
	    watch(m, m->rec.fd, on_auditor, e) < 0)
		return -1;
	if (m->late != NULL && watch(m, br_latecomers_fd(m->late), on_latecomers, e) < 0)
		return -1;
	m->control = br_control_listen(m->loop, m->meta->id, &ops, e);
	return m->control == NULL ? -1 : 0;
}

int
br_monitor_loop(struct br_monitor *m, struct br_err *e)
{
	if (m->time_limit != 0 && br_loop_after(m->loop, m->time_limit * 1000000U, time_over, m) == NULL)
		return br_err_set(e, errno, "cannot set the time limit");
	if (br_loop_run(m->loop) < 0)
		return br_err_set(e, errno, "the event loop failed");
	if (m->failed) {
		*e = m->err;
		return -1;
	}
	return 0;
}
