/* The index reader against `git ls-files`, in every version and hash, and over every single damaged byte. */
#include "scratch.h"

#include "policy/gitindex.h"

/* Names that share prefixes, need padding of every length, and sort around '/'. */
static const char *const names[] = {".env", "a-b", "a.b", "a/.env", "a/b", "a/bb/c", "a/bb/cc/d", "a0", "aa", "id_rsa",
    "lang/\xc3\xa9", "pad1", "pad12", "pad123", "pad1234", "pad12345", "pad123456", "pad1234567", "z\ttab", "z z", "zz"};
enum { N = BR_ARRAY_LEN(names) };

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every second name is added. */
static void
make_repo(const char *format)
{
	char list[2048];
	size_t len = 0;
	sh("git init -q --object-format=%s repo && mkdir -p repo/a/bb/cc repo/lang", format);
	assert_int_equal(chdir("repo"), 0);
	for (size_t i = 0; i < N; i++) {
		put_file(names[i], names[i], strlen(names[i]));
		if (i % 2 == 0)
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%c", names[i], '\0');
	}
	put_file(".git/list", list, len);
	sh("git update-index --add -z --stdin < .git/list");
}

static void
drop_repo(void)
{
	assert_int_equal(chdir(".."), 0);
	sh("rm -rf repo");
}

static void
compare(const char *const *sorted, size_t count, unsigned version, size_t hash_len)
{
	br_auto_buf index = get_file(".git/index");
	bool tracked[64] = {false};
	struct br_gitindex_info info;
	struct br_err e = BR_ERR_INIT;
	assert_true(count <= BR_ARRAY_LEN(tracked));
	if (br_gitindex_tracked(index.p, index.len, sorted, count, tracked, &info, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(info.version, version);
	assert_int_equal(info.hash_len, hash_len);
	sh("git ls-files -z > .git/tracked");
	br_auto_buf out = get_file(".git/tracked");
	for (size_t i = 0; i < count; i++) {
		bool git = false;
		for (size_t at = 0; at < out.len; at += strlen(out.p + at) + 1)
			git |= br_streq(out.p + at, sorted[i]);
		if (git != tracked[i])
			fail_msg("version %u, \"%s\": git %d, ours %d", version, sorted[i], git, tracked[i]);
	}
}

static void
test_like_git(void **state)
{
	static const struct {
		const char *format;
		size_t hash_len;
	} formats[] = {{"sha1", 20}, {"sha256", 32}};
	const char *sorted[N + 2];
	memcpy(sorted, names, sizeof(names));
	sorted[N] = "absent";
	sorted[N + 1] = "a/b/not";
	qsort(sorted, N + 2, sizeof(*sorted), by_bytes);
	for (size_t f = 0; f < BR_ARRAY_LEN(formats); f++) {
		make_repo(formats[f].format);
		compare(sorted, N + 2, 2, formats[f].hash_len);
		sh("git update-index --index-version 4");
		compare(sorted, N + 2, 4, formats[f].hash_len);
		sh("git update-index --index-version 3"); /* git writes 2 while no entry needs more */
		compare(sorted, N + 2, 2, formats[f].hash_len);
		sh("git add -N zz id_rsa");
		compare(sorted, N + 2, 3, formats[f].hash_len);
		sh("git update-index --index-version 4");
		compare(sorted, N + 2, 4, formats[f].hash_len);
		sh("git rm -q --cached .env");
		compare(sorted, N + 2, 4, formats[f].hash_len);
		drop_repo();
	}
}

/* A conflict: stages 1 to 3 and no stage 0. */
static void
test_conflict(void **state)
{
	static const char *const one[] = {"f", "g"};
	sh("git init -q repo");
	assert_int_equal(chdir("repo"), 0);
	sh("git commit -q --allow-empty -m 0 && echo 1 > f && git add f && git commit -q -m 1 && git checkout -q -b x && echo "
	   "2 > f && "
	   "git commit -q -a -m 2 && git checkout -q - && echo 3 > f && git commit -q -a -m 3 && ! git merge -q x > /dev/null");
	compare(one, 2, 2, 20);
	drop_repo();
}

static void
test_split_and_sparse(void **state)
{
	static const char *const some[] = {"d/in", "d/secret", "top"};
	bool tracked[3] = {false};
	struct br_gitindex_info info;
	sh("git init -q repo");
	assert_int_equal(chdir("repo"), 0);
	sh("mkdir d keep && echo x > d/in && echo x > top && echo x > keep/k && git add . && git commit -q -m 1");
	sh("git sparse-checkout set --cone --sparse-index keep");
	br_auto_buf sparse = get_file(".git/index");
	assert_int_equal(br_gitindex_tracked(sparse.p, sparse.len, some, 3, tracked, &info, NULL), 0);
	assert_true(info.sparse);
	assert_true(tracked[0] && tracked[2]);
	sh("git sparse-checkout disable && git update-index --split-index");
	br_auto_buf split = get_file(".git/index");
	memset(tracked, 0, sizeof(tracked));
	assert_int_equal(br_gitindex_tracked(split.p, split.len, some, 3, tracked, &info, NULL), 0);
	char shared[128];
	(void)snprintf(shared, sizeof(shared), ".git/sharedindex.%s", info.split);
	br_auto_buf base = get_file(shared);
	assert_int_equal(br_gitindex_tracked(base.p, base.len, some, 3, tracked, NULL, NULL), 0);
	assert_true(tracked[0] && !tracked[1] && tracked[2]);
	drop_repo();
}

/* No flip of a byte and no cut may be read out of bounds (the sanitizers watch). */
static void
test_damage(void **state)
{
	make_repo("sha1");
	sh("git update-index --index-version 4");
	br_auto_buf index = get_file(".git/index");
	size_t refused = 0, cuts = 0;
	for (size_t i = 0; i < index.len; i++) {
		bool tracked[N] = {false};
		char was = index.p[i];
		for (int flip = 0; flip < 2; flip++) {
			index.p[i] = (char)(flip == 0 ? was ^ 0x80 : 0xff);
			refused += br_gitindex_tracked(index.p, index.len, names, N, tracked, NULL, NULL) != 0;
		}
		index.p[i] = was;
		char *cut = malloc(i + 1);
		assert_non_null(cut);
		memcpy(cut, index.p, i);
		cuts += br_gitindex_tracked(cut, i, names, N, tracked, NULL, NULL) == 0;
		free(cut);
	}
	assert_true(refused > 0); /* most bytes are times and hashes, which do not matter here */
	assert_true(cuts <= 1); /* where the bytes before an extension look like the checksum */
	struct br_err e = BR_ERR_INIT;
	assert_int_equal(br_gitindex_tracked("DIRC\0\0\0\5\0\0\0\0aaaaaaaaaaaaaaaaaaaa", 32, names, N, NULL, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "version 5"));
	drop_repo();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_like_git),
	    cmocka_unit_test(test_conflict),
	    cmocka_unit_test(test_split_and_sparse),
	    cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests_name("gitindex", tests, enter_scratch, leave_scratch);
}
