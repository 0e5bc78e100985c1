/* Build-time generator of the sandbox's seccomp filter: prints the elements of a `struct sock_filter` array.
 *
 * An allowlist: a call that is not named here answers ENOSYS, so a system call of a future kernel is refused and C
 * libraries fall back. The table below is the policy; the rest turns it into a binary search over call numbers with one
 * small leaf per call. Only the low 32 bits of arguments are compared where the kernel's own parameter is 32 bits wide
 * (a filter that compared 64 let TIOCSTI through with a high bit set: CVE-2019-10063).
 *
 * Why not libseccomp: several calls need "else this errno" per call (socket(2): EAFNOSUPPORT), which its rules can't say
 * beside a default action. The filter is checked call by call in tests/unit/test_seccomp.c. */
#include "base/defs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <linux/sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define ALLOW SECCOMP_RET_ALLOW
#define NOTIFY SECCOMP_RET_USER_NOTIF
#define ERR(n) (SECCOMP_RET_ERRNO | (n))

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define CLONE_NEW_ANY                                                                                                    \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define SUID_SGID 06000
#define EXEC_BITS 00111
/* Everything in openat's flags that makes it more than a read (asm-generic/fcntl.h): access mode, O_CREAT, O_TRUNC, O_TMPFILE. */
#define OPEN_WRITES (O_ACCMODE | O_CREAT | O_TRUNC | 020000000)
#define FCNTL_SETLEASE 1024
#define PTRACE_SEIZE_ 0x4206
#define NETLINK_ROUTE_ 0
#define IPPROTO_MPTCP_ 262
#define IPPROTO_SCTP_ 132

enum op_kind {
	OP_STOP,        /* end of the list; zero, so that every rule has one */
	OP_END,         /* return act */
	OP_IF_ANY,      /* if (arg & mask) return act */
	OP_IF_EQ,       /* if ((arg & mask) == value) return act */
	OP_SKIP_UNLESS, /* unless ((arg & mask) == value) skip the next `skip` ops */
};
struct op {
	enum op_kind kind;
	unsigned arg;
	uint32_t mask, value, act;
	unsigned skip;
};
#define MAX_OPS 16
struct rule {
	int nr;
	struct op ops[MAX_OPS]; /* every path ends in OP_END; OP_STOP after the last */
};

#define END(a) {OP_END, 0, 0, 0, (a), 0}
#define IF_ANY(n, m, a) {OP_IF_ANY, (n), (m), 0, (a), 0}
#define IF_EQ(n, v, a) {OP_IF_EQ, (n), 0xffffffffU, (uint32_t)(v), (a), 0}
#define IF_MASK(n, m, v, a) {OP_IF_EQ, (n), (m), (uint32_t)(v), (a), 0}
#define UNLESS(n, m, v, s) {OP_SKIP_UNLESS, (n), (m), (uint32_t)(v), 0, (s)}
#define CALL(name, ...) {SYS_##name, {__VA_ARGS__}}

