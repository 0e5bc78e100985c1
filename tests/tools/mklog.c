/* mklog DIR SESSION [live|stream|COUNT]: makes a session's log in DIR/log from lines on stdin, with the writer of the product: what begins with '{"t"' is an
 * event, anything else a line of terminal.cast. With "live" it isn't sealed; with "stream"
 * each line is there as soon as it comes. With a COUNT the events are repeated until there are so many. The host's
 * key is DIR/host.pub. */
#include "audit/log/writer.h"
#include "base/io.h"

#include <err.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const unsigned char SEED[BR_ED25519_SEED] = "mklog: the host key of the tests";

static enum br_event_type
type_of(const char *line)
{
	for (int t = 0; t < BR_EV_TYPES; t++) {
		char want[64];
		(void)snprintf(want, sizeof(want), "\"type\":\"%s\"", br_event_type_name((enum br_event_type)t));
		if (strstr(line, want) != NULL)
			return (enum br_event_type)t;
	}
	return BR_EV_NOTE;
}

static void
put(struct br_log_writer *w, const char *line, size_t n)
{
	int rc = br_startswith(line, "{\"t\"") ? br_log_append(w, type_of(line), strstr(line, "\"denied\":true") != NULL, line, n) :
						 br_log_terminal(w, line, n);
	if (rc < 0)
		err(1, "append");
}

/* Line by line as they come, each flushed: a session that runs. */
static void
put_stream(struct br_log_writer *w)
{
	char *line = NULL;
	size_t cap = 0;
	for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
		put(w, line, (size_t)n - (line[n - 1] == '\n'));
		if (br_log_flush(w) < 0)
			err(1, "flush");
	}
	free(line);
}

static void
put_all(struct br_log_writer *w, const char *p, size_t len)
{
	for (const char *end = p + len, *nl; p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL; p = nl + 1) {
		br_auto_free char *line = strndup(p, (size_t)(nl - p));
		if (line != NULL)
			put(w, line, (size_t)(nl - p));
	}
}

int
main(int argc, char **argv)
{
	struct br_note_signer host = {0};
	struct br_err e = BR_ERR_INIT;
	br_auto_buf in = {0}, pub = {0};
	if (argc < 3)
		errx(2, "usage: mklog DIR SESSION [live|stream|COUNT] <LINES");
	if (mkdir(argv[1], 0700) < 0)
		err(1, "%s", argv[1]);
	bool stream = argc > 3 && br_streq(argv[3], "stream");
	br_auto_fd int dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "log", 0700) < 0 || (!stream && br_read_all(STDIN_FILENO, &in, 1U << 30) < 0))
		err(1, "%s/log", argv[1]);
	br_auto_fd int log = openat(dir, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (br_note_signer_load(&host, "brattice/host/tests", SEED, &e) < 0)
		errx(1, "%s", e.msg);
	br_note_key_put(&pub, &host.key);
	br_buf_putc(&pub, '\n');
	if (br_replace_file(dir, "host.pub", pub.p, pub.len, 0600) < 0)
		err(1, "host.pub");
	struct br_log_writer *w = br_log_create(log, argv[2], &host, &e);
	br_note_signer_wipe(&host);
	if (w == NULL)
		errx(1, "%s", e.msg);
	if (stream)
		put_stream(w);
	uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	do
		put_all(w, in.p, in.len);
	while (br_log_size(w) < count);
	bool live = argc > 3 && br_streq(argv[3], "live");
	if ((live ? br_log_checkpoint(w) : br_log_seal(w, "ended")) < 0)
		err(1, "seal");
	br_log_free(w);
	return 0;
}
