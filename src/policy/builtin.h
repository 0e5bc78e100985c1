/* The paths that are guarded, watched and hidden when no policy says otherwise, and why: the one table that the policy helper
 * turns into records and that the reference page is generated from. Git's own files are not here: they need structure
 * (gitpath.h). */
#ifndef BRATTICE_POLICY_BUILTIN_H
#define BRATTICE_POLICY_BUILTIN_H

#include "policy/compiled.h"

struct br_builtin_path {
	enum br_pol_kind kind; /* BR_POL_PROTECT, UNPROTECT, KEEP, WATCH, HIDE or UNHIDE */
	uint32_t flags;        /* BR_POLF_ROOT_ONLY, BR_POLF_IF_KEY; BR_POLF_DEFAULT is understood */
	const char *pattern;   /* gitignore semantics */
	const char *what;      /* what a tool on the host does with it, or what it holds: "npm: runs programs named in it" */
};

extern const struct br_builtin_path br_builtin_paths[];
extern const size_t br_builtin_paths_n;

/* Names below a home that a shell, a tool or an agent executes or trusts: what the handoff check lists of the changes to the private
 * home that stay, and of a home's own files that the policy let be written. */
struct br_builtin_home {
	const char *name; /* relative to the home, literal; a directory ends in '/' and stands for all below it */
	const char *what; /* who does what with it */
};

extern const struct br_builtin_home br_builtin_home[];
extern const size_t br_builtin_home_n;

/* Whether `rel` is the entry `name` or lies below it. */
bool br_home_name_covers(const char *name, const char *rel);
/* The entry that covers `rel`, or NULL. */
const struct br_builtin_home *br_builtin_home_find(const char *rel);

/* Names of directories, at any depth, that the scan for hidden files does not enter: they hold other people's published files
 * (test keys among them), and are large. */
extern const char *const br_builtin_skip_dirs[];
extern const size_t br_builtin_skip_dirs_n;

/* Whether the last component of `rel` is one of them. */
bool br_builtin_is_skipped(const char *rel);

/* Adds a record for each entry, with BR_POLF_DEFAULT and the origin "built-in". */
void br_builtin_add(struct br_pol_writer *w);

#endif
