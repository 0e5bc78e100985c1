/* Reads a session's log, sealed or still growing (docs/log-format.md). Everything in it is hostile bytes. zstd. */
#ifndef BRATTICE_AUDIT_READER_H
#define BRATTICE_AUDIT_READER_H

#include "audit/event.h"
#include "base/err.h"

struct br_log_reader;

struct br_log_filter {
	uint32_t types;        /* bitmap of enum br_event_type; 0: all */
	bool denied;           /* only segments that have denials */
	uint64_t from_us, to_us; /* times; 0: open */
};
struct br_log_entry {
	uint64_t n;
	const char *line; /* without its newline; valid until the next call */
	size_t len;
};

/* `dirfd` is the log directory, borrowed. NULL with `e`. Memory is bounded by one segment. */
struct br_log_reader *br_log_open(int dirfd, struct br_err *e);
/* Skips segments that by the index can't have what `f` asks for; the caller still looks at each entry. Borrowed until free. */
void br_log_filter(struct br_log_reader *r, const struct br_log_filter *f);
int br_log_seek(struct br_log_reader *r, uint64_t n); /* next entry is n, or the end when there are fewer */
/* 1 an entry, 0 the end for now (call again later: a live log grows), -1 with `e`: damaged, says where. */
int br_log_next(struct br_log_reader *r, struct br_log_entry *out, struct br_err *e);
uint64_t br_log_entries(const struct br_log_reader *r); /* known so far: by `hashes` */
bool br_log_sealed(const struct br_log_reader *r);
void br_log_close(struct br_log_reader *r);

#endif
