/* terminal.cast: what went over the command's terminal, as asciicast v3 (docs/log-format.md). Pure; in the monitor.
 *
 * The bytes are the command's own, before the filter that stands between it and the user's terminal: what it tried is the evidence, and
 * whoever plays it must filter as brattice does. The format wants UTF-8: a character that two reads cut in half is put together again,
 * other bytes become U+FFFD. */
#ifndef BRATTICE_SESSION_RECORDING_H
#define BRATTICE_SESSION_RECORDING_H

#include "base/buf.h"

/* One direction: the beginning of a character whose rest is still to come. */
struct br_recording_carry {
	char bytes[4];
	size_t n;
};

struct br_recording {
	uint64_t last_us; /* of the last line: each says how long after it comes */
	struct br_recording_carry out, in;
};

/* Each puts one line, without its newline, into `line` (reset first); it stays empty when there is nothing to say yet. */
void br_recording_header(struct br_recording *c, struct br_buf *line, unsigned cols, unsigned rows, const char *term);
void br_recording_output(struct br_recording *c, struct br_buf *line, const char *data, size_t n);
void br_recording_input(struct br_recording *c, struct br_buf *line, const char *data, size_t n);
void br_recording_resize(struct br_recording *c, struct br_buf *line, unsigned cols, unsigned rows);

#endif
