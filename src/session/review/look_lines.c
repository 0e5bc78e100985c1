/* Files whose single lines say what runs: attributes, submodules, Python's path files, steps of CI jobs. */
#include "session/review/look.h"

#include <ctype.h>

static const char *
trim(const char *s, size_t *n)
{
	while (*n > 0 && (*s == ' ' || *s == '\t')) {
		s++;
		(*n)--;
	}
	while (*n > 0 && (s[*n - 1] == ' ' || s[*n - 1] == '\t' || s[*n - 1] == '\r'))
		(*n)--;
	return s;
}

static int
shown(size_t n)
{
	return n < 200 ? (int)n : 200;
}

static bool
starts(const char *s, size_t n, const char *prefix)
{
	size_t m = strlen(prefix);
	return n >= m && strncasecmp(s, prefix, m) == 0;
}

static void
attributes_line(struct br_look *l, const char *line, size_t n)
{
	line = trim(line, &n);
	if (n == 0 || line[0] == '#')
		return;
	if (memmem(line, n, "filter=", 7) == NULL && memmem(line, n, " diff=", 6) == NULL &&
	    memmem(line, n, " merge=", 7) == NULL)
		return;
	br_look_add(l, BR_HANDOFF_WARN, "git-attributes",
	    "`%.*s`: git runs the driver of that name, where one is configured, at checkout, diff or merge", shown(n), line);
}

static void
modules_line(struct br_look *l, const char *line, size_t n)
{
	line = trim(line, &n);
	const char *eq = memchr(line, '=', n);
	if (eq == NULL || line[0] == '#' || line[0] == ';')
		return;
	size_t vn = n - (size_t)(eq + 1 - line);
	const char *value = trim(eq + 1, &vn);
	if (starts(line, n, "update") && vn > 0 && memchr(value, '!', vn) != NULL)
		br_look_add(
		    l, BR_HANDOFF_BLOCK, "submodule", "`%.*s`: a command that git submodule update would run", shown(n), line);
	else if (starts(line, n, "url") && (memmem(value, vn, "::", 2) != NULL || (vn > 0 && value[0] == '-')))
		br_look_add(l, BR_HANDOFF_BLOCK, "submodule", "`%.*s`: a URL that runs a command", shown(n), line);
	else if (starts(line, n, "url"))
		br_look_add(
		    l, BR_HANDOFF_WARN, "submodule", "fetches from %.*s at the next git submodule update", shown(vn), value);
}

/* site.py: a line of a .pth file that begins with "import" and a space or tab is executed at every start of Python. */
static void
pth_line(struct br_look *l, const char *line, size_t n)
{
	/* What setuptools puts into every new environment. */
	static const char setuptools[] =
	    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
	    "enabled and __import__('_distutils_hack').add_shim(); ";
	bool known = n == sizeof(setuptools) - 1 && memcmp(line, setuptools, n) == 0;
	if (starts(line, n, "import ") || starts(line, n, "import\t"))
		br_look_add(l, known ? BR_HANDOFF_NOTE : BR_HANDOFF_WARN, "python-startup",
		    "`%.*s`: every Python of this environment runs it at start", shown(n), line);
}

static void
ci_line(struct br_look *l, const char *line, size_t n)
{
	line = trim(line, &n);
	if (starts(line, n, "- ")) {
		n -= 2;
		line = trim(line + 2, &n);
	}
	if (starts(line, n, "run:") || starts(line, n, "uses:") || starts(line, n, "pull_request_target") ||
	    starts(line, n, "script:") || starts(line, n, "permissions:") || memmem(line, n, "secrets.", 8) != NULL)
		br_look_add(l, BR_HANDOFF_WARN, "ci-step", "step `%.*s`", shown(n), line);
}

void
br_look_lines(struct br_look *l)
{
	if (br_streq(l->base, ".gitattributes"))
		br_look_new_lines(l, attributes_line);
	else if (br_streq(l->base, ".gitmodules"))
		br_look_new_lines(l, modules_line);
	else if (br_endswith(l->base, ".pth"))
		br_look_new_lines(l, pth_line);
	else if (!l->deps && (br_endswith(l->base, ".yml") || br_endswith(l->base, ".yaml")) &&
		 (br_path_under(l->rel, "workflows") || br_path_under(l->rel, ".circleci") ||
		     br_streq(l->base, ".gitlab-ci.yml")))
		br_look_new_lines(l, ci_line);
}
