/* A kernel that fails once: runs a command of brattice's and makes one system call of one of its processes fail.
 *
 *   failnth WHO N ERRNO REPORT COMMAND [ARGUMENT...]
 *
 *   WHO     monitor   the command itself, from its exec on
 *           init      its child in a new pid namespace
 *           child     init's first child, up to its exec
 *           gate      the monitor's first child after init
 *           auditor   the monitor's first child, from its exec on; its first thread
 *           policy    the monitor's second child before init, from its exec on
 *   N       which of that process's system calls, counted from 1; those that can't fail with ERRNO are not counted, nor are
 * writes to descriptors 1 and 2 ERRNO   EIO, ENOMEM, EMFILE, ENOSPC, EINTR; the call is not performed (but for close, which
 * always closes) REPORT  a file: "failed NUMBER at ADDRESS" of the call, or "none" when the process made fewer than N
 *
 * Only SIGKILL of the whole tree by somebody else ends what hangs: run it under timeout(1). What the command left running when
 * it ended goes on, untraced. Exit status: the command's own, 128 + its signal; 99 when it could not be tried. */
#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCS_MAX 64
#define TRACE_OPTIONS                                                                                                          \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC)

enum role { OTHER, MONITOR, INIT, CHILD, GATE, AUDITOR, POLICY };
static const char *const role_names[] = {"other", "monitor", "init", "child", "gate", "auditor", "policy"};

struct proc {
	pid_t pid;
	enum role role;
	bool counts;       /* has done the exec that its role begins with */
	bool failing;      /* the call it is in is the one */
	bool known, waits; /* a child's first stop may be seen before its parent's event, which says what it is: it waits */
	uint64_t nr, args[6], ip;
};
struct run {
	enum role who;
	unsigned long n, seen;
	int err;
	bool done, has_init, has_gate, has_auditor, has_policy, has_child;
	uint64_t failed_nr, failed_ip;
	pid_t root;
	struct proc procs[PROCS_MAX];
	size_t nprocs;
};

/* ---- the machine ---- */

static int
set_result(pid_t pid, int err)
{
#if defined(__x86_64__)
	return (int)ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rax), (long)-err);
#elif defined(__aarch64__)
	struct user_regs_struct regs;
	struct iovec v = {&regs, sizeof(regs)};
	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &v) < 0)
		return -1;
	regs.regs[0] = (uint64_t)-err;
	return (int)ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &v);
#else
#error "unknown machine"
#endif
}
/* Another call is made instead, one without effects that every filter allows: to the command's own, -1 would be a foreign call.
 */
static int
skip_call(pid_t pid)
{
#if defined(__x86_64__)
	return (int)ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.orig_rax), (long)SYS_getppid);
#else
	int none = SYS_getppid;
	struct iovec v = {&none, sizeof(none)};
	return (int)ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &v);
#endif
}

/* ---- which calls can fail ---- */

static bool
among(uint64_t nr, const int *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (nr == (uint64_t)list[i])
			return true;
	return false;
}
static bool
can_fail(uint64_t nr, int err)
{
	/* Those that the kernel never fails, and those of the C library's own start, which has no way to say so. */
	static const int never[] = {
		SYS_exit,
		SYS_exit_group,
		SYS_getpid,
		SYS_getppid,
		SYS_gettid,
		SYS_getuid,
		SYS_geteuid,
		SYS_getgid,
		SYS_getegid,
		SYS_umask,
		SYS_rt_sigreturn,
		SYS_restart_syscall,
		SYS_sched_yield,
		SYS_set_tid_address,
		SYS_set_robust_list,
		SYS_rseq,
#if defined(__x86_64__)
		SYS_arch_prctl,
#endif
	};
	static const int interruptible[] = {
		SYS_read,
		SYS_write,
		SYS_readv,
		SYS_writev,
		SYS_ppoll,
		SYS_epoll_pwait,
		SYS_recvmsg,
		SYS_sendmsg,
		SYS_recvfrom,
		SYS_sendto,
		SYS_wait4,
		SYS_waitid,
		SYS_connect,
		SYS_accept4,
		SYS_flock,
		SYS_ioctl,
		SYS_close,
		SYS_splice,
#if defined(__x86_64__)
		SYS_poll,
		SYS_epoll_wait,
#endif
	};
	if (err == EINTR)
		return among(nr, interruptible, sizeof(interruptible) / sizeof(interruptible[0]));
	return !among(nr, never, sizeof(never) / sizeof(never[0]));
}

/* ---- who is who ---- */

static struct proc *
find(struct run *r, pid_t pid)
{
	for (size_t i = 0; i < r->nprocs; i++)
		if (r->procs[i].pid == pid)
			return &r->procs[i];
	if (r->nprocs == PROCS_MAX)
		return NULL;
	r->procs[r->nprocs] = (struct proc){.pid = pid};
	return &r->procs[r->nprocs++];
}
static void
forget(struct run *r, pid_t pid)
{
	for (size_t i = 0; i < r->nprocs; i++)
		if (r->procs[i].pid == pid)
			r->procs[i] = r->procs[--r->nprocs];
}
static bool
once(bool *had)
{
	bool first = !*had;
	*had = true;
	return first;
}
static enum role
role_of(struct run *r, const struct proc *parent)
{
	uint64_t flags = parent->nr == SYS_clone ? parent->args[0] : 0;
	if (parent->nr == SYS_clone3)
		flags = (uint64_t)ptrace(PTRACE_PEEKDATA, parent->pid, (void *)(uintptr_t)parent->args[0], NULL);
	if (parent->role == MONITOR && (flags & CLONE_NEWPID) != 0)
		return once(&r->has_init) ? INIT : OTHER;
	if (parent->role == MONITOR && r->has_init)
		return once(&r->has_gate) ? GATE : OTHER;
	if (parent->role == MONITOR && once(&r->has_auditor))
		return AUDITOR;
	if (parent->role == MONITOR)
		return once(&r->has_policy) ? POLICY : OTHER;
	return parent->role == INIT && once(&r->has_child) ? CHILD : OTHER;
}

