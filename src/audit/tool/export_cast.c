/* asciicast v3 and v2 (docs.asciinema.org), with the commands as markers. */
#include "audit/tool/export.h"
#include "audit/tool/timeline.h"

#include "session/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

static void
put_members(const json_t *from, const char *const *keys, size_t n, struct br_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		br_auto_free char *text = json_dumps(json_object_get(from, keys[i]), JSON_COMPACT | JSON_ENCODE_ANY);
		if (text != NULL)
			br_buf_printf(out, ",\"%s\":%s", keys[i], text);
	}
}

static void
put_header(const struct br_cast *c, int version, struct br_buf *out)
{
	static const char *const keys[] = {"timestamp", "command", "title", "env", "idle_time_limit"};
	const json_t *type = json_object_get(json_object_get(c->header, "term"), "type");
	if (version == 2) {
		br_buf_printf(out, "{\"version\":2,\"width\":%u,\"height\":%u", c->cols, c->rows);
	} else {
		br_buf_printf(out, "{\"version\":3,\"term\":{\"cols\":%u,\"rows\":%u", c->cols, c->rows);
		if (json_is_string(type)) {
			br_buf_puts(out, ",\"type\":");
			br_buf_put_json(out, json_string_value(type), json_string_length(type));
		}
		br_buf_putc(out, '}');
	}
	put_members(c->header, keys, BR_ARRAY_LEN(keys), out);
	br_buf_puts(out, "}\n");
}

struct state {
	int version;
	uint64_t last_us;
	struct br_term_filter filter;
	struct br_buf text;
};

static void
put_moment(struct br_export *x, struct state *s, const struct br_moment *m)
{
	const struct br_buf *data = &m->text;
	/* Exit statuses came with version 3. */
	if (strchr("oirmx", m->code) == NULL || (s->version == 2 && m->code == 'x'))
		return;
	if (m->code == 'o' && !x->raw) {
		br_buf_reset(&s->text);
		br_term_filter(&s->filter, data->p, data->len, &s->text);
		data = &s->text;
		if (data->len == 0)
			return;
	}
	uint64_t us = (uint64_t)llround(fmax(m->at, 0) * 1e6), shown = s->version == 2 ? us : us - s->last_us;
	s->last_us = us;
	br_buf_printf(&x->buf, "[%" PRIu64 ".%06" PRIu64 ",\"%c\",", shown / 1000000, shown % 1000000, m->code != 0 ? m->code : 'm');
	br_buf_put_json(&x->buf, data->p != NULL ? data->p : "", data->len);
	br_buf_puts(&x->buf, "]\n");
}

static int
export_cast(struct br_export *x, int version, struct br_err *e)
{
	struct br_timeline t;
	struct state s = {.version = version};
	const struct br_moment *m;
	if (br_timeline_open(&t, x->place->dirfd, true, true, e) < 0)
		return -1;
	int rc = t.has_cast ? 1 : br_err_set(e, 0, "the session had no terminal that was recorded");
	if (rc > 0)
		put_header(&t.cast, version, &x->buf);
	while (rc > 0 && (rc = br_timeline_next(&t, &m, e)) > 0) {
		put_moment(x, &s, m);
		if (s.text.failed || br_export_flush(x, false, e) < 0)
			rc = s.text.failed ? br_err_set(e, ENOMEM, "cannot export") : -1;
	}
	br_buf_free(&s.text);
	br_timeline_close(&t);
	return rc;
}

int
br_export_asciicast(struct br_export *x, struct br_err *e)
{
	return export_cast(x, 3, e);
}

int
br_export_asciicast_v2(struct br_export *x, struct br_err *e)
{
	return export_cast(x, 2, e);
}
