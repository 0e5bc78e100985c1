/* Merkle trees and proofs: the vectors that RFC 6962's authors published with their implementation (eight leaves), what
 * golang.org/x/mod/sumdb/tlog v0.43.0 makes of "entry 0", "entry 1", …, and that nothing but the right proof passes. */
#include "audit/log/merkle.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MANY 300

static unsigned char leaves[MANY][BR_HASH];

static int
leaf_at(void *arg, uint64_t i, unsigned char out[BR_HASH])
{
	if (i >= MANY)
		return -1;
	memcpy(out, leaves[i], BR_HASH);
	return 0;
}

static void
root_of(uint64_t n, unsigned char out[BR_HASH])
{
	struct br_merkle t;
	br_merkle_init(&t);
	for (uint64_t i = 0; i < n; i++)
		br_merkle_append(&t, leaves[i]);
	br_merkle_root(&t, out);
}

static void
is_hex(const unsigned char h[BR_HASH], const char *hex)
{
	char got[BR_SHA256_HEX];
	br_sha256_hex(h, got);
	assert_string_equal(got, hex);
}

static int
fill_entries(void **state)
{
	for (int i = 0; i < MANY; i++) {
		char text[32];
		int n = snprintf(text, sizeof(text), "entry %d", i);
		br_merkle_leaf(text, (size_t)n, leaves[i]);
	}
	return 0;
}

