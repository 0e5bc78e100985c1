/* The keys of a policy: the one table from which the reader, the JSON Schema, the reference page and the man page are made. */
#ifndef BRATTICE_POLICY_TOOL_KEYS_H
#define BRATTICE_POLICY_TOOL_KEYS_H

#include "base/buf.h"

enum br_key_type {
	BR_KEY_MAP,     /* has keys of its own */
	BR_KEY_RECORDS, /* a list of maps; their keys are "path[].name" */
	BR_KEY_MIXED,   /* a list of words or maps */
	BR_KEY_LIST,    /* a list of words */
	BR_KEY_TABLE,   /* names to text, both free */
	BR_KEY_ANY,     /* not looked into (always refused by this version) */
	BR_KEY_BOOL,
	BR_KEY_INT,
	BR_KEY_SIZE,
	BR_KEY_MEMORY, /* a size, or a percentage of the machine's memory */
	BR_KEY_DURATION,
	BR_KEY_PERCENT,
	BR_KEY_RATE,
	BR_KEY_WORD /* text; `format` and `values` say which */
};

/* What the text of a word, or of each word of a list, must be. */
enum br_key_format {
	BR_FMT_TEXT,
	BR_FMT_VALUE,    /* one of `values` */
	BR_FMT_PATH,     /* absolute, ~/…, or relative to the file's project */
	BR_FMT_GLOB,     /* gitignore pattern */
	BR_FMT_LIFT,     /* gitignore pattern, "!" before it lifts a built-in entry */
	BR_FMT_IN_TREE,  /* relative path that stays in the project */
	BR_FMT_IN_HOME,  /* relative path that stays in the home */
	BR_FMT_ETC,      /* relative path below /etc, last component may end in "*" */
	BR_FMT_SYSTEM,   /* absolute path */
	BR_FMT_ENV,      /* NAME */
	BR_FMT_ENV_GLOB, /* NAME or PREFIX_* */
	BR_FMT_PROFILE,  /* name of a profile */
	BR_FMT_PORT
};

enum br_key_state {
	BR_KEY_ENFORCED,
	BR_KEY_MET,    /* true anyway in this version, whatever the value: a denial where nothing is allowed */
	BR_KEY_REFUSED /* not enforced by this version: only empty values and `same` pass */
};

struct br_key {
	const char *path;
	enum br_key_type type;
	enum br_key_format format;
	enum br_key_state state;
	bool profile_only;  /* only built-in files may set it */
	bool unlimited;     /* the word "unlimited" is a value too */
	uint64_t min, max;  /* numbers; 0, 0: any */
	const char *values; /* words that are allowed, separated by spaces */
	const char *same;   /* BR_KEY_REFUSED: the value that this version gives anyway */
	const char *dflt; /* for the documentation; the real defaults are in builtin_policy.yaml, and a test compares the two */
	const char *doc;  /* one line */
	const char *example; /* YAML, as the value */
};

extern const struct br_key br_keys[];
extern const size_t br_keys_n;

/* The key with exactly this path ("network.allow[].host"), or NULL. */
const struct br_key *br_key_find(const char *path);
/* True when `k` is a direct child of the map at `parent` ("" = the top); `*name` is its own name. */
bool br_key_is_child(const struct br_key *k, const char *parent, const char **name);
/* True when `values` holds the word. */
bool br_key_allows(const struct br_key *k, const char *word);
/* A number of this key as people write it: "4GiB", "1h30m", "200%". */
void br_key_put_number(struct br_buf *b, const struct br_key *k, uint64_t v);

#endif
