#include "audit/tool/entry.h"

#include "audit/event.h"

#include <ctype.h>
#include <math.h>

#define T_MAX 253402300799.0 /* the end of the year 9999 */

static enum br_event_type
type_of(const char *name, size_t n)
{
	for (int t = 0; t < BR_EV_TYPES; t++) {
		const char *known = br_event_type_name((enum br_event_type)t);
		if (strlen(known) == n && memcmp(known, name, n) == 0)
			return (enum br_event_type)t;
	}
	return BR_EV_TYPES;
}

static enum br_event_type
type_of_json(const json_t *v)
{
	return json_is_string(v) ? type_of(json_string_value(v), json_string_length(v)) : BR_EV_TYPES;
}

void
br_entry_parse(struct br_entry *x, const struct br_log_entry *line)
{
	*x = (struct br_entry){.n = line->n, .raw = line->line, .len = line->len, .type = BR_EV_TYPES};
	x->json = json_loadb(line->line, line->len, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(x->json)) {
		json_decref(x->json);
		x->json = NULL;
		return;
	}
	double t = json_number_value(json_object_get(x->json, "t"));
	x->t_us = t > 0 && t < T_MAX ? (int64_t)llround(t * 1e6) : 0;
	x->type = type_of_json(json_object_get(x->json, "type"));
	x->denied = json_is_true(json_object_get(x->json, "denied"));
}

void
br_entry_free(struct br_entry *x)
{
	json_decref(x->json);
	x->json = NULL;
}

/* The type by the place where a writer of ours puts it: {"t":…,"m":…,"type":"NAME". False: it stands elsewhere. */
static bool
quick_type(const struct br_log_entry *line, enum br_event_type *out)
{
	static const char key[] = "\"type\":\"";
	size_t head = line->len < 96 ? line->len : 96;
	const char *p = memmem(line->line, head, key, sizeof(key) - 1);
	const char *end = p != NULL ? memchr(p + sizeof(key) - 1, '"', head - (size_t)(p + sizeof(key) - 1 - line->line)) : NULL;
	if (end == NULL || line->len < 5 || memcmp(line->line, "{\"t\":", 5) != 0)
		return false;
	/* Nothing but numbers before it: no string that only looks like the key. */
	for (const char *c = line->line + 5; c < p; c++)
		if (strchr("0123456789.,:\"m", *c) == NULL || *c == '\0')
			return false;
	p += sizeof(key) - 1;
	*out = type_of(p, (size_t)(end - p));
	return true;
}

bool
br_entry_may_match(const struct br_log_entry *line, const struct br_log_filter *f)
{
	enum br_event_type t;
	if (f->types != 0 && quick_type(line, &t) && (t >= BR_EV_TYPES || (f->types & 1U << t) == 0))
		return false;
	/* Inside a string the quotes would be escaped. A space before the value is not our writer's, but is JSON. */
	return !f->denied || memmem(line->line, line->len, "\"denied\"", 8) != NULL;
}

bool
br_entry_matches(const struct br_entry *x, const struct br_log_filter *f)
{
	if (f->types != 0 && (x->type >= BR_EV_TYPES || (f->types & 1U << x->type) == 0))
		return false;
	if (f->denied && !x->denied)
		return false;
	return (f->from_us == 0 || (uint64_t)x->t_us >= f->from_us) && (f->to_us == 0 || (uint64_t)x->t_us <= f->to_us);
}

const json_t *
br_entry_get(const struct br_entry *x, const char *key)
{
	return x->json != NULL ? json_object_get(x->json, key) : NULL;
}

int64_t
br_entry_int(const struct br_entry *x, const char *key, int64_t otherwise)
{
	const json_t *v = br_entry_get(x, key);
	return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}

double
br_entry_seconds(const struct br_entry *x, const char *key)
{
	const json_t *v = br_entry_get(x, key);
	return json_is_number(v) && json_number_value(v) >= 0 ? json_number_value(v) : -1;
}

static int
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c != '\0' ? strchr(digits, c) : NULL;
	return p != NULL ? (int)(p - digits) : -1;
}

static bool
put_base64(struct br_buf *out, const char *s, size_t n)
{
	uint32_t acc = 0;
	size_t digits = 0;
	for (size_t i = 0; i < n && s[i] != '='; i++) {
		int d = base64_digit(s[i]);
		if (d < 0)
			return false;
		acc = (acc << 6 | (uint32_t)d) & 0xffffff;
		if (digits++ % 4 != 0)
			br_buf_putc(out, (char)(acc >> (6 - 2 * ((digits - 1) % 4))));
	}
	return true;
}

static bool
put_part(const json_t *v, struct br_buf *out)
{
	if (json_is_string(v)) {
		br_buf_put(out, json_string_value(v), json_string_length(v));
		return true;
	}
	const json_t *b = json_is_object(v) ? json_object_get(v, "base64") : NULL;
	if (json_is_string(b))
		return put_base64(out, json_string_value(b), json_string_length(b));
	if (json_is_object(v) && json_is_string(json_object_get(v, "h"))) {
		br_buf_puts(out, "<secret>");
		return true;
	}
	return false;
}

bool
br_value_bytes(const json_t *v, struct br_buf *out)
{
	size_t i, before = out->len;
	const json_t *part;
	if (!json_is_array(v))
		return put_part(v, out);
	json_array_foreach(v, i, part)
	{
		if (!put_part(part, out)) {
			out->len = before;
			return false;
		}
	}
	return true;
}

void
br_value_show(const json_t *v, struct br_buf *out)
{
	br_auto_buf bytes = {0};
	if (br_value_bytes(v, &bytes)) {
		br_buf_put_visible(out, bytes.p != NULL ? bytes.p : "", bytes.len, false);
		return;
	}
	br_auto_free char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text != NULL)
		br_buf_put_visible(out, text, strlen(text), false);
}

static bool
is_plain_word(const char *s, size_t n)
{
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && (s[i] == '\0' || strchr("%+,-./:=@_<>", s[i]) == NULL) && (unsigned char)s[i] < 0x80)
			return false;
	return true;
}

static void
put_word(const json_t *v, struct br_buf *out)
{
	br_auto_buf bytes = {0};
	if (!br_value_bytes(v, &bytes)) {
		br_value_show(v, out);
		return;
	}
	const char *p = bytes.p != NULL ? bytes.p : "";
	if (is_plain_word(p, bytes.len)) {
		br_buf_put_visible(out, p, bytes.len, false);
		return;
	}
	br_buf_putc(out, '\'');
	for (size_t from = 0, i = 0; i <= bytes.len; i++) {
		if (i < bytes.len && p[i] != '\'')
			continue;
		br_buf_put_visible(out, p + from, i - from, false);
		br_buf_puts(out, i < bytes.len ? "'\\''" : "'");
		from = i + 1;
	}
}

void
br_argv_show(const json_t *v, struct br_buf *out)
{
	size_t i;
	const json_t *word;
	if (!json_is_array(v)) {
		if (v != NULL)
			br_value_show(v, out);
		return;
	}
	json_array_foreach(v, i, word)
	{
		if (i > 0)
			br_buf_putc(out, ' ');
		put_word(word, out);
	}
}

const char *
br_entry_text(const struct br_entry *x, const char *key, struct br_buf *out)
{
	br_buf_reset(out);
	const json_t *v = br_entry_get(x, key);
	if (v == NULL || !br_value_bytes(v, out) || out->p == NULL || out->failed)
		return "";
	return out->p;
}
