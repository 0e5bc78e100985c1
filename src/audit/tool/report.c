/* brattice report: a session on one page. What the log says is shown; whether the log can be believed stands beside it. */
#include "audit/tool/entry.h"
#include "audit/tool/sheet.h"
#include "audit/tool/tally.h"
#include "audit/tool/tool.h"
#include "audit/tool/when.h"

#include "audit/log/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <time.h>

/* Commands that are listed one by one; `brattice log` has them all. */
#define COMMANDS_MAX 5000
#define COMMANDS_BYTES (16U << 20)

struct opts {
	bool html;
	const char *host_key;
};

static const struct br_opt table[] = {
    {"html", 0, NULL, "one HTML page, complete in itself", BR_OPT_FLAG, offsetof(struct opts, html), NULL},
    {"host-key", 'k', "FILE", "the key of the host that made the log, as for brattice verify", BR_OPT_STRING, offsetof(struct opts, host_key),
	NULL},
};

static const struct br_usage usage = {
    .command = "report",
    .synopsis = "[OPTION...] [SESSION|BUNDLE]",
    .summary = "a session on one page: done, denied, changed, verified",
    .about = "Says what a session executed, what it was denied, what it changed, and whether its log is "
	     "what was written (brattice verify).\n\n"
	     "--html makes a page that needs no script and nothing from elsewhere, to be sent, kept and printed.",
    .opts = table,
    .nopts = BR_ARRAY_LEN(table),
    .interleave = true,
};

struct command {
	int64_t exec, t_us;
	char *text;
	bool failed, denied, exited;
	int64_t status; /* or the negative of a signal's number */
	double wall;
};

struct summary {
	uint64_t count[BR_EV_TYPES + 1];
	struct br_tally denied, changed, noted;
	struct command *v;
	size_t n, bytes;
	uint64_t more; /* commands that are not listed */
	struct br_buf argv, project, wall, user, policy, end;
	int64_t from_us, to_us;
	int64_t status;
	bool ended;
};

/* ---- collecting ---- */

static void
add_command(struct summary *s, const struct br_entry *x)
{
	br_auto_buf text = {0};
	if (s->v == NULL)
		s->v = calloc(COMMANDS_MAX, sizeof(*s->v));
	br_entry_show(x, &text);
	if (s->v == NULL || s->n == COMMANDS_MAX || text.failed || text.p == NULL || text.len > COMMANDS_BYTES - s->bytes) {
		s->more++;
		return;
	}
	s->bytes += text.len;
	s->v[s->n++] = (struct command){.exec = x->type == BR_EV_EXEC ? br_entry_int(x, "exec", 0) : 0,
	    .t_us = x->t_us,
	    .failed = x->type == BR_EV_EXEC_FAILED,
	    .denied = x->denied,
	    .wall = -1,
	    .text = br_steal_ptr(&text.p)};
}

static void
add_exit(struct summary *s, const struct br_entry *x)
{
	int64_t exec = br_entry_int(x, "exec", 0);
	/* Those that ended last began last, mostly. */
	for (size_t i = s->n; exec > 0 && i-- > 0;) {
		if (s->v[i].exec != exec)
			continue;
		s->v[i].exited = true;
		s->v[i].status = br_entry_int(x, "status", -br_entry_int(x, "signal", 0));
		s->v[i].wall = br_entry_seconds(x, "wall_s");
		return;
	}
}

/* With `typed`, the type stands before it. */
static void
add_text(struct br_tally *t, const struct br_entry *x, bool typed)
{
	br_auto_buf text = {0};
	if (typed)
		br_buf_printf(&text, "%s: ", br_event_type_name(x->type));
	br_entry_show(x, &text);
	if (text.p != NULL && !text.failed)
		br_tally_add(t, text.p, text.len, x->t_us);
}

static void
copy_shown(const struct br_entry *x, const char *key, struct br_buf *to)
{
	br_buf_reset(to);
	if (br_entry_get(x, key) != NULL)
		br_value_show(br_entry_get(x, key), to);
}

