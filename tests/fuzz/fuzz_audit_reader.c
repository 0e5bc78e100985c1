/* A log directory of any bytes. Oracle: entries come in order, each a line, no more than the segments may hold; the end stays the end; a
 * seek gives what reading on gives; a filter only leaves out. */
#include "fuzz.h"

#include "audit/log/reader.h"
#include "audit/log/segment.h"
#include "base/io.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#define SEGMENTS 2

static void
put(int dir, const char *name, const void *data, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0 && br_write_all(fd, data, n) == 0);
	(void)close(fd);
}

/* What a byte of the input says about a segment. */
enum { PLAIN = 1, PACKED = 2, HONEST = 4, LINES = 8 };

/* `n` bytes as a segment in the forms that `how` names. HONEST: compressed as it should be; LINES: as that many lines too. */
static void
put_segment(int dir, uint64_t segment, unsigned how, const uint8_t *data, size_t n)
{
	static unsigned char packed[1 << 16];
	char name[BR_SEGMENT_NAME];
	br_auto_buf text = {0};
	br_buf_put(&text, data, n);
	if ((how & LINES) != 0)
		for (int i = 0; i < 1024 - (int)(how >> 6); i++)
			br_buf_puts(&text, "x\n");
	for (int form = 0; form < 2; form++) {
		br_segment_name(name, segment, form == 1);
		(void)unlinkat(dir, name, 0);
	}
	br_segment_name(name, segment, false);
	if ((how & PLAIN) != 0)
		put(dir, name, text.p, text.len);
	if ((how & PACKED) == 0)
		return;
	br_segment_name(name, segment, true);
	size_t k = ZSTD_compress(packed, sizeof(packed), text.p, text.len, 1);
	if ((how & HONEST) != 0 && !ZSTD_isError(k))
		put(dir, name, packed, k);
	else
		put(dir, name, data, n);
}

/* Reads on; how many, and the number of the first. */
static uint64_t
read_on(struct br_log_reader *r, uint64_t *first, bool gaps)
{
	struct br_err e = BR_ERR_INIT;
	struct br_log_entry x;
	uint64_t n = 0, last = 0;
	int rc;
	while ((rc = br_log_next(r, &x, &e)) > 0) {
		MUST(x.len == 0 || memchr(x.line, '\n', x.len) == NULL);
		MUST(x.line[x.len] == '\n');
		MUST(n == 0 || (gaps ? x.n > last : x.n == last + 1));
		MUST(x.n < (uint64_t)SEGMENTS * 1024);
		if (n++ == 0)
			*first = x.n;
		last = x.n;
	}
	MUST(rc == 0 || e.msg[0] != '\0');
	MUST(rc != 0 || br_log_next(r, &x, &e) == 0);
	(void)br_log_sealed(r);
	return n;
}

/* Two bytes for the segments, two lengths, the index record's kind, where to seek to; then the bytes of the first and the second. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int dir = -1;
	static const unsigned char none[4096];
	struct br_err e = BR_ERR_INIT;
	if (dir < 0)
		dir = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (size < 6)
		return 0;
	const uint8_t *head = data;
	size_t index = head[2], first = head[3] * 8U, all = 0, from = 0;
	uint64_t at = head[4] * 9ULL, start = 0;
	data += 6;
	size -= 6;
	index = index < size ? index : size;
	put(dir, "index", data, index);
	data += index;
	size -= index;
	first = first < size ? first : size;
	put_segment(dir, 0, head[0], data, first);
	put_segment(dir, 1, head[1], data + first, size - first);
	put(dir, "hashes", none, head[5] * 16U);
	struct br_log_reader *r = br_log_open(dir, &e);
	MUST(r != NULL);
	all = read_on(r, &start, false);
	MUST(start == 0);
	(void)br_log_seek(r, at);
	size_t rest = read_on(r, &start, false);
	MUST(rest == 0 || start == (at < br_log_entries(r) ? at : br_log_entries(r)));
	MUST(rest <= all && (at > br_log_entries(r) || at >= all || all - at == rest));
	br_log_filter(r, &(struct br_log_filter){.denied = (head[5] & 1) != 0, .types = head[4], .from_us = head[3], .to_us = head[2]});
	(void)br_log_seek(r, 0);
	from = read_on(r, &start, true);
	MUST(from <= all || all < (size_t)SEGMENTS * 1024); /* behind a damaged segment that is passed over there may be more */
	br_log_close(r);
	return 0;
}
