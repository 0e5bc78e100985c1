/* Sessions on disk: listing them, and finding the one that is meant. */
#include "session/state_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

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
	bool locked = br_session_is_locked(dir);
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
		char **p = realloc(*v, want * sizeof(*p)); /* as many as a directory has names */
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
	int fd = openat(dirfd, ".", BR_DIR_FLAGS);
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
