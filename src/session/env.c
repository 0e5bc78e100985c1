#include "session/env.h"

#include <errno.h>
#include <strings.h>

static void
push(struct br_env *env, const char *name, size_t name_len, const char *value)
{
	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->v[i], name, name_len) == 0 && env->v[i][name_len] == '=') {
			free(env->v[i]);
			env->v[i] = env->v[--env->n];
			env->v[env->n] = NULL;
			break;
		}
	}
	if (env->n + 2 > env->cap) {
		size_t cap = env->cap != 0 ? env->cap * 2 : 64;
		char **v = realloc(env->v, cap * sizeof(*v));
		if (v == NULL) {
			env->failed = true;
			return;
		}
		env->v = v;
		env->cap = cap;
	}
	br_auto_buf b = {0};
	br_buf_put(&b, name, name_len);
	br_buf_putc(&b, '=');
	br_buf_puts(&b, value);
	if (b.failed) {
		env->failed = true;
		return;
	}
	env->v[env->n++] = br_steal_ptr(&b.p);
	env->v[env->n] = NULL;
}

static void
set(struct br_env *env, const char *name, const char *value)
{
	push(env, name, strlen(name), value);
}

static const char *
outer_value(char *const *outer, const char *name)
{
	size_t n = strlen(name);
	for (; *outer != NULL; outer++)
		if (strncmp(*outer, name, n) == 0 && (*outer)[n] == '=')
			return *outer + n + 1;
	return NULL;
}

static bool
contains_nocase(const char *hay, const char *needle)
{
	size_t n = strlen(needle);
	for (; *hay != '\0'; hay++)
		if (strncasecmp(hay, needle, n) == 0)
			return true;
	return false;
}

bool
br_env_looks_secret(const char *name, const char *value)
{
	static const char *const words[] = {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "APIKEY", "API_KEY",
	    "ACCESS_KEY", "PRIVATE_KEY", "AUTH_SOCK", "COOKIE", "SIGNING_KEY", "CONNECTION_STRING", "DATABASE_URL"};
	static const char *const suffixes[] = {"_PAT", "_DSN", "_KEY"};
	static const char *const prefixes[] = {"sk-", "sk_live_", "rk_live_", "ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "AKIA",
	    "ASIA", "xoxb-", "xoxp-", "xapp-", "npm_", "pypi-", "AIza", "ya29.", "hvs.", "dop_v1_", "-----BEGIN", "eyJhbGci"};
	for (size_t i = 0; i < BR_ARRAY_LEN(words); i++)
		if (contains_nocase(name, words[i]))
			return true;
	for (size_t i = 0; i < BR_ARRAY_LEN(suffixes); i++)
		if (br_endswith(name, suffixes[i]))
			return true;
	for (size_t i = 0; i < BR_ARRAY_LEN(prefixes); i++)
		if (br_startswith(value, prefixes[i]))
			return true;
	/* user:password@ in a URL */
	const char *scheme = strstr(value, "://");
	const char *at = scheme != NULL ? strchr(scheme, '@') : NULL;
	const char *colon = scheme != NULL ? strchr(scheme + 3, ':') : NULL;
	return at != NULL && colon != NULL && colon < at && strcspn(scheme + 3, "/") > (size_t)(at - scheme - 3);
}

static bool
name_matches(const char *pattern, const char *name, size_t n)
{
	size_t p = strlen(pattern);
	if (p > 0 && pattern[p - 1] == '*')
		return n >= p - 1 && strncmp(pattern, name, p - 1) == 0;
	return p == n && strncmp(pattern, name, n) == 0;
}

static bool
passes(const struct br_policy *policy, const char *name, size_t n)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(policy, BR_POL_ENV_PASS, r)) != NULL;)
		if (name_matches(r->text, name, n))
			return true;
	return false;
}

static void
take_outer(struct br_env *env, const struct br_env_input *in)
{
	for (char *const *o = in->outer; *o != NULL; o++) {
		const char *eq = strchr(*o, '=');
		char name[256];
		if (eq == NULL || eq == *o || (size_t)(eq - *o) >= sizeof(name))
			continue;
		memcpy(name, *o, (size_t)(eq - *o));
		name[eq - *o] = '\0';
		bool secret = br_env_looks_secret(name, eq + 1);
		if (secret) {
			if (env->secrets.len > 0)
				br_buf_puts(&env->secrets, ", ");
			br_buf_puts(&env->secrets, name);
		} else if (passes(in->policy, name, strlen(name))) {
			set(env, name, eq + 1);
		}
	}
}

int
br_env_build(struct br_env *env, const struct br_env_input *in, struct br_err *e)
{
	*env = (struct br_env){0};
	take_outer(env, in);
	if (outer_value(env->v != NULL ? env->v : (char *[]){NULL}, "PATH") == NULL)
		set(env, "PATH", "/usr/local/bin:/usr/bin:/bin");
	char run_dir[64];
	(void)snprintf(run_dir, sizeof(run_dir), "/run/user/%u", in->uid);
	set(env, "HOME", in->home);
	set(env, "USER", in->user);
	set(env, "LOGNAME", in->user);
	set(env, "TMPDIR", "/tmp");
	set(env, "XDG_RUNTIME_DIR", run_dir);
	set(env, "BRATTICE", in->session);
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(in->policy, BR_POL_ENV_SET, r)) != NULL;) {
		const char *eq = strchr(r->text, '=');
		if (eq != NULL)
			push(env, r->text, (size_t)(eq - r->text), eq + 1);
	}
	for (size_t i = 0; i < in->given->n; i++) {
		const char *g = in->given->v[i], *eq = strchr(g, '=');
		const char *value = eq != NULL ? eq + 1 : outer_value(in->outer, g);
		if (value == NULL)
			return br_err_set(e, 0, "--env %s: it is not set in your environment", g);
		push(env, g, eq != NULL ? (size_t)(eq - g) : strlen(g), value);
	}
	return env->failed ? br_err_set(e, ENOMEM, "cannot build the environment") : 0;
}

void
br_env_free(struct br_env *env)
{
	for (size_t i = 0; i < env->n; i++)
		free(env->v[i]);
	free(env->v);
	br_buf_free(&env->secrets);
	*env = (struct br_env){0};
}
