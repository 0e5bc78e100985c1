/* The exec gate: every exec of the sandbox stops once, before the first instruction of what the kernel has loaded, and is recorded.
 *
 * execve(2) raises a notification. What it names lies in memory that other threads can change, so it decides nothing: the gate seizes
 * the caller with ptrace(2) and lets the call go on. It either stops at PTRACE_EVENT_EXEC, with the new image in place, or, having
 * failed, at the interrupt that was asked for before; at both the caller is let go again. Nothing here waits: stops come as SIGCHLD to
 * a descriptor of the gate's loop.
 *
 * exit_group(2) raises one too, which is continued: at it the process still has its memory, whose peak nobody can ask for later. Its
 * status is the kernel's, from a pidfd. */
#include "exec/exec_int.h"

#include "audit/client.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <sys/user.h>
#define RESULT(regs) ((int64_t)(regs).rax)
#elif defined(__aarch64__)
#include <asm/ptrace.h>
#define user_regs_struct user_pt_regs
#define RESULT(regs) ((int64_t)(regs).regs[0])
#endif

#define NT_PRSTATUS_ 1
#define EVENT_STOP 128     /* linux/ptrace.h: PTRACE_EVENT_STOP */
#define FIRST_RESTART 512  /* ERESTARTSYS and its kin, which no program sees: the call comes again */
#define LAST_RESTART 516
#define PEAK_US 20000      /* reading the peak of memory costs some 20 µs: not of processes that ran for less than a thousand times that */
#define HINT_MAX (8U << 20) /* of argv, where only the caller's memory tells */

/* One exec between its notification and its stop. */
struct pending {
	struct pending *next;
	pid_t tid;
	bool stale; /* the caller was gone when it was to go on: another thread with its number, to be let go */
	bool waits; /* not seized yet: another thread of its process is at its exec */
	uint64_t id; /* of the notification */
	struct exec_caller caller;
	struct seccomp_data call;
	char path[PATH_MAX]; /* a hint */
};

struct exec_gate {
	struct exec_tree tree;
	struct hash_cache hashes;
	struct exec_image image;
	struct br_event event;
	struct pending *pending, *spare;
	int sigfd;
	bool debuggers; /* somebody inside traces */
};

/* What becomes of an exec. Rules will be asked here, on the image that was read. */
struct verdict {
	const char *decision, *rule, *origin;
};

static struct verdict
judge_exec(const struct exec_image *im)
{
	(void)im;
	return (struct verdict){"allow", "commands.default", "built-in"};
}

static void
on_alarm(int sig)
{
	(void)sig;
}

int
exec_start(struct gate *g)
{
	struct exec_gate *x = calloc(1, sizeof(*x));
	g->exec = x;
	if (x == NULL)
		return ENOMEM;
	/* A descriptor for each process. */
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
	sigset_t chld;
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &chld, NULL);
	(void)sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL); /* without SA_RESTART: it ends a wait */
	x->sigfd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (x->sigfd < 0)
		return errno;
	int rc = hash_init(&x->hashes);
	return rc != 0 ? rc : tree_init(&x->tree, g->c->init_pidfd);
}

void
exec_descriptors(const struct gate *g, int *signals, int *ends)
{
	*signals = g->exec->sigfd;
	*ends = g->exec->tree.epoll;
}

/* --- events ------------------------------------------------------------------------------------------------------------------ */

/* What can't be recorded must not run: with the gate all ends that it traces, and then the session. */
static void
send_event(const struct gate *g)
{
	struct br_event *ev = &g->exec->event;
	if (br_event_finish(ev) == 0 && br_audit_send(g->c->audit, ev) == 0)
		return;
	struct br_err e = BR_ERR_INIT;
	(void)br_err_set(&e, errno, "an exec can't be recorded: everything inside was ended");
	br_err_print(&e);
	_exit(1);
}

static void
put_known(struct br_event *ev, const char *key, const char *value)
{
	if (value[0] != '\0')
		br_event_str(ev, key, value);
}

static void
put_process(const struct gate *g, struct exec_caller *c)
{
	struct exec_gate *x = g->exec;
	struct br_event *ev = &x->event;
	pid_t inside = c->self != NULL && c->self->inside != 0 ? c->self->inside : tree_inside(g, &x->tree, c->pid);
	pid_t parent = c->ppid_inside != 0 ? c->ppid_inside : tree_inside(g, &x->tree, c->ppid);
	if (c->self != NULL)
		c->self->inside = inside;
	if (c->parent != 0)
		br_event_int(ev, "parent", (int64_t)c->parent);
	if (inside != 0)
		br_event_int(ev, "pid", inside);
	if (parent != 0)
		br_event_int(ev, "ppid", parent);
}

