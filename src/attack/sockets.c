/* Sockets: families that have no business in the sandbox, and ways to a service of the host (classes 18 and 20). */
#include "probe.h"

#include <arpa/inet.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* FAMILY TYPE PROTOCOL, as numbers. */
static int
s_family(char **a)
{
	int v[3];
	for (int i = 0; i < 3; i++)
		v[i] = (int)strtol(a[i], NULL, 0);
	return probe_rc(syscall(SYS_socket, v[0], v[1], v[2]), "socket");
}
static int
s_family_hi(char **a)
{
	return probe_rc(syscall(SYS_socket, strtol(a[0], NULL, 0) | (1L << 32), strtol(a[1], NULL, 0), strtol(a[2], NULL, 0)), "socket, high bits");
}
static int
s_pair(char **a)
{
	int sv[2];
	return probe_rc(syscall(SYS_socketpair, (int)strtol(a[0], NULL, 0), SOCK_STREAM, 0, sv), "socketpair");
}

static int
greeting(int s, const char *secret)
{
	char buf[256] = "";
	struct timeval tv = {.tv_sec = 2};
	(void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)!write(s, "hello\n", 6);
	ssize_t n = read(s, buf, sizeof(buf) - 1);
	if (n <= 0)
		return probe_rc(-1, "no answer");
	return strstr(buf, secret) != NULL ? PROBE_DONE : probe_refused("another answers");
}
static int
unix_to(const char *path, bool abstract, int type, const char *secret)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, type, 0);
	(void)snprintf(un.sun_path + abstract, sizeof(un.sun_path) - abstract, "%s", path);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(path) + !abstract);
	if (s < 0 || connect(s, (struct sockaddr *)&un, len) < 0)
		return probe_rc(-1, "connect");
	return type == SOCK_DGRAM ? PROBE_DONE : greeting(s, secret);
}
static int
s_unix(char **a)
{
	return unix_to(a[0], false, SOCK_STREAM, a[1]);
}
static int
s_abstract(char **a)
{
	return unix_to(a[0], true, SOCK_STREAM, a[1]);
}
static int
s_unix_dgram(char **a)
{
	return unix_to(a[0], false, SOCK_DGRAM, NULL);
}
/* Through a symlink, a descriptor and a hard link: a check of the name alone sees another one. */
static int
s_unix_symlink(char **a)
{
	char *t = probe_temp("./s"), *full = realpath(a[0], NULL);
	if (full == NULL || symlink(full, t) < 0)
		return probe_rc(-1, "symlink");
	int rc = unix_to(t, false, SOCK_STREAM, a[1]);
	(void)unlink(t);
	return rc;
}
static int
s_unix_hardlink(char **a)
{
	char *t = probe_temp("./s");
	if (link(a[0], t) < 0)
		return probe_rc(-1, "link");
	int rc = unix_to(t, false, SOCK_STREAM, a[1]);
	(void)unlink(t);
	return rc;
}
static int
s_unix_rename(char **a)
{
	char *t = probe_temp("./s");
	if (rename(a[0], t) < 0)
		return probe_rc(-1, "rename");
	int rc = unix_to(t, false, SOCK_STREAM, a[1]);
	(void)rename(t, a[0]);
	return rc;
}
static int
s_unix_fd(char **a)
{
	char p[64];
	int fd = open(a[0], O_PATH);
	(void)snprintf(p, sizeof(p), "/proc/self/fd/%d", fd);
	return fd < 0 ? probe_rc(fd, "open O_PATH") : unix_to(p, false, SOCK_STREAM, a[1]);
}
/* A connection is not needed to say something: a datagram with an address. */
static int
s_unix_sendto(char **a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", a[0]);
	return probe_rc(sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&un, sizeof(un)), "sendto");
}
static int
s_unix_sendmsg(char **a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct iovec iov = {(char[]){"x"}, 1};
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", a[0]);
	struct mmsghdr m = {.msg_hdr = {.msg_name = &un, .msg_namelen = sizeof(un), .msg_iov = &iov, .msg_iovlen = 1}};
	return probe_rc(syscall(SYS_sendmmsg, socket(AF_UNIX, SOCK_DGRAM, 0), &m, 1, 0), "sendmmsg");
}
/* A socketpair needs no socket(2): each end may still name another peer for a datagram. */
static int
s_unix_pair(char **a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int sv[2];
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", a[0]);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, sv) < 0)
		return probe_rc(-1, "socketpair");
	return probe_rc(sendto(sv[0], "x", 1, 0, (struct sockaddr *)&un, sizeof(un)), "sendto on a pair");
}
static int
s_tcp(char **a)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(a[1], NULL, 10))};
	int s = socket(AF_INET, SOCK_STREAM, 0);
	if (inet_pton(AF_INET, a[0], &in.sin_addr) != 1)
		return probe_cant("not an address: %s", a[0]);
	if (s < 0 || connect(s, (struct sockaddr *)&in, sizeof(in)) < 0)
		return probe_rc(-1, "connect");
	return greeting(s, a[2]);
}
static int
s_tcp6(char **a)
{
	struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)strtol(a[1], NULL, 10))};
	int s = socket(AF_INET6, SOCK_STREAM, 0);
	if (inet_pton(AF_INET6, a[0], &in.sin6_addr) != 1)
		return probe_cant("not an address: %s", a[0]);
	if (s < 0 || connect(s, (struct sockaddr *)&in, sizeof(in)) < 0)
		return probe_rc(-1, "connect");
	return greeting(s, a[2]);
}
static int
s_fastopen(char **a)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(a[1], NULL, 10))};
	int s = socket(AF_INET, SOCK_STREAM, 0);
	(void)inet_pton(AF_INET, a[0], &in.sin_addr);
	if (s < 0 || sendto(s, "hello\n", 6, MSG_FASTOPEN, (struct sockaddr *)&in, sizeof(in)) < 0)
		return probe_rc(-1, "sendto MSG_FASTOPEN");
	return greeting(s, a[2]);
}
static int
s_mptcp(char **a)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(a[1], NULL, 10))};
	int s = socket(AF_INET, SOCK_STREAM, 262);
	(void)inet_pton(AF_INET, a[0], &in.sin_addr);
	if (s < 0 || connect(s, (struct sockaddr *)&in, sizeof(in)) < 0)
		return probe_rc(-1, "connect MPTCP");
	return greeting(s, a[2]);
}
static int
s_udp(char **a)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(a[1], NULL, 10))};
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	(void)inet_pton(AF_INET, a[0], &in.sin_addr);
	if (s < 0 || connect(s, (struct sockaddr *)&in, sizeof(in)) < 0)
		return probe_rc(-1, "connect UDP");
	return greeting(s, a[2]);
}

