/* Shared by state.c, state_find.c and gc.c only. */
#ifndef BRATTICE_SESSION_STATE_INT_H
#define BRATTICE_SESSION_STATE_INT_H

#include "session/state.h"

#define BR_DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) /* <fcntl.h> */

/* $STATE/sessions, opened and checked; absent: -1 with e->sys == ENOENT. */
int br_sessions_open(bool create, struct br_err *e);

/* One session's directory below `sessions`. -1 with errno. */
int br_session_opendir(int sessions, const char *id);

/* Whether somebody holds the lock. Without a lock file the session was ended and cleaned. */
bool br_session_is_locked(int dirfd);

/* Names of the directory that `wanted` accepts; NULL-terminated, allocated, freed by br_names_free. */
char **br_names(int dirfd, bool (*wanted)(const char *name), struct br_err *e);
void br_names_free(char **names);

/* Milliseconds of CLOCK_REALTIME. */
int64_t br_realtime_ms(void);

#endif
