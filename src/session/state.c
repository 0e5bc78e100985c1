/* Sessions on disk: making one, ending it, finding it again. */
#include "session/state_internal.h"

#include "base/io.h"
#include "base/suggest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

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
	br_auto_fd int fd = openat(state, "sessions", DIR_FLAGS);
	if (fd < 0 && errno == ENOENT && create) {
		if (mkdirat(state, "sessions", 0700) < 0 && errno != EEXIST) {
			(void)br_err_set(e, errno, "cannot make the directory of the sessions");
			return hint_room(e);
		}
		fd = openat(state, "sessions", DIR_FLAGS);
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
	return openat(sessions, id, DIR_FLAGS);
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
	br_auto_fd int dir = openat(sessions, hidden, DIR_FLAGS);
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
br_session_end(int dirfd, struct br_session_meta *m, int status, struct br_err *e)
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
	if (rc == 0)
		(void)unlinkat(dirfd, "lock", 0);
	return rc;
}

/* Whether somebody holds the lock. Without a lock file the session was ended and cleaned. */
static bool
is_locked(int dirfd)
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
	if (pid <= 0 || !is_locked(dirfd) || fstatat(dirfd, "lock", &st, AT_SYMLINK_NOFOLLOW) < 0)
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

/* A session whose record can't be read is still listed: what its id says is known. */
static void
fill_damaged(struct br_session_meta *m)
{
	*m = (struct br_session_meta){.status = -1};
	(void)snprintf(m->state, sizeof(m->state), "damaged");
}

static void
started_from_id(struct br_session_meta *m)
{
	struct tm tm = {0};
	if (strptime(m->id, "%Y%m%d-%H%M%S", &tm) != NULL)
		m->started_ms = (int64_t)timegm(&tm) * 1000;
}

/* Reads one session by its directory's name. -1: it is gone. */
static int
load(int sessions, const char *id, struct br_session_meta *m, int *dirfd)
{
	br_auto_fd int dir = br_session_opendir(sessions, id);
	if (dir < 0)
		return -1;
	/* The lock first: a session that ends in between is then shown as alive, not as dead without an end. */
	bool locked = is_locked(dir);
	if (br_session_read_meta(dir, m, NULL) < 0)
		fill_damaged(m);
	(void)snprintf(m->id, sizeof(m->id), "%s", id);
	if (m->started_ms == 0)
		started_from_id(m);
	/* The lock of an ended one is held by gc, for a moment. */
	m->alive = locked && !br_streq(m->state, "ended");
	if (dirfd != NULL)
		*dirfd = br_steal_fd(&dir);
	return 0;
}

void
br_names_free(char **names)
{
	for (char **p = names; p != NULL && *p != NULL; p++)
		free(*p);
	free(names);
}

static bool
names_add(char ***v, size_t *n, size_t *cap, const char *name)
{
	if (*n + 2 > *cap) {
		size_t want = *cap == 0 ? 64 : *cap * 2;
		char **p = reallocarray(*v, want, sizeof(*p));
		if (p == NULL)
			return false;
		*v = p;
		*cap = want;
	}
	(*v)[*n] = strdup(name);
	(*v)[*n + 1] = NULL;
	return (*v)[(*n)++] != NULL;
}

char **
br_names(int dirfd, bool (*wanted)(const char *name), struct br_err *e)
{
	/* Not a dup: that would share its place in the directory with other readers of `dirfd`. */
	int fd = openat(dirfd, ".", DIR_FLAGS);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		(void)br_err_set(e, errno, "cannot read the directory of the sessions");
		if (fd >= 0)
			(void)close(fd);
		return NULL;
	}
	size_t n = 0, cap = 0;
	char **v = calloc(1, sizeof(*v));
	bool ok = v != NULL;
	for (struct dirent *de; ok && (de = readdir(d)) != NULL;)
		if (wanted(de->d_name))
			ok = names_add(&v, &n, &cap, de->d_name);
	(void)closedir(d);
	if (!ok) {
		br_names_free(v);
		(void)br_err_set(e, ENOMEM, "cannot read the directory of the sessions");
		return NULL;
	}
	return v;
}

static int
newest_first(const void *a, const void *b)
{
	const struct br_session_meta *x = a, *y = b;
	if (x->started_ms != y->started_ms)
		return x->started_ms < y->started_ms ? 1 : -1;
	return -strcmp(x->id, y->id);
}

static void
list_free(struct br_session_meta *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		br_session_meta_free(&v[i]);
	free(v);
}

static int
list_in(int sessions, struct br_session_meta **out, size_t *n, struct br_err *e)
{
	char **names = br_names(sessions, br_session_is_id, e);
	if (names == NULL)
		return -1;
	size_t count = 0, have = 0;
	while (names[count] != NULL)
		count++;
	struct br_session_meta *v = calloc(count + 1, sizeof(*v));
	if (v == NULL) {
		br_names_free(names);
		return br_err_set(e, ENOMEM, "cannot list the sessions");
	}
	for (size_t i = 0; i < count; i++)
		if (load(sessions, names[i], &v[have], NULL) == 0)
			have++;
	br_names_free(names);
	qsort(v, have, sizeof(*v), newest_first);
	*out = v;
	*n = have;
	return 0;
}

