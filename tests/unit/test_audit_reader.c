/* The reader: sealed and growing logs, and those that somebody has been at. */
#include "audit_log.h"

#include "audit/log/pack.h"
#include "audit/log/reader.h"

#include <errno.h>

static struct br_log_reader *
open_log(int dir)
{
	struct br_err e = BR_ERR_INIT;
	struct br_log_reader *r = br_log_open(dir, &e);
	if (r == NULL)
		fail_msg("%s", e.msg);
	return r;
}

/* Reads on to the end for now; each entry must be the one that was written. How many. */
static uint64_t
read_on(struct br_log_reader *r, uint64_t sealed_at)
{
	struct br_err e = BR_ERR_INIT;
	struct br_log_entry x;
	uint64_t n = 0;
	char line[512];
	int rc;
	for (; (rc = br_log_next(r, &x, &e)) > 0; n++) {
		if (x.n == sealed_at)
			continue;
		size_t len = entry_line(line, sizeof(line), x.n, BR_EV_EXEC);
		assert_int_equal(x.len, len);
		assert_memory_equal(x.line, line, len);
	}
	if (rc < 0)
		fail_msg("%s", e.msg);
	return n;
}

/* The log of most tests: `n` entries and the seal. */
static int
sealed_log(const char *name, uint64_t n)
{
	int dir = make_log_dir(name);
	struct br_log_writer *w = make_log(dir);
	append(w, 0, n, BR_EV_EXEC, false);
	assert_int_equal(br_log_seal(w, "x"), 0);
	br_log_free(w);
	return dir;
}

static void
test_sealed(void **state)
{
	br_auto_fd int dir = sealed_log("sealed", 5000);
	struct br_log_reader *r = open_log(dir);
	assert_int_equal(br_log_entries(r), 5001);
	assert_true(br_log_sealed(r));
	assert_int_equal(read_on(r, 5000), 5001);
	assert_true(br_log_sealed(r));
	assert_int_equal(read_on(r, 5000), 0);
	br_log_close(r);
	/* The same without an index, which is a hint. */
	sh("rm sealed/index");
	r = open_log(dir);
	assert_false(br_log_sealed(r));
	assert_int_equal(read_on(r, 5000), 5001);
	assert_true(br_log_sealed(r));
	br_log_close(r);
}

/* A whole number of segments: the end is at a border. */
static void
test_border(void **state)
{
	br_auto_fd int dir = sealed_log("border", 2047);
	struct br_log_reader *r = open_log(dir);
	assert_int_equal(read_on(r, 2047), 2048);
	assert_int_equal(read_on(r, 2047), 0);
	assert_true(br_log_sealed(r));
	br_log_close(r);
}

static void
test_seek(void **state)
{
	br_auto_fd int dir = sealed_log("seek", 5000);
	struct br_log_reader *r = open_log(dir);
	struct br_err e = BR_ERR_INIT;
	struct br_log_entry x;
	static const uint64_t to[] = {4999, 0, 1023, 1024, 1025, 1024, 3, 2047, 5000};
	for (size_t i = 0; i < BR_ARRAY_LEN(to); i++) {
		assert_int_equal(br_log_seek(r, to[i]), 0);
		assert_int_equal(br_log_next(r, &x, &e), 1);
		assert_int_equal(x.n, to[i]);
	}
	assert_int_equal(br_log_seek(r, 1000), 0);
	assert_int_equal(read_on(r, 5000), 4001);
	assert_int_equal(br_log_seek(r, UINT64_MAX), 0);
	assert_int_equal(br_log_next(r, &x, &e), 0);
	br_log_close(r);
}

