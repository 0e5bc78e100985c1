/* Sessions on disk: making one, ending it, and who holds it. */
#include "session/state_int.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int64_t
br_realtime_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool
br_session_is_id(const char *s)
{
	static const char shape[] = "dddddddd-dddddd-";
	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
			return false;
	const char *rest = s + sizeof(shape) - 1;
	return strspn(rest, "0123456789abcdef") == BR_ID_LEN && rest[BR_ID_LEN] == '\0';
}

/* Why nothing can be made in the state directory, as far as errno tells. */
static int
hint_room(struct br_err *e)
{
	if (e != NULL && (e->sys == EROFS || e->sys == EACCES || e->sys == EPERM))
		return br_err_hint(e, "set BRATTICE_STATE to a directory of yours that can be written");
	if (e != NULL && (e->sys == ENOSPC || e->sys == EDQUOT))
		return br_err_hint(e, "make room in the state directory (brattice gc --older-than 30d), or set BRATTICE_STATE");
	return -1;
}

int
br_sessions_open(bool create, struct br_err *e)
{
	br_auto_fd int state = br_state_open(create, e);
	if (state < 0)
		return -1;
	br_auto_fd int fd = openat(state, "sessions", BR_DIR_FLAGS);
	if (fd < 0 && errno == ENOENT && create) {
		if (mkdirat(state, "sessions", 0700) < 0 && errno != EEXIST) {
			(void)br_err_set(e, errno, "cannot make the directory of the sessions");
			return hint_room(e);
		}
		fd = openat(state, "sessions", BR_DIR_FLAGS);
	}
	if (fd < 0)
		return br_err_set(e, errno, "cannot open the directory of the sessions");
	/* $STATE lets nobody else in, so a look at the owner is enough: root may have made it under sudo. */
	struct stat st;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid()) {
		(void)br_err_set(e, 0, "the directory of the sessions belongs to uid %u, not to you", (unsigned)st.st_uid);
		return br_err_hint(e, "set BRATTICE_STATE to a directory of yours");
	}
	return br_steal_fd(&fd);
}

int
br_session_opendir(int sessions, const char *id)
{
	if (!br_session_is_id(id)) {
		errno = ENOENT;
		return -1;
	}
	return openat(sessions, id, BR_DIR_FLAGS);
}

static int
make_id(struct br_session_meta *m)
{
	if (m->started_ms == 0)
		m->started_ms = br_realtime_ms();
	time_t t = (time_t)(m->started_ms / 1000);
	struct tm tm;
	if (gmtime_r(&t, &tm) == NULL)
		return -1;
	char rnd[BR_ID_LEN + 1], date[32];
	br_random_hex(rnd, BR_ID_LEN / 2);
	if (strftime(date, sizeof(date), "%Y%m%d-%H%M%S", &tm) == 0)
		return -1;
	(void)snprintf(m->id, sizeof(m->id), "%s-%s", date, rnd);
	return br_session_is_id(m->id) ? 0 : -1;
}

/* Makes the directory under a name that nobody looks at, locks it, and only then gives it its own: so there is no moment at
 * which a session that is starting looks like a dead one. */
static int
make_locked(int sessions, const char *id, int *dirfd, int *lockfd)
{
	char hidden[80];
	(void)snprintf(hidden, sizeof(hidden), ".new-%s", id);
	if (mkdirat(sessions, hidden, 0700) < 0)
		return -1;
	br_auto_fd int dir = openat(sessions, hidden, BR_DIR_FLAGS);
	br_auto_fd int lock = dir < 0 ? -1 : openat(dir, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0 || renameat(sessions, hidden, sessions, id) < 0) {
		int saved = errno;
		if (dir >= 0)
			(void)unlinkat(dir, "lock", 0);
		(void)unlinkat(sessions, hidden, AT_REMOVEDIR);
		errno = saved;
		return -1;
	}
	*dirfd = br_steal_fd(&dir);
	*lockfd = br_steal_fd(&lock);
	return 0;
}

int
br_session_create(struct br_session_meta *m, int *dirfd, int *lockfd, struct br_err *e)
{
	br_auto_fd int sessions = br_sessions_open(true, e);
	if (sessions < 0)
		return -1;
	if (make_id(m) < 0)
		return br_err_set(e, 0, "cannot name a session: the clock says a year that has not four digits");
	m->pid = (int)getpid();
	if (make_locked(sessions, m->id, dirfd, lockfd) < 0) {
		(void)br_err_set(e, errno, "cannot make the session's directory");
		return hint_room(e);
	}
	return 0;
}

int
br_session_end(int dirfd, struct br_session_meta *m, int status, bool sealed, struct br_err *e)
{
	(void)snprintf(m->state, sizeof(m->state), "ended");
	m->status = status;
	m->ended_ms = br_realtime_ms();
	int rc = br_session_write_meta(dirfd, m, e);
	if (br_rm_tree(dirfd, "home") < 0) {
		/* The lock stays, so that gc tries again. */
		(void)br_err_set(e, errno, "cannot remove the private home of session %s", m->id);
		return br_err_hint(e, "brattice gc tries again");
	}
	if (rc == 0 && sealed)
		(void)unlinkat(dirfd, "lock", 0);
	return rc;
}

bool
br_session_is_locked(int dirfd)
{
	br_auto_fd int fd = openat(dirfd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* A line of /proc/locks (proc(5)): "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF". The device is not compared: some file
 * systems give another one there than stat(2) does. */
static bool
is_lock_line(const char *line, ino_t ino, pid_t pid)
{
	char word[6][24];
	for (size_t i = 0; i < BR_ARRAY_LEN(word); i++) {
		line += strspn(line, " ");
		size_t n = strcspn(line, " ");
		if (n == 0 || n >= sizeof(word[i]))
			return false;
		memcpy(word[i], line, n);
		word[i][n] = '\0';
		line += n;
	}
	const char *inode = strrchr(word[5], ':');
	return br_streq(word[1], "FLOCK") && br_streq(word[3], "WRITE") && strtol(word[4], NULL, 10) == pid && inode != NULL &&
	       strtoul(inode + 1, NULL, 10) == ino;
}

bool
br_session_is_held_by(int dirfd, pid_t pid)
{
	struct stat st;
	br_auto_buf b = {0};
	if (pid <= 0 || !br_session_is_locked(dirfd) || fstatat(dirfd, "lock", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	br_auto_fd int fd = open("/proc/locks", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || br_read_all(fd, &b, 16UL * 1024 * 1024) < 0 || b.p == NULL)
		return false;
	bool held = false;
	for (char *line = b.p, *next; *line != '\0' && !held; line = next) {
		next = line + strcspn(line, "\n");
		if (*next != '\0')
			*next++ = '\0';
		held = is_lock_line(line, st.st_ino, pid);
	}
	return held;
}
