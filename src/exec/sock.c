/* bind and connect: the address is copied once and used from our copy, on the caller's own socket. */
#include "exec/gate_int.h"

#include "sandbox/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKS_MAX 65536

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	char bytes[128];
};

/* A socket file's identity: an inode number alone is used again after an unlink. */
struct identity {
	uint64_t dev, ino, born;
};

static int
identify(int parent, const char *name, struct identity *id)
{
	struct br_statx x;
	if (br_sys_statx(parent, name, AT_SYMLINK_NOFOLLOW, BR_STATX_BASIC_BTIME, &x) < 0)
		return errno;
	if ((x.mode & S_IFMT) != S_IFSOCK)
		return ECONNREFUSED;
	*id = (struct identity){((uint64_t)x.dev_major << 32) | x.dev_minor, x.ino, (uint64_t)x.btime.sec * 1000000000U + x.btime.nsec};
	return 0;
}

static bool
own_socket(const struct gate *g, const struct identity *id)
{
	for (size_t i = 0; i < g->nsocks; i++)
		if (memcmp(&g->socks[3 * i], id, sizeof(*id)) == 0)
			return true;
	return false;
}

static void
remember(struct gate *g, const struct identity *id)
{
	if (g->nsocks == SOCKS_MAX)
		return;
	if ((g->nsocks & (g->nsocks - 1)) == 0) {
		size_t cap = g->nsocks != 0 ? 2 * g->nsocks : 1;
		uint64_t *s = reallocarray(g->socks, cap, 3 * sizeof(*s)) /* struct identity, flat */;
		if (s == NULL)
			return; /* forgotten: it can't be connected to, which is the safe side */
		g->socks = s;
	}
	memcpy(&g->socks[3 * g->nsocks++], id, sizeof(*id));
}

static int
read_address(const struct call *c, union address *u, socklen_t *len)
{
	uint64_t n = c->req->data.args[2] & 0xffffffffU;
	memset(u, 0, sizeof(*u));
	if (n > sizeof(u->bytes))
		return EINVAL;
	*len = (socklen_t)n;
	return -caller_bytes(c, c->req->data.args[1], u->bytes, (size_t)n);
}

/* The path of a unix address, or NULL when it has none (another family, unnamed, abstract). */
static bool
unix_path(const union address *u, socklen_t len, char *out, size_t room)
{
	size_t off = offsetof(struct sockaddr_un, sun_path);
	if (len <= off || u->any.sa_family != AF_UNIX || u->un.sun_path[0] == '\0')
		return false;
	size_t n = strnlen(u->un.sun_path, len - off < sizeof(u->un.sun_path) ? len - off : sizeof(u->un.sun_path));
	if (n + 1 > room)
		return false;
	memcpy(out, u->un.sun_path, n);
	out[n] = '\0';
	return true;
}

/* The gate's working directory stands in for long or odd directories; nothing else uses it. */
static int
local_name(const struct place *p, union address *u, socklen_t *len)
{
	size_t n = strlen(p->name);
	if (n + 1 > sizeof(u->un.sun_path))
		return ENAMETOOLONG;
	if (fchdir(p->parent) < 0)
		return errno;
	memset(u, 0, sizeof(*u));
	u->un.sun_family = AF_UNIX;
	memcpy(u->un.sun_path, p->name, n + 1);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return 0;
}

/* The address, copied once, and the caller's socket. errno or 0. */
static int
take_arguments(const struct call *c, union address *u, socklen_t *len, int *s)
{
	int rc = read_address(c, u, len);
	if (rc != 0)
		return rc;
	*s = caller_fd_dup(c, (int)c->req->data.args[0]);
	if (*s < 0)
		return -*s;
	return caller_alive(c) ? 0 : EINTR;
}

enum outcome
do_bind(const struct call *c, struct answer *a)
{
	union address u;
	socklen_t len;
	char path[128];
	auto_place p = {.parent = -1};
	br_auto_fd int s = -1;
	a->err = take_arguments(c, &u, &len, &s);
	if (a->err != 0)
		return DONE;
	bool named = unix_path(&u, len, path, sizeof(path));
	if (named) {
		a->err = -resolve(c, AT_FDCWD, path, &p);
		if (a->err == 0 && (p.dir_itself || p.slash))
			a->err = EADDRINUSE;
		if (a->err == 0)
			a->err = permit(c, "bind", &p, false);
		if (a->err == EEXIST)
			a->err = EADDRINUSE;
		if (a->err == 0)
			a->err = local_name(&p, &u, &len);
		if (a->err != 0)
			return DONE;
		take_umask(c);
	}
	a->err = bind(s, &u.any, len) < 0 ? errno : 0;
	struct identity id;
	if (a->err == 0 && named && identify(p.parent, p.name, &id) == 0) {
		remember(c->g, &id);
		report_touched(c->g, "socket", p.rel);
	}
	return DONE;
}

static int
judge_peer(const struct call *c, const struct place *p)
{
	struct identity id;
	int rc = identify(p->parent, p->name, &id);
	if (rc != 0 || own_socket(c->g, &id))
		return rc;
	struct br_guard_answer why = {.cls = BR_GUARD_DENY, .rule = "network.unix", .origin = "built-in"};
	return deny(c, "connect", p->path, &why, "a socket that this session did not make belongs to a program of the host", EACCES);
}

/* A connect on a blocking socket may take its time: a child waits and answers, the gate goes on. */
static enum outcome
connect_aside(const struct call *c, int s, const union address *u, socklen_t len)
{
	if (c->g->nhelpers == MAX_HELPERS)
		return DONE;
	pid_t gate = getpid(), pid = fork();
	if (pid != 0) {
		c->g->nhelpers += pid > 0;
		return pid > 0 ? SENT : DONE;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != gate)
		_exit(1); /* it died before the signal was armed */
	struct answer a = {.err = connect(s, &u->any, len) < 0 ? errno : 0};
	if (answer_call(c->g, c->req->id, &a) < 0)
		(void)kill(gate, SIGKILL); /* a caller that can't be answered would wait for ever: the session ends instead */
	_exit(0);
}

enum outcome
do_connect(const struct call *c, struct answer *a)
{
	union address u;
	socklen_t len;
	char path[128];
	auto_place p = {.parent = -1};
	br_auto_fd int s = -1;
	a->err = take_arguments(c, &u, &len, &s);
	if (a->err == 0 && unix_path(&u, len, path, sizeof(path))) {
		a->err = resolve_follow(c, AT_FDCWD, path, &p);
		if (a->err == 0)
			a->err = judge_peer(c, &p);
		if (a->err == 0)
			a->err = local_name(&p, &u, &len);
	}
	if (a->err != 0)
		return DONE;
	int flags = fcntl(s, F_GETFL);
	if (flags >= 0 && (flags & O_NONBLOCK) == 0) {
		if (connect_aside(c, s, &u, len) == SENT)
			return SENT;
		a->err = EAGAIN; /* too many wait already; the gate itself must not */
		return DONE;
	}
	a->err = connect(s, &u.any, len) < 0 ? errno : 0;
	return DONE;
}
