/* "Did you mean": the nearest known word. */
#ifndef BRATTICE_BASE_SUGGEST_H
#define BRATTICE_BASE_SUGGEST_H

#include "base/defs.h"

/* Keeps the best candidate seen so far. Zero-initialise but for `word`. */
struct br_suggest {
	const char *word;
	const char *best;
	size_t distance;
};

/* Compares one candidate (the pointer is kept). */
void br_suggest_try(struct br_suggest *s, const char *candidate);

/* Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`: the restricted Damerau-Levenshtein distance. Words
 * above 63 bytes are infinitely far (SIZE_MAX). */
size_t br_edit_distance(const char *a, const char *b);

#endif
