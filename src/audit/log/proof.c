/* Inclusion and consistency proofs. Names and order of hashes are RFC 6962's: those nearest to the leaves come first. */
#include "audit/log/merkle.h"

#define PROOF_MAX 64

/* MTH(D[from:to]) */
static int
range_root(br_merkle_leaf_fn *leaf, void *arg, uint64_t from, uint64_t to, unsigned char out[BR_HASH])
{
	struct br_merkle t;
	br_merkle_init(&t);
	for (uint64_t i = from; i < to; i++) {
		unsigned char h[BR_HASH];
		if (leaf(arg, i, h) < 0)
			return -1;
		br_merkle_append(&t, h);
	}
	br_merkle_root(&t, out);
	return 0;
}

/* The largest power of two smaller than n; n > 1. */
static uint64_t
split(uint64_t n)
{
	return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

/* Both recursions of the RFC append the far half behind what the near half gives: walking down, that is the reverse order. */
static int
reversed(unsigned char v[64][BR_HASH], int n)
{
	for (int i = 0, j = n - 1; i < j; i++, j--) {
		unsigned char h[BR_HASH];
		memcpy(h, v[i], BR_HASH);
		memcpy(v[i], v[j], BR_HASH);
		memcpy(v[j], h, BR_HASH);
	}
	return n;
}

/* PATH(i, D[size]) */
int
br_merkle_inclusion(br_merkle_leaf_fn *leaf, void *arg, uint64_t i, uint64_t size, unsigned char out[64][BR_HASH])
{
	int n = 0;
	if (i >= size)
		return -1;
	for (uint64_t lo = 0, hi = size; hi - lo > 1; n++) {
		uint64_t mid = lo + split(hi - lo);
		if (n == PROOF_MAX || (i < mid ? range_root(leaf, arg, mid, hi, out[n]) : range_root(leaf, arg, lo, mid, out[n])) < 0)
			return -1;
		if (i < mid)
			hi = mid;
		else
			lo = mid;
	}
	return reversed(out, n);
}

/* SUBPROOF(first, D[second], true) */
int
br_merkle_consistency(br_merkle_leaf_fn *leaf, void *arg, uint64_t first, uint64_t second, unsigned char out[64][BR_HASH])
{
	int n = 0;
	uint64_t lo = 0, hi = second;
	if (first > second)
		return -1;
	if (first == 0)
		return 0; /* every tree begins with the empty one */
	for (; first != hi; n++) {
		uint64_t mid = lo + split(hi - lo);
		if (n == PROOF_MAX ||
		    (first <= mid ? range_root(leaf, arg, mid, hi, out[n]) : range_root(leaf, arg, lo, mid, out[n])) < 0)
			return -1;
		if (first <= mid)
			hi = mid;
		else
			lo = mid;
	}
	/* The subtree that ends at `first`: whoever checks knows it when it is the whole first tree. */
	if (lo > 0 && (n == PROOF_MAX || range_root(leaf, arg, lo, hi, out[n++]) < 0))
		return -1;
	return reversed(out, n);
}

bool
br_merkle_check_inclusion(const unsigned char leaf[BR_HASH], uint64_t i, uint64_t size, const unsigned char (*proof)[BR_HASH], size_t n,
    const unsigned char root[BR_HASH])
{
	unsigned char r[BR_HASH];
	if (i >= size)
		return false;
	uint64_t fn = i, sn = size - 1;
	memcpy(r, leaf, BR_HASH);
	for (size_t k = 0; k < n; k++) {
		if (sn == 0)
			return false;
		if ((fn & 1) != 0 || fn == sn) {
			br_merkle_node(proof[k], r, r);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			br_merkle_node(r, proof[k], r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && memcmp(r, root, BR_HASH) == 0;
}

/* The part of the check between two trees neither of which is empty or the other. `seed` is the hash that both begin from. */
static bool
check_paths(uint64_t fn, uint64_t sn, const unsigned char *seed, const unsigned char (*proof)[BR_HASH], size_t n,
    const unsigned char root1[BR_HASH], const unsigned char root2[BR_HASH])
{
	unsigned char fr[BR_HASH], sr[BR_HASH];
	memcpy(fr, seed, BR_HASH);
	memcpy(sr, seed, BR_HASH);
	for (size_t k = 0; k < n; k++) {
		if (sn == 0)
			return false;
		if ((fn & 1) != 0 || fn == sn) {
			br_merkle_node(proof[k], fr, fr);
			br_merkle_node(proof[k], sr, sr);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			br_merkle_node(sr, proof[k], sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && memcmp(fr, root1, BR_HASH) == 0 && memcmp(sr, root2, BR_HASH) == 0;
}

bool
br_merkle_check_consistency(uint64_t first, const unsigned char root1[BR_HASH], uint64_t second, const unsigned char root2[BR_HASH],
    const unsigned char (*proof)[BR_HASH], size_t n)
{
	if (first > second)
		return false;
	if (first == second)
		return n == 0 && memcmp(root1, root2, BR_HASH) == 0;
	if (first == 0) {
		struct br_merkle empty;
		unsigned char r[BR_HASH];
		br_merkle_init(&empty);
		br_merkle_root(&empty, r);
		return n == 0 && memcmp(root1, r, BR_HASH) == 0;
	}
	/* A complete first tree is itself the seed; the proof leaves it out. */
	const unsigned char *seed = root1;
	if ((first & (first - 1)) != 0) {
		if (n == 0)
			return false;
		seed = proof[0];
		proof++;
		n--;
	}
	uint64_t fn = first - 1, sn = second - 1;
	while ((fn & 1) != 0) {
		fn >>= 1;
		sn >>= 1;
	}
	return check_paths(fn, sn, seed, proof, n, root1, root2);
}
