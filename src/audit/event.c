#include "audit/event.h"

#include "audit/redact.h"
#include "base/io.h"
#include "base/sha256.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

static const struct {
	const char *name;
	enum br_event_class class;
} types[BR_EV_TYPES] = {
    [BR_EV_START] = {"start", BR_CLASS_A},
    [BR_EV_END] = {"end", BR_CLASS_A},
    [BR_EV_EXEC] = {"exec", BR_CLASS_B},
    [BR_EV_EXEC_FAILED] = {"exec-failed", BR_CLASS_B},
    [BR_EV_EXIT] = {"exit", BR_CLASS_B},
    [BR_EV_PATH] = {"path", BR_CLASS_A},
    [BR_EV_LIMIT] = {"limit", BR_CLASS_A},
    [BR_EV_TERMINAL] = {"terminal", BR_CLASS_C},
    [BR_EV_GAP] = {"gap", BR_CLASS_A},
    [BR_EV_ALERT] = {"alert", BR_CLASS_A},
    [BR_EV_HANDOFF] = {"handoff", BR_CLASS_B},
    [BR_EV_SEALED] = {"sealed", BR_CLASS_A},
    [BR_EV_WATCH] = {"watch", BR_CLASS_B},
    [BR_EV_CALL] = {"call", BR_CLASS_A},
    [BR_EV_NOTE] = {"note", BR_CLASS_B},
    [BR_EV_RECOVERED] = {"recovered", BR_CLASS_A},
};

const char *
br_event_type_name(enum br_event_type t)
{
	return (unsigned)t < BR_EV_TYPES ? types[t].name : "unknown";
}

enum br_event_class
br_event_class_of(enum br_event_type t)
{
	return (unsigned)t < BR_EV_TYPES ? types[t].class : BR_CLASS_A;
}

/* Begins a member or an element: the comma, unless it is the first, and the key. `key` is a literal of ours; NULL in a list. */
static void
member(struct br_event *ev, const char *key)
{
	const struct br_buf *b = &ev->line;
	if (b->len > 0 && b->p[b->len - 1] != '{' && b->p[b->len - 1] != '[')
		br_buf_putc(&ev->line, ',');
	if (key == NULL)
		return;
	br_buf_putc(&ev->line, '"');
	br_buf_puts(&ev->line, key);
	br_buf_put(&ev->line, "\":", 2);
}

static void
put_time(struct br_buf *b, const char *key, clockid_t clock)
{
	struct timespec t = {0};
	(void)clock_gettime(clock, &t);
	br_buf_printf(b, "\"%s\":%" PRId64 ".%06ld", key, (int64_t)t.tv_sec, t.tv_nsec / 1000);
}

void
br_event_begin(struct br_event *ev, enum br_event_type type)
{
	ev->type = type;
	ev->denied = false;
	br_buf_reset(&ev->line);
	ev->line.failed = false;
	br_buf_putc(&ev->line, '{');
	put_time(&ev->line, "t", CLOCK_REALTIME);
	br_buf_putc(&ev->line, ',');
	put_time(&ev->line, "m", CLOCK_MONOTONIC);
	br_event_str(ev, "type", br_event_type_name(type));
}

static bool
is_utf8(const char *s, size_t n)
{
	uint32_t c;
	for (size_t i = 0; i < n;) {
		size_t w = br_utf8_decode(s + i, n - i, &c);
		if (w == 0)
			return false;
		i += w;
	}
	return true;
}

static void
put_base64(struct br_buf *b, const char *s, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = 0;
		for (size_t j = 0; j < 3; j++)
			v = v << 8 | (i + j < n ? (unsigned char)s[i + j] : 0);
		char out[4] = {digits[v >> 18], digits[v >> 12 & 63], '=', '='};
		if (i + 1 < n)
			out[2] = digits[v >> 6 & 63];
		if (i + 2 < n)
			out[3] = digits[v & 63];
		br_buf_put(b, out, sizeof(out));
	}
}

