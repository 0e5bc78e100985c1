/* Input: a byte of flags, a pattern, NUL, a path. */
#include "fuzz.h"

#include "policy/glob.h"

/* A path as the callers give it: no empty component. */
static bool
is_normal(const char *path)
{
	return path[0] != '\0' && path[0] != '/' && strstr(path, "//") == NULL && path[strlen(path) - 1] != '/';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2 || n > 512)
		return 0;
	unsigned flags = data[0] & (BR_GLOB_ICASE | BR_GLOB_ROOT_ONLY);
	bool is_dir = (data[0] & 4) != 0;
	data++;
	n--;
	br_auto_free char *pattern = take_string(&data, &n);
	br_auto_free char *path = take_string(&data, &n);
	struct br_err e = BR_ERR_INIT;
	bool good = br_glob_check(pattern, &e) == 0;
	MUST(good || e.msg[0] != '\0');
	bool match = br_glob_match(pattern, path, is_dir, flags);
	(void)br_glob_may_match_below(pattern, path, flags);
	if (!good || !is_normal(path))
		return 0;
	/* What holds for a path holds for the directories above it. */
	br_auto_free char *dir = strdup(path);
	MUST(dir != NULL);
	for (char *slash; (slash = strrchr(dir, '/')) != NULL;) {
		*slash = '\0';
		MUST(!match || br_glob_may_match_below(pattern, dir, flags));
		MUST(match || !br_glob_match(pattern, dir, true, flags));
	}
	MUST(match || !br_glob_match(pattern, path, is_dir, flags | BR_GLOB_WHOLE));
	/* Folding case and letting a directory be one can only match more. */
	MUST(!match || br_glob_match(pattern, path, true, flags));
	MUST(!br_glob_match(pattern, path, is_dir, flags | BR_GLOB_ROOT_ONLY) || strchr(pattern, '/') != NULL ||
	     br_glob_match(pattern, path, is_dir, flags & ~(unsigned)BR_GLOB_ROOT_ONLY));
	return 0;
}
