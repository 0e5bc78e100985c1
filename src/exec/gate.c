/* The path gate's process and its table of calls. */
#include "exec/gate_int.h"

#include "base/io.h"
#include "base/proctitle.h"
#include "sandbox/caps.h"
#include "sandbox/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <strings.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Linux 6.6; not in Debian 12's headers */
#define NOTIF_SET_FLAGS _IOW('!', 4, uint64_t)
#define NOTIF_SYNC_WAKE_UP 1ULL

#define FLUSH_US 20000
#define RETRY_MS 5
#define REAP_MS 20
#define ENDS_MS 200 /* for the ends of the last processes to be recorded */
#define MEMORY_MS 250

#define ARG(n) (c->req->data.args[n])
#define FD(n) ((int)c->req->data.args[n])

static enum outcome
serve(const struct call *c, struct answer *a)
{
	switch (c->req->data.nr) {
	case SYS_openat:
		return do_open(c, FD(0), ARG(1), ARG(2), ARG(3), a);
	case SYS_truncate:
		return do_truncate(c, a);
	case SYS_mkdirat:
		return do_mkdir(c, FD(0), ARG(1), ARG(2), a);
	case SYS_mknodat:
		return do_mknod(c, FD(0), ARG(1), ARG(2), ARG(3), a);
	case SYS_unlinkat:
		return do_unlink(c, FD(0), ARG(1), ARG(2), a);
	case SYS_symlinkat:
		return do_symlink(c, ARG(0), FD(1), ARG(2), a);
	case SYS_linkat:
		return do_link(c, FD(0), ARG(1), FD(2), ARG(3), ARG(4), a);
	case SYS_renameat:
		return do_rename(c, FD(0), ARG(1), FD(2), ARG(3), 0, a);
	case SYS_renameat2:
		return do_rename(c, FD(0), ARG(1), FD(2), ARG(3), ARG(4), a);
	case SYS_bind:
		return do_bind(c, a);
	case SYS_connect:
		return do_connect(c, a);
	case SYS_execve:
		return do_exec(c, ARG(0), a);
	case SYS_execveat:
		return do_exec(c, ARG(1), a);
	case SYS_exit_group:
		return do_exit(c);
	case SYS_prctl:
		return do_adopt(c);
	case SYS_fchmod:
		return do_fchmod(c, a);
	case SYS_fchmodat:
		return do_chmod(c, FD(0), ARG(1), ARG(2), 0, a);
	case 452: /* fchmodat2, Linux 6.6 */
		return do_chmod(c, FD(0), ARG(1), ARG(2), ARG(3), a);
#ifdef __x86_64__
	case SYS_open:
		return do_open(c, AT_FDCWD, ARG(0), ARG(1), ARG(2), a);
	case SYS_creat:
		return do_open(c, AT_FDCWD, ARG(0), O_CREAT | O_WRONLY | O_TRUNC, ARG(1), a);
	case SYS_mkdir:
		return do_mkdir(c, AT_FDCWD, ARG(0), ARG(1), a);
	case SYS_mknod:
		return do_mknod(c, AT_FDCWD, ARG(0), ARG(1), ARG(2), a);
	case SYS_unlink:
		return do_unlink(c, AT_FDCWD, ARG(0), 0, a);
	case SYS_rmdir:
		return do_unlink(c, AT_FDCWD, ARG(0), AT_REMOVEDIR, a);
	case SYS_symlink:
		return do_symlink(c, ARG(0), AT_FDCWD, ARG(1), a);
	case SYS_link:
		return do_link(c, AT_FDCWD, ARG(0), AT_FDCWD, ARG(1), 0, a);
	case SYS_rename:
		return do_rename(c, AT_FDCWD, ARG(0), AT_FDCWD, ARG(1), 0, a);
	case SYS_chmod:
		return do_chmod(c, AT_FDCWD, ARG(0), ARG(1), 0, a);
#endif
	default:
		return do_refuse(c, a);
	}
}

