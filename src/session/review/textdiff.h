/* The differences of two texts as unified hunks. Both are hostile: time is bounded (a region that would cost more than
 * about 16 million steps is shown as replaced whole), and so is memory (linear in the number of lines). */
#ifndef BRATTICE_SESSION_REVIEW_TEXTDIFF_H
#define BRATTICE_SESSION_REVIEW_TEXTDIFF_H

#include "base/buf.h"

struct br_text {
	const char *p;
	size_t n;
};

struct br_diff_style {
	bool colour;
	bool exact; /* bytes as they are, for patch(1) and git apply; else control characters are made visible */
};

struct br_diff_count {
	size_t added, removed; /* lines */
};

/* True when git would call it binary: a NUL in the first 8,000 bytes. */
bool br_text_binary(struct br_text t);
/* Appends the hunks to `out` (NULL: only counts). -1 when memory ran out. */
int br_textdiff(struct br_text before, struct br_text after, const struct br_diff_style *style, struct br_buf *out,
    struct br_diff_count *count);

/* The edit script itself: for sequences of numbers, marks what of `a` is removed and what of `b` is added, so that the rest of
 * both is the same sequence. `removed` and `added` have n and m elements, all false. -1 when memory ran out.
 * E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986, section 4b (linear space). */
int br_myers(const unsigned *a, size_t n, const unsigned *b, size_t m, bool *removed, bool *added);

#endif
