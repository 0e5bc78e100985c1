/* The user's terminal, on a real pty: the test is the terminal emulator, a child with the pty as its controlling terminal is us. */
#include "base/io.h"
#include "session/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int master;

/* In the child: 0 is success, else the line that failed. */
#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			_exit(__LINE__ % 250 + 1); \
	} while (0)

static pid_t
child(void (*fn)(void))
{
	const struct winsize w = {.ws_row = 33, .ws_col = 111};
	pid_t pid = forkpty(&master, NULL, NULL, &w);
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)alarm(20);
	fn();
	_exit(0);
}

/* Plays the terminal until the child ends: answers the two reports a child may ask for. */
static void
play(pid_t pid, struct br_buf *screen)
{
	size_t looked = 0;
	for (;;) {
		char buf[4096];
		ssize_t n = read(master, buf, sizeof(buf));
		if (n <= 0)
			break;
		br_buf_put(screen, buf, (size_t)n);
		for (const char *p; (p = strstr(screen->p + looked, "\033[")) != NULL && p[2] != '\0' && p[3] != '\0'; looked = (size_t)(p - screen->p) + 1) {
			if (br_startswith(p, "\033[6n"))
				assert_int_equal(br_write_all(master, "\033[10;20R", 8), 0);
			else if (br_startswith(p, "\033[5n"))
				assert_int_equal(br_write_all(master, "\033[0n", 4), 0);
		}
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	(void)close(master);
}

static bool
same_modes(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag && a->c_lflag == b->c_lflag &&
	       memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc)) == 0;
}

static void
raw_and_back(void)
{
	struct br_err e = BR_ERR_INIT;
	struct termios before, now;
	struct br_terminal t;
	unsigned short rows, cols;
	CHECK(tcgetattr(0, &before) == 0);
	CHECK(br_terminal_open(&t, &e) == 0 && t.fd > 2);
	CHECK(br_terminal_size(&t, &rows, &cols) == 0 && rows == 33 && cols == 111);
	for (int round = 0; round < 2; round++) {
		CHECK(br_terminal_raw(&t, &e) == 0);
		CHECK(tcgetattr(0, &now) == 0 && (now.c_lflag & (tcflag_t)(ICANON | ECHO | ISIG)) == 0);
		CHECK(br_terminal_raw(&t, &e) == 0);
		br_terminal_restore(&t);
		br_terminal_restore(&t);
		CHECK(tcgetattr(0, &now) == 0 && same_modes(&before, &now));
	}
	CHECK((fcntl(0, F_GETFL) & O_NONBLOCK) == 0 && (fcntl(t.fd, F_GETFL) & O_NONBLOCK) == 0);
}

static void
test_raw_and_back(void **state)
{
	(void)state;
	br_auto_buf screen = {0};
	play(child(raw_and_back), &screen);
	/* Nothing was changed, so nothing is written. */
	assert_int_equal(screen.len, 0);
}

/* A command that leaves the alternate screen on and a report unanswered. */
static void
leave_traces(void)
{
	struct br_err e = BR_ERR_INIT;
	struct br_terminal t;
	struct br_term_filter f = {0};
	br_auto_buf out = {0};
	CHECK(br_terminal_open(&t, &e) == 0 && t.fd > 2);
	t.filter = &f;
	CHECK(br_terminal_raw(&t, &e) == 0);
	static const char agent[] = "\033[?1049h\033[6n\033]52;c;eA==\a";
	br_term_filter(&f, agent, sizeof(agent) - 1, &out);
	CHECK(br_write_all(t.fd, out.p, out.len) == 0);
	br_terminal_restore(&t);
	/* What a shell would now find typed: in canonical mode too, after the end of a line. */
	struct termios m = t.saved;
	m.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	CHECK(tcsetattr(0, TCSANOW, &m) == 0);
	struct pollfd p = {.fd = 0, .events = POLLIN};
	CHECK(poll(&p, 1, 100) == 0);
}

static void
test_replies_are_drained(void **state)
{
	(void)state;
	br_auto_buf screen = {0};
	play(child(leave_traces), &screen);
	assert_string_equal(screen.p, "\033[?1049h\033[6n\030\033[?1049l\033[5n");
}

static void
type_ahead(void)
{
	struct br_err e = BR_ERR_INIT;
	struct br_terminal t;
	struct br_term_filter f = {0};
	char c;
	CHECK(br_terminal_open(&t, &e) == 0);
	t.filter = &f;
	CHECK(br_terminal_raw(&t, &e) == 0);
	CHECK(write(1, "go", 2) == 2);
	struct pollfd p = {.fd = 0, .events = POLLIN};
	CHECK(poll(&p, 1, 10000) == 1);
	br_terminal_restore(&t);
	CHECK(read(0, &c, 1) == 1 && c == 'l');
}

