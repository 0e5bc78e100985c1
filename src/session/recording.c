#include "session/recording.h"

#include "base/io.h"

#include <time.h>

void
br_recording_header(struct br_recording *c, struct br_buf *line, unsigned cols, unsigned rows, const char *term)
{
	c->last_us = br_now_us();
	br_buf_reset(line);
	br_buf_printf(line, "{\"version\":3,\"term\":{\"cols\":%u,\"rows\":%u", cols, rows);
	if (term != NULL) {
		br_buf_puts(line, ",\"type\":");
		br_buf_put_json(line, term, strlen(term));
	}
	br_buf_printf(line, "},\"timestamp\":%lld}", (long long)time(NULL));
}

/* [seconds since the line before, "code", then the data. */
static void
begin(struct br_recording *c, struct br_buf *line, char code)
{
	uint64_t now = br_now_us(), us = now - c->last_us;
	c->last_us = now;
	br_buf_reset(line);
	br_buf_printf(line, "[%llu.%06llu,\"%c\",", (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000), code);
}

/* How many bytes at the end are the beginning of a character that isn't whole. */
static size_t
cut_at_end(const char *s, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char b = (unsigned char)s[n - back];
		if (b < 0x80)
			return 0;
		if (b < 0xc0)
			continue;
		size_t whole = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
		return b < 0xf5 && back < whole ? back : 0;
	}
	return 0;
}

static void
put(struct br_recording *c, struct br_recording_carry *carry, struct br_buf *line, char code, const char *data, size_t n)
{
	br_auto_buf all = {0};
	br_buf_put(&all, carry->bytes, carry->n);
	br_buf_put(&all, data, n);
	br_buf_reset(line);
	if (all.failed) {
		line->failed = true;
		return;
	}
	carry->n = cut_at_end(all.p, all.len);
	memcpy(carry->bytes, all.p + all.len - carry->n, carry->n);
	if (all.len == carry->n)
		return;
	begin(c, line, code);
	br_buf_put_json(line, all.p, all.len - carry->n);
	br_buf_putc(line, ']');
}

void
br_recording_output(struct br_recording *c, struct br_buf *line, const char *data, size_t n)
{
	put(c, &c->out, line, 'o', data, n);
}

void
br_recording_input(struct br_recording *c, struct br_buf *line, const char *data, size_t n)
{
	put(c, &c->in, line, 'i', data, n);
}

void
br_recording_resize(struct br_recording *c, struct br_buf *line, unsigned cols, unsigned rows)
{
	begin(c, line, 'r');
	br_buf_printf(line, "\"%ux%u\"]", cols, rows);
}