int
br_session_list(struct br_session_meta **out, size_t *n, struct br_err *e)
{
	struct br_err why = BR_ERR_INIT;
	*out = NULL;
	*n = 0;
	br_auto_fd int sessions = br_sessions_open(false, &why);
	if (sessions >= 0)
		return list_in(sessions, out, n, e);
	if (why.sys == ENOENT)
		return 0;
	if (e != NULL)
		*e = why;
	return -1;
}

/* How well `which` names a session: 0 not at all; the larger, the better. */
enum match { NO, BY_PART, BY_PREFIX, BY_NAME, BY_ID };

static enum match
match(const struct br_session_meta *m, const char *which)
{
	if (br_streq(m->id, which))
		return BY_ID;
	if (m->name[0] != '\0' && br_streq(m->name, which))
		return BY_NAME;
	if (br_startswith(m->id, which))
		return BY_PREFIX;
	const char *part = strrchr(m->id, '-');
	if (part != NULL && strlen(which) >= 3 && br_startswith(part + 1, which))
		return BY_PART;
	return NO;
}

static void
put_candidate(struct br_buf *b, const struct br_session_meta *m)
{
	br_buf_printf(b, "%s%s", b->len > 0 ? ", " : "", m->id);
	if (m->name[0] != '\0')
		br_buf_printf(b, " (%s)", m->name);
}

/* The hint that lists what there is: those that match at `level`, or all when none does. At most ten. */
static void
hint_candidates(const struct br_session_meta *v, size_t n, const char *which, enum match level, bool alive_only, struct br_err *e)
{
	br_auto_buf b = {0};
	size_t shown = 0, more = 0;
	for (size_t i = 0; i < n; i++) {
		if ((alive_only && !v[i].alive) || (level != NO && match(&v[i], which) != level))
			continue;
		if (shown < 10) {
			put_candidate(&b, &v[i]);
			shown++;
		} else {
			more++;
		}
	}
	if (b.failed)
		return;
	if (shown == 0)
		(void)br_err_hint(e, alive_only ? "no session is running; brattice ps --all lists ended ones" : "there are no sessions yet");
	else if (more > 0)
		(void)br_err_hint(e, "%s: %s, and %zu more", level == NO ? "sessions" : "it may be", b.p, more);
	else
		(void)br_err_hint(e, "%s: %s", level == NO ? "sessions" : "it may be", b.p);
}

/* Index of the one meant, or -1 with `e`. */
static ssize_t
choose(const struct br_session_meta *v, size_t n, const char *which, bool alive_only, struct br_err *e)
{
	enum match best = NO;
	size_t hits = 0, living = 0, at = 0;
	bool last = br_streq(which, "last");
	for (size_t i = 0; i < n; i++) {
		if (alive_only && !v[i].alive)
			continue;
		if (last)
			return (ssize_t)i;
		enum match how = match(&v[i], which);
		if (how == NO || how < best)
			continue;
		if (how > best)
			hits = living = 0;
		best = how;
		hits++;
		/* A name is given again and again: the living one is meant. */
		if (hits == 1 || (v[i].alive && living == 0))
			at = i;
		living += v[i].alive ? 1 : 0;
	}
	if (hits == 1 || (best == BY_NAME && living == 1))
		return (ssize_t)at;
	const char *kind = alive_only ? "running session" : "session";
	if (hits == 0 && last)
		(void)br_err_set(e, 0, "there is no %s", kind);
	else if (hits == 0)
		(void)br_err_set(e, 0, "no %s \"%s\"", kind, which);
	else
		(void)br_err_set(e, 0, "\"%s\" may be %zu %ss", which, hits, kind);
	hint_candidates(v, n, which, best, alive_only, e);
	return -1;
}

int
br_session_find(const char *which, bool alive_only, struct br_session_meta *m, int *dirfd, struct br_err *e)
{
	if (which[0] == '\0')
		return br_err_set(e, 0, "an empty word names no session");
	struct br_session_meta *v = NULL;
	size_t n = 0;
	if (br_session_list(&v, &n, e) < 0)
		return -1;
	ssize_t at = choose(v, n, which, alive_only, e);
	if (at < 0) {
		list_free(v, n);
		return -1;
	}
	char id[sizeof(v[0].id)];
	memcpy(id, v[at].id, sizeof(id));
	list_free(v, n);
	br_auto_fd int sessions = br_sessions_open(false, e);
	if (sessions < 0)
		return -1;
	if (load(sessions, id, m, dirfd) < 0)
		return br_err_set(e, errno, "session %s is gone", id);
	return 0;
}
