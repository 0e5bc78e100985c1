/* Which directory is the project. */
#ifndef BRATTICE_SESSION_PROJECT_H
#define BRATTICE_SESSION_PROJECT_H

#include "base/err.h"

#include <limits.h>

struct br_project {
	char root[PATH_MAX]; /* real path: bound read-write */
	char cwd[PATH_MAX];  /* real path of where the command starts, at or below root */
	char hash[17];       /* names its private home: 16 hex digits of the SHA-256 of root */
};

/* The project is the nearest directory at or above `dir` (NULL: the working directory) that holds brattice.yaml or .git, but
 * never $HOME or anything above it; else `dir` itself. Refuses "/", $HOME and directories above $HOME unless `force`. */
int br_project_find(struct br_project *p, const char *dir, const char *home, bool force, struct br_err *e);

#endif