static void
put_tty(const struct gate *g, pid_t pid)
{
	struct exec_gate *x = g->exec;
	int32_t tty = tree_tty(g, &x->tree, pid);
	char name[32];
	if (tty == 0)
		return;
	/* Unix98 pts: majors 136-143 */
	unsigned major = major((dev_t)(uint32_t)tty), minor = minor((dev_t)(uint32_t)tty);
	if (major >= 136 && major <= 143)
		(void)snprintf(name, sizeof(name), "/dev/pts/%u", (major - 136) * 256 + minor);
	else
		(void)snprintf(name, sizeof(name), "%u:%u", major, minor);
	br_event_str(&x->event, "tty", name);
}

static void
put_image(const struct gate *g, const struct pending *p)
{
	struct exec_gate *x = g->exec;
	const struct exec_image *im = &x->image;
	struct br_event *ev = &x->event;
	put_known(ev, "program", im->program[0] != '\0' ? im->program : p->path);
	put_known(ev, "sha256", im->sha256);
	if (im->has_exe) {
		br_event_int(ev, "dev", (int64_t)makedev(im->exe.dev_major, im->exe.dev_minor));
		br_event_int(ev, "ino", (int64_t)im->exe.ino);
	}
	if (im->args != NULL)
		br_event_argv(ev, "argv", im->args, im->nargs, g->c->salt);
	put_known(ev, "cwd", im->cwd);
	put_known(ev, "env", im->env_hash);
	put_tty(g, im->pid);
	if (im->script[0] == '\0')
		return;
	br_event_open(ev, "script", '{');
	br_event_str(ev, "path", im->script);
	put_known(ev, "sha256", im->script_sha256);
	br_event_bool(ev, "writable", im->script_writable);
	br_event_close(ev, '}');
}

static void
put_verdict(struct br_event *ev, const struct verdict *v)
{
	br_event_str(ev, "decision", v->decision);
	br_event_str(ev, "rule", v->rule);
	br_event_str(ev, "origin", v->origin);
}

static void
record_exec(struct gate *g, struct pending *p, pid_t pid)
{
	struct exec_gate *x = g->exec;
	struct exec_image *im = &x->image;
	struct br_event *ev = &x->event;
	image_read(g, &x->hashes, im, pid);
	struct verdict v = judge_exec(im);
	p->caller.pid = pid;
	br_event_begin(ev, BR_EV_EXEC);
	uint64_t number = tree_begin(&x->tree, &p->caller, im->key);
	br_event_int(ev, "exec", (int64_t)number);
	put_process(g, &p->caller);
	put_image(g, p);
	if (im->args == NULL || im->program[0] == '\0')
		br_event_bool(ev, "hint", true);
	put_verdict(ev, &v);
	send_event(g);
}

/* The strings of an argv in the caller's memory, as far as they can be read. */
static void
read_hint(const struct call *c, uint64_t addr, struct br_buf *out)
{
	char word[PATH_MAX];
	for (uint64_t at; addr != 0 && out->len < HINT_MAX && caller_bytes(c, addr, &at, sizeof(at)) == 0 && at != 0; addr += sizeof(at)) {
		int n = caller_string(c, at, word, sizeof(word));
		for (; n == -ENAMETOOLONG && out->len < HINT_MAX; at += sizeof(word)) {
			br_buf_put(out, word, sizeof(word));
			n = caller_string(c, at + sizeof(word), word, sizeof(word));
		}
		if (n < 0)
			return;
		br_buf_put(out, word, (size_t)n + 1);
	}
}

static uint64_t
argv_of(const struct seccomp_data *d)
{
	return d->args[d->nr == SYS_execveat ? 2 : 1];
}

/* What the caller's memory says it wants to run, of a call that failed, or of one that can't be stopped. */
static void
record_hint(struct gate *g, struct pending *p, enum br_event_type type, int err)
{
	struct exec_gate *x = g->exec;
	struct br_event *ev = &x->event;
	const struct seccomp_notif req = {.data = p->call};
	struct call c = {.g = g, .req = &req, .pid = p->tid};
	br_auto_buf argv = {0};
	read_hint(&c, argv_of(&p->call), &argv);
	br_event_begin(ev, type);
	if (type == BR_EV_EXEC)
		br_event_int(ev, "exec", (int64_t)tree_begin(&x->tree, &p->caller, 0));
	put_process(g, &p->caller);
	put_known(ev, "program", p->path);
	if (argv.len > 0 && !argv.failed)
		br_event_argv(ev, "argv", argv.p, argv.len, g->c->salt);
	char link[32], cwd[PATH_MAX];
	(void)snprintf(link, sizeof(link), "%d/cwd", (int)p->tid);
	ssize_t n = readlinkat(g->proc, link, cwd, sizeof(cwd) - 1);
	cwd[n > 0 ? n : 0] = '\0';
	put_known(ev, "cwd", cwd);
	put_tty(g, p->caller.pid);
	br_event_bool(ev, "hint", true);
	if (type == BR_EV_EXEC) {
		struct verdict v = judge_exec(NULL);
		put_verdict(ev, &v);
	} else {
		br_event_int(ev, "errno", err);
	}
	send_event(g);
}

