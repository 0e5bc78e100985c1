/* What the gate tells: the monitor (records, touched names) and the caller (why it was refused). */
#include "exec/gate_int.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOUCHED_MAX (32U << 10)
#define SEEN_MAX (1U << 20)

static uint64_t
hash2(const char *a, const char *b)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */
	for (; *a != '\0'; a++)
		h = (h ^ (unsigned char)*a) * 0x100000001b3ULL;
	h *= 0x100000001b3ULL;
	for (; *b != '\0'; b++)
		h = (h ^ (unsigned char)*b) * 0x100000001b3ULL;
	return h != 0 ? h : 1;
}

static bool
seen_grow(struct gate *g)
{
	size_t cap = g->seen_cap != 0 ? g->seen_cap * 2 : 1024;
	uint64_t *t = cap <= (size_t)2 * SEEN_MAX ? calloc(cap, sizeof(*t)) : NULL;
	if (t == NULL)
		return false;
	for (size_t i = 0; i < g->seen_cap; i++) {
		if (g->seen[i] == 0)
			continue;
		size_t at = g->seen[i] & (cap - 1);
		while (t[at] != 0)
			at = (at + 1) & (cap - 1);
		t[at] = g->seen[i];
	}
	free(g->seen);
	g->seen = t;
	g->seen_cap = cap;
	return true;
}

/* A set of hashes. When it is full (a flood of a million names) one line says so and no further name is kept: the handoff check
 * then can't vouch for anything. */
static void
say_overflow(struct gate *g)
{
	if (g->overflow)
		return;
	g->overflow = true;
	if (g->touched.len == 0)
		br_buf_putc(&g->touched, 'T');
	br_buf_puts(&g->touched, "overflow .\n");
	g->touched_since = br_now_us();
}

bool
seen_before(struct gate *g, const char *kind, const char *path)
{
	uint64_t h = hash2(kind, path);
	if (g->seen_n * 2 >= g->seen_cap && !seen_grow(g)) {
		say_overflow(g);
		return true;
	}
	size_t at = h & (g->seen_cap - 1);
	while (g->seen[at] != 0) {
		if (g->seen[at] == h)
			return true;
		at = (at + 1) & (g->seen_cap - 1);
	}
	g->seen[at] = h;
	g->seen_n++;
	return false;
}

void
report_flush(struct gate *g)
{
	if (g->touched.len <= 1)
		return;
	if (br_send_frame(g->c->monitor_sock, g->touched.p, g->touched.len, NULL, 0) < 0)
		_exit(1); /* the monitor is gone */
	br_buf_reset(&g->touched);
	g->touched_since = 0;
}

void
report_touched(struct gate *g, const char *op, const char *rel)
{
	if (rel == NULL || seen_before(g, op, rel))
		return;
	if (g->touched.len == 0) {
		br_buf_putc(&g->touched, 'T');
		g->touched_since = br_now_us();
	}
	br_buf_printf(&g->touched, "%s ", op);
	br_buf_put_field(&g->touched, rel);
	br_buf_putc(&g->touched, '\n');
	if (g->touched.failed)
		_exit(1); /* no memory: the run must not go on unrecorded */
	if (g->touched.len > TOUCHED_MAX)
		report_flush(g);
}

static void
send_event(const struct call *c, char letter, const char *op, const char *path, const char *rule, const char *origin, const char *why,
    int err)
{
	struct br_gate_event ev = {.pid = c->pid, .err = err};
	(void)snprintf(ev.op, sizeof(ev.op), "%s", op);
	caller_comm(c, ev.comm);
	br_auto_buf b = {0};
	br_buf_putc(&b, letter);
	br_buf_put(&b, &ev, sizeof(ev));
	const char *const parts[] = {path, rule, origin, why};
	for (size_t i = 0; i < BR_ARRAY_LEN(parts); i++)
		br_buf_put(&b, parts[i], strlen(parts[i]) + 1);
	if (b.failed || br_send_frame(c->g->c->monitor_sock, b.p, b.len, NULL, 0) < 0)
		_exit(1);
}

/* A stopped terminal or a full pipe must not hold the gate: an open file of our own that does not block, or no line. */
static void
write_without_waiting(const struct call *c, int fd, const struct stat *st, const char *text, size_t n)
{
	if (S_ISSOCK(st->st_mode)) {
		(void)!send(fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		return;
	}
	if (S_ISREG(st->st_mode)) {
		(void)!write(fd, text, n);
		return;
	}
	char link[32];
	(void)snprintf(link, sizeof(link), "self/fd/%d", fd);
	br_auto_fd int own = openat(c->g->proc, link, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own >= 0) {
		(void)!write(own, text, n);
		return;
	}
	/* Somebody else's pipe can't be opened anew; one that poll finds writable takes a page at once (pipe(7)). */
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	if (S_ISFIFO(st->st_mode) && poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0)
		(void)!write(fd, text, n);
}

/* A line on the caller's standard error, if that can take one now: what was refused, by which rule, and what to do. */
static void
tell_caller(const struct call *c, const char *op, const char *path, const char *rule, const char *origin, const char *why)
{
	br_auto_fd int fd = caller_fd_dup(c, 2);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return;
	br_auto_buf b = {0};
	br_buf_printf(&b, "brattice: %s refused: ", op);
	br_buf_put_visible(&b, path, strlen(path), false);
	br_buf_printf(&b, " (%s%s%s%s)%s%s\n", rule, origin[0] != '\0' ? ", " : "", origin, "", why[0] != '\0' ? ": " : "", why);
	if (!b.failed)
		write_without_waiting(c, fd, &st, b.p, b.len < 2048 ? b.len : 2048);
}

void
report_denied(const struct call *c, const char *op, const char *path, const char *rule, const char *origin, const char *why, int err)
{
	report_flush(c->g);
	send_event(c, 'D', op, path, rule, origin, why, err);
	/* The denial is on disk before the caller learns of it (invariant 6). */
	char ack = 0;
	if (br_recv_frame(c->g->c->monitor_sock, &ack, 1, NULL, NULL) != 1 || ack != 'A')
		_exit(1);
	char key[64];
	(void)snprintf(key, sizeof(key), "told %.40s", op);
	if (!c->g->c->quiet && !seen_before(c->g, key, path))
		tell_caller(c, op, path, rule, origin, why);
}

void
report_refused(const struct call *c, const char *op, const char *path, int err)
{
	if (!seen_before(c->g, "refused", path))
		send_event(c, 'N', op, path, "outside", "", "not writable in this sandbox", err);
}

static void
send_path(const struct gate *g, char letter, const char *rel)
{
	br_auto_buf b = {0};
	br_buf_putc(&b, letter);
	br_buf_puts(&b, rel);
	if (b.failed || br_send_frame(g->c->monitor_sock, b.p, b.len, NULL, 0) < 0)
		_exit(1);
}

bool
announce_hidden(const struct call *c, const struct place *p, bool replaces)
{
	struct stat st;
	if (p->rel == NULL || p->rel[0] == '\0' || br_guard_hidden(c->g->c->guard, p->rel, false).cls != BR_GUARD_HIDDEN)
		return false;
	if (!replaces && fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return false; /* it is there: nothing will be made */
	send_path(c->g, 'H', p->rel);
	return true;
}

void
announce_failed(const struct call *c, const struct place *p)
{
	send_path(c->g, 'h', p->rel);
}
