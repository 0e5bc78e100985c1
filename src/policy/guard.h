/* Which names in the project are guarded, watched or plain: a pure function of the policy and a path.
 *
 * The path gate (exec/) asks it about every name it is about to create, replace, rename or open for writing; `policy
 * explain`, `policy test` and the handoff check ask it too, so there is one answer. */
#ifndef BRATTICE_POLICY_GUARD_H
#define BRATTICE_POLICY_GUARD_H

#include "policy/compiled.h"

enum br_guard_class {
	BR_GUARD_PLAIN,
	BR_GUARD_WATCHED,    /* allowed and recorded */
	BR_GUARD_DENY,       /* guarded: refuse */
	BR_GUARD_GITCONFIG,  /* a git config file: only by git's own rename of config.lock, after the judge */
	BR_GUARD_GITLINK,    /* a `.git` file: only when it resolves to a git directory of the tree */
	BR_GUARD_COMMONDIR,  /* a `commondir` file of a worktree: only with the content "../.." */
	BR_GUARD_HIDDEN      /* hidden: EACCES */
};

struct br_guard_answer {
	enum br_guard_class cls;
	const char *rule;   /* the pattern, static or owned by the policy */
	const char *origin; /* where it comes from */
};

struct br_guard; /* the rules, indexed */

struct br_guard *br_guard_new(const struct br_policy *p, struct br_err *e);
void br_guard_free(struct br_guard *g);
/* A repository (project-relative directory, "" = the project itself) whose root names are guarded. */
int br_guard_add_repo(struct br_guard *g, const char *rel);
/* Class of the project-relative path `rel` ("a/b/.git/hooks/x"; never ""). */
struct br_guard_answer br_guard_classify(const struct br_guard *g, const char *rel, bool is_dir);
/* Class of a rename or removal of the directory `rel`: DENY when something guarded lies (or could lie) below it that
 * would lose its guard. `.git` itself, `.claude`, a user's `infra/**` … */
struct br_guard_answer br_guard_classify_tree(const struct br_guard *g, const char *rel);

#endif
