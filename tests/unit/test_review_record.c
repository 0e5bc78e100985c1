/* What the monitor left for review mode: `touched`, `base`, and the journal of an apply that died. */
#include "review_tree.h"

#include "session/review/journal.h"
#include "session/review/record.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
test_touched(void **state)
{
	struct tree t;
	struct br_touched got;
	struct br_err e = BR_ERR_INIT;
	tree_make(&t);
	tree_put(&t, "touched",
	    "create b\ncreate a\nwrite a\nrename dir/x\nlink l\ncreate /p/in\ncreate /p\ncreate /pq/out\ncreate "
	    "n\\nl\\\\\ncreate cut",
	    0600);
	assert_int_equal(br_touched_read(t.fd, "/p", &got, &e), 0);
	static const char *const want[] = {"a", "b", "dir/x", "in", "l", "n\nl\\"};
	assert_int_equal(got.names.n, BR_ARRAY_LEN(want));
	for (size_t i = 0; i < BR_ARRAY_LEN(want); i++)
		assert_string_equal(got.names.v[i], want[i]);
	assert_int_equal(got.moved.n, 2);
	assert_true(br_strv_have(&got.names, "in"));
	assert_false(br_strv_have(&got.names, "out"));
	br_touched_free(&got);
	static const char *const bad[] = {"nospace\n", "create a\\x\n", "create a\\\n"};
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++) {
		tree_put(&t, "touched", bad[i], 0600);
		assert_int_equal(br_touched_read(t.fd, "/p", &got, &e), -1);
		br_touched_free(&got);
	}
	assert_int_equal(unlinkat(t.fd, "touched", 0), 0);
	assert_int_equal(br_touched_read(t.fd, "/p", &got, &e), 0);
	assert_int_equal(got.names.n, 0);
	tree_remove(&t);
}

static void
test_base(void **state)
{
	struct tree t;
	struct br_base b;
	struct br_err e = BR_ERR_INIT;
	tree_make(&t);
	tree_put(&t, "base", SHA " 5 644 1700000000000000001 z z\n- 99999999 755 -5 big\n" SHA " 7 600 2 z z\n", 0600);
	assert_int_equal(br_base_read(t.fd, &b, &e), 0);
	assert_int_equal(b.n, 2);
	const struct br_base_entry *en = br_base_find(&b, "z z");
	assert_non_null(en);
	assert_int_equal(en->size, 5); /* the earliest counts */
	assert_int_equal(en->mode, 0644);
	assert_string_equal(en->sha256, SHA);
	en = br_base_find(&b, "big");
	assert_non_null(en);
	assert_string_equal(en->sha256, "");
	assert_int_equal(en->mtime_ns, -5);
	assert_null(br_base_find(&b, "z"));
	br_base_free(&b);
	static const char *const bad[] = {
	    "x 1 644 1 a\n", SHA " 1 644 a\n", SHA " -1 644 1 a\n", SHA " 1 888 1 a\n", SHA " 1 644 1 \n", SHA "\n", "\n"};
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++) {
		tree_put(&t, "base", bad[i], 0600);
		if (br_base_read(t.fd, &b, &e) == 0)
			fail_msg("took \"%s\"", bad[i]);
		br_base_free(&b);
	}
	tree_remove(&t);
}

static int
count_home(void *arg, const char *how, const char *name)
{
	struct br_buf *b = arg;
	br_buf_printf(b, "%s|%s;", how, name);
	return 0;
}

static void
test_home_changes(void **state)
{
	struct tree t;
	struct br_err e = BR_ERR_INIT;
	br_auto_buf got = {0};
	tree_make(&t);
	assert_int_equal(br_home_changes_read(t.fd, count_home, &got, &e), 0);
	assert_int_equal(got.len, 0);
	tree_put(&t, "home-changes", "kept .bashrc\nhost bin/a\\nb\ngone .claude/hooks/\ncut any/where\nkept .zsh", 0600);
	assert_int_equal(br_home_changes_read(t.fd, count_home, &got, &e), 0);
	assert_string_equal(got.p, "kept|.bashrc;host|bin/a\nb;gone|.claude/hooks/;cut|any/where;");
	static const char *const bad[] = {"kept\n", "kept notes\n", "lost .bashrc\n", " .bashrc\n", "kept .bashrc\\x\n"};
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++) {
		tree_put(&t, "home-changes", bad[i], 0600);
		if (br_home_changes_read(t.fd, count_home, &got, &e) == 0)
			fail_msg("took \"%s\"", bad[i]);
	}
	tree_remove(&t);
}

