/* Is a log what was written, all of it, and by whom? Offline; of a session's directory or an unpacked bundle. libcrypto, zstd. */
#ifndef BRATTICE_AUDIT_VERIFY_H
#define BRATTICE_AUDIT_VERIFY_H

#include "audit/log/note.h"

enum br_verdict { BR_OK, BR_CRASHED, BR_TAMPERED, BR_UNKNOWN };

struct br_verify {
	enum br_verdict integrity;    /* entries, hashes, roots, signatures, certificate */
	enum br_verdict completeness; /* from the first checkpoint to the seal; BR_CRASHED: a torn end */
	enum br_verdict clock;        /* t and m go forward together */
	enum br_verdict terminal;     /* terminal.cast is what the `terminal` events say */
	bool live;                    /* not sealed yet, and its writer lives (the caller says) */
	uint64_t entries, checkpoints, covered; /* covered: entries below the last good checkpoint */
	uint64_t gaps;                /* `gap` events, and how much they count */
	char session[128];
	struct br_note_key host, key;
	bool host_known;              /* `host` is the one that the caller trusts */
	char what[8][256];            /* what is wrong, where; "" ends the list */
};

/* `trusted` may be NULL (then host_known is false: integrity is relative to the key that is named). Never crashes, whatever the bytes.
 * 0, or -1 with `e` when it could not look (no such file, no memory). */
int br_log_verify(int dirfd, const struct br_note_key *trusted, struct br_verify *out, struct br_err *e);

/* After the writer's death: moves a torn end into `quarantine`, appends `recovered`, and closes the log with a checkpoint by `host`. The
 * session's lock is free, says the caller; the log's own is taken here, and is its writer's while that lives: -1 with EWOULDBLOCK in e->sys.
 * 1 repaired, 0 nothing to do, -1 with `e`; never touches what a checkpoint covers, nor what was altered. */
int br_log_recover(int dirfd, const char *session, const struct br_note_signer *host, struct br_err *e);
/* Whether it ends as a log does that needs no recovery, by its last entry and its last checkpoint's words alone: cheap, and no verdict. */
bool br_log_looks_closed(int dirfd);

#endif
