#include "audit/tool/export.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUCH (256U << 10)

struct opts {
	const char *format, *output;
	bool raw, salt;
};

static const struct br_opt table[] = {
    {"format", 'f', "FORMAT", "what to make of it", BR_OPT_STRING, offsetof(struct opts, format),
	"asciicast asciicast-v2 bundle ocsf cef syslog otlp"},
    {"output", 'o', "FILE", "write it there; it must not exist", BR_OPT_STRING, offsetof(struct opts, output), NULL},
    {"raw", 0, NULL, "asciicast: also what acts on the terminal that plays it", BR_OPT_FLAG, offsetof(struct opts, raw), NULL},
    {"salt", 0, NULL, "bundle: with the salt, so that redacted values can be compared", BR_OPT_FLAG, offsetof(struct opts, salt), NULL},
};

static const struct br_usage usage = {
    .command = "export",
    .synopsis = "--format FORMAT [OPTION...] [SESSION|BUNDLE]",
    .summary = "a session's log for other systems",
    .about = "Writes one file, or to the standard output:\n\n"
	     "asciicast, asciicast-v2: the terminal's recording, with the commands as markers. Played elsewhere it would act on that terminal, so it "
	     "goes through the filter of live output, unless --raw is given.\n\n"
	     "bundle: the log itself (tar, zstd), as it is verified, and as C2SP tlog-tiles. brattice verify reads it on any machine.\n\n"
	     "ocsf: OCSF 1.8.0, one JSON object a line. cef: ArcSight's Common Event Format. syslog: RFC 5424, a line each.",
    .opts = table,
    .nopts = BR_ARRAY_LEN(table),
    .interleave = true,
};

static const struct {
	const char *name;
	br_export_fn *fn;
	br_record_fn *record;
} formats[] = {
    {"asciicast", br_export_asciicast, NULL},
    {"asciicast-v2", br_export_asciicast_v2, NULL},
    {"bundle", br_export_bundle, NULL},
    {"ocsf", NULL, br_record_ocsf},
    {"cef", NULL, br_record_cef},
    {"syslog", NULL, br_record_syslog},
};

int
br_export_flush(struct br_export *x, bool now, struct br_err *e)
{
	if (x->buf.failed)
		return br_err_set(e, ENOMEM, "cannot export");
	if (x->buf.len == 0 || (!now && x->buf.len < MUCH))
		return 0;
	if (br_write_all(x->fd, x->buf.p, x->buf.len) < 0)
		return br_err_set(e, errno, "cannot write the export");
	br_buf_reset(&x->buf);
	return 0;
}

static void
copy_text(const struct br_entry *ev, const char *key, char *to, size_t room)
{
	br_auto_buf b = {0};
	(void)snprintf(to, room, "%s", br_entry_text(ev, key, &b));
}

static int
export_records(struct br_export *x, br_record_fn *record, struct br_err *e)
{
	struct br_log_entry line;
	struct br_entry ev;
	int rc;
	struct br_log_reader *r = br_log_open(x->place->dirfd, e);
	if (r == NULL)
		return -1;
	while ((rc = br_log_next(r, &line, e)) > 0) {
		br_entry_parse(&ev, &line);
		if (ev.type == BR_EV_START && ev.n == 0) {
			copy_text(&ev, "session", x->session, sizeof(x->session));
			copy_text(&ev, "host", x->host, sizeof(x->host));
			copy_text(&ev, "user", x->user, sizeof(x->user));
		}
		record(x, &ev, &x->buf);
		br_entry_free(&ev);
		if (br_export_flush(x, false, e) < 0) {
			rc = -1;
			break;
		}
	}
	br_log_close(r);
	return rc;
}

static int
open_output(const struct opts *o, struct br_err *e)
{
	if (o->output == NULL) {
		if (br_streq(o->format, "bundle") && isatty(STDOUT_FILENO) == 1) {
			(void)br_err_set(e, 0, "a bundle is no text for a terminal");
			return br_err_hint(e, "--output FILE");
		}
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	}
	int fd = open(o->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : br_err_set(e, errno, "cannot make %s", o->output);
}

static int
run_format(const char *name, struct br_export *x, struct br_err *e)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(formats); i++)
		if (br_streq(formats[i].name, name))
			return formats[i].fn != NULL ? formats[i].fn(x, e) : export_records(x, formats[i].record, e);
	return br_err_set(e, 0, "--format %s: not in this version", name);
}

static int
run(const char *which, const struct opts *o, struct br_err *e)
{
	struct br_place place;
	if (br_place_open(which, &place, e) < 0)
		return -1;
	struct br_export x = {.place = &place, .fd = open_output(o, e), .raw = o->raw, .salt = o->salt};
	(void)snprintf(x.session, sizeof(x.session), "%s", place.id);
	int rc = x.fd < 0 ? -1 : run_format(o->format, &x, e);
	if (rc == 0)
		rc = br_export_flush(&x, true, e);
	/* Half an export is none. */
	if (rc < 0 && x.fd >= 0 && o->output != NULL)
		(void)unlink(o->output);
	if (rc < 0)
		(void)br_err_wrap(e, "the log of %s", place.path);
	br_cleanup_fd(&x.fd);
	br_buf_free(&x.buf);
	br_place_close(&place);
	return rc;
}

int
br_tool_export(int argc, char **argv)
{
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = argc, rc = br_cli_options(&usage, argc, argv, &o, &first);
	if (rc >= 0)
		return rc;
	if (o.format == NULL) {
		(void)br_err_set(&e, 0, "export: which format?");
		(void)br_err_hint(&e, "--format with one of: %s", table[0].values);
		return br_cli_fail(&e);
	}
	const char *which = first < argc ? br_place_operand("export", argc, argv, first, &e) : "last";
	return which == NULL || run(which, &o, &e) < 0 ? br_cli_fail(&e) : 0;
}
