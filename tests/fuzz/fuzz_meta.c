/* A session's record. Oracle: what was read and is written again reads as the same. */
#include "fuzz.h"

#include "base/io.h"
#include "session/state.h"

#include <fcntl.h>
#include <unistd.h>

static void
put_meta(int dir, const uint8_t *data, size_t size)
{
	int fd = openat(dir, "meta", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || br_write_all(fd, data, size) < 0)
		abort();
	(void)close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int dir = -1;
	if (dir < 0)
		dir = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Half of the inputs get the frame, so that mutation reaches the fields. */
	br_auto_buf framed = {0};
	if (size > 0 && (data[0] & 1) != 0) {
		br_buf_puts(&framed, "brattice-session 1\n");
		br_buf_put(&framed, data + 1, size - 1);
		br_buf_puts(&framed, "end 1\n");
		data = (const uint8_t *)framed.p;
		size = framed.len;
	}
	put_meta(dir, data, size);
	static struct br_session_meta m, back;
	struct br_err e = BR_ERR_INIT;
	if (br_session_read_meta(dir, &m, &e) < 0)
		return 0;
	if (br_session_write_meta(dir, &m, &e) < 0 || br_session_read_meta(dir, &back, &e) < 0)
		abort();
	if (!br_streq(m.project, back.project) || !br_streq(m.name, back.name) || m.pid != back.pid || m.started_ms != back.started_ms ||
	    m.status != back.status || m.pending != back.pending)
		abort();
	br_auto_buf json = {0};
	br_session_put_json(&json, &m);
	br_session_meta_free(&m);
	br_session_meta_free(&back);
	return 0;
}
