/* Probes: they see what is taken away, and leave nothing behind. */
#include "base/io.h"
#include "sandbox/probe_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void
table_is_whole(void **state)
{
	(void)state;
	for (int i = 0; i < BR_FEATURE_COUNT; i++) {
		const struct br_feature *f = br_feature((enum br_feature_id)i);
		assert_non_null(f->name);
		assert_non_null(f->layer);
		assert_non_null(f->why);
		assert_non_null(f->probe);
		assert_true(strchr(f->since, '.') != NULL);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(f->name, br_feature((enum br_feature_id)k)->name);
	}
}

static size_t
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	size_t n = 0;
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

static void
nothing_is_left(void **state)
{
	(void)state;
	br_auto_buf before = {0};
	br_auto_buf after = {0};
	assert_int_equal(br_read_file(AT_FDCWD, "/proc/self/mountinfo", &before, 1 << 20), 0);
	size_t fds = count_fds();
	for (int i = 0; i < BR_FEATURE_COUNT; i++) {
		struct br_probe p;
		br_probe_run((enum br_feature_id)i, &p);
		assert_true(p.detail[0] != '\0');
		/* Whatever is not as it should be comes with a way out. */
		if (p.state == BR_PROBE_MISSING || p.state == BR_PROBE_APPROXIMATE)
			assert_true(p.mend[0] != '\0');
	}
	assert_int_equal(count_fds(), fds);
	assert_int_equal(br_read_file(AT_FDCWD, "/proc/self/mountinfo", &after, 1 << 20), 0);
	assert_string_equal(before.p, after.p);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
}

static int
return_it(void *arg)
{
	return *(int *)arg;
}

static int
die(void *arg)
{
	(void)arg;
	_exit(0);
}

static int
no_parent_id(void *arg)
{
	*(int *)arg = EPERM; /* a copy: the parent's stays */
	return getpid() == 1 ? 0 : EINVAL;
}

static void
child_reports(void **state)
{
	(void)state;
	int err = ENOTTY;
	struct br_probe_child r = br_probe_in(0, return_it, &err);
	assert_int_equal(r.step, BR_PROBE_FN);
	assert_int_equal(r.err, ENOTTY);
	r = br_probe_in(0, die, NULL);
	assert_int_equal(r.err, EIO);
	r = br_probe_in(CLONE_NEWUSER | CLONE_NEWPID, no_parent_id, &err);
	assert_int_equal(r.err, 0);
	assert_int_equal(err, ENOTTY);
	/* CLONE_FS and a new mount namespace exclude each other: clone(2). */
	r = br_probe_in(CLONE_NEWNS | CLONE_FS, NULL, NULL);
	assert_int_equal(r.step, BR_PROBE_CLONE);
	assert_int_equal(r.err, EINVAL);
}

/* What a probe says inside a world made poorer by the caller of br_probe_in: 0, or the line that was wrong. */
#define EXPECT(cond)                     \
	do {                             \
		if (!(cond))             \
			return __LINE__; \
	} while (0)

static int
with_a_listener(void *arg)
{
	(void)arg;
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = {.len = 1, .filter = &allow};
	EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog) >= 0);
	struct br_probe p;
	br_probe_run(BR_FEATURE_NOTIFY, &p);
	EXPECT(p.state == BR_PROBE_MISSING);
	EXPECT(strstr(p.mend, "another sandbox") != NULL);
	return 0;
}

static int
without_user_namespaces(void *arg)
{
	(void)arg;
	br_auto_fd int fd = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
	EXPECT(fd >= 0 && br_write_all(fd, "0", 1) == 0);
	struct br_probe p;
	br_probe_run(BR_FEATURE_USER_NS, &p);
	EXPECT(p.state == BR_PROBE_MISSING);
	EXPECT(strstr(p.mend, "user.max_user_namespaces") != NULL);
	struct br_err e = BR_ERR_INIT;
	(void)br_err_set(&e, ENOSPC, "cannot make the wall");
	EXPECT(br_probe_hint(BR_FEATURE_USER_NS, &e) == -1);
	EXPECT(strstr(e.hint, "user.max_user_namespaces") != NULL);
	/* A feature that is there adds no hint to someone else's error. */
	(void)br_err_set(&e, ENOSPC, "cannot make the wall");
	EXPECT(br_probe_hint(BR_FEATURE_OPENAT2, &e) == -1);
	EXPECT(e.hint[0] == '\0');
	return 0;
}

static int
refuse(void *arg)
{
	unsigned nr = *(unsigned *)arg;
	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = BR_ARRAY_LEN(code), .filter = code};
	EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0);
	struct br_probe p;
	br_probe_run(nr == SYS_openat2 ? BR_FEATURE_OPENAT2 : nr == SYS_pidfd_open ? BR_FEATURE_PIDFD : BR_FEATURE_LANDLOCK, &p);
	EXPECT(p.state == BR_PROBE_MISSING);
	EXPECT(strstr(p.mend, "kernel") != NULL);
	br_probe_run(BR_FEATURE_NOTIFY, &p);
	EXPECT(p.state == BR_PROBE_ENFORCED);
	return 0;
}

static void
sees_what_is_taken(void **state)
{
	(void)state;
	assert_int_equal(br_probe_in(0, with_a_listener, NULL).err, 0);
	assert_int_equal(br_probe_in(CLONE_NEWUSER, without_user_namespaces, NULL).err, 0);
	unsigned calls[] = {SYS_openat2, SYS_pidfd_open, SYS_landlock_create_ruleset};
	for (size_t i = 0; i < BR_ARRAY_LEN(calls); i++)
		assert_int_equal(br_probe_in(0, refuse, &calls[i]).err, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_whole),
		cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(child_reports),
		cmocka_unit_test(sees_what_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
