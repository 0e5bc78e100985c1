/* The digest of git's index: blind to times and inodes, not to what is staged. Made by git itself. */
#include "review_tree.h"

#include "session/review/index.h"

#include <sys/wait.h>

static void
sh(const struct tree *t, const char *script)
{
	char command[1024];
	(void)snprintf(command, sizeof(command), "cd '%s' && export HOME=$PWD && %s", t->dir, script);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): git as a user runs it, on a tree of the test's own */
}

static bool
digest(const struct tree *t, char hex[BR_SHA256_HEX])
{
	struct br_buf b = {0};
	assert_int_equal(br_read_file(t->fd, ".git/index", &b, 1 << 20), 0);
	bool ok = br_index_digest(b.p, b.len, hex);
	/* A cut one is never taken. */
	char ignored[BR_SHA256_HEX];
	for (size_t n = 0; n < b.len; n++)
		assert_false(br_index_digest(b.p, n, ignored));
	br_buf_free(&b);
	return ok;
}

static void
test_digest(void **state)
{
	struct tree t;
	char first[BR_SHA256_HEX], second[BR_SHA256_HEX];
	tree_make(&t);
	sh(&t, "git init -q . && echo a >a && echo bb >some-longer-name && git add a some-longer-name");
	assert_true(digest(&t, first));
	sh(&t, "touch -d 2020-01-01 a && git update-index --refresh");
	assert_true(digest(&t, second));
	assert_string_equal(first, second);
	sh(&t, "echo b >a && git add a");
	assert_true(digest(&t, second));
	assert_string_not_equal(first, second);
	sh(&t, "echo a >a && git add a");
	assert_true(digest(&t, second));
	assert_string_equal(first, second);
	sh(&t, "git update-index --chmod=+x a");
	assert_true(digest(&t, second));
	assert_string_not_equal(first, second);
	sh(&t, "git update-index --chmod=-x a && git update-index --assume-unchanged a");
	assert_true(digest(&t, second));
	assert_string_not_equal(first, second);
	sh(&t, "git update-index --no-assume-unchanged a && echo x >n && git add -N n"); /* version 3: extended flags */
	assert_true(digest(&t, second));
	assert_string_not_equal(first, second);
	sh(&t, "git rm -q --cached n && git mv a c");
	assert_true(digest(&t, second));
	assert_string_not_equal(first, second);
	sh(&t, "git update-index --index-version 4");
	assert_false(digest(&t, second));
	tree_remove(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_digest)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
