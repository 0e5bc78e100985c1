#include "audit/log/segment.h"

#include <inttypes.h>

void
br_segment_name(char out[BR_SEGMENT_NAME], uint64_t segment, bool packed)
{
	(void)snprintf(out, BR_SEGMENT_NAME, "%06" PRIu64 ".jsonl%s", segment, packed ? ".zst" : "");
}

void
br_put_le(unsigned char *out, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		out[i] = (unsigned char)(v >> (8 * i));
}

uint64_t
br_get_le(const unsigned char *in, size_t bytes)
{
	uint64_t v = 0;
	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)in[i] << (8 * i);
	return v;
}

void
br_index_put(unsigned char out[BR_INDEX_RECORD], const struct br_index *x)
{
	memset(out, 0, BR_INDEX_RECORD);
	br_put_le(out, x->first, 8);
	br_put_le(out + 8, x->entries, 4);
	br_put_le(out + 12, x->flags, 4);
	br_put_le(out + 16, x->from_us, 8);
	br_put_le(out + 24, x->to_us, 8);
	br_put_le(out + 32, x->types, 4);
	br_put_le(out + 36, x->plain, 4);
	br_put_le(out + BR_INDEX_PACKED_AT, x->packed, 4);
}

void
br_index_get(struct br_index *x, const unsigned char in[BR_INDEX_RECORD])
{
	*x = (struct br_index){
	    .first = br_get_le(in, 8),
	    .entries = (uint32_t)br_get_le(in + 8, 4),
	    .flags = (uint32_t)br_get_le(in + 12, 4),
	    .from_us = br_get_le(in + 16, 8),
	    .to_us = br_get_le(in + 24, 8),
	    .types = (uint32_t)br_get_le(in + 32, 4),
	    .plain = (uint32_t)br_get_le(in + 36, 4),
	    .packed = (uint32_t)br_get_le(in + BR_INDEX_PACKED_AT, 4),
	};
}
