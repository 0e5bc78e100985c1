/* A growing byte buffer. A failed allocation sets `failed` and makes later calls do nothing, so a chain of
 * puts needs one check at its end. `p` is always NUL-terminated when not NULL. */
#ifndef BRATTICE_BASE_BUF_H
#define BRATTICE_BASE_BUF_H

#include "base/defs.h"

struct br_buf {
	char *p;
	size_t len;
	size_t cap;
	bool failed;
};

void br_buf_free(struct br_buf *b);
/* Empties without giving the memory back. */
void br_buf_reset(struct br_buf *b);
/* Makes room for `n` more bytes (and a NUL); returns where they go, or NULL. Does not change `len`. */
char *br_buf_room(struct br_buf *b, size_t n);
void br_buf_put(struct br_buf *b, const void *data, size_t n);
void br_buf_puts(struct br_buf *b, const char *s);
void br_buf_putc(struct br_buf *b, char c);
void br_buf_printf(struct br_buf *b, const char *fmt, ...) BR_PRINTF(2, 3);
/* Removes the first `n` bytes. */
void br_buf_consume(struct br_buf *b, size_t n);
/* Text that is safe to show on a terminal: control characters, DEL, invalid UTF-8, and the bidirectional and
 * zero-width characters (U+061C U+200B-U+200F U+2028-U+202E U+2060-U+2069 U+FEFF) as \xNN or \u{NNNN}. With `newlines`, \n and \t pass. */
void br_buf_put_visible(struct br_buf *b, const char *s, size_t n, bool newlines);
/* One field of a line-oriented file of ours: newline as \\n, backslash doubled. */
void br_buf_put_field(struct br_buf *b, const char *s);
/* Reads it back, `n` bytes of it, into `out` with a NUL. False when it doesn't fit in `room`, holds a NUL, or an escape that the
 * writer doesn't make. */
bool br_unescape_to(const char *s, size_t n, char *out, size_t room);
/* The same in place. */
bool br_unescape(char *s);
/* The next of the fields that a space ends (it becomes a NUL); `*rest` moves behind it. NULL when no space is left. */
char *br_field_next(char **rest);
/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD (RFC 8259 section 8.1 wants UTF-8);
 * callers that must keep the bytes store them in another form beside it. */
void br_buf_put_json(struct br_buf *b, const char *s, size_t n);

#define br_auto_buf __attribute__((cleanup(br_buf_free))) struct br_buf

#endif
