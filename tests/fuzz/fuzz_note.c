/* Input: a signed note, a verifier key, a checkpoint's text: each is tried as all three. What is accepted must come out again as it
 * went in, and nothing that the fuzzer makes may verify. */
#include "fuzz.h"

#include "audit/log/note.h"

static const struct br_note_signer *
signer(void)
{
	static struct br_note_signer s;
	static const unsigned char seed[BR_ED25519_SEED] = "0123456789abcdef0123456789abcde";
	struct br_err e = BR_ERR_INIT;
	if (s.pkey == NULL)
		MUST(br_note_signer_load(&s, "brattice/session/s1", seed, &e) == 0);
	return &s;
}

/* Only the signature of this text by this key verifies, and it is the only one there is. */
static void
note(const char *p, size_t n)
{
	const struct br_note_signer *s = signer();
	struct br_note x;
	if (br_note_parse(&x, p, n) < 0)
		return;
	MUST(x.text == p && x.text_len > 0 && p[x.text_len - 1] == '\n' && x.len > x.text_len + 5 && x.len <= n && p[x.len - 1] == '\n');
	br_auto_buf mine = {0};
	bool ok = br_note_verify(&x, p, &s->key);
	if (br_note_sign(&mine, s, x.text, x.text_len) < 0) {
		MUST(!ok);
		return;
	}
	const char *sig = mine.p + x.text_len + 1;
	size_t sig_len = mine.len - x.text_len - 1;
	MUST(!ok || memmem(p + x.text_len, x.len - x.text_len, sig, sig_len) != NULL);
	MUST(br_note_parse(&x, mine.p, mine.len) == 0 && x.len == mine.len && br_note_verify(&x, mine.p, &s->key));
}

static void
key(const char *p, size_t n)
{
	struct br_note_key k;
	if (br_note_key_parse(&k, p, n) < 0)
		return;
	br_auto_buf b = {0};
	br_note_key_put(&b, &k);
	MUST(b.len == n && memcmp(b.p, p, n) == 0);
}

static void
checkpoint(const char *p, size_t n)
{
	const char *origin;
	size_t len;
	uint64_t size;
	unsigned char root[32];
	if (br_checkpoint_parse(p, n, &origin, &len, &size, root) < 0)
		return;
	br_auto_free char *name = strndup(origin, len);
	br_auto_buf b = {0};
	MUST(name != NULL && origin == p && len > 0);
	br_checkpoint_put(&b, name, size, root);
	if (strlen(name) == len)
		MUST(b.len <= n && memcmp(b.p, p, b.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *copy = malloc(n + 1);
	MUST(copy != NULL);
	if (n > 0)
		memcpy(copy, data, n);
	note(copy, n);
	key(copy, n);
	checkpoint(copy, n);
	free(copy);
	return 0;
}
