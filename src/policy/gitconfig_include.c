#include "policy/gitconfig_include.h"

#include "policy/glob.h"

#include <limits.h>
#include <strings.h>

/* Matches behind `dir`, which is taken as it is written: with "./" git compares it byte by byte. */
static bool
matches_below(const char *pattern, const char *dir, const char *path, unsigned flags)
{
	size_t n = strlen(dir);
	bool below = (flags & BR_GLOB_ICASE) != 0 ? strncasecmp(path, dir, n) == 0 : strncmp(path, dir, n) == 0;
	return below && path[n] == '/' && br_glob_match(pattern, path + n + 1, true, flags);
}

static bool
matches(const char *pattern, const char *dir, const char *path, unsigned flags)
{
	return path != NULL && path[0] == '/' && matches_below(pattern, dir, path, flags);
}

bool
br_gitconfig_condition(const char *condition, const struct br_gitconfig_place *at)
{
	unsigned flags = BR_GLOB_WHOLE;
	char pattern[PATH_MAX];
	const char *p = condition, *before = "/", *dir = "";
	if (br_startswith(p, "gitdir:")) {
		p += strlen("gitdir:");
	} else if (br_startswith(p, "gitdir/i:")) {
		p += strlen("gitdir/i:");
		flags |= BR_GLOB_ICASE;
	} else {
		return false;
	}
	if (p[0] == '.' && p[1] == '/') {
		dir = at->dir;
		p += 2;
	} else if (p[0] == '~' && p[1] == '/') {
		before = at->home;
		p++;
	} else if (p[0] == '/') {
		p++;
	} else {
		before = "/**/";
	}
	/* A leading '/' makes the pattern one of a whole path, whatever else is in it. */
	bool tree = p[0] == '\0' || br_endswith(p, "/");
	int n = snprintf(pattern, sizeof(pattern), "%s%s%s", before, p, tree ? "**" : "");
	if (n < 0 || n >= (int)sizeof(pattern))
		return false;
	return matches(pattern, dir, at->gitdir, flags) || matches(pattern, dir, at->also, flags);
}
