#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void
br_cleanup_fd(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		(void)close(*fd);
		errno = saved;
	}
}

bool
br_endswith(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int
br_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;
	while (n > 0) {
		ssize_t w = write(fd, p, n);
		if (w < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int
br_read_all(int fd, struct br_buf *b, size_t max)
{
	size_t got = 0;
	for (;;) {
		size_t want = 65536;
		char *to = br_buf_room(b, want);
		if (to == NULL) {
			errno = ENOMEM;
			return -1;
		}
		ssize_t r = read(fd, to, want);
		if (r < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (r == 0) {
			b->p[b->len] = '\0';
			return 0;
		}
		b->len += (size_t)r;
		b->p[b->len] = '\0';
		got += (size_t)r;
		if (got > max) {
			errno = EFBIG;
			return -1;
		}
	}
}

int
br_read_file(int dirfd, const char *path, struct br_buf *b, size_t max)
{
	br_auto_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	if (st.st_size > 0 && (uint64_t)st.st_size > max) {
		errno = EFBIG;
		return -1;
	}
	return br_read_all(fd, b, max);
}

int
br_replace_file(int dirfd, const char *path, const void *data, size_t n, mode_t mode)
{
	char tmp[PATH_MAX], rnd[17];
	br_random_hex(rnd, 8);
	if (snprintf(tmp, sizeof(tmp), "%s.%s.tmp", path, rnd) >= (int)sizeof(tmp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	br_auto_fd int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -1;
	if (br_write_all(fd, data, n) < 0 || fdatasync(fd) < 0 || renameat(dirfd, tmp, dirfd, path) < 0) {
		int saved = errno;
		(void)unlinkat(dirfd, tmp, 0);
		errno = saved;
		return -1;
	}
	return 0;
}

int
br_mkdir_p(const char *path, mode_t mode)
{
	char buf[PATH_MAX];
	size_t n = strlen(path);
	if (n == 0 || n >= sizeof(buf)) {
		errno = n == 0 ? ENOENT : ENAMETOOLONG;
		return -1;
	}
	memcpy(buf, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (buf[i] != '/' && buf[i] != '\0')
			continue;
		char keep = buf[i];
		buf[i] = '\0';
		if (mkdir(buf, mode) < 0 && errno != EEXIST && !(keep == '/' && (errno == EROFS || errno == EACCES)))
			return -1;
		buf[i] = keep;
	}
	struct stat st;
	if (stat(path, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	return 0;
}

/* Trees may be deeper than there are descriptors: what lies below this level is moved up to the top first. */
#define RM_DEPTH  64
#define RM_ROUNDS 4096

struct rm {
	int top;   /* the tree's directory, once it is open */
	dev_t dev; /* the file system that is not left */
	bool moved;
};

static int rm_entry(struct rm *r, int dirfd, const char *name, int depth);

/* Opens a directory so that its entries can be removed, whatever its mode says. -1 with errno; EXDEV on another file system. */
static int
rm_open(const struct rm *r, int dirfd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	br_auto_fd int fd = openat(dirfd, name, flags);
	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, flags);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (r->top >= 0 && st.st_dev != r->dev) {
		errno = EXDEV;
		return -1;
	}
	if ((st.st_mode & 0700) != 0700)
		(void)fchmod(fd, 0700);
	return br_steal_fd(&fd);
}

/* Removes what is in the directory; takes `fd`. The first error is kept, the rest still goes. */
static int
rm_content(struct rm *r, int fd, int depth)
{
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		(void)close(fd);
		return -1;
	}
	int why = 0;
	for (struct dirent *de; (de = readdir(d)) != NULL;) {
		if (br_streq(de->d_name, ".") || br_streq(de->d_name, ".."))
			continue;
		if (rm_entry(r, fd, de->d_name, depth + 1) < 0 && why == 0)
			why = errno;
	}
	(void)closedir(d);
	errno = why;
	return why == 0 ? 0 : -1;
}

static int
rm_move_up(struct rm *r, int dirfd, const char *name)
{
	char fresh[32] = "rm-";
	br_random_hex(fresh + 3, 12);
	/* To write its "..", the kernel wants the directory itself writable. */
	br_auto_fd int fd = rm_open(r, dirfd, name);
	r->moved = true;
	return fd < 0 ? -1 : renameat(dirfd, name, r->top, fresh);
}

static int
rm_entry(struct rm *r, int dirfd, const char *name, int depth)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM && errno != EACCES)
		return -1;
	if (depth > RM_DEPTH)
		return rm_move_up(r, dirfd, name);
	int fd = rm_open(r, dirfd, name);
	if (fd < 0 || rm_content(r, fd, depth) < 0)
		return -1;
	return unlinkat(dirfd, name, AT_REMOVEDIR);
}

int
br_rm_tree(int dirfd, const char *name)
{
	struct rm r = {.top = -1};
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM && errno != EACCES)
		return -1;
	br_auto_fd int top = rm_open(&r, dirfd, name);
	struct stat st;
	if (top < 0 || fstat(top, &st) < 0)
		return -1;
	r = (struct rm){.top = top, .dev = st.st_dev};
	/* Each round takes RM_DEPTH levels off what was moved up. Bounded, as somebody may still be adding to it. */
	for (int round = 0; round < RM_ROUNDS; round++) {
		r.moved = false;
		int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || rm_content(&r, fd, 0) < 0)
			return -1;
		if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
			return 0;
		if (!r.moved || (errno != ENOTEMPTY && errno != EEXIST))
			return -1;
	}
	errno = ENOTEMPTY;
	return -1;
}

int
br_send_frame(int sock, const void *data, size_t n, const int *fds, size_t nfds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 8)];
		struct cmsghdr align;
	} ctl = {.buf = {0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (nfds > 8) {
		errno = EINVAL;
		return -1;
	}
	if (nfds > 0) {
		m.msg_control = ctl.buf;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	for (;;) {
		if (sendmsg(sock, &m, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

ssize_t
br_recv_frame(int sock, void *data, size_t room, int *fds, size_t *nfds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 8)];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = {.iov_base = data, .iov_len = room};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.buf, .msg_controllen = sizeof(ctl.buf)};
	ssize_t r;
	/* ECONNRESET, once: the peer went without having read what we sent. What it said before is still in the queue, and end of
	 * file behind it (net/unix/af_unix.c, unix_release_sock). */
	bool reset = false;
	for (;;) {
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
		if (r >= 0 || (errno != EINTR && (errno != ECONNRESET || reset)))
			break;
		reset = reset || errno == ECONNRESET;
	}
	if (r < 0)
		return -1;
	size_t have = 0, want = nfds != NULL ? *nfds : 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < k; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (have < want)
				fds[have++] = fd;
			else
				(void)close(fd);
		}
	}
	if (nfds != NULL)
		*nfds = have;
	if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		for (size_t i = 0; i < have; i++)
			(void)close(fds[i]);
		if (nfds != NULL)
			*nfds = 0;
		errno = EMSGSIZE;
		return -1;
	}
	return r;
}

uint64_t
br_now_us(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000U + (uint64_t)ts.tv_nsec / 1000U;
}

void
br_random_hex(char *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		unsigned char c;
		while (getrandom(&c, 1, 0) != 1)
			if (errno != EINTR) {
				br_warn("the kernel gives no random bytes: %s", strerror(errno));
				_exit(BR_EXIT_FAILURE);
			}
		out[2 * i] = digits[c >> 4];
		out[2 * i + 1] = digits[c & 15];
	}
	out[2 * n] = '\0';
}