static void
record_exit(struct gate *g, const struct exec_end *end)
{
	struct br_event *ev = &g->exec->event;
	const struct exec_proc *p = end->proc;
	br_event_begin(ev, BR_EV_EXIT);
	br_event_int(ev, "exec", (int64_t)p->exec);
	if (p->inside != 0)
		br_event_int(ev, "pid", p->inside);
	if (end->status >= 0 && WIFSIGNALED(end->status))
		br_event_int(ev, "signal", WTERMSIG(end->status));
	else if (end->status >= 0)
		br_event_int(ev, "status", WEXITSTATUS(end->status));
	br_event_seconds(ev, "wall_s", br_now_us() - p->since);
	if (end->cpu) {
		br_event_seconds(ev, "user_s", p->user > p->user0 ? p->user - p->user0 : 0);
		br_event_seconds(ev, "sys_s", p->sys > p->sys0 ? p->sys - p->sys0 : 0);
	}
	if (p->leaving && p->rss_kb != 0)
		br_event_int(ev, "rss_kb", (int64_t)p->rss_kb);
	send_event(g);
}

/* --- notifications ----------------------------------------------------------------------------------------------------------- */

/* False when the caller is gone. */
static bool
go_on(const struct gate *g, uint64_t id)
{
	struct seccomp_notif_resp r = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	while (ioctl(g->listener, SECCOMP_IOCTL_NOTIF_SEND, &r) < 0) {
		if (errno == ENOENT)
			return false;
		if (errno != EINTR)
			_exit(1); /* a caller that waits for ever would be worse than no session */
	}
	return true;
}

static struct pending *
new_pending(struct exec_gate *x)
{
	struct pending *p = x->spare != NULL ? x->spare : malloc(sizeof(*p));
	if (p == NULL)
		return NULL;
	if (x->spare == p)
		x->spare = p->next;
	p->stale = p->waits = false;
	p->next = x->pending;
	x->pending = p;
	return p;
}

static void
drop_pending(struct exec_gate *x, struct pending *p)
{
	struct pending **at = &x->pending;
	while (*at != NULL && *at != p)
		at = &(*at)->next;
	if (*at != NULL)
		*at = p->next;
	if (p->caller.pidfd >= 0)
		(void)close(p->caller.pidfd);
	p->next = x->spare;
	x->spare = p;
}

static struct pending *
find_pending(const struct exec_gate *x, pid_t tid)
{
	struct pending *p = x->pending;
	while (p != NULL && p->tid != tid)
		p = p->next;
	return p;
}

/* The name as a path for us, like name_for_us in exec_image.c, but from the calling thread. */
static bool
hint_path(const struct pending *p, char out[PATH_MAX + 64])
{
	int dirfd = p->call.nr == SYS_execveat ? (int)p->call.args[0] : AT_FDCWD;
	int n;
	if (br_startswith(p->path, "/proc") || br_startswith(p->path, "/dev"))
		return false;
	if (p->path[0] == '/')
		n = snprintf(out, PATH_MAX + 64, "%s", p->path);
	else if (dirfd == AT_FDCWD)
		n = snprintf(out, PATH_MAX + 64, "%d/cwd/%s", (int)p->tid, p->path);
	else
		n = snprintf(out, PATH_MAX + 64, "%d/fd/%d/%s", (int)p->tid, dirfd, p->path);
	return p->path[0] != '\0' && n < PATH_MAX + 64;
}

/* Is there no such file? Searching PATH is most of what fails, and is answered at once: a name that may be swapped is good enough to
 * refuse by. Only when it is certain: what leads through /proc/self means something else to us, and then the kernel answers. */
