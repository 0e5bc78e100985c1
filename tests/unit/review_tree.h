/* Trees of files for the tests of review mode: made in a temporary directory, removed at the end. */
#ifndef BRATTICE_TESTS_REVIEW_TREE_H
#define BRATTICE_TESTS_REVIEW_TREE_H

#include <setjmp.h>
#include <stdarg.h>

#include "base/io.h"

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
	char dir[64];
	int fd;
};

static inline void
tree_make(struct tree *t)
{
	(void)snprintf(t->dir, sizeof(t->dir), "/tmp/brattice-test-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	t->fd = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->fd >= 0);
}

static inline void
tree_remove(struct tree *t)
{
	(void)close(t->fd);
	assert_int_equal(br_rm_tree(AT_FDCWD, t->dir), 0);
}

/* Writes a file, with the directories on its way. */
static inline void
tree_put(const struct tree *t, const char *rel, const char *text, mode_t mode)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, rel);
	char *slash = strrchr(path, '/');
	*slash = '\0';
	assert_int_equal(br_mkdir_p(path, 0755), 0);
	*slash = '/';
	br_auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(br_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

#endif
