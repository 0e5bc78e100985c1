/* A sender's stream of any bytes, in pieces of any length. Oracle: how it is cut makes no difference to what frames come of it; a valid
 * frame is one line that could be an entry. */
#include "fuzz.h"

#include "audit/auditor/sender.h"
#include "base/sha256.h"

#include <sys/socket.h>
#include <unistd.h>

/* The frames of the stream as one hash; *frames says how many. -1 at what is none. */
static int
take(struct br_sender *s, struct br_sha256 *h, size_t *frames)
{
	struct br_frame f;
	int rc;
	while ((rc = br_sender_frame(s, &f)) > 0) {
		++*frames;
		br_sha256_update(h, &f.head, sizeof(f.head));
		br_sha256_update(h, f.data, f.head.len);
		if (!br_frame_valid(&f))
			return -1;
		MUST(f.head.len <= BR_AUDIT_FRAME_MAX);
		MUST(f.head.kind == 'S' || memchr(f.data, '\n', f.head.len) == NULL);
		MUST(f.head.kind != 'S' || f.head.len <= 256);
		MUST(f.head.kind != 'E' || (f.head.type != BR_EV_SEALED && f.data[0] == '{' && f.data[f.head.len - 1] == '}'));
	}
	return rc;
}

static int
feed(const uint8_t *data, size_t n, size_t piece, unsigned char sum[BR_SHA256_LEN], size_t *frames)
{
	int fds[2], rc = 0;
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	struct br_sender s = {.fd = fds[1]};
	struct br_sha256 h;
	br_sha256_init(&h);
	*frames = 0;
	for (size_t at = 0; at < n && rc == 0; at += piece) {
		size_t k = piece < n - at ? piece : n - at;
		MUST(send(fds[0], data + at, k, 0) == (ssize_t)k);
		MUST(br_sender_read(&s, BR_SENDER_ROUND) == 1);
		rc = take(&s, &h, frames);
	}
	(void)close(fds[0]);
	MUST(rc < 0 || br_sender_read(&s, BR_SENDER_ROUND) == -1);
	br_sender_close(&s);
	br_sha256_final(&h, sum);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char one[BR_SHA256_LEN], other[BR_SHA256_LEN];
	size_t frames, again;
	if (size < 2 || size > 65536)
		return 0;
	int rc = feed(data + 1, size - 1, size, one, &frames);
	MUST(feed(data + 1, size - 1, data[0] % 64U + 1 + size / 256, other, &again) == rc);
	MUST(frames == again && memcmp(one, other, sizeof(one)) == 0);
	return 0;
}
