/* The host's side of the attacks: what a user has running beside the sandbox. host.c lists it. */
#ifndef BRATTICE_ATTACK_HOST_H
#define BRATTICE_ATTACK_HOST_H

#include "base/defs.h"

/* argv[0] is the service, its arguments follow; serves until SIGTERM. Returns an exit status. */
int host_main(int argc, char **argv);

#endif
