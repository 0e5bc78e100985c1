/* SHA-256 (FIPS 180-4). Our own because the start-up path links no library (docs/architecture.md, "Start-up");
 * checked against the published vectors and, over random inputs, against OpenSSL in the tests. */
#ifndef BRATTICE_BASE_SHA256_H
#define BRATTICE_BASE_SHA256_H

#include "base/defs.h"

#define BR_SHA256_LEN 32
#define BR_SHA256_HEX (BR_SHA256_LEN * 2 + 1)

struct br_sha256 {
	uint32_t h[8];
	uint64_t total;
	unsigned char block[64];
	size_t fill;
};

void br_sha256_init(struct br_sha256 *s);
void br_sha256_update(struct br_sha256 *s, const void *data, size_t n);
void br_sha256_final(struct br_sha256 *s, unsigned char out[BR_SHA256_LEN]);
void br_sha256_hex(const unsigned char in[BR_SHA256_LEN], char out[BR_SHA256_HEX]);
/* The hash of one buffer, as hex. */
void br_sha256_of(const void *data, size_t n, char out[BR_SHA256_HEX]);

#endif
