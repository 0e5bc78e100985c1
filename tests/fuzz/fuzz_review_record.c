/* `touched`, `base`, `home-changes`, the journal of an apply, git's index. Oracle: no crash, and the journal touches nothing but names in its tree. */
#include "fuzz.h"

#include "base/io.h"
#include "session/review/index.h"
#include "session/review/journal.h"
#include "session/review/record.h"

#include <fcntl.h>
#include <unistd.h>

static int
take(void *arg, const char *how, const char *name)
{
	size_t *n = arg;
	*n += strlen(how) + strlen(name);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int dir = -1, tree = -1;
	if (dir < 0) {
		dir = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (mkdirat(dir, "tree", 0700) < 0 || mkdirat(dir, "tree/d", 0700) < 0)
			abort();
		tree = openat(dir, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	struct br_err e = BR_ERR_INIT;
	struct br_touched t;
	struct br_base b;
	if (br_replace_file(dir, "touched", data, size, 0600) < 0 || br_replace_file(dir, "base", data, size, 0600) < 0 ||
	    br_replace_file(dir, "apply.journal", data, size, 0600) < 0 || br_replace_file(dir, "canary", "x", 1, 0600) < 0)
		abort();
	(void)br_touched_read(dir, "/p", &t, &e);
	br_touched_free(&t);
	(void)br_base_read(dir, &b, &e);
	br_base_free(&b);
	size_t n = 0;
	if (br_replace_file(dir, "home-changes", data, size, 0600) < 0)
		abort();
	(void)br_home_changes_read(dir, take, &n, &e);
	(void)br_journal_settle(tree, dir, &e);
	char hex[BR_SHA256_HEX];
	(void)br_index_digest(data, size, hex);
	if (faccessat(dir, "canary", F_OK, 0) < 0)
		abort();
	return 0;
}
