/* What libFuzzer calls, and a private directory for targets that read files. */
#ifndef BRATTICE_TESTS_FUZZ_H
#define BRATTICE_TESTS_FUZZ_H

#include "base/defs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A fresh directory, the same for the whole run; removed at exit. */
const char *fuzz_dir(void);

#endif
