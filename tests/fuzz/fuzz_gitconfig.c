/* Input: the present content, NUL, the new content. */
#include "fuzz.h"

#include "policy/gitconfig.h"
#include "policy/gitconfig_include.h"
#include "policy/gitconfig_parse.h"
#include "policy/gitconfig_trust.h"

static bool
path_ok(void *arg, const char *path)
{
	return path[0] != '/' && strstr(path, "..") == NULL;
}

static bool
look(void *arg, const struct br_gitconfig_entry *e)
{
	size_t *sum = arg;
	size_t parts = strlen(e->section) + 1 + strlen(e->key) + (e->subsection != NULL ? strlen(e->subsection) + 1 : 0);
	MUST(parts == strlen(e->name));
	MUST(strncmp(e->name, e->section, strlen(e->section)) == 0);
	const struct br_gitconfig_place at = {.home = "/h", .dir = "/h/a", .gitdir = "/h/a/b/.git", .also = "/h/c/.git"}, none = {.home = "/h", .dir = "/h"};
	MUST(e->subsection == NULL || !br_gitconfig_condition(e->subsection, &none));
	*sum += e->subsection != NULL && br_gitconfig_condition(e->subsection, &at) ? 1 : 0;
	*sum += e->value != NULL ? strlen(e->value) : 0;
	return true;
}

static bool
look_trusted(void *arg, const char *name, const char *path, enum br_gitconfig_base base)
{
	MUST(path[0] != '\0' && strchr(name, '.') != NULL);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	br_auto_free char *before = take_string(&data, &n);
	size_t before_n = strlen(before), sum = 0;
	br_auto_free char *now = malloc(n + 1);
	MUST(now != NULL);
	memcpy(now, data, n);
	unsigned line = 0;
	const char *why = NULL;
	struct br_gitconfig_refusal r;
	bool parsed = br_gitconfig_each(now, n, look, &sum, &line, &why);
	MUST(parsed == (why == NULL) && line > 0);
	MUST(br_gitconfig_trusted_paths(now, n, look_trusted, NULL) == parsed);
	bool alone = br_gitconfig_judge(now, n, NULL, 0, path_ok, NULL, &r);
	MUST(parsed || !alone);
	MUST(alone || r.why[0] != '\0');
	bool after = br_gitconfig_judge(now, n, before, before_n, path_ok, NULL, &r);
	MUST(!alone || after); /* what is there only lets more pass */
	/* Nothing changed: passes, whatever it holds. (Above that size the bound on kept keys may count.) */
	MUST(!parsed || n > 1024 || br_gitconfig_judge(now, n, now, n, path_ok, NULL, &r));
	return 0;
}
