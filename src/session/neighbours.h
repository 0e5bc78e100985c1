/* Programs of the host that work in the project while the agent does: editors, language servers, watchers. */
#ifndef BRATTICE_SESSION_NEIGHBOURS_H
#define BRATTICE_SESSION_NEIGHBOURS_H

#include "base/defs.h"

/* Counts processes whose working directory is `root` or below it, but for our own ancestors (the shell) and sessions of brattice.
 * `who` gets the name of the first. Reads /proc once. */
unsigned br_neighbours(const char *root, char *who, size_t room);

#endif
