/* The question whether a policy file of the project is to be trusted. */
#include "session/trust.h"

#include "base/io.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* One line from the terminal, without its newline; longer ones are cut. False at end of file. */
static bool
read_answer(int fd, char *out, size_t room)
{
	size_t n = 0;
	for (;;) {
		char c;
		ssize_t r = read(fd, &c, 1);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		if (c == '\n')
			break;
		if (n + 1 < room)
			out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

/* Throws away what was typed before: an answer is to a question that has been seen. */
static bool
ask_line(int fd, const char *question, char *out, size_t room)
{
	(void)tcflush(fd, TCIFLUSH);
	return br_write_all(fd, question, strlen(question)) == 0 && read_answer(fd, out, room);
}

struct page {
	size_t rows, cols;
};

static struct page
page_of(int fd)
{
	struct winsize w;
	if (ioctl(fd, TIOCGWINSZ, &w) < 0 || w.ws_row < 4 || w.ws_col < 20)
		return (struct page){.rows = 23, .cols = 80};
	return (struct page){.rows = w.ws_row - 1U, .cols = w.ws_col};
}

/* How many bytes of `s` fill at most one page; lines wrap at the terminal's width. Tabs count as eight columns, all else as one. */
static size_t
page_bytes(const struct page *p, const char *s, size_t n)
{
	size_t row = 0, col = 0, i = 0;
	for (; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '\n') {
			col = 0;
			if (++row >= p->rows)
				return i + 1;
			continue;
		}
		if ((c & 0xc0) == 0x80)
			continue;
		col += c == '\t' ? 8 : 1;
		if (col > p->cols) {
			col = c == '\t' ? 8 : 1;
			if (++row >= p->rows)
				return i;
		}
	}
	return i;
}

/* 0, or -1 when the terminal is gone. "q" ends the reading, not the question. */
static int
show(int fd, const struct br_buf *text)
{
	struct page p = page_of(fd);
	for (size_t at = 0; at < text->len;) {
		size_t n = page_bytes(&p, text->p + at, text->len - at);
		if (br_write_all(fd, text->p + at, n) < 0)
			return -1;
		at += n;
		if (at >= text->len)
			break;
		char more[80], answer[8];
		(void)snprintf(more, sizeof(more), "-- %zu%% -- Enter: go on, q and Enter: to the question -- ", at * 100 / text->len);
		if (!ask_line(fd, more, answer, sizeof(answer)))
			return -1;
		if (answer[0] == 'q')
			break;
	}
	return 0;
}

static int
show_more(int fd, const char *more)
{
	br_auto_buf text = {0};
	if (more == NULL || more[0] == '\0')
		return 0;
	br_buf_put_visible(&text, more, strlen(more), true);
	br_buf_putc(&text, '\n');
	return text.failed ? -1 : show(fd, &text);
}

int
br_trust_ask(int fd, const char *path, const char *hash, const char *more, struct br_err *e)
{
	br_auto_buf content = {0}, text = {0};
	char now[BR_SHA256_HEX], answer[8];
	if (isatty(fd) != 1) {
		(void)br_err_set(e, 0, "%s is a policy of the project that you have not said yes to, and there is no terminal to ask on", path);
		(void)br_err_hint(e, "read it, then: brattice trust %s; or run with --trust-policy %s", path, hash);
		return br_err_status(e, BR_EXIT_REFUSED);
	}
	if (br_trust_read(path, &content, now, e) < 0)
		return -1;
	if (!br_streq(now, hash))
		return br_err_set(e, 0, "%s has changed in this moment", path);
	br_buf_puts(&text, "The project brings a policy of its own, new or changed since you last said yes:\n  ");
	br_buf_put_visible(&text, path, strlen(path), false);
	br_buf_printf(&text, "\n  sha256 %s\n\n", hash);
	br_buf_put_visible(&text, content.len > 0 ? content.p : "", content.len, true);
	if (content.len > 0 && content.p[content.len - 1] != '\n')
		br_buf_putc(&text, '\n');
	br_buf_putc(&text, '\n');
	if (text.failed)
		return br_err_set(e, ENOMEM, "cannot show %s", path);
	if (show(fd, &text) < 0 || show_more(fd, more) < 0 || !ask_line(fd, "Trust this policy? [y/N] ", answer, sizeof(answer)))
		return 0;
	if (!br_streq(answer, "y") && !br_streq(answer, "Y") && !br_streq(answer, "yes"))
		return 0;
	return br_trust_add(path, hash, e) < 0 ? -1 : 1;
}
