/* The effective policy of a session: from the cache when nothing it was made from has changed, else compiled by the helper. */
#ifndef BRATTICE_SESSION_POLICY_LOAD_H
#define BRATTICE_SESSION_POLICY_LOAD_H

#include "policy/compiled.h"
#include "session/project.h"
#include "session/run.h"

/* `state`: the state directory, existing; `path` gets the compiled file's name. On -1 messages about the policy files are on stderr already when e->msg is empty. */
int br_policy_load(struct br_policy *out, char path[PATH_MAX], const struct br_run_options *o, const struct br_project *p, const char *home,
    const char *state, struct br_err *e);

#endif
