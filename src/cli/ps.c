/* brattice ps */
#include "cli/command.h"

#include "session/state.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

struct opts {
	bool all, json, quiet;
};

static const struct br_opt table[] = {
	{"all", 'a', NULL, "ended sessions too", BR_OPT_FLAG, offsetof(struct opts, all), NULL},
	{"json", 'j', NULL, "one JSON object a line", BR_OPT_FLAG, offsetof(struct opts, json), NULL},
	{"quiet", 'q', NULL, "ids only", BR_OPT_FLAG, offsetof(struct opts, quiet), NULL},
};

const struct br_usage br_usage_ps = {
	.command = "ps",
	.synopsis = "[OPTION...]",
	.summary = "list sessions",
	.about = "Lists the sessions that are running, and those in review mode whose changes wait for apply or discard.\n\n"
		 "The id shown is the last part of the whole one; every command accepts it.",
	.opts = table,
	.nopts = BR_ARRAY_LEN(table),
	.interleave = true,
};

#define ROW_MAX 400

enum { ID, NAME, AGE, STATE, PROJECT, COMMAND, COLUMNS };
static const char *const heads[COLUMNS] = {"ID", "NAME", "AGE", "STATE", "PROJECT", "COMMAND"};

struct row {
	char *cell[COLUMNS];
	bool alive, pending;
};

static void
put_age(struct br_buf *b, int64_t ms)
{
	static const struct {
		int64_t least, unit;
		char letter;
	} units[] = {{2L * 86400, 86400, 'd'}, {2L * 3600, 3600, 'h'}, {120, 60, 'm'}, {0, 1, 's'}};
	int64_t s = ms > 0 ? ms / 1000 : 0;
	for (size_t i = 0; i < BR_ARRAY_LEN(units); i++) {
		if (s >= units[i].least) {
			br_buf_printf(b, "%lld%c", (long long)(s / units[i].unit), units[i].letter);
			return;
		}
	}
}

static void
put_state(struct br_buf *b, const struct br_session_meta *m)
{
	if (m->alive)
		br_buf_put_visible(b, m->state, strlen(m->state), false);
	else if (m->ended_ms > 0 && m->status >= 0)
		br_buf_printf(b, "ended %d", m->status);
	else
		br_buf_puts(b, br_streq(m->state, "damaged") ? "damaged" : "died");
	if (m->pending)
		br_buf_puts(b, ", review");
}

static void
put_project(struct br_buf *b, const struct br_session_meta *m)
{
	const char *home = getenv("HOME"), *p = m->project;
	size_t n = home != NULL ? strlen(home) : 0;
	if (n > 1 && br_startswith(p, home) && (p[n] == '/' || p[n] == '\0')) {
		br_buf_putc(b, '~');
		p += n;
	}
	br_buf_put_visible(b, p, strlen(p), false);
}

static void
put_command(struct br_buf *b, const struct br_session_meta *m)
{
	for (char *const *a = m->argv; a != NULL && *a != NULL && b->len < ROW_MAX; a++) {
		if (a != m->argv)
			br_buf_putc(b, ' ');
		br_buf_put_visible(b, *a, strnlen(*a, ROW_MAX), false);
	}
}

static void
put_cell(struct br_buf *b, int column, const struct br_session_meta *m, int64_t now)
{
	switch (column) {
	case ID: {
		const char *part = strrchr(m->id, '-');
		br_buf_puts(b, part != NULL ? part + 1 : m->id);
		break;
	}
	case NAME:
		br_buf_put_visible(b, m->name, strlen(m->name), false);
		break;
	case AGE:
		put_age(b, now - m->started_ms);
		break;
	case STATE:
		put_state(b, m);
		break;
	case PROJECT:
		put_project(b, m);
		break;
	default:
		put_command(b, m);
		break;
	}
	if (b->len == 0)
		br_buf_putc(b, '-');
}

static bool
fill_row(struct row *r, const struct br_session_meta *m, int64_t now)
{
	r->alive = m->alive;
	r->pending = m->pending;
	for (int c = 0; c < COLUMNS; c++) {
		struct br_buf b = {0};
		put_cell(&b, c, m, now);
		if (b.failed) {
			br_buf_free(&b);
			return false;
		}
		r->cell[c] = b.p;
	}
	return true;
}

/* Characters, not bytes; wide ones count as one, which is good enough for a table. */
static size_t
width(const char *s)
{
	size_t n = 0;
	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80 ? 1 : 0;
	return n;
}

