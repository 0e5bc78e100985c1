#include "audit/tool/timeline.h"

#include "audit/tool/entry.h"

#define COMMANDS (1U << BR_EV_EXEC | 1U << BR_EV_EXEC_FAILED | 1U << BR_EV_PATH | 1U << BR_EV_CALL | 1U << BR_EV_ALERT)
/* The header of a recording says its beginning in whole seconds; the log's first entry, of the same moment, says it better. */
#define SAME_MOMENT_US 2000000

enum { TERMINAL, COMMAND };

static int
find_base(struct br_timeline *t, struct br_err *e)
{
	struct br_log_entry line;
	struct br_entry x;
	int rc = br_log_next(t->log, &line, e);
	if (rc < 0)
		return -1;
	t->base_us = t->has_cast ? t->cast.begun_s * 1000000 : 0;
	if (rc == 0)
		return 0;
	br_entry_parse(&x, &line);
	if (t->base_us == 0 || (x.t_us >= t->base_us - SAME_MOMENT_US && x.t_us <= t->base_us + SAME_MOMENT_US))
		t->base_us = x.t_us;
	br_entry_free(&x);
	return br_log_seek(t->log, 0);
}

static int
begin(struct br_timeline *t, struct br_err *e)
{
	t->last = 0;
	for (int i = 0; i < 2; i++)
		t->ready[i] = t->over[i] = false;
	t->log = br_log_open(t->dirfd, e);
	if (t->log == NULL)
		return -1;
	int rc = br_cast_open(&t->cast, t->dirfd, e);
	t->has_cast = rc > 0;
	if (rc < 0 || find_base(t, e) < 0)
		return -1;
	t->over[TERMINAL] = !t->has_cast || !t->terminal;
	t->over[COMMAND] = !t->commands;
	br_log_filter(t->log, &(struct br_log_filter){.types = COMMANDS});
	return 0;
}

int
br_timeline_open(struct br_timeline *t, int dirfd, bool terminal, bool commands, struct br_err *e)
{
	*t = (struct br_timeline){.dirfd = dirfd, .terminal = terminal, .commands = commands};
	if (begin(t, e) == 0)
		return 0;
	br_timeline_close(t);
	return -1;
}

static void
end(struct br_timeline *t)
{
	br_log_close(t->log);
	t->log = NULL;
	br_cast_close(&t->cast);
}

int
br_timeline_rewind(struct br_timeline *t, struct br_err *e)
{
	end(t);
	return begin(t, e);
}

void
br_timeline_close(struct br_timeline *t)
{
	end(t);
	br_buf_free(&t->next[0].text);
	br_buf_free(&t->next[1].text);
}

static int
fill_terminal(struct br_timeline *t, struct br_err *e)
{
	struct br_moment *m = &t->next[TERMINAL];
	struct br_cast_event ev = {.data = m->text};
	int rc = br_cast_next(&t->cast, &ev, e);
	m->text = ev.data;
	m->at = ev.at;
	m->code = ev.code;
	return rc;
}

static int
fill_command(struct br_timeline *t, struct br_err *e)
{
	static const struct br_log_filter wanted = {.types = COMMANDS};
	struct br_moment *m = &t->next[COMMAND];
	struct br_log_entry line;
	struct br_entry x;
	int rc;
	for (bool found = false; !found;) {
		if ((rc = br_log_next(t->log, &line, e)) <= 0)
			return rc;
		if (!br_entry_may_match(&line, &wanted))
			continue;
		br_entry_parse(&x, &line);
		found = br_entry_matches(&x, &wanted);
		if (found) {
			br_buf_reset(&m->text);
			br_entry_show(&x, &m->text);
			m->code = 0;
			m->denied = x.denied;
			m->at = (double)(x.t_us - t->base_us) / 1e6;
		}
		br_entry_free(&x);
	}
	return 1;
}

int
br_timeline_next(struct br_timeline *t, const struct br_moment **out, struct br_err *e)
{
	for (int i = 0; i < 2; i++) {
		if (t->ready[i] || t->over[i])
			continue;
		int rc = i == TERMINAL ? fill_terminal(t, e) : fill_command(t, e);
		if (rc < 0)
			return -1;
		t->ready[i] = rc > 0;
		t->over[i] = rc == 0;
	}
	if (!t->ready[TERMINAL] && !t->ready[COMMAND])
		return 0;
	int which = !t->ready[COMMAND] || (t->ready[TERMINAL] && t->next[TERMINAL].at <= t->next[COMMAND].at) ? TERMINAL : COMMAND;
	struct br_moment *m = &t->next[which];
	t->ready[which] = false;
	if (m->at < t->last)
		m->at = t->last;
	t->last = m->at;
	*out = m;
	return 1;
}
