#include "session/review/place.h"

#include "session/review/journal.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#define RENAME_EXCHANGE (1 << 1)
#endif

/* One change in the making: the directory it happens in, its name, and the temporary name beside it. */
struct step {
	int dir;
	const char *name;
	char tmp[NAME_MAX + 1];
};

static int
rename_flags(int dir, const char *from, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, dir, from, dir, to, flags);
}

/* One line of the journal (journal.h): what is about to happen. `ino`: of our new file, 0: not known. `seen`: the old one, or
 * NULL. */
static int
note(const struct br_place *p, char op, ino_t ino, const char *tmp, const struct stat *seen, const char *rel)
{
	struct br_buf b = {0};
	br_buf_printf(&b, "%c %llu %s ", op, (unsigned long long)ino, tmp);
	br_journal_identity(&b, seen);
	br_buf_putc(&b, ' ');
	for (const char *s = rel; *s != '\0'; s++) {
		if (*s == '\n' || *s == '\\')
			br_buf_printf(&b, "\\%c", *s == '\n' ? 'n' : '\\');
		else
			br_buf_putc(&b, *s);
	}
	br_buf_putc(&b, '\n');
	int rc = b.failed ? -1 : br_write_all(p->journal, b.p, b.len);
	br_buf_free(&b);
	return rc;
}

