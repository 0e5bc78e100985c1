/* The control socket under friends and enemies. The monitor is a child with its own loop; the test is the client. */
#include "base/io.h"
#include "session/control.h"
#include "session/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char id[] = "20261124-131500-3fa9c1d20b7e";
static char root[64];
static pid_t monitor;
static int report; /* what the monitor's callbacks saw, one line each */

struct monitor {
	struct br_loop *loop;
	struct br_control *control;
	int out;
	bool terminal;
};

static void BR_PRINTF(2, 3)
say(const struct monitor *m, const char *fmt, ...)
{
	char line[5000];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)br_write_all(m->out, line, (size_t)n);
}

static void
do_status(void *arg, struct br_buf *out)
{
	(void)arg;
	br_buf_puts(out, "{\"id\":\"x\"}");
}

static void
do_stop(void *arg)
{
	say(arg, "stop\n");
}

static void
do_kill(void *arg)
{
	struct monitor *m = arg;
	say(m, "kill\n");
	/* As a monitor may: from inside the callback. */
	br_control_close(m->control, 137);
	m->control = NULL;
	br_loop_stop(m->loop);
}

static void
do_input(void *arg, const char *data, size_t n)
{
	struct monitor *m = arg;
	if (n == 5 && memcmp(data, "flood", 5) == 0) {
		br_auto_buf b = {0};
		for (int i = 0; i < 100000; i++)
			br_buf_printf(&b, "%08d\n", i);
		br_control_output(m->control, b.p, b.len);
		say(m, "flooded\n");
		return;
	}
	if (n == 3 && memcmp(data, "end", 3) == 0) {
		br_loop_stop(m->loop);
		return;
	}
	say(m, "input %.*s\n", (int)n, data);
	br_control_output(m->control, data, n);
}

static void
do_resize(void *arg, unsigned short rows, unsigned short cols)
{
	say(arg, "size %u %u\n", rows, cols);
}

static bool
can_attach(void *arg)
{
	return ((struct monitor *)arg)->terminal;
}

static void
do_replay(void *arg, struct br_buf *out)
{
	(void)arg;
	br_buf_puts(out, "modes");
}

static void
run_monitor(int out, bool terminal)
{
	struct br_err e = BR_ERR_INIT;
	struct monitor m = {.out = out, .terminal = terminal, .loop = br_loop_new()};
	const struct br_control_ops ops = {&m, do_status, do_stop, do_kill, do_input, do_resize, can_attach, do_replay};
	m.control = br_control_listen(m.loop, id, &ops, &e);
	if (m.control == NULL) {
		br_err_print(&e);
		_exit(1);
	}
	/* Few descriptors, so that a flood of connections meets the limit too. */
	const struct rlimit few = {32, 32};
	(void)setrlimit(RLIMIT_NOFILE, &few);
	say(&m, "ready\n");
	int rc = br_loop_run(m.loop);
	br_control_close(m.control, 42);
	br_loop_free(m.loop);
	_exit(rc < 0 ? 2 : 0);
}

static void
expect_line(const char *want)
{
	char line[5000];
	size_t n = 0;
	do
		assert_int_equal(read(report, line + n, 1), 1);
	while (line[n++] != '\n' && n < sizeof(line) - 1);
	line[n - 1] = '\0';
	assert_string_equal(line, want);
}

static void
begin(bool terminal)
{
	(void)snprintf(root, sizeof(root), "/tmp/brattice-control-XXXXXX");
	assert_non_null(mkdtemp(root));
	(void)setenv("XDG_RUNTIME_DIR", root, 1);
	(void)setenv("BRATTICE_STATE", root, 1);
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	monitor = fork();
	assert_true(monitor >= 0);
	if (monitor == 0)
		run_monitor(p[1], terminal);
	(void)close(p[1]);
	report = p[0];
	expect_line("ready");
}

static int
setup(void **state)
{
	(void)state;
	begin(true);
	return 0;
}

static int
setup_no_terminal(void **state)
{
	(void)state;
	begin(false);
	return 0;
}

/* Every test ends with a monitor that still answers. */
static int
teardown(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	int status = 0;
	if (monitor > 0) {
		br_auto_buf reply = {0};
		br_auto_fd int s = br_control_connect(id, &e);
		if (s < 0 || br_control_request(s, 'p', &reply, &e) < 0 || br_control_request(s, 'k', NULL, &e) < 0) {
			br_err_print(&e);
			(void)kill(monitor, SIGKILL);
		}
		(void)waitpid(monitor, &status, 0);
	}
	(void)close(report);
	return br_rm_tree(AT_FDCWD, root) < 0 || status != 0 ? -1 : 0;
}

