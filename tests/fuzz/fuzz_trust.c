/* The trust store. Oracle: only whole lines count, and adding to a damaged store keeps what was good. */
#include "fuzz.h"

#include "base/io.h"
#include "session/trust.h"

#include <fcntl.h>
#include <unistd.h>

#define GOOD "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void
count(void *arg, const char *hash, const char *path)
{
	if (strlen(hash) != 64 || path[0] != '/')
		abort();
	++*(size_t *)arg;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct br_err e = BR_ERR_INIT;
	static int dir = -1;
	if (dir < 0) {
		(void)setenv("BRATTICE_STATE", fuzz_dir(), 1);
		dir = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	int fd = openat(dir, "trust", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || br_write_all(fd, data, size) < 0)
		abort();
	(void)close(fd);
	size_t before = 0, after = 0;
	if (br_trust_each(count, &before, &e) < 0)
		abort();
	int known = br_trust_known("/fuzz", GOOD, &e);
	if (br_trust_add("/fuzz", GOOD, &e) < 0 || br_trust_known("/fuzz", GOOD, &e) != 1 || br_trust_each(count, &after, &e) < 0)
		abort();
	if (known == 0 && (after > before + 1 || after + 16 < before))
		abort();
	return 0;
}
