/* SHA-256 against FIPS 180-4's examples and, over generated lengths and cuts, sha256sum(1). */
#include "scratch.h"

#include "base/sha256.h"

static void
test_vectors(void **state)
{
	static const struct {
		const char *text;
		const char *hex;
	} v[] = {{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"}};
	char hex[BR_SHA256_HEX];
	for (size_t i = 0; i < BR_ARRAY_LEN(v); i++) {
		br_sha256_of(v[i].text, strlen(v[i].text), hex);
		assert_string_equal(hex, v[i].hex);
	}
	/* A million times "a". */
	struct br_sha256 s;
	unsigned char sum[BR_SHA256_LEN];
	br_sha256_init(&s);
	for (int i = 0; i < 100000; i++)
		br_sha256_update(&s, "aaaaaaaaaa", 10);
	br_sha256_final(&s, sum);
	br_sha256_hex(sum, hex);
	assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length around the block's edges, fed in uneven pieces. */
static void
test_like_sha256sum(void **state)
{
	enum { LENGTHS = 200 };
	unsigned char data[LENGTHS];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 131 + i / 7);
	for (size_t n = 0; n < LENGTHS; n++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "%03zu", n);
		put_file(name, data, n);
	}
	sh("sha256sum [0-9]* | cut -c1-64 > sums");
	br_auto_buf sums = get_file("sums");
	assert_int_equal(sums.len, LENGTHS * 65);
	for (size_t n = 0; n < LENGTHS; n++) {
		struct br_sha256 s;
		unsigned char sum[BR_SHA256_LEN];
		char hex[BR_SHA256_HEX];
		br_sha256_init(&s);
		for (size_t at = 0, piece = 1; at < n; piece = piece * 3 % 71 + 1) {
			size_t k = piece < n - at ? piece : n - at;
			br_sha256_update(&s, data + at, k);
			at += k;
		}
		br_sha256_final(&s, sum);
		br_sha256_hex(sum, hex);
		assert_memory_equal(hex, sums.p + n * 65, 64);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_like_sha256sum),
	};
	return cmocka_run_group_tests_name("sha256", tests, enter_scratch, leave_scratch);
}
