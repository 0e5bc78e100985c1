/* Options of a command as a constant table: the parser, `--help`, the man page and the shell completions are all made from it.
 *
 *	struct opts { bool json; struct br_opt_list env; };
 *	static const struct br_opt table[] = {
 *		{"json", 'j', NULL, "one JSON object a line", BR_OPT_FLAG, offsetof(struct opts, json)},
 *		{"env", 'e', "NAME[=VALUE]", "sets a variable", BR_OPT_LIST, offsetof(struct opts, env)},
 *	};
 *
 * A table holds offsets, not addresses, so it is constant and a generator can read it without running the command. */
#ifndef BRATTICE_BASE_OPT_H
#define BRATTICE_BASE_OPT_H

#include "base/buf.h"
#include "base/err.h"

enum br_opt_kind {
	BR_OPT_FLAG,    /* bool: set to true; takes no value */
	BR_OPT_STRING,  /* const char *: the last one given wins */
	BR_OPT_LIST,    /* struct br_opt_list: all that were given, in order */
	BR_OPT_NUMBER,  /* int64_t: decimal, 0 or more */
	BR_OPT_DURATION /* int64_t: seconds, from "90", "90s", "15m", "12h", "30d" or "2w" */
};

/* Zero-initialised by the owner; `v` is NULL-terminated once it is not NULL. The strings belong to argv. */
struct br_opt_list {
	const char **v;
	size_t n;
};
void br_opt_list_free(struct br_opt_list *l);

struct br_opt {
	const char *name;  /* without the dashes */
	char letter;       /* short form, or 0 */
	const char *arg;   /* name of the value for the help, or NULL for a flag: FILE, DIR, PATH and SESSION complete as such */
	const char *help;  /* one sentence, lower case, no full stop */
	enum br_opt_kind kind;
	size_t at;          /* offsetof() in the command's option structure */
	const char *values; /* the only values allowed, separated by spaces, or NULL */
};

struct br_usage {
	const char *command;  /* "run" */
	const char *synopsis; /* what follows "brattice run" */
	const char *summary;  /* one line, for the list of commands and the NAME section */
	const char *about;    /* paragraphs separated by an empty line; unwrapped */
	const struct br_opt *opts;
	size_t nopts;
	bool interleave; /* options may also follow operands; false when the operands are someone else's command line */
};

/* Reads argv[1] and on into `target`, a structure that the caller has filled with defaults. Accepts `--name=value`, `--name value`,
 * `-nvalue`, `-n value` and joined flags (`-ab`). Stops at `--` (skipped) or at the first operand; `*first` is then the index of
 * the first operand (with `interleave`, operands are moved behind the options, in their order). A separate value that begins
 * with "--" is refused as a forgotten value.
 *
 * Returns 0; 1 when `--help` or `-h` was given (nothing printed); -1 with `e` set, with the nearest known name as its mend. */
int br_opt_parse(const struct br_usage *u, int argc, char **argv, void *target, int *first, struct br_err *e);

/* The help text, for 80 columns. */
void br_opt_help(const struct br_usage *u, struct br_buf *out);
/* The table as one JSON object, for the generators of man pages and completions. */
void br_opt_json(const struct br_usage *u, struct br_buf *out);

/* "30d" as seconds; -1 with `e` set on anything else, a sign and overflow included. */
int br_parse_duration(const char *s, int64_t *seconds, struct br_err *e);
/* Decimal, 0 or more, digits only. */
int br_parse_number(const char *s, int64_t *out, struct br_err *e);

/* The text broken at spaces into lines of at most `width` columns, each begun with `indent` spaces (the first one too);
 * an empty line of the text stays. Counts bytes: for our own ASCII texts. */
void br_put_wrapped(struct br_buf *out, const char *text, size_t indent, size_t width);

#endif
