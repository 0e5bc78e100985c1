#include "audit/redact.h"

#include <strings.h>

/* ---- by form ---- */

enum charset { ALNUM, WORD, TOKEN, DOTTED, UPPER, HEX, PATH };

static bool
in_set(unsigned char c, enum charset set)
{
	bool digit = c >= '0' && c <= '9', upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
	switch (set) {
	case ALNUM:
		return digit || upper || lower;
	case WORD:
		return digit || upper || lower || c == '_';
	case TOKEN:
		return digit || upper || lower || c == '_' || c == '-';
	case DOTTED:
		return digit || upper || lower || c == '_' || c == '-' || c == '.';
	case UPPER:
		return digit || upper;
	case HEX:
		return digit || (c >= 'a' && c <= 'f');
	case PATH:
		return digit || upper || lower || c == '/';
	}
	return false;
}

/* Prefixes that issuers publish so that scanners can find their tokens. `least` characters of the set follow; with `exact` no more. */
static const struct form {
	const char *prefix;
	unsigned char set, least, exact;
} forms[] = {
    {"AGE-SECRET-KEY-1", UPPER, 50, 0},
    {"AIza", TOKEN, 35, 1},
    {"AKCp", ALNUM, 60, 0},
    {"AKIA", UPPER, 16, 1},
    {"ASIA", UPPER, 16, 1},
    {"ATATT3", TOKEN, 50, 0},
    {"ATBB", ALNUM, 24, 0},
    {"GOCSPX-", TOKEN, 20, 0},
    {"HRKU-", TOKEN, 30, 0},
    {"NRAK-", UPPER, 27, 0},
    {"PMAK-", TOKEN, 40, 0},
    {"SG.", DOTTED, 50, 0},
    {"dapi", HEX, 32, 1},
    {"dckr_oat_", TOKEN, 20, 0},
    {"dckr_pat_", TOKEN, 20, 0},
    {"doo_v1_", HEX, 64, 1},
    {"dop_v1_", HEX, 64, 1},
    {"dor_v1_", HEX, 64, 1},
    {"dp.pt.", ALNUM, 40, 0},
    {"dt0c01.", DOTTED, 60, 0},
    {"figd_", TOKEN, 30, 0},
    {"fm2_", TOKEN, 40, 0},
    {"gho_", WORD, 36, 0},
    {"ghp_", WORD, 36, 0},
    {"ghr_", WORD, 36, 0},
    {"ghs_", WORD, 36, 0},
    {"ghu_", WORD, 36, 0},
    {"github_pat_", WORD, 40, 0},
    {"glagent-", TOKEN, 20, 0},
    {"glc_", TOKEN, 32, 0},
    {"glcbt-", TOKEN, 20, 0},
    {"gldt-", TOKEN, 20, 0},
    {"glft-", TOKEN, 20, 0},
    {"gloas-", TOKEN, 20, 0},
    {"glpat-", DOTTED, 20, 0},
    {"glptt-", TOKEN, 20, 0},
    {"glrt-", TOKEN, 20, 0},
    {"glsa_", WORD, 32, 0},
    {"gsk_", ALNUM, 40, 0},
    {"hf_", ALNUM, 30, 0},
    {"hooks.slack.com/services/", PATH, 30, 0},
    {"hvb.", TOKEN, 24, 0},
    {"hvs.", TOKEN, 24, 0},
    {"lin_api_", ALNUM, 32, 0},
    {"lsv2_pt_", WORD, 32, 0},
    {"lsv2_sk_", WORD, 32, 0},
    {"nfp_", ALNUM, 30, 0},
    {"npm_", ALNUM, 36, 1},
    {"ntn_", ALNUM, 40, 0},
    {"pplx-", ALNUM, 40, 0},
    {"pscale_pw_", DOTTED, 30, 0},
    {"pscale_tkn_", DOTTED, 30, 0},
    {"pul-", HEX, 40, 1},
    {"pypi-AgE", TOKEN, 50, 0},
    {"r8_", ALNUM, 37, 1},
    {"rk_live_", ALNUM, 16, 0},
    {"rk_test_", ALNUM, 16, 0},
    {"rubygems_", HEX, 48, 1},
    {"sbp_", HEX, 40, 1},
    {"secret_", ALNUM, 43, 1},
    {"shpat_", HEX, 32, 1},
    {"shpca_", HEX, 32, 1},
    {"shppa_", HEX, 32, 1},
    {"shpss_", HEX, 32, 1},
    {"sk-", ALNUM, 40, 0},
    {"sk-admin-", TOKEN, 20, 0},
    {"sk-ant-", TOKEN, 20, 0},
    {"sk-or-v1-", TOKEN, 20, 0},
    {"sk-proj-", TOKEN, 20, 0},
    {"sk-svcacct-", TOKEN, 20, 0},
    {"sk_live_", ALNUM, 16, 0},
    {"sk_test_", ALNUM, 16, 0},
    {"sntrys_", TOKEN, 40, 0},
    {"sntryu_", HEX, 64, 1},
    {"sq0atp-", TOKEN, 22, 0},
    {"sq0csp-", TOKEN, 40, 0},
    {"tskey-", TOKEN, 20, 0},
    {"whsec_", ALNUM, 24, 0},
    {"xai-", ALNUM, 40, 0},
    {"xapp-", TOKEN, 20, 0},
    {"xoxa-", TOKEN, 10, 0},
    {"xoxb-", TOKEN, 10, 0},
    {"xoxe-", TOKEN, 10, 0},
    {"xoxe.", DOTTED, 20, 0},
    {"xoxo-", TOKEN, 10, 0},
    {"xoxp-", TOKEN, 10, 0},
    {"xoxr-", TOKEN, 10, 0},
    {"xoxs-", TOKEN, 10, 0},
    {"ya29.", TOKEN, 20, 0},
};