static int
dial(void)
{
	struct br_err e = BR_ERR_INIT;
	int s = br_control_connect(id, &e);
	if (s < 0)
		br_err_print(&e);
	assert_true(s >= 0);
	return s;
}

static void
tell(int s, const char *frame, size_t n)
{
	assert_int_equal(br_send_frame(s, frame, n, NULL, 0), 0);
}

static void
expect_closed(int s)
{
	char c;
	ssize_t n = br_recv_frame(s, &c, 1, NULL, NULL);
	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
}

static void
expect_frame(int s, const char *want, size_t n)
{
	char buf[300];
	assert_int_equal(br_recv_frame(s, buf, sizeof(buf), NULL, NULL), n);
	assert_memory_equal(buf, want, n);
}

static int
attach(unsigned short rows, unsigned short cols)
{
	char a[5] = "a";
	memcpy(a + 1, &rows, 2);
	memcpy(a + 3, &cols, 2);
	int s = dial();
	tell(s, a, sizeof(a));
	expect_frame(s, "O", 1);
	expect_frame(s, "omodes", 6);
	return s;
}

static void
test_requests(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	br_auto_buf reply = {0};
	br_auto_fd int s = dial();
	assert_int_equal(br_control_request(s, 'p', &reply, &e), 0);
	assert_string_equal(reply.p, "{\"id\":\"x\"}");
	assert_int_equal(br_control_request(s, 's', NULL, &e), 0);
	expect_line("stop");
	char path[128];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%s/brattice/%s.sock", root, id);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	br_auto_fd int k = dial();
	assert_int_equal(br_control_request(k, 'k', NULL, &e), 0);
	expect_line("kill");
	int status = 0;
	assert_int_equal(waitpid(monitor, &status, 0), monitor);
	assert_int_equal(status, 0);
	monitor = 0;
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(br_control_connect(id, &e), -1);
}

static void
test_attach(void **state)
{
	(void)state;
	br_auto_fd int s = attach(24, 80);
	expect_line("size 23 80");
	expect_line("size 24 80");
	tell(s, "ihello", 6);
	expect_line("input hello");
	expect_frame(s, "ohello", 6);
	tell(s, "w\x05\0\x06\0", 5);
	expect_line("size 5 6");
	tell(s, "iend", 4);
	const int32_t status = 42;
	char x[5] = "x";
	memcpy(x + 1, &status, 4);
	expect_frame(s, x, 5);
	expect_closed(s);
	assert_int_equal(waitpid(monitor, NULL, 0), monitor);
	monitor = 0;
}

static void
test_no_terminal(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	br_auto_fd int s = dial();
	tell(s, "a\x18\0\x50\0", 5);
	char buf[100];
	assert_true(br_recv_frame(s, buf, sizeof(buf), NULL, NULL) > 1);
	assert_int_equal(buf[0], 'E');
	assert_int_equal(br_control_request(s, 'p', NULL, &e), 0);
}

static void
test_garbage(void **state)
{
	(void)state;
	static const struct {
		const char *frame;
		size_t n;
	} bad[] = {{"", 0}, {"\0", 1}, {"pp", 2}, {"sx", 2}, {"kill", 4}, {"a", 1}, {"a\x18\0\x50", 4}, {"a\0\0\x50\0", 5}, {"a\x18\0\x50\0\0", 6},
	    {"ihello", 6}, {"w\x18\0\x50\0", 5}, {"i", 1}, {"o", 1}, {"O", 1}, {"x\0\0\0\0", 5}, {"\xff\xff", 2}};
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++) {
		br_auto_fd int s = dial();
		tell(s, bad[i].frame, bad[i].n);
		expect_closed(s);
	}
	/* Too long; with descriptors. */
	static char big[60000] = "i";
	br_auto_fd int s = attach(24, 80);
	tell(s, big, sizeof(big));
	expect_closed(s);
	br_auto_fd int t = dial();
	const int fds[4] = {t, t, t, t};
	for (int i = 0; i < 50; i++) {
		assert_int_equal(br_send_frame(t, "p", 1, fds, 4), 0);
		expect_frame(t, "P{\"id\":\"x\"}", 11);
	}
	br_auto_fd int u = attach(24, 80);
	tell(u, "a\x18\0\x50\0", 5);
	expect_closed(u);
}