static size_t
screen_width(void)
{
	struct winsize w;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 0;
}

/* At most `room` characters. */
static void
put_clipped(struct br_buf *out, const char *s, size_t room)
{
	size_t n = 0, i = 0;
	while (s[i] != '\0' && n < room) {
		i++;
		while (((unsigned char)s[i] & 0xc0) == 0x80)
			i++;
		n++;
	}
	br_buf_put(out, s, i);
}

static const char *
row_colour(const struct row *r)
{
	return r->alive ? "\033[32m" : r->pending ? "\033[33m" : "\033[2m";
}

static void
put_row(struct br_buf *out, const struct row *r, const size_t *widths, size_t screen, const char *colour)
{
	size_t col = 0;
	for (int c = 0; c < COLUMNS; c++) {
		bool tinted = c == STATE && colour[0] != '\0';
		if (tinted)
			br_buf_puts(out, colour);
		size_t w = width(r->cell[c]);
		put_clipped(out, r->cell[c], screen > 0 && c == COMMAND ? (screen > col ? screen - col : 1) : w);
		if (tinted)
			br_buf_puts(out, "\033[m");
		if (c < COMMAND)
			br_buf_printf(out, "%*s", (int)(widths[c] - w) + 2, "");
		col += widths[c] + 2;
	}
	br_buf_putc(out, '\n');
}

static void
put_table(struct br_buf *out, const struct row *rows, size_t n)
{
	size_t widths[COLUMNS] = {0};
	struct row head = {0};
	for (int c = 0; c < COLUMNS; c++) {
		head.cell[c] = (char *)(uintptr_t)heads[c];
		widths[c] = strlen(heads[c]);
		for (size_t i = 0; i < n; i++)
			widths[c] = width(rows[i].cell[c]) > widths[c] ? width(rows[i].cell[c]) : widths[c];
	}
	size_t screen = screen_width();
	bool colour = br_cli_colour(STDOUT_FILENO);
	put_row(out, &head, widths, screen, "");
	for (size_t i = 0; i < n; i++)
		put_row(out, &rows[i], widths, screen, colour ? row_colour(&rows[i]) : "");
}

static bool
people_view(struct br_buf *out, const struct br_session_meta *v, size_t n, const struct opts *o)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	struct row *rows = calloc(n + 1, sizeof(*rows));
	size_t have = 0;
	bool ok = rows != NULL;
	for (size_t i = 0; i < n && ok; i++)
		if (o->all || v[i].alive || v[i].pending)
			ok = fill_row(&rows[have++], &v[i], (int64_t)ts.tv_sec * 1000);
	if (ok && have > 0)
		put_table(out, rows, have);
	else if (ok && isatty(STDERR_FILENO) == 1)
		br_warn(o->all || n == 0 ? "there are no sessions" : "no session is running; brattice ps --all lists ended ones");
	for (size_t i = 0; i < have; i++)
		for (int c = 0; c < COLUMNS; c++)
			free(rows[i].cell[c]);
	free(rows);
	return ok;
}

static void
script_view(struct br_buf *out, const struct br_session_meta *v, size_t n, const struct opts *o)
{
	for (size_t i = 0; i < n; i++) {
		if (!o->all && !v[i].alive && !v[i].pending)
			continue;
		if (o->json)
			br_session_put_json(out, &v[i]);
		else
			br_buf_puts(out, v[i].id);
		br_buf_putc(out, '\n');
	}
}

int
br_cmd_ps(int argc, char **argv)
{
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	struct br_session_meta *v = NULL;
	size_t n = 0;
	int first = argc, rc = br_cli_options(&br_usage_ps, argc, argv, &o, &first);
	if (rc >= 0)
		return rc;
	if (first < argc) {
		(void)br_err_set(&e, 0, "ps takes no operands, \"%s\" is one", argv[first]);
		return br_cli_fail(&e);
	}
	if (br_session_list(&v, &n, &e) < 0)
		return br_cli_fail(&e);
	br_auto_buf out = {0};
	if (o.json || o.quiet)
		script_view(&out, v, n, &o);
	else if (!people_view(&out, v, n, &o))
		out.failed = true;
	for (size_t i = 0; i < n; i++)
		br_session_meta_free(&v[i]);
	free(v);
	return br_cli_put(&out, 0);
}
