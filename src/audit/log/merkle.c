#include "audit/log/merkle.h"

void
br_merkle_leaf(const void *data, size_t n, unsigned char out[BR_HASH])
{
	struct br_sha256 s;
	br_sha256_init(&s);
	br_sha256_update(&s, "\0", 1);
	br_sha256_update(&s, data, n);
	br_sha256_final(&s, out);
}

void
br_merkle_node(const unsigned char left[BR_HASH], const unsigned char right[BR_HASH], unsigned char out[BR_HASH])
{
	unsigned char both[1 + 2 * BR_HASH] = {1};
	struct br_sha256 s;
	memcpy(both + 1, left, BR_HASH);
	memcpy(both + 1 + BR_HASH, right, BR_HASH);
	br_sha256_init(&s);
	br_sha256_update(&s, both, sizeof(both));
	br_sha256_final(&s, out);
}

void
br_merkle_init(struct br_merkle *t)
{
	memset(t, 0, sizeof(*t));
}

void
br_merkle_append(struct br_merkle *t, const unsigned char leaf[BR_HASH])
{
	unsigned char h[BR_HASH];
	unsigned level = 0;
	memcpy(h, leaf, BR_HASH);
	/* As in a binary counter: each bit that is set is a subtree that this one completes. */
	for (; (t->size >> level & 1) != 0; level++)
		br_merkle_node(t->node[level], h, h);
	memcpy(t->node[level], h, BR_HASH);
	t->size++;
}

void
br_merkle_root(const struct br_merkle *t, unsigned char out[BR_HASH])
{
	bool any = false;
	for (unsigned level = 0; level < 64; level++) {
		if ((t->size >> level & 1) == 0)
			continue;
		if (any)
			br_merkle_node(t->node[level], out, out);
		else
			memcpy(out, t->node[level], BR_HASH);
		any = true;
	}
	if (!any) {
		struct br_sha256 s;
		br_sha256_init(&s);
		br_sha256_final(&s, out);
	}
}
