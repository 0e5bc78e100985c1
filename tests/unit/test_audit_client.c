/* The sending end, against the other end of a socket pair that the test plays. */
#include "scratch.h"

#include "audit/client.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

static void
pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void
read_exactly(int fd, void *to, size_t n)
{
	for (size_t got = 0; got < n;) {
		ssize_t r = read(fd, (char *)to + got, n - got);
		assert_true(r > 0);
		got += (size_t)r;
	}
}

/* A frame as the auditor sees it; the data into `data`. */
static struct br_audit_frame
take(int fd, struct br_buf *data)
{
	struct br_audit_frame f;
	read_exactly(fd, &f, sizeof(f));
	br_buf_reset(data);
	char *to = br_buf_room(data, f.len);
	assert_non_null(to);
	read_exactly(fd, to, f.len);
	data->len = f.len;
	return f;
}

static void
event(struct br_event *ev, enum br_event_type type, const char *text)
{
	br_event_begin(ev, type);
	br_event_str(ev, "text", text);
	assert_int_equal(br_event_finish(ev), 0);
}

static void
test_class_b(void **state)
{
	int fds[2];
	struct br_event ev = {0};
	br_auto_buf data = {0};
	pair(fds);
	event(&ev, BR_EV_EXEC, "x");
	/* Nobody answers: it must not wait for one. */
	assert_int_equal(br_audit_send(fds[0], &ev), 0);
	struct br_audit_frame f = take(fds[1], &data);
	assert_int_equal(f.kind, 'E');
	assert_int_equal(f.class, BR_CLASS_B);
	assert_int_equal(f.type, BR_EV_EXEC);
	assert_int_equal(f.denied, 0);
	assert_int_equal(data.len, ev.line.len);
	assert_memory_equal(data.p, ev.line.p, data.len);
	assert_int_equal(br_audit_send_terminal(fds[0], "[1,\"o\",\"x\"]", 11), 0);
	f = take(fds[1], &data);
	assert_int_equal(f.kind, 'T');
	assert_int_equal(f.len, 11);
	(void)close(fds[0]);
	(void)close(fds[1]);
	br_event_free(&ev);
}

struct peer {
	int fd;
	size_t frames;
	size_t bytes;
	const char *answer; /* one byte for each frame; ends with it */
};

static void *
play(void *arg)
{
	struct peer *p = arg;
	br_auto_buf data = {0};
	for (; p->answer[p->frames] != '\0'; p->frames++) {
		p->bytes += take(p->fd, &data).len;
		if (write(p->fd, &p->answer[p->frames], 1) != 1)
			break;
	}
	(void)close(p->fd);
	return NULL;
}

static void
test_class_a_waits(void **state)
{
	int fds[2];
	pthread_t t;
	struct br_event ev = {0};
	pair(fds);
	/* Non-blocking, as a stream in an event loop is. */
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	struct peer p = {.fd = fds[1], .answer = "kkx"};
	assert_int_equal(pthread_create(&t, NULL, play, &p), 0);
	event(&ev, BR_EV_PATH, "denied");
	assert_int_equal(br_audit_send(fds[0], &ev), 0);
	assert_int_equal(br_audit_seal(fds[0], "done"), 0);
	assert_int_equal(br_audit_send(fds[0], &ev), -1); /* another byte than 'k' is no acknowledgement */
	assert_int_equal(errno, EPROTO);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(p.frames, 3);
	/* And now it is dead. */
	assert_int_equal(br_audit_send(fds[0], &ev), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(br_audit_ready(fds[0]), -1);
	assert_int_equal(errno, EPIPE);
	(void)close(fds[0]);
	br_event_free(&ev);
}

/* 2 MB of arguments go through in as many pieces as the socket takes. */
static void
test_large(void **state)
{
	int fds[2];
	pthread_t t;
	struct br_event ev = {0};
	pair(fds);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	char *text = malloc((2 << 20) + 1);
	assert_non_null(text);
	memset(text, 'a', 2 << 20);
	text[2 << 20] = '\0';
	event(&ev, BR_EV_PATH, text);
	struct peer p = {.fd = fds[1], .answer = "k"};
	assert_int_equal(pthread_create(&t, NULL, play, &p), 0);
	assert_int_equal(br_audit_send(fds[0], &ev), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(p.bytes, ev.line.len);
	(void)close(fds[0]);
	free(text);
	br_event_free(&ev);
}

static void
test_dead(void **state)
{
	int fds[2];
	struct br_event ev = {0};
	pair(fds);
	(void)close(fds[1]);
	event(&ev, BR_EV_EXEC, "x");
	assert_int_equal(br_audit_send(fds[0], &ev), -1); /* and no SIGPIPE */
	assert_int_equal(errno, EPIPE);
	(void)close(fds[0]);
	/* It dies with the event unread: the kernel says ECONNRESET, we don't. */
	pair(fds);
	assert_int_equal(br_audit_send(fds[0], &ev), 0);
	(void)close(fds[1]);
	assert_int_equal(br_audit_ready(fds[0]), -1);
	assert_int_equal(errno, EPIPE);
	(void)close(fds[0]);
	/* An event that ran out of memory isn't sent, not even in part. */
	pair(fds);
	ev.line.failed = true;
	assert_int_equal(br_audit_send(fds[0], &ev), -1);
	assert_int_equal(errno, ENOMEM);
	char c;
	assert_int_equal(recv(fds[1], &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(br_audit_send_terminal(fds[0], &c, (size_t)BR_AUDIT_FRAME_MAX + 1), -1);
	assert_int_equal(errno, EMSGSIZE);
	(void)close(fds[0]);
	(void)close(fds[1]);
	br_event_free(&ev);
}

static void
test_ready(void **state)
{
	int fds[2];
	pair(fds);
	assert_int_equal(write(fds[1], "R", 1), 1);
	assert_int_equal(br_audit_ready(fds[0]), 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_class_b),
	    cmocka_unit_test(test_class_a_waits),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_dead),
	    cmocka_unit_test(test_ready),
	};
	return cmocka_run_group_tests_name("audit_client", tests, NULL, NULL);
}
