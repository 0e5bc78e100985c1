/* What dead sessions left behind. */
#include "session/state_int.h"

#include "base/io.h"
#include "session/made.h"
#include "session/recorder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* What is half made is left alone for this long: its maker may be slow. */
#define HALF_MADE_S 60
/* Deeper trees are removed like others, but not measured to the bottom. */
#define DEPTH_MAX 100

/* Bytes on disk of a tree; symbolic links are not followed, other file systems not entered. */
static uint64_t
tree_bytes(int dirfd, const char *name, dev_t dev, int depth)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	uint64_t sum = (uint64_t)st.st_blocks * 512;
	if (!S_ISDIR(st.st_mode) || depth > DEPTH_MAX || (depth > 0 && st.st_dev != dev))
		return sum;
	int fd = openat(dirfd, name, DIR_FLAGS);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return sum;
	}
	for (struct dirent *de; (de = readdir(d)) != NULL;)
		if (!br_streq(de->d_name, ".") && !br_streq(de->d_name, ".."))
			sum += tree_bytes(fd, de->d_name, st.st_dev, depth + 1);
	(void)closedir(d);
	return sum;
}

static int
remove_tree(int dirfd, const char *name, struct br_gc_report *r, struct br_err *e)
{
	uint64_t bytes = tree_bytes(dirfd, name, 0, 0);
	if (br_rm_tree(dirfd, name) < 0)
		return br_err_set(e, errno, "cannot remove %s", name);
	r->bytes += bytes;
	return 0;
}

static bool
is_older(int dirfd, const char *name, int64_t seconds)
{
	struct stat st;
	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime < time(NULL) - seconds;
}

