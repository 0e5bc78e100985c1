/* The control socket, monitor's side. */
#include "session/control.h"

#include "base/io.h"
#include "session/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX  16
#define ATTACHED_MAX 12
#define PAUSE_US     100000

struct client {
	struct br_control *c;
	int fd; /* -1: a free place */
	struct br_watch *watch;
	bool attached;
	uint64_t since; /* order of arrival */
	struct br_buf queue;
};

struct br_control {
	struct br_loop *loop;
	struct br_control_ops ops;
	int dir; /* the runtime directory */
	int fd;
	struct br_watch *watch;
	struct br_watch *pause; /* while descriptors are short */
	char name[80];
	uint64_t arrivals;
	struct client clients[CLIENTS_MAX];
};

static void
drop(struct client *k)
{
	if (k->fd < 0)
		return;
	br_loop_del(k->watch);
	(void)close(k->fd);
	br_buf_free(&k->queue);
	*k = (struct client){.c = k->c, .fd = -1};
}

/* One frame, now or never. */
static int
send_frame(int fd, char type, const void *data, size_t n)
{
	struct iovec iov[2] = {{.iov_base = &type, .iov_len = 1}, {.iov_base = (void *)(uintptr_t)data, .iov_len = n}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = n > 0 ? 2 : 1};
	ssize_t w;
	do
		w = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (w < 0 && errno == EINTR);
	return w < 0 ? -1 : 0;
}

/* Answers are small: a client whose socket has no room for one doesn't read at all. */
static bool
answer(struct client *k, char type, const void *data, size_t n)
{
	if (send_frame(k->fd, type, data, n) == 0)
		return true;
	drop(k);
	return false;
}

static void
complain(struct client *k, const char *text)
{
	(void)answer(k, 'E', text, strlen(text));
}

/* Sends what it can; returns how many bytes went, or -1 when the client is gone. */
static ssize_t
push_output(const struct client *k, const char *data, size_t n)
{
	size_t done = 0;
	while (done < n) {
		size_t part = n - done < BR_CONTROL_FRAME ? n - done : BR_CONTROL_FRAME;
		if (send_frame(k->fd, 'o', data + done, part) < 0)
			return errno == EAGAIN ? (ssize_t)done : -1;
		done += part;
	}
	return (ssize_t)done;
}

static void
flush_queue(struct client *k)
{
	if (k->queue.len == 0)
		return;
	ssize_t n = push_output(k, k->queue.p, k->queue.len);
	if (n < 0) {
		drop(k);
		return;
	}
	br_buf_consume(&k->queue, (size_t)n);
	if (k->queue.len == 0 && br_loop_mod(k->watch, EPOLLIN) < 0)
		drop(k);
}

static void
enqueue(struct client *k, const char *data, size_t n)
{
	bool waits = k->queue.len > 0;
	if (!waits) {
		ssize_t done = push_output(k, data, n);
		if (done < 0) {
			drop(k);
			return;
		}
		data += done;
		n -= (size_t)done;
	}
	if (n == 0)
		return;
	br_buf_put(&k->queue, data, n);
	if (k->queue.failed || k->queue.len > BR_CONTROL_QUEUE || (!waits && br_loop_mod(k->watch, EPOLLIN | EPOLLOUT) < 0))
		drop(k);
}

void
br_control_output(struct br_control *c, const char *data, size_t n)
{
	for (size_t i = 0; i < CLIENTS_MAX && n > 0; i++)
		if (c->clients[i].fd >= 0 && c->clients[i].attached)
			enqueue(&c->clients[i], data, n);
}

static bool
read_size(const char *p, size_t n, unsigned short *rows, unsigned short *cols)
{
	if (n != 2 * sizeof(*rows))
		return false;
	memcpy(rows, p, sizeof(*rows));
	memcpy(cols, p + sizeof(*rows), sizeof(*cols));
	return *rows > 0 && *cols > 0;
}

/* The requests. Each returns false to close the connection, and touches nothing after a callback that may have closed it. */

static bool
on_status(struct client *k, const char *p, size_t n)
{
	const struct br_control_ops *ops = &k->c->ops;
	br_auto_buf json = {0};
	(void)p;
	if (n != 0)
		return false;
	ops->status(ops->arg, &json);
	if (json.failed || json.len > BR_CONTROL_REPLY)
		complain(k, "the status does not fit into a frame");
	else
		(void)answer(k, 'P', json.p, json.len);
	return true;
}

