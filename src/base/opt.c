#include "base/opt.h"

#include "base/suggest.h"

#include <errno.h>

void
br_opt_list_free(struct br_opt_list *l)
{
	free(l->v);
	*l = (struct br_opt_list){0};
}

static int
list_add(struct br_opt_list *l, const char *value, struct br_err *e)
{
	const char **v = reallocarray(l->v, l->n + 2, sizeof(*v));
	if (v == NULL)
		return br_err_set(e, errno, "cannot keep an option");
	v[l->n++] = value;
	v[l->n] = NULL;
	l->v = v;
	return 0;
}

int
br_parse_number(const char *s, int64_t *out, struct br_err *e)
{
	int64_t v = 0;
	for (const char *p = s; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return br_err_set(e, 0, "\"%s\" is not a number", s);
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			return br_err_set(e, 0, "\"%s\" is too large", s);
	}
	if (*s == '\0')
		return br_err_set(e, 0, "an empty value is not a number");
	*out = v;
	return 0;
}

int
br_parse_duration(const char *s, int64_t *seconds, struct br_err *e)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	char digits[24];
	size_t n = strlen(s);
	int64_t scale = 1;
	for (size_t i = 0; n > 0 && i < BR_ARRAY_LEN(units); i++) {
		if (s[n - 1] == units[i].unit) {
			scale = units[i].seconds;
			n--;
			break;
		}
	}
	if (n == 0 || n >= sizeof(digits))
		return br_err_set(e, 0, "\"%s\" is not a duration; write for example 90s, 15m, 12h, 30d", s);
	memcpy(digits, s, n);
	digits[n] = '\0';
	int64_t v;
	if (br_parse_number(digits, &v, NULL) < 0 || __builtin_mul_overflow(v, scale, &v))
		return br_err_set(e, 0, "\"%s\" is not a duration; write for example 90s, 15m, 12h, 30d", s);
	*seconds = v;
	return 0;
}

/* True when `value` is one word of the space-separated `values`. */
static bool
is_listed(const char *values, const char *value)
{
	size_t n = strlen(value);
	for (const char *p = values; *p != '\0';) {
		size_t w = strcspn(p, " ");
		if (w == n && memcmp(p, value, n) == 0)
			return true;
		p += w;
		p += strspn(p, " ");
	}
	return false;
}

static int
store(const struct br_opt *o, const char *value, void *target, struct br_err *e)
{
	void *at = (char *)target + o->at;
	if (o->values != NULL && value != NULL && !is_listed(o->values, value)) {
		(void)br_err_set(e, 0, "option --%s does not know \"%s\"", o->name, value);
		return br_err_hint(e, "use one of: %s", o->values);
	}
	switch (o->kind) {
	case BR_OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case BR_OPT_STRING:
		*(const char **)at = value;
		return 0;
	case BR_OPT_LIST:
		return list_add(at, value, e);
	case BR_OPT_NUMBER:
		if (br_parse_number(value, at, e) == 0)
			return 0;
		(void)br_err_wrap(e, "option --%s", o->name);
		return br_err_hint(e, "it takes a whole number, 0 or more");
	case BR_OPT_DURATION:
		if (br_parse_duration(value, at, e) < 0)
			return br_err_wrap(e, "option --%s", o->name);
		return 0;
	}
	return -1;
}

/* The value of an option that stands at argv[*i]: behind `=` or the letter (`joined`), else the next word. */
static int
take_value(const struct br_opt *o, const char *joined, int argc, char **argv, int *i, const char **value, struct br_err *e)
{
	if (joined != NULL) {
		*value = joined;
		return 0;
	}
	if (*i + 1 >= argc || br_startswith(argv[*i + 1], "--")) {
		(void)br_err_set(e, 0, "option --%s needs a value: --%s %s", o->name, o->name, o->arg);
		if (*i + 1 < argc && argv[*i + 1][2] != '\0')
			(void)br_err_hint(e, "a value that begins with dashes is written --%s=%s", o->name, argv[*i + 1]);
		return -1;
	}
	*value = argv[++*i];
	return 0;
}

