/* Distinct texts in the order of their first coming, and how often each came. Bounded: beyond that they are only counted. */
#ifndef BRATTICE_AUDIT_TOOL_TALLY_H
#define BRATTICE_AUDIT_TOOL_TALLY_H

#include "base/buf.h"

#define BR_TALLY_MAX 2048
#define BR_TALLY_BYTES (8U << 20)

struct br_tally {
	struct {
		char *text;
		uint64_t count;
		int64_t first_us;
	} *v;
	size_t n, bytes;
	uint64_t more; /* that found no place */
	uint16_t slot[2 * BR_TALLY_MAX]; /* open addressing: place in v plus 1, or 0 */
};

void br_tally_add(struct br_tally *t, const char *text, size_t n, int64_t at_us);
void br_tally_free(struct br_tally *t);

#endif
