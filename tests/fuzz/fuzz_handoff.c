/* The detectors of the handoff check: the first byte chooses a file name, the rest is its content, before and after. Oracle: no
 * crash, and what is printed holds no control character. */
#include "fuzz.h"

#include "base/io.h"
#include "session/review/handoff.h"

#include <fcntl.h>
#include <unistd.h>

static const char *const NAMES[] = {"package.json", "node_modules/package.json", ".gitattributes", ".gitmodules", "x.pth",
    "sub/.git/config", "sub/.git/hooks/pre-commit", "wt/.git", ".github/workflows/ci.yml", "plain", "HEAD",
    "sub/.git/commondir"};

static void
make_dirs(int dir)
{
	static const char *const dirs[] = {
	    "node_modules", "sub", "sub/.git", "sub/.git/hooks", "wt", ".github", ".github/workflows"};
	for (size_t i = 0; i < BR_ARRAY_LEN(dirs); i++)
		if (mkdirat(dir, dirs[i], 0700) < 0)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int dir = -1;
	if (dir < 0) {
		dir = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		make_dirs(dir);
	}
	if (size == 0)
		return 0;
	const char *name = NAMES[data[0] % BR_ARRAY_LEN(NAMES)];
	if (br_replace_file(dir, name, data + 1, size - 1, 0755) < 0)
		abort();
	struct br_handoff h = {0};
	const struct br_handoff_ctx c = {
	    .now = {.upper = -1, .lower = dir}, .before = (data[0] & 0x80) != 0 ? dir : -1, .project = "/p"};
	br_handoff_look(&h, &c, name);
	struct br_buf out = {0};
	br_handoff_print(&h, &out, false, false);
	for (size_t i = 0; i < out.len; i++)
		if ((unsigned char)out.p[i] < 0x20 && out.p[i] != '\n')
			abort();
	br_buf_free(&out);
	br_handoff_free(&h);
	(void)unlinkat(dir, name, 0);
	return 0;
}
