/* brattice log: the events of a session, for people and for jq; also while it runs. */
#include "audit/tool/entry.h"
#include "audit/tool/paper.h"
#include "audit/tool/proctree.h"
#include "audit/tool/tool.h"
#include "audit/tool/when.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define HEAD_COLUMNS 27 /* time, number and type */
/* The death of a session whose log nobody writes any more makes no event of inotify: it is looked for so often. */
#define LOOK_MS 1000

struct opts {
	bool follow, denied, exec, net, json, tree;
	const char *since, *until;
};

static const struct br_opt table[] = {
    {"follow", 'f', NULL, "wait for more until the session ends", BR_OPT_FLAG, offsetof(struct opts, follow), NULL},
    {"denied", 'd', NULL, "only what was denied", BR_OPT_FLAG, offsetof(struct opts, denied), NULL},
    {"exec", 'x', NULL, "only the programs: executed, failed to, exited", BR_OPT_FLAG, offsetof(struct opts, exec), NULL},
    {"net", 0, NULL, "only the network (not in this version)", BR_OPT_FLAG, offsetof(struct opts, net), NULL},
    {"json", 'j', NULL, "the lines as they were recorded, for jq", BR_OPT_FLAG, offsetof(struct opts, json), NULL},
    {"tree", 't', NULL, "the programs as a tree: who started whom", BR_OPT_FLAG, offsetof(struct opts, tree), NULL},
    {"since", 0, "TIME", "only from this time on", BR_OPT_STRING, offsetof(struct opts, since), NULL},
    {"until", 0, "TIME", "only up to this time", BR_OPT_STRING, offsetof(struct opts, until), NULL},
};

static const struct br_usage usage = {
    .command = "log",
    .synopsis = "[OPTION...] [SESSION|BUNDLE]",
    .summary = "what a session did, event by event",
    .about = "Prints the audit log of a session: time, what, who. Without a SESSION, that of the one started last. What programs wrote is shown "
	     "safely: control characters, bytes that are not UTF-8 and invisible characters as escapes; a secret as <secret>. Nothing is cut.\n\n"
	     "TIME is 10m (that long ago), 14:30, 2026-11-24T14:30:05, or with a Z for UTC.\n\n"
	     "Whether the log is what was written is another question: see brattice verify.",
    .opts = table,
    .nopts = BR_ARRAY_LEN(table),
    .interleave = true,
};

struct view {
	const struct opts *o;
	struct br_log_filter filter;
	struct br_paper paper;
	struct br_proctree *tree;
	int day; /* of the year, of the last line: a new one is said */
};

static void
put_day(struct view *v, const struct tm *tm)
{
	char text[32];
	if (tm->tm_yday == v->day)
		return;
	v->day = tm->tm_yday;
	(void)strftime(text, sizeof(text), "%Y-%m-%d", tm);
	br_paper_line(&v->paper, "", 0, text, strlen(text), "1");
}

static void
put_entry(struct view *v, const struct br_entry *x)
{
	br_auto_buf text = {0};
	char head[64], clock[16] = "--:--:--";
	struct tm tm;
	time_t s = (time_t)(x->t_us / 1000000);
	if (x->t_us > 0 && localtime_r(&s, &tm) != NULL) {
		put_day(v, &tm);
		(void)strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	}
	(void)snprintf(head, sizeof(head), "%s.%03d  %-11s  ", clock, (int)(x->t_us / 1000 % 1000), br_event_type_name(x->type));
	br_entry_show(x, &text);
	br_paper_line(&v->paper, head, HEAD_COLUMNS, text.p != NULL ? text.p : "", text.len, x->denied ? "31" : NULL);
}

static int
take(struct view *v, const struct br_log_entry *line, struct br_err *e)
{
	struct br_entry x;
	int rc = 0;
	if (!br_entry_may_match(line, &v->filter))
		return 0;
	br_entry_parse(&x, line);
	if (br_entry_matches(&x, &v->filter)) {
		if (v->tree != NULL) {
			rc = br_proctree_add(v->tree, &x, e);
		} else if (v->o->json) {
			br_buf_put(&v->paper.buf, line->line, line->len);
			br_buf_putc(&v->paper.buf, '\n');
		} else {
			put_entry(v, &x);
		}
	}
	br_entry_free(&x);
	return rc;
}

/* Up to the end for now. */
static int
drain(struct view *v, struct br_log_reader *r, struct br_err *e)
{
	struct br_log_entry line;
	int rc;
	while (!v->paper.gone && (rc = br_log_next(r, &line, e)) != 0)
		if (rc < 0 || take(v, &line, e) < 0 || br_paper_flush(&v->paper, false, e) < 0)
			return -1;
	return v->tree != NULL ? 0 : br_paper_flush(&v->paper, true, e);
}

