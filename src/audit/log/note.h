/* C2SP signed notes and verifier keys with Ed25519 (c2sp.org/signed-note): the only signatures of the log. libcrypto. */
#ifndef BRATTICE_AUDIT_NOTE_H
#define BRATTICE_AUDIT_NOTE_H

#include "base/buf.h"
#include "base/err.h"

#define BR_KEY_NAME_MAX 128
#define BR_ED25519_PUB 32
#define BR_ED25519_SEED 32
#define BR_ED25519_SIG 64

struct br_note_key {
	char name[BR_KEY_NAME_MAX]; /* no space, no plus sign */
	uint32_t id;                /* first four bytes of SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key), big-endian */
	unsigned char pub[BR_ED25519_PUB];
};
struct br_note_signer {
	struct br_note_key key;
	unsigned char seed[BR_ED25519_SEED]; /* wiped by br_note_signer_wipe */
	void *pkey;                          /* EVP_PKEY * */
};

int br_note_signer_new(struct br_note_signer *s, const char *name, struct br_err *e);  /* a fresh key */
int br_note_signer_load(struct br_note_signer *s, const char *name, const unsigned char seed[BR_ED25519_SEED], struct br_err *e);
void br_note_signer_wipe(struct br_note_signer *s);
/* "name+1a2b3c4d+base64": C2SP verifier key. */
void br_note_key_put(struct br_buf *out, const struct br_note_key *k);
int br_note_key_parse(struct br_note_key *k, const char *text, size_t n);

/* Appends `text` (which ends in a newline), an empty line and one signature line. 0 or -1. */
int br_note_sign(struct br_buf *out, const struct br_note_signer *s, const char *text, size_t n);

struct br_note {
	const char *text; /* within what was parsed; with its last newline */
	size_t text_len;
	size_t len;       /* of the whole note, signatures included: where the next one begins */
};
/* The note at the beginning of `p`. 0, or -1: malformed or cut short. Bounded and total: any bytes may come. */
int br_note_parse(struct br_note *out, const char *p, size_t n);
/* Whether it has a signature of `k` that verifies. */
bool br_note_verify(const struct br_note *note, const char *p, const struct br_note_key *k);

/* The text of a checkpoint (c2sp.org/tlog-checkpoint). */
void br_checkpoint_put(struct br_buf *out, const char *origin, uint64_t size, const unsigned char root[32]);
int br_checkpoint_parse(const char *text, size_t n, const char **origin, size_t *origin_len, uint64_t *size, unsigned char root[32]);

#endif
