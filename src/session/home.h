/* The private home: a new directory for each session, with the parts that the policy keeps bound in from the project's own store.
 *
 * What isn't kept by name is gone after the session: rc files, agent settings, git and npm configuration, PATH directories
 * start fresh each time, so one session can't poison the next (docs/threat-model.md, class 28). */
#ifndef BRATTICE_SESSION_HOME_H
#define BRATTICE_SESSION_HOME_H

#include "base/sha256.h"
#include "policy/compiled.h"
#include "sandbox/plan.h"
#include "session/made.h"
#include "session/project.h"

#include <time.h>

/* A file that brattice wrote into the home, of the names that the handoff check knows (policy/builtin.h). */
struct br_home_written {
	char *rel;
	char sha256[BR_SHA256_HEX];
};

struct br_home {
	char dir[PATH_MAX];   /* $STATE/sessions/<id>/home */
	char store[PATH_MAX]; /* $STATE/homes/<hash> */
	struct br_plan_pair *keeps; /* directories to bind; strings owned */
	size_t nkeeps;
	struct timespec since; /* by the clock of change times, before anything was made */
	struct br_home_written *written;
	size_t nwritten;
	struct br_made made; /* directories of the project made for filesystem.private; its descriptors are only the monitor's */
};

/* Makes the directories; `home` is the path inside. With uid >= 0 (as root) they are given to uid:gid. */
int br_home_prepare(struct br_home *h, const struct br_policy *policy, const struct br_project *p, const char *home,
    const char *state, const char *session_dir, int uid, int gid, struct br_err *e);
/* After the session: kept *files* (shell history) go back to the store, the rest is removed; so are empty directories
 * that were made in the project. */
void br_home_finish(struct br_home *h, const struct br_policy *policy);
void br_home_free(struct br_home *h);

#endif
