/* brattice verify: is a log what was written, all of it, and by whom? Each question has its own verdict and its own bit of the exit
 * status (docs/exit-status.md). */
#include "audit/tool/tool.h"

#include "audit/log/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

/* Exit statuses: the sum of what failed. */
enum {
	FAILED_INTEGRITY = 1,
	FAILED_COMPLETENESS = 2,
	FAILED_CLOCK = 4,
	FAILED_TERMINAL = 8,
	FAILED_GAPS = 16,
	FAILED_HOST = 32,
};

struct opts {
	bool json;
	const char *host_key;
};

static const struct br_opt table[] = {
    {"host-key", 'k', "FILE", "the key of the host that made the log: a file or the key itself", BR_OPT_STRING,
	offsetof(struct opts, host_key), NULL},
    {"json", 'j', NULL, "one JSON object", BR_OPT_FLAG, offsetof(struct opts, json), NULL},
};

static const struct br_usage usage = {
    .command = "verify",
    .synopsis = "[OPTION...] SESSION|BUNDLE",
    .summary = "check that a session's log is what was written, and all of it",
    .about = "Reads the whole log, offline, and gives a verdict on each question: integrity (entries, hashes, signatures), completeness (from "
	     "the first checkpoint to the seal), the clock, the terminal's recording, gaps that were recorded, and whose key it all rests on. A "
	     "log whose writer was killed is told from one that somebody has altered.\n\n"
	     "A BUNDLE is what brattice export made, or a directory with a log (with a slash in its name): a log from elsewhere. Who made it is only known with the key of that host, "
	     "from its host.pub.\n\n"
	     "The exit status is 0 when all is well, else the sum of what failed: 1 integrity, 2 completeness, 4 clock, 8 terminal, 16 gaps, "
	     "32 the host's key isn't known. A session that still runs is no failure.",
    .opts = table,
    .nopts = BR_ARRAY_LEN(table),
    .interleave = true,
};

static const char *
verdict_name(enum br_verdict v)
{
	static const char *const names[] = {[BR_OK] = "ok", [BR_CRASHED] = "crashed", [BR_TAMPERED] = "tampered", [BR_UNKNOWN] = "unknown"};
	return names[v];
}

static int
status_of(const struct br_verify *v)
{
	int status = 0;
	status |= v->integrity != BR_OK ? FAILED_INTEGRITY : 0;
	status |= v->completeness != BR_OK && !(v->live && v->completeness == BR_CRASHED) ? FAILED_COMPLETENESS : 0;
	/* Forward is what a laptop's sleep looks like. */
	status |= v->clock == BR_TAMPERED ? FAILED_CLOCK : 0;
	status |= v->terminal != BR_OK ? FAILED_TERMINAL : 0;
	status |= v->gaps > 0 ? FAILED_GAPS : 0;
	status |= !v->host_known ? FAILED_HOST : 0;
	return status;
}

/* ---- JSON ---- */

static void
put_member(struct br_buf *out, const char *key, const char *value)
{
	br_buf_printf(out, ",\"%s\":", key);
	br_buf_put_json(out, value, strlen(value));
}

static void
put_key(struct br_buf *out, const char *key, const struct br_note_key *k)
{
	br_auto_buf text = {0};
	if (k->name[0] == '\0')
		return;
	br_buf_printf(&text, "%s+%08" PRIx32, k->name, k->id);
	put_member(out, key, text.p != NULL ? text.p : "");
}

static void
put_json(struct br_buf *out, const struct br_verify *v, int status)
{
	br_buf_puts(out, "{\"session\":");
	br_buf_put_json(out, v->session, strlen(v->session));
	put_member(out, "integrity", verdict_name(v->integrity));
	put_member(out, "completeness", v->live && v->completeness == BR_CRASHED ? "growing" : verdict_name(v->completeness));
	put_member(out, "clock", verdict_name(v->clock));
	put_member(out, "terminal", verdict_name(v->terminal));
	br_buf_printf(out, ",\"gaps\":%" PRIu64 ",\"entries\":%" PRIu64 ",\"checkpoints\":%" PRIu64 ",\"covered\":%" PRIu64, v->gaps, v->entries,
	    v->checkpoints, v->covered);
	br_buf_printf(out, ",\"live\":%s,\"host_known\":%s,\"witnessed\":null", v->live ? "true" : "false", v->host_known ? "true" : "false");
	put_key(out, "host", &v->host);
	put_key(out, "key", &v->key);
	br_buf_puts(out, ",\"what\":[");
	for (size_t i = 0; i < BR_ARRAY_LEN(v->what) && v->what[i][0] != '\0'; i++) {
		br_buf_puts(out, i > 0 ? "," : "");
		br_buf_put_json(out, v->what[i], strlen(v->what[i]));
	}
	br_buf_printf(out, "],\"status\":%d}\n", status);
}

/* ---- for people ---- */

struct paper {
	struct br_buf *out;
	bool colour;
};

enum tone { GOOD, NOTED, BAD };

static void BR_PRINTF(4, 5) put_line(const struct paper *p, const char *label, enum tone tone, const char *fmt, ...)
{
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	br_buf_printf(p->out, "%-14s%s", label, p->colour ? colours[tone] : "");
	br_buf_put_visible(p->out, text, strlen(text), false);
	br_buf_printf(p->out, "%s\n", p->colour ? "\033[m" : "");
}

