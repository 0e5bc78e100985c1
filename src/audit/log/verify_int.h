/* What verify.c (the bytes) and verify_events.c (what the entries say) share. */
#ifndef BRATTICE_AUDIT_VERIFY_INT_H
#define BRATTICE_AUDIT_VERIFY_INT_H

#include "audit/event.h"
#include "audit/log/merkle.h"
#include "audit/log/segment.h"
#include "audit/log/trail.h"

#define BR_VERIFY_WHATS BR_ARRAY_LEN(((struct br_verify *)NULL)->what)

struct br_check {
	int dirfd;
	struct br_verify *out;
	size_t nwhat;
	struct br_trail trail;
	size_t mark;   /* the next checkpoint that the tree will reach */
	bool root_bad; /* one was reached and had another root: no later one says more */
	struct br_merkle tree; /* over the lines as they are */
	uint64_t odd;          /* the first entry since the last good checkpoint whose hash isn't the one in `hashes`; UINT64_MAX: none */
	unsigned char odd_leaf[BR_HASH];
	int hashes_fd;
	uint64_t hashes;      /* how many, whole ones */
	size_t hashes_rest;   /* bytes after them */
	unsigned char *hash_buf;
	size_t hash_at, hash_len;
	uint64_t sealed_at;   /* number of the `sealed` entry, UINT64_MAX: none */
	uint64_t recovered_at; /* the first one */
	uint64_t sealed_says; /* what it says of the number of entries */
	int last_type;        /* of the last entry; -1 none, or not an event */
	bool recovered;
	bool torn;            /* the end was not written whole */
	/* the segment at hand, for the index */
	struct br_index now;
	bool now_times, now_types; /* every entry had a time, a type that we know */
	/* clocks */
	bool clock_began;
	int64_t t_us, m_us;
	/* terminal.cast */
	int cast_fd;
	uint64_t cast_at;
	char policy[BR_SHA256_HEX]; /* what `start` says of it */
};

/* One thing that is wrong: makes `*v` at least as bad as `how`, and says so in out->what while there is room. */
void br_check_bad(struct br_check *c, enum br_verdict *v, enum br_verdict how, const char *fmt, ...) BR_PRINTF(4, 5);

/* Entry `n`, whose hash may or may not be good: clock, gaps, terminal, seal. */
void br_check_event(struct br_check *c, uint64_t n, const char *line, size_t len);
/* After the last entry: terminal.cast and policy as a whole. `closed`: nothing may come any more. */
void br_check_files(struct br_check *c, bool closed);

#endif
