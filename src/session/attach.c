/* Attaching to a session. */
#include "session/attach.h"

#include "base/io.h"
#include "session/control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int
br_detach_key_parse(const char *s, struct br_detach_key *out, struct br_err *e)
{
	static const char *const prefixes[] = {"ctrl-", "Ctrl-", "C-", "^"};
	if (br_streq(s, "none")) {
		out->byte = 0;
		return 0;
	}
	for (size_t i = 0; i < BR_ARRAY_LEN(prefixes); i++) {
		size_t n = strlen(prefixes[i]);
		if (!br_startswith(s, prefixes[i]) || strlen(s) != n + 1)
			continue;
		unsigned char c = (unsigned char)s[n];
		c = c >= 'a' && c <= 'z' ? (unsigned char)(c - 'a' + 'A') : c;
		/* Not what one types: Ctrl-C, Ctrl-D, tab, Enter, Escape; nor Ctrl-@, which is no byte to look for. */
		if (c > '@' && c <= '_' && strchr("CDIJM[", c) == NULL) {
			out->byte = c & 0x1f;
			return 0;
		}
	}
	(void)br_err_set(e, 0, "\"%.40s\" can't be the key to detach with", s);
	return br_err_hint(e, "write for example ctrl-], ctrl-q or none");
}

/* The key as a number of the keyboard protocols: that of the character without Ctrl, in lower case. */
static unsigned
key_code(unsigned char byte)
{
	return byte >= 1 && byte <= 26 ? 'a' + byte - 1U : '@' + (unsigned)byte;
}

static const char *
find_text(const char *data, size_t n, const char *text)
{
	return memmem(data, n, text, strlen(text));
}

ssize_t
br_detach_key_find(const struct br_detach_key *k, const char *data, size_t n)
{
	char forms[4][24];
	if (k->byte == 0)
		return -1;
	const char *first = memchr(data, k->byte, n);
	unsigned code = key_code(k->byte);
	/* Kitty's protocol, without and with the type of event, and with a lock key on; xterm's modifyOtherKeys. */
	(void)snprintf(forms[0], sizeof(forms[0]), "\033[%u;5u", code);
	(void)snprintf(forms[1], sizeof(forms[1]), "\033[%u;5:1u", code);
	(void)snprintf(forms[2], sizeof(forms[2]), "\033[%u;133u", code);
	(void)snprintf(forms[3], sizeof(forms[3]), "\033[27;5;%u~", code);
	for (size_t i = 0; i < BR_ARRAY_LEN(forms); i++) {
		const char *p = find_text(data, n, forms[i]);
		if (p != NULL && (first == NULL || p < first))
			first = p;
	}
	return first != NULL ? first - data : -1;
}

struct attached {
	int sock, signals;
	struct br_terminal *t;
	struct br_term_filter filter;
	const struct br_detach_key *key;
	int status;
	enum br_attach_end end;
};

static int
send_size(const struct attached *a, char type)
{
	char frame[1 + 2 * sizeof(unsigned short)] = {type};
	unsigned short rows, cols;
	if (br_terminal_size(a->t, &rows, &cols) < 0)
		return 0;
	memcpy(frame + 1, &rows, sizeof(rows));
	memcpy(frame + 1 + sizeof(rows), &cols, sizeof(cols));
	return br_send_frame(a->sock, frame, sizeof(frame), NULL, 0);
}

/* Each of these returns false when the attachment is over. */

static bool
on_frame(struct attached *a)
{
	char buf[1 + BR_CONTROL_FRAME];
	ssize_t n = br_recv_frame(a->sock, buf, sizeof(buf), NULL, NULL);
	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	if (buf[0] == 'x' && (size_t)n == 1 + sizeof(int32_t)) {
		int32_t status;
		memcpy(&status, buf + 1, sizeof(status));
		a->status = status;
		a->end = BR_ATTACH_ENDED;
		return false;
	}
	if (buf[0] != 'o')
		return false;
	/* Filtered by the monitor already; again to keep account of what is to be undone on this terminal. */
	br_auto_buf out = {0};
	br_term_filter(&a->filter, buf + 1, (size_t)n - 1, &out);
	if (!out.failed && out.len > 0 && br_write_all(a->t->fd, out.p, out.len) == 0)
		return true;
	if (!out.failed && out.len == 0)
		return true;
	a->end = BR_ATTACH_DETACHED; /* the terminal is gone, not the session */
	return false;
}

static bool
on_typed(struct attached *a)
{
	char buf[1 + BR_CONTROL_REQUEST] = "i";
	ssize_t n = read(a->t->fd, buf + 1, BR_CONTROL_REQUEST);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0) {
		a->end = BR_ATTACH_DETACHED;
		return false;
	}
	ssize_t key = br_detach_key_find(a->key, buf + 1, (size_t)n);
	size_t send = key >= 0 ? (size_t)key : (size_t)n;
	if (send > 0 && br_send_frame(a->sock, buf, 1 + send, NULL, 0) < 0)
		return false;
	if (key < 0)
		return true;
	a->end = BR_ATTACH_DETACHED;
	return false;
}

static bool
on_signal(struct attached *a)
{
	struct signalfd_siginfo si;
	if (read(a->signals, &si, sizeof(si)) != sizeof(si))
		return true;
	if (si.ssi_signo == SIGWINCH)
		return send_size(a, 'w') == 0;
	a->end = BR_ATTACH_DETACHED; /* our end is not the session's */
	return false;
}

static void
relay(struct attached *a)
{
	struct pollfd p[] = {{.fd = a->sock, .events = POLLIN}, {.fd = a->t->fd, .events = POLLIN}, {.fd = a->signals, .events = POLLIN}};
	bool (*const fns[])(struct attached *) = {on_frame, on_typed, on_signal};
	for (;;) {
		if (poll(p, BR_ARRAY_LEN(p), -1) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < BR_ARRAY_LEN(p); i++) {
			if (p[i].revents != 0 && !fns[i](a))
				return;
			p[i].revents = 0;
		}
	}
}

static int
begin(struct attached *a, struct br_err *e)
{
	char buf[1 + 1024];
	if (send_size(a, 'a') < 0)
		return br_err_set(e, errno, "the session's monitor does not answer");
	ssize_t n = br_recv_frame(a->sock, buf, sizeof(buf), NULL, NULL);
	if (n > 0 && buf[0] == 'O')
		return br_terminal_raw(a->t, e);
	if (n > 0 && buf[0] == 'E')
		return br_err_set(e, 0, "%.*s", (int)n - 1, buf + 1);
	return br_err_set(e, n < 0 ? errno : ECONNRESET, "the session's monitor does not answer");
}

int
br_attach(int sock, struct br_terminal *t, const struct br_detach_key *k, int *status, struct br_err *e)
{
	struct attached a = {.sock = sock, .signals = -1, .t = t, .key = k, .end = BR_ATTACH_LOST};
	sigset_t set, old;
	(void)sigemptyset(&set);
	static const int caught[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	for (size_t i = 0; i < BR_ARRAY_LEN(caught); i++)
		(void)sigaddset(&set, caught[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	a.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	a.filter.latin = br_terminal_is_latin();
	t->filter = &a.filter;
	int rc = a.signals < 0 ? br_err_set(e, errno, "cannot wait for signals") : begin(&a, e);
	if (rc == 0)
		relay(&a);
	br_terminal_restore(t);
	t->filter = NULL;
	if (a.signals >= 0)
		(void)close(a.signals);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	*status = a.status;
	return rc < 0 ? -1 : (int)a.end;
}
