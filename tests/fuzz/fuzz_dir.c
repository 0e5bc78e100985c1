#include "fuzz.h"

#include "base/io.h"

#include <fcntl.h>

static char dir[64];

static void
clean(void)
{
	(void)br_rm_tree(AT_FDCWD, dir);
}

const char *
fuzz_dir(void)
{
	if (dir[0] == '\0') {
		/* In memory: some of what is tried syncs to disk. */
		(void)snprintf(dir, sizeof(dir), "/dev/shm/brattice-fuzz-XXXXXX");
		if (mkdtemp(dir) == NULL) {
			(void)snprintf(dir, sizeof(dir), "/tmp/brattice-fuzz-XXXXXX");
			if (mkdtemp(dir) == NULL)
				abort();
		}
		if (atexit(clean) != 0)
			abort();
	}
	return dir;
}
