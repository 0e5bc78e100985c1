#include "audit/log/quarantine.h"

#include "audit/log/lines.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

static int
open_quarantine(struct br_cut *c)
{
	if (c->fd < 0)
		c->fd = openat(c->dirfd, "quarantine", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return c->fd;
}

/* `n` bytes of `from`, from offset `at` on. */
static int
copy(int from, uint64_t at, uint64_t n, int to)
{
	char buf[65536];
	while (n > 0) {
		ssize_t r = pread(from, buf, n < sizeof(buf) ? (size_t)n : sizeof(buf), (off_t)at);
		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			errno = EIO; /* shorter than it was a moment ago: somebody else is at work */
		if (r <= 0 || br_write_all(to, buf, (size_t)r) < 0)
			return -1;
		at += (uint64_t)r;
		n -= (uint64_t)r;
	}
	return 0;
}

int
br_cut_keep(struct br_cut *c, const char *file, uint64_t from)
{
	struct stat st;
	br_auto_buf head = {0};
	br_auto_fd int fd = br_open_regular(c->dirfd, file);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fd < 0 && errno == ENOENT ? 0 : -1;
	if ((uint64_t)st.st_size <= from)
		return 0;
	uint64_t n = (uint64_t)st.st_size - from;
	br_buf_printf(&head, "{\"file\":\"%s\",\"offset\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", file, from, n);
	if (head.failed) {
		errno = ENOMEM;
		return -1;
	}
	if (open_quarantine(c) < 0 || br_write_all(c->fd, head.p, head.len) < 0 || copy(fd, from, n, c->fd) < 0 ||
	    br_write_all(c->fd, "\n", 1) < 0)
		return -1;
	c->unsynced = true;
	return 1;
}

int
br_cut_sync(struct br_cut *c)
{
	if (c->unsynced && (fdatasync(c->fd) < 0 || fsync(c->dirfd) < 0))
		return -1;
	c->unsynced = false;
	return 0;
}

int
br_cut_truncate(const struct br_cut *c, const char *file, uint64_t size)
{
	struct stat st;
	br_auto_fd int fd = openat(c->dirfd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) < 0)
		return -1;
	if ((uint64_t)st.st_size <= size)
		return 0;
	return ftruncate(fd, (off_t)size) < 0 || fdatasync(fd) < 0 ? -1 : 0;
}

uint64_t
br_cut_total(const struct br_cut *c)
{
	struct stat st;
	return fstatat(c->dirfd, "quarantine", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

void
br_cut_end(struct br_cut *c)
{
	br_cleanup_fd(&c->fd);
	c->fd = -1;
}