/* 1 something has changed, or it is time to look; 0 who reads us went away; -1 with errno. */
static int
wait_change(int inotify)
{
	char events[4096] __attribute__((aligned(8)));
	struct pollfd p[2] = {{.fd = inotify, .events = POLLIN}, {.fd = STDOUT_FILENO}};
	int rc = poll(p, 2, LOOK_MS);
	if (rc < 0)
		return errno == EINTR ? 1 : -1;
	if ((p[1].revents & (POLLERR | POLLNVAL)) != 0)
		return 0;
	if ((p[0].revents & POLLIN) != 0 && read(inotify, events, sizeof(events)) < 0 && errno != EAGAIN)
		return -1;
	return 1;
}

/* The lock is held until the log is sealed, by the auditor if not by the monitor. */
static bool
still_lives(const char *which)
{
	struct br_place p;
	struct br_err e = BR_ERR_INIT;
	bool live = br_place_open(which, &p, &e) == 0 && p.live;
	br_place_close(&p);
	return live;
}

static int
follow(struct view *v, struct br_log_reader *r, const struct br_place *place, struct br_err *e)
{
	char path[64];
	br_auto_fd int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", place->dirfd);
	if (inotify < 0 || inotify_add_watch(inotify, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE) < 0)
		return br_err_set(e, errno, "cannot watch the log of %s", place->path);
	/* The look at its life comes before the last look at what it wrote. */
	for (bool live = place->live;; live = live && still_lives(place->id)) {
		if (drain(v, r, e) < 0)
			return -1;
		if (!live || v->paper.gone || br_log_sealed(r))
			return 0;
		int rc = wait_change(inotify);
		if (rc <= 0)
			return rc < 0 ? br_err_set(e, errno, "cannot wait for more of the log of %s", place->path) : 0;
	}
}

static int
make_filter(struct view *v, struct br_err *e)
{
	const struct opts *o = v->o;
	int64_t now = br_wall_clock_us();
	if (o->net) {
		(void)br_err_set(e, 0, "--net: not in this version: sessions have no network, so there are no events of it");
		return br_err_hint(e, "brattice log --denied shows what was refused, calls that make sockets included");
	}
	if (o->exec || o->tree)
		v->filter.types = 1U << BR_EV_EXEC | 1U << BR_EV_EXEC_FAILED | 1U << BR_EV_EXIT;
	v->filter.denied = o->denied;
	if (o->since != NULL && br_when_parse(o->since, now, &v->filter.from_us, e) < 0)
		return br_err_wrap(e, "--since");
	if (o->until != NULL && br_when_parse(o->until, now, &v->filter.to_us, e) < 0)
		return br_err_wrap(e, "--until");
	if (o->tree && (o->follow || o->json)) {
		(void)br_err_set(e, 0, "--tree is drawn when all is known: not with %s", o->follow ? "--follow" : "--json");
		return -1;
	}
	return 0;
}

static int
show(struct view *v, const struct br_place *place, struct br_err *e)
{
	struct br_log_reader *r = br_log_open(place->dirfd, e);
	if (r == NULL)
		return -1;
	br_log_filter(r, &v->filter);
	v->tree = v->o->tree ? br_proctree_new() : NULL;
	int rc = v->o->follow ? follow(v, r, place, e) : drain(v, r, e);
	if (rc == 0 && v->tree != NULL)
		rc = br_proctree_print(v->tree, &v->paper, e);
	br_proctree_free(v->tree);
	br_log_close(r);
	return rc;
}

static int
run(const char *which, const struct opts *o, struct br_err *e)
{
	struct br_place place;
	struct view v = {.o = o, .day = -1};
	if (make_filter(&v, e) < 0 || br_place_open(which, &place, e) < 0)
		return -1;
	br_paper_open(&v.paper);
	int rc = show(&v, &place, e);
	/* What was good stays said. */
	if (rc < 0) {
		struct br_err ignored = BR_ERR_INIT;
		(void)br_paper_flush(&v.paper, true, &ignored);
		(void)br_err_wrap(e, "the log of %s", place.path);
	}
	br_paper_close(&v.paper);
	br_place_close(&place);
	return rc;
}

int
br_tool_log(int argc, char **argv)
{
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = argc, rc = br_cli_options(&usage, argc, argv, &o, &first);
	if (rc >= 0)
		return rc;
	const char *which = first < argc ? br_place_operand("log", argc, argv, first, &e) : "last";
	return which == NULL || run(which, &o, &e) < 0 ? br_cli_fail(&e) : 0;
}