struct scan {
	const char *s;
	size_t n;
	struct br_secret_span *out;
	size_t max, found;
	size_t no_jwt_before; /* a run that was looked at and isn't one; without it, "eyJ.eyJ.eyJ." would cost its square */
	bool script;          /* a command line in one string, by the argument before */
};

static size_t
run(const struct scan *x, size_t from, enum charset set, size_t most)
{
	size_t i = from;
	while (i < x->n && i - from < most && in_set((unsigned char)x->s[i], set))
		i++;
	return i - from;
}

static bool
at(const struct scan *x, size_t i, const char *text)
{
	size_t k = strlen(text);
	return x->n - i >= k && memcmp(x->s + i, text, k) == 0;
}

/* Length of the token that begins at i by one of the forms, or 0. Without `exact` all that follows belongs to it: looked at once. */
static size_t
by_form(const struct scan *x, size_t i)
{
	for (size_t k = 0; k < BR_ARRAY_LEN(forms); k++) {
		const struct form *f = &forms[k];
		if (f->prefix[0] != x->s[i] || !at(x, i, f->prefix))
			continue;
		size_t head = strlen(f->prefix), tail = run(x, i + head, (enum charset)f->set, f->exact ? f->least + 1U : x->n);
		if (f->exact ? tail == f->least && run(x, i + head + tail, WORD, 1) == 0 : tail >= f->least)
			return head + tail;
	}
	return 0;
}

/* JSON Web Tokens (RFC 7519): three parts or more, the first of which begins an object. */
static size_t
jwt(struct scan *x, size_t i)
{
	if (i < x->no_jwt_before || !at(x, i, "eyJ"))
		return 0;
	size_t len = run(x, i, DOTTED, x->n), dots = 0;
	for (size_t k = i; k < i + len; k++)
		dots += x->s[k] == '.';
	if (dots >= 2 && len >= 36)
		return len;
	x->no_jwt_before = i + len;
	return 0;
}

