/* The control socket, the side of ps, stop, kill and attach. */
#include "session/control.h"

#include "base/io.h"
#include "session/state.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 5

/* -1 with errno. */
static int
connect_in(int dir, const char *id)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s.sock", dir, id);
	if (n < 0 || (size_t)n >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	br_auto_fd int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	/* The time limit of sending is that of connect(2) too: unix(7) waits while the backlog is full. */
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -1;
	int rc;
	do
		rc = connect(s, (struct sockaddr *)&a, sizeof(a));
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -1;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -1;
	if (cred.uid != geteuid() && cred.uid != 0) {
		errno = EPERM;
		return -1;
	}
	return br_steal_fd(&s);
}

int
br_control_connect(const char *id, struct br_err *e)
{
	int dirs[4], sock = -1, why = ENOENT;
	size_t n = br_runtime_open_all(dirs, BR_ARRAY_LEN(dirs));
	for (size_t i = 0; i < n; i++) {
		if (sock < 0) {
			sock = connect_in(dirs[i], id);
			if (sock < 0 && errno != ENOENT)
				why = errno;
		}
		(void)close(dirs[i]);
	}
	if (sock < 0)
		return br_err_set(e, why, "cannot reach session %s on its control socket", id);
	return sock;
}

int
br_control_request(int sock, char type, struct br_buf *reply, struct br_err *e)
{
	static const char silent[] = "the session's monitor does not answer";
	if (br_send_frame(sock, &type, 1, NULL, 0) < 0)
		return br_err_set(e, errno, "%s", silent);
	br_auto_free char *buf = malloc(1 + BR_CONTROL_REPLY);
	if (buf == NULL)
		return br_err_set(e, errno, "cannot receive an answer");
	ssize_t n = br_recv_frame(sock, buf, 1 + BR_CONTROL_REPLY, NULL, NULL);
	if (n < 0)
		return br_err_set(e, errno, "%s", silent);
	if (n == 0)
		return br_err_set(e, ECONNRESET, "%s", silent);
	if (buf[0] == 'E')
		return br_err_set(e, 0, "%.*s", (int)(n - 1 > 1000 ? 1000 : n - 1), buf + 1);
	if (buf[0] != 'O' && buf[0] != 'P')
		return br_err_set(e, EBADMSG, "%s as it should", silent);
	if (reply != NULL)
		br_buf_put(reply, buf + 1, (size_t)n - 1);
	return 0;
}
