/* Which log is meant, and whose key is to be believed. */
#include "audit/tool/scratch.h"
#include "audit/tool/tar.h"
#include "audit/tool/tool.h"

#include "audit/log/hostkey.h"
#include "audit/log/verify.h"
#include "base/io.h"
#include "session/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE_MAX    4096
#define CERTIFICATE_MAX 65536

static bool
is_path(const char *which)
{
	return strchr(which, '/') != NULL || br_endswith(which, ".tar.zst") || br_streq(which, ".") || br_streq(which, "..");
}

/* The folder log/ of it when there is one, else itself. */
static int
open_log_dir(int dirfd)
{
	int fd = openat(dirfd, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 || errno != ENOENT ? fd : openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
unpack(int fd, struct br_place *p, struct br_err *e)
{
	p->dirfd = br_scratch_begin(&p->keeper, &p->child, e);
	if (p->dirfd < 0)
		return -1;
	if (br_bundle_unpack(fd, p->dirfd, e) == 0)
		return 0;
	br_place_close(p);
	return br_err_wrap(e, "%s", p->path);
}

static int
open_bundle(const char *which, struct br_place *p, struct br_err *e)
{
	struct stat st;
	p->bundle = true;
	(void)snprintf(p->path, sizeof(p->path), "%s", which);
	br_auto_fd int dir = open(which, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (dir >= 0 && fstat(dir, &st) == 0 && S_ISREG(st.st_mode))
		return unpack(dir, p, e);
	p->dirfd = dir >= 0 ? open_log_dir(dir) : -1;
	return p->dirfd >= 0 ? 0 : br_err_set(e, errno, "cannot open the bundle %s", which);
}

/* A session that is over has a log that is closed, unless its writer was killed: then whoever looks first mends the end. That it can't be
 * mended keeps nobody from looking; brattice verify says what is wrong with it. */
static void
repair(struct br_place *p)
{
	struct br_err e = BR_ERR_INIT;
	struct br_note_signer host = {0};
	br_auto_fd int state = br_state_open(false, &e);
	int rc = state < 0 || br_host_key_load(state, false, &host, &e) < 0 ? -1 : br_log_recover(p->dirfd, p->id, &host, &e);
	br_note_signer_wipe(&host);
	if (rc > 0)
		br_warn("the writer of session %s's log had died; the end of the log was repaired", p->id);
	else if (rc < 0 && e.sys == EWOULDBLOCK)
		p->live = true; /* its writer outlives the monitor, to seal it */
	else if (rc < 0)
		br_warn("%s", e.msg);
}

static int
open_session(const char *which, struct br_place *p, struct br_err *e)
{
	struct br_session_meta m;
	br_auto_fd int dir = -1;
	if (br_session_find(which, false, &m, &dir, e) < 0)
		return -1;
	p->live = m.alive;
	(void)snprintf(p->id, sizeof(p->id), "%s", m.id);
	(void)snprintf(p->path, sizeof(p->path), "%s", m.id);
	br_session_meta_free(&m);
	p->dirfd = openat(dir, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (p->dirfd >= 0) {
		if (!p->live && !br_log_looks_closed(p->dirfd))
			repair(p);
		return 0;
	}
	return errno == ENOENT ? br_err_set(e, 0, "session %s has no audit log", p->id) : br_err_set(e, errno, "cannot open the log of session %s", p->id);
}

int
br_place_open(const char *which, struct br_place *p, struct br_err *e)
{
	memset(p, 0, sizeof(*p));
	p->dirfd = p->keeper = -1;
	return is_path(which) ? open_bundle(which, p, e) : open_session(which, p, e);
}

void
br_place_close(struct br_place *p)
{
	br_cleanup_fd(&p->dirfd);
	p->dirfd = -1;
	br_scratch_end(&p->keeper, p->child);
	p->child = 0;
}

const char *
br_place_operand(const char *command, int argc, char **argv, int first, struct br_err *e)
{
	if (first + 1 == argc)
		return argv[first];
	(void)br_err_set(e, 0, first >= argc ? "%s: which session?" : "%s: one session at a time", command);
	(void)br_err_hint(e, "brattice %s last; brattice ps --all lists sessions", command);
	return NULL;
}

static int
parse_key(const char *p, size_t n, struct br_note_key *k)
{
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == ' '))
		n--;
	return br_note_key_parse(k, p, n);
}

int
br_host_key(struct br_note_key *k, struct br_err *e)
{
	br_auto_buf b = {0};
	br_auto_fd int state = br_state_open(false, e);
	if (state < 0)
		return e->sys == ENOENT ? 0 : -1;
	if (br_read_file(state, "host.pub", &b, KEY_FILE_MAX) < 0)
		return errno == ENOENT ? 0 : br_err_set(e, errno, "cannot read the host's key host.pub");
	if (b.len == 0 || parse_key(b.p, b.len, k) < 0)
		return br_err_set(e, 0, "host.pub in the state directory is not a verifier key");
	return 1;
}

int
br_named_key(const char *arg, struct br_note_key *k, struct br_err *e)
{
	br_auto_buf b = {0};
	if (parse_key(arg, strlen(arg), k) == 0)
		return 0;
	if (br_read_file(AT_FDCWD, arg, &b, KEY_FILE_MAX) < 0)
		return br_err_set(e, errno, "cannot read the key %s", arg);
	if (b.len > 0 && parse_key(b.p, b.len, k) == 0)
		return 0;
	(void)br_err_set(e, 0, "%s holds no verifier key", arg);
	return br_err_hint(e, "a verifier key is one line, NAME+HEX+BASE64, as in $STATE/host.pub of the machine that made the log");
}

int
br_choose_key(const char *host_key, const struct br_place *place, struct br_note_key *k, struct br_err *e)
{
	if (host_key != NULL)
		return br_named_key(host_key, k, e) < 0 ? -1 : 1;
	int rc = br_host_key(k, e);
	if (rc < 0 || (rc == 0 && !place->bundle)) {
		if (rc == 0)
			(void)br_err_set(e, 0, "the host's key, host.pub in the state directory, is missing");
		return -1;
	}
	if (rc == 0 || !place->bundle)
		return rc;
	br_auto_buf cert = {0};
	struct br_note note;
	return br_read_file(place->dirfd, "certificate", &cert, CERTIFICATE_MAX) == 0 && cert.len > 0 &&
	       br_note_parse(&note, cert.p, cert.len) == 0 && br_note_verify(&note, cert.p, k);
}
