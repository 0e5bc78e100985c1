/* Entries as lines of text for log collectors: ArcSight's Common Event Format, revision 26, and syslog by RFC 5424. */
#include "audit/tool/export.h"
#include "audit/tool/when.h"

#include <inttypes.h>

/* "exec-failed" and what it means, 0 to 10. */
static int
severity(const struct br_entry *ev)
{
	if (ev->type == BR_EV_ALERT)
		return 9;
	if (ev->denied || ev->type == BR_EV_GAP || ev->type == BR_EV_RECOVERED)
		return 7;
	return ev->type == BR_EV_LIMIT || ev->type == BR_EV_HANDOFF ? 5 : 3;
}

/* `special` and the backslash with a backslash before them. */
static void
put_escaped(struct br_buf *out, const char *s, size_t n, const char *special)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' || (s[i] != '\0' && strchr(special, s[i]) != NULL))
			br_buf_putc(out, '\\');
		br_buf_putc(out, s[i]);
	}
}

static void
put_extension(struct br_buf *out, const char *key, const json_t *v)
{
	br_auto_buf text = {0};
	if (v == NULL)
		return;
	br_value_show(v, &text);
	br_buf_printf(out, " %s=", key);
	put_escaped(out, text.p != NULL ? text.p : "", text.len, "=");
}

static void
put_plain(struct br_buf *out, const char *key, const char *value)
{
	br_auto_buf text = {0};
	if (value[0] == '\0')
		return;
	br_buf_put_visible(&text, value, strlen(value), false);
	br_buf_printf(out, " %s=", key);
	put_escaped(out, text.p != NULL ? text.p : "", text.len, "=");
}

/* The name of a field of the log, and CEF's key for it. */
static const struct {
	const char *field, *key;
} extensions[] = {
    {"pid", "dpid"}, {"ppid", "spid"}, {"program", "dproc"}, {"comm", "dproc"}, {"path", "filePath"}, {"sha256", "fileHash"}, {"rule", "cs1"},
    {"reason", "reason"}, {"why", "reason"}, {"exec", "cn1"}, {"parent", "cn2"}};

void
br_record_cef(const struct br_export *x, const struct br_entry *ev, struct br_buf *out)
{
	br_auto_buf text = {0};
	const char *type = br_event_type_name(ev->type);
	br_entry_show(ev, &text);
	br_buf_printf(out, "CEF:0|Brattice|Brattice|%s|%s|%s|%d|", BRATTICE_VERSION, type, type, severity(ev));
	br_buf_printf(out, "rt=%" PRId64 " externalId=%" PRIu64, ev->t_us / 1000, ev->n);
	put_plain(out, "cs2", x->session);
	br_buf_puts(out, x->session[0] != '\0' ? " cs2Label=session" : "");
	put_plain(out, "dvchost", x->host);
	put_plain(out, "suser", x->user);
	if (ev->denied || br_entry_get(ev, "decision") != NULL)
		br_buf_printf(out, " act=%s", ev->denied ? "denied" : "allowed");
	const char *last = "";
	for (size_t i = 0; i < BR_ARRAY_LEN(extensions); i++) {
		const json_t *v = br_entry_get(ev, extensions[i].field);
		if (v == NULL || br_streq(extensions[i].key, last))
			continue;
		put_extension(out, extensions[i].key, v);
		last = extensions[i].key;
		if (last[0] == 'c' && (last[1] == 's' || last[1] == 'n'))
			br_buf_printf(out, " %sLabel=%s", last, extensions[i].field);
	}
	br_buf_puts(out, " msg=");
	put_escaped(out, text.p != NULL ? text.p : "", text.len, "=");
	br_buf_putc(out, '\n');
}

/* A name of the header: visible ASCII, at most `most`, "-" for none. */
static void
put_name(struct br_buf *out, const char *s, size_t most)
{
	size_t n = 0;
	for (; *s != '\0' && n < most; s++)
		if (*s > ' ' && *s < 0x7f) {
			br_buf_putc(out, *s);
			n++;
		}
	if (n == 0)
		br_buf_putc(out, '-');
}

static void
put_param(struct br_buf *out, const char *name, const char *s, size_t n)
{
	br_buf_printf(out, " %s=\"", name);
	put_escaped(out, s, n, "\"]");
	br_buf_putc(out, '"');
}

static void
put_json_param(struct br_buf *out, const struct br_entry *ev, const char *field)
{
	br_auto_buf text = {0};
	const json_t *v = br_entry_get(ev, field);
	if (v == NULL)
		return;
	br_value_show(v, &text);
	put_param(out, field, text.p != NULL ? text.p : "", text.len);
}

/* Facility 13, "log audit"; severity notice, or warning for what was refused (RFC 5424, section 6.2.1). The ID of the structured data stands
 * under the number that RFC 5612 keeps for documentation: we have none of our own. */
void
br_record_syslog(const struct br_export *x, const struct br_entry *ev, struct br_buf *out)
{
	static const char *const fields[] = {"exec", "parent", "pid", "op", "path", "rule", "decision"};
	br_auto_buf text = {0};
	int level = severity(ev) >= 9 ? 1 : severity(ev) >= 7 ? 4 : 5;
	br_buf_printf(out, "<%d>1 ", 13 * 8 + level);
	br_when_rfc3339(ev->t_us, out);
	br_buf_putc(out, ' ');
	put_name(out, x->host, 255);
	br_buf_puts(out, " brattice ");
	put_name(out, x->session, 128);
	br_buf_printf(out, " %s [brattice@32473 n=\"%" PRIu64 "\"", br_event_type_name(ev->type), ev->n);
	if (ev->denied)
		br_buf_puts(out, " denied=\"true\"");
	for (size_t i = 0; i < BR_ARRAY_LEN(fields); i++)
		put_json_param(out, ev, fields[i]);
	br_buf_puts(out, "] \xef\xbb\xbf");
	br_entry_show(ev, &text);
	br_buf_put(out, text.p != NULL ? text.p : "", text.len);
	br_buf_putc(out, '\n');
}
