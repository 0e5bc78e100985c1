/* brattice replay: a session's terminal, and its commands, as they went by.
 *
 * The recording is what a hostile program wrote: it goes through the filter that live output goes through (session/terminal.h), and
 * what it changed of the terminal is undone at the end, on every way out: signals come by a descriptor. */
#include "audit/tool/keys.h"
#include "audit/tool/timeline.h"
#include "audit/tool/tool.h"
#include "audit/tool/when.h"

#include "base/io.h"
#include "session/terminal.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define JUMP_S 5.0
#define SPEED_MIN 0.0625
#define SPEED_MAX 1024.0

struct opts {
	const char *speed, *idle, *seek;
	bool step, commands_only;
};

static const struct br_opt table[] = {
    {"speed", 's', "X", "so many times as fast", BR_OPT_STRING, offsetof(struct opts, speed), NULL},
    {"idle-limit", 'i', "SECONDS", "no pause is longer", BR_OPT_STRING, offsetof(struct opts, idle), NULL},
    {"seek", 0, "TIME", "begin there: 90, 1:30, 15m", BR_OPT_STRING, offsetof(struct opts, seek), NULL},
    {"step", 0, NULL, "stop at each command; \".\" goes on to the next", BR_OPT_FLAG, offsetof(struct opts, step), NULL},
    {"commands-only", 'c', NULL, "the commands and denials, without the terminal", BR_OPT_FLAG, offsetof(struct opts, commands_only), NULL},
};

static const struct br_usage usage = {
    .command = "replay",
    .synopsis = "[OPTION...] [SESSION|BUNDLE]",
    .summary = "play a session's terminal and commands again",
    .about = "Plays what the session wrote to its terminal, in its time, and shows each command in the title. Nothing is executed. What acts on "
	     "your terminal and not on the screen is left out, as it was when the session ran.\n\n"
	     "Keys, in a terminal: space stops and goes on, \".\" goes to the next command, left and right jump by 5 seconds, up and down "
	     "change the speed, q ends.",
    .opts = table,
    .nopts = BR_ARRAY_LEN(table),
    .interleave = true,
};

struct player {
	const struct opts *o;
	struct br_timeline line;
	struct br_terminal tty;
	struct br_term_filter filter;
	struct br_keys keys;
	struct br_buf out;
	int sigfd;
	double speed, idle;
	double at;     /* what has been played */
	double target; /* up to here without waiting */
	bool paused, to_next, quit, back;
	int signal;
};

static int
put(struct player *p, const char *data, size_t n, struct br_err *e)
{
	if (n == 0 || br_write_all(STDOUT_FILENO, data, n) == 0)
		return 0;
	p->quit = true;
	return errno == EPIPE ? 0 : br_err_set(e, errno, "cannot write to the terminal");
}

static int
put_command(struct player *p, const struct br_moment *m, struct br_err *e)
{
	br_auto_buf b = {0};
	const char *text = m->text.p != NULL ? m->text.p : "";
	if (p->o->commands_only)
		br_buf_printf(&b, "%8.3f  %s%s", m->at, text, p->tty.raw ? "\r\n" : "\n");
	else
		/* Through the filter as well: it keeps account of the title, and gives the user's own back. */
		br_buf_printf(&b, "\033]2;%s\007", text);
	if (p->o->commands_only || !isatty(STDOUT_FILENO))
		return p->o->commands_only ? put(p, b.p, b.len, e) : 0;
	br_buf_reset(&p->out);
	br_term_filter(&p->filter, b.p, b.len, &p->out);
	return put(p, p->out.p, p->out.len, e);
}

static int
play(struct player *p, const struct br_moment *m, struct br_err *e)
{
	if (m->code == 0)
		return put_command(p, m, e);
	if (m->code != 'o')
		return 0;
	br_buf_reset(&p->out);
	br_term_filter(&p->filter, m->text.p, m->text.len, &p->out);
	return p->out.failed ? br_err_set(e, ENOMEM, "cannot play") : put(p, p->out.p, p->out.len, e);
}

