#include "audit/tool/paper.h"

#include "base/cli.h"
#include "base/io.h"
#include "base/utf8.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MUCH (256U << 10)
#define WIDTH_MIN 40

void
br_paper_open(struct br_paper *p)
{
	struct winsize ws = {0};
	*p = (struct br_paper){.fd = STDOUT_FILENO, .colour = br_cli_colour(STDOUT_FILENO)};
	if (isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		p->width = ws.ws_col < WIDTH_MIN ? WIDTH_MIN : ws.ws_col;
}

/* How many bytes of the text go into `columns`: up to the last space in there, or all of it. A character counts as one column. */
static size_t
piece(const char *text, size_t n, size_t columns)
{
	size_t at = 0, space = 0;
	uint32_t c;
	for (size_t used = 0; at < n && used < columns; used++) {
		size_t w = br_utf8_decode(text + at, n - at, &c);
		if (text[at] == ' ')
			space = at + 1;
		at += w > 0 ? w : 1;
	}
	return at >= n || space == 0 ? at : space;
}

void
br_paper_line(struct br_paper *p, const char *head, size_t indent, const char *text, size_t n, const char *colour)
{
	struct br_buf *b = &p->buf;
	if (!p->colour)
		colour = NULL;
	br_buf_puts(b, head);
	if (p->width > 0 && indent + WIDTH_MIN / 2 > p->width)
		indent = p->width - WIDTH_MIN / 2;
	do {
		size_t k = p->width > 0 ? piece(text, n, p->width - indent) : n;
		if (colour != NULL)
			br_buf_printf(b, "\033[%sm", colour);
		br_buf_put(b, text, k);
		br_buf_puts(b, colour != NULL ? "\033[m\n" : "\n");
		text += k;
		n -= k;
		if (n > 0)
			br_buf_printf(b, "%*s", (int)indent, "");
	} while (n > 0);
}

int
br_paper_flush(struct br_paper *p, bool now, struct br_err *e)
{
	if (p->buf.failed)
		return br_err_set(e, ENOMEM, "cannot print");
	if (p->gone || p->buf.len == 0 || (!now && p->buf.len < MUCH))
		return 0;
	if (br_write_all(p->fd, p->buf.p, p->buf.len) < 0) {
		if (errno != EPIPE)
			return br_err_set(e, errno, "cannot write the output");
		p->gone = true;
	}
	br_buf_reset(&p->buf);
	return 0;
}

void
br_paper_close(struct br_paper *p)
{
	br_buf_free(&p->buf);
}
