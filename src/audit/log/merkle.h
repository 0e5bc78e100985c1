/* The Merkle tree of RFC 6962 section 2.1, kept as the roots of its complete subtrees: memory is logarithmic. Pure. */
#ifndef BRATTICE_AUDIT_MERKLE_H
#define BRATTICE_AUDIT_MERKLE_H

#include "base/sha256.h"

#define BR_HASH BR_SHA256_LEN

struct br_merkle {
	uint64_t size;
	unsigned char node[64][BR_HASH]; /* node[h]: root of the complete subtree of 2^h leaves, where bit h of size is set */
};

void br_merkle_leaf(const void *data, size_t n, unsigned char out[BR_HASH]);
/* An inner node; `out` may be `left` or `right`. */
void br_merkle_node(const unsigned char left[BR_HASH], const unsigned char right[BR_HASH], unsigned char out[BR_HASH]);
void br_merkle_init(struct br_merkle *t);
void br_merkle_append(struct br_merkle *t, const unsigned char leaf[BR_HASH]);
void br_merkle_root(const struct br_merkle *t, unsigned char out[BR_HASH]);

/* Proofs (RFC 6962 2.1.1, 2.1.2) over all leaf hashes of a log; `leaf(arg, i, out)` gives the i-th, 0 or -1. At most 64 hashes into
 * `out`; returns how many, or -1. */
typedef int br_merkle_leaf_fn(void *arg, uint64_t i, unsigned char out[BR_HASH]);
int br_merkle_inclusion(br_merkle_leaf_fn *leaf, void *arg, uint64_t i, uint64_t size, unsigned char out[64][BR_HASH]);
int br_merkle_consistency(br_merkle_leaf_fn *leaf, void *arg, uint64_t first, uint64_t second, unsigned char out[64][BR_HASH]);
/* RFC 9162 2.1.3.2 and 2.1.4.2. */
bool br_merkle_check_inclusion(const unsigned char leaf[BR_HASH], uint64_t i, uint64_t size, const unsigned char (*proof)[BR_HASH], size_t n,
    const unsigned char root[BR_HASH]);
bool br_merkle_check_consistency(uint64_t first, const unsigned char root1[BR_HASH], uint64_t second, const unsigned char root2[BR_HASH],
    const unsigned char (*proof)[BR_HASH], size_t n);

#endif
