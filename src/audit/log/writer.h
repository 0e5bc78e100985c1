/* Writes a session's log (docs/log-format.md). One thread; the auditor's, or a benchmark's. libcrypto, zstd. */
#ifndef BRATTICE_AUDIT_WRITER_H
#define BRATTICE_AUDIT_WRITER_H

#include "audit/event.h"
#include "audit/log/note.h"

#define BR_SEGMENT_ENTRIES 1024
#define BR_CHECKPOINT_ENTRIES 4096

struct br_log_writer;

/* Makes the log in `dirfd` (an empty directory, borrowed): a fresh key, certified by `host`, and the checkpoint of size 0, all on disk
 * when it returns. The directory is flocked until br_log_free, so that nobody repairs a log that is still written. NULL with `e`. */
struct br_log_writer *br_log_create(int dirfd, const char *session, const struct br_note_signer *host, struct br_err *e);
/* Appends one line (no newline in it). Buffered: on disk after br_log_flush and br_log_sync. -1 with errno. */
int br_log_append(struct br_log_writer *w, enum br_event_type type, bool denied, const char *line, size_t n);
int br_log_flush(struct br_log_writer *w);  /* write(2): survives the death of the process */
int br_log_sync(struct br_log_writer *w);   /* flush and fdatasync: survives that of the machine */
int br_log_checkpoint(struct br_log_writer *w); /* signs what is there, and syncs; nothing when the last one covers it */
/* A chunk of terminal.cast; `terminal` events for it come by themselves at checkpoints. */
int br_log_terminal(struct br_log_writer *w, const char *line, size_t n);
uint64_t br_log_size(const struct br_log_writer *w);
/* The `sealed` entry, last checkpoint, compression, erasure of the key. The log can only be read after it. */
int br_log_seal(struct br_log_writer *w, const char *reason);
void br_log_free(struct br_log_writer *w);

#endif
