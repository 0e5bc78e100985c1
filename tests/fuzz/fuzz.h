/* What every fuzz target shares. */
#ifndef BRATTICE_TESTS_FUZZ_H
#define BRATTICE_TESTS_FUZZ_H

#include "base/defs.h"

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A fresh directory, the same for the whole run; removed at exit. */
const char *fuzz_dir(void);

/* A property of the reader; not assert(), so that it also holds with NDEBUG. */
#define MUST(condition)                                                                                                           \
	do {                                                                                                                      \
		if (!(condition))                                                                                                 \
			abort();                                                                                                  \
	} while (0)

/* The bytes up to the first NUL (or all of them) as a string of its own, so that the sanitizer sees every byte read behind it. Moves
 * `*data` behind the NUL. */
static inline char *
take_string(const uint8_t **data, size_t *n)
{
	size_t k = 0;
	while (k < *n && (*data)[k] != '\0')
		k++;
	char *s = calloc(k + 1, 1);
	MUST(s != NULL);
	if (k > 0)
		memcpy(s, *data, k);
	k += k < *n;
	*data += k;
	*n -= k;
	return s;
}

#endif