static void
take_start(struct summary *s, const struct br_entry *x)
{
	br_buf_reset(&s->argv);
	br_argv_show(br_entry_get(x, "argv"), &s->argv);
	copy_shown(x, "project", &s->project);
	copy_shown(x, "wall", &s->wall);
	copy_shown(x, "user", &s->user);
	copy_shown(x, "policy", &s->policy);
}

static void
take_entry(struct summary *s, const struct br_entry *x)
{
	s->count[x->type]++;
	if (x->t_us > 0 && s->from_us == 0)
		s->from_us = x->t_us;
	if (x->t_us > s->to_us)
		s->to_us = x->t_us;
	if (x->denied && x->type != BR_EV_END)
		add_text(&s->denied, x, false);
	switch (x->type) {
	case BR_EV_START:
		take_start(s, x);
		break;
	case BR_EV_END:
		s->ended = true;
		s->status = br_entry_int(x, "status", -1);
		br_buf_reset(&s->end);
		br_entry_show(x, &s->end);
		break;
	case BR_EV_EXEC:
	case BR_EV_EXEC_FAILED:
		add_command(s, x);
		break;
	case BR_EV_EXIT:
		add_exit(s, x);
		break;
	case BR_EV_WATCH:
	case BR_EV_HANDOFF:
		add_text(&s->changed, x, x->type == BR_EV_HANDOFF);
		break;
	case BR_EV_LIMIT:
	case BR_EV_GAP:
	case BR_EV_ALERT:
	case BR_EV_NOTE:
	case BR_EV_RECOVERED:
	case BR_EV_TYPES:
		add_text(&s->noted, x, true);
		break;
	case BR_EV_PATH:
	case BR_EV_CALL:
	case BR_EV_TERMINAL:
	case BR_EV_SEALED:
		break;
	}
}

static int
collect(struct summary *s, int dirfd, struct br_err *e)
{
	struct br_log_entry line;
	struct br_entry x;
	int rc;
	struct br_log_reader *r = br_log_open(dirfd, e);
	if (r == NULL)
		return -1;
	while ((rc = br_log_next(r, &line, e)) > 0) {
		br_entry_parse(&x, &line);
		take_entry(s, &x);
		br_entry_free(&x);
	}
	br_log_close(r);
	return rc;
}

static void
free_summary(struct summary *s)
{
	struct br_buf *const texts[] = {&s->argv, &s->project, &s->wall, &s->user, &s->policy, &s->end};
	for (size_t i = 0; i < BR_ARRAY_LEN(texts); i++)
		br_buf_free(texts[i]);
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].text);
	free(s->v);
	br_tally_free(&s->denied);
	br_tally_free(&s->changed);
	br_tally_free(&s->noted);
}

/* ---- the page ---- */

static void
pair_buf(struct br_sheet *p, const char *label, const struct br_buf *b)
{
	if (b->len > 0)
		br_sheet_pair(p, label, b->p, BR_TONE_PLAIN);
}

static void
show_time(int64_t us, char *out, size_t room)
{
	struct tm tm;
	time_t t = (time_t)(us / 1000000);
	if (us <= 0 || localtime_r(&t, &tm) == NULL || strftime(out, room, "%H:%M:%S", &tm) == 0)
		(void)snprintf(out, room, "--:--:--");
}

