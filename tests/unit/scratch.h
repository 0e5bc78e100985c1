/* A scratch directory and git in it, for tests that compare with the real thing. */
#ifndef BRATTICE_TESTS_SCRATCH_H
#define BRATTICE_TESTS_SCRATCH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs a command line with sh in the working directory; fails the test when the command does. */
static inline void BR_PRINTF(1, 2) sh(const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	assert_in_range(n, 1, sizeof(line) - 1);
	int rc = system(line); /* NOLINT(cert-env33-c): the command lines are the tests' own */
	if (rc != 0)
		fail_msg("status %d of: %s", rc, line);
}

static inline void
put_file(const char *path, const void *data, size_t n)
{
	br_auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(br_write_all(fd, data, n), 0);
}

static inline struct br_buf
get_file(const char *path)
{
	struct br_buf b = {0};
	assert_int_equal(br_read_file(AT_FDCWD, path, &b, 64 << 20), 0);
	return b;
}

static char scratch_dir[64];

/* cmocka group set-up: an empty working directory, and git that reads no configuration but the repository's. */
static inline int
enter_scratch(void **state)
{
	(void)snprintf(scratch_dir, sizeof(scratch_dir), "/tmp/brattice-test-XXXXXX");
	if (mkdtemp(scratch_dir) == NULL || chdir(scratch_dir) != 0)
		return -1;
	return setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1) | setenv("GIT_CONFIG_SYSTEM", "/dev/null", 1) |
	       setenv("GIT_AUTHOR_NAME", "t", 1) | setenv("GIT_AUTHOR_EMAIL", "t@example.org", 1) |
	       setenv("GIT_COMMITTER_NAME", "t", 1) | setenv("GIT_COMMITTER_EMAIL", "t@example.org", 1) |
	       setenv("LC_ALL", "C.UTF-8", 1) | unsetenv("GIT_DIR");
}

static inline int
leave_scratch(void **state)
{
	if (chdir("/") != 0)
		return -1;
	return br_rm_tree(AT_FDCWD, scratch_dir);
}

#endif