struct crash {
	struct tree project, session;
	struct br_buf journal;
};

static struct stat
stat_of(const struct tree *t, const char *rel)
{
	struct stat st;
	assert_int_equal(fstatat(t->fd, rel, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void
assert_content(const struct tree *t, const char *rel, const char *want)
{
	struct br_buf b = {0};
	int rc = br_read_file(t->fd, rel, &b, 1000);
	if (want == NULL) {
		assert_int_equal(rc, -1);
	} else {
		assert_int_equal(rc, 0);
		assert_string_equal(b.p, want);
	}
	br_buf_free(&b);
}

static void
line(struct crash *c, char op, ino_t ino, const char *tmp, const struct stat *seen, const char *rel)
{
	br_buf_printf(&c->journal, "%c %llu %s ", op, (unsigned long long)ino, tmp);
	br_journal_identity(&c->journal, seen);
	br_buf_printf(&c->journal, " %s\n", rel);
}

static void
settle(struct crash *c)
{
	struct br_err e = BR_ERR_INIT;
	tree_put(&c->session, "apply.journal", c->journal.p, 0600);
	assert_int_equal(br_journal_settle(c->project.fd, c->session.fd, &e), 0);
	br_buf_reset(&c->journal);
}

static void
test_journal(void **state)
{
	struct crash c = {0};
	const struct tree *p = &c.project;
	tree_make(&c.project);
	tree_make(&c.session);

	/* Written but not exchanged: ours goes, the host's stays. */
	tree_put(p, "d/f", "host", 0644);
	tree_put(p, "d/.brattice-1-1", "new", 0644);
	struct stat host = stat_of(p, "d/f"), new = stat_of(p, "d/.brattice-1-1");
	line(&c, 'w', new.st_ino, ".brattice-1-1", NULL, "d/f");
	line(&c, 'x', new.st_ino, ".brattice-1-1", &host, "d/f");
	settle(&c);
	assert_content(p, "d/f", "host");
	assert_content(p, "d/.brattice-1-1", NULL);

	/* Exchanged, and what came out is what was compared: the change stands. */
	tree_put(p, "d/.brattice-1-1", "old", 0644);
	host = stat_of(p, "d/.brattice-1-1");
	new = stat_of(p, "d/f");
	line(&c, 'x', new.st_ino, ".brattice-1-1", &host, "d/f");
	settle(&c);
	assert_content(p, "d/f", "host");
	assert_content(p, "d/.brattice-1-1", NULL);

	/* Exchanged with a file that the host had just saved: back it goes. */
	tree_put(p, "d/.brattice-1-1", "just saved", 0644);
	new = stat_of(p, "d/f");
	line(&c, 'x', new.st_ino, ".brattice-1-1", &host, "d/f");
	settle(&c);
	assert_content(p, "d/f", "just saved");
	assert_content(p, "d/.brattice-1-1", NULL);

	/* Taken away: removed when it was the one, else put back. */
	tree_put(p, "d/.brattice-1-2", "gone", 0644);
	struct stat gone = stat_of(p, "d/.brattice-1-2");
	line(&c, 'd', 0, ".brattice-1-2", &gone, "d/g");
	settle(&c);
	assert_content(p, "d/.brattice-1-2", NULL);
	assert_content(p, "d/g", NULL);
	tree_put(p, "d/.brattice-1-2", "not the one, by its size", 0644);
	line(&c, 'd', 0, ".brattice-1-2", &gone, "d/g");
	settle(&c);
	assert_content(p, "d/g", "not the one, by its size");

	/* A lock of git on the host, which is not ours, stays; and so does everything that a damaged journal names. */
	tree_put(p, "HEAD.lock", "git's", 0644);
	struct stat lock = stat_of(p, "HEAD.lock");
	line(&c, 'w', lock.st_ino + 1, "HEAD.lock", NULL, "HEAD");
	line(&c, 'x', lock.st_ino + 1, "HEAD.lock", &host, "HEAD");
	br_buf_puts(&c.journal,
	    "w 0 HEAD.lock - HEAD\nw 0 ../x - a\nq 0 d - d/g\nx\nw 0 d/g - d\n\nw 99999999999999999999999 a - b\nw 0 cut");
	settle(&c);
	assert_content(p, "HEAD.lock", "git's");
	assert_content(p, "d/g", "not the one, by its size");
	br_buf_free(&c.journal);
	tree_remove(&c.project);
	tree_remove(&c.session);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_touched),
	    cmocka_unit_test(test_base), cmocka_unit_test(test_home_changes),
	    cmocka_unit_test(test_journal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