/* ---- stops ---- */

static void
on_entry(struct run *r, struct proc *p, const struct __ptrace_syscall_info *info)
{
	p->nr = info->entry.nr;
	p->ip = info->instruction_pointer;
	memcpy(p->args, info->entry.args, sizeof(p->args));
	/* Output that the user's own descriptor doesn't take is lost, as that of any program. */
	bool users =
	    (p->nr == SYS_write || p->nr == SYS_writev) && (p->args[0] == STDOUT_FILENO || p->args[0] == STDERR_FILENO);
	if (p->role != r->who || !p->counts || r->done || users || !can_fail(p->nr, r->err) || ++r->seen < r->n)
		return;
	r->done = p->failing = true;
	r->failed_nr = p->nr;
	r->failed_ip = p->ip;
	if (p->nr != SYS_close)
		(void)skip_call(p->pid);
}
static void
on_call(struct run *r, struct proc *p)
{
	struct __ptrace_syscall_info info = {0};
	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		on_entry(r, p, &info);
	} else if (p->failing) {
		p->failing = false;
		(void)set_result(p->pid, r->err);
	}
}
/* Goes on as far as it is of interest. */
static void
resume(const struct proc *p, int sig)
{
	if (p->role == OTHER)
		(void)ptrace(PTRACE_DETACH, p->pid, NULL, (long)sig);
	else
		(void)ptrace(PTRACE_SYSCALL, p->pid, NULL, (long)sig);
}
static void
on_fork(struct run *r, struct proc *parent)
{
	unsigned long pid = 0;
	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) < 0)
		return;
	struct proc *child = find(r, (pid_t)pid);
	if (child == NULL)
		return;
	child->role = role_of(r, parent);
	child->counts = child->role == INIT || child->role == GATE || child->role == CHILD;
	child->known = true;
	if (child->waits) {
		child->waits = false;
		resume(child, 0);
	}
}
static void
on_stop(struct run *r, struct proc *p, int st)
{
	int sig = WSTOPSIG(st), event = st >> 16;
	if (sig == (SIGTRAP | 0x80)) {
		on_call(r, p);
		sig = 0;
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
		on_fork(r, p);
		sig = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		p->counts = p->role == MONITOR || p->role == POLICY || p->role == AUDITOR;
		if (p->role == CHILD)
			p->role = OTHER;
		sig = 0;
	} else if (event != 0) {
		sig = 0;
		p->waits = !p->known;
	}
	if (!p->waits)
		resume(p, sig);
}
static int
trace(struct run *r)
{
	for (;;) {
		int st;
		pid_t pid = waitpid(-1, &st, __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return 99;
		if (WIFEXITED(st) || WIFSIGNALED(st)) {
			forget(r, pid);
			if (pid == r->root)
				return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
			continue;
		}
		struct proc *p = find(r, pid);
		if (p == NULL)
			return 99;
		on_stop(r, p, st);
	}
}

static pid_t
start(struct run *r, char **argv)
{
	int go[2];
	char byte = 0;
	if (pipe(go) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(99);
		(void)close(go[0]);
		(void)execvp(argv[0], argv);
		perror(argv[0]);
		_exit(99);
	}
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, TRACE_OPTIONS) < 0)
		return -1;
	r->root = pid;
	struct proc *p = find(r, pid);
	p->role = MONITOR;
	p->known = true;
	(void)close(go[0]);
	ssize_t n = write(go[1], &byte, 1);
	(void)close(go[1]);
	return n == 1 ? pid : -1;
}

static int
parse(struct run *r, char **argv)
{
	static const struct {
		const char *name;
		int value;
	} errs[] = {{"EIO", EIO}, {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE}, {"ENOSPC", ENOSPC}, {"EINTR", EINTR}};
	for (enum role k = MONITOR; k <= POLICY; k++)
		if (strcmp(argv[0], role_names[k]) == 0)
			r->who = k;
	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++)
		if (strcmp(argv[2], errs[i].name) == 0)
			r->err = errs[i].value;
	r->n = strtoul(argv[1], NULL, 10);
	return r->who == OTHER || r->err == 0 || r->n == 0 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	static struct run r;
	if (argc < 6 || parse(&r, argv + 1) < 0) {
		(void)fprintf(stderr, "usage: failnth WHO N ERRNO REPORT COMMAND [ARGUMENT...]\n");
		return 99;
	}
	FILE *report = fopen(argv[4], "we");
	if (report == NULL || start(&r, argv + 5) < 0) {
		perror("failnth");
		return 99;
	}
	int status = trace(&r);
	if (r.done)
		(void)fprintf(report, "failed %lu at %#lx\n", (unsigned long)r.failed_nr, (unsigned long)r.failed_ip);
	else
		(void)fprintf(report, "none of %lu\n", r.seen);
	return fclose(report) == 0 ? status : 99;
}