int
answer_call(const struct gate *g, uint64_t id, const struct answer *a)
{
	struct seccomp_notif_resp r = {.id = id, .val = a->err != 0 ? 0 : a->val, .error = -a->err};
	while (ioctl(g->listener, SECCOMP_IOCTL_NOTIF_SEND, &r) < 0) {
		if (errno == ENOENT)
			return 0; /* the caller died meanwhile */
		if (errno != EINTR)
			return -1;
	}
	return 0;
}

/* A caller that can't be answered would wait for ever: the session ends instead. */
static void
respond(const struct gate *g, uint64_t id, const struct answer *a)
{
	struct br_err e = BR_ERR_INIT;
	if (answer_call(g, id, a) == 0)
		return;
	(void)br_err_set(&e, errno, "the path gate cannot answer a process inside");
	br_err_print(&e);
	_exit(1);
}

static void
wait_more(struct gate *g, const struct seccomp_notif *req)
{
	if (g->nwaiting == MAX_WAITING) {
		struct answer busy = {.err = EAGAIN};
		respond(g, req->id, &busy);
		return;
	}
	g->waiting[g->nwaiting++].req = *req;
}

static void
handle(struct gate *g, const struct seccomp_notif *req)
{
	struct call c = {.g = g, .req = req, .pid = (pid_t)req->pid};
	struct answer a = {0};
	if (g->nlinks > 0)
		git_settle_links(g, false);
	switch (serve(&c, &a)) {
	case DONE:
		respond(g, req->id, &a);
		break;
	case SENT:
		break;
	case AGAIN:
		wait_more(g, req);
		break;
	}
}

static void
retry(struct gate *g)
{
	size_t n = g->nwaiting;
	struct waiting w[MAX_WAITING];
	memcpy(w, g->waiting, n * sizeof(w[0]));
	g->nwaiting = 0;
	for (size_t i = 0; i < n; i++) {
		struct call c = {.g = g, .req = &w[i].req, .pid = (pid_t)w[i].req.pid};
		struct answer interrupted = {.err = EINTR};
		if (!caller_alive(&c))
			continue;
		/* As open(2) of a FIFO would: a shell that waits in one still gets its Ctrl-C. */
		if (caller_interrupted(&c))
			respond(g, c.req->id, &interrupted);
		else
			handle(g, c.req);
	}
}

static void
receive(struct gate *g)
{
	struct seccomp_notif req = {0};
	if (ioctl(g->listener, SECCOMP_IOCTL_NOTIF_RECV, &req) == 0)
		handle(g, &req);
	else if (errno != EINTR && errno != ENOENT)
		_exit(1);
}

static int
timeout_ms(const struct gate *g)
{
	if (g->nwaiting > 0)
		return RETRY_MS;
	if (g->touched_since != 0)
		return FLUSH_US / 1000;
	if (exec_ends_wait(g))
		return REAP_MS;
	return g->c->memory != 0 ? MEMORY_MS : -1;
}

static void
measure(struct gate *g)
{
	uint64_t now = br_now_us();
	if (now < g->memory_due)
		return;
	g->memory_due = now + (uint64_t)MEMORY_MS * 1000;
	memory_check(g);
}

/* The last process inside is gone, or about to be: its filter ends shortly before it can be waited for. Until the monitor closes the pair
 * what we trace must be waited for, or init can't end, and with it the monitor. */
