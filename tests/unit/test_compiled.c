/* The compiled policy: what goes in comes out, and no damaged byte passes. */
#include "base/sha256.h"
#include "policy/compiled.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { HEAD = 48 }; /* magic, count, reserved word, checksum */

static struct br_buf
sample(void)
{
	struct br_pol_writer w = {0};
	struct br_buf file = {0};
	br_pol_add(&w, BR_POL_WRITE, BR_POLF_EXEC, 0, "/home/u/p", "", 0, "brattice.yaml:3");
	br_pol_add(&w, BR_POL_HOME_FILE, 0, 0, ".gitconfig", "a\0b\n", 4, "built-in");
	br_pol_add(&w, BR_POL_LIMIT_MEMORY, 0, UINT64_C(5) << 32, "", "", 0, "x:1");
	br_pol_add(&w, BR_POL_WRITE, BR_POLF_OPTIONAL, 0, "/odd\n\xff", "", 0, "");
	br_pol_add(&w, BR_POL_LIMIT_MEMORY, 0, 7, "", "", 0, "x:2");
	assert_int_equal(br_pol_seal(&w, &file), 0);
	return file;
}

static void
test_round_trip(void **state)
{
	br_auto_buf file = sample();
	struct br_policy p;
	struct br_err e = BR_ERR_INIT;
	char hash[BR_SHA256_HEX];
	assert_int_equal(br_pol_parse(file.p, file.len, &p, &e), 0);
	assert_int_equal(p.n, 5);
	br_sha256_of(file.p + HEAD, file.len - HEAD, hash);
	assert_string_equal(p.hash, hash);
	const struct br_pol_rec *r = br_pol_next(&p, BR_POL_WRITE, NULL);
	assert_string_equal(r->text, "/home/u/p");
	assert_int_equal(r->flags, BR_POLF_EXEC);
	assert_string_equal(r->origin, "brattice.yaml:3");
	r = br_pol_next(&p, BR_POL_WRITE, r);
	assert_string_equal(r->text, "/odd\n\xff");
	assert_string_equal(r->origin, "");
	assert_null(br_pol_next(&p, BR_POL_WRITE, r));
	r = br_pol_next(&p, BR_POL_HOME_FILE, NULL);
	assert_int_equal(r->data_len, 4);
	assert_memory_equal(r->data, "a\0b\n", 5);
	assert_int_equal(br_pol_value(&p, BR_POL_LIMIT_MEMORY, 1), 7); /* the last one counts */
	assert_int_equal(br_pol_value(&p, BR_POL_LIMIT_PIDS, 42), 42);
	br_pol_free(&p);
}

static void
test_empty(void **state)
{
	struct br_pol_writer w = {0};
	br_auto_buf file = {0};
	struct br_policy p;
	assert_int_equal(br_pol_seal(&w, &file), 0);
	assert_int_equal(br_pol_parse(file.p, file.len, &p, NULL), 0);
	assert_int_equal(p.n, 0);
	br_pol_free(&p);
}

static void
refused(const char *data, size_t n)
{
	struct br_policy p;
	struct br_err e = BR_ERR_INIT;
	/* A copy of its exact size, so that the sanitizer sees a read behind it. */
	char *copy = malloc(n + (n == 0));
	assert_non_null(copy);
	memcpy(copy, data, n);
	assert_int_equal(br_pol_parse(copy, n, &p, &e), -1);
	assert_non_null(strstr(e.msg, "damaged"));
	assert_null(p.recs);
	free(copy);
}

/* Every bit of the file, and every length but its own. */
static void
test_damage(void **state)
{
	br_auto_buf file = sample();
	for (size_t i = 0; i < file.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			file.p[i] = (char)(file.p[i] ^ 1 << bit);
			refused(file.p, file.len);
			file.p[i] = (char)(file.p[i] ^ 1 << bit);
		}
		refused(file.p, i);
	}
	br_buf_putc(&file, 'x');
	refused(file.p, file.len);
}

/* With the checksum put right, as one who can write the cache could: lengths are checked all the same. */
static void
test_forged(void **state)
{
	br_auto_buf file = sample();
	for (size_t i = HEAD; i < HEAD + 32; i++) {
		br_auto_buf forged = {0};
		br_buf_put(&forged, file.p, file.len);
		forged.p[i] = (char)0xff;
		struct br_sha256 s;
		br_sha256_init(&s);
		br_sha256_update(&s, forged.p + HEAD, forged.len - HEAD);
		br_sha256_final(&s, (unsigned char *)forged.p + HEAD - BR_SHA256_LEN);
		struct br_policy p;
		/* kind, and the three lengths; flags, value and the reserved word may hold anything */
		bool matters = i < HEAD + 4 || (i >= HEAD + 16 && i < HEAD + 28);
		int rc = br_pol_parse(forged.p, forged.len, &p, NULL);
		assert_int_equal(rc, matters ? -1 : 0);
		if (rc == 0)
			br_pol_free(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_forged),
	};
	return cmocka_run_group_tests_name("compiled", tests, NULL, NULL);
}