static void
put_head(struct br_sheet *p, const struct summary *s)
{
	char text[128], zone[64] = "";
	struct tm tm;
	time_t t = (time_t)(s->from_us / 1000000);
	br_auto_buf took = {0};
	br_sheet_section(p, "Session");
	pair_buf(p, "command", &s->argv);
	pair_buf(p, "project", &s->project);
	pair_buf(p, "user", &s->user);
	pair_buf(p, "wall", &s->wall);
	if (s->from_us > 0 && localtime_r(&t, &tm) != NULL && strftime(zone, sizeof(zone), "%Y-%m-%d %H:%M:%S %z", &tm) > 0)
		br_sheet_pair(p, "begun", zone, BR_TONE_PLAIN);
	br_seconds_show((double)(s->to_us - s->from_us) / 1e6, &took);
	br_sheet_pair(p, "took", took.p != NULL ? took.p : "", BR_TONE_PLAIN);
	if (s->ended)
		br_sheet_pair(p, "end", s->end.p != NULL ? s->end.p : "", s->status == 0 ? BR_TONE_GOOD : BR_TONE_NOTED);
	else
		br_sheet_pair(p, "end", "none recorded", BR_TONE_NOTED);
	(void)snprintf(text, sizeof(text), "%" PRIu64, s->count[BR_EV_EXEC]);
	br_sheet_pair(p, "programs", text, BR_TONE_PLAIN);
	(void)snprintf(text, sizeof(text), "%zu different%s", s->denied.n, s->denied.more > 0 ? " and more" : "");
	br_sheet_pair(p, "denied", s->denied.n > 0 ? text : "nothing", s->denied.n > 0 ? BR_TONE_BAD : BR_TONE_GOOD);
	pair_buf(p, "policy", &s->policy);
}

static void
put_verdict(struct br_sheet *p, const char *label, enum br_verdict v, bool live)
{
	static const enum br_tone tones[] = {
	    [BR_OK] = BR_TONE_GOOD, [BR_CRASHED] = BR_TONE_NOTED, [BR_TAMPERED] = BR_TONE_BAD, [BR_UNKNOWN] = BR_TONE_NOTED};
	static const char *const words[] = {[BR_OK] = "ok", [BR_CRASHED] = "its writer died before the end", [BR_TAMPERED] = "TAMPERED", [BR_UNKNOWN] = "unknown"};
	if (v == BR_CRASHED && live)
		br_sheet_pair(p, label, "growing: the session still runs", BR_TONE_PLAIN);
	else
		br_sheet_pair(p, label, words[v], tones[v]);
}

static void
put_verdicts(struct br_sheet *p, const struct br_verify *v)
{
	char text[256];
	br_auto_buf what = {0};
	br_sheet_section(p, "Can this be believed?");
	put_verdict(p, "integrity", v->integrity, false);
	put_verdict(p, "completeness", v->completeness, v->live);
	if (v->clock == BR_TAMPERED)
		br_sheet_pair(p, "clock", "set back while the session ran", BR_TONE_NOTED);
	else
		put_verdict(p, "clock", v->clock, false);
	put_verdict(p, "terminal", v->terminal, false);
	(void)snprintf(text, sizeof(text), "%" PRIu64 " events could not be recorded", v->gaps);
	br_sheet_pair(p, "gaps", v->gaps > 0 ? text : "none", v->gaps > 0 ? BR_TONE_NOTED : BR_TONE_GOOD);
	br_buf_put_visible(&what, v->host.name, strlen(v->host.name), false);
	br_buf_printf(&what, "+%08" PRIx32 "%s", v->host.id, v->host_known ? "" : ": not known here; --host-key says whose it is");
	br_sheet_pair(p, "host", what.p != NULL ? what.p : "", v->host_known ? BR_TONE_GOOD : BR_TONE_NOTED);
	(void)snprintf(text, sizeof(text), "%" PRIu64 ", %" PRIu64 " of them below a signed checkpoint", v->entries, v->covered);
	br_sheet_pair(p, "entries", text, BR_TONE_PLAIN);
	for (size_t i = 0; i < BR_ARRAY_LEN(v->what) && v->what[i][0] != '\0'; i++) {
		br_buf_reset(&what);
		br_buf_put_visible(&what, v->what[i], strlen(v->what[i]), false);
		br_sheet_item(p, "", what.p != NULL ? what.p : "", "", BR_TONE_NOTED);
	}
}

static void
put_more(struct br_sheet *p, uint64_t more)
{
	char text[96];
	(void)snprintf(text, sizeof(text), "… and %" PRIu64 " more: brattice log has them all.", more);
	if (more > 0)
		br_sheet_remark(p, text);
}