/* Follows a writer; what isn't a whole line yet is the end for now. */
static void
test_live(void **state)
{
	br_auto_fd int dir = make_log_dir("live");
	struct br_log_writer *w = make_log(dir);
	struct br_log_reader *r = open_log(dir);
	assert_int_equal(read_on(r, UINT64_MAX), 0);
	uint64_t at = 0;
	static const uint64_t steps[] = {1, 3, 1024, 1025, 2048, 2050, 5000};
	for (size_t i = 0; i < BR_ARRAY_LEN(steps); i++) {
		append(w, at, steps[i], BR_EV_EXEC, false);
		assert_int_equal(br_log_flush(w), 0);
		assert_int_equal(read_on(r, UINT64_MAX), steps[i] - at);
		assert_false(br_log_sealed(r));
		at = steps[i];
	}
	/* Half a line, then the other half, as another process would see a write. */
	char line[512];
	size_t n = entry_line(line, sizeof(line), at, BR_EV_EXEC);
	br_auto_fd int fd = open("live/000004.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(br_write_all(fd, line, n / 2), 0);
	assert_int_equal(read_on(r, UINT64_MAX), 0);
	assert_int_equal(br_write_all(fd, line + n / 2, n - n / 2), 0);
	assert_int_equal(read_on(r, UINT64_MAX), 0);
	assert_int_equal(br_write_all(fd, "\n", 1), 0);
	assert_int_equal(read_on(r, UINT64_MAX), 1);
	br_log_close(r);
	br_log_free(w);
}

/* The packer takes the plain form away while it is being read, and before it is opened. */
static void
test_packed_meanwhile(void **state)
{
	br_auto_fd int dir = make_log_dir("meanwhile");
	struct br_log_writer *w = make_log(dir);
	struct br_err e = BR_ERR_INIT;
	struct br_log_entry x;
	append(w, 0, 3000, BR_EV_EXEC, false);
	assert_int_equal(br_log_flush(w), 0);
	struct br_log_reader *r = open_log(dir);
	assert_int_equal(br_log_next(r, &x, &e), 1);
	assert_int_equal(br_log_seal(w, "x"), 0);
	br_log_free(w); /* waits for the packer */
	sh("! ls meanwhile/*.jsonl 2>list");
	assert_int_equal(read_on(r, 3000), 3000);
	assert_true(br_log_sealed(r));
	br_log_close(r);
}

static void
test_filter(void **state)
{
	br_auto_fd int dir = make_log_dir("filter");
	struct br_log_writer *w = make_log(dir);
	append(w, 0, 4000, BR_EV_EXEC, false);
	append(w, 4000, 4001, BR_EV_EXEC, true);
	append(w, 4001, 10000, BR_EV_EXEC, false);
	assert_int_equal(br_log_seal(w, "x"), 0);
	br_log_free(w);
	struct br_log_reader *r = open_log(dir);
	/* The full segment with the denial, and the last one, which is short. */
	br_log_filter(r, &(struct br_log_filter){.denied = true});
	assert_int_equal(read_on(r, 10000), 1024 + (10001 - 9216));
	br_log_filter(r, &(struct br_log_filter){.types = 1U << BR_EV_PATH});
	assert_int_equal(br_log_seek(r, 0), 0);
	assert_int_equal(read_on(r, 10000), 10001 - 9216);
	br_log_filter(r, &(struct br_log_filter){.types = 1U << BR_EV_PATH | 1U << BR_EV_EXEC});
	assert_int_equal(br_log_seek(r, 0), 0);
	assert_int_equal(read_on(r, 10000), 10001);
	br_log_filter(r, &(struct br_log_filter){.from_us = 1700002047000000, .to_us = 1700002048000000});
	assert_int_equal(br_log_seek(r, 0), 0);
	assert_int_equal(read_on(r, 10000), 2048 + (10001 - 9216));
	br_log_filter(r, NULL);
	assert_int_equal(br_log_seek(r, 0), 0);
	assert_int_equal(read_on(r, 10000), 10001);
	br_log_close(r);
}

/* Reads a damaged log to its end. True when the reader says where and why: `where` is in its message. */
static bool
complains(int dir, const char *where)
{
	struct br_log_reader *r = open_log(dir);
	struct br_err e = BR_ERR_INIT;
	struct br_log_entry x;
	int rc;
	while ((rc = br_log_next(r, &x, &e)) > 0)
		;
	br_log_close(r);
	if (rc < 0 && strstr(e.msg, where) == NULL)
		fail_msg("it says: %s", e.msg);
	return rc < 0;
}

static void
test_damage(void **state)
{
	static const struct {
		const char *how, *where;
	} cases[] = {
	    {"rm 000001.jsonl.zst", "000001.jsonl"},
	    {"rm 000002.jsonl.zst", "000002.jsonl"},
	    {"truncate -s -1 000001.jsonl.zst", "000001.jsonl.zst"},
	    {"truncate -s 0 000001.jsonl.zst", "000001.jsonl.zst"},
	    {"printf x >> 000001.jsonl.zst", "000001.jsonl.zst"},
	    {"cat 000000.jsonl.zst >> 000001.jsonl.zst", "000001.jsonl.zst"},
	    {"zstd -dq --rm 000001.jsonl.zst; echo x >> 000001.jsonl", "more than 1,024"},
	    {"zstd -dq --rm 000001.jsonl.zst; sed -i '$d' 000001.jsonl", "behind it"},
	    {"zstd -dq --rm 000002.jsonl.zst; truncate -s -1 000002.jsonl; zstd -q --rm 000002.jsonl", "has no end"},
	    {"rm 000001.jsonl.zst; mkfifo 000001.jsonl.zst", "cannot be opened"},
	    {"rm 000001.jsonl.zst; ln -s 000000.jsonl.zst 000001.jsonl.zst", "cannot be opened"},
	    {"rm 000001.jsonl.zst; mkdir 000001.jsonl.zst", "cannot be opened"},
	    {"head -c 70000000 /dev/zero | zstd -q > 000001.jsonl.zst", "longer than any entry"},
	    {"head -c 70000000 /dev/zero | zstd -q --ultra --long=27 > 000001.jsonl.zst", "000001.jsonl.zst"},
	};
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		br_auto_fd int dir = sealed_log("damage", 2100);
		assert_false(complains(dir, ""));
		sh("cd damage && { %s; }", cases[i].how);
		if (!complains(dir, cases[i].where))
			fail_msg("no complaint about: %s", cases[i].how);
	}
	/* Every byte of a compressed segment: found, or of no effect on the lines. */
	br_auto_fd int dir = sealed_log("damage", 30);
	br_auto_buf good = get_file("damage/000000.jsonl.zst");
	size_t found = 0;
	for (size_t i = 0; i < good.len; i++) {
		good.p[i] ^= 1;
		put_file("damage/000000.jsonl.zst", good.p, good.len);
		good.p[i] ^= 1;
		found += complains(dir, "000000.jsonl.zst");
	}
	assert_true(found >= good.len - 2); /* the frame header has unused bits */
}

/* A torn end is no damage. */
static void
test_torn(void **state)
{
	br_auto_fd int dir = make_log_dir("torn");
	struct br_log_writer *w = make_log(dir);
	append(w, 0, 1500, BR_EV_EXEC, false);
	assert_int_equal(br_log_flush(w), 0);
	br_log_free(w);
	sh("truncate -s -5 torn/000001.jsonl");
	struct br_log_reader *r = open_log(dir);
	assert_int_equal(read_on(r, UINT64_MAX), 1499);
	assert_false(br_log_sealed(r));
	br_log_close(r);
	/* No log at all. */
	struct br_err e = BR_ERR_INIT;
	sh("rm torn/hashes");
	assert_null(br_log_open(dir, &e));
	assert_non_null(strstr(e.msg, "hashes"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sealed),
	    cmocka_unit_test(test_border),
	    cmocka_unit_test(test_seek),
	    cmocka_unit_test(test_live),
	    cmocka_unit_test(test_packed_meanwhile),
	    cmocka_unit_test(test_filter),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_torn),
	};
	return cmocka_run_group_tests_name("audit_reader", tests, enter_scratch, leave_scratch);
}