static bool
on_stop(struct client *k, const char *p, size_t n)
{
	const struct br_control_ops ops = k->c->ops;
	(void)p;
	if (n != 0)
		return false;
	/* Done even when the client has gone already. */
	(void)answer(k, 'O', NULL, 0);
	ops.stop(ops.arg);
	return true;
}

static bool
on_kill(struct client *k, const char *p, size_t n)
{
	const struct br_control_ops ops = k->c->ops;
	(void)p;
	if (n != 0)
		return false;
	(void)answer(k, 'O', NULL, 0);
	ops.kill(ops.arg);
	return true;
}

static bool
on_attach(struct client *k, const char *p, size_t n)
{
	const struct br_control_ops *ops = &k->c->ops;
	unsigned short rows, cols;
	if (k->attached || !read_size(p, n, &rows, &cols))
		return false;
	size_t attached = 0;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		attached += k->c->clients[i].fd >= 0 && k->c->clients[i].attached ? 1 : 0;
	if (attached >= ATTACHED_MAX) {
		complain(k, "too many terminals are attached already");
		return true;
	}
	if (!ops->can_attach(ops->arg)) {
		complain(k, "the session has no terminal to attach to");
		return true;
	}
	if (!answer(k, 'O', NULL, 0))
		return true;
	k->attached = true;
	br_auto_buf replay = {0};
	if (ops->replay != NULL)
		ops->replay(ops->arg, &replay);
	if (replay.len > 0)
		enqueue(k, replay.p, replay.len);
	ops->resize(ops->arg, rows > 1 ? rows - 1 : rows + 1, cols);
	ops->resize(ops->arg, rows, cols);
	return true;
}

static bool
on_input(struct client *k, const char *p, size_t n)
{
	if (!k->attached || n == 0)
		return false;
	k->c->ops.input(k->c->ops.arg, p, n);
	return true;
}

static bool
on_window(struct client *k, const char *p, size_t n)
{
	unsigned short rows, cols;
	if (!k->attached || !read_size(p, n, &rows, &cols))
		return false;
	k->c->ops.resize(k->c->ops.arg, rows, cols);
	return true;
}

static const struct {
	char type;
	bool (*fn)(struct client *k, const char *p, size_t n);
} requests[] = {
	{'p', on_status},
	{'s', on_stop},
	{'k', on_kill},
	{'a', on_attach},
	{'i', on_input},
	{'w', on_window},
};

static void
on_frame(struct client *k)
{
	char buf[1 + BR_CONTROL_REQUEST];
	/* Descriptors that come with a frame are closed. */
	ssize_t n = br_recv_frame(k->fd, buf, sizeof(buf), NULL, NULL);
	if (n < 0 && errno == EAGAIN)
		return;
	for (size_t i = 0; n > 0 && i < BR_ARRAY_LEN(requests); i++) {
		if (requests[i].type != buf[0])
			continue;
		if (!requests[i].fn(k, buf + 1, (size_t)n - 1))
			break;
		return;
	}
	drop(k);
}

/* One frame a call, so that a client that floods shares the loop with everything else. */
static void
on_client(void *arg, uint32_t events)
{
	struct client *k = arg;
	if ((events & EPOLLOUT) != 0)
		flush_queue(k);
	if (k->fd < 0)
		return;
	if ((events & EPOLLIN) != 0)
		on_frame(k);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		drop(k);
}

/* A process of the sandbox has our uid too. Should it ever reach the socket, its user namespace gives it away: we own that
 * namespace, so its links can be read whatever the process does; one that can't be read is a non-dumpable process of ours or root's.
 * A pid that was given to another process since connect(2) can only make us refuse, or accept a process outside. */
static bool
is_from_inside(pid_t pid)
{
	char path[64];
	struct stat own, its;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return stat("/proc/self/ns/user", &own) == 0 && stat(path, &its) == 0 && (own.st_ino != its.st_ino || own.st_dev != its.st_dev);
}

static bool
is_welcome(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || len != sizeof(cred))
		return false;
	/* pid 0: a process of a pid namespace that isn't below ours. */
	return (cred.uid == geteuid() || cred.uid == 0) && cred.pid > 0 && !is_from_inside(cred.pid);
}