static void
put_tally(struct br_sheet *p, const char *title, const struct br_tally *t, enum br_tone tone)
{
	br_sheet_section(p, title);
	for (size_t i = 0; i < t->n; i++) {
		char when[16], note[32] = "";
		show_time(t->v[i].first_us, when, sizeof(when));
		if (t->v[i].count > 1)
			(void)snprintf(note, sizeof(note), "%" PRIu64 " times", t->v[i].count);
		br_sheet_item(p, when, t->v[i].text, note, tone);
	}
	if (t->n == 0)
		br_sheet_remark(p, "Nothing.");
	put_more(p, t->more);
}

static void
put_commands(struct br_sheet *p, const struct summary *s)
{
	br_sheet_section(p, "Executed");
	for (size_t i = 0; i < s->n; i++) {
		const struct command *c = &s->v[i];
		char when[16];
		br_auto_buf note = {0};
		show_time(c->t_us, when, sizeof(when));
		if (c->exited && c->status != 0)
			br_buf_printf(&note, c->status < 0 ? "signal %" PRId64 ", " : "status %" PRId64 ", ", c->status < 0 ? -c->status : c->status);
		if (c->exited && c->wall >= 0)
			br_seconds_show(c->wall, &note);
		br_sheet_item(p, when, c->text, c->failed ? "failed" : note.p != NULL ? note.p : "", c->denied ? BR_TONE_BAD : BR_TONE_PLAIN);
	}
	if (s->n == 0)
		br_sheet_remark(p, "Nothing.");
	put_more(p, s->more);
}

static int
put_page(const struct summary *s, const struct br_verify *v, const struct opts *o, const struct br_place *place, struct br_err *e)
{
	br_auto_buf title = {0};
	struct br_sheet p;
	const char *name = v->session[0] != '\0' ? v->session : place->path;
	br_buf_puts(&title, "Brattice session ");
	br_buf_put_visible(&title, name, strlen(name), false);
	br_sheet_begin(&p, o->html, title.p != NULL ? title.p : "");
	put_head(&p, s);
	put_verdicts(&p, v);
	put_tally(&p, "Denied", &s->denied, BR_TONE_BAD);
	put_tally(&p, "Changed", &s->changed, BR_TONE_PLAIN);
	if (s->noted.n > 0)
		put_tally(&p, "Remarks", &s->noted, BR_TONE_NOTED);
	put_commands(&p, s);
	br_sheet_end(&p);
	int rc = br_paper_flush(&p.paper, true, e);
	br_paper_close(&p.paper);
	return rc;
}

static int
run(const char *which, const struct opts *o, struct br_err *e)
{
	struct br_place place;
	struct br_note_key k;
	struct br_verify v;
	if (br_place_open(which, &place, e) < 0)
		return -1;
	struct summary *s = calloc(1, sizeof(*s));
	int known = br_choose_key(o->host_key, &place, &k, e);
	int rc = s == NULL ? br_err_set(e, ENOMEM, "cannot report") : known < 0 ? -1 : br_log_verify(place.dirfd, known > 0 ? &k : NULL, &v, e);
	if (rc == 0) {
		struct br_err damage = BR_ERR_INIT;
		v.live = place.live;
		/* A log that can't be read to its end is reported as far as it goes: the verdicts say what is wrong with it. */
		if (collect(s, place.dirfd, &damage) < 0)
			br_err_print(&damage);
		rc = put_page(s, &v, o, &place, e);
	}
	if (rc < 0)
		(void)br_err_wrap(e, "the log of %s", place.path);
	if (s != NULL)
		free_summary(s);
	free(s);
	br_place_close(&place);
	return rc;
}

int
br_tool_report(int argc, char **argv)
{
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = argc, rc = br_cli_options(&usage, argc, argv, &o, &first);
	if (rc >= 0)
		return rc;
	const char *which = first < argc ? br_place_operand("report", argc, argv, first, &e) : "last";
	return which == NULL || run(which, &o, &e) < 0 ? br_cli_fail(&e) : 0;
}
