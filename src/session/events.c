#include "session/events.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

int
br_events_open(struct br_events *ev, int session_dirfd)
{
	*ev = (struct br_events){.fd = openat(session_dirfd, "events.jsonl", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
	ev->size = ev->fd < 0 ? -1 : lseek(ev->fd, 0, SEEK_END);
	return ev->size < 0 ? -1 : 0;
}

void
br_events_close(struct br_events *ev)
{
	if (ev->fd >= 0)
		(void)close(ev->fd);
	ev->fd = -1;
	br_buf_free(&ev->line);
}

void
br_events_begin(struct br_events *ev, const char *type)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	br_buf_reset(&ev->line);
	br_buf_printf(&ev->line, "{\"t\":%lld.%03ld,\"type\":\"%s\"", (long long)ts.tv_sec, ts.tv_nsec / 1000000, type);
}

void
br_events_strn(struct br_events *ev, const char *key, const char *value, size_t n)
{
	br_buf_printf(&ev->line, ",\"%s\":", key);
	br_buf_put_json(&ev->line, value, n);
}

void
br_events_str(struct br_events *ev, const char *key, const char *value)
{
	br_events_strn(ev, key, value, strlen(value));
}

void
br_events_int(struct br_events *ev, const char *key, int64_t value)
{
	br_buf_printf(&ev->line, ",\"%s\":%lld", key, (long long)value);
}

void
br_events_strv(struct br_events *ev, const char *key, char *const *values)
{
	br_buf_printf(&ev->line, ",\"%s\":[", key);
	for (size_t i = 0; values[i] != NULL; i++) {
		if (i > 0)
			br_buf_putc(&ev->line, ',');
		br_buf_put_json(&ev->line, values[i], strlen(values[i]));
	}
	br_buf_putc(&ev->line, ']');
}

int
br_events_commit(struct br_events *ev, bool durable)
{
	br_buf_puts(&ev->line, "}\n");
	if (ev->line.failed) {
		errno = ENOMEM;
		return -1;
	}
	if (br_write_all(ev->fd, ev->line.p, ev->line.len) < 0) {
		/* The beginning of a line, which a disk that became full may have taken, would make the record unreadable. */
		int saved = errno;
		(void)!ftruncate(ev->fd, ev->size);
		errno = saved;
		return -1;
	}
	ev->size += (off_t)ev->line.len;
	return durable ? fdatasync(ev->fd) : 0;
}