/* PEM and OpenPGP private keys, to their end or the string's. */
static size_t
pem(const struct scan *x, size_t i)
{
	if (!at(x, i, "-----BEGIN "))
		return 0;
	size_t head = x->n - i < 64 ? x->n - i : 64;
	if (memmem(x->s + i, head, "PRIVATE KEY", 11) == NULL)
		return 0;
	const char *end = memmem(x->s + i, x->n - i, "-----END ", 9);
	if (end == NULL)
		return x->n - i;
	const char *close = memmem(end + 9, x->n - (size_t)(end + 9 - x->s), "-----", 5);
	return close != NULL ? (size_t)(close + 5 - (x->s + i)) : x->n - i;
}

/* ---- by name ---- */

/* Ends of names of what is secret, without case and separators: api_key, API-KEY and apiKey are one. */
static const char *const secret_ends[] = {"password", "passwd", "passphrase", "passcode", "secret", "token", "apikey", "accesskey", "secretkey",
    "privatekey", "signingkey", "encryptionkey", "accountkey", "sharedkey", "masterkey", "authkey", "secretkeybase", "amzsignature",
    "mysqlpwd", "sshpass"};
/* Of these, the ones that are not. */
static const char *const plain_ends[] = {"publickeytoken", "nexttoken", "pagetoken", "continuationtoken", "startingtoken",
    "maxtoken", "cancellationtoken", "eostoken", "bostoken", "padtoken", "unktoken"};
/* Headers whose whole value is. */
static const char *const headers[] = {"authorization", "proxyauthorization", "cookie", "setcookie"};

#define NAME_LEN 48

struct name {
	char flat[NAME_LEN + 1]; /* its end, lower case, letters and digits only */
	bool separated;           /* the last part stands behind a separator, with something before it */
	bool upper;               /* no lower-case letter */
	bool dashed;
	char last[8];             /* the last part, when it is short */
};

static bool
is_name_char(char c)
{
	return in_set((unsigned char)c, DOTTED);
}

static void
read_name(struct name *out, const char *p, size_t n)
{
	size_t k = 0, last = n;
	memset(out, 0, sizeof(*out));
	if (n > NAME_LEN) {
		p += n - NAME_LEN;
		n = last = NAME_LEN;
	}
	out->upper = true;
	for (size_t i = 0; i < n; i++) {
		char c = p[i];
		if (c >= 'a' && c <= 'z')
			out->upper = false;
		if (!in_set((unsigned char)c, ALNUM)) {
			out->dashed |= c == '-' && k > 0;
			out->separated = k > 0;
			last = i + 1;
			continue;
		}
		out->flat[k++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	if (last == n && !out->separated)
		last = 0;
	for (size_t i = last, j = 0; i < n && n - last < sizeof(out->last); i++, j++)
		out->last[j] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]);
}

static bool
ends_in(const char *s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (br_endswith(s, v[i]))
			return true;
	return false;
}

static bool
is_secret_name(const struct name *m)
{
	if (ends_in(m->flat, plain_ends, BR_ARRAY_LEN(plain_ends)))
		return false;
	if (ends_in(m->flat, secret_ends, BR_ARRAY_LEN(secret_ends)))
		return true;
	if (br_streq(m->last, "pass"))
		return true;
	return m->separated && (br_streq(m->last, "pwd") || (m->upper && br_streq(m->last, "pat")));
}

static bool
is_header(const struct name *m)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(headers); i++)
		if (br_streq(m->flat, headers[i]))
			return true;
	return false;
}

/* ---- values ---- */

/* $NAME, ${NAME}, $(command), %NAME%, {{ template }}: says where a secret comes from, is none. */
static bool
is_reference(const char *p, size_t n)
{
	if (n < 2)
		return n == 0 || p[0] == '$'; /* of $(command), of which the parenthesis ends the value */
	if (p[0] == '%' || (p[0] == '{' && p[1] == '{'))
		return p[n - 1] == '%' || p[n - 1] == '}';
	if (p[0] != '$')
		return false;
	if (p[1] == '{' || p[1] == '(')
		return true;
	for (size_t i = 1; i < n; i++)
		if (!in_set((unsigned char)p[i], WORD))
			return false;
	return !(p[1] >= '0' && p[1] <= '9');
}

