/* The store of trusted policy files. */
#include "session/trust.h"

#include "base/io.h"
#include "session/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_MAX    (4UL * 1024 * 1024)
#define PER_PATH_MAX 16

/* A line: 64 hex digits, a space, the path with \n and \\ escaped. */
struct line {
	const char *text; /* with its newline */
	size_t len;
	char hash[BR_SHA256_HEX];
	char path[PATH_MAX];
};

static bool
is_hash(const char *s, size_t n)
{
	return n == BR_SHA256_HEX - 1 && strspn(s, "0123456789abcdef") >= n;
}

/* The next whole, sensible line at or after `*at`; false at the end. */
static bool
next_line(const struct br_buf *store, size_t *at, struct line *l)
{
	while (*at < store->len) {
		const char *p = store->p + *at;
		const char *nl = memchr(p, '\n', store->len - *at);
		if (nl == NULL)
			return false;
		size_t n = (size_t)(nl - p), h = BR_SHA256_HEX - 1;
		*at += n + 1;
		if (n < h + 2 || p[h] != ' ' || !is_hash(p, h) || !br_unescape_to(p + h + 1, n - h - 1, l->path, sizeof(l->path)) ||
		    l->path[0] != '/')
			continue;
		memcpy(l->hash, p, h);
		l->hash[h] = '\0';
		l->text = p;
		l->len = n + 1;
		return true;
	}
	return false;
}

/* 0 with an empty `store` when there is none yet. */
static int
load(int state, struct br_buf *store, struct br_err *e)
{
	br_auto_fd int fd = openat(state, "trust", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return 0;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return br_err_set(e, errno, "cannot open the trust store");
	if (!S_ISREG(st.st_mode))
		return br_err_set(e, 0, "the trust store is not a regular file");
	if (br_read_all(fd, store, STORE_MAX) < 0)
		return br_err_set(e, errno, "cannot read the trust store");
	return 0;
}

/* $STATE, locked against other writers. The lock goes with the descriptor. */
static int
open_locked(struct br_err *e)
{
	br_auto_fd int state = br_state_open(true, e);
	if (state < 0)
		return -1;
	while (flock(state, LOCK_EX) < 0)
		if (errno != EINTR)
			return br_err_set(e, errno, "cannot lock the trust store");
	return br_steal_fd(&state);
}

static int
save(int state, const struct br_buf *store, struct br_err *e)
{
	if (store->failed)
		return br_err_set(e, ENOMEM, "cannot write the trust store");
	if (br_replace_file(state, "trust", store->len > 0 ? store->p : "", store->len, 0600) < 0)
		return br_err_set(e, errno, "cannot write the trust store");
	return 0;
}

int
br_trust_each(void (*fn)(void *arg, const char *hash, const char *path), void *arg, struct br_err *e)
{
	struct br_err why = BR_ERR_INIT;
	br_auto_buf store = {0};
	br_auto_fd int state = br_state_open(false, &why);
	if (state < 0 && why.sys == ENOENT)
		return 0;
	if (state < 0 || load(state, &store, &why) < 0) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	struct line l;
	for (size_t at = 0; next_line(&store, &at, &l);)
		fn(arg, l.hash, l.path);
	return 0;
}

struct known {
	const char *path, *hash;
	bool found;
};

static void
look_for(void *arg, const char *hash, const char *path)
{
	struct known *k = arg;
	k->found = k->found || (br_streq(path, k->path) && br_streq(hash, k->hash));
}

int
br_trust_known(const char *path, const char *hash, struct br_err *e)
{
	struct known k = {path, hash, false};
	return br_trust_each(look_for, &k, e) < 0 ? -1 : k.found;
}

/* How many of the lines of `path` are to go, so that one more fits. */
static size_t
surplus(const struct br_buf *store, const char *path)
{
	struct line l;
	size_t n = 0;
	for (size_t at = 0; next_line(store, &at, &l);)
		n += br_streq(l.path, path) ? 1 : 0;
	return n >= PER_PATH_MAX ? n - PER_PATH_MAX + 1 : 0;
}

int
br_trust_add(const char *path, const char *hash, struct br_err *e)
{
	if (path[0] != '/' || strlen(path) >= PATH_MAX || !is_hash(hash, strlen(hash)))
		return br_err_set(e, 0, "not an absolute path and a SHA-256 hash: %s %s", path, hash);
	br_auto_buf store = {0}, fresh = {0};
	br_auto_fd int state = open_locked(e);
	if (state < 0 || load(state, &store, e) < 0)
		return -1;
	size_t skip = surplus(&store, path);
	struct line l;
	for (size_t at = 0; next_line(&store, &at, &l);) {
		bool same = br_streq(l.path, path);
		if (same && br_streq(l.hash, hash))
			continue;
		if (same && skip > 0)
			skip--;
		else
			br_buf_put(&fresh, l.text, l.len);
	}
	br_buf_printf(&fresh, "%s ", hash);
	br_buf_put_field(&fresh, path);
	br_buf_putc(&fresh, '\n');
	return save(state, &fresh, e);
}

int
br_trust_remove(const char *path, struct br_err *e)
{
	br_auto_buf store = {0}, fresh = {0};
	br_auto_fd int state = open_locked(e);
	if (state < 0 || load(state, &store, e) < 0)
		return -1;
	int gone = 0;
	struct line l;
	for (size_t at = 0; next_line(&store, &at, &l);) {
		if (br_streq(l.path, path) || br_streq(l.hash, path))
			gone++;
		else
			br_buf_put(&fresh, l.text, l.len);
	}
	if (gone > 0 && save(state, &fresh, e) < 0)
		return -1;
	return gone;
}

int
br_trust_read(const char *path, struct br_buf *content, char hash[BR_SHA256_HEX], struct br_err *e)
{
	br_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ELOOP) {
		(void)br_err_set(e, 0, "%s is a symbolic link", path);
		return br_err_hint(e, "name the file that it leads to");
	}
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return br_err_set(e, errno, "cannot open %s", path);
	if (!S_ISREG(st.st_mode))
		return br_err_set(e, 0, "%s is not a regular file", path);
	if (br_read_all(fd, content, BR_TRUST_FILE_MAX) < 0) {
		if (errno == EFBIG)
			return br_err_set(e, 0, "%s has more than %lu bytes: too large for a policy", path, BR_TRUST_FILE_MAX);
		return br_err_set(e, errno, "cannot read %s", path);
	}
	br_sha256_of(content->len > 0 ? content->p : "", content->len, hash);
	return 0;
}
