#include "policy/tool/ytree.h"

#include "base/utf8.h"

#include <yaml.h>

/* Where the next node goes. */
struct frame {
	struct br_ynode *node;
	const struct br_ynode *key; /* map: the key that waits for its value */
};

struct reader {
	struct br_arena *a;
	struct br_report *r;
	const char *file;
	const char *data;
	size_t len;
	struct frame stack[BR_YAML_DEPTH];
	size_t depth;
	struct br_ynode *root;
	size_t nodes;
	unsigned documents;
};

static struct br_place
place_of(const struct reader *rd, yaml_mark_t m)
{
	return (struct br_place){rd->file, (unsigned)m.line + 1, (unsigned)m.column + 1};
}

static bool
fail(struct reader *rd, const char *code, yaml_mark_t m, const char *msg, const char *mend)
{
	br_report(rd->r, BR_SEV_ERROR, code, place_of(rd, m), "%s", msg);
	if (mend != NULL)
		br_report_mend(rd->r, "%s", mend);
	return false;
}

/* libyaml would stop at the first bad byte too, but tells neither line nor column of it. */
static bool
check_text(struct reader *rd)
{
	yaml_mark_t m = {0};
	for (size_t i = 0; i < rd->len;) {
		uint32_t c = 0;
		size_t w = br_utf8_decode(rd->data + i, rd->len - i, &c);
		if (w == 0)
			return fail(rd, "not-utf8", m, "this is not UTF-8 text", "save the file as UTF-8");
		if (c == 0)
			return fail(rd, "nul-byte", m, "the file holds a NUL byte", "a policy is a text file");
		if (c == '\n') {
			m.line++;
			m.column = 0;
		} else {
			m.column++;
		}
		i += w;
	}
	return true;
}

static struct br_ynode *
new_node(struct reader *rd, enum br_ytype type, yaml_mark_t m)
{
	struct br_ynode *n = br_arena_alloc(rd->a, sizeof(*n));
	n->type = type;
	n->text = "";
	n->line = (unsigned)m.line + 1;
	n->col = (unsigned)m.column + 1;
	return n;
}