/* /run/secrets/token, ~/.token, ./token: where it is, not what. Keys in base64 have slashes too, but long parts. */
static bool
is_file_path(const char *p, size_t n)
{
	size_t part = 0, slashes = 0;
	if (n < 2 || (p[0] != '/' && p[0] != '~' && p[0] != '.'))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool slash = p[i] == '/';
		if (!slash && p[i] != '~' && !in_set((unsigned char)p[i], DOTTED))
			return false;
		slashes += slash;
		part = slash ? 0 : part + 1;
		if (part > 24)
			return false;
	}
	return slashes >= (p[0] == '/' ? 2 : 1);
}

static bool
is_plain_word(const char *p, size_t n)
{
	static const char *const words[] = {"true", "false", "null", "none", "nil", "undefined", "yes", "no", "required", "optional"};
	for (size_t i = 0; i < BR_ARRAY_LEN(words); i++)
		if (strlen(words[i]) == n && strncasecmp(words[i], p, n) == 0)
			return true;
	return false;
}

static bool
is_secret_value(const char *p, size_t n)
{
	return n > 0 && !is_reference(p, n) && !is_file_path(p, n) && !is_plain_word(p, n);
}

/* Behind a bare "token: ", as in prose, only what doesn't look like a word. */
static bool
is_odd_value(const char *p, size_t n)
{
	bool digit = false, other = false;
	for (size_t i = 0; i < n; i++) {
		digit |= p[i] >= '0' && p[i] <= '9';
		other |= (p[i] >= 'A' && p[i] <= 'Z' && i > 0) || (!in_set((unsigned char)p[i], ALNUM) && i + 1 < n);
	}
	return n >= 6 && (digit || other);
}

/* Where a bare value ends in a command line, a URL, a list of options. */
static bool
ends_value(char c)
{
	return (unsigned char)c <= ' ' || strchr("&;|<>()`,\"'}]#", c) != NULL;
}

static size_t
bare_end(const struct scan *x, size_t i)
{
	while (i < x->n && !ends_value(x->s[i]))
		i++;
	return i;
}

/* The end of what stands between quotes, the opening of which is at i - 1. */
static size_t
quoted_end(const struct scan *x, size_t i, char quote)
{
	for (; i < x->n && x->s[i] != quote; i++)
		if (x->s[i] == '\\' && quote == '"' && i + 1 < x->n)
			i++;
	return i < x->n ? i : x->n;
}

static size_t
line_end(const struct scan *x, size_t i)
{
	const char *nl = memchr(x->s + i, '\n', x->n - i);
	return nl != NULL ? (size_t)(nl - x->s) : x->n;
}

static bool
is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* ---- the scan ---- */

/* Adds a span; returns where to go on. The last one that there is room for takes all that follows: nothing is shown for lack of it. */
static size_t
add(struct scan *x, size_t from, size_t to)
{
	if (to <= from)
		return to;
	if (x->found + 1 == x->max)
		to = x->n;
	x->out[x->found++] = (struct br_secret_span){from, to - from};
	return to;
}

/* "Bearer X", "Basic X": past the scheme. */
static size_t
skip_scheme(const struct scan *x, size_t i)
{
	static const char *const schemes[] = {"bearer ", "basic ", "token ", "negotiate ", "digest ", "apikey "};
	for (size_t k = 0; k < BR_ARRAY_LEN(schemes); k++) {
		size_t n = strlen(schemes[k]);
		if (x->n - i > n && strncasecmp(x->s + i, schemes[k], n) == 0)
			return i + n;
	}
	return i;
}

