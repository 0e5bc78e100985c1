/* What a compiled policy was made from, and whether that still looks the same.
 *
 * The one exception to "policy/ does no I/O": the helper that records inputs and the monitor that checks them must agree to the
 * byte, so both call this. */
#ifndef BRATTICE_POLICY_INPUTS_H
#define BRATTICE_POLICY_INPUTS_H

#include "base/sha256.h"
#include "policy/compiled.h"

/* The state of one input as it is stored in BR_POL_INPUT's data, NUL-terminated in `out`:
 *   "absent"       nothing there (ENOENT, ENOTDIR)
 *   64 hex digits  SHA-256 of a regular file's bytes; of a directory: of its entries' names in byte order, each followed by
 * '\n' "present"      only with `presence`: there, whatever it holds -1 with errno when it can't be told (unreadable, bigger
 * than 1 MiB, neither file nor directory). Never blocks. */
int br_input_state(const char *path, bool presence, char out[BR_SHA256_HEX]);

/* The same for an environment variable: "absent" or the SHA-256 of its value. */
void br_input_variable(const char *name, char out[BR_SHA256_HEX]);

/* The same for a program, which is too big to be hashed at every start: size, inode, and times of content and change. */
int br_input_program(const char *path, char out[BR_SHA256_HEX]);

/* True when every BR_POL_INPUT of the policy still has the state recorded in it, and every path that is granted still leads where it
 * led. */
bool br_inputs_unchanged(const struct br_policy *p);

#endif
