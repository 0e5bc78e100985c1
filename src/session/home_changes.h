/* What a session leaves in homes that somebody would execute or trust (policy/builtin.h): in what the private home keeps for the next
 * session, and in the home's own files that the policy let be written. The gate names only changes in the project; here the file systems
 * are looked at when the last process inside has ended.
 *
 * `home-changes` in the session's directory gets a line for each: "how name", the name relative to the home and escaped.
 *   kept    the next session of the project has it
 *   host    the user's own file
 *   gone    a name of the table that was changed in the private home and goes with it; a directory by its own name
 *   cut     there is more of it than is looked at */
#ifndef BRATTICE_SESSION_HOME_CHANGES_H
#define BRATTICE_SESSION_HOME_CHANGES_H

#include "session/home.h"

#define BR_HOME_CHANGES "home-changes"

/* Runs in the monitor, before br_home_finish. A change is what has a change time (st_ctime, which no program can set back) from
 * br_home_prepare on; a file that brattice wrote into the home and that still has its content is none. Bounded: 20,000 names are looked at,
 * and a directory that can't be read, or a way through a symlink, counts as changed. Returns the number of lines, or -1 with `e`. */
int br_home_changes(const struct br_home *h, const struct br_policy *policy, const char *project, const char *home, int session_dir,
    struct br_err *e);

#endif
