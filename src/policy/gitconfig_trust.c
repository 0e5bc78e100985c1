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
	if (path[0] != '\0' && !s->stopped)
		s->stopped = !s->fn(s->arg, name, path, base);
}

static const char *const interpreters[] = {"sh", "bash", "dash", "zsh", "ksh", "ash", "busybox", "source", ".", "python",
    "python2", "python3", "perl", "ruby", "node", "deno", "bun", "lua", "php", "awk", "tclsh", "osascript", "pwsh", NULL};
/* What stands in front of a program. */
static const char *const runners[] = {
    "exec", "env", "command", "nohup", "nice", "time", "sudo", "doas", "if", "then", "else", "while", "do", "timeout", NULL};

static bool
is_one_of(const char *word, const char *const *names)
{
	const char *slash = strrchr(word, '/');
	for (; *names != NULL; names++)
		if (br_streq(slash != NULL ? slash + 1 : word, *names))
			return true;
	return false;
}

/* The words of a command for sh, roughly: cut at everything that can't be in the middle of an ordinary file's name. Too many
 * words do no harm. */
static void
tell_words(struct search *s, const char *name, const char *command)
{
	static const char cut[] = " \t\n\"'`;|&()<>{}$!,=";
	bool first = true, script = false;
	for (const char *p = command; *p != '\0'; p += *p != '\0') {
		size_t n = strcspn(p, cut);
		if (n > 0) {
			br_buf_reset(&s->word);
			br_buf_put(&s->word, p, n);
			if (s->word.failed)
				return;
			bool slash = memchr(p, '/', n) != NULL;
			if (slash && memmem(p, n, "://", 3) == NULL)
				tell(s, name, s->word.p, first ? BR_GITCONFIG_PROGRAM : BR_GITCONFIG_WORD);
			else if (!slash && script)
				tell(s, name, s->word.p, BR_GITCONFIG_SCRIPT);
			script |= is_one_of(s->word.p, interpreters);
			first = is_one_of(s->word.p, runners) || (p > command && p[-1] == '='); /* A=b program */
		}
		p += n;
		first |= *p != ' ' && *p != '\t' && *p != ',';
	}
}

/* Commands and paths that git neither runs nor believes. */
static bool
is_passive(const struct br_gitconfig_entry *e)
{
	static const char *const names[] = {"core.excludesfile", "commit.template", "blame.ignorerevsfile", "mailmap.file"};
	static const char *const sections[] = {"url", "http", "safe"};
	for (size_t i = 0; i < BR_ARRAY_LEN(names); i++)
		if (br_streq(e->name, names[i]))
			return true;
	for (size_t i = 0; i < BR_ARRAY_LEN(sections); i++)
		if (br_streq(e->section, sections[i]))
			return true;
	/* A plain alias is a command of git's; one with a setting in it (`-c core.pager=…`) may run something. */
	return br_streq(e->section, "alias") && e->value[0] != '!' && strchr(e->value, '=') == NULL;
}

static bool
look(void *arg, const struct br_gitconfig_entry *e)
{
	struct search *s = arg;
	if (e->value == NULL || br_gitconfig_is_harmless(e, any_path, NULL))
		return true;
	if ((br_streq(e->section, "include") || br_streq(e->section, "includeif")) && br_streq(e->key, "path"))
		tell(s, e->name, e->value, BR_GITCONFIG_FROM_FILE);
	else if (br_streq(e->name, "core.hookspath") || br_streq(e->name, "core.attributesfile") ||
		 br_streq(e->name, "init.templatedir"))
		tell(s, e->name, e->value, BR_GITCONFIG_FROM_TREE);
	else if (!is_passive(e))
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
