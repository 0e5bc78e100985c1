/* The trust store and the question. */
#include "base/io.h"
#include "session/trust.h"

#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char root[64];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/brattice-trust-XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	return setenv("BRATTICE_STATE", root, 1);
}

static int
teardown(void **state)
{
	(void)state;
	return br_rm_tree(AT_FDCWD, root);
}

static void
put_file(const char *path, const char *text, size_t n)
{
	br_auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(br_write_all(fd, text, n), 0);
}

static void
count(void *arg, const char *hash, const char *path)
{
	(void)hash;
	(void)path;
	++*(int *)arg;
}

static void
test_add_and_remove(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	int n = 0;
	assert_int_equal(br_trust_known("/p/brattice.yaml", A64, &e), 0);
	assert_int_equal(br_trust_add("/p/brattice.yaml", A64, &e), 0);
	assert_int_equal(br_trust_add("/p/brattice.yaml", A64, &e), 0);
	assert_int_equal(br_trust_add("/p/brattice.yaml", B64, &e), 0);
	assert_int_equal(br_trust_add("/q\n\\n x/brattice.yaml", A64, &e), 0);
	assert_int_equal(br_trust_each(count, &n, &e), 0);
	assert_int_equal(n, 3);
	assert_int_equal(br_trust_known("/p/brattice.yaml", A64, &e), 1);
	assert_int_equal(br_trust_known("/p/brattice.yaml", B64, &e), 1);
	assert_int_equal(br_trust_known("/q\n\\n x/brattice.yaml", A64, &e), 1);
	/* Neither the path alone nor the content alone. */
	assert_int_equal(br_trust_known("/q\n\\n x/brattice.yaml", B64, &e), 0);
	assert_int_equal(br_trust_known("/p", A64, &e), 0);
	assert_int_equal(br_trust_remove("/p/brattice.yaml", &e), 2);
	assert_int_equal(br_trust_known("/p/brattice.yaml", A64, &e), 0);
	assert_int_equal(br_trust_remove(A64, &e), 1);
	assert_int_equal(br_trust_remove(A64, &e), 0);
	assert_int_equal(br_trust_add("relative", A64, &e), -1);
	assert_int_equal(br_trust_add("/p", "A", &e), -1);
}

static void
test_many_contents(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	char hash[65];
	int n = 0;
	for (int i = 0; i < 40; i++) {
		(void)snprintf(hash, sizeof(hash), "%064x", i);
		assert_int_equal(br_trust_add("/p", hash, &e), 0);
	}
	assert_int_equal(br_trust_each(count, &n, &e), 0);
	assert_int_equal(n, 16);
	assert_int_equal(br_trust_known("/p", hash, &e), 1);
	(void)snprintf(hash, sizeof(hash), "%064x", 0);
	assert_int_equal(br_trust_known("/p", hash, &e), 0);
}