BR_NORETURN static void
finish(struct gate *g)
{
	struct pollfd p[3] = {{.fd = g->c->monitor_sock, .events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}};
	uint64_t until = br_now_us() + (uint64_t)ENDS_MS * 1000;
	bool said = false;
	exec_descriptors(g, &p[1].fd, &p[2].fd);
	git_settle_links(g, false);
	report_flush(g);
	for (;;) {
		if (!said)
			(void)exec_record_ends(g, true);
		if (!said && (exec_live(g) == 0 || br_now_us() > until)) {
			/* Said before we go ourselves, because our end tears the namespaces down, which takes the kernel longer than all else
			 * here. The last holder of the namespaces pays for taking them apart (some 20 ms): not the monitor, whom the user
			 * waits for. */
			(void)br_send_frame(g->c->monitor_sock, "Z", 1, NULL, 0);
			said = true;
			p[2].fd = -1;
		}
		if (poll(p, BR_ARRAY_LEN(p), said ? -1 : REAP_MS) < 0 && errno != EINTR)
			_exit(1);
		char c;
		if (p[0].revents != 0 && br_recv_frame(g->c->monitor_sock, &c, 1, NULL, NULL) <= 0)
			_exit(0);
		if (p[1].revents != 0)
			exec_reap(g);
	}
}

BR_NORETURN static void
run(struct gate *g)
{
	struct pollfd p[5] = {{.fd = g->listener, .events = POLLIN}, {.fd = g->c->monitor_sock, .events = 0}, {.fd = g->inotify, .events = POLLIN},
	    {.events = POLLIN}, {.events = POLLIN}};
	exec_descriptors(g, &p[3].fd, &p[4].fd);
	for (;;) {
		int n = poll(p, BR_ARRAY_LEN(p), timeout_ms(g));
		if (n < 0 && errno != EINTR)
			_exit(1);
		if (n == 0 && exec_ends_wait(g))
			(void)exec_record_ends(g, true);
		/* Stops first: who is stopped has waited longest. */
		if (n > 0 && (p[3].revents & POLLIN) != 0)
			exec_reap(g);
		if (n > 0 && (p[4].revents & POLLIN) != 0)
			(void)exec_record_ends(g, false);
		if (n > 0 && (p[0].revents & POLLIN) != 0)
			receive(g);
		else if (n > 0 && (p[0].revents & (POLLHUP | POLLERR)) != 0) {
			finish(g);
		}
		if (n > 0 && (p[1].revents & (POLLHUP | POLLERR)) != 0)
			_exit(1);
		if (n > 0 && (p[2].revents & POLLIN) != 0)
			git_settle_links(g, true);
		if (g->nwaiting > 0)
			retry(g);
		if (g->touched_since != 0 && br_now_us() - g->touched_since > FLUSH_US)
			report_flush(g);
		if (g->c->memory != 0)
			measure(g);
	}
}

static int
join(struct gate *g, struct br_err *e)
{
	const struct br_gate_config *c = g->c;
	char letter = 0;
	size_t nfds = 1;
	int listener = -1;
	if (br_recv_frame(c->init_sock, &letter, 1, &listener, &nfds) != 1 || letter != 'L' || nfds != 1)
		_exit(1); /* init reports why it died */
	g->listener = listener;
	if (setns(c->init_pidfd, CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return br_err_set(e, errno, "the path gate cannot join the sandbox");
	if (c->root && (setresgid(c->gid, c->gid, c->gid) < 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(c->uid, c->uid, c->uid) < 0))
		return br_err_set(e, errno, "the path gate cannot take on uid %u", c->uid);
	if (br_caps_keep_only(CAP_SYS_PTRACE, e) < 0)
		return -1;
	/* Tried once here, so that a kernel or a filter that refuses it ends the start with a word and not each call with EFAULT. */
	uint64_t word = 1, copy = 0;
	struct iovec to = {&copy, sizeof(copy)}, from = {&word, sizeof(word)};
	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)sizeof(copy) || copy != word) {
		(void)br_err_set(e, errno, "the path gate cannot read the memory of processes (process_vm_readv)");
		return br_err_hint(e, "a seccomp filter around brattice refuses it: run brattice outside of that sandbox");
	}
	/* Joining the namespace cleared it. The monitor may have died before: its end of the pair tells. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return br_err_set(e, errno, "prctl");
	if (br_send_frame(c->monitor_sock, "R", 1, NULL, 0) < 0)
		_exit(1);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* Nothing runs inside before the session's start is on disk (invariant 6). */
	if (br_recv_frame(c->monitor_sock, &letter, 1, NULL, NULL) != 1 || letter != 'A')
		_exit(1);
	return 0;
}