void
br_event_strn(struct br_event *ev, const char *key, const char *value, size_t n)
{
	member(ev, key);
	if (is_utf8(value, n)) {
		br_buf_put_json(&ev->line, value, n);
		return;
	}
	br_buf_puts(&ev->line, "{\"base64\":\"");
	put_base64(&ev->line, value, n);
	br_buf_puts(&ev->line, "\"}");
}

void
br_event_str(struct br_event *ev, const char *key, const char *value)
{
	br_event_strn(ev, key, value, strlen(value));
}

void
br_event_int(struct br_event *ev, const char *key, int64_t value)
{
	member(ev, key);
	br_buf_printf(&ev->line, "%" PRId64, value);
}

void
br_event_bool(struct br_event *ev, const char *key, bool value)
{
	member(ev, key);
	br_buf_puts(&ev->line, value ? "true" : "false");
}

void
br_event_seconds(struct br_event *ev, const char *key, uint64_t us)
{
	member(ev, key);
	br_buf_printf(&ev->line, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

void
br_event_strv(struct br_event *ev, const char *key, char *const *values)
{
	br_event_open(ev, key, '[');
	for (; *values != NULL; values++)
		br_event_str(ev, NULL, *values);
	br_event_close(ev, ']');
}

/* {"h":"…"}: can be compared with others of this session, and with what somebody knows, but not be read. */
static void
put_secret(struct br_event *ev, const char *value, size_t n, const unsigned char salt[32])
{
	unsigned char sum[BR_SHA256_LEN];
	char hex[BR_SHA256_HEX];
	struct br_sha256 s;
	br_sha256_init(&s);
	br_sha256_update(&s, salt, 32);
	br_sha256_update(&s, value, n);
	br_sha256_final(&s, sum);
	br_sha256_hex(sum, hex);
	br_event_open(ev, NULL, '{');
	br_event_str(ev, "h", hex);
	br_event_close(ev, '}');
}

static void
put_redacted(struct br_event *ev, const char *prev, const char *s, size_t n, const unsigned char salt[32])
{
	struct br_secret_span span[32];
	size_t found = br_redact_find(prev, s, n, span, BR_ARRAY_LEN(span)), at = 0;
	if (found == 0) {
		br_event_strn(ev, NULL, s, n);
		return;
	}
	bool whole = span[0].len == n;
	if (!whole)
		br_event_open(ev, NULL, '[');
	for (size_t i = 0; i < found; i++) {
		if (span[i].at > at)
			br_event_strn(ev, NULL, s + at, span[i].at - at);
		put_secret(ev, s + span[i].at, span[i].len, salt);
		at = span[i].at + span[i].len;
	}
	if (at < n)
		br_event_strn(ev, NULL, s + at, n - at);
	if (!whole)
		br_event_close(ev, ']');
}

void
br_event_argv(struct br_event *ev, const char *key, const char *bytes, size_t n, const unsigned char salt[32])
{
	const char *prev = NULL;
	br_event_open(ev, key, '[');
	for (size_t at = 0; at < n;) {
		size_t len = strnlen(bytes + at, n - at);
		put_redacted(ev, prev, bytes + at, len, salt);
		/* The last may have no NUL; it has no argument after it either. */
		prev = bytes + at;
		at += len + 1;
	}
	br_event_close(ev, ']');
}

void
br_event_open(struct br_event *ev, const char *key, char bracket)
{
	member(ev, key);
	br_buf_putc(&ev->line, bracket);
}

void
br_event_close(struct br_event *ev, char bracket)
{
	br_buf_putc(&ev->line, bracket == '{' || bracket == '}' ? '}' : ']');
}

void
br_event_denied(struct br_event *ev)
{
	/* In the line too: verification recomputes the index, which knows where the denials are, from the entries alone. */
	if (!ev->denied)
		br_event_bool(ev, "denied", true);
	ev->denied = true;
}

int
br_event_finish(struct br_event *ev)
{
	br_buf_putc(&ev->line, '}');
	if (!ev->line.failed)
		return 0;
	errno = ENOMEM;
	return -1;
}

void
br_event_free(struct br_event *ev)
{
	br_buf_free(&ev->line);
}
