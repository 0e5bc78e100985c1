/* Which names in the project are guarded, watched or plain: a pure function of the policy and a path.
 *
 * The path gate (exec/) asks it about every name it is about to create, replace, rename or open for writing; `policy
 * explain`, `policy test` and the handoff check ask it too, so there is one answer. */
#ifndef BRATTICE_POLICY_GUARD_H
#define BRATTICE_POLICY_GUARD_H

#include "policy/compiled.h"

enum br_guard_class {
	BR_GUARD_PLAIN,
	BR_GUARD_WATCHED,   /* allowed and recorded */
	BR_GUARD_DENY,      /* guarded: refuse */
	BR_GUARD_KEEP,      /* guarded: it stays as it is, but what its own tool writes there again is accepted and dropped */
	BR_GUARD_GITCONFIG, /* a git config file: only by git's own rename of config.lock, after the judge */
	BR_GUARD_GITLINK,   /* a `.git` file: only when it resolves to a git directory of the tree */
	BR_GUARD_COMMONDIR, /* a `commondir` file of a worktree: only with the content "../.." */
	BR_GUARD_HIDDEN     /* hidden: EACCES */
};

struct br_guard_answer {
	enum br_guard_class cls;
	const char *rule;   /* the pattern, static or owned by the policy */
	const char *origin; /* where it comes from */
	uint32_t flags;     /* BR_POLF_* of the rule's record; 0 for git's rules */
};

struct br_guard; /* the rules, indexed */

/* Indexes the records PROTECT, UNPROTECT, WATCH, HIDE and UNHIDE of `p`, which must live as long as the guard. NULL when memory
 * ran out or a pattern is bad.
 *
 * What lifts what: UNPROTECT and UNHIDE lift every rule that has BR_POLF_DEFAULT, and the rules before them from the same
 * source
 * (`origin` up to its last ':'). Rules of other layers stay: denials are a union. A lift that is itself BR_POLF_DEFAULT lifts
 * only default rules. Git's rules are lifted only by an UNPROTECT that names a component `.git` literally (`!.git/hooks/x`),
 * the classes GITCONFIG, GITLINK and COMMONDIR never. Guard names match ASCII-case-insensitively, lifts exactly. */
struct br_guard *br_guard_new(const struct br_policy *p, struct br_err *e);
void br_guard_free(struct br_guard *g); /* NULL is fine */
/* A repository (project-relative directory, "" = the project itself, always there) whose root names are guarded. 0, or -1 when
 * memory ran out. */
int br_guard_add_repo(struct br_guard *g, const char *rel);
/* Hides exactly `rel`, and all below it: what the scan at start found by name or content. 0, or -1 when memory ran out. */
int br_guard_add_hidden(struct br_guard *g, const char *rel);
/* Guards exactly `rel`, and all below it: what the repository's configuration makes git run (gitconfig_trust.h). `cls` is
 * BR_GUARD_DENY or BR_GUARD_KEEP, `why` and `origin` (both copied) what answers name as rule and origin. Nothing lifts it. 0, or
 * -1 when memory ran out. */
int br_guard_add_executed(
    struct br_guard *g, const char *rel, enum br_guard_class cls, const char *why, const char *origin);

/* Class of the project-relative path `rel` ("a/b/.git/hooks/x", normal form, symlinks in its parents resolved; never "").
 *
 * `is_dir`: true only for mkdir (and for a directory that is there): a path whose last component is `.git` is PLAIN as a
 * directory and GITLINK as anything else; the same goes for `.git/hooks` and its like, which may be made but not be a symlink.
 * A directory that arrives or leaves by *rename*, and a symlink that is made, renamed or linked, brings content from elsewhere:
 * ask br_guard_classify_tree for these, for both names. KEEP is about regular files: all else there is to be refused. (A plain file or link in the place of a directory that a guarded
 * pattern goes through, such as `.claude`, is DENY here as well.)
 *
 * HIDDEN with BR_POLF_DEFAULT in `flags` is a rule by name (`.env`): a caller that knows the name to be absent may let it be
 * created (`cp .env.example .env`). Rules with BR_POLF_IF_KEY are not asked here, since they depend on content: see
 * br_guard_hidden and br_guard_add_hidden. */
struct br_guard_answer br_guard_classify(const struct br_guard *g, const char *rel, bool is_dir);

/* Class of a rename, to or from the name `rel`, of a directory (never KEEP): DENY when something guarded lies (or could lie) below it that
 * would lose its guard or come from elsewhere: `.git` itself, a repository of br_guard_add_repo, `.claude`, a user's `infra/`.
 * Names guarded at any depth keep their guard under the new name. A directory that holds nothing (rmdir) needs only
 * br_guard_classify. A rename over the border of the project must be answered with EXDEV: outside nothing is guarded. */
struct br_guard_answer br_guard_classify_tree(const struct br_guard *g, const char *rel);

/* The rule that hides `rel` (HIDDEN, or PLAIN when none), for the scan at start. With BR_POLF_IF_KEY in `flags` the file is
 * hidden only when br_is_private_key says so of its content; with BR_POLF_DEFAULT only when it is not tracked and lies outside
 * of br_builtin_skip_dirs. */
struct br_guard_answer br_guard_hidden(const struct br_guard *g, const char *rel, bool is_dir);

/* True when `rel` is a `.git` or lies below one, under any of its spellings. The gate lets no symlink that leaves the tree be
 * made there, nor renamed or linked there: git on the host appends to and truncates files such as .git/logs/HEAD and
 * .git/COMMIT_EDITMSG through them. */
bool br_guard_in_git(const char *rel);

/* True when that git directory belongs to the project or to a repository of br_guard_add_repo. The configuration of any other,
 * made during the run, may be unlinked (`rm -rf clone`); that of these may not. */
bool br_guard_in_known_repo(const struct br_guard *g, const char *rel);

#endif
