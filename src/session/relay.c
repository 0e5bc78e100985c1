#include "session/relay.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define PENDING_MAX (64U << 10)
#define CHUNK 512

struct br_relay {
	struct br_loop *loop;
	struct br_watch *rd, *wr;
	int from, to;
	br_relay_filter *filter;
	br_relay_done *done;
	void *arg;
	struct br_buf out;
	bool eof, reported;
	int err;                 /* errno of a watch that could not be had, or 0 */
	bool from_file, to_file; /* regular files, and devices such as /dev/null: epoll refuses them */
	bool chunked;            /* `to` may block: small writes after a poll */
};

static void update(struct br_relay *r);

static void
report(struct br_relay *r)
{
	if (r->reported || !r->eof || r->out.len > 0)
		return;
	r->reported = true;
	if (r->done != NULL)
		r->done(r->arg);
}

/* One write; false when `to` takes nothing now. */
static bool
write_some(struct br_relay *r)
{
	size_t n = r->chunked && r->out.len > CHUNK ? CHUNK : r->out.len;
	ssize_t w = write(r->to, r->out.p, n);
	if (w < 0) {
		if (errno == EINTR)
			return true;
		if (errno == EAGAIN)
			return false;
		r->eof = true; /* nobody reads any more */
		br_buf_reset(&r->out);
		return false;
	}
	br_buf_consume(&r->out, (size_t)w);
	return true;
}

static bool
writable(const struct br_relay *r, int ms)
{
	struct pollfd p = {.fd = r->to, .events = POLLOUT};
	return poll(&p, 1, ms) == 1;
}

static void
push_out(struct br_relay *r)
{
	while (r->out.len > 0 && (!r->chunked || writable(r, 0)) && write_some(r))
		;
}

static void
read_some(struct br_relay *r)
{
	char buf[16384];
	ssize_t n = read(r->from, buf, sizeof(buf));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) { /* EIO: the last holder of a terminal has closed it */
		r->eof = true;
		return;
	}
	if (r->filter != NULL)
		r->filter(r->arg, buf, (size_t)n, &r->out);
	else
		br_buf_put(&r->out, buf, (size_t)n);
}

static void
on_read(void *arg, uint32_t events)
{
	struct br_relay *r = arg;
	(void)events;
	read_some(r);
	push_out(r);
	update(r);
}

static void
on_write(void *arg, uint32_t events)
{
	struct br_relay *r = arg;
	if ((events & EPOLLERR) != 0) {
		r->eof = true;
		br_buf_reset(&r->out);
	}
	push_out(r);
	update(r);
}

/* A regular file is always ready, and epoll takes none: it is read as fast as the other side takes it. */
static void
pump_file(struct br_relay *r)
{
	while (!r->eof && r->out.len == 0) {
		read_some(r);
		push_out(r);
	}
}

static void
give_up(struct br_relay *r)
{
	r->err = errno;
	r->eof = true;
	br_buf_reset(&r->out);
}

static void
update(struct br_relay *r)
{
	if (r->from_file)
		pump_file(r);
	bool want_read = r->from >= 0 && !r->eof && r->out.len < PENDING_MAX && !r->from_file;
	bool want_write = r->out.len > 0 && !r->to_file;
	if (want_read && r->rd == NULL)
		r->rd = br_loop_add(r->loop, r->from, EPOLLIN, on_read, r);
	if (want_read && r->rd == NULL)
		give_up(r); /* what can't be waited for has ended, as far as the other side can tell */
	if (!want_read && r->rd != NULL) {
		br_loop_del(r->rd);
		r->rd = NULL;
	}
	if (want_write && r->wr == NULL)
		r->wr = br_loop_add(r->loop, r->to, EPOLLOUT, on_write, r);
	if (want_write && r->wr == NULL)
		give_up(r);
	if (!want_write && r->wr != NULL) {
		br_loop_del(r->wr);
		r->wr = NULL;
	}
	report(r);
}

/* 0, or -1 with errno. */
static int
is_file(int fd, bool *file)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -1;
	*file = S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && !isatty(fd));
	return 0;
}

struct br_relay *
br_relay_new(struct br_loop *l, int from, int to, br_relay_filter *f, br_relay_done *done, void *arg)
{
	struct br_relay *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	*r = (struct br_relay){.loop = l, .from = from, .to = to, .filter = f, .done = done, .arg = arg};
	if ((from >= 0 && is_file(from, &r->from_file) < 0) || is_file(to, &r->to_file) < 0) {
		free(r);
		return NULL;
	}
	r->chunked = !r->to_file && (fcntl(to, F_GETFL) & O_NONBLOCK) == 0;
	update(r);
	if (r->err != 0) {
		int err = r->err;
		br_relay_free(r);
		errno = err;
		return NULL;
	}
	return r;
}

void
br_relay_inject(struct br_relay *r, const char *data, size_t n)
{
	if (r->eof && r->out.len == 0)
		return;
	if (r->out.len < (size_t)16 * PENDING_MAX)
		br_buf_put(&r->out, data, n);
	push_out(r);
	update(r);
}

size_t
br_relay_pending(const struct br_relay *r)
{
	return r->out.len;
}

void
br_relay_flush(struct br_relay *r, int ms)
{
	uint64_t until = br_now_us() + (uint64_t)ms * 1000;
	while (r->out.len > 0) {
		uint64_t now = br_now_us();
		if (now >= until || !writable(r, (int)((until - now + 999) / 1000)))
			return;
		(void)write_some(r);
	}
}

void
br_relay_drain(struct br_relay *r, int ms)
{
	for (;;) {
		struct pollfd p = {.fd = r->from, .events = POLLIN};
		if (r->eof || poll(&p, 1, 0) != 1 || (p.revents & (POLLIN | POLLHUP)) == 0)
			break;
		read_some(r);
		br_relay_flush(r, ms);
		if (r->out.len > PENDING_MAX)
			break; /* the reader is stuck */
	}
	br_relay_flush(r, ms);
}

void
br_relay_free(struct br_relay *r)
{
	if (r == NULL)
		return;
	br_loop_del(r->rd);
	br_loop_del(r->wr);
	br_buf_free(&r->out);
	free(r);
}
