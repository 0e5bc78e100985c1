/* The session's own ~/.gitconfig: who the user is and how git behaves for them, without what lets git in anywhere.
 *
 * The user's files can't be bound: tokens live in them (http.<url>.extraHeader, url.<base>.insteadOf, credential.helper). A new
 * one is written from an allowlist of keys, since git grows. It only has to keep secrets: whatever programs it names run
 * inside. */
#ifndef BRATTICE_SESSION_GITCONFIG_HOME_H
#define BRATTICE_SESSION_GITCONFIG_HOME_H

#include "base/buf.h"
#include "base/err.h"
#include "policy/compiled.h"

/* Appends to `out`, in git's syntax, the entries of `data` that a session may know: the keys that br_gitconfig_is_harmless
 * knows and that only describe (no remotes, addresses, signing), aliases of git's own commands, and core.excludesFile or
 * core.attributesFile where the policy shows that file. No value that looks like a secret or is an address with a user in it.
 * `home` stands for "~/". False where `data` is not git's syntax, with the line and why (static); what stands before is taken.
 * Pure. */
bool br_gitconfig_describe(const char *data, size_t n, const struct br_policy *policy, const char *home, struct br_buf *out,
    unsigned *line, const char **why);

/* The same for the files that git reads as the user's: $XDG_CONFIG_HOME/git/config, then ~/.gitconfig, and those that they
 * include, as git reads them for the repository `project` (absolute, resolved): `include.path`, and `includeIf` with a condition on
 * gitdir; at most 10 deep and 64 files. Only regular files of the user's or root's are read. `out` stays empty when profile git is not
 * in force. A file that can't be read counts as absent, with a warning when it is there. -1 when memory runs out. */
int br_gitconfig_home(const struct br_policy *policy, const char *home, const char *project, struct br_buf *out, struct br_err *e);

#endif
