/* `schema`: the key table as a JSON Schema (draft 2020-12), for editors. */
#include "policy/tool/keys.h"
#include "policy/tool/profiles.h"
#include "policy/tool/tool.h"

static void put_members(struct br_buf *b, const char *parent, int depth);

static void
indent(struct br_buf *b, int depth)
{
	br_buf_printf(b, "\n%*s", depth * 2, "");
}

static void
put_words(struct br_buf *b, const char *words)
{
	br_buf_puts(b, "\"enum\": [");
	for (const char *w = words; *w != '\0';) {
		size_t n = strcspn(w, " ");
		br_buf_printf(b, "%s\"%.*s\"", w == words ? "" : ", ", (int)n, w);
		w += n + (w[n] == ' ');
	}
	br_buf_putc(b, ']');
}

/* What one word must be, as a schema without braces. */
static void
put_word(struct br_buf *b, const struct br_key *k)
{
	br_auto_arena a = {0};
	switch (k->format) {
	case BR_FMT_VALUE:
		put_words(b, k->values);
		return;
	case BR_FMT_PROFILE:
		put_words(b, br_profile_names(&a));
		return;
	case BR_FMT_ENV:
		br_buf_puts(b, "\"type\": \"string\", \"pattern\": \"^[A-Za-z_][A-Za-z0-9_]*$\"");
		return;
	case BR_FMT_ENV_GLOB:
		br_buf_puts(b, "\"type\": \"string\", \"pattern\": \"^[A-Za-z_][A-Za-z0-9_]*\\\\*?$\"");
		return;
	case BR_FMT_PORT:
		br_buf_puts(b, "\"type\": [\"integer\", \"string\"], \"minimum\": 1, \"maximum\": 65535");
		return;
	case BR_FMT_IN_TREE:
	case BR_FMT_IN_HOME:
		br_buf_puts(b, "\"type\": \"string\", \"pattern\": \"^[^/~]\"");
		return;
	case BR_FMT_TEXT:
	case BR_FMT_PATH:
	case BR_FMT_GLOB:
	case BR_FMT_LIFT:
	case BR_FMT_ETC:
	case BR_FMT_SYSTEM:
		break;
	}
	br_buf_puts(b, "\"type\": \"string\", \"minLength\": 1");
}

static void
put_pattern(struct br_buf *b, const struct br_key *k, const char *pattern)
{
	br_buf_printf(
	    b, "\"type\": [\"string\", \"integer\"], \"pattern\": \"^(%s%s)$\"", pattern, k->unlimited ? "|unlimited" : "");
}

static void
put_integer(struct br_buf *b, const struct br_key *k)
{
	if (k->unlimited)
		br_buf_puts(b, "\"oneOf\": [{\"const\": \"unlimited\"}, {");
	br_buf_puts(b, "\"type\": \"integer\"");
	if (k->max > 0)
		br_buf_printf(
		    b, ", \"minimum\": %llu, \"maximum\": %llu", (unsigned long long)k->min, (unsigned long long)k->max);
	if (k->unlimited)
		br_buf_puts(b, "}]");
}

static void
put_items(struct br_buf *b, const struct br_key *k, int depth)
{
	char parent[128];
	(void)snprintf(parent, sizeof(parent), "%s[]", k->path);
	br_buf_puts(b, "\"type\": \"array\", \"items\": {");
	if (k->type == BR_KEY_LIST) {
		put_word(b, k);
	} else if (k->type == BR_KEY_MIXED) {
		br_buf_puts(b, "\"oneOf\": [{");
		put_word(b, k);
		br_buf_puts(b, "}, {");
		put_members(b, parent, depth + 1);
		br_buf_puts(b, "}]");
	} else {
		put_members(b, parent, depth + 1);
	}
	br_buf_putc(b, '}');
}