static bool
exists(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Only directories named after the session, and only when they are empty: rmdir(2) on a cgroup refuses others. False while
 * somebody still lives in one: processes of a session that was killed need a moment to die. */
static bool
remove_cgroups(struct br_session_meta *m)
{
	char tail[96], *save = NULL;
	bool empty = true;
	(void)snprintf(tail, sizeof(tail), "/brattice-%s", m->id);
	for (char *p = strtok_r(m->cgroup, "\n", &save); p != NULL; p = strtok_r(NULL, "\n", &save))
		if (br_startswith(p, "/sys/fs/cgroup/") && br_endswith(p, tail) && strstr(p, "/../") == NULL && rmdir(p) < 0 && errno == EBUSY)
			empty = false;
	return empty;
}

static int64_t
last_sign_of_life(int dir)
{
	struct stat st;
	if (fstatat(dir, "log/hashes", &st, AT_SYMLINK_NOFOLLOW) < 0 && fstat(dir, &st) < 0)
		return br_realtime_ms();
	return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

/* The session's lock is ours. 1: done; 0: not all in it are dead yet; -1: an error. */
static int
bury(int dir, const char *id, struct br_gc_report *r, struct br_err *e)
{
	struct br_session_meta m;
	bool empty = true;
	/* A damaged record stays as it is; what the name says is enough to clean up. */
	if (br_session_read_meta(dir, &m, NULL) == 0) {
		(void)snprintf(m.id, sizeof(m.id), "%s", id);
		int rc = 0;
		if (!br_streq(m.state, "ended")) {
			(void)snprintf(m.state, sizeof(m.state), "ended");
			m.ended_ms = last_sign_of_life(dir);
			m.status = -1;
			m.pending = m.pending || (m.review && exists(dir, "upper"));
			rc = br_session_write_meta(dir, &m, e);
		}
		empty = remove_cgroups(&m);
		br_session_meta_free(&m);
		if (rc < 0)
			return -1;
	}
	if (exists(dir, "home") && remove_tree(dir, "home", r, e) < 0)
		return -1;
	/* With its lock the next gc looks again. */
	if (!empty)
		return 0;
	if (br_recorder_recover(dir, e) < 0)
		return -1;
	/* Gone: the session ended by itself between the opening of its lock and the taking of it. */
	if (unlinkat(dir, "lock", 0) < 0)
		return errno == ENOENT ? 1 : br_err_set(e, errno, "cannot remove the lock");
	r->dead++;
	return 1;
}

/* 1: nobody lives in it (now or since long); 0: it is alive; -1: an error. */
static int
bury_if_dead(int dir, const char *id, struct br_gc_report *r, struct br_err *e)
{
	br_auto_fd int lock = openat(dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (lock < 0)
		return errno == ENOENT ? 1 : br_err_set(e, errno, "cannot open the lock");
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : br_err_set(e, errno, "cannot take the lock");
	return bury(dir, id, r, e);
}

/* Whether the whole record may go. What may hold changes that nobody has looked at never does. */
static bool
is_expired(int dir, const char *id, int64_t older_than_s)
{
	struct br_session_meta m;
	int64_t limit = br_realtime_ms() - (older_than_s > INT64_MAX / 1000 ? INT64_MAX / 1000 : older_than_s) * 1000;
	if (br_session_read_meta(dir, &m, NULL) < 0)
		return !exists(dir, "upper") && last_sign_of_life(dir) < limit;
	br_session_meta_free(&m);
	return br_streq(m.state, "ended") && !m.pending && m.ended_ms < limit;
}

static int
collect_session(int sessions, const char *id, int64_t older_than_s, struct br_gc_report *r, struct br_err *e)
{
	/* The common case, in one system call: ended and cleaned long ago. */
	char lock[80];
	(void)snprintf(lock, sizeof(lock), "%s/lock", id);
	if (older_than_s < 0 && !exists(sessions, lock))
		return 0;
	br_auto_fd int dir = br_session_opendir(sessions, id);
	if (dir < 0)
		return errno == ENOENT ? 0 : br_err_set(e, errno, "cannot open it");
	int dead = bury_if_dead(dir, id, r, e);
	if (dead <= 0 || older_than_s < 0 || !is_expired(dir, id, older_than_s))
		return dead < 0 ? -1 : 0;
	/* Out of sight at once, so that nobody reads half a record. */
	char gone[80];
	(void)snprintf(gone, sizeof(gone), ".gone-%s", id);
	if (renameat(sessions, id, sessions, gone) < 0)
		return br_err_set(e, errno, "cannot rename it");
	r->removed++;
	return remove_tree(sessions, gone, r, e);
}

static bool
is_leftover(const char *name)
{
	return br_startswith(name, ".new-") || br_startswith(name, ".gone-");
}

/* What a start or a gc that was killed left half done. */
static void
collect_leftover(int sessions, const char *name, struct br_gc_report *r)
{
	if (br_startswith(name, ".new-") && !is_older(sessions, name, HALF_MADE_S))
		return;
	(void)remove_tree(sessions, name, r, NULL);
}

static bool
is_socket_name(const char *name)
{
	return br_endswith(name, ".sock") || br_endswith(name, ".sock.new");
}

/* Sessions of another state directory may share the runtime directory, so only the socket itself can say that nobody listens. */
static bool
nobody_listens(int dir, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(a.sun_path))
		return false;
	br_auto_fd int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return s >= 0 && connect(s, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == ECONNREFUSED;
}

/* Whether the session that a socket "<id>.sock.new" is named after is one of these, and over. */
static bool
maker_is_dead(int sessions, const char *name)
{
	char id[64];
	int n = snprintf(id, sizeof(id), "%.*s", (int)strcspn(name, "."), name);
	if (sessions < 0 || n >= (int)sizeof(id) || !br_session_is_id(id))
		return false;
	br_auto_fd int dir = br_session_opendir(sessions, id);
	if (dir < 0)
		return false;
	br_auto_fd int lock = openat(dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	return lock < 0 ? errno == ENOENT : flock(lock, LOCK_EX | LOCK_NB) == 0;
}

static void
collect_sockets(int sessions, struct br_gc_report *r)
{
	int fds[4];
	size_t n = br_runtime_open_all(fds, BR_ARRAY_LEN(fds));
	for (size_t i = 0; i < n; i++) {
		char **names = br_names(fds[i], is_socket_name, NULL);
		for (char **p = names; p != NULL && *p != NULL; p++) {
			struct stat st;
			bool half_made = br_endswith(*p, ".new") && !is_older(fds[i], *p, HALF_MADE_S) && !maker_is_dead(sessions, *p);
			if (half_made || fstatat(fds[i], *p, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISSOCK(st.st_mode))
				continue;
			if (nobody_listens(fds[i], *p) && unlinkat(fds[i], *p, 0) == 0)
				r->sockets++;
		}
		br_names_free(names);
		(void)close(fds[i]);
	}
}

static void
collect_made(int sessions)
{
	br_auto_fd int homes = openat(sessions, "../homes", DIR_FLAGS);
	if (homes >= 0)
		br_made_collect(homes);
}

/* Sessions below `sessions`, each in turn. One that can't be cleaned must not keep the others from it: the first error is told at the end. */
static int
collect_sessions(int sessions, int64_t older_than_s, struct br_gc_report *r, struct br_err *e)
{
	struct br_err why = BR_ERR_INIT;
	char **names = br_names(sessions, br_session_is_id, e);
	int rc = names == NULL ? -1 : 0;
	for (char **p = names; p != NULL && *p != NULL; p++) {
		if (collect_session(sessions, *p, older_than_s, r, &why) < 0 && rc == 0) {
			(void)br_err_wrap(&why, "session %s", *p);
			if (e != NULL)
				*e = why;
			rc = -1;
		}
	}
	br_names_free(names);
	return rc;
}

static bool
is_attack(const char *name)
{
	return name[0] != '.';
}

/* What `brattice doctor --attack` was attacking when it was killed (src/attack/doctor.h), and the sessions in it. */
static void
collect_attack(int attacks, const char *name, struct br_gc_report *r)
{
	br_auto_fd int dir = openat(attacks, name, DIR_FLAGS);
	br_auto_fd int lock = dir < 0 ? -1 : openat(dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (dir < 0 || (lock < 0 && !is_older(attacks, name, HALF_MADE_S)) || (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0))
		return;
	br_auto_fd int sessions = openat(dir, "state/sessions", DIR_FLAGS);
	if (sessions < 0 || collect_sessions(sessions, -1, r, NULL) == 0)
		(void)remove_tree(attacks, name, r, NULL);
}

static void
collect_attacks(struct br_gc_report *r)
{
	br_auto_fd int state = br_state_open(false, NULL);
	br_auto_fd int attacks = state < 0 ? -1 : openat(state, "attacks", DIR_FLAGS);
	if (attacks < 0)
		return;
	char **names = br_names(attacks, is_attack, NULL);
	for (char **p = names; p != NULL && *p != NULL; p++)
		collect_attack(attacks, *p, r);
	br_names_free(names);
	(void)unlinkat(state, "attacks", AT_REMOVEDIR);
}

int
br_session_gc(int64_t older_than_s, struct br_gc_report *r, struct br_err *e)
{
	struct br_err why = BR_ERR_INIT;
	*r = (struct br_gc_report){0};
	collect_attacks(r);
	br_auto_fd int sessions = br_sessions_open(false, &why);
	collect_sockets(sessions, r);
	if (sessions < 0) {
		if (why.sys == ENOENT)
			return 0;
		if (e != NULL)
			*e = why;
		return -1;
	}
	int rc = collect_sessions(sessions, older_than_s, r, e);
	char **leftovers = br_names(sessions, is_leftover, rc == 0 ? e : NULL);
	for (char **p = leftovers; p != NULL && *p != NULL; p++)
		collect_leftover(sessions, *p, r);
	collect_made(sessions);
	br_names_free(leftovers);
	return leftovers == NULL ? -1 : rc;
}
