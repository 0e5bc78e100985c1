/* The files of a log that writer, packer and readers share knowledge of (docs/log-format.md): names and index records. Pure. */
#ifndef BRATTICE_AUDIT_SEGMENT_H
#define BRATTICE_AUDIT_SEGMENT_H

#include "base/defs.h"

#define BR_SEGMENT_NAME 40 /* room for any name below */
#define BR_INDEX_RECORD 64
#define BR_INDEX_DENIED 1U

struct br_index {
	uint64_t first; /* number of the segment's first entry */
	uint32_t entries;
	uint32_t flags;
	uint64_t from_us, to_us; /* least and greatest time */
	uint32_t types;
	uint32_t plain, packed; /* bytes; at most UINT32_MAX is said. packed: 0 until it is compressed */
};
#define BR_INDEX_PACKED_AT 40 /* where `packed` stands in a record */

/* "000012.jsonl", with `.zst` when `packed`. */
void br_segment_name(char out[BR_SEGMENT_NAME], uint64_t segment, bool packed);
void br_index_put(unsigned char out[BR_INDEX_RECORD], const struct br_index *x);
void br_index_get(struct br_index *x, const unsigned char in[BR_INDEX_RECORD]); /* total: hints, whatever the bytes */

/* Little-endian. */
void br_put_le(unsigned char *out, uint64_t v, size_t bytes);
uint64_t br_get_le(const unsigned char *in, size_t bytes);

#endif