static int
unknown(const struct br_usage *u, const char *name, size_t n, struct br_err *e)
{
	char word[64];
	(void)snprintf(word, sizeof(word), "%.*s", (int)(n < sizeof(word) ? n : sizeof(word) - 1), name);
	struct br_suggest s = {.word = word};
	br_suggest_try(&s, "help");
	for (size_t k = 0; k < u->nopts; k++)
		br_suggest_try(&s, u->opts[k].name);
	(void)br_err_set(e, 0, "unknown option --%s", word);
	if (s.best != NULL)
		return br_err_hint(e, "did you mean --%s? See: brattice %s --help", s.best, u->command);
	return br_err_hint(e, "see: brattice %s --help", u->command);
}

static int
parse_long(const struct br_usage *u, int argc, char **argv, int *i, void *target, struct br_err *e)
{
	const char *name = argv[*i] + 2;
	const char *eq = strchr(name, '=');
	size_t n = eq != NULL ? (size_t)(eq - name) : strlen(name);
	if (n == 4 && memcmp(name, "help", 4) == 0 && eq == NULL)
		return 1;
	for (size_t k = 0; k < u->nopts; k++) {
		const struct br_opt *o = &u->opts[k];
		if (strlen(o->name) != n || memcmp(o->name, name, n) != 0)
			continue;
		const char *value = NULL;
		if (o->kind == BR_OPT_FLAG) {
			if (eq != NULL)
				return br_err_set(e, 0, "option --%s takes no value", o->name);
		} else if (take_value(o, eq != NULL ? eq + 1 : NULL, argc, argv, i, &value, e) < 0) {
			return -1;
		}
		return store(o, value, target, e);
	}
	return unknown(u, name, n, e);
}

static int
parse_letters(const struct br_usage *u, int argc, char **argv, int *i, void *target, struct br_err *e)
{
	for (const char *p = argv[*i] + 1; *p != '\0'; p++) {
		const struct br_opt *o = NULL;
		for (size_t k = 0; k < u->nopts && o == NULL; k++)
			if (u->opts[k].letter == *p)
				o = &u->opts[k];
		if (o == NULL && *p == 'h')
			return 1;
		if (o == NULL) {
			(void)br_err_set(e, 0, "unknown option -%c", *p);
			return br_err_hint(e, "see: brattice %s --help", u->command);
		}
		const char *value = NULL;
		if (o->kind == BR_OPT_FLAG) {
			if (store(o, NULL, target, e) < 0)
				return -1;
			continue;
		}
		if (take_value(o, p[1] != '\0' ? p + 1 : NULL, argc, argv, i, &value, e) < 0)
			return -1;
		return store(o, value, target, e);
	}
	return 0;
}

/* Moves the words [from, to) behind those of [to, end), keeping both orders; returns where they begin then. */
static int
move_back(char **argv, int from, int to, int end)
{
	int n = to - from;
	for (int k = to; k < end; k++) {
		char *w = argv[k];
		memmove(&argv[k - n + 1], &argv[k - n], sizeof(*argv) * (size_t)n);
		argv[k - n] = w;
	}
	return end - n;
}

int
br_opt_parse(const struct br_usage *u, int argc, char **argv, void *target, int *first, struct br_err *e)
{
	int ops = 1; /* where the operands seen so far begin; they end at `i` */
	int i = 1;
	while (i < argc) {
		int at = i;
		if (br_streq(argv[i], "--")) {
			ops = move_back(argv, ops, i, i + 1);
			break;
		}
		if (argv[i][0] != '-' || argv[i][1] == '\0') {
			if (!u->interleave)
				break;
			i++;
			continue;
		}
		int rc = argv[i][1] == '-' ? parse_long(u, argc, argv, &i, target, e) : parse_letters(u, argc, argv, &i, target, e);
		if (rc != 0)
			return rc;
		i++;
		ops = move_back(argv, ops, at, i);
	}
	*first = ops;
	return 0;
}

