/* Sessions on disk: records, locks, clean-up, and what a hostile or torn directory does. */
#include "base/io.h"
#include "session/state.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];  /* a private directory of the test */
static char dir[96];   /* $STATE */

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/brattice-state-XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	(void)snprintf(dir, sizeof(dir), "%s/state", root);
	(void)setenv("BRATTICE_STATE", dir, 1);
	(void)setenv("XDG_RUNTIME_DIR", root, 1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return br_rm_tree(AT_FDCWD, root);
}

static struct br_session_meta
sample(void)
{
	static char *argv[] = {(char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c", (char *)(uintptr_t)"printf 'a\\n'\nexit", (char *)(uintptr_t)"", NULL};
	struct br_session_meta m = {.state = "running", .wall = "namespace", .project = "/tmp/a b\n\\n\\c", .review = true, .argv = argv};
	return m;
}

/* A session of this process; it lives until `*lock` is closed. */
static int
make(const char *name, struct br_session_meta *m, int *lock)
{
	struct br_err e = BR_ERR_INIT;
	int fd = -1;
	*m = sample();
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	assert_int_equal(br_session_create(m, &fd, lock, &e), 0);
	assert_int_equal(br_session_write_meta(fd, m, &e), 0);
	return fd;
}

static void
put_file(int at, const char *name, const char *text)
{
	br_auto_fd int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(br_write_all(fd, text, strlen(text)), 0);
}

static void
test_round_trip(void **state)
{
	(void)state;
	struct br_session_meta m, back;
	struct br_err e = BR_ERR_INIT;
	br_auto_fd int lock = -1;
	br_auto_fd int fd = make("x", &m, &lock);
	assert_true(br_session_is_id(m.id));
	assert_int_equal(br_session_read_meta(fd, &back, &e), 0);
	assert_string_equal(back.id, m.id);
	assert_string_equal(back.project, m.project);
	assert_string_equal(back.wall, "namespace");
	assert_true(back.review);
	assert_false(back.pending);
	assert_int_equal(back.pid, getpid());
	assert_true(back.started_ms == m.started_ms && back.started_ms > 0);
	for (size_t i = 0; m.argv[i] != NULL; i++)
		assert_string_equal(back.argv[i], m.argv[i]);
	assert_null(back.argv[4]);
	br_session_meta_free(&back);
	struct stat st;
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void
test_long_argv_is_cut(void **state)
{
	(void)state;
	struct br_session_meta m, back;
	struct br_err e = BR_ERR_INIT;
	br_auto_fd int lock = -1;
	br_auto_fd int fd = make("", &m, &lock);
	char *big = malloc(1 << 20);
	assert_non_null(big);
	memset(big, '\n', (1 << 20) - 1);
	big[(1 << 20) - 1] = '\0';
	char *argv[] = {(char *)(uintptr_t)"sh", big, big, NULL};
	m.argv = argv;
	assert_int_equal(br_session_write_meta(fd, &m, &e), 0);
	assert_int_equal(br_session_read_meta(fd, &back, &e), 0);
	assert_string_equal(back.argv[0], "sh");
	assert_true(strlen(back.argv[1]) > 60000 && back.argv[2] == NULL);
	br_session_meta_free(&back);
	free(big);
}

static void
test_torn_meta(void **state)
{
	(void)state;
	struct br_session_meta m, back;
	struct br_err e = BR_ERR_INIT;
	br_auto_fd int lock = -1;
	br_auto_fd int fd = make("", &m, &lock);
	br_auto_buf whole = {0};
	assert_int_equal(br_read_file(fd, "meta", &whole, 65536), 0);
	for (size_t n = 0; n < whole.len; n++) {
		assert_int_equal(br_replace_file(fd, "meta", whole.p, n, 0600), 0);
		assert_int_equal(br_session_read_meta(fd, &back, &e), -1);
		assert_null(back.argv);
	}
	/* A flipped byte is refused or read: never worse. */
	for (size_t n = 0; n < whole.len; n++) {
		for (int bit = 0; bit < 8; bit++) {
			((unsigned char *)whole.p)[n] ^= 1U << bit;
			put_file(fd, "meta", "");
			br_auto_fd int w = openat(fd, "meta", O_WRONLY | O_CLOEXEC);
			assert_int_equal(br_write_all(w, whole.p, whole.len), 0);
			if (br_session_read_meta(fd, &back, &e) == 0)
				br_session_meta_free(&back);
			((unsigned char *)whole.p)[n] ^= 1U << bit;
		}
	}
	/* It is still listed, and its id says when it began. */
	put_file(fd, "meta", "");
	struct br_session_meta *v = NULL;
	size_t count = 0;
	assert_int_equal(br_session_list(&v, &count, &e), 0);
	assert_int_equal(count, 1);
	assert_string_equal(v[0].state, "damaged");
	assert_string_equal(v[0].id, m.id);
	assert_true(v[0].started_ms / 1000 == m.started_ms / 1000);
	assert_true(v[0].alive);
	br_session_meta_free(&v[0]);
	free(v);
}

static void
test_plants(void **state)
{
	(void)state;
	struct br_session_meta m, back;
	struct br_err e = BR_ERR_INIT;
	int fd = -1, lock = -1;
	char other[96];
	(void)snprintf(other, sizeof(other), "%s/other", root);
	assert_int_equal(mkdir(other, 0700), 0);
	/* $STATE is a link, open to others, a file, a relative path. */
	assert_int_equal(symlink(other, dir), 0);
	m = sample();
	assert_int_equal(br_session_create(&m, &fd, &lock, &e), -1);
	assert_non_null(strstr(e.msg, "symbolic link"));
	assert_int_equal(unlink(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(chmod(dir, 0750), 0);
	assert_int_equal(br_session_create(&m, &fd, &lock, &e), -1);
	assert_non_null(strstr(e.hint, "chmod 700"));
	assert_int_equal(rmdir(dir), 0);
	put_file(AT_FDCWD, dir, "");
	assert_int_equal(br_session_create(&m, &fd, &lock, &e), -1);
	assert_int_equal(unlink(dir), 0);
	(void)setenv("BRATTICE_STATE", "state", 1);
	assert_int_equal(br_session_create(&m, &fd, &lock, &e), -1);
	(void)setenv("BRATTICE_STATE", dir, 1);
	/* sessions/ is a link. */
	assert_int_equal(mkdir(dir, 0700), 0);
	char sessions[128];
	(void)snprintf(sessions, sizeof(sessions), "%s/sessions", dir);
	assert_int_equal(symlink(other, sessions), 0);
	assert_int_equal(br_session_create(&m, &fd, &lock, &e), -1);
	assert_int_equal(unlink(sessions), 0);
	/* Files of a session: a FIFO must not block, a link must not be followed. */
	br_auto_fd int lock2 = -1;
	br_auto_fd int dirfd = make("", &m, &lock2);
	assert_int_equal(unlinkat(dirfd, "meta", 0), 0);
	assert_int_equal(mkfifoat(dirfd, "meta", 0600), 0);
	assert_int_equal(br_session_read_meta(dirfd, &back, &e), -1);
	assert_int_equal(unlinkat(dirfd, "meta", 0), 0);
	assert_int_equal(symlinkat("lock", dirfd, "meta"), 0);
	assert_int_equal(br_session_read_meta(dirfd, &back, &e), -1);
	assert_int_equal(unlinkat(dirfd, "lock", 0), 0);
	assert_int_equal(mkfifoat(dirfd, "lock", 0600), 0);
	struct br_gc_report r;
	assert_int_equal(br_session_gc(-1, &r, &e), 0);
	assert_int_equal(unlinkat(dirfd, "meta", 0), 0);
	assert_int_equal(br_session_write_meta(dirfd, &m, &e), 0);
	assert_int_equal(br_session_read_meta(dirfd, &back, &e), 0);
	br_session_meta_free(&back);
}

/* A monitor that dies without a word. Returns after it is dead. */
static void
crash(struct br_session_meta *m, bool keep_upper)
{
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int lock = -1;
		int fd = make("crashed", m, &lock);
		(void)mkdirat(fd, "home", 0700);
		int home = openat(fd, "home", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
		put_file(home, "secret", "0123456789");
		(void)mkdirat(home, "closed", 0000);
		if (symlinkat("/etc", home, "link") < 0)
			_exit(1);
		if (keep_upper)
			(void)mkdirat(fd, "upper", 0700);
		(void)br_write_all(p[1], m->id, sizeof(m->id));
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(p[0], m->id, sizeof(m->id)), sizeof(m->id));
	struct br_session_meta alive;
	struct br_err e = BR_ERR_INIT;
	int fd = -1;
	struct br_gc_report r;
	assert_int_equal(br_session_gc(0, &r, &e), 0);
	assert_int_equal(r.dead + r.removed, 0);
	assert_int_equal(br_session_find("crashed", true, &alive, &fd, &e), 0);
	assert_true(alive.alive);
	br_session_meta_free(&alive);
	(void)close(fd);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
test_crash_and_gc(void **state)
{
	(void)state;
	struct br_session_meta m, back;
	struct br_err e = BR_ERR_INIT;
	struct br_gc_report r;
	int fd = -1;
	crash(&m, false);
	assert_int_equal(br_session_find(m.id, true, &back, &fd, &e), -1);
	assert_int_equal(br_session_find(m.id, false, &back, &fd, &e), 0);
	assert_false(back.alive);
	assert_string_equal(back.state, "running");
	br_session_meta_free(&back);
	assert_int_equal(br_session_gc(-1, &r, &e), 0);
	assert_int_equal(r.dead, 1);
	assert_true(r.bytes > 0);
	assert_int_equal(faccessat(fd, "home", F_OK, 0), -1);
	assert_int_equal(faccessat(fd, "lock", F_OK, 0), -1);
	assert_int_equal(br_session_read_meta(fd, &back, &e), 0);
	assert_string_equal(back.state, "ended");
	assert_int_equal(back.status, -1);
	assert_true(back.ended_ms > 0 && !back.pending);
	back.ended_ms -= 10000;
	assert_int_equal(br_session_write_meta(fd, &back, &e), 0);
	br_session_meta_free(&back);
	(void)close(fd);
	/* Once is enough; then the record goes by age. */
	assert_int_equal(br_session_gc(60, &r, &e), 0);
	assert_int_equal(r.dead + r.removed, 0);
	assert_int_equal(br_session_gc(5, &r, &e), 0);
	assert_int_equal(r.removed, 1);
	assert_int_equal(br_session_find(m.id, false, &back, &fd, &e), -1);
}

static void
test_pending_review_stays(void **state)
{
	(void)state;
	struct br_session_meta m, back;
	struct br_err e = BR_ERR_INIT;
	struct br_gc_report r;
	int fd = -1;
	crash(&m, true);
	assert_int_equal(br_session_gc(-1, &r, &e), 0);
	assert_int_equal(br_session_find("last", false, &back, &fd, &e), 0);
	assert_true(back.pending);
	back.ended_ms = 1;
	assert_int_equal(br_session_write_meta(fd, &back, &e), 0);
	assert_int_equal(br_session_gc(1, &r, &e), 0);
	assert_int_equal(r.removed, 0);
	/* Not even when the record is lost. */
	put_file(fd, "meta", "");
	assert_int_equal(br_session_gc(0, &r, &e), 0);
	assert_int_equal(r.removed, 0);
	assert_int_equal(faccessat(fd, "upper", F_OK, 0), 0);
	back.pending = false;
	assert_int_equal(br_session_write_meta(fd, &back, &e), 0);
	assert_int_equal(br_session_gc(1, &r, &e), 0);
	assert_int_equal(r.removed, 1);
	br_session_meta_free(&back);
	(void)close(fd);
}

static void
test_end(void **state)
{
	(void)state;
	struct br_session_meta m, back;
	struct br_err e = BR_ERR_INIT;
	br_auto_fd int lock = -1;
	br_auto_fd int fd = make("done", &m, &lock);
	assert_int_equal(mkdirat(fd, "home", 0700), 0);
	assert_int_equal(br_session_end(fd, &m, 130, true, &e), 0);
	assert_int_equal(faccessat(fd, "home", F_OK, 0), -1);
	/* The lock is still held by us, but the session is over. */
	int other = -1;
	assert_int_equal(br_session_find("done", false, &back, &other, &e), 0);
	assert_int_equal(back.status, 130);
	assert_false(back.alive);
	br_session_meta_free(&back);
	(void)close(other);
	struct br_gc_report r;
	assert_int_equal(br_session_gc(-1, &r, &e), 0);
	assert_int_equal(r.dead, 0);
}

static void
test_find(void **state)
{
	(void)state;
	struct br_session_meta a, b, c, m;
	struct br_err e = BR_ERR_INIT;
	int la = -1, lb = -1, lc = -1, fd = -1;
	assert_int_equal(br_session_find("last", false, &m, &fd, &e), -1);
	assert_string_equal(e.msg, "there is no session");
	int fa = make("build", &a, &la);
	int fb = make("build", &b, &lb);
	int fc = make("web", &c, &lc);
	c.started_ms += 5000;
	assert_int_equal(br_session_write_meta(fc, &c, &e), 0);
	assert_int_equal(br_session_find("last", false, &m, &fd, &e), 0);
	assert_string_equal(m.id, c.id);
	br_session_meta_free(&m);
	(void)close(fd);
	/* Two living ones of one name; the hint lists them and not the third. */
	assert_int_equal(br_session_find("build", false, &m, &fd, &e), -1);
	assert_non_null(strstr(e.hint, a.id));
	assert_non_null(strstr(e.hint, b.id));
	assert_null(strstr(e.hint, c.id));
	assert_int_equal(br_session_end(fa, &a, 0, true, &e), 0);
	assert_int_equal(br_session_find("build", false, &m, &fd, &e), 0);
	assert_string_equal(m.id, b.id);
	br_session_meta_free(&m);
	(void)close(fd);
	/* By a part of the random digits; by the whole; by the common beginning; by nonsense. */
	assert_int_equal(br_session_find(strrchr(c.id, '-') + 1, false, &m, &fd, &e), 0);
	assert_string_equal(m.id, c.id);
	br_session_meta_free(&m);
	(void)close(fd);
	assert_int_equal(br_session_find("20", false, &m, &fd, &e), -1);
	assert_int_equal(br_session_find("../sessions", false, &m, &fd, &e), -1);
	assert_int_equal(br_session_find("", false, &m, &fd, &e), -1);
	assert_int_equal(br_session_find(a.id, true, &m, &fd, &e), -1);
	int all[] = {fa, fb, fc, la, lb, lc};
	for (size_t i = 0; i < BR_ARRAY_LEN(all); i++)
		(void)close(all[i]);
}

static void
test_leftovers(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	struct br_gc_report r;
	br_auto_fd int st = br_state_open(true, &e);
	assert_true(st >= 0);
	assert_int_equal(mkdirat(st, "sessions", 0700), 0);
	br_auto_fd int s = openat(st, "sessions", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_int_equal(mkdirat(s, ".new-20261124-131500-3fa9c1d20b7e", 0700), 0);
	assert_int_equal(mkdirat(s, ".new-20261124-131500-000000000000", 0700), 0);
	assert_int_equal(mkdirat(s, ".gone-20261124-131500-3fa9c1d20b7e", 0700), 0);
	assert_int_equal(mkdirat(s, "notes-of-mine", 0700), 0);
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(utimensat(s, ".new-20261124-131500-3fa9c1d20b7e", old, 0), 0);
	assert_int_equal(br_session_gc(-1, &r, &e), 0);
	assert_int_equal(faccessat(s, ".new-20261124-131500-3fa9c1d20b7e", F_OK, 0), -1);
	assert_int_equal(faccessat(s, ".new-20261124-131500-000000000000", F_OK, 0), 0);
	assert_int_equal(faccessat(s, ".gone-20261124-131500-3fa9c1d20b7e", F_OK, 0), -1);
	assert_int_equal(faccessat(s, "notes-of-mine", F_OK, 0), 0);
}

static int
bind_at(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/brattice/%s", root, name);
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s, 4), 0);
	return s;
}

static void
test_stale_sockets(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	struct br_gc_report r;
	br_auto_fd int run = br_runtime_open(true, &e);
	assert_true(run >= 0);
	(void)close(bind_at("20261124-131500-3fa9c1d20b7e.sock"));
	BR_UNUSED br_auto_fd int live = bind_at("20261124-131500-000000000000.sock");
	put_file(run, "plain.sock", "");
	assert_int_equal(br_session_gc(-1, &r, &e), 0);
	assert_int_equal(r.sockets, 1);
	assert_int_equal(faccessat(run, "20261124-131500-3fa9c1d20b7e.sock", F_OK, 0), -1);
	assert_int_equal(faccessat(run, "20261124-131500-000000000000.sock", F_OK, 0), 0);
	assert_int_equal(faccessat(run, "plain.sock", F_OK, 0), 0);
}

/* A monitor that was killed between bind and rename: with its lock free its half made socket goes at once, not after a minute. */
static void
test_half_made_sockets(void **state)
{
	(void)state;
	struct br_session_meta m;
	struct br_gc_report r;
	struct br_err e = BR_ERR_INIT;
	char name[96];
	int lock = -1;
	br_auto_fd int run = br_runtime_open(true, &e);
	BR_UNUSED br_auto_fd int d = make("half", &m, &lock);
	(void)snprintf(name, sizeof(name), "%s.sock.new", m.id);
	(void)close(bind_at(name));
	(void)close(bind_at("20261124-131500-3fa9c1d20b7e.sock.new")); /* of another state directory, it may be */
	assert_int_equal(br_session_gc(-1, &r, &e), 0);
	assert_int_equal(r.sockets, 0);
	(void)close(lock);
	assert_int_equal(br_session_gc(-1, &r, &e), 0);
	assert_int_equal(r.sockets, 1);
	assert_int_equal(r.dead, 1);
	assert_int_equal(faccessat(run, name, F_OK, 0), -1);
	assert_int_equal(faccessat(run, "20261124-131500-3fa9c1d20b7e.sock.new", F_OK, 0), 0);
}

enum { STARTERS = 8, STARTS = 25 };

/* Starts sessions, checks that each stays alive in the eyes of others, ends some and abandons others. */
static void
starter(void)
{
	for (int i = 0; i < STARTS; i++) {
		struct br_session_meta m = sample(), back;
		struct br_err e = BR_ERR_INIT;
		int fd = -1, lock = -1, again = -1;
		if (br_session_create(&m, &fd, &lock, &e) < 0 || br_session_write_meta(fd, &m, &e) < 0 ||
		    br_session_find(m.id, true, &back, &again, &e) < 0) {
			br_err_print(&e);
			_exit(1);
		}
		br_session_meta_free(&back);
		(void)close(again);
		if (faccessat(fd, "lock", F_OK, 0) < 0)
			_exit(2);
		if (i % 2 == 0 && br_session_end(fd, &m, 0, true, &e) < 0)
			_exit(3);
		(void)close(fd);
		(void)close(lock);
	}
	_exit(0);
}

static void
test_concurrent_starts_and_gc(void **state)
{
	(void)state;
	pid_t pids[STARTERS];
	for (int i = 0; i < STARTERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			starter();
	}
	unsigned dead = 0;
	int left = STARTERS;
	struct br_gc_report r;
	struct br_err e = BR_ERR_INIT;
	while (left > 0) {
		assert_int_equal(br_session_gc(-1, &r, &e), 0);
		dead += r.dead;
		int status = 0;
		if (waitpid(-1, &status, WNOHANG) > 0) {
			assert_true(WIFEXITED(status));
			assert_int_equal(WEXITSTATUS(status), 0);
			left--;
		}
	}
	assert_int_equal(br_session_gc(-1, &r, &e), 0);
	dead += r.dead;
	assert_true(dead >= STARTERS * (STARTS / 2));
	struct br_session_meta *v = NULL;
	size_t n = 0;
	assert_int_equal(br_session_list(&v, &n, &e), 0);
	assert_int_equal(n, STARTERS * STARTS);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(v[i].state, "ended");
		assert_false(v[i].alive);
		br_session_meta_free(&v[i]);
	}
	free(v);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_round_trip),
		T(test_long_argv_is_cut),
		T(test_torn_meta),
		T(test_plants),
		T(test_crash_and_gc),
		T(test_pending_review_stays),
		T(test_end),
		T(test_find),
		T(test_leftovers),
		T(test_stale_sockets),
		T(test_half_made_sockets),
		T(test_concurrent_starts_and_gc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