static bool
surely_absent(const struct gate *g, const struct pending *p)
{
	char path[PATH_MAX + 64];
	struct br_open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = BR_RESOLVE_NO_SYMLINKS};
	if (!hint_path(p, path))
		return false;
	/* What isn't absolute leads through a link of /proc, but that is ours. */
	br_auto_fd int file = path[0] == '/' ? br_sys_openat2(g->proc, path, &how) : openat(g->proc, path, O_PATH | O_CLOEXEC);
	if (file >= 0 || (errno != ENOENT && errno != ELOOP))
		return false;
	if (path[0] == '/' && errno == ENOENT)
		return true;
	struct br_statx x;
	if (errno == ELOOP && br_sys_statx(g->proc, path, 0, 0, &x) == 0)
		return false;
	char *last = strrchr(path, '/');
	if (last == NULL || last == path || last[1] == '\0')
		return false;
	*last = '\0';
	br_auto_fd int dir = openat(g->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir >= 0 && fstatat(dir, last + 1, &(struct stat){0}, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* PTRACE_SEIZE waits while another thread of the process is in its exec, and that one waits for the others to be reaped by whoever traces
 * them. Of those that we trace none is seized (see is_busy); a debugger inside may never reap. */
static bool
seize(const struct exec_gate *x, pid_t tid)
{
	static const struct itimerval soon = {.it_value = {.tv_usec = 100000}, .it_interval = {.tv_usec = 100000}}, never;
	if (x->debuggers)
		(void)setitimer(ITIMER_REAL, &soon, NULL);
	bool ok = ptrace(PTRACE_SEIZE, tid, NULL, (void *)(uintptr_t)(PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) == 0;
	if (x->debuggers)
		(void)setitimer(ITIMER_REAL, &never, NULL);
	/* Interrupted at once: a call that fails then stops on its way back; one that succeeds stops before, and being let go forgets it. */
	if (ok)
		(void)ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	return ok;
}

/* Is another thread of the same process between notification and stop? */
static bool
is_busy(const struct exec_gate *x, pid_t pid)
{
	for (const struct pending *p = x->pending; p != NULL; p = p->next)
		if (p->caller.pid == pid && !p->waits)
			return true;
	return false;
}

static void
start_exec(struct gate *g, struct pending *p)
{
	struct exec_gate *x = g->exec;
	const struct seccomp_notif req = {.id = p->id};
	const struct call c = {.g = g, .req = &req, .pid = p->tid};
	p->waits = false;
	bool seized = seize(x, p->tid);
	if (!seized && caller_alive(&c)) { /* a debugger inside traces it: no stop, so what it says has to do */
		x->debuggers = true;
		record_hint(g, p, BR_EV_EXEC, 0);
	}
	bool gone = !go_on(g, p->id);
	if (!seized)
		drop_pending(x, p);
	else
		p->stale = gone;
}

/* Once an exec of its process is over: the next of its threads that wanted one, if it failed. All are dead if it did not. */
static void
start_next(struct gate *g, pid_t pid)
{
	struct exec_gate *x = g->exec;
	for (struct pending *p = x->pending, *next; p != NULL && !is_busy(x, pid); p = next) {
		const struct seccomp_notif req = {.id = p->id};
		const struct call c = {.g = g, .req = &req, .pid = p->tid};
		next = p->next;
		if (!p->waits || p->caller.pid != pid)
			continue;
		if (caller_alive(&c))
			start_exec(g, p);
		else
			drop_pending(x, p);
	}
}

enum outcome
do_exec(const struct call *c, uint64_t path_addr, struct answer *a)
{
	struct gate *g = c->g;
	struct exec_gate *x = g->exec;
	if (g->c->audit < 0) {
		(void)go_on(g, c->req->id);
		return SENT;
	}
	struct pending *p = new_pending(x);
	if (p == NULL) {
		a->err = ENOMEM;
		return DONE;
	}
	p->tid = c->pid;
	p->id = c->req->id;
	p->call = c->req->data;
	p->caller = (struct exec_caller){.pidfd = -1};
	if (caller_string(c, path_addr, p->path, sizeof(p->path)) < 0)
		p->path[0] = '\0';
	if (surely_absent(g, p)) {
		drop_pending(x, p);
		a->err = ENOENT;
		return DONE;
	}
	tree_caller(g, &x->tree, c->pid, &p->caller);
	p->waits = true;
	if (!is_busy(x, p->caller.pid))
		start_exec(g, p);
	return SENT;
}

static uint64_t
peak_kb(const struct gate *g, pid_t pid)
{
	char path[32], buf[1024];
	(void)snprintf(path, sizeof(path), "%d/status", (int)pid);
	br_auto_fd int fd = openat(g->proc, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, buf, sizeof(buf) - 1) : -1;
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	const char *p = strstr(buf, "\nVmHWM:");
	return p != NULL ? strtoull(p + strlen("\nVmHWM:"), NULL, 10) : 0;
}

enum outcome
do_exit(const struct call *c)
{
	struct exec_gate *x = c->g->exec;
	struct exec_proc *p = c->g->c->audit >= 0 ? tree_of_thread(&x->tree, c->g, c->pid) : NULL;
	if (p != NULL) {
		p->rss_kb = br_now_us() - p->since >= PEAK_US ? peak_kb(c->g, p->pid) : 0;
		tree_cpu(p->pid, &p->user, &p->sys);
		p->leaving = true;
	}
	(void)go_on(c->g, c->req->id);
	return SENT;
}

enum outcome
do_adopt(const struct call *c)
{
	c->g->exec->tree.adopters = true;
	(void)go_on(c->g, c->req->id);
	return SENT;
}

/* --- stops ------------------------------------------------------------------------------------------------------------------- */

static void
at_exec(struct gate *g, pid_t pid)
{
	struct exec_gate *x = g->exec;
	unsigned long former = 0;
	/* Of several threads the one that calls exec takes its leader's number. */
	struct pending *p = ptrace(PTRACE_GETEVENTMSG, pid, NULL, &former) == 0 ? find_pending(x, (pid_t)former) : NULL;
	if (p == NULL) { /* never let an image run that was not recorded */
		p = new_pending(x);
		if (p == NULL)
			_exit(1);
		p->tid = pid;
		p->path[0] = '\0';
		tree_caller(g, &x->tree, pid, &p->caller);
	}
	if (!p->stale)
		record_exec(g, p, pid);
	drop_pending(x, p);
	/* The leader, if it had called exec itself, is gone without a word. */
	if ((pid_t)former != pid && (p = find_pending(x, pid)) != NULL)
		drop_pending(x, p);
	start_next(g, pid);
}

static void
at_failure(struct gate *g, pid_t tid)
{
	struct exec_gate *x = g->exec;
	struct pending *p = find_pending(x, tid);
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof(regs)};
	if (p == NULL)
		return;
	if (!p->stale && ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)NT_PRSTATUS_, &iov) == 0 && RESULT(regs) < 0) {
		int err = (int)-RESULT(regs);
		if (!(err >= FIRST_RESTART && err <= LAST_RESTART) && !((err == ENOENT || err == ENOTDIR) && surely_absent(g, p)))
			record_hint(g, p, BR_EV_EXEC_FAILED, err);
	}
	pid_t pid = p->caller.pid;
	drop_pending(x, p);
	start_next(g, pid);
}