static void
append(struct br_ynode *parent, struct br_ynode *child)
{
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

static bool
take_key(struct reader *rd, struct frame *f, struct br_ynode *n, yaml_mark_t m)
{
	if (n->type != BR_Y_SCALAR)
		return fail(rd, "bad-key", m, "a key must be a word", NULL);
	for (const struct br_ynode *c = f->node->first; c != NULL; c = c->next) {
		if (!br_streq(c->key->text, n->text))
			continue;
		br_report(rd->r, BR_SEV_ERROR, "duplicate-key", place_of(rd, m),
		    "duplicate key \"%s\": it is on line %u already", n->text, c->key->line);
		br_report_mend(rd->r, "merge the two");
	}
	f->key = n;
	return true;
}

/* Puts a node where it belongs; false when it can't stand there. */
static bool
take_node(struct reader *rd, struct br_ynode *n, yaml_mark_t m)
{
	if (++rd->nodes > BR_YAML_NODES)
		return fail(rd, "too-big", m, "the file holds more than 20000 values", "a policy is a short file");
	if (rd->depth == 0) {
		rd->root = n;
		return true;
	}
	struct frame *f = &rd->stack[rd->depth - 1];
	if (f->node->type == BR_Y_MAP && f->key == NULL)
		return take_key(rd, f, n, m);
	n->key = f->key;
	f->key = NULL;
	append(f->node, n);
	return true;
}

static bool
no_extras(struct reader *rd, const yaml_char_t *anchor, const yaml_char_t *tag, yaml_mark_t m)
{
	if (anchor != NULL)
		return fail(rd, "anchor", m, "anchors (&name) are not allowed in a policy", "write the value out");
	if (tag != NULL)
		return fail(rd, "tag", m, "tags (!name) are not allowed in a policy",
		    "put quotes around a pattern that begins with \"!\"");
	return true;
}

static bool
open_node(struct reader *rd, enum br_ytype type, yaml_mark_t m)
{
	struct br_ynode *n = new_node(rd, type, m);
	if (rd->depth == BR_YAML_DEPTH)
		return fail(rd, "too-deep", m, "more than 16 levels of nesting", "a policy needs 5");
	if (rd->depth > 0 && rd->stack[rd->depth - 1].node->type == BR_Y_MAP && rd->stack[rd->depth - 1].key == NULL)
		return fail(rd, "bad-key", m, "a key must be a word",
		    type == BR_Y_MAP ? "put quotes around text that begins with \"{\""
				     : "put quotes around text that begins with \"[\"");
	if (!take_node(rd, n, m))
		return false;
	rd->stack[rd->depth++] = (struct frame){.node = n};
	return true;
}

static bool
take_scalar(struct reader *rd, const yaml_event_t *ev)
{
	if (!no_extras(rd, ev->data.scalar.anchor, ev->data.scalar.tag, ev->start_mark))
		return false;
	struct br_ynode *n = new_node(rd, BR_Y_SCALAR, ev->start_mark);
	/* "\0" in double quotes makes a NUL out of clean text. */
	if (memchr(ev->data.scalar.value, '\0', ev->data.scalar.length) != NULL)
		return fail(rd, "nul-byte", ev->start_mark, "the text holds a NUL byte", NULL);
	n->text = br_arena_strndup(rd->a, (const char *)ev->data.scalar.value, ev->data.scalar.length);
	n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return take_node(rd, n, ev->start_mark);
}

static bool
take_event(struct reader *rd, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++rd->documents > 1)
			return fail(
			    rd, "documents", ev->start_mark, "the file holds more than one document", "remove the \"---\"");
		if (ev->data.document_start.version_directive != NULL ||
		    ev->data.document_start.tag_directives.start != ev->data.document_start.tag_directives.end)
			return fail(rd, "directive", ev->start_mark, "directives (%YAML, %TAG) are not allowed in a policy",
			    "remove it");
		return true;
	case YAML_ALIAS_EVENT:
		return fail(rd, "alias", ev->start_mark, "aliases (*name) are not allowed in a policy",
		    "put quotes around a pattern that begins with \"*\"; write repeated values out");
	case YAML_SCALAR_EVENT:
		return take_scalar(rd, ev);
	case YAML_SEQUENCE_START_EVENT:
		return no_extras(rd, ev->data.sequence_start.anchor, ev->data.sequence_start.tag, ev->start_mark) &&
		       open_node(rd, BR_Y_LIST, ev->start_mark);
	case YAML_MAPPING_START_EVENT:
		return no_extras(rd, ev->data.mapping_start.anchor, ev->data.mapping_start.tag, ev->start_mark) &&
		       open_node(rd, BR_Y_MAP, ev->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		rd->depth--;
		return true;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return true;
	}
	return true;
}

/* libyaml's words are right, but its commonest errors deserve the mend, and the place where the text in question begins. */
static void
syntax_error(struct reader *rd, const yaml_parser_t *p)
{
	static const struct {
		const char *context, *mend;
	} mends[] = {{"alias", "put quotes around a pattern that begins with \"*\""},
	    {"tag", "put quotes around a pattern that begins with \"!\""},
	    {"anchor", "put quotes around text that begins with \"&\""}};
	const char *problem = p->problem != NULL ? p->problem : "cannot be read",
		   *context = p->context != NULL ? p->context : "";
	const char *mend = NULL;
	for (size_t i = 0; i < BR_ARRAY_LEN(mends); i++)
		if (strstr(context, mends[i].context) != NULL)
			mend = mends[i].mend;
	br_report(rd->r, BR_SEV_ERROR, "syntax", place_of(rd, mend != NULL ? p->context_mark : p->problem_mark),
	    "not valid YAML: %s%s%s%s", problem, context[0] != '\0' ? " (" : "", context, context[0] != '\0' ? ")" : "");
	size_t at = p->problem_mark.index;
	if (at < rd->len && rd->data[at] == '\t')
		mend = "indent with spaces, not with tabs";
	else if (mend == NULL && strstr(problem, "cannot start any token") != NULL)
		mend = "put quotes around the text";
	if (mend != NULL)
		br_report_mend(rd->r, "%s", mend);
}

