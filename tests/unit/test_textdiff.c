/* The edit script: right for every input, shortest for small ones, bounded for hostile ones; and the hunks made of it. */
#include "review_tree.h"

#include "session/review/textdiff.h"

static unsigned
next_random(uint64_t *s)
{
	*s = *s * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(*s >> 33);
}

/* Number of edits, after checking that the kept elements of both are the same sequence. */
static size_t
edits(const unsigned *a, size_t n, const unsigned *b, size_t m)
{
	br_auto_free bool *del = calloc(n + 1, 1), *add = calloc(m + 1, 1);
	assert_non_null(del);
	assert_non_null(add);
	assert_int_equal(br_myers(a, n, b, m, del, add), 0);
	size_t x = 0, y = 0, count = 0;
	for (;;) {
		for (; x < n && del[x]; x++)
			count++;
		for (; y < m && add[y]; y++)
			count++;
		if (x == n || y == m)
			break;
		assert_int_equal(a[x], b[y]);
		x++;
		y++;
	}
	assert_int_equal(x, n);
	assert_int_equal(y, m);
	return count;
}

/* The textbook's table, as the oracle. */
static size_t
least_edits(const unsigned *a, size_t n, const unsigned *b, size_t m)
{
	size_t t[32][32];
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			if (i == 0 || j == 0)
				t[i][j] = i + j;
			else if (a[i - 1] == b[j - 1])
				t[i][j] = t[i - 1][j - 1];
			else
				t[i][j] = 1 + (t[i - 1][j] < t[i][j - 1] ? t[i - 1][j] : t[i][j - 1]);
		}
	return t[n][m];
}

static void
test_shortest(void **state)
{
	uint64_t seed = 42;
	unsigned a[30], b[30];
	for (int round = 0; round < 20000; round++) {
		size_t n = next_random(&seed) % 30, m = next_random(&seed) % 30;
		unsigned letters = 1 + next_random(&seed) % 6;
		for (size_t i = 0; i < n; i++)
			a[i] = next_random(&seed) % letters;
		for (size_t i = 0; i < m; i++)
			b[i] = next_random(&seed) % letters;
		assert_int_equal(edits(a, n, b, m), least_edits(a, n, b, m));
	}
}

static void
test_hostile(void **state)
{
	enum { N = 300000 };
	uint64_t seed = 7;
	br_auto_free unsigned *a = calloc(N, sizeof(*a)), *b = calloc(N, sizeof(*b));
	assert_non_null(a);
	assert_non_null(b);
	for (size_t i = 0; i < N; i++) {
		a[i] = next_random(&seed) % 3;
		b[i] = next_random(&seed) % 3;
	}
	assert_true(edits(a, N, b, N) > 0);
	for (size_t i = 0; i < N; i++) {
		a[i] = (unsigned)(2 * i);
		b[i] = (unsigned)(2 * i + 1);
	}
	assert_int_equal(edits(a, N, b, N), 2 * N);
}

static void
check(const char *before, const char *after, const char *hunks)
{
	const struct br_diff_style style = {.exact = true};
	struct br_buf out = {0};
	struct br_diff_count count;
	br_buf_puts(&out, "");
	assert_int_equal(
	    br_textdiff((struct br_text){before, strlen(before)}, (struct br_text){after, strlen(after)}, &style, &out, &count),
	    0);
	assert_string_equal(out.p, hunks);
	br_buf_free(&out);
}

static void
test_hunks(void **state)
{
	check("", "", "");
	check("a\n", "a\n", "");
	check("", "a\n", "@@ -0,0 +1 @@\n+a\n");
	check("a\n", "", "@@ -1 +0,0 @@\n-a\n");
	check("a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
	check(
	    "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n", "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
	/* Six equal lines between two changes: one hunk. Seven: two. */
	check("a\n1\n2\n3\n4\n5\n6\nb\n", "x\n1\n2\n3\n4\n5\n6\ny\n",
	    "@@ -1,8 +1,8 @@\n-a\n+x\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+y\n");
	check("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "x\n1\n2\n3\n4\n5\n6\n7\ny\n",
	    "@@ -1,4 +1,4 @@\n-a\n+x\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+y\n");
}

static void
test_visible(void **state)
{
	const struct br_diff_style style = {0};
	struct br_buf out = {0};
	struct br_diff_count count;
	static const char evil[] = "\033]52;c;x\007\r\n";
	assert_int_equal(
	    br_textdiff((struct br_text){"", 0}, (struct br_text){evil, sizeof(evil) - 1}, &style, &out, &count), 0);
	assert_string_equal(out.p, "@@ -0,0 +1 @@\n+\\x1b]52;c;x\\x07\\x0d\n");
	assert_int_equal(count.added, 1);
	br_buf_free(&out);
	assert_true(br_text_binary((struct br_text){"a\0b", 3}));
	assert_false(br_text_binary((struct br_text){"ab", 2}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shortest),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_hunks),
	    cmocka_unit_test(test_visible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