/* Calls with nothing to check. */
static const int PLAIN[] = {
	SYS_read, SYS_write, SYS_close, SYS_fstat, SYS_lseek, SYS_mmap, SYS_mprotect, SYS_munmap, SYS_brk, SYS_rt_sigaction,
	SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_pread64, SYS_pwrite64, SYS_readv, SYS_writev, SYS_sched_yield, SYS_mremap,
	SYS_msync, SYS_mincore, SYS_madvise, SYS_shmget, SYS_shmat, SYS_shmctl, SYS_dup, SYS_nanosleep, SYS_getitimer,
	SYS_setitimer, SYS_getpid, SYS_sendfile, SYS_accept, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_shutdown,
	SYS_listen, SYS_getsockname, SYS_getpeername, SYS_setsockopt, SYS_getsockopt, SYS_exit, SYS_wait4, SYS_kill,
	SYS_uname, SYS_semget, SYS_semop, SYS_semctl, SYS_shmdt, SYS_msgget, SYS_msgsnd, SYS_msgrcv, SYS_msgctl, SYS_flock,
	SYS_fsync, SYS_fdatasync, SYS_ftruncate, SYS_getcwd, SYS_chdir, SYS_fchdir, SYS_fchown, SYS_umask, SYS_getrlimit,
	SYS_getrusage, SYS_sysinfo, SYS_times, SYS_getuid, SYS_getgid, SYS_setuid, SYS_setgid, SYS_geteuid, SYS_getegid,
	SYS_setpgid, SYS_getppid, SYS_setsid, SYS_setreuid, SYS_setregid, SYS_getgroups, SYS_setgroups, SYS_setresuid,
	SYS_getresuid, SYS_setresgid, SYS_getresgid, SYS_getpgid, SYS_setfsuid, SYS_setfsgid, SYS_getsid, SYS_capget, SYS_capset,
	SYS_rt_sigpending, SYS_rt_sigtimedwait, SYS_rt_sigqueueinfo, SYS_rt_sigsuspend, SYS_sigaltstack, SYS_statfs, SYS_fstatfs,
	SYS_getpriority, SYS_setpriority, SYS_sched_setparam, SYS_sched_getparam, SYS_sched_setscheduler, SYS_sched_getscheduler,
	SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_sched_rr_get_interval, SYS_mlock, SYS_munlock, SYS_mlockall,
	SYS_munlockall, SYS_setrlimit, SYS_sync, SYS_gettid, SYS_readahead,
	SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_listxattr, SYS_llistxattr, SYS_flistxattr,
	 SYS_tkill, SYS_futex, SYS_sched_setaffinity, SYS_sched_getaffinity, SYS_io_setup,
	SYS_io_destroy, SYS_io_getevents, SYS_io_submit, SYS_io_cancel, SYS_remap_file_pages, SYS_getdents64, SYS_set_tid_address,
	SYS_restart_syscall, SYS_semtimedop, SYS_fadvise64, SYS_timer_create, SYS_timer_settime, SYS_timer_gettime,
	SYS_timer_getoverrun, SYS_timer_delete, SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep,
	SYS_epoll_ctl, SYS_tgkill, SYS_mbind, SYS_set_mempolicy, SYS_get_mempolicy, SYS_mq_open, SYS_mq_unlink, SYS_mq_timedsend,
	SYS_mq_timedreceive, SYS_mq_notify, SYS_mq_getsetattr, SYS_waitid, SYS_ioprio_set, SYS_ioprio_get, SYS_inotify_add_watch,
	SYS_inotify_rm_watch, SYS_fchownat, SYS_newfstatat, SYS_readlinkat, SYS_faccessat, SYS_pselect6, SYS_ppoll,
	SYS_set_robust_list, SYS_get_robust_list, SYS_splice, SYS_tee, SYS_sync_file_range, SYS_vmsplice, SYS_utimensat,
	SYS_epoll_pwait, SYS_timerfd_create, SYS_fallocate, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_accept4, SYS_signalfd4,
	SYS_eventfd2, SYS_epoll_create1, SYS_dup3, SYS_pipe2, SYS_inotify_init1, SYS_preadv, SYS_pwritev, SYS_rt_tgsigqueueinfo,
	SYS_recvmmsg, SYS_prlimit64, SYS_adjtimex, SYS_clock_adjtime, SYS_syncfs, SYS_sendmmsg, SYS_getcpu, SYS_process_vm_readv,
	SYS_kcmp, SYS_sched_setattr, SYS_sched_getattr, SYS_seccomp, SYS_getrandom, SYS_memfd_create, SYS_membarrier,
	SYS_mlock2, SYS_copy_file_range, SYS_preadv2, SYS_pwritev2, SYS_pkey_mprotect, SYS_pkey_alloc, SYS_pkey_free, SYS_statx,
	SYS_io_pgetevents, SYS_rseq, SYS_pidfd_send_signal, SYS_pidfd_open, SYS_close_range, SYS_faccessat2, SYS_process_madvise,
	SYS_epoll_pwait2, SYS_landlock_create_ruleset, SYS_landlock_add_rule, SYS_landlock_restrict_self,
	SYS_process_mrelease, SYS_futex_waitv,
	450 /* set_mempolicy_home_node */, 451 /* cachestat */, 453 /* map_shadow_stack */, 454 /* futex_wake */, 455 /* futex_wait */,
	456 /* futex_requeue */, 457 /* statmount */, 458 /* listmount */, 459 /* lsm_get_self_attr */, 461 /* lsm_list_modules */,
	462 /* mseal */, 464 /* getxattrat */, 465 /* listxattrat */, 468 /* file_getattr */,
#ifdef __x86_64__
	SYS_stat, SYS_lstat, SYS_poll, SYS_access, SYS_pipe, SYS_select, SYS_dup2, SYS_pause, SYS_alarm, SYS_fork, SYS_vfork,
	SYS_getdents, SYS_readlink, SYS_chown, SYS_lchown, SYS_gettimeofday, SYS_getpgrp, SYS_utime, SYS_arch_prctl,
	SYS_time, SYS_epoll_create, SYS_epoll_wait, SYS_utimes, SYS_inotify_init, SYS_futimesat, SYS_signalfd, SYS_eventfd,
	SYS_set_thread_area, SYS_get_thread_area,
#endif
};