static void
put_type(struct br_buf *b, const struct br_key *k, int depth)
{
	switch (k->type) {
	case BR_KEY_MAP:
		put_members(b, k->path, depth);
		break;
	case BR_KEY_RECORDS:
	case BR_KEY_MIXED:
	case BR_KEY_LIST:
		put_items(b, k, depth);
		break;
	case BR_KEY_TABLE:
		br_buf_puts(b, "\"type\": \"object\", \"propertyNames\": {");
		put_word(b, k);
		br_buf_puts(b, "}, \"additionalProperties\": {\"type\": [\"string\", \"number\", \"boolean\"]}");
		break;
	case BR_KEY_ANY:
		br_buf_puts(b, "\"type\": [\"object\", \"string\", \"array\"]");
		break;
	case BR_KEY_BOOL:
		br_buf_puts(b, "\"type\": \"boolean\"");
		break;
	case BR_KEY_INT:
		put_integer(b, k);
		break;
	case BR_KEY_SIZE:
		put_pattern(b, k, "[0-9]+([.][0-9])? *(B|[kKMGT]B|[KMGT]iB)?");
		break;
	case BR_KEY_MEMORY:
		put_pattern(b, k, "[0-9]+([.][0-9])? *(B|[kKMGT]B|[KMGT]iB)?|[0-9]+%");
		break;
	case BR_KEY_DURATION:
		br_buf_printf(b,
		    "\"type\": \"string\", \"pattern\": \"^(([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?%s)$\", \"minLength\": 2",
		    k->unlimited ? "|unlimited" : "");
		break;
	case BR_KEY_PERCENT:
		br_buf_printf(b, "\"type\": \"string\", \"pattern\": \"^([0-9]+%%%s)$\"", k->unlimited ? "|unlimited" : "");
		break;
	case BR_KEY_RATE:
		br_buf_puts(b, "\"type\": \"string\", \"pattern\": \"^[0-9]+/(s|min|h)$\"");
		break;
	case BR_KEY_WORD:
		put_word(b, k);
		break;
	}
}

static void
put_members(struct br_buf *b, const char *parent, int depth)
{
	bool first = true;
	const char *name;
	br_buf_puts(b, "\"type\": \"object\", \"additionalProperties\": false, \"properties\": {");
	for (size_t i = 0; i < br_keys_n; i++) {
		const struct br_key *k = &br_keys[i];
		if (!br_key_is_child(k, parent, &name) || k->profile_only)
			continue;
		if (!first)
			br_buf_putc(b, ',');
		first = false;
		indent(b, depth + 1);
		br_buf_printf(b, "\"%s\": {\"description\": ", name);
		br_auto_buf doc = {0};
		br_buf_puts(&doc, k->doc);
		if (k->state == BR_KEY_REFUSED)
			br_buf_puts(&doc, " Not enforced by this version.");
		br_buf_put_json(b, doc.p, doc.len);
		br_buf_puts(b, ", ");
		put_type(b, k, depth + 1);
		br_buf_putc(b, '}');
	}
	indent(b, depth);
	br_buf_putc(b, '}');
	if (br_streq(parent, "tests[]"))
		br_buf_puts(b, ", \"required\": [\"expect\"], \"minProperties\": 2, \"maxProperties\": 2");
}

static const struct br_usage usage = {
    .command = "policy schema",
    .synopsis = "",
    .summary = "the JSON Schema of brattice.yaml, for editors",
    .about = "Prints a JSON Schema (draft 2020-12). The reader knows more than a schema can say: `brattice policy check` is "
	     "the judge.",
};

int
br_tool_schema(int argc, char **argv)
{
	int first = 0, unused = 0, status = br_cli_options(&usage, argc, argv, &unused, &first);
	if (status < 0)
		status = br_tool_no_operands(&usage, argc, argv, first);
	if (status >= 0)
		return status;
	br_auto_buf b = {0};
	br_buf_puts(
	    &b, "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"Brattice policy\",\n  ");
	put_members(&b, "", 1);
	br_buf_puts(&b, "\n}\n");
	return br_cli_put(&b, 0);
}