/* A damaged store loses lines, never gains one. */
static void
test_damaged_store(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	char path[96];
	(void)snprintf(path, sizeof(path), "%s/trust", root);
	static const char store[] = "garbage\n" A64 " /good\n" A64 "  /two-spaces\n" A64 "/no-space\n" B64 " relative\n" B64 " /bad\\x\n" B64 "\n\n" B64
				    " /nul\0/good\n" B64 " /torn";
	put_file(path, store, sizeof(store) - 1);
	int n = 0;
	assert_int_equal(br_trust_each(count, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(br_trust_known("/good", A64, &e), 1);
	assert_int_equal(br_trust_known("/good", B64, &e), 0);
	assert_int_equal(br_trust_known("/torn", B64, &e), 0);
	/* Not read through a link, nor from a FIFO. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(br_trust_known("/good", A64, &e), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(br_trust_known("/good", A64, &e), -1);
	assert_int_equal(br_trust_add("/good", A64, &e), -1);
}

static void
test_concurrent_adds(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	enum { WRITERS = 8, EACH = 20 };
	pid_t pids[WRITERS];
	for (int w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		assert_true(pids[w] >= 0);
		for (int i = 0; pids[w] == 0 && i < EACH; i++) {
			char path[32];
			(void)snprintf(path, sizeof(path), "/p%d/%d", w, i);
			if (br_trust_add(path, A64, &e) < 0)
				_exit(1);
			if (i == EACH - 1)
				_exit(0);
		}
	}
	for (int w = 0; w < WRITERS; w++) {
		int status = 0;
		assert_int_equal(waitpid(pids[w], &status, 0), pids[w]);
		assert_int_equal(status, 0);
	}
	int n = 0;
	assert_int_equal(br_trust_each(count, &n, &e), 0);
	assert_int_equal(n, WRITERS * EACH);
}

/* Plays a user who answers each prompt with the next of `answers`; returns what br_trust_ask returned, plus what was shown. */
static int
ask(const char *path, const char *hash, const char *const *answers, struct br_buf *screen)
{
	const struct winsize w = {.ws_row = 10, .ws_col = 60};
	int master;
	pid_t pid = forkpty(&master, NULL, NULL, &w);
	assert_true(pid >= 0);
	if (pid == 0) {
		struct br_err e = BR_ERR_INIT;
		(void)alarm(20);
		_exit(br_trust_ask(0, path, hash, "It takes:\n  - brattice.yaml:3 lets the session read /srv\n  - b.yaml:1 passes X\033[2J\n", &e) + 1);
	}
	size_t seen = 0;
	for (;;) {
		char buf[4096];
		ssize_t n = read(master, buf, sizeof(buf));
		if (n <= 0)
			break;
		br_buf_put(screen, buf, (size_t)n);
		bool asked = strstr(screen->p + seen, "[y/N] ") != NULL || strstr(screen->p + seen, "question -- ") != NULL;
		if (asked && *answers != NULL) {
			seen = screen->len;
			assert_int_equal(br_write_all(master, *answers, strlen(*answers)), 0);
			answers++;
		}
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	(void)close(master);
	return WEXITSTATUS(status) - 1;
}

static void
test_ask(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	char path[96], hash[BR_SHA256_HEX];
	(void)snprintf(path, sizeof(path), "%s/brattice.yaml", root);
	static const char hostile[] = "version: 1\n# \033]52;c;eA==\a \xe2\x80\xae\r\n";
	put_file(path, hostile, sizeof(hostile) - 1);
	br_auto_buf content = {0};
	assert_int_equal(br_trust_read(path, &content, hash, &e), 0);
	static const char *const no[][3] = {{"\n", NULL}, {"n\n", NULL}, {"\004", NULL}, {"yep\n", NULL}, {"yyyyyyyyyyyyyyyyyyyyyyy\n", NULL}};
	for (size_t i = 0; i < BR_ARRAY_LEN(no); i++) {
		br_auto_buf screen = {0};
		assert_int_equal(ask(path, hash, no[i], &screen), 0);
		assert_int_equal(br_trust_known(path, hash, &e), 0);
		const char *shown = screen.p != NULL ? screen.p : "";
		assert_null(strchr(shown, '\033'));
		assert_null(strchr(shown, '\a'));
		assert_null(strstr(shown, "\xe2\x80\xae"));
		assert_non_null(strstr(shown, "\\x1b]52;c;eA==\\x07 \\u{202e}\\x0d"));
	}
	static const char *const yes[] = {"y\n", NULL};
	br_auto_buf screen = {0};
	assert_int_equal(ask(path, hash, yes, &screen), 1);
	assert_int_equal(br_trust_known(path, hash, &e), 1);
	/* Another content than the one asked about. */
	br_auto_buf other = {0};
	assert_int_equal(ask(path, A64, yes, &other), -1);
	assert_int_equal(br_trust_known(path, A64, &e), 0);
	/* No terminal. */
	assert_int_equal(br_trust_ask(-1, path, hash, NULL, &e), -1);
	assert_int_equal(e.status, BR_EXIT_REFUSED);
	assert_non_null(strstr(e.hint, hash));
}

static void
test_ask_pages(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	char path[96], hash[BR_SHA256_HEX];
	(void)snprintf(path, sizeof(path), "%s/brattice.yaml", root);
	br_auto_buf text = {0}, content = {0}, screen = {0}, quick = {0};
	for (int i = 0; i < 30; i++)
		br_buf_printf(&text, "line-%d\n", i);
	put_file(path, text.p, text.len);
	assert_int_equal(br_trust_read(path, &content, hash, &e), 0);
	/* "y" to go on is not a yes; the last answer is. */
	static const char *const through[] = {"y\n", "y\n", "y\n", "y\n", "n\n", NULL};
	assert_int_equal(ask(path, hash, through, &screen), 0);
	for (int i = 0; i < 30; i++) {
		char line[16];
		(void)snprintf(line, sizeof(line), "line-%d\r\n", i);
		assert_non_null(strstr(screen.p, line));
	}
	assert_int_equal(br_trust_known(path, hash, &e), 0);
	static const char *const q[] = {"q\n", "y\n", NULL};
	assert_int_equal(ask(path, hash, q, &quick), 1);
	assert_null(strstr(quick.p, "line-29"));
	/* What it takes stands between the file and the question, also for who stops reading. */
	const struct br_buf *const screens[] = {&screen, &quick};
	for (size_t i = 0; i < 2; i++) {
		const char *taken = strstr(screens[i]->p, "  - brattice.yaml:3 lets the session read /srv\r\n  - b.yaml:1 passes X");
		assert_non_null(taken);
		assert_null(strstr(taken, "line-"));
		assert_null(strchr(taken, '\033'));
		assert_non_null(strstr(taken, "Trust this policy?"));
	}
}

static void
test_read(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	char path[96], hash[BR_SHA256_HEX];
	br_auto_buf b = {0};
	(void)snprintf(path, sizeof(path), "%s/f", root);
	put_file(path, "", 0);
	assert_int_equal(br_trust_read(path, &b, hash, &e), 0);
	assert_string_equal(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_int_equal(truncate(path, BR_TRUST_FILE_MAX + 1), 0);
	assert_int_equal(br_trust_read(path, &b, hash, &e), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(br_trust_read(path, &b, hash, &e), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(br_trust_read(path, &b, hash, &e), -1);
	assert_int_equal(br_trust_read(root, &b, hash, &e), -1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_add_and_remove),
		T(test_many_contents),
		T(test_damaged_store),
		T(test_concurrent_adds),
		T(test_ask),
		T(test_ask_pages),
		T(test_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
