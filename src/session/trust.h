/* Trust on first use of policy files that lie in a project: $STATE/trust remembers which content at which path the user has said yes
 * to. A file that changed is asked about again. */
#ifndef BRATTICE_SESSION_TRUST_H
#define BRATTICE_SESSION_TRUST_H

#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"

#define BR_TRUST_FILE_MAX (1024UL * 1024) /* a larger policy file is refused: nobody reads it */

/* `path` is absolute with symlinks resolved, `hash` the SHA-256 of the file's content in hex. 1: trusted; 0: not; -1: the store can't
 * be read (`e`): the caller refuses. Lines of the store that make no sense are passed over. */
int br_trust_known(const char *path, const char *hash, struct br_err *e);
/* Remembers it. A path may have several trusted contents (branches); the oldest goes beyond 16. The store is replaced by rename,
 * under a lock. */
int br_trust_add(const char *path, const char *hash, struct br_err *e);
/* Forgets every content of `path`, or that with hash `path`. Returns how many lines went, or -1. */
int br_trust_remove(const char *path, struct br_err *e);
/* Calls `fn` for each line, oldest first. */
int br_trust_each(void (*fn)(void *arg, const char *hash, const char *path), void *arg, struct br_err *e);

/* Reads the file and hashes it. A symlink as last component, a FIFO, a directory and more than BR_TRUST_FILE_MAX are errors. */
int br_trust_read(const char *path, struct br_buf *content, char hash[BR_SHA256_HEX], struct br_err *e);

/* Asks on the terminal `fd` (cooked mode): shows the file, control characters escaped, page by page, then "Trust it? [y/N]". What was
 * typed before the question is thrown away. `more` (may be NULL) is what else there is to know, under a head line of its own: shown
 * last, also to who stops reading the file, control characters escaped. Fails when the file no longer has `hash`. 1: yes (and remembered); 0: no; -1: `e`. */
int br_trust_ask(int fd, const char *path, const char *hash, const char *more, struct br_err *e);

#endif
