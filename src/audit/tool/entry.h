/* An entry of a log as a reader sees it: hostile JSON, looked at and put into words. jansson. */
#ifndef BRATTICE_AUDIT_TOOL_ENTRY_H
#define BRATTICE_AUDIT_TOOL_ENTRY_H

#include "audit/log/reader.h"

#include <jansson.h>

struct br_entry {
	uint64_t n;
	json_t *json;    /* an object, or NULL: then it isn't one, and `raw` is all that is known */
	const char *raw; /* the line, borrowed from the reader */
	size_t len;
	int64_t t_us; /* since 1970; 0 when it says none that can be */
	enum br_event_type type; /* BR_EV_TYPES: none that we know */
	bool denied;
};

/* Never fails: what is not an event is an entry of no type. Free it with br_entry_free. */
void br_entry_parse(struct br_entry *x, const struct br_log_entry *line);
void br_entry_free(struct br_entry *x);
/* What can be said of a line without a JSON parser, for going through millions: false only when `f` surely does not want it. */
bool br_entry_may_match(const struct br_log_entry *line, const struct br_log_filter *f);
bool br_entry_matches(const struct br_entry *x, const struct br_log_filter *f);

const json_t *br_entry_get(const struct br_entry *x, const char *key); /* NULL: absent */
int64_t br_entry_int(const struct br_entry *x, const char *key, int64_t otherwise);
double br_entry_seconds(const struct br_entry *x, const char *key); /* -1: absent */
/* The bytes of a string in any of the log's forms (docs/log-format.md, "Entries"); a secret becomes "<secret>". False when `v` is none. */
bool br_value_bytes(const json_t *v, struct br_buf *out);
/* For people: br_buf_put_visible of the bytes; anything that isn't a string as JSON. */
void br_value_show(const json_t *v, struct br_buf *out);
/* A list of strings as a command line: each quoted where a shell would need it, shown safely. */
void br_argv_show(const json_t *v, struct br_buf *out);
/* A member as text with a NUL, "" when absent. Owned by `out`, which is emptied first. */
const char *br_entry_text(const struct br_entry *x, const char *key, struct br_buf *out);

/* What happened, in one line without time and type: "gcc -c x.c", "open /etc/shadow: denied by …". */
void br_entry_show(const struct br_entry *x, struct br_buf *out);
/* "1.2 s", "340 ms", "2 h 05 min" */
void br_seconds_show(double s, struct br_buf *out);

#endif