/* Nobody asked the terminal anything: what the user has typed meanwhile is the shell's. */
static void
test_type_ahead_is_kept(void **state)
{
	(void)state;
	pid_t pid = child(type_ahead);
	char go[2];
	assert_int_equal(read(master, go, 2), 2);
	assert_int_equal(br_write_all(master, "ls\n", 3), 0);
	br_auto_buf screen = {0};
	play(pid, &screen);
}

static void
stopped_terminal(void)
{
	struct br_err e = BR_ERR_INIT;
	struct br_terminal t;
	struct br_term_filter f = {0};
	br_auto_buf out = {0};
	CHECK(br_terminal_open(&t, &e) == 0);
	t.filter = &f;
	CHECK(br_terminal_raw(&t, &e) == 0);
	br_term_filter(&f, "\033[?1049h\033[6n", 12, &out);
	/* Fills the pty, as nobody reads; then the restore must still end (the alarm says when it doesn't). */
	CHECK(fcntl(t.fd, F_SETFL, O_NONBLOCK) == 0);
	char junk[4096] = {0};
	while (write(t.fd, junk, sizeof(junk)) > 0)
		;
	CHECK(errno == EAGAIN);
	CHECK(fcntl(t.fd, F_SETFL, 0) == 0);
	br_terminal_restore(&t);
	struct termios now;
	CHECK(tcgetattr(0, &now) == 0 && same_modes(&t.saved, &now));
}

static void
test_stopped_terminal(void **state)
{
	(void)state;
	pid_t pid = child(stopped_terminal);
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	(void)close(master);
}

static void
background(void)
{
	struct br_err e = BR_ERR_INIT;
	struct br_terminal t;
	CHECK(signal(SIGTTOU, SIG_DFL) != SIG_ERR);
	CHECK(br_terminal_open(&t, &e) == 0 && t.fd > 2);
	CHECK(br_terminal_raw(&t, &e) == 0);
	/* The shell takes the terminal: restoring must not stop us. */
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		(void)setpgid(0, 0);
		(void)signal(SIGTTOU, SIG_IGN);
		_exit(tcsetpgrp(0, getpid()) == 0 ? 0 : 1);
	}
	int status = 0;
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && status == 0);
	br_terminal_restore(&t);
	struct br_terminal u;
	CHECK(br_terminal_open(&u, &e) == 0 && u.fd < 0);
}

static void
test_background(void **state)
{
	(void)state;
	br_auto_buf screen = {0};
	play(child(background), &screen);
}

static void
not_a_terminal(void)
{
	struct br_err e = BR_ERR_INIT;
	struct br_terminal t;
	unsigned short rows, cols;
	int p[2];
	CHECK(pipe2(p, O_CLOEXEC) == 0 && dup2(p[1], 1) == 1);
	CHECK(br_terminal_open(&t, &e) == 0 && t.fd < 0);
	CHECK(br_terminal_size(&t, &rows, &cols) < 0);
	CHECK(br_terminal_raw(&t, &e) == 0);
	br_terminal_restore(&t);
}

static void
test_not_a_terminal(void **state)
{
	(void)state;
	br_auto_buf screen = {0};
	play(child(not_a_terminal), &screen);
}

static void
test_locale(void **state)
{
	(void)state;
	static const struct {
		const char *all, *lang;
		bool latin;
	} cases[] = {{"", "", false}, {"", "C", false}, {"", "C.UTF-8", false}, {"", "de_DE.ISO-8859-1", true}, {"", "de_DE.utf8", false},
	    {"ru_RU.KOI8-R", "en_US.UTF-8", true}, {"C", "de_DE.ISO-8859-1", false}};
	(void)unsetenv("LC_CTYPE");
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		(void)setenv("LC_ALL", cases[i].all, 1);
		(void)setenv("LANG", cases[i].lang, 1);
		assert_int_equal(br_terminal_is_latin(), cases[i].latin);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw_and_back),
		cmocka_unit_test(test_replies_are_drained),
		cmocka_unit_test(test_type_ahead_is_kept),
		cmocka_unit_test(test_stopped_terminal),
		cmocka_unit_test(test_background),
		cmocka_unit_test(test_not_a_terminal),
		cmocka_unit_test(test_locale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
