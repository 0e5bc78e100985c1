#include "audit/log/note.h"

#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#define ALG_ED25519 0x01
/* "— " (U+2014 and a space) begins each signature line. */
#define DASH     "\xe2\x80\x94 "
#define DASH_LEN 4
/* c2sp.org/signed-note wants verifiers to bound both. Ours are a hundredth of it. */
#define TEXT_MAX 65536
#define SIGS_MAX 100
#define SIG_LINE_MAX 4096

/* ---- base64 (RFC 4648 section 4) ---- */

static void
put_base64(struct br_buf *out, const unsigned char *p, size_t n)
{
	char *room = br_buf_room(out, (n + 2) / 3 * 4 + 1);
	if (room != NULL)
		out->len += (size_t)EVP_EncodeBlock((unsigned char *)room, p, (int)n);
}

/* Only the one encoding that we would write ourselves: what has two spellings can be altered without being noticed. Returns the
 * length, or -1. `n` is at most SIG_LINE_MAX; `out` has room for n bytes. */
static int
get_base64(const char *p, size_t n, unsigned char *out)
{
	unsigned char again[SIG_LINE_MAX + 8];
	if (n == 0 || n % 4 != 0 || n > SIG_LINE_MAX)
		return -1;
	int len = EVP_DecodeBlock(out, (const unsigned char *)p, (int)n);
	if (len < 0)
		return -1;
	len -= (p[n - 1] == '=') + (p[n - 2] == '=');
	if (EVP_EncodeBlock(again, out, len) != (int)n || memcmp(again, p, n) != 0)
		return -1;
	return len;
}

/* ---- keys ---- */

/* No white space, no plus, UTF-8 without control characters. */
static bool
good_name(const char *p, size_t n)
{
	if (n == 0 || n >= BR_KEY_NAME_MAX)
		return false;
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t k = br_utf8_decode(p + i, n - i, &c);
		if (k == 0 || c <= ' ' || c == '+' || (c >= 0x7f && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
		    c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000)
			return false;
		i += k;
	}
	return true;
}

static uint32_t
key_id(const char *name, const unsigned char pub[BR_ED25519_PUB])
{
	unsigned char in[BR_KEY_NAME_MAX + 2 + BR_ED25519_PUB], d[EVP_MAX_MD_SIZE] = {0};
	size_t n = strlen(name);
	memcpy(in, name, n); /* NOLINT(bugprone-not-null-terminated-result): its end is a newline */
	in[n++] = '\n';
	in[n++] = ALG_ED25519;
	memcpy(in + n, pub, BR_ED25519_PUB);
	if (EVP_Digest(in, n + BR_ED25519_PUB, d, NULL, EVP_sha256(), NULL) != 1)
		abort(); /* without SHA-256 there is no log */
	return (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
}

int
br_note_signer_load(struct br_note_signer *s, const char *name, const unsigned char seed[BR_ED25519_SEED], struct br_err *e)
{
	size_t pub_len = BR_ED25519_PUB;
	memset(s, 0, sizeof(*s));
	if (!good_name(name, strlen(name)))
		return br_err_set(e, 0, "\"%s\" can't be the name of a key", name);
	memcpy(s->key.name, name, strlen(name));
	memcpy(s->seed, seed, BR_ED25519_SEED);
	s->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, BR_ED25519_SEED);
	if (s->pkey == NULL || EVP_PKEY_get_raw_public_key(s->pkey, s->key.pub, &pub_len) != 1 || pub_len != BR_ED25519_PUB) {
		br_note_signer_wipe(s);
		return br_err_set(e, 0, "libcrypto makes no Ed25519 key");
	}
	s->key.id = key_id(s->key.name, s->key.pub);
	return 0;
}

int
br_note_signer_new(struct br_note_signer *s, const char *name, struct br_err *e)
{
	unsigned char seed[BR_ED25519_SEED];
	memset(s, 0, sizeof(*s));
	/* The kernel's own: no state of a library that a fork could copy. */
	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return br_err_set(e, errno, "the kernel gives no random bytes for a key");
	int rc = br_note_signer_load(s, name, seed, e);
	OPENSSL_cleanse(seed, sizeof(seed));
	return rc;
}

