/* Whether a file's content is a private key. */
#ifndef BRATTICE_POLICY_PRIVATE_KEY_H
#define BRATTICE_POLICY_PRIVATE_KEY_H

#include "base/defs.h"

/* How many bytes of a file br_is_private_key wants to see; a key file's header stands in them. */
enum { BR_PRIVATE_KEY_LOOK = 65536 };

/* True when `data` (the start of a file) holds a private key: PEM of any kind (RFC 7468, OpenSSH, PGP, also inside JSON), RFC
 * 4716, PuTTY, or DER of PKCS #8, PKCS #1, SEC 1 or PKCS #12 (RFC 5958, 8017, 5915, 7292), or a Java key store. Certificates
 * and public keys are not. Pure; at most `n` bytes are read once. */
bool br_is_private_key(const char *data, size_t n);

#endif