/* Calls that change names, or reach a socket by name: the path gate performs them. */
static const int GATED[] = {
	SYS_truncate, SYS_mkdirat, SYS_renameat, SYS_renameat2, SYS_linkat, SYS_symlinkat, SYS_mknodat, SYS_unlinkat, SYS_bind, SYS_connect,
#ifdef __x86_64__
	SYS_creat, SYS_mkdir, SYS_rmdir, SYS_rename, SYS_link, SYS_symlink, SYS_mknod, SYS_unlink,
#endif
};

/* Every exec stops at the exec gate; of every process that ends it reads what it has used. */
static const int EXEC[] = {SYS_execve, SYS_execveat, SYS_exit_group};

/* Calls that are refused whatever their arguments. The gate refuses them, so that the attempt is on record and the agent is told
 * which of its settings wants a sandbox of its own; without the gate they answer ENOSYS. */
static const int REPORTED[] = {
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
	SYS_fspick, SYS_mount_setattr, 467 /* open_tree_attr */, SYS_setns, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
	SYS_keyctl, SYS_add_key, SYS_request_key, SYS_kexec_load,
	SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct,
	SYS_quotactl, SYS_quotactl_fd, SYS_syslog, SYS_vhangup, SYS_clock_settime, SYS_settimeofday, SYS_sethostname,
	SYS_setdomainname, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_migrate_pages, SYS_move_pages, SYS_open_by_handle_at,
	SYS_fanotify_init, SYS_fanotify_mark, SYS_lookup_dcookie, SYS_nfsservctl, 460 /* lsm_set_self_attr */, 469 /* file_setattr */,
#ifdef __x86_64__
	SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_sysfs,
#endif
};

/* Refused without a word: Node and others probe for them at every start. */
static const int REFUSED[] = {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register};

