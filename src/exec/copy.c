/* Review mode: what the overlay's lower layer looked like, and renames of its directories. */
#include "exec/gate_int.h"

#include "base/io.h"
#include "base/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Above this the stat data must do: hashing would hold every other call up. */
#define HASH_MAX (8U << 20)

static void
hash_file(int fd, char out[BR_SHA256_HEX])
{
	struct br_sha256 s;
	unsigned char d[BR_SHA256_LEN], buf[65536];
	br_sha256_init(&s);
	for (ssize_t n; (n = read(fd, buf, sizeof(buf))) > 0;)
		br_sha256_update(&s, buf, (size_t)n);
	br_sha256_final(&s, d);
	br_sha256_hex(d, out);
}

/* Called before the first act on a name: what is there then is the host's. */
void
report_base(const struct call *c, const struct place *p)
{
	struct stat st;
	char hash[BR_SHA256_HEX] = "-";
	if (p->rel == NULL || seen_before(c->g, "base", p->rel))
		return;
	br_auto_fd int fd = openat(p->parent, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	if ((uint64_t)st.st_size <= HASH_MAX)
		hash_file(fd, hash);
	br_auto_buf b = {0};
	br_buf_printf(&b, "B%s %lld %o %lld ", hash, (long long)st.st_size, st.st_mode & 07777,
	    (long long)st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec);
	br_buf_put_field(&b, p->rel);
	br_buf_putc(&b, '\n');
	if (b.failed || br_send_frame(c->g->c->monitor_sock, b.p, b.len, NULL, 0) < 0)
		_exit(1);
}

static int
copy_bytes(int from, int to)
{
	for (;;) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, 1U << 30, 0);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -1;
	}
}

static int copy_tree(int fd, const char *name, int td, const char *tname, int depth);

static int
copy_dir(int fd, const char *name, int td, const char *tname, const struct stat *st, int depth)
{
	if (mkdirat(td, tname, 0700) < 0)
		return -1;
	br_auto_fd int to = openat(td, tname, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int from = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = from >= 0 ? fdopendir(from) : NULL;
	if (d == NULL || to < 0) {
		br_cleanup_fd(&from);
		return -1;
	}
	int rc = 0;
	for (struct dirent *de; rc == 0 && (de = readdir(d)) != NULL;)
		if (!br_streq(de->d_name, ".") && !br_streq(de->d_name, ".."))
			rc = copy_tree(from, de->d_name, to, de->d_name, depth + 1);
	int saved = errno;
	(void)closedir(d);
	errno = saved;
	return rc < 0 ? -1 : fchmod(to, st->st_mode & 0777);
}

static int
copy_tree(int fd, const char *name, int td, const char *tname, int depth)
{
	struct stat st;
	if (depth > 500 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return copy_dir(fd, name, td, tname, &st, depth);
	if (S_ISLNK(st.st_mode)) {
		char target[PATH_MAX];
		ssize_t n = readlinkat(fd, name, target, sizeof(target) - 1);
		if (n < 0)
			return -1;
		target[n] = '\0';
		return symlinkat(target, td, tname);
	}
	if (!S_ISREG(st.st_mode))
		return mknodat(td, tname, st.st_mode & (S_IFMT | 0777), 0);
	br_auto_fd int from = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	br_auto_fd int to = openat(td, tname, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (from < 0 || to < 0 || copy_bytes(from, to) < 0 || fchmod(to, st.st_mode & 0777) < 0)
		return -1;
	struct timespec ts[2] = {st.st_atim, st.st_mtim};
	return futimens(to, ts);
}

int
copy_rename(const struct place *from, const struct place *to)
{
	struct stat st;
	if (fstatat(to->parent, to->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && unlinkat(to->parent, to->name, AT_REMOVEDIR) < 0)
		return -1; /* only an empty directory may be replaced */
	if (copy_tree(from->parent, from->name, to->parent, to->name, 0) < 0) {
		int saved = errno;
		(void)br_rm_tree(to->parent, to->name);
		errno = saved;
		return -1;
	}
	return br_rm_tree(from->parent, from->name);
}