void
br_note_signer_wipe(struct br_note_signer *s)
{
	EVP_PKEY_free(s->pkey); /* cleanses the private key */
	s->pkey = NULL;
	OPENSSL_cleanse(s->seed, sizeof(s->seed));
}

void
br_note_key_put(struct br_buf *out, const struct br_note_key *k)
{
	unsigned char raw[1 + BR_ED25519_PUB] = {ALG_ED25519};
	memcpy(raw + 1, k->pub, BR_ED25519_PUB);
	br_buf_printf(out, "%s+%08" PRIx32 "+", k->name, k->id);
	put_base64(out, raw, sizeof(raw));
}

/* Eight lower-case hex digits; -1 for anything else. */
static int64_t
get_hex32(const char *p)
{
	uint32_t v = 0;
	for (size_t i = 0; i < 8; i++) {
		int d = p[i] >= '0' && p[i] <= '9' ? p[i] - '0' : p[i] >= 'a' && p[i] <= 'f' ? p[i] - 'a' + 10 : -1;
		if (d < 0)
			return -1;
		v = v << 4 | (uint32_t)d;
	}
	return v;
}

int
br_note_key_parse(struct br_note_key *k, const char *text, size_t n)
{
	unsigned char raw[64];
	memset(k, 0, sizeof(*k));
	const char *plus = memchr(text, '+', n);
	size_t name = plus != NULL ? (size_t)(plus - text) : 0;
	if (plus == NULL || !good_name(text, name) || n - name < 1 + 8 + 1 || text[name + 9] != '+')
		return -1;
	int64_t id = get_hex32(text + name + 1);
	const char *b64 = text + name + 10;
	size_t left = n - name - 10;
	if (id < 0 || left != (size_t)(1 + BR_ED25519_PUB) / 3 * 4 || get_base64(b64, left, raw) != 1 + BR_ED25519_PUB || raw[0] != ALG_ED25519)
		return -1;
	memcpy(k->name, text, name);
	memcpy(k->pub, raw + 1, BR_ED25519_PUB);
	k->id = (uint32_t)id;
	return k->id == key_id(k->name, k->pub) ? 0 : -1;
}

/* ---- notes ---- */

/* UTF-8, no control character but the newline, which is its last byte. */
static bool
good_text(const char *p, size_t n)
{
	if (n == 0 || n > TEXT_MAX || p[n - 1] != '\n')
		return false;
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t k = br_utf8_decode(p + i, n - i, &c);
		if (k == 0 || (c < ' ' && c != '\n'))
			return false;
		i += k;
	}
	return true;
}

int
br_note_sign(struct br_buf *out, const struct br_note_signer *s, const char *text, size_t n)
{
	unsigned char sig[4 + BR_ED25519_SIG] = {(unsigned char)(s->key.id >> 24), (unsigned char)(s->key.id >> 16),
	    (unsigned char)(s->key.id >> 8), (unsigned char)s->key.id};
	size_t len = BR_ED25519_SIG;
	if (s->pkey == NULL || !good_text(text, n) || memmem(text, n, "\n\n", 2) != NULL)
		return -1;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, s->pkey) == 1 &&
		  EVP_DigestSign(ctx, sig + 4, &len, (const unsigned char *)text, n) == 1 && len == BR_ED25519_SIG;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return -1;
	br_buf_put(out, text, n);
	br_buf_printf(out, "\n" DASH "%s ", s->key.name);
	put_base64(out, sig, sizeof(sig));
	br_buf_putc(out, '\n');
	return out->failed ? -1 : 0;
}

struct sig_line {
	const char *name;
	size_t name_len;
	uint32_t id;
	unsigned char sig[SIG_LINE_MAX];
	size_t sig_len;
};