static void
put_integrity(const struct paper *p, const struct br_verify *v)
{
	switch (v->integrity) {
	case BR_OK:
		put_line(p, "integrity", GOOD, "ok: %" PRIu64 " entries, %" PRIu64 " signed checkpoints", v->entries, v->checkpoints);
		break;
	case BR_TAMPERED:
		put_line(p, "integrity", BAD, "TAMPERED: good up to entry %" PRIu64 " of %" PRIu64, v->covered, v->entries);
		break;
	case BR_CRASHED:
	case BR_UNKNOWN:
		put_line(p, "integrity", NOTED, "%s", verdict_name(v->integrity));
		break;
	}
}

static void
put_completeness(const struct paper *p, const struct br_verify *v)
{
	const char *label = "completeness";
	switch (v->completeness) {
	case BR_OK:
		put_line(p, label, GOOD, "ok: from the first checkpoint to the seal");
		break;
	case BR_CRASHED:
		if (v->live)
			put_line(p, label, GOOD, "growing: the session runs; %" PRIu64 " of %" PRIu64 " entries are signed", v->covered, v->entries);
		else
			put_line(p, label, NOTED, "crashed: its writer died; %" PRIu64 " of %" PRIu64 " entries are signed", v->covered, v->entries);
		break;
	case BR_TAMPERED:
		put_line(p, label, BAD, "TAMPERED");
		break;
	case BR_UNKNOWN:
		put_line(p, label, NOTED, "unknown: its checkpoints can't be believed or checked to the end");
		break;
	}
}

static void
put_host(const struct paper *p, const struct br_verify *v, const struct br_place *place)
{
	char id[BR_KEY_NAME_MAX + 16];
	(void)snprintf(id, sizeof(id), "%s+%08" PRIx32, v->host.name, v->host.id);
	if (v->host_known)
		put_line(p, "host", GOOD, "ok: %s%s", id, place->bundle ? "" : ", this one");
	else if (v->host.name[0] != '\0')
		put_line(p, "host", NOTED, "unknown: it says %s; give the key of that host with --host-key", id);
	else
		put_line(p, "host", NOTED, "unknown");
}

static void
put_people(const struct paper *p, const struct br_verify *v, const struct br_place *place)
{
	static const enum tone tones[] = {[BR_OK] = GOOD, [BR_CRASHED] = NOTED, [BR_TAMPERED] = BAD, [BR_UNKNOWN] = NOTED};
	put_line(p, "session", GOOD, "%s", v->session[0] != '\0' ? v->session : place->path);
	put_integrity(p, v);
	put_completeness(p, v);
	put_host(p, v, place);
	put_line(p, "witnessed", NOTED, "no witness");
	if (v->gaps == 0)
		put_line(p, "gaps", GOOD, "none");
	else
		put_line(p, "gaps", NOTED, "%" PRIu64 " events could not be recorded", v->gaps);
	put_line(p, "clock", tones[v->clock], "%s", verdict_name(v->clock));
	put_line(p, "terminal", tones[v->terminal], "%s", verdict_name(v->terminal));
	for (size_t i = 0; i < BR_ARRAY_LEN(v->what) && v->what[i][0] != '\0'; i++) {
		br_buf_puts(p->out, "  ");
		br_buf_put_visible(p->out, v->what[i], strlen(v->what[i]), false);
		br_buf_putc(p->out, '\n');
	}
}

/* ---- the command ---- */

static int
verify(const char *which, const struct opts *o, struct br_err *e)
{
	struct br_place place;
	struct br_note_key k;
	struct br_verify v;
	if (br_place_open(which, &place, e) < 0)
		return -1;
	int known = br_choose_key(o->host_key, &place, &k, e), rc = known < 0 ? -1 : br_log_verify(place.dirfd, known > 0 ? &k : NULL, &v, e);
	if (rc < 0) {
		br_place_close(&place);
		return br_err_wrap(e, "%s", place.path);
	}
	v.live = place.live;
	/* The whole log of another session would verify well. */
	if (place.id[0] != '\0' && v.session[0] != '\0' && !br_streq(place.id, v.session)) {
		v.integrity = BR_TAMPERED;
		memmove(v.what[1], v.what[0], sizeof(v.what) - sizeof(v.what[0]));
		(void)snprintf(v.what[0], sizeof(v.what[0]), "this is the log of session %.60s, put in the place of that of %.60s", v.session, place.id);
	}
	int status = status_of(&v);
	br_auto_buf out = {0};
	const struct paper paper = {&out, br_cli_colour(STDOUT_FILENO)};
	if (o->json)
		put_json(&out, &v, status);
	else
		put_people(&paper, &v, &place);
	br_place_close(&place);
	return br_cli_put(&out, status);
}

int
br_tool_verify(int argc, char **argv)
{
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = argc, rc = br_cli_options(&usage, argc, argv, &o, &first);
	if (rc >= 0)
		return rc;
	const char *which = br_place_operand("verify", argc, argv, first, &e);
	rc = which != NULL ? verify(which, &o, &e) : -1;
	return rc < 0 ? br_cli_fail(&e) : rc;
}