static const struct rule CHECKED[] = {
	/* Reads cost nothing; everything else goes to the path gate. With O_PATH open(2) heeds neither access mode nor O_CREAT. */
	CALL(openat, IF_ANY(2, O_PATH, ALLOW), IF_ANY(2, OPEN_WRITES, NOTIFY), END(ALLOW)),
	CALL(openat2, END(ERR(ENOSYS))),  /* its flags lie in memory: libraries fall back to openat */
	CALL(clone3, END(ERR(ENOSYS))),   /* likewise, to clone */
	CALL(name_to_handle_at, END(ERR(EOPNOTSUPP))),
	/* Their names lie in memory, and an access list sets the executable bit of a hook (system.posix_acl_access): as on a file system
	 * without attributes, which cp, tar and rsync take for granted. */
	CALL(setxattr, END(ERR(EOPNOTSUPP))),
	CALL(lsetxattr, END(ERR(EOPNOTSUPP))),
	CALL(fsetxattr, END(ERR(EOPNOTSUPP))),
	CALL(removexattr, END(ERR(EOPNOTSUPP))),
	CALL(lremovexattr, END(ERR(EOPNOTSUPP))),
	CALL(fremovexattr, END(ERR(EOPNOTSUPP))),
	{463 /* setxattrat, Linux 6.13 */, {END(ERR(EOPNOTSUPP))}},
	{466 /* removexattrat */, {END(ERR(EOPNOTSUPP))}},
	CALL(clone, IF_ANY(0, CLONE_NEW_ANY, NOTIFY), END(ALLOW)),
	CALL(unshare, IF_ANY(0, CLONE_NEW_ANY | CLONE_NEWTIME, NOTIFY), END(ALLOW)),
	/* A setuid file left in the project would act as the user for others on the host; an executable bit brings a hook to life
	 * that the user had switched off. */
	CALL(fchmod, IF_ANY(1, SUID_SGID, ERR(EPERM)), IF_ANY(1, EXEC_BITS, NOTIFY), END(ALLOW)),
	CALL(fchmodat, IF_ANY(2, SUID_SGID, ERR(EPERM)), IF_ANY(2, EXEC_BITS, NOTIFY), END(ALLOW)),
	{452 /* fchmodat2 */, {IF_ANY(2, SUID_SGID, ERR(EPERM)), IF_ANY(2, EXEC_BITS, NOTIFY), END(ALLOW)}},
	/* Typing into the terminal, console selection, taking over the console, line disciplines. */
	CALL(ioctl, IF_EQ(1, TIOCSTI, ERR(EPERM)), IF_EQ(1, TIOCLINUX, ERR(EPERM)), IF_EQ(1, TIOCCONS, ERR(EPERM)),
	    IF_EQ(1, TIOCSETD, ERR(EPERM)), END(ALLOW)),
	CALL(fcntl, IF_EQ(1, FCNTL_SETLEASE, ERR(EPERM)), END(ALLOW)),
	/* Debuggers of own children work (PTRACE_TRACEME); attaching to a sibling does not. */
	CALL(ptrace, IF_EQ(0, PTRACE_ATTACH, NOTIFY), IF_EQ(0, PTRACE_SEIZE_, ERR(EPERM)), END(ALLOW)),
	/* Where the arguments of an image lie tells the exec gate whose copy a process is; reapers of orphans it must know. */
	CALL(prctl, IF_EQ(0, PR_SET_MM, ERR(EPERM)), IF_EQ(0, PR_SET_CHILD_SUBREAPER, NOTIFY), END(ALLOW)),
	/* ADDR_NO_RANDOMIZE is what gdb sets; 0xffffffff only asks. */
	CALL(personality, IF_EQ(0, 0, ALLOW), IF_EQ(0, 0x0040000, ALLOW), IF_EQ(0, 0xffffffff, ALLOW), END(ERR(EPERM))),
	/* Sockets: unix streams, TCP and UDP on the sandbox's own loopback, the route netlink that getaddrinfo reads. Datagram unix
	 * sockets, also an end of a pair, can name another peer in sendmsg's memory, which nothing can check: a daemon's of the host
	 * in the tree. So there are none. */
	CALL(socket,
	    UNLESS(0, 0xffffffffU, AF_UNIX, 2), IF_MASK(1, 0xf, SOCK_DGRAM, ERR(EACCES)), END(ALLOW),
	    UNLESS(0, 0xffffffffU, AF_NETLINK, 2), IF_EQ(2, NETLINK_ROUTE_, ALLOW), END(ERR(EPROTONOSUPPORT)),
	    IF_MASK(1, 0xf, SOCK_RAW, ERR(EPERM)), IF_EQ(2, IPPROTO_MPTCP_, ERR(EPROTONOSUPPORT)),
	    IF_EQ(2, IPPROTO_SCTP_, ERR(EPROTONOSUPPORT)), IF_EQ(0, AF_INET, ALLOW), IF_EQ(0, AF_INET6, ALLOW),
	    END(ERR(EAFNOSUPPORT))),
	CALL(socketpair, IF_MASK(1, 0xf, SOCK_DGRAM, ERR(EACCES)), IF_EQ(0, AF_UNIX, ALLOW), END(ERR(EAFNOSUPPORT))),
#ifdef __x86_64__
	CALL(open, IF_ANY(1, O_PATH, ALLOW), IF_ANY(1, OPEN_WRITES, NOTIFY), END(ALLOW)),
	CALL(chmod, IF_ANY(1, SUID_SGID, ERR(EPERM)), IF_ANY(1, EXEC_BITS, NOTIFY), END(ALLOW)),
#endif
};

struct entry {
	int nr;
	const struct op *ops;
};
static const struct op OPS_ALLOW[2] = {END(ALLOW)}, OPS_NOTIFY[2] = {END(NOTIFY)}, OPS_REFUSE[2] = {END(ERR(EPERM))},
                       OPS_UNKNOWN[2] = {END(ERR(ENOSYS))};

#define MAX_ENTRIES 1024
struct prog {
	struct sock_filter *f;
	size_t n;
};

static void
put(struct prog *p, struct sock_filter f)
{
	struct sock_filter *g = realloc(p->f, (p->n + 1) * sizeof(*g));
	if (g == NULL)
		abort();
	p->f = g;
	g[p->n++] = f;
}

static void
append(struct prog *p, struct prog *q)
{
	for (size_t i = 0; i < q->n; i++)
		put(p, q->f[i]);
	free(q->f);
}

/* Instructions of one op: the lengths that OP_SKIP_UNLESS jumps over. */
static unsigned
length(const struct op *o)
{
	switch (o->kind) {
	case OP_STOP:
		break;
	case OP_END:
		return 1;
	case OP_IF_ANY:
		return 3;
	case OP_IF_EQ:
		return 4;
	case OP_SKIP_UNLESS:
		return 3;
	}
	abort();
}

