#include "policy/gitconfig_trust.h"

#include "policy/gitconfig.h"
#include "policy/gitconfig_parse.h"

struct search {
	br_gitconfig_trust_fn *fn;
	void *arg;
	struct br_buf word;
	bool stopped;
};

/* Addresses and places of working trees are not programs. */
static bool
any_path(void *arg, const char *path)
{
	return true;
}

static void
tell(struct search *s, const char *name, const char *path, enum br_gitconfig_base base)
{
	if (path[0] != '\0' && path[0] != '~' && !s->stopped)
		s->stopped = !s->fn(s->arg, name, path, base);
}

/* The words of a command for sh, roughly: cut at everything that can't be in the middle of an ordinary file's name. Too many
 * words do no harm. */
static void
tell_words(struct search *s, const char *name, const char *command)
{
	static const char cut[] = " \t\n\"'`;|&()<>{}$!,=";
	for (const char *p = command; *p != '\0';) {
		size_t n = strcspn(p, cut);
		if (n > 0 && memchr(p, '/', n) != NULL && memmem(p, n, "://", 3) == NULL) {
			br_buf_reset(&s->word);
			br_buf_put(&s->word, p, n);
			if (!s->word.failed)
				tell(s, name, s->word.p, BR_GITCONFIG_WORD);
		}
		p += n;
		p += *p != '\0';
	}
}

static bool
look(void *arg, const struct br_gitconfig_entry *e)
{
	struct search *s = arg;
	if (e->value == NULL || br_gitconfig_is_harmless(e, any_path, NULL))
		return true;
	if ((br_streq(e->section, "include") || br_streq(e->section, "includeif")) && br_streq(e->key, "path"))
		tell(s, e->name, e->value, BR_GITCONFIG_FROM_FILE);
	else if (br_streq(e->name, "core.hookspath") || br_streq(e->name, "core.attributesfile"))
		tell(s, e->name, e->value, BR_GITCONFIG_FROM_TREE);
	else if (!br_streq(e->section, "url") && !br_streq(e->section, "http"))
		tell_words(s, e->name, e->value);
	return !s->stopped;
}

bool
br_gitconfig_trusted_paths(const char *data, size_t n, br_gitconfig_trust_fn *fn, void *arg)
{
	struct search s = {.fn = fn, .arg = arg};
	unsigned line;
	const char *why;
	bool ok = br_gitconfig_each(data, n, look, &s, &line, &why) && !s.word.failed;
	br_buf_free(&s.word);
	return ok;
}
