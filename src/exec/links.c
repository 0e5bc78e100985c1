/* Hard links that lead out of the tree: pnpm, uv and git share files between projects by giving one inode several names. A write
 * through one of them would change the others, in other projects of the user. */
#include "exec/gate_int.h"

#include "base/io.h"
#include "sandbox/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int
copy_all(int from, int to)
{
	for (;;) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, 1U << 30, 0);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return errno;
	}
}

/* Born during this session: then all its names were given inside, or by the host beside us. */
bool
is_young(const struct call *c, int dirfd, const char *name)
{
	struct br_statx x;
	if (br_sys_statx(dirfd, name, AT_SYMLINK_NOFOLLOW | (name[0] == '\0' ? AT_EMPTY_PATH : 0), BR_STATX_BASIC_BTIME, &x) < 0 || (x.mask & 0x800U /* STATX_BTIME */) == 0)
		return false;
	return x.btime.sec * 1000 + x.btime.nsec / 1000000 > c->g->c->started_ms;
}

int
break_links(const struct call *c, const struct place *p)
{
	struct stat st;
	if (p->rel == NULL || fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || st.st_nlink < 2 ||
	    is_young(c, p->parent, p->name))
		return 0;
	char tmp[NAME_MAX + 1], rnd[17];
	br_random_hex(rnd, 8);
	(void)snprintf(tmp, sizeof(tmp), ".brattice-%s", rnd);
	br_auto_fd int from = openat(p->parent, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	br_auto_fd int to = openat(p->parent, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (from < 0 || to < 0)
		return errno == ENOENT ? 0 : EACCES; /* can't be read, or no O_TMPFILE here: refused rather than shared */
	int rc = copy_all(from, to);
	struct timespec ts[2] = {st.st_atim, st.st_mtim};
	if (rc == 0 && (fchmod(to, st.st_mode & 0777) < 0 || futimens(to, ts) < 0))
		rc = errno;
	char link[32];
	(void)snprintf(link, sizeof(link), "self/fd/%d", to);
	if (rc == 0 && linkat(c->g->proc, link, p->parent, tmp, AT_SYMLINK_FOLLOW) < 0)
		rc = errno;
	if (rc == 0 && renameat(p->parent, tmp, p->parent, p->name) < 0) {
		rc = errno;
		(void)unlinkat(p->parent, tmp, 0);
	}
	return rc;
}
