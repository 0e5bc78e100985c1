/* The command's environment: rebuilt from the policy's allowlist, never inherited. */
#ifndef BRATTICE_SESSION_ENV_H
#define BRATTICE_SESSION_ENV_H

#include "base/buf.h"
#include "base/err.h"
#include "policy/compiled.h"
#include "session/run.h"

struct br_env {
	char **v; /* NULL-terminated, allocated */
	size_t n, cap;
	bool failed;
	struct br_buf secrets; /* names that look like secrets and stayed out, separated by ", " */
};

struct br_env_input {
	const struct br_policy *policy;
	const struct br_opt_list *given; /* --env NAME or NAME=VALUE */
	char *const *outer;              /* the user's environment */
	const char *home, *user, *session;
	uid_t uid;
};

int br_env_build(struct br_env *env, const struct br_env_input *in, struct br_err *e);
void br_env_free(struct br_env *env);
/* By name (…TOKEN…, …SECRET…, AWS_…) or by the value's well-known prefix (sk-, ghp_, AKIA …). */
bool br_env_looks_secret(const char *name, const char *value);

#endif
