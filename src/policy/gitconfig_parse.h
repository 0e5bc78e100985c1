/* A parser for git's configuration syntax (git-config(1), "CONFIGURATION FILE", "Syntax"), as strict as git itself: what git
 * refuses it refuses, and a few things that no program writes (NUL bytes, stray carriage returns) as well. */
#ifndef BRATTICE_POLICY_GITCONFIG_PARSE_H
#define BRATTICE_POLICY_GITCONFIG_PARSE_H

#include "base/buf.h"

enum {
	BR_GITCONFIG_MAX = 1 << 20,    /* bytes of a file */
	BR_GITCONFIG_KEY_MAX = 4096,   /* bytes of "section.subsection.key" */
	BR_GITCONFIG_VALUE_MAX = 65536 /* bytes of a value */
};

/* One "key = value". All texts are NUL-terminated and valid during the callback only. */
struct br_gitconfig_entry {
	const char *name;       /* "section.subsection.key"; section and key in lower case, the subsection as written */
	const char *section;    /* up to the first '.' */
	const char *subsection; /* between the first and the last '.'; NULL when there is none */
	const char *key;        /* behind the last '.' */
	const char *value;      /* NULL for a key without '=', which git reads as true */
	unsigned line;          /* where the key stands, from 1 */
};

/* Returns false to stop. */
typedef bool br_gitconfig_each_fn(void *arg, const struct br_gitconfig_entry *entry);

/* Calls `fn` for each entry in order. True when all of `data` was parsed; false when it is not git's syntax (`*line` and
 * `*why`, a static text, say where and why) or `fn` stopped (`*why` is NULL). */
bool br_gitconfig_each(const char *data, size_t n, br_gitconfig_each_fn *fn, void *arg, unsigned *line, const char **why);

/* The last value of "section.subsection.key" (written as in br_gitconfig_entry.name), which is the one that git uses, into
 * `out`. False when it is not set, has no value, or the file is not git's syntax. */
bool br_gitconfig_get(const char *data, size_t n, const char *name, struct br_buf *out);

#endif
