/* Signed notes, verifier keys and checkpoints: against what golang.org/x/mod/sumdb/note v0.43.0 makes of the seed 00 01 … 1f, and
 * the example key of c2sp.org/signed-note. Ed25519 is deterministic: every byte must be the same. */
#include "audit/log/note.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NAME "brattice/session/20261124-131500-3fa9c1d20b7e"
#define VKEY NAME "+8dae3ae0+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define TEXT NAME "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
#define DASH "\xe2\x80\x94 "
#define SIG  DASH NAME " ja464DWYy60xi56bZ4J+SVgLIrFxQeK4JBQhg4w6TJE3vQsH+Y54KqYEx903zsHSBySkEy2bzYWMyI6STCootZ8c2AU=\n"
#define NOTE TEXT "\n" SIG
/* From the page of the format. */
#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define PETER_TEXT "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
#define PETER_NOTE PETER_TEXT "\n" DASH "PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

static struct br_note_signer
signer(void)
{
	struct br_note_signer s;
	struct br_err e = BR_ERR_INIT;
	unsigned char seed[BR_ED25519_SEED];
	for (size_t i = 0; i < sizeof(seed); i++)
		seed[i] = (unsigned char)i;
	assert_int_equal(br_note_signer_load(&s, NAME, seed, &e), 0);
	return s;
}

static bool
verifies(const char *p, size_t n, const struct br_note_key *k)
{
	struct br_note note;
	return br_note_parse(&note, p, n) == 0 && note.len <= n && br_note_verify(&note, p, k);
}

static void
test_key_text(void **state)
{
	struct br_note_signer s = signer();
	br_auto_buf b = {0};
	br_note_key_put(&b, &s.key);
	assert_string_equal(b.p, VKEY);
	struct br_note_key k;
	assert_int_equal(br_note_key_parse(&k, VKEY, strlen(VKEY)), 0);
	assert_memory_equal(&k, &s.key, sizeof(k));
	assert_int_equal(br_note_key_parse(&k, PETER, strlen(PETER)), 0);
	assert_string_equal(k.name, "PeterNeumann");
	assert_int_equal(k.id, 0xc74f20a3);
	br_note_signer_wipe(&s);
}

static void
test_sign_as_others_do(void **state)
{
	struct br_note_signer s = signer();
	br_auto_buf b = {0}, text = {0};
	static const unsigned char empty[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
	    0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
	br_checkpoint_put(&text, NAME, 0, empty);
	assert_string_equal(text.p, TEXT);
	assert_int_equal(br_note_sign(&b, &s, text.p, text.len), 0);
	assert_string_equal(b.p, NOTE);
	assert_true(verifies(b.p, b.len, &s.key));
	br_note_signer_wipe(&s);
	static const unsigned char none[BR_ED25519_SEED];
	assert_memory_equal(s.seed, none, sizeof(none));
	assert_int_equal(br_note_sign(&b, &s, TEXT, strlen(TEXT)), -1); /* there is no key any more */
}

static void
test_example_of_the_specification(void **state)
{
	struct br_note_key k;
	assert_int_equal(br_note_key_parse(&k, PETER, strlen(PETER)), 0);
	assert_true(verifies(PETER_NOTE, strlen(PETER_NOTE), &k));
	k.pub[0] ^= 1;
	assert_false(verifies(PETER_NOTE, strlen(PETER_NOTE), &k));
}

/* No byte of a note can be another one, or be missing. */
static void
test_every_byte_counts(void **state)
{
	struct br_note_signer s = signer();
	static const char note[] = NOTE;
	size_t n = strlen(note);
	for (size_t i = 0; i < n; i++) {
		assert_false(verifies(note, i, &s.key));
		for (unsigned bit = 0; bit < 8; bit++) {
			char copy[sizeof(note)];
			memcpy(copy, note, sizeof(note));
			copy[i] = (char)(copy[i] ^ (1U << bit));
			assert_false(verifies(copy, n, &s.key));
		}
	}
	br_note_signer_wipe(&s);
}

static void
test_several_signatures(void **state)
{
	struct br_note_signer s = signer();
	struct br_note note;
	/* Others' are ignored, in any order; two notes in a row are two. */
	static const char two[] = TEXT "\n" DASH "other AAAAAAAA\n" SIG DASH "last AAAAAAAAAAAAAAAA\n" NOTE;
	assert_int_equal(br_note_parse(&note, two, strlen(two)), 0);
	assert_int_equal(note.text_len, strlen(TEXT));
	assert_int_equal(note.len, strlen(two) - strlen(NOTE));
	assert_true(br_note_verify(&note, two, &s.key));
	assert_int_equal(br_note_parse(&note, two + note.len, strlen(two) - note.len), 0);
	/* A wrong one before a right one: the key's owner would not have made it. */
	static const char bad[] = TEXT "\n" DASH NAME " ja464AAAAAAA\n" SIG;
	assert_int_equal(br_note_parse(&note, bad, strlen(bad)), 0);
	assert_false(br_note_verify(&note, bad, &s.key));
	br_note_signer_wipe(&s);
}

static void
test_malformed_notes(void **state)
{
	static const char *const bad[] = {"", "\n", "\n\n", "text", "text\n", "text\n\n", "text\n\n\n", "text\n\nmore\n", "a\n" SIG,
	    "a\n\n" DASH, "a\n\n" DASH "\n", "a\n\n" DASH "n\n", "a\n\n" DASH "n \n", "a\n\n" DASH "n AAAA\n", "a\n\n" DASH "n AAAAAA==\n",
	    "a\n\n" DASH "n AAAAAAA\n", "a\n\n" DASH "n+m AAAAAAAA\n", "a\n\n" DASH " AAAAAAAA\n", "a\n\n" DASH "n AAAAAAAA", "a\n\n" DASH "n AAAAAAA \n",
	    "a\n\n" DASH "n AAAAAAB=\n", "a\n\n" DASH "n =AAAAAAA\n", "a\n\n" DASH "n \tAAAAAAA\n", "a\tb\n\n" DASH "n AAAAAAAA\n",
	    "a\xff\n\n" DASH "n AAAAAAAA\n", "a\n\n" DASH "n AAAAAAAA\n" DASH "m\n", "a\n\n- n AAAAAAAA\n", "a\n\n" DASH "n\xc2\xa0o AAAAAAAA\n"};
	struct br_note note;
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++)
		if (br_note_parse(&note, bad[i], strlen(bad[i])) == 0)
			fail_msg("taken for a note: %s", bad[i]);
	static const char good[] = "a\n\n" DASH "n AAAAAAAA\n";
	assert_int_equal(br_note_parse(&note, good, strlen(good)), 0);
}