static void
on_key(struct player *p, enum br_key key)
{
	switch (key) {
	case BR_KEY_PAUSE:
		p->paused = !p->paused;
		break;
	case BR_KEY_NEXT:
		p->to_next = true;
		p->paused = false;
		break;
	case BR_KEY_QUIT:
		p->quit = true;
		break;
	case BR_KEY_LEFT:
		p->back = true;
		p->target = p->at > JUMP_S ? p->at - JUMP_S : 0;
		break;
	case BR_KEY_RIGHT:
		p->target = fmax(p->target, p->at) + JUMP_S;
		break;
	case BR_KEY_UP:
		p->speed = fmin(p->speed * 2, SPEED_MAX);
		break;
	case BR_KEY_DOWN:
		p->speed = fmax(p->speed / 2, SPEED_MIN);
		break;
	case BR_KEY_NONE:
		break;
	}
}

static void
read_keys(struct player *p)
{
	unsigned char c[256];
	ssize_t n = read(p->tty.fd, c, sizeof(c));
	/* The terminal is gone. */
	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		p->quit = true;
	for (ssize_t i = 0; i < n; i++)
		on_key(p, br_keys_take(&p->keys, c[i]));
}

/* Up to `ms` (-1: for ever), or until a key or a signal comes. */
static void
wait_input(struct player *p, int ms)
{
	struct pollfd fds[2] = {{.fd = p->sigfd, .events = POLLIN}, {.fd = p->tty.fd, .events = POLLIN}};
	struct signalfd_siginfo si;
	if (poll(fds, 2, ms) <= 0)
		return;
	if (fds[0].revents != 0 && read(p->sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		p->signal = (int)si.ssi_signo;
		p->quit = true;
	}
	if (fds[1].revents != 0)
		read_keys(p);
}

/* Until `at` is due. */
static void
wait_until(struct player *p, double at)
{
	double left = fmin(at - p->at, p->idle);
	uint64_t now = br_now_us();
	while (!p->quit && !p->back && !p->to_next && at > p->target && (p->paused || left > 0)) {
		uint64_t ms = p->paused ? 0 : (uint64_t)ceil(fmin(left / p->speed, 3600) * 1000);
		wait_input(p, p->paused ? -1 : (int)ms);
		uint64_t then = br_now_us();
		if (!p->paused)
			left -= (double)(then - now) / 1e6 * p->speed;
		now = then;
	}
}

static int
go_back(struct player *p, struct br_err *e)
{
	char undo[BR_TERM_UNDO];
	p->back = false;
	p->at = 0;
	size_t n = br_term_filter_undo(&p->filter, undo);
	if (put(p, undo, n, e) < 0 || put(p, "\033[H\033[2J", 7, e) < 0)
		return -1;
	return br_timeline_rewind(&p->line, e);
}

static int
play_all(struct player *p, struct br_err *e)
{
	const struct br_moment *m;
	while (!p->quit) {
		int rc = br_timeline_next(&p->line, &m, e);
		if (rc <= 0)
			return rc;
		wait_until(p, m->at);
		if (p->back) {
			if (go_back(p, e) < 0)
				return -1;
			continue;
		}
		if (p->quit)
			break;
		if (play(p, m, e) < 0)
			return -1;
		p->at = m->at;
		if (m->code == 0 && (p->to_next || p->o->step) && p->at >= p->target) {
			p->to_next = false;
			p->paused = p->tty.raw;
		}
	}
	return 0;
}

static int
watch_signals(struct player *p, struct br_err *e)
{
	sigset_t set;
	(void)sigemptyset(&set);
	static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	for (size_t i = 0; i < BR_ARRAY_LEN(caught); i++)
		(void)sigaddset(&set, caught[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	/* The reader that goes away must not kill us with the terminal raw. */
	(void)signal(SIGPIPE, SIG_IGN);
	p->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->sigfd >= 0 ? 0 : br_err_set(e, errno, "cannot watch for signals");
}

/* Back to what the user had, whichever way it ended. */
static void
leave(struct player *p)
{
	char undo[BR_TERM_UNDO];
	if (p->tty.raw) {
		br_terminal_restore(&p->tty);
	} else if (isatty(STDOUT_FILENO)) {
		size_t n = br_term_filter_undo(&p->filter, undo);
		(void)br_write_all(STDOUT_FILENO, undo, n);
	}
	br_cleanup_fd(&p->tty.fd);
}

static int
enter(struct player *p, struct br_err *e)
{
	unsigned short rows, cols;
	const struct br_cast *c = &p->line.cast;
	p->filter.latin = br_terminal_is_latin();
	if (br_terminal_open(&p->tty, e) < 0)
		return -1;
	p->tty.filter = &p->filter;
	if (p->tty.fd >= 0 && p->line.has_cast && !p->o->commands_only && br_terminal_size(&p->tty, &rows, &cols) == 0 &&
	    (cols < c->cols || rows < c->rows))
		br_warn("the recording is of a terminal of %u by %u; this one is smaller", c->cols, c->rows);
	return p->tty.fd >= 0 ? br_terminal_raw(&p->tty, e) : 0;
}

static int
replay(struct player *p, const struct br_place *place, struct br_err *e)
{
	if (br_timeline_open(&p->line, place->dirfd, !p->o->commands_only, true, e) < 0)
		return -1;
	int rc = 0;
	if (!p->line.has_cast && !p->o->commands_only) {
		rc = br_err_set(e, 0, "the session had no terminal that was recorded");
		(void)br_err_hint(e, "--commands-only plays what it executed");
	}
	if (rc == 0)
		rc = enter(p, e);
	if (rc == 0)
		rc = play_all(p, e);
	leave(p);
	br_timeline_close(&p->line);
	return rc;
}

static int
number(const char *option, const char *s, double least, double *out, struct br_err *e)
{
	char *end;
	double v = strtod(s, &end);
	if (end == s || *end != '\0' || !isfinite(v) || v < least)
		return br_err_set(e, 0, "%s takes a number of at least %g, not \"%s\"", option, least, s);
	*out = v;
	return 0;
}

static int
take_opts(struct player *p, struct br_err *e)
{
	const struct opts *o = p->o;
	p->speed = 1;
	p->idle = 1e9;
	if (o->speed != NULL && number("--speed", o->speed, SPEED_MIN, &p->speed, e) < 0)
		return -1;
	if (o->idle != NULL && number("--idle-limit", o->idle, 0, &p->idle, e) < 0)
		return -1;
	return o->seek != NULL ? br_place_in_time(o->seek, &p->target, e) : 0;
}

static int
run(const char *which, struct player *p, struct br_err *e)
{
	struct br_place place;
	if (take_opts(p, e) < 0 || br_place_open(which, &place, e) < 0)
		return -1;
	int rc = watch_signals(p, e);
	if (rc == 0)
		rc = replay(p, &place, e);
	if (rc < 0)
		(void)br_err_wrap(e, "the log of %s", place.path);
	br_cleanup_fd(&p->sigfd);
	br_buf_free(&p->out);
	br_place_close(&place);
	return rc;
}

int
br_tool_replay(int argc, char **argv)
{
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = argc, rc = br_cli_options(&usage, argc, argv, &o, &first);
	if (rc >= 0)
		return rc;
	struct player p = {.o = &o, .sigfd = -1, .tty = {.fd = -1}};
	const char *which = first < argc ? br_place_operand("replay", argc, argv, first, &e) : "last";
	if (which == NULL || run(which, &p, &e) < 0)
		return br_cli_fail(&e);
	return p.signal != 0 ? 128 + p.signal : 0;
}
