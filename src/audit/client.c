#include "audit/client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* The other end's death has one name, however the kernel puts it. */
static int
gone(void)
{
	if (errno == ECONNRESET || errno == ENOTCONN)
		errno = EPIPE;
	return -1;
}

/* 0 when `fd` may be ready, -1 with errno. Streams may be non-blocking: their owner has an event loop. */
static int
wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	return poll(&p, 1, -1) < 0 && errno != EINTR ? -1 : 0;
}

static int
send_all(int fd, struct iovec *iov, size_t n)
{
	while (n > 0) {
		struct msghdr m = {.msg_iov = iov, .msg_iovlen = n};
		ssize_t sent = sendmsg(fd, &m, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno == EINTR || ((errno == EAGAIN || errno == EWOULDBLOCK) && wait_for(fd, POLLOUT) == 0))
				continue;
			return gone();
		}
		for (size_t left = (size_t)sent; n > 0; iov++, n--) {
			if (left < iov->iov_len) {
				iov->iov_base = (char *)iov->iov_base + left;
				iov->iov_len -= left;
				break;
			}
			left -= iov->iov_len;
		}
	}
	return 0;
}

static int
send_frame(int fd, struct br_audit_frame f, const char *data, size_t n)
{
	if (n > BR_AUDIT_FRAME_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	f.len = (uint32_t)n;
	struct iovec iov[] = {{.iov_base = &f, .iov_len = sizeof(f)}, {.iov_base = (char *)data, .iov_len = n}};
	return send_all(fd, iov, n > 0 ? 2 : 1);
}

/* One byte of the auditor's: `expected`. */
static int
await(int fd, char expected)
{
	char c = 0;
	for (;;) {
		ssize_t r = read(fd, &c, 1);
		if (r == 1)
			break;
		if (r == 0) {
			errno = EPIPE;
			return -1;
		}
		if (errno != EINTR && ((errno != EAGAIN && errno != EWOULDBLOCK) || wait_for(fd, POLLIN) < 0))
			return gone();
	}
	if (c == expected)
		return 0;
	errno = EPROTO;
	return -1;
}

int
br_audit_ready(int fd)
{
	return await(fd, 'R');
}

int
br_audit_post(int fd, const struct br_event *ev, enum br_event_class class)
{
	const struct br_audit_frame f = {.kind = 'E', .class = (uint8_t)class, .type = (uint8_t)ev->type, .denied = ev->denied};
	if (ev->line.failed || ev->line.len == 0) {
		errno = ENOMEM; /* half an event is none */
		return -1;
	}
	return send_frame(fd, f, ev->line.p, ev->line.len);
}

int
br_audit_wait(int fd)
{
	return await(fd, 'k');
}

int
br_audit_send(int fd, const struct br_event *ev)
{
	enum br_event_class class = br_event_class_of(ev->type);
	if (br_audit_post(fd, ev, class) < 0)
		return -1;
	return class == BR_CLASS_A ? br_audit_wait(fd) : 0;
}

int
br_audit_send_terminal(int fd, const char *line, size_t n)
{
	const struct br_audit_frame f = {.kind = 'T', .class = BR_CLASS_C, .type = BR_EV_TERMINAL};
	return send_frame(fd, f, line, n);
}

int
br_audit_post_seal(int fd, const char *reason)
{
	const struct br_audit_frame f = {.kind = 'S', .class = BR_CLASS_A, .type = BR_EV_SEALED};
	return send_frame(fd, f, reason, strlen(reason));
}

int
br_audit_seal(int fd, const char *reason)
{
	return br_audit_post_seal(fd, reason) < 0 ? -1 : br_audit_wait(fd);
}
