/* The host's key, which certifies the keys of sessions: $STATE/host.key and host.pub (docs/log-format.md). libcrypto. */
#ifndef BRATTICE_AUDIT_HOSTKEY_H
#define BRATTICE_AUDIT_HOSTKEY_H

#include "audit/log/note.h"

/* Loads it into `out`, which the caller wipes. `statedir` is the state directory, borrowed. With `create` a missing one is made: on disk,
 * mode 0600, never over another one, so that of two at a time one wins and both use it. -1 with `e`: absent, readable by others, not a key.
 *
 * host.key is one line in the form of Go's sumdb notes, PRIVATE+KEY+<name>+<key id>+<base64 of 0x01 and the seed>. */
int br_host_key_load(int statedir, bool create, struct br_note_signer *out, struct br_err *e);
/* The public half, of host.pub. */
int br_host_pub_load(int statedir, struct br_note_key *out, struct br_err *e);

#endif