static void
on_stop(struct gate *g, pid_t pid, int status)
{
	int event = status >> 16, sig = 0;
	if (event == PTRACE_EVENT_EXEC)
		at_exec(g, pid);
	else if (event == EVENT_STOP)
		at_failure(g, pid);
	else
		sig = WSTOPSIG(status); /* a signal came first: it gets it */
	/* One that can't be let go would stand for ever. ESRCH: it was killed meanwhile. */
	if (ptrace(PTRACE_DETACH, pid, NULL, (void *)(uintptr_t)(unsigned)sig) < 0 && errno != ESRCH)
		_exit(1);
}

/* Its thread has died. */
static void
end_pending(struct gate *g, struct pending *p)
{
	pid_t pid = p->caller.pid;
	drop_pending(g->exec, p);
	start_next(g, pid);
}

void
exec_reap(struct gate *g)
{
	struct signalfd_siginfo si;
	int status;
	(void)!read(g->exec->sigfd, &si, sizeof(si));
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0 || (pid < 0 && errno == EINTR)) {
		if (pid < 0)
			continue;
		struct pending *p = find_pending(g->exec, pid);
		if (WIFSTOPPED(status))
			on_stop(g, pid, status);
		else if (p != NULL)
			end_pending(g, p);
		else
			g->nhelpers -= g->nhelpers > 0;
	}
	if (pid < 0 && errno != ECHILD)
		_exit(1); /* somebody may stand stopped, and nothing would say so again */
}

bool
exec_ends_wait(const struct gate *g)
{
	return g->exec->tree.zombies > 0;
}

size_t
exec_live(const struct gate *g)
{
	return g->exec->tree.live;
}

bool
exec_record_ends(struct gate *g, bool late)
{
	struct exec_end ends[EXEC_ENDS];
	size_t n = tree_ends(g, &g->exec->tree, ends, late);
	for (size_t i = 0; i < n; i++) {
		record_exit(g, &ends[i]);
		tree_forget(&g->exec->tree, ends[i].proc);
	}
	return n > 0;
}