void
br_put_wrapped(struct br_buf *out, const char *text, size_t indent, size_t width)
{
	size_t col = 0;
	/* The analyzer takes strcspn() for anything, and so `p` for beyond the end. */
	for (const char *p = text; *p != '\0';) { /* NOLINT(clang-analyzer-core.UndefinedBinaryOperatorResult) */
		if (*p == '\n') {
			br_buf_putc(out, '\n');
			if (col > 0 && p[1] == '\n') {
				br_buf_putc(out, '\n');
				p++;
			}
			col = 0;
			p++;
			continue;
		}
		size_t w = strcspn(p, " \n");
		if (col > 0 && col + 1 + w > width) {
			br_buf_putc(out, '\n');
			col = 0;
		}
		if (col == 0) {
			br_buf_printf(out, "%*s", (int)indent, "");
			col = indent;
		} else if (w > 0) {
			br_buf_putc(out, ' ');
			col++;
		}
		br_buf_put(out, p, w);
		col += w;
		p += w;
		p += *p == ' ' ? 1 : 0;
	}
	if (col > 0)
		br_buf_putc(out, '\n');
}

#define HELP_COLUMN 26
#define HELP_WIDTH  80

static void
put_option(struct br_buf *out, char letter, const char *name, const char *arg, const char *help)
{
	size_t start = out->len;
	if (letter != 0)
		br_buf_printf(out, "  -%c, --%s", letter, name);
	else
		br_buf_printf(out, "      --%s", name);
	if (arg != NULL)
		br_buf_printf(out, " %s", arg);
	if (out->failed)
		return;
	size_t col = out->len - start;
	br_auto_buf text = {0};
	br_put_wrapped(&text, help, HELP_COLUMN, HELP_WIDTH);
	if (col + 2 > HELP_COLUMN) {
		br_buf_putc(out, '\n');
		col = 0;
	}
	/* The first line of the text goes beside the name. */
	if (text.p != NULL && text.len > col)
		br_buf_put(out, text.p + col, text.len - col);
}

void
br_opt_help(const struct br_usage *u, struct br_buf *out)
{
	br_buf_printf(out, "Usage: brattice %s%s%s\n\n", u->command, u->synopsis[0] != '\0' ? " " : "", u->synopsis);
	br_put_wrapped(out, u->about, 0, HELP_WIDTH);
	br_buf_puts(out, "\nOptions:\n");
	for (size_t k = 0; k < u->nopts; k++) {
		const struct br_opt *o = &u->opts[k];
		br_auto_buf help = {0};
		br_buf_puts(&help, o->help);
		if (o->values != NULL)
			br_buf_printf(&help, " (one of: %s)", o->values);
		if (!help.failed)
			put_option(out, o->letter, o->name, o->arg, help.p);
	}
	put_option(out, 'h', "help", NULL, "show this text");
}

static void
put_json_or_null(struct br_buf *out, const char *key, const char *s)
{
	br_buf_printf(out, ",\"%s\":", key);
	if (s == NULL)
		br_buf_puts(out, "null");
	else
		br_buf_put_json(out, s, strlen(s));
}

void
br_opt_json(const struct br_usage *u, struct br_buf *out)
{
	br_buf_puts(out, "{\"command\":");
	br_buf_put_json(out, u->command, strlen(u->command));
	put_json_or_null(out, "synopsis", u->synopsis);
	put_json_or_null(out, "summary", u->summary);
	put_json_or_null(out, "about", u->about);
	br_buf_printf(out, ",\"interleave\":%s,\"options\":[", u->interleave ? "true" : "false");
	for (size_t k = 0; k < u->nopts; k++) {
		const struct br_opt *o = &u->opts[k];
		const char letter[2] = {o->letter, '\0'};
		br_buf_puts(out, k > 0 ? ",{\"name\":" : "{\"name\":");
		br_buf_put_json(out, o->name, strlen(o->name));
		put_json_or_null(out, "letter", o->letter != 0 ? letter : NULL);
		put_json_or_null(out, "arg", o->arg);
		put_json_or_null(out, "help", o->help);
		put_json_or_null(out, "values", o->values);
		br_buf_printf(out, ",\"repeats\":%s}", o->kind == BR_OPT_LIST ? "true" : "false");
	}
	br_buf_puts(out, "]}");
}