static void
test_malformed_keys(void **state)
{
	static const char *const bad[] = {"", "+", "++", "a", "a+8dae3ae0", "a+8dae3ae0+", NAME "+8dae3ae1+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
	    NAME "+8DAE3AE0+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4", "x" VKEY, VKEY "=", VKEY "\n",
	    NAME "+8dae3ae0+AgOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4", NAME "+8dae3ae0+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTE=",
	    "a b+8dae3ae0+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"};
	struct br_note_key k;
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++)
		if (br_note_key_parse(&k, bad[i], strlen(bad[i])) == 0)
			fail_msg("taken for a key: %s", bad[i]);
	for (size_t i = 0; i < strlen(VKEY); i++)
		assert_int_equal(br_note_key_parse(&k, VKEY, i), -1);
	struct br_note_signer s;
	struct br_err e = BR_ERR_INIT;
	static const char *const names[] = {"", "a b", "a+b", "a\nb", "\xff"};
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++)
		assert_int_equal(br_note_signer_new(&s, names[i], &e), -1);
}

static void
test_new_keys_differ(void **state)
{
	struct br_note_signer a, b;
	struct br_err e = BR_ERR_INIT;
	br_auto_buf note = {0};
	assert_int_equal(br_note_signer_new(&a, "host", &e), 0);
	assert_int_equal(br_note_signer_new(&b, "host", &e), 0);
	assert_memory_not_equal(a.key.pub, b.key.pub, BR_ED25519_PUB);
	assert_int_equal(br_note_sign(&note, &a, "x\n", 2), 0);
	assert_true(verifies(note.p, note.len, &a.key));
	assert_false(verifies(note.p, note.len, &b.key));
	/* What can't be parsed again isn't signed. */
	assert_int_equal(br_note_sign(&note, &a, "x", 1), -1);
	assert_int_equal(br_note_sign(&note, &a, "x\ty\n", 4), -1);
	assert_int_equal(br_note_sign(&note, &a, "x\n\ny\n", 5), -1);
	br_note_signer_wipe(&a);
	br_note_signer_wipe(&b);
}

static int
parse(const char *text, uint64_t *size)
{
	const char *origin;
	size_t len;
	unsigned char root[32];
	return br_checkpoint_parse(text, strlen(text), &origin, &len, size, root);
}

static void
test_checkpoint_text(void **state)
{
#define ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	uint64_t size = 0;
	assert_int_equal(parse("o\n18446744073709551615\n" ROOT "\n", &size), 0);
	assert_true(size == UINT64_MAX);
	assert_int_equal(parse("o\n0\n" ROOT "\nextension\n", &size), 0);
	assert_int_equal(size, 0);
	static const char *const bad[] = {"", "o\n", "o\n1\n", "o\n1\n" ROOT, "\n1\n" ROOT "\n", "o\n\n" ROOT "\n", "o\n01\n" ROOT "\n",
	    "o\n-1\n" ROOT "\n", "o\n+1\n" ROOT "\n", "o\n1 \n" ROOT "\n", "o\n18446744073709551616\n" ROOT "\n", "o\n1\n" ROOT "=\n",
	    "o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n", "o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==\n"};
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++)
		if (parse(bad[i], &size) == 0)
			fail_msg("taken for a checkpoint: %s", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_key_text),
	    cmocka_unit_test(test_sign_as_others_do),
	    cmocka_unit_test(test_example_of_the_specification),
	    cmocka_unit_test(test_every_byte_counts),
	    cmocka_unit_test(test_several_signatures),
	    cmocka_unit_test(test_malformed_notes),
	    cmocka_unit_test(test_malformed_keys),
	    cmocka_unit_test(test_new_keys_differ),
	    cmocka_unit_test(test_checkpoint_text),
	};
	return cmocka_run_group_tests_name("note", tests, NULL, NULL);
}
