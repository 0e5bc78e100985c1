#include "policy/gitconfig_parse.h"

struct parser {
	const char *p;
	const char *end;
	unsigned line;
	const char *why;
	struct br_buf section; /* "section" or "section.subsection" */
	struct br_buf key;
	struct br_buf value;
	struct br_buf name;  /* "section.subsection.key" */
	struct br_buf parts; /* the section, cut at its first '.' */
};

enum { END = -1, STRAY = -2 };

static int
peek(const struct parser *s)
{
	if (s->p >= s->end)
		return END;
	if (*s->p == '\r')
		return s->p + 1 < s->end && s->p[1] == '\n' ? '\n' : STRAY;
	return *s->p == '\0' ? STRAY : (unsigned char)*s->p;
}

/* The next character; a line end, however written, is '\n'. */
static int
take(struct parser *s)
{
	int c = peek(s);
	if (c == END)
		return c;
	s->p += *s->p == '\r' && c == '\n' ? 2 : 1;
	if (c == '\n')
		s->line++;
	return c;
}

static bool
is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_name_char(int c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '-';
}

static char
lower(int c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool
fail(struct parser *s, const char *why)
{
	if (s->why == NULL)
		s->why = why;
	return false;
}

static void
skip_blanks(struct parser *s)
{
	while (peek(s) == ' ' || peek(s) == '\t')
		(void)take(s);
}

static bool
skip_comment(struct parser *s)
{
	int c;
	while ((c = peek(s)) != '\n' && c != END) {
		if (c == STRAY && *s->p == '\0')
			return fail(s, "NUL byte");
		(void)take(s);
	}
	return true;
}

/* Behind the blank of `[section "subsection"]`. */
static bool
parse_subsection(struct parser *s)
{
	skip_blanks(s);
	if (take(s) != '"')
		return fail(s, "a subsection must be in double quotes");
	br_buf_putc(&s->section, '.');
	for (int c; (c = take(s)) != '"';) {
		if (c == '\\')
			c = take(s);
		if (c == '\n' || c == END || c == STRAY)
			return fail(s, "the subsection's quote is not closed");
		br_buf_putc(&s->section, (char)c);
		if (s->section.len > BR_GITCONFIG_KEY_MAX)
			return fail(s, "section name too long");
	}
	if (take(s) != ']')
		return fail(s, "']' missing behind the subsection");
	return true;
}

static bool
parse_section(struct parser *s)
{
	br_buf_reset(&s->section);
	for (;;) {
		int c = take(s);
		if (c == ']')
			return s->section.len > 0 || fail(s, "empty section name");
		if (c == ' ' || c == '\t')
			return s->section.len > 0 ? parse_subsection(s) : fail(s, "empty section name");
		if (!is_name_char(c) && c != '.')
			return fail(s, "bad character in a section name");
		br_buf_putc(&s->section, lower(c));
		if (s->section.len > BR_GITCONFIG_KEY_MAX)
			return fail(s, "section name too long");
	}
}

/* The character that `\c` stands for in a value; 0 for one that git doesn't know. */
static char
unescape(int c)
{
	switch (c) {
	case 't':
		return '\t';
	case 'b':
		return '\b';
	case 'n':
		return '\n';
	case '\\':
	case '"':
		return (char)c;
	default:
		return '\0';
	}
}

/* Behind '='. Blanks around the value go, blanks inside stay, comments end it, `\` at a line's end continues it. */
static bool
parse_value(struct parser *s)
{
	bool quoted = false;
	size_t keep = 0; /* length without trailing blanks */
	br_buf_reset(&s->value);
	skip_blanks(s);
	for (;;) {
		int c = peek(s);
		if (c == STRAY)
			return fail(s, "NUL byte or carriage return in a value");
		if (c == '\n' || c == END) {
			if (quoted)
				return fail(s, "a quote is not closed");
			break;
		}
		if ((c == '#' || c == ';') && !quoted) {
			if (!skip_comment(s))
				return false;
			break;
		}
		(void)take(s);
		bool blank = !quoted && (c == ' ' || c == '\t');
		if (c == '"') {
			quoted = !quoted;
			keep = s->value.len;
			continue;
		}
		if (c == '\\') {
			c = take(s);
			if (c == '\n')
				continue;
			c = (unsigned char)unescape(c);
			if (c == '\0')
				return fail(s, "unknown escape in a value");
		}
		if (blank && s->value.len == 0)
			continue;
		br_buf_putc(&s->value, (char)c);
		if (!blank)
			keep = s->value.len;
		if (s->value.len > BR_GITCONFIG_VALUE_MAX)
			return fail(s, "value too long");
	}
	if (s->value.p != NULL) {
		s->value.len = keep;
		s->value.p[keep] = '\0';
	}
	br_buf_puts(&s->value, "");
	return true;
}

/* Hands the key that was read to `fn`. */
static bool
emit(struct parser *s, struct br_gitconfig_entry e, br_gitconfig_each_fn *fn, void *arg)
{
	br_buf_reset(&s->name);
	br_buf_put(&s->name, s->section.p, s->section.len);
	br_buf_putc(&s->name, '.');
	br_buf_put(&s->name, s->key.p, s->key.len);
	br_buf_reset(&s->parts);
	br_buf_put(&s->parts, s->section.p, s->section.len);
	if (s->section.failed || s->key.failed || s->value.failed || s->name.failed || s->parts.failed)
		return fail(s, "out of memory");
	char *dot = strchr(s->parts.p, '.');
	if (dot != NULL) {
		*dot = '\0';
		e.subsection = dot + 1;
	}
	e.section = s->parts.p;
	e.key = s->key.p;
	e.name = s->name.p;
	return fn(arg, &e);
}

/* At the first letter of a key. */
static bool
parse_entry(struct parser *s, br_gitconfig_each_fn *fn, void *arg)
{
	struct br_gitconfig_entry e = {.line = s->line};
	if (s->section.len == 0)
		return fail(s, "a key before any section");
	br_buf_reset(&s->key);
	while (is_name_char(peek(s))) {
		br_buf_putc(&s->key, lower(take(s)));
		if (s->key.len > BR_GITCONFIG_KEY_MAX)
			return fail(s, "key too long");
	}
	skip_blanks(s);
	int c = peek(s);
	if (c == '=') {
		(void)take(s);
		if (!parse_value(s))
			return false;
		e.value = s->value.p;
	} else if (c != '\n' && c != END) {
		return fail(s, "'=' missing behind the key");
	}
	return emit(s, e, fn, arg);
}

static bool
parse(struct parser *s, br_gitconfig_each_fn *fn, void *arg)
{
	if (s->end - s->p >= 3 && memcmp(s->p, "\xef\xbb\xbf", 3) == 0)
		s->p += 3;
	for (int c; (c = peek(s)) != END;) {
		bool ok = true;
		if (c == '\n' || c == ' ' || c == '\t') {
			(void)take(s);
		} else if (c == '#' || c == ';') {
			ok = skip_comment(s);
		} else if (c == '[') {
			(void)take(s);
			ok = parse_section(s);
		} else if (is_alpha(c)) {
			ok = parse_entry(s, fn, arg);
		} else {
			ok = fail(s, "neither a section, a key nor a comment");
		}
		if (!ok)
			return false;
	}
	return true;
}

bool
br_gitconfig_each(const char *data, size_t n, br_gitconfig_each_fn *fn, void *arg, unsigned *line, const char **why)
{
	struct parser s = {.p = data, .end = data + n, .line = 1};
	bool ok = n <= BR_GITCONFIG_MAX ? parse(&s, fn, arg) : fail(&s, "larger than 1 MiB");
	*line = s.line;
	*why = ok ? NULL : s.why;
	br_buf_free(&s.section);
	br_buf_free(&s.key);
	br_buf_free(&s.value);
	br_buf_free(&s.name);
	br_buf_free(&s.parts);
	return ok;
}

struct get {
	const char *name;
	struct br_buf *out;
	bool found;
};

static bool
get_entry(void *arg, const struct br_gitconfig_entry *e)
{
	struct get *g = arg;
	if (!br_streq(e->name, g->name))
		return true;
	g->found = e->value != NULL;
	br_buf_reset(g->out);
	if (g->found)
		br_buf_puts(g->out, e->value);
	return true;
}

bool
br_gitconfig_get(const char *data, size_t n, const char *name, struct br_buf *out)
{
	struct get g = {.name = name, .out = out};
	unsigned line;
	const char *why;
	return br_gitconfig_each(data, n, get_entry, &g, &line, &why) && g.found && !out->failed;
}
