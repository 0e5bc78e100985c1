/* Keys and tokens by their shape. What is found is named by kind and line, never shown. */
#include "session/review/look.h"

#include <ctype.h>

struct shape {
	const char *prefix;
	const char *alphabet; /* of what follows: NULL = letters, digits, '_' and '-' */
	unsigned least;       /* how many of it */
	const char *name;
};

static const struct shape SHAPES[] = {
    {"ghp_", NULL, 36, "GitHub token"},
    {"gho_", NULL, 36, "GitHub token"},
    {"ghu_", NULL, 36, "GitHub token"},
    {"ghs_", NULL, 36, "GitHub token"},
    {"ghr_", NULL, 36, "GitHub token"},
    {"github_pat_", NULL, 40, "GitHub token"},
    {"glpat-", NULL, 20, "GitLab token"},
    {"sk-ant-", NULL, 24, "Anthropic key"},
    {"sk-proj-", NULL, 32, "OpenAI key"},
    {"sk_live_", NULL, 20, "Stripe key"},
    {"rk_live_", NULL, 20, "Stripe key"},
    {"AKIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16, "AWS access key"},
    {"ASIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16, "AWS access key"},
    {"AIza", NULL, 35, "Google API key"},
    {"ya29.", NULL, 30, "Google access token"},
    {"xoxb-", NULL, 20, "Slack token"},
    {"xoxp-", NULL, 20, "Slack token"},
    {"xoxa-", NULL, 20, "Slack token"},
    {"xapp-", NULL, 20, "Slack token"},
    {"npm_", NULL, 36, "npm token"},
    {"pypi-AgEIcHlwaS5vcmc", NULL, 30, "PyPI token"},
    {"hf_", NULL, 34, "Hugging Face token"},
    {"dop_v1_", NULL, 40, "DigitalOcean token"},
    {"SG.", NULL, 20, "SendGrid key"},
    {"hvs.", NULL, 24, "Vault token"},
    {"AGE-SECRET-KEY-1", NULL, 40, "age private key"},
};

static bool
word(unsigned char c)
{
	return isalnum(c) || c == '_' || c == '-';
}

static const struct shape *
shape_at(const char *p, size_t n)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(SHAPES); i++) {
		const struct shape *s = &SHAPES[i];
		size_t m = strlen(s->prefix), k = 0;
		if (n < m + s->least || memcmp(p, s->prefix, m) != 0)
			continue;
		while (k < s->least && (s->alphabet != NULL ? p[m + k] != '\0' && strchr(s->alphabet, p[m + k]) != NULL
							    : word((unsigned char)p[m + k])))
			k++;
		if (k == s->least)
			return s;
	}
	return NULL;
}

/* "-----BEGIN … PRIVATE KEY-----" of RFC 7468 and of OpenSSH, with something after it. */
static bool
pem_at(const char *p, size_t n)
{
	static const char begin[] = "-----BEGIN ";
	if (n < 60 || memcmp(p, begin, sizeof(begin) - 1) != 0)
		return false;
	size_t line = 0;
	while (line < n && line < 80 && p[line] != '\n')
		line++;
	return memmem(p, line, "PRIVATE KEY", 11) != NULL;
}

void
br_look_secret(struct br_look *l)
{
	unsigned line = 1, found = 0;
	bool boundary = true; /* a token starts where a word does */
	for (size_t i = 0; i < l->now.len && found < 5; i++) {
		const char *p = l->now.p + i;
		size_t left = l->now.len - i;
		const char *name = NULL;
		if (boundary && strchr("gsrAaxnphdSy", *p) != NULL && *p != '\0') {
			const struct shape *s = shape_at(p, left);
			name = s != NULL ? s->name : NULL;
		} else if (*p == '-' && pem_at(p, left)) {
			name = "private key";
		}
		if (name != NULL) {
			found++;
			br_look_add(l, l->deps ? BR_HANDOFF_NOTE : BR_HANDOFF_WARN, l->deps ? "secret-dependency" : "secret",
			    "line %u looks like a secret (%s): it must not be committed or pushed", line, name);
		}
		boundary = !word((unsigned char)*p);
		line += *p == '\n';
	}
}
