/* Removing trees that a hostile program made. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];
static int top;

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/brattice-rm-XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	top = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return top < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)close(top);
	return br_rm_tree(AT_FDCWD, root);
}

static bool
exists(const char *name)
{
	return faccessat(top, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
put_file(int at, const char *name)
{
	br_auto_fd int fd = openat(at, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
}

/* `levels` directories below `tree`, each with a file; closed to everybody when asked. */
static void
make_deep(int levels, bool closed)
{
	assert_int_equal(mkdirat(top, "tree", 0700), 0);
	int fd = openat(top, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < levels; i++) {
		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		put_file(fd, "f");
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		if (closed)
			assert_int_equal(fchmod(fd, 0), 0);
		(void)close(fd);
		fd = next;
	}
	(void)close(fd);
}

static void
test_deeper_than_descriptors(void **state)
{
	(void)state;
	struct rlimit old, few = {128, 128};
	make_deep(5000, false);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(br_rm_tree(top, "tree"), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_false(exists("tree"));
}

static void
test_closed_directories(void **state)
{
	(void)state;
	make_deep(200, true);
	assert_int_equal(br_rm_tree(top, "tree"), 0);
	assert_false(exists("tree"));
}

static void
test_links_are_not_followed(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(top, "keep", 0700), 0);
	br_auto_fd int keep = openat(top, "keep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put_file(keep, "file");
	make_deep(3, false);
	assert_int_equal(symlinkat("../keep", top, "tree/link"), 0);
	assert_int_equal(symlinkat("../../keep", top, "tree/d/link"), 0);
	assert_int_equal(symlinkat("keep", top, "link"), 0);
	assert_int_equal(mkfifoat(top, "tree/fifo", 0600), 0);
	assert_int_equal(br_rm_tree(top, "tree"), 0);
	assert_int_equal(br_rm_tree(top, "link"), 0);
	assert_false(exists("tree") || exists("link"));
	assert_true(exists("keep/file"));
}

static void
test_absent_and_plain(void **state)
{
	(void)state;
	assert_int_equal(br_rm_tree(top, "absent"), 0);
	put_file(top, "file");
	assert_int_equal(br_rm_tree(top, "file"), 0);
	assert_false(exists("file"));
	assert_int_equal(br_rm_tree(top, "file/below"), 0);
}

static void
test_wide(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(top, "tree", 0700), 0);
	br_auto_fd int fd = openat(top, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 5000; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "f%d", i);
		put_file(fd, name);
	}
	assert_int_equal(br_rm_tree(top, "tree"), 0);
	assert_false(exists("tree"));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_deeper_than_descriptors),
		T(test_closed_directories),
		T(test_links_are_not_followed),
		T(test_absent_and_plain),
		T(test_wide),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
