/* What is bound is what was judged. */
#include "base/io.h"
#include "sandbox/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/brattice-mounts-XXXXXX");
	return mkdtemp(root) != NULL && chdir(root) == 0 && mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0 &&
		       symlink("d", "l") == 0
		   ? 0
		   : -1;
}

static int
teardown(void **state)
{
	(void)state;
	return chdir("/") < 0 ? -1 : br_rm_tree(AT_FDCWD, root);
}

static int
open_source(const char *name, unsigned flags, int *fd, struct br_err *e)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	struct br_plan_op op = {.kind = BR_PLAN_BIND, .flags = flags, .src = path, .dst = path, .fd = -1};
	struct br_plan p = {.ops = &op, .n = 1};
	int rc = br_mounts_open_sources(&p, -1, NULL, e);
	*fd = op.fd;
	return rc;
}

static void
test_symlinks_are_refused(void **state)
{
	(void)state;
	static const char *const names[] = {"l", "l/e"};
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++) {
		struct br_err e = BR_ERR_INIT;
		int fd;
		/* Also one that may be absent: a symlink in its place is not absence. */
		assert_int_equal(open_source(names[i], BR_PLAN_EXACT | BR_PLAN_OPTIONAL | BR_PLAN_RO, &fd, &e), -1);
		assert_int_equal(fd, -1);
		assert_int_equal(e.status, BR_EXIT_REFUSED);
		assert_non_null(strstr(e.msg, "leads through a symlink now"));
	}
}

static void
test_socket_is_refused(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "s"};
	br_auto_fd int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(open_source("s", BR_PLAN_EXACT, &fd, &e), -1);
	assert_int_equal(e.status, BR_EXIT_REFUSED);
}

static void
test_absent(void **state)
{
	(void)state;
	struct br_err e = BR_ERR_INIT;
	int fd;
	assert_int_equal(open_source("none", BR_PLAN_EXACT | BR_PLAN_OPTIONAL, &fd, &e), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(open_source("none", BR_PLAN_EXACT, &fd, &e), -1);
	assert_int_equal(e.sys, ENOENT);
}

/* In namespaces of its own, where an ordinary user may mount. */
static void
test_the_judged_path_opens(void **state)
{
	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct br_err e = BR_ERR_INIT;
		struct stat want, got;
		int fd;
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			_exit(77);
		_exit(open_source("d/e", BR_PLAN_EXACT, &fd, &e) == 0 && fd >= 0 && fstat(fd, &got) == 0 &&
			      stat("d/e", &want) == 0 && got.st_ino == want.st_ino
			  ? 0
			  : 1);
	}
	int st;
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	if (WEXITSTATUS(st) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(st), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_symlinks_are_refused),
	    cmocka_unit_test(test_socket_is_refused),
	    cmocka_unit_test(test_absent),
	    cmocka_unit_test(test_the_judged_path_opens),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