struct br_ynode *
br_yaml_parse(struct br_arena *a, const char *file, const char *data, size_t n, struct br_report *r)
{
	struct reader rd = {.a = a, .r = r, .file = file, .data = data, .len = n};
	if (n > BR_YAML_MAX) {
		fail(&rd, "too-big", (yaml_mark_t){0}, "the file is bigger than 1 MiB", "a policy is a short file");
		return NULL;
	}
	if (n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark says nothing in UTF-8 */
		rd.data += 3;
		rd.len -= 3;
	}
	if (!check_text(&rd))
		return NULL;
	yaml_parser_t p;
	if (!yaml_parser_initialize(&p)) {
		fail(&rd, "memory", (yaml_mark_t){0}, "out of memory", NULL);
		return NULL;
	}
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)rd.data, rd.len);
	bool ok = true, end = false;
	while (ok && !end) {
		yaml_event_t ev;
		if (!yaml_parser_parse(&p, &ev)) {
			syntax_error(&rd, &p);
			ok = false;
			break;
		}
		ok = take_event(&rd, &ev);
		end = ev.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&p);
	return ok ? rd.root : NULL;
}

static struct br_ynode *
child(const struct br_ynode *map, const char *name, size_t n)
{
	if (map->type != BR_Y_MAP)
		return NULL;
	for (struct br_ynode *c = map->first; c != NULL; c = c->next)
		if (strncmp(c->key->text, name, n) == 0 && c->key->text[n] == '\0')
			return c;
	return NULL;
}

const struct br_ynode *
br_ynode_find(const struct br_ynode *map, const char *path)
{
	while (map != NULL) {
		size_t n = strcspn(path, ".");
		map = child(map, path, n);
		if (path[n] == '\0')
			return map;
		path += n + 1;
	}
	return NULL;
}

bool
br_ynode_is_null(const struct br_ynode *n)
{
	return n->type == BR_Y_SCALAR && n->plain && (n->text[0] == '\0' || br_streq(n->text, "null"));
}

struct br_ynode *
br_ynode_map(struct br_arena *a)
{
	struct br_ynode *n = br_arena_alloc(a, sizeof(*n));
	n->type = BR_Y_MAP;
	n->text = "";
	return n;
}

/* The node at `path`, made with its parents as maps when absent. */
static struct br_ynode *
make(struct br_arena *a, struct br_ynode *map, const char *path, enum br_ytype type)
{
	for (;;) {
		size_t n = strcspn(path, ".");
		bool leaf = path[n] == '\0';
		struct br_ynode *c = child(map, path, n);
		if (c == NULL) {
			struct br_ynode *key = br_ynode_map(a);
			key->type = BR_Y_SCALAR;
			key->text = br_arena_strndup(a, path, n);
			c = br_ynode_map(a);
			c->type = leaf ? type : BR_Y_MAP;
			c->key = key;
			append(map, c);
		}
		if (leaf)
			return c;
		map = c;
		path += n + 1;
	}
}

void
br_ynode_push(struct br_arena *a, struct br_ynode *map, const char *path, const char *text)
{
	struct br_ynode *list = make(a, map, path, BR_Y_LIST), *n = br_ynode_map(a);
	n->type = BR_Y_SCALAR;
	n->text = br_arena_strdup(a, text);
	append(list, n);
}

void
br_ynode_set(struct br_arena *a, struct br_ynode *map, const char *path, const char *text, bool plain)
{
	struct br_ynode *n = make(a, map, path, BR_Y_SCALAR);
	n->text = br_arena_strdup(a, text);
	n->plain = plain;
}