/* --- System V and POSIX IPC of the host ------------------------------------------------------------------------------------ */

static int
i_shm(char **a)
{
	int id = shmget((key_t)strtol(a[0], NULL, 0), 0, 0);
	if (id < 0)
		return probe_rc(id, "shmget");
	char *m = shmat(id, NULL, SHM_RDONLY);
	if (m == (void *)-1)
		return probe_rc(-1, "shmat");
	return strstr(m, a[1]) != NULL ? PROBE_DONE : probe_refused("another content");
}
static int
i_shm_stat(char **a)
{
	(void)a;
	struct shm_info info;
	int max = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
	return max >= 0 && info.used_ids > 0 ? PROBE_DONE : probe_refused("no segment is seen");
}
static int
i_msg(char **a)
{
	return probe_rc(msgget((key_t)strtol(a[0], NULL, 0), 0), "msgget");
}
static int
i_sem(char **a)
{
	return probe_rc(semget((key_t)strtol(a[0], NULL, 0), 0, 0), "semget");
}
static int
i_mq(char **a)
{
	return probe_rc(syscall(SYS_mq_open, a[0], O_RDONLY | O_NONBLOCK, 0, NULL), "mq_open");
}
static int
i_dev_shm(char **a)
{
	char p[256], buf[256] = "";
	(void)snprintf(p, sizeof(p), "/dev/shm/%s", a[0]);
	int fd = open(p, O_RDONLY);
	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) <= 0)
		return probe_rc(-1, p);
	return strstr(buf, a[1]) != NULL ? PROBE_DONE : probe_refused("another content");
}

const struct probe socket_probes[] = {
    {"socket", "20", "FAMILY TYPE PROTOCOL", 3, s_family},
    {"socket-hi", "20", "FAMILY TYPE PROTOCOL", 3, s_family_hi},
    {"socketpair", "20", "FAMILY", 1, s_pair},
    {"unix-connect", "18", "PATH SECRET", 2, s_unix},
    {"unix-abstract", "18", "NAME SECRET", 2, s_abstract},
    {"unix-dgram", "18", "PATH", 1, s_unix_dgram},
    {"unix-symlink", "18", "PATH SECRET", 2, s_unix_symlink},
    {"unix-hardlink", "18", "PATH SECRET", 2, s_unix_hardlink},
    {"unix-rename", "18", "PATH SECRET", 2, s_unix_rename},
    {"unix-fd", "18", "PATH SECRET", 2, s_unix_fd},
    {"unix-sendto", "18", "PATH", 1, s_unix_sendto},
    {"unix-sendmsg", "18", "PATH", 1, s_unix_sendmsg},
    {"unix-pair", "18", "PATH", 1, s_unix_pair},
    {"tcp", "18", "ADDRESS PORT SECRET", 3, s_tcp},
    {"tcp6", "18", "ADDRESS PORT SECRET", 3, s_tcp6},
    {"tcp-fastopen", "18", "ADDRESS PORT SECRET", 3, s_fastopen},
    {"tcp-mptcp", "18", "ADDRESS PORT SECRET", 3, s_mptcp},
    {"udp", "18", "ADDRESS PORT SECRET", 3, s_udp},
    {"ipc-shm", "19", "KEY SECRET", 2, i_shm},
    {"ipc-shm-info", "19", "", 0, i_shm_stat},
    {"ipc-msg", "19", "KEY", 1, i_msg},
    {"ipc-sem", "19", "KEY", 1, i_sem},
    {"ipc-mq", "19", "NAME", 1, i_mq},
    {"ipc-dev-shm", "19", "NAME SECRET", 2, i_dev_shm},
    {NULL, NULL, NULL, 0, NULL},
};