/* The signature line at `p`; returns its length with its newline, 0 when there is none, -1 when it is malformed. */
static ssize_t
get_sig_line(const char *p, size_t n, struct sig_line *l)
{
	if (n < DASH_LEN || memcmp(p, DASH, DASH_LEN) != 0)
		return 0;
	const char *nl = memchr(p, '\n', n < SIG_LINE_MAX ? n : SIG_LINE_MAX);
	if (nl == NULL)
		return -1;
	const char *name = p + DASH_LEN, *space = memchr(name, ' ', (size_t)(nl - name));
	if (space == NULL || !good_name(name, (size_t)(space - name)))
		return -1;
	int len = get_base64(space + 1, (size_t)(nl - space - 1), l->sig);
	if (len < 5)
		return -1;
	l->name = name;
	l->name_len = (size_t)(space - name);
	l->id = (uint32_t)l->sig[0] << 24 | (uint32_t)l->sig[1] << 16 | (uint32_t)l->sig[2] << 8 | l->sig[3];
	l->sig_len = (size_t)len - 4;
	memmove(l->sig, l->sig + 4, l->sig_len);
	return nl + 1 - p;
}

int
br_note_parse(struct br_note *out, const char *p, size_t n)
{
	struct sig_line l;
	memset(out, 0, sizeof(*out));
	/* The texts of ours have no empty line in them, so that notes can stand one after the other: the first ends the text. */
	const char *end = memmem(p, n < TEXT_MAX + 2 ? n : TEXT_MAX + 2, "\n\n", 2);
	if (end == NULL || !good_text(p, (size_t)(end + 1 - p)))
		return -1;
	size_t at = (size_t)(end + 2 - p);
	for (unsigned i = 0; at < n; i++) {
		ssize_t k = get_sig_line(p + at, n - at, &l);
		if (k == 0 && i > 0)
			break;
		if (k <= 0 || i == SIGS_MAX)
			return -1;
		at += (size_t)k;
		out->len = at;
	}
	if (out->len == 0)
		return -1;
	out->text = p;
	out->text_len = (size_t)(end + 1 - p);
	return 0;
}

static bool
verify_sig(const struct br_note *note, const struct br_note_key *k, const struct sig_line *l)
{
	if (l->sig_len != BR_ED25519_SIG)
		return false;
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->pub, BR_ED25519_PUB);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = pkey != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		  EVP_DigestVerify(ctx, l->sig, l->sig_len, (const unsigned char *)note->text, note->text_len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return ok;
}

bool
br_note_verify(const struct br_note *note, const char *p, const struct br_note_key *k)
{
	struct sig_line l;
	size_t at = note->text_len + 1, name_len = strlen(k->name);
	while (at < note->len) {
		ssize_t n = get_sig_line(p + at, note->len - at, &l);
		if (n <= 0)
			return false;
		/* The first of this key decides: a second one is no second chance. Others' keys are ignored (c2sp.org/signed-note). */
		if (l.id == k->id && l.name_len == name_len && memcmp(l.name, k->name, name_len) == 0)
			return verify_sig(note, k, &l);
		at += (size_t)n;
	}
	return false;
}

/* ---- checkpoints ---- */

void
br_checkpoint_put(struct br_buf *out, const char *origin, uint64_t size, const unsigned char root[32])
{
	br_buf_printf(out, "%s\n%" PRIu64 "\n", origin, size);
	put_base64(out, root, 32);
	br_buf_putc(out, '\n');
}

/* Decimal, no sign, no leading zero, at most UINT64_MAX. */
static int
get_size(const char *p, size_t n, uint64_t *out)
{
	uint64_t v = 0;
	if (n == 0 || (p[0] == '0' && n > 1))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(p[i] - '0'), &v))
			return -1;
	*out = v;
	return 0;
}

int
br_checkpoint_parse(const char *text, size_t n, const char **origin, size_t *origin_len, uint64_t *size, unsigned char root[32])
{
	const char *line[3];
	size_t len[3], at = 0;
	unsigned char raw[64];
	for (size_t i = 0; i < 3; i++) {
		const char *nl = at < n ? memchr(text + at, '\n', n - at) : NULL;
		if (nl == NULL)
			return -1;
		line[i] = text + at;
		len[i] = (size_t)(nl - line[i]);
		at += len[i] + 1;
	}
	/* What follows are extension lines: for others to read. */
	if (len[0] == 0 || get_size(line[1], len[1], size) < 0 || len[2] != 44 || get_base64(line[2], len[2], raw) != 32)
		return -1;
	memcpy(root, raw, 32);
	*origin = line[0];
	*origin_len = len[0];
	return 0;
}