/* A free place; when there is none, that of the oldest client that isn't attached (there is one: ATTACHED_MAX). */
static struct client *
find_place(struct br_control *c)
{
	struct client *oldest = NULL;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *k = &c->clients[i];
		if (k->fd < 0)
			return k;
		if (!k->attached && (oldest == NULL || k->since < oldest->since))
			oldest = k;
	}
	if (oldest != NULL)
		drop(oldest);
	return oldest;
}

static void
admit(struct br_control *c, int fd)
{
	struct client *k = is_welcome(fd) ? find_place(c) : NULL;
	struct br_watch *w = k != NULL ? br_loop_add(c->loop, fd, EPOLLIN, on_client, k) : NULL;
	if (w == NULL) {
		(void)close(fd);
		return;
	}
	*k = (struct client){.c = c, .fd = fd, .watch = w, .since = c->arrivals++};
}

static void
on_pause_over(void *arg, uint32_t events)
{
	struct br_control *c = arg;
	(void)events;
	c->pause = NULL;
	(void)br_loop_mod(c->watch, EPOLLIN);
}

static void
on_connection(void *arg, uint32_t events)
{
	struct br_control *c = arg;
	(void)events;
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		admit(c, fd);
		return;
	}
	/* Out of descriptors or memory: the connection stays pending and would wake us at once again. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		c->pause = br_loop_after(c->loop, PAUSE_US, on_pause_over, c);
		if (c->pause != NULL)
			(void)br_loop_mod(c->watch, 0);
	}
}

/* Bound under another name first: whoever finds `<id>.sock` finds somebody listening. By descriptor, because a path may be
 * longer than sun_path, and so that the directory that was checked is the one that is used. */
static int
bind_listen(int dir, int fd, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char fresh[96];
	(void)snprintf(fresh, sizeof(fresh), "%s.new", name);
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dir, fresh);
	if (n < 0 || (size_t)n >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	if (fchmodat(dir, fresh, 0600, 0) < 0 || listen(fd, CLIENTS_MAX) < 0 || renameat(dir, fresh, dir, name) < 0) {
		int saved = errno;
		(void)unlinkat(dir, fresh, 0);
		errno = saved;
		return -1;
	}
	return 0;
}

struct br_control *
br_control_listen(struct br_loop *l, const char *id, const struct br_control_ops *ops, struct br_err *e)
{
	struct br_control *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		(void)br_err_set(e, errno, "cannot listen on the control socket");
		return NULL;
	}
	*c = (struct br_control){.loop = l, .ops = *ops, .dir = -1, .fd = -1};
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		c->clients[i] = (struct client){.c = c, .fd = -1};
	(void)snprintf(c->name, sizeof(c->name), "%s.sock", id);
	c->dir = br_runtime_open(true, e);
	if (c->dir < 0)
		goto fail;
	c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || bind_listen(c->dir, c->fd, c->name) < 0) {
		(void)br_err_set(e, errno, "cannot listen on the control socket %s", c->name);
		goto fail;
	}
	c->watch = br_loop_add(l, c->fd, EPOLLIN, on_connection, c);
	if (c->watch == NULL) {
		(void)br_err_set(e, errno, "cannot watch the control socket");
		(void)unlinkat(c->dir, c->name, 0);
		goto fail;
	}
	return c;
fail:
	br_cleanup_fd(&c->fd);
	br_cleanup_fd(&c->dir);
	free(c);
	return NULL;
}

void
br_control_close(struct br_control *c, int status)
{
	if (c == NULL)
		return;
	(void)unlinkat(c->dir, c->name, 0);
	const int32_t s = status;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *k = &c->clients[i];
		if (k->fd >= 0 && k->attached)
			flush_queue(k);
		/* Not behind a hole in the output: then the client sees the end of the connection and asks the record. */
		if (k->fd >= 0 && k->attached && k->queue.len == 0)
			(void)send_frame(k->fd, 'x', &s, sizeof(s));
		drop(k);
	}
	br_loop_del(c->pause);
	br_loop_del(c->watch);
	br_cleanup_fd(&c->fd);
	br_cleanup_fd(&c->dir);
	free(c);
}
