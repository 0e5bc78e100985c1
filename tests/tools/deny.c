/* A kernel that lacks something: runs a command under a seccomp filter in which the named system calls fail.
 *
 *   deny CALL[:ERRNO]... -- COMMAND [ARGUMENT...]     ERRNO by name (ENOSYS when left out)
 *   deny --listener -- COMMAND [ARGUMENT...]          holds the one notification listener that a process tree can have
 *
 * Exit status: the command's own; 99 when the filter could not be made. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no audit architecture for this machine"
#endif

#define CALLS_MAX 32

struct name {
	const char *name;
	int value;
};

#define CALL(n) {#n, SYS_##n}
static const struct name calls[] = {
    CALL(landlock_create_ruleset), CALL(landlock_add_rule), CALL(landlock_restrict_self), CALL(clone3), CALL(openat2), CALL(mount_setattr),
    CALL(open_tree), CALL(move_mount), CALL(fsopen), CALL(fsconfig), CALL(fsmount), CALL(mount), CALL(umount2), CALL(pivot_root),
    CALL(pidfd_open), CALL(pidfd_getfd), CALL(pidfd_send_signal), CALL(process_vm_readv), CALL(process_vm_writev), CALL(setns),
    CALL(close_range), CALL(statx), CALL(seccomp), CALL(unshare), CALL(sethostname), CALL(capset), CALL(prctl), CALL(signalfd4),
    CALL(timerfd_create), CALL(inotify_init1), CALL(socketpair), CALL(pipe2), CALL(memfd_create), CALL(flock), CALL(fdatasync),
    CALL(getrandom), CALL(epoll_create1), CALL(epoll_ctl), CALL(renameat2), CALL(statfs), CALL(mmap), CALL(fchmodat), CALL(setsid),
    CALL(prlimit64), CALL(ioctl), CALL(socket), CALL(bind), CALL(listen), CALL(sendmsg), CALL(recvmsg), CALL(mkdirat), CALL(ftruncate),
    CALL(dup3), CALL(setrlimit),
};
#define ERR(n) {#n, n}
static const struct name errors[] = {
    ERR(ENOSYS), ERR(EPERM), ERR(EACCES), ERR(ENOSPC), ERR(EOPNOTSUPP), ERR(EINVAL), ERR(ENOMEM), ERR(EBUSY), ERR(EMFILE), ERR(EIO), ERR(EAGAIN),
    ERR(EROFS),
};

static int
value_of(const struct name *table, size_t n, const char *word, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(table[i].name) == len && strncmp(table[i].name, word, len) == 0)
			return table[i].value;
	(void)fprintf(stderr, "deny: no such name: %.*s\n", (int)len, word);
	_exit(99);
}

static int
install(struct sock_filter *f, size_t n, unsigned flags)
{
	struct sock_fprog prog = {.len = (unsigned short)n, .filter = f};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static size_t
begin(struct sock_filter *f)
{
	size_t n = 0;
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	return n;
}

static size_t
answer(struct sock_filter *f, size_t n, int nr, uint32_t verdict)
{
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
	return n;
}

/* The listener stays here: the command's tree can't have another as long as this one is open. */
static int
with_listener(char **argv)
{
	struct sock_filter f[16];
	size_t n = answer(f, begin(f), SYS_acct, SECCOMP_RET_USER_NOTIF);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (install(f, n, SECCOMP_FILTER_FLAG_NEW_LISTENER) < 0) {
		perror("deny: seccomp");
		return 99;
	}
	pid_t pid = fork();
	if (pid == 0) {
		(void)execvp(argv[0], argv);
		perror(argv[0]);
		_exit(99);
	}
	int st;
	if (pid < 0 || waitpid(pid, &st, 0) < 0)
		return 99;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

int
main(int argc, char **argv)
{
	struct sock_filter f[8 + 2 * CALLS_MAX];
	size_t n = begin(f);
	int i = 1, listener = argc > 1 && strcmp(argv[1], "--listener") == 0;
	for (i += listener; i < argc && i <= CALLS_MAX && strcmp(argv[i], "--") != 0; i++) {
		size_t len = strcspn(argv[i], ":");
		const char *e = argv[i][len] == ':' ? argv[i] + len + 1 : "ENOSYS";
		int nr = value_of(calls, sizeof(calls) / sizeof(calls[0]), argv[i], len);
		n = answer(f, n, nr, SECCOMP_RET_ERRNO | (uint32_t)value_of(errors, sizeof(errors) / sizeof(errors[0]), e, strlen(e)));
	}
	if (i + 1 >= argc || strcmp(argv[i], "--") != 0) {
		(void)fprintf(stderr, "usage: deny CALL[:ERRNO]... -- COMMAND [ARGUMENT...]\n");
		return 99;
	}
	if (listener)
		return with_listener(argv + i + 1);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (install(f, n, 0) < 0) {
		perror("deny: seccomp");
		return 99;
	}
	(void)execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 99;
}