static int
step_open(struct br_place *p, struct step *s, const char *rel, bool lock)
{
	s->dir = br_tree_parent(p->root, rel, &s->name);
	if (s->dir < 0)
		return -1;
	int n = lock ? snprintf(s->tmp, sizeof(s->tmp), "%s.lock", s->name)
		     : snprintf(s->tmp, sizeof(s->tmp), ".brattice-%s-%u", p->tag, p->seq++);
	if (n >= (int)sizeof(s->tmp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

static enum br_placed
failed(int err)
{
	errno = err;
	/* A directory on the way is gone, or became something else: that is the host's doing. */
	return err == ENOTDIR || err == ELOOP || err == ENOENT || err == EXDEV ? BR_PLACE_CHANGED : BR_PLACE_FAILED;
}

static bool
is_the_one(const struct step *s, const char *name, const struct stat *seen)
{
	struct stat st;
	return fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == seen->st_dev && st.st_ino == seen->st_ino &&
	       st.st_mode == seen->st_mode && st.st_size == seen->st_size && st.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
}

/* Copies the data of [from, to), leaving holes as they are: a file of a terabyte that holds nothing stays one. */
static int
copy_range(int in, int out, off_t from, off_t to)
{
	br_auto_free char *buf = malloc(1 << 18);
	if (buf == NULL)
		return -1;
	while (from < to) {
		size_t want = to - from < (1 << 18) ? (size_t)(to - from) : (size_t)1 << 18;
		ssize_t n = pread(in, buf, want, from);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		if (pwrite(out, buf, (size_t)n, from) != n)
			return -1;
		from += n;
	}
	return 0;
}

static int
copy_content(int in, int out)
{
	struct stat st;
	if (fstat(in, &st) < 0 || ftruncate(out, st.st_size) < 0)
		return -1;
	for (off_t at = 0, end; at < st.st_size; at = end) {
		off_t data = lseek(in, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0)
			return copy_range(in, out, at, st.st_size);
		end = lseek(in, data, SEEK_HOLE);
		if (end < 0)
			end = st.st_size;
		if (copy_range(in, out, data, end) < 0)
			return -1;
	}
	return 0;
}

static uid_t
uid_for(const struct br_place *p, const struct stat *st)
{
	return st->st_uid == p->agent_uid ? p->owner_uid : st->st_uid;
}

static gid_t
gid_for(const struct br_place *p, const struct stat *st)
{
	return st->st_gid == p->agent_gid ? p->owner_gid : st->st_gid;
}

/* Owner, mode without set-id and sticky bits, and times. */
static int
dress(const struct br_place *p, int fd, const struct stat *st)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st->st_mtim};
	if (p->own && fchown(fd, uid_for(p, st), gid_for(p, st)) < 0)
		return -1;
	return fchmod(fd, br_change_mode(st)) < 0 ? -1 : futimens(fd, times);
}

/* The new file without a name, or where the file system has no such thing, with the temporary one. */
static int
nameless(const struct br_place *p, const struct step *s, const char *rel, bool *named)
{
	int fd = openat(s->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	*named = false;
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	*named = true;
	if (note(p, 'w', 0, s->tmp, NULL, rel) < 0)
		return -1;
	return openat(s->dir, s->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int
give_name(const struct br_place *p, const struct step *s, int fd, const char *rel, ino_t *ino)
{
	char self[64];
	struct stat st;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) < 0 || note(p, 'w', st.st_ino, s->tmp, NULL, rel) < 0)
		return -1;
	if (linkat(AT_FDCWD, self, s->dir, s->tmp, AT_SYMLINK_FOLLOW) < 0)
		return -1;
	*ino = st.st_ino;
	return 0;
}

static int
stage_file(const struct br_place *p, const struct step *s, const struct br_change *c, ino_t *ino)
{
	bool named;
	struct stat st;
	br_auto_fd int in = br_tree_open(p->upper, c->rel, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (in < 0 || fstat(in, &st) < 0 || !S_ISREG(st.st_mode)) {
		errno = in < 0 ? errno : EIO;
		return -1;
	}
	br_auto_fd int out = nameless(p, s, c->rel, &named);
	if (out < 0)
		return -1;
	int rc = copy_content(in, out);
	if (rc == 0)
		rc = dress(p, out, &c->after);
	if (rc == 0 && !named)
		rc = give_name(p, s, out, c->rel, ino);
	else if (rc == 0 && fstat(out, &st) == 0)
		*ino = st.st_ino;
	if (rc < 0 && named) {
		int saved = errno;
		(void)unlinkat(s->dir, s->tmp, 0);
		errno = saved;
	}
	return rc;
}

static int
stage_link(const struct br_place *p, const struct step *s, const struct br_change *c, ino_t *ino)
{
	struct stat st;
	br_auto_free char *to = br_tree_link(p->upper, c->rel);
	if (to == NULL || note(p, 'w', 0, s->tmp, NULL, c->rel) < 0 || symlinkat(to, s->dir, s->tmp) < 0)
		return -1;
	if (fstatat(s->dir, s->tmp, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*ino = st.st_ino;
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, c->after.st_mtim};
	if (p->own && fchownat(s->dir, s->tmp, uid_for(p, &c->after), gid_for(p, &c->after), AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	(void)utimensat(s->dir, s->tmp, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* The new file, under its temporary name, takes the place of the one that was seen. */
static enum br_placed
exchange(const struct br_place *p, const struct step *s, const struct br_change *c, const struct stat *seen, ino_t ino)
{
	if (note(p, 'x', ino, s->tmp, seen, c->rel) < 0)
		return BR_PLACE_FAILED;
	if (rename_flags(s->dir, s->tmp, s->name, RENAME_EXCHANGE) < 0) {
		if (errno == ENOENT)
			return BR_PLACE_CHANGED;
		if (errno != EINVAL && errno != ENOSYS)
			return BR_PLACE_FAILED;
		/* A file system that can't exchange: a last look, and an ordinary rename. */
		if (!is_the_one(s, s->name, seen))
			return BR_PLACE_CHANGED;
		return renameat(s->dir, s->tmp, s->dir, s->name) < 0 ? BR_PLACE_FAILED : BR_PLACED;
	}
	if (is_the_one(s, s->tmp, seen))
		return unlinkat(s->dir, s->tmp, 0) < 0 ? BR_PLACE_FAILED : BR_PLACED;
	if (rename_flags(s->dir, s->tmp, s->name, RENAME_EXCHANGE) < 0)
		return BR_PLACE_FAILED;
	return BR_PLACE_CHANGED;
}

static enum br_placed
first(const struct step *s)
{
	if (rename_flags(s->dir, s->tmp, s->name, RENAME_NOREPLACE) == 0)
		return BR_PLACED;
	if (errno == EEXIST)
		return BR_PLACE_CHANGED;
	if (errno != EINVAL && errno != ENOSYS)
		return BR_PLACE_FAILED;
	/* link(2) does not replace either. */
	if (linkat(s->dir, s->tmp, s->dir, s->name, 0) < 0)
		return errno == EEXIST ? BR_PLACE_CHANGED : BR_PLACE_FAILED;
	return unlinkat(s->dir, s->tmp, 0) < 0 ? BR_PLACE_FAILED : BR_PLACED;
}

enum br_placed
br_place_put(struct br_place *p, const struct br_change *c, const struct stat *seen, bool lock)
{
	struct step s = {.dir = -1};
	ino_t ino = 0;
	if (step_open(p, &s, c->rel, lock) < 0) {
		int saved = errno;
		br_cleanup_fd(&s.dir);
		return failed(saved);
	}
	int rc = S_ISLNK(c->after.st_mode) ? stage_link(p, &s, c, &ino) : stage_file(p, &s, c, &ino);
	enum br_placed out = BR_PLACE_FAILED;
	if (rc < 0)
		out = errno == EEXIST && lock ? BR_PLACE_LOCKED : failed(errno);
	else
		out = c->kind == BR_CHANGE_ADD ? first(&s) : exchange(p, &s, c, seen, ino);
	int saved = errno;
	/* A name that was never ours (another's lock) stays. */
	if (out != BR_PLACED && ino != 0)
		(void)unlinkat(s.dir, s.tmp, 0);
	(void)close(s.dir);
	errno = saved;
	return out;
}

enum br_placed
br_place_dir(struct br_place *p, const struct br_change *c)
{
	const char *name;
	struct stat st;
	br_auto_fd int dir = br_tree_parent(p->root, c->rel, &name);
	if (dir < 0)
		return failed(errno);
	if (mkdirat(dir, name, 0700) == 0) {
		bool owned = !p->own || fchownat(dir, name, uid_for(p, &c->after), gid_for(p, &c->after), AT_SYMLINK_NOFOLLOW) == 0;
		return owned ? BR_PLACED : BR_PLACE_FAILED;
	}
	if (errno != EEXIST)
		return BR_PLACE_FAILED;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) ? BR_PLACED : BR_PLACE_CHANGED;
}

enum br_placed
br_place_mode(struct br_place *p, const struct br_change *c)
{
	char self[64];
	struct stat st;
	br_auto_fd int fd = br_tree_open(p->root, c->rel, O_PATH, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return failed(errno);
	/* Not what was compared: chmod would act on something else. */
	if ((st.st_mode & S_IFMT) != (c->after.st_mode & S_IFMT))
		return BR_PLACE_CHANGED;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return chmod(self, br_change_mode(&c->after)) < 0 ? BR_PLACE_FAILED : BR_PLACED;
}

enum br_placed
br_place_remove(struct br_place *p, const struct br_change *c, const struct stat *seen)
{
	struct step s = {.dir = -1};
	enum br_placed out = BR_PLACED;
	if (step_open(p, &s, c->rel, false) < 0) {
		int saved = errno;
		br_cleanup_fd(&s.dir);
		return failed(saved);
	}
	br_auto_fd int dir = s.dir;
	if (S_ISDIR(c->before.st_mode)) {
		if (unlinkat(dir, s.name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			out = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? BR_PLACE_CHANGED : BR_PLACE_FAILED;
		return out;
	}
	if (note(p, 'd', 0, s.tmp, seen, c->rel) < 0)
		return BR_PLACE_FAILED;
	if (rename_flags(dir, s.name, s.tmp, RENAME_NOREPLACE) < 0) {
		if (errno == ENOENT)
			return BR_PLACED;
		if (errno != EINVAL && errno != ENOSYS)
			return BR_PLACE_FAILED;
		if (!is_the_one(&s, s.name, seen))
			return BR_PLACE_CHANGED;
		return unlinkat(dir, s.name, 0) < 0 ? BR_PLACE_FAILED : BR_PLACED;
	}
	if (is_the_one(&s, s.tmp, seen))
		return unlinkat(dir, s.tmp, 0) < 0 ? BR_PLACE_FAILED : BR_PLACED;
	return rename_flags(dir, s.tmp, s.name, RENAME_NOREPLACE) < 0 ? BR_PLACE_FAILED : BR_PLACE_CHANGED;
}

int
br_place_begin(struct br_place *p, int root, int upper, int sessionfd, struct br_err *e)
{
	*p = (struct br_place){.root = root, .upper = upper, .journal = -1, .own = geteuid() == 0};
	struct stat agent, owner;
	if (fstat(upper, &agent) < 0 || fstat(root, &owner) < 0)
		return br_err_set(e, errno, "cannot look at the overlay");
	p->agent_uid = agent.st_uid;
	p->agent_gid = agent.st_gid;
	p->owner_uid = owner.st_uid;
	p->owner_gid = owner.st_gid;
	if (br_journal_settle(root, sessionfd, e) < 0)
		return -1;
	br_random_hex(p->tag, 8);
	p->journal = openat(sessionfd, BR_JOURNAL, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->journal < 0)
		return br_err_set(e, errno, "cannot write the journal of the apply");
	return 0;
}

void
br_place_end(struct br_place *p, int sessionfd)
{
	br_cleanup_fd(&p->journal);
	p->journal = -1;
	(void)unlinkat(sessionfd, BR_JOURNAL, 0);
}
