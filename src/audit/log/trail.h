/* The signed part of a log: the certificate and the checkpoints. What they say is compared with the entries elsewhere. */
#ifndef BRATTICE_AUDIT_TRAIL_H
#define BRATTICE_AUDIT_TRAIL_H

#include "audit/log/verify.h"

struct br_mark {
	uint64_t size;
	unsigned char root[32];
	size_t end;   /* offset in the file of what follows it */
	bool by_host; /* recovery's */
};

struct br_trail {
	char origin[BR_KEY_NAME_MAX]; /* "brattice/session/<id>" */
	struct br_note_key key;       /* the session's */
	struct br_note_key host;      /* pub is all 0 when only its name and number are known */
	bool host_known;              /* `host` is the trusted key */
	bool host_checks;             /* `host` is complete: its signatures can be verified */
	struct br_buf notes;          /* the file `checkpoints` */
	struct br_mark *mark;         /* in order, sizes never fall */
	size_t n, cap;
	size_t good;                  /* bytes of whole, valid notes at the beginning */
	bool torn;                    /* what follows them is a note that wasn't written whole */
	enum br_verdict verdict;      /* BR_OK; BR_TAMPERED and `why`; BR_CRASHED: nothing was begun */
	char why[256];
};

/* Reads both. `trusted` as in br_log_verify. 0 (look at `verdict`), or -1 with `e`: could not look. */
int br_trail_read(struct br_trail *t, int dirfd, const struct br_note_key *trusted, struct br_err *e);
void br_trail_free(struct br_trail *t);

#endif