/* Authorization: and its like; the name is s[from..colon). Its value goes to the end of the quotes around, or of the line. */
static size_t
header_value(struct scan *x, size_t from, size_t colon)
{
	size_t i = colon + 1;
	char before = '\0', quote = '\0';
	if (from > 0)
		before = x->s[from - 1];
	while (i < x->n && x->s[i] == ' ')
		i++;
	bool open = i < x->n && is_quote(x->s[i]); /* JSON, or name="value" */
	if (open)
		quote = x->s[i];
	else if (is_quote(before))
		quote = before;
	i = skip_scheme(x, i + open);
	size_t end = quote != '\0' ? quoted_end(x, i, quote) : before == ' ' ? bare_end(x, i) : line_end(x, i);
	bool prose = before == ' ' && quote == '\0' && !is_odd_value(x->s + i, end - i);
	return prose || is_reference(x->s + i, end - i) ? end : add(x, i, end);
}

/* NAME=value, --name=value, name: value, "name": "value". `sep` is where the sign stands, the name is s[from..to). */
static size_t
named_value(struct scan *x, size_t from, size_t to, size_t sep)
{
	struct name m;
	size_t i = sep + 1;
	bool colon = x->s[sep] == ':', whole = from == 0 && !x->script && !colon, tight = to == sep;
	read_name(&m, x->s + from, to - from);
	if (is_header(&m) && (colon || br_endswith(m.flat, "authorization")))
		return header_value(x, from, sep);
	bool long_only = br_streq(m.flat, "sig") && !colon, npm = br_streq(m.flat, "auth") && x->s[from] == '_';
	if (!is_secret_name(&m) && !long_only && !npm)
		return sep + 1;
	while (i < x->n && x->s[i] == ' ')
		i++;
	bool spaced = i > sep + 1, quoted = i < x->n && is_quote(x->s[i]);
	/* In program text `token = f(x)` says nothing; `token = "x"` does. And == compares. */
	if (i == x->n || x->s[i] == '=' || ((!tight || spaced) && !quoted && !colon))
		return sep + 1;
	size_t end = quoted ? quoted_end(x, i + 1, x->s[i]) : whole ? x->n : bare_end(x, i);
	i += quoted;
	/* arn:aws:secretsmanager:…:secret:name is a name; pass:secret is how openssl takes one. */
	if (colon && from > 0 && x->s[from - 1] == ':')
		return sep + 1;
	bool openssl = colon && from == 0 && br_streq(m.flat, "pass") && !spaced;
	bool sure = !colon || quoted || m.dashed || openssl || is_odd_value(x->s + i, end - i);
	if (!sure || (long_only && end - i < 40) || !is_secret_value(x->s + i, end - i))
		return sep + 1;
	return add(x, i, end);
}

/* At a = or :, whose name may be in quotes of its own (JSON). */
static size_t
at_separator(struct scan *x, size_t i)
{
	size_t to = i;
	if (to > 0 && is_quote(x->s[to - 1]))
		to--;
	else
		while (to > 0 && x->s[to - 1] == ' ' && i - to < 4)
			to--;
	size_t from = to;
	while (from > 0 && is_name_char(x->s[from - 1]) && to - from < NAME_LEN)
		from--;
	return to > from ? named_value(x, from, to, i) : i + 1;
}

/* scheme://user:password@host: `i` is behind the slashes. */
static size_t
url_password(struct scan *x, size_t i)
{
	size_t colon = 0, last_at = 0;
	for (size_t k = i; k < x->n && (unsigned char)x->s[k] > ' ' && strchr("/?#\"'<>`", x->s[k]) == NULL; k++) {
		if (x->s[k] == ':' && colon == 0)
			colon = k;
		else if (x->s[k] == '@')
			last_at = k;
	}
	/* docker://image:tag@sha256:… */
	if (colon == 0 || last_at <= colon + 1 || at(x, last_at + 1, "sha256:") || is_reference(x->s + colon + 1, last_at - colon - 1))
		return i;
	return add(x, colon + 1, last_at);
}