static void
test_published(void **state)
{
	static const char *const data[] = {"", "\x00", "\x10", "\x20\x21", "\x30\x31", "\x40\x41\x42\x43", "\x50\x51\x52\x53\x54\x55\x56\x57",
	    "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
	static const size_t len[] = {0, 1, 1, 2, 2, 4, 8, 16};
	static const char *const roots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
	for (size_t i = 0; i < 8; i++)
		br_merkle_leaf(data[i], len[i], leaves[i]);
	for (uint64_t n = 0; n <= 8; n++) {
		unsigned char root[BR_HASH];
		root_of(n, root);
		is_hex(root, roots[n]);
	}
	/* PATH(0, D[8]), and PROOF(6, D[8]). */
	unsigned char v[64][BR_HASH];
	assert_int_equal(br_merkle_inclusion(leaf_at, NULL, 0, 8, v), 3);
	is_hex(v[0], "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7");
	is_hex(v[1], "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e");
	is_hex(v[2], "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4");
	assert_int_equal(br_merkle_consistency(leaf_at, NULL, 6, 8, v), 3);
	is_hex(v[0], "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a");
	is_hex(v[1], "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
	is_hex(v[2], "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
	(void)fill_entries(NULL);
}

static void
test_roots_as_others(void **state)
{
	static const struct {
		uint64_t n;
		const char *root;
	} v[] = {{1, "773885a613489e24ce2cf76199d6a423f042e4bbf12d7eecee912ef276c65701"},
	    {7, "98c97f0ba3175cd08b031dd084b9dc4e649b64d1a28e6ea694646503173ab587"},
	    {100, "106a6d1594d73248c9634639896cf8a76d2c3418f8fb8b4e24386025a27f2472"},
	    {255, "cf66793e6329dff242eb3cee0a6f36ad3e3a196dcc573a1ec775e102be863f1c"},
	    {256, "da6596d95369f5fef322ab8e4e0da3b0b50236aa9c8a3b1d246f7411c9e2e32e"},
	    {257, "5c1fdfe835358022f2392de478dbe053fc130cfe1d3a082879a90cf6bf14bf7e"},
	    {300, "ca393d0296bec5e0b8dcab983bd1fb7d1461f512e7267cb89631ad26fd66d848"}};
	for (size_t i = 0; i < BR_ARRAY_LEN(v); i++) {
		unsigned char root[BR_HASH];
		root_of(v[i].n, root);
		is_hex(root, v[i].root);
	}
}

/* All proofs of trees of up to 70 entries, hashed in order. */
static void
test_proofs_as_others(void **state)
{
	unsigned char v[64][BR_HASH], sum[BR_HASH];
	struct br_sha256 a, b;
	br_sha256_init(&a);
	br_sha256_init(&b);
	for (uint64_t n = 1; n <= 70; n++) {
		for (uint64_t i = 0; i < n; i++) {
			int k = br_merkle_inclusion(leaf_at, NULL, i, n, v);
			assert_true(k >= 0);
			br_sha256_update(&a, v, (size_t)k * BR_HASH);
			k = br_merkle_consistency(leaf_at, NULL, i + 1, n, v);
			assert_true(k >= 0);
			br_sha256_update(&b, v, (size_t)k * BR_HASH);
		}
	}
	br_sha256_final(&a, sum);
	is_hex(sum, "a4ac43f512a9a4fa51002d047f836124c8f25ad096185f109fd4ceaf61036147");
	br_sha256_final(&b, sum);
	is_hex(sum, "e8386811d4f580bbca2e1704268adc18e3bed57a99adbfaca6a359d81e47b7cb");
}

static void
check_inclusion(uint64_t i, uint64_t n)
{
	unsigned char v[65][BR_HASH], root[BR_HASH];
	const unsigned char (*p)[BR_HASH] = (const unsigned char (*)[BR_HASH])v;
	int k = br_merkle_inclusion(leaf_at, NULL, i, n, v);
	root_of(n, root);
	assert_true(k >= 0);
	assert_true(br_merkle_check_inclusion(leaves[i], i, n, p, (size_t)k, root));
	/* Another leaf, another place, another size, one hash less or more, another root. */
	assert_false(br_merkle_check_inclusion(leaves[i + 1], i, n, p, (size_t)k, root));
	assert_false(br_merkle_check_inclusion(leaves[i], n, n, p, (size_t)k, root));
	assert_false(br_merkle_check_inclusion(leaves[i], i ^ 1, n, p, (size_t)k, root));
	if (k > 0)
		assert_false(br_merkle_check_inclusion(leaves[i], i, n, p, (size_t)k - 1, root));
	memcpy(v[k], root, BR_HASH);
	assert_false(br_merkle_check_inclusion(leaves[i], i, n, p, (size_t)k + 1, root));
	for (int j = 0; j < k; j++) {
		v[j][j % BR_HASH] ^= 1;
		assert_false(br_merkle_check_inclusion(leaves[i], i, n, p, (size_t)k, root));
		v[j][j % BR_HASH] ^= 1;
	}
}

static void
check_consistency(uint64_t m, uint64_t n)
{
	unsigned char v[65][BR_HASH], old[BR_HASH], root[BR_HASH];
	const unsigned char (*p)[BR_HASH] = (const unsigned char (*)[BR_HASH])v;
	int k = br_merkle_consistency(leaf_at, NULL, m, n, v);
	root_of(m, old);
	root_of(n, root);
	assert_true(k >= 0);
	assert_true(br_merkle_check_consistency(m, old, n, root, p, (size_t)k));
	if (m < n) {
		assert_false(br_merkle_check_consistency(n, old, m, root, p, (size_t)k));
		if (m > 0)
			assert_false(br_merkle_check_consistency(m, root, n, old, p, (size_t)k));
	}
	if (k > 0)
		assert_false(br_merkle_check_consistency(m, old, n, root, p, (size_t)k - 1));
	memcpy(v[k], root, BR_HASH);
	assert_false(br_merkle_check_consistency(m, old, n, root, p, (size_t)k + 1));
	for (int j = 0; j < k; j++) {
		v[j][j % BR_HASH] ^= 1;
		assert_false(br_merkle_check_consistency(m, old, n, root, p, (size_t)k));
		v[j][j % BR_HASH] ^= 1;
	}
	old[5] ^= 1;
	assert_false(br_merkle_check_consistency(m, old, n, root, p, (size_t)k));
}

static void
test_only_the_right_proof(void **state)
{
	for (uint64_t n = 1; n <= 40; n++)
		for (uint64_t i = 0; i < n; i++)
			check_inclusion(i, n);
	for (uint64_t n = 0; n <= 40; n++)
		for (uint64_t m = 0; m <= n; m++)
			check_consistency(m, n);
	check_inclusion(255, 257);
	check_consistency(129, 299);
}

static void
test_refused(void **state)
{
	unsigned char v[64][BR_HASH];
	assert_int_equal(br_merkle_inclusion(leaf_at, NULL, 5, 5, v), -1);
	assert_int_equal(br_merkle_inclusion(leaf_at, NULL, 0, 0, v), -1);
	assert_int_equal(br_merkle_inclusion(leaf_at, NULL, 0, MANY + 1, v), -1); /* it can't read one */
	assert_int_equal(br_merkle_consistency(leaf_at, NULL, 6, 5, v), -1);
	assert_int_equal(br_merkle_consistency(leaf_at, NULL, 4, MANY + 1, v), -1);
	/* Sizes that no proof of 64 hashes belongs to end quickly, whatever they are. */
	assert_false(br_merkle_check_inclusion(leaves[0], UINT64_MAX - 1, UINT64_MAX, (const unsigned char (*)[BR_HASH])v, 64, leaves[1]));
	assert_false(br_merkle_check_consistency(UINT64_MAX - 1, leaves[0], UINT64_MAX, leaves[1], (const unsigned char (*)[BR_HASH])v, 64));
	assert_false(br_merkle_check_consistency((uint64_t)1 << 63, leaves[0], UINT64_MAX, leaves[1], (const unsigned char (*)[BR_HASH])v, 64));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_published),
	    cmocka_unit_test(test_roots_as_others),
	    cmocka_unit_test(test_proofs_as_others),
	    cmocka_unit_test(test_only_the_right_proof),
	    cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests_name("proof", tests, fill_entries, NULL);
}