static void
test_thousand_connections(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	br_auto_fd int mine = attach(24, 80);
	expect_line("size 23 80");
	expect_line("size 24 80");
	/* Kept open, so that the places run out again and again; the oldest goes. */
	int held[300];
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < BR_ARRAY_LEN(held); i++)
			held[i] = dial();
		br_auto_fd int s = dial();
		assert_int_equal(br_control_request(s, 'p', NULL, &e), 0);
		for (size_t i = 0; i < BR_ARRAY_LEN(held); i++)
			(void)close(held[i]);
	}
	tell(mine, "ihello", 6);
	expect_line("input hello");
	expect_frame(mine, "ohello", 6);
}

static void
test_attached_places(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	int held[12];
	for (size_t i = 0; i < BR_ARRAY_LEN(held); i++)
		held[i] = attach(24, 80);
	br_auto_fd int s = dial();
	tell(s, "a\x18\0\x50\0", 5);
	char buf[100];
	assert_true(br_recv_frame(s, buf, sizeof(buf), NULL, NULL) > 1);
	assert_int_equal(buf[0], 'E');
	for (int i = 0; i < 20; i++) {
		br_auto_fd int t = dial();
		assert_int_equal(br_control_request(t, 'p', NULL, &e), 0);
	}
	for (size_t i = 0; i < BR_ARRAY_LEN(held); i++)
		(void)close(held[i]);
}

/* A client that reads late gets all of what was queued, in order; one that never reads is dropped, and the monitor never waits. */
static void
test_slow_clients(void **state)
{
	(void)state;
	br_auto_fd int s = attach(24, 80);
	expect_line("size 23 80");
	expect_line("size 24 80");
	tell(s, "iflood", 6);
	expect_line("flooded");
	br_auto_buf got = {0};
	while (got.len < 900000) {
		char buf[1 + BR_CONTROL_FRAME];
		ssize_t n = br_recv_frame(s, buf, sizeof(buf), NULL, NULL);
		assert_true(n > 1 && buf[0] == 'o');
		br_buf_put(&got, buf + 1, (size_t)n - 1);
	}
	assert_int_equal(got.len, 900000);
	for (int i = 0; i < 100000; i++) {
		char want[16];
		(void)snprintf(want, sizeof(want), "%08d\n", i);
		assert_memory_equal(got.p + 9 * (size_t)i, want, 9);
	}
	for (int i = 0; i < 2; i++) {
		tell(s, "iflood", 6);
		expect_line("flooded");
	}
	/* Dropped: what is in the socket can still be read, then the end. */
	char buf[1 + BR_CONTROL_FRAME];
	ssize_t n;
	size_t rest = 0;
	while ((n = br_recv_frame(s, buf, sizeof(buf), NULL, NULL)) > 0)
		rest += (size_t)n - 1;
	assert_true(n == 0 || errno == ECONNRESET);
	assert_true(rest < 2UL * 900000);
}

static void
test_flood_of_requests(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Never reads an answer. */
		for (;;) {
			int s = br_control_connect(id, NULL);
			while (s >= 0 && br_send_frame(s, "p", 1, NULL, 0) == 0)
				;
			br_cleanup_fd(&s);
		}
	}
	for (int i = 0; i < 200; i++) {
		br_auto_fd int s = dial();
		assert_int_equal(br_control_request(s, 'p', NULL, &e), 0);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* A process of a sandbox: same uid, own user namespace. Run only where user namespaces can be made. */
static void
test_from_inside(void **state)
{
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char path[128], c;
		(void)snprintf(path, sizeof(path), "%s/brattice/%s.sock", root, id);
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(77);
		struct sockaddr_un a = {.sun_family = AF_UNIX};
		memcpy(a.sun_path, path, strlen(path) + 1);
		int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		if (connect(s, (struct sockaddr *)&a, sizeof(a)) < 0)
			_exit(0);
		(void)br_send_frame(s, "k", 1, NULL, 0);
		_exit(br_recv_frame(s, &c, 1, NULL, NULL) > 0 ? 1 : 0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_requests),
		T(test_attach),
		cmocka_unit_test_setup_teardown(test_no_terminal, setup_no_terminal, teardown),
		T(test_garbage),
		T(test_thousand_connections),
		T(test_attached_places),
		T(test_slow_clients),
		T(test_flood_of_requests),
		T(test_from_inside),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