/* "Bearer X" without its header's name. */
static size_t
bare_bearer(const struct scan *x, size_t i)
{
	if (x->n - i < 7 || strncasecmp(x->s + i, "bearer ", 7) != 0)
		return 0;
	size_t end = bare_end(x, i + 7);
	return is_odd_value(x->s + i + 7, end - i - 7) && end - i - 7 >= 16 && !is_reference(x->s + i + 7, end - i - 7) ? end : 0;
}

static size_t
step(struct scan *x, size_t i)
{
	const char *s = x->s;
	size_t k;
	if ((s[i] == '=' || s[i] == ':') && i > 0) {
		if (s[i] == ':' && at(x, i, "://"))
			return url_password(x, i + 3);
		return at_separator(x, i);
	}
	if (s[i] == '-' && (k = pem(x, i)) > 0)
		return add(x, i, i + k);
	if (!in_set((unsigned char)s[i], ALNUM) || (i > 0 && in_set((unsigned char)s[i - 1], WORD)))
		return i + 1;
	if ((k = by_form(x, i)) > 0 || (k = jwt(x, i)) > 0)
		return add(x, i, i + k);
	if ((s[i] == 'B' || s[i] == 'b') && (k = bare_bearer(x, i)) > 0)
		return add(x, i + 7, k);
	return i + 1;
}

/* What an option before says of the whole argument: 1 it is a secret, 0 nothing. */
static bool
by_option(const char *prev, const char *s, size_t n)
{
	struct name m;
	if (prev == NULL || prev[0] != '-' || strchr(prev, '=') != NULL || (n >= 2 && s[0] == '-' && s[1] == '-'))
		return false;
	read_name(&m, prev, strlen(prev));
	/* docker build --secret id=…, type=…: a file or a variable. */
	if (br_streq(m.flat, "secret") && n > 3 && (memcmp(s, "id=", 3) == 0 || (n > 5 && memcmp(s, "type=", 5) == 0)))
		return false;
	return (is_secret_name(&m) || br_streq(m.flat, "cookie")) && is_secret_value(s, n);
}

/* curl -u name:password; not the user:group of others, whose parts are names or numbers. */
static size_t
by_user_option(struct scan *x, const char *prev)
{
	static const char *const options[] = {"-u", "-U", "--user", "--proxy-user"};
	const char *colon = memchr(x->s, ':', x->n);
	bool fits = false;
	for (size_t i = 0; i < BR_ARRAY_LEN(options); i++)
		fits |= prev != NULL && br_streq(prev, options[i]);
	if (!fits || colon == NULL || colon == x->s || memchr(x->s, ' ', x->n) != NULL)
		return 0;
	size_t name = (size_t)(colon - x->s), n = x->n - name - 1;
	bool numbers = true;
	for (size_t i = 0; i < name; i++)
		numbers &= x->s[i] >= '0' && x->s[i] <= '9';
	bool same = n == name && memcmp(x->s, colon + 1, n) == 0;
	return numbers || same || n < 6 || !is_secret_value(colon + 1, n) ? 0 : add(x, name + 1, x->n);
}

/* sh -c SCRIPT, bash -lc SCRIPT, bash -c -l SCRIPT */
static bool
before_script(const char *prev)
{
	if (prev == NULL || prev[0] != '-' || prev[1] == '-')
		return false;
	size_t n = strlen(prev);
	return n >= 2 && n <= 5 && (prev[n - 1] == 'c' || prev[n - 1] == 'l' || prev[n - 1] == 'e');
}

size_t
br_redact_find(const char *prev, const char *s, size_t n, struct br_secret_span *out, size_t max)
{
	struct scan x = {.s = s, .n = n, .out = out, .max = max, .script = before_script(prev)};
	if (n == 0 || max == 0)
		return 0;
	if (by_option(prev, s, n)) {
		out[0] = (struct br_secret_span){0, n};
		return 1;
	}
	for (size_t i = by_user_option(&x, prev); i < n && x.found < max;)
		i = step(&x, i);
	return x.found;
}
