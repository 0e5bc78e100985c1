#include "base/err.h"

#include "base/buf.h"
#include "base/io.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

int
(br_err_set)(struct br_err *e, int sys, const char *fmt, ...)
{
	if (e == NULL)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (e->status == 0)
		e->status = BR_EXIT_FAILURE;
	e->sys = sys;
	e->hint[0] = '\0';
	if (sys != 0 && n >= 0 && (size_t)n < sizeof(e->msg) - 3)
		(void)snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s", strerror(sys));
	return -1;
}

int
(br_err_wrap)(struct br_err *e, const char *fmt, ...)
{
	if (e == NULL)
		return -1;
	char old[sizeof(e->msg)];
	memcpy(old, e->msg, sizeof(old));
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(e->msg) - 3)
		(void)snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s", old);
	return -1;
}

int
(br_err_hint)(struct br_err *e, const char *fmt, ...)
{
	if (e == NULL)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return -1;
}

int
(br_err_status)(struct br_err *e, int status)
{
	if (e != NULL)
		e->status = status;
	return -1;
}

/* Without memory: what isn't plain text is not shown as it is. */
static void
put_plain(const char *prefix, const char *text)
{
	char line[2200];
	int n = snprintf(line, sizeof(line) - 1, "%s%s", prefix, text);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2;
	for (size_t i = 0; i < len; i++)
		if (line[i] < ' ' || line[i] > '~')
			line[i] = '?';
	line[len] = '\n';
	(void)br_write_all(STDERR_FILENO, line, len + 1);
}

static void
put_line(const char *prefix, const char *text)
{
	struct br_buf b = {0};
	br_buf_puts(&b, prefix);
	br_buf_put_visible(&b, text, strlen(text), true);
	br_buf_putc(&b, '\n');
	if (b.failed)
		put_plain(prefix, text);
	else
		(void)br_write_all(STDERR_FILENO, b.p, b.len);
	br_buf_free(&b);
}

void
br_err_print(const struct br_err *e)
{
	if (e->msg[0] == '\0')
		return; /* a helper has said it all */
	put_line("brattice: ", e->msg);
	if (e->hint[0] != '\0')
		put_line("  mend: ", e->hint);
}

void
br_warn(const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_line("brattice: ", text);
}