/* A grant of `~/x/.git` or `~/x/.vscode` does not lift what is guarded in it: names are judged from the directory above. */
static size_t
judged_from(const char *path)
{
	static const char *const names[] = {".git", ".hg", ".jj", ".sl", ".claude", ".codex", ".gemini", ".cursor", ".vscode", ".idea", ".zed",
	    ".devcontainer", ".husky", ".cargo", ".mvn", ".yarn"};
	for (const char *p = path; (p = strchr(p, '/')) != NULL; p++) {
		size_t n = strcspn(p + 1, "/");
		for (size_t i = 0; i < BR_ARRAY_LEN(names); i++)
			if (n == strlen(names[i]) && strncasecmp(p + 1, names[i], n) == 0)
				return (size_t)(p - path);
	}
	return strlen(path);
}

static void
set_roots(struct gate *g)
{
	g->roots[g->nroots++] = (struct root){g->c->project, strlen(g->c->project)};
	if (g->c->common != NULL)
		g->roots[g->nroots++] = (struct root){g->c->common, judged_from(g->c->common)};
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(g->c->policy, BR_POL_WRITE, r)) != NULL;)
		if (g->nroots < MAX_ROOTS && !br_streq(r->text, g->c->project))
			g->roots[g->nroots++] = (struct root){r->text, judged_from(r->text)};
}

/* Of what the monitor had open the gate keeps these descriptors and standard error. */
static void
keep_descriptors(struct br_gate_config *c)
{
	int *const keep[] = {&c->init_pidfd, &c->init_sock, &c->monitor_sock, &c->hold, &c->audit};
	/* First above the three places, so that none is overwritten before it is copied; no higher, for RLIMIT_NOFILE may be low. */
	for (size_t i = 0; i < BR_ARRAY_LEN(keep); i++)
		*keep[i] = fcntl(*keep[i], F_DUPFD_CLOEXEC, 3 + BR_ARRAY_LEN(keep));
	for (size_t i = 0; i < BR_ARRAY_LEN(keep); i++) {
		if (*keep[i] < 0)
			(void)close(3 + (int)i);
		else
			*keep[i] = dup3(*keep[i], 3 + (int)i, O_CLOEXEC);
	}
	(void)br_sys_close_range(3 + BR_ARRAY_LEN(keep), ~0U, 0);
	(void)close(STDIN_FILENO);
	(void)close(STDOUT_FILENO);
	(void)open("/dev/null", O_RDWR);
	(void)dup2(STDIN_FILENO, STDOUT_FILENO);
}

void
br_gate_main(struct br_gate_config *c)
{
	struct br_err e = BR_ERR_INIT;
	struct gate *g = calloc(1, sizeof(*g));
	if (g == NULL)
		_exit(1);
	keep_descriptors(c);
	br_retitle("brattice: path gate");
	g->c = c;
	g->umask = umask(c->umask);
	(void)umask(c->umask);
	g->umask = c->umask;
	set_roots(g);
	g->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	g->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int failed = g->proc < 0 || g->inotify < 0 ? errno : exec_start(g);
	if (failed != 0) {
		br_err_set(&e, failed, "the path gate cannot start");
		br_err_print(&e);
		_exit(1);
	}
	if (join(g, &e) < 0) {
		br_err_print(&e);
		_exit(1);
	}
	uint64_t flags = NOTIF_SYNC_WAKE_UP;
	(void)ioctl(g->listener, NOTIF_SET_FLAGS, flags); /* faster where the kernel has it */
	if (br_send_frame(c->init_sock, "R", 1, NULL, 0) < 0)
		_exit(1);
	run(g);
}