static void
leaf(struct prog *p, const struct op *ops)
{
	for (const struct op *o = ops;; o++) {
		/* The low half of argument `arg` (struct seccomp_data, little endian). */
		unsigned at = (unsigned)offsetof(struct seccomp_data, args) + 8 * o->arg;
		unsigned skip = 0;
		switch (o->kind) {
		case OP_STOP:
			abort();
		case OP_END:
			put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, o->act));
			if (o[1].kind == OP_STOP)
				return;
			continue;
		case OP_IF_ANY:
			put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
			put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, o->mask, 0, 1));
			put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, o->act));
			continue;
		case OP_IF_EQ:
			put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
			put(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, o->mask));
			put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, o->value, 0, 1));
			put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, o->act));
			continue;
		case OP_SKIP_UNLESS:
			for (unsigned i = 1; i <= o->skip; i++)
				skip += length(o + i);
			put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
			put(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, o->mask));
			put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, o->value, 0, (unsigned char)skip));
			continue;
		}
	}
}

/* Entries lo..hi (their numbers are the starts of ranges) as a binary search; the accumulator holds the call number. */
static void
tree(struct prog *p, const struct entry *e, size_t lo, size_t hi)
{
	if (lo == hi) {
		leaf(p, e[lo].ops);
		return;
	}
	size_t mid = (lo + hi + 1) / 2;
	struct prog left = {0};
	tree(&left, e, lo, mid - 1);
	if (left.n <= 255) {
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (unsigned)e[mid].nr, (unsigned char)left.n, 0));
	} else {
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (unsigned)e[mid].nr, 0, 1));
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, (unsigned)left.n, 0, 0));
	}
	append(p, &left);
	tree(p, e, mid, hi);
}

static const struct op *
lookup(int nr)
{
	const struct op *found = NULL;
	int times = 0;
	for (size_t i = 0; i < BR_ARRAY_LEN(PLAIN); i++)
		if (PLAIN[i] == nr && ++times > 0)
			found = OPS_ALLOW;
	for (size_t i = 0; i < BR_ARRAY_LEN(GATED); i++)
		if (GATED[i] == nr && ++times > 0)
			found = OPS_NOTIFY;
	for (size_t i = 0; i < BR_ARRAY_LEN(EXEC); i++)
		if (EXEC[i] == nr && ++times > 0)
			found = OPS_NOTIFY;
	for (size_t i = 0; i < BR_ARRAY_LEN(REPORTED); i++)
		if (REPORTED[i] == nr && ++times > 0)
			found = OPS_NOTIFY;
	for (size_t i = 0; i < BR_ARRAY_LEN(REFUSED); i++)
		if (REFUSED[i] == nr && ++times > 0)
			found = OPS_REFUSE;
	for (size_t i = 0; i < BR_ARRAY_LEN(CHECKED); i++)
		if (CHECKED[i].nr == nr && ++times > 0)
			found = CHECKED[i].ops;
	if (times > 1) {
		(void)fprintf(stderr, "seccomp_gen: call %d is in two lists\n", nr);
		exit(1);
	}
	return found != NULL ? found : OPS_UNKNOWN;
}

int
main(void)
{
	static struct entry e[MAX_ENTRIES];
	size_t n = 0;
	for (int nr = 0; nr < MAX_ENTRIES; nr++) {
		const struct op *ops = lookup(nr);
		if (n == 0 || e[n - 1].ops != ops)
			e[n++] = (struct entry){nr, ops};
	}
	struct prog p = {0};
#if defined(__x86_64__)
	const unsigned arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
	const unsigned arch = AUDIT_ARCH_AARCH64;
#else
#error "add this architecture's AUDIT_ARCH_ value"
#endif
	put(&p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	put(&p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0));
	put(&p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)); /* int 0x80 */
	put(&p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	put(&p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000U, 0, 1));
	put(&p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)); /* x32 */
	tree(&p, e, 0, n - 1);
	printf("/* made by seccomp_gen.c: %zu instructions */\n", p.n);
	for (size_t i = 0; i < p.n; i++)
		printf("{0x%04x, %u, %u, 0x%08xU},\n", p.f[i].code, p.f[i].jt, p.f[i].jf, p.f[i].k);
	free(p.f);
	return 0;
}
