#include "base/buf.h"

#include "base/utf8.h"

#include <stdarg.h>

void
br_buf_free(struct br_buf *b)
{
	free(b->p);
	*b = (struct br_buf){0};
}

void
br_buf_reset(struct br_buf *b)
{
	b->len = 0;
	if (b->p != NULL)
		b->p[0] = '\0';
}

char *
br_buf_room(struct br_buf *b, size_t n)
{
	size_t need;
	if (b->failed)
		return NULL;
	if (__builtin_add_overflow(b->len, n, &need) || __builtin_add_overflow(need, 1, &need)) {
		b->failed = true;
		return NULL;
	}
	if (need > b->cap) {
		size_t cap = b->cap != 0 ? b->cap : 64;
		while (cap < need) {
			if (__builtin_mul_overflow(cap, 2, &cap)) {
				cap = need;
				break;
			}
		}
		char *p = realloc(b->p, cap);
		if (p == NULL) {
			b->failed = true;
			return NULL;
		}
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->len;
}

void
br_buf_put(struct br_buf *b, const void *data, size_t n)
{
	char *to = br_buf_room(b, n);
	if (to == NULL)
		return;
	if (n > 0)
		memcpy(to, data, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void
br_buf_puts(struct br_buf *b, const char *s)
{
	br_buf_put(b, s, strlen(s));
}

void
br_buf_putc(struct br_buf *b, char c)
{
	br_buf_put(b, &c, 1);
}

void
br_buf_printf(struct br_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	va_list again;
	va_copy(again, ap);
	char small[256];
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
	} else if ((size_t)n < sizeof(small)) {
		br_buf_put(b, small, (size_t)n);
	} else {
		char *to = br_buf_room(b, (size_t)n);
		if (to != NULL) {
			(void)vsnprintf(to, (size_t)n + 1, fmt, again);
			b->len += (size_t)n;
		}
	}
	va_end(again);
}

void
br_buf_consume(struct br_buf *b, size_t n)
{
	if (n >= b->len) {
		br_buf_reset(b);
		return;
	}
	memmove(b->p, b->p + n, b->len - n);
	b->len -= n;
	b->p[b->len] = '\0';
}

void
br_buf_put_visible(struct br_buf *b, const char *s, size_t n, bool newlines)
{
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t w = br_utf8_decode(s + i, n - i, &c);
		if (w == 0) {
			br_buf_printf(b, "\\x%02x", (unsigned char)s[i]);
			i++;
			continue;
		}
		bool control = c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0);
		if (control && !(newlines && (c == '\n' || c == '\t')))
			br_buf_printf(b, "\\x%02x", (unsigned)c);
		else if (br_utf8_is_disguise(c))
			br_buf_printf(b, "\\u{%04x}", (unsigned)c);
		else
			br_buf_put(b, s + i, w);
		i += w;
	}
}

void
br_buf_put_field(struct br_buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			br_buf_puts(b, "\\n");
		else if (*s == '\\')
			br_buf_puts(b, "\\\\");
		else
			br_buf_putc(b, *s);
	}
}

bool
br_unescape_to(const char *s, size_t n, char *out, size_t room)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++, k++) {
		char c = s[i];
		if (k + 1 >= room || c == '\0')
			return false;
		if (c == '\\') {
			if (++i >= n || (s[i] != 'n' && s[i] != '\\'))
				return false;
			c = s[i] == 'n' ? '\n' : '\\';
		}
		out[k] = c;
	}
	if (k >= room)
		return false;
	out[k] = '\0';
	return true;
}

bool
br_unescape(char *s)
{
	size_t n = strlen(s);
	return br_unescape_to(s, n, s, n + 1);
}

char *
br_field_next(char **rest)
{
	char *start = *rest, *sp = start != NULL ? strchr(start, ' ') : NULL;
	if (sp == NULL)
		return NULL;
	*sp = '\0';
	*rest = sp + 1;
	return start;
}

void
br_buf_put_json(struct br_buf *b, const char *s, size_t n)
{
	br_buf_putc(b, '"');
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t w = br_utf8_decode(s + i, n - i, &c);
		if (w == 0) {
			br_buf_puts(b, "\xef\xbf\xbd");
			i++;
			continue;
		}
		if (c == '"' || c == '\\')
			br_buf_printf(b, "\\%c", (char)c);
		else if (c == '\n')
			br_buf_puts(b, "\\n");
		else if (c == '\t')
			br_buf_puts(b, "\\t");
		else if (c < 0x20 || c == 0x7f || br_utf8_is_disguise(c)) {
			if (c > 0xffff)
				br_buf_printf(b, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
				    0xdc00 + ((c - 0x10000) & 0x3ff));
			else
				br_buf_printf(b, "\\u%04x", c);
		} else
			br_buf_put(b, s + i, w);
		i += w;
	}
	br_buf_putc(b, '"');
}
