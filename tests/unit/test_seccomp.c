/* The seccomp filter, call by call: the program that was made at build time is run by a small interpreter of classic BPF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static const struct sock_filter FILTER[] = {
#include "seccomp_filter.inc"
};

#define ALLOW SECCOMP_RET_ALLOW
#define NOTIFY SECCOMP_RET_USER_NOTIF
#define ERR(n) (SECCOMP_RET_ERRNO | (n))
#define KILL SECCOMP_RET_KILL_PROCESS

/* The subset that seccomp_gen.c emits; anything else fails the test. */
static uint32_t
run(const struct seccomp_data *d)
{
	uint32_t a = 0;
	for (size_t pc = 0; pc < BR_ARRAY_LEN(FILTER); pc++) {
		const struct sock_filter *f = &FILTER[pc];
		bool hit;
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(f->k % 4 == 0 && f->k + 4 <= sizeof(*d));
			memcpy(&a, (const char *)d + f->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			hit = a == f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			hit = a >= f->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			hit = (a & f->k) != 0;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail_msg("instruction %zu has code %#x", pc, f->code);
			return 0;
		}
		pc += hit ? f->jt : f->jf;
	}
	fail_msg("the program runs past its end");
	return 0;
}

static uint32_t
call(int nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_data d = {.nr = nr, .arch = AUDIT_ARCH_X86_64, .args = {a0, a1, a2}};
	return run(&d);
}

static void
other_architectures_die(void **state)
{
	(void)state;
	struct seccomp_data d = {.nr = 5 /* open of i386 */, .arch = AUDIT_ARCH_I386};
	assert_int_equal(run(&d), KILL);
	d = (struct seccomp_data){.nr = 0x40000000 | SYS_read, .arch = AUDIT_ARCH_X86_64};
	assert_int_equal(run(&d), KILL);
	d.nr = -1;
	assert_int_equal(run(&d), KILL);
}

static void
every_number_has_an_answer(void **state)
{
	(void)state;
	for (int nr = 0; nr < 4096; nr++) {
		uint32_t r = call(nr, 0, 0, 0);
		assert_true(r == ALLOW || r == NOTIFY || (r & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO);
	}
	/* What no kernel has yet */
	for (int nr = 470; nr < 4096; nr++)
		assert_int_equal(call(nr, 0, 0, 0), ERR(ENOSYS));
}

static void
reads_are_free_and_writes_are_not(void **state)
{
	(void)state;
	static const int reads[] = {O_RDONLY, O_RDONLY | O_CLOEXEC, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, O_PATH,
	    O_PATH | O_RDWR | O_CREAT};
	static const int writes[] = {O_WRONLY, O_RDWR, O_ACCMODE, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_WRONLY | O_APPEND,
	    O_RDWR | O_TMPFILE, O_CREAT | O_EXCL | O_RDONLY};
	for (size_t i = 0; i < BR_ARRAY_LEN(reads); i++) {
		assert_int_equal(call(SYS_openat, 0, 0, (uint64_t)reads[i]), ALLOW);
		assert_int_equal(call(SYS_open, 0, (uint64_t)reads[i], 0), ALLOW);
	}
	for (size_t i = 0; i < BR_ARRAY_LEN(writes); i++) {
		assert_int_equal(call(SYS_openat, 0, 0, (uint64_t)writes[i]), NOTIFY);
		/* The kernel takes 32 bits of it: a high one changes nothing. */
		assert_int_equal(call(SYS_openat, 0, 0, (uint64_t)writes[i] | 1ULL << 40), NOTIFY);
		assert_int_equal(call(SYS_open, 0, (uint64_t)writes[i], 0), NOTIFY);
	}
	static const int gated[] = {SYS_creat, SYS_truncate, SYS_mkdir, SYS_mkdirat, SYS_rmdir, SYS_rename, SYS_renameat, SYS_renameat2, SYS_link,
	    SYS_linkat, SYS_symlink, SYS_symlinkat, SYS_mknod, SYS_mknodat, SYS_unlink, SYS_unlinkat, SYS_bind, SYS_connect};
	for (size_t i = 0; i < BR_ARRAY_LEN(gated); i++)
		assert_int_equal(call(gated[i], 0, 0, 0), NOTIFY);
	assert_int_equal(call(SYS_openat2, 0, 0, 0), ERR(ENOSYS));
}

static void
modes(void **state)
{
	(void)state;
	static const struct {
		uint64_t mode;
		uint32_t want;
	} t[] = {{0644, ALLOW}, {0, ALLOW}, {0755, NOTIFY}, {0100, NOTIFY}, {0001, NOTIFY}, {04755, ERR(EPERM)}, {02644, ERR(EPERM)}, {06000, ERR(EPERM)}};
	for (size_t i = 0; i < BR_ARRAY_LEN(t); i++) {
		assert_int_equal(call(SYS_fchmod, 0, t[i].mode, 0), t[i].want);
		assert_int_equal(call(SYS_chmod, 0, t[i].mode, 0), t[i].want);
		assert_int_equal(call(SYS_fchmodat, 0, 0, t[i].mode), t[i].want);
		assert_int_equal(call(452, 0, 0, t[i].mode), t[i].want);
	}
}

static void
namespaces(void **state)
{
	(void)state;
	static const uint64_t flags[] = {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET};
	assert_int_equal(call(SYS_clone, CLONE_VM | CLONE_VFORK | 17, 0, 0), ALLOW);
	assert_int_equal(call(SYS_unshare, CLONE_FILES | CLONE_FS, 0, 0), ALLOW);
	for (size_t i = 0; i < BR_ARRAY_LEN(flags); i++) {
		assert_int_equal(call(SYS_clone, flags[i] | 17, 0, 0), NOTIFY);
		assert_int_equal(call(SYS_unshare, flags[i], 0, 0), NOTIFY);
	}
	assert_int_equal(call(SYS_unshare, 0x80 /* CLONE_NEWTIME */, 0, 0), NOTIFY);
	assert_int_equal(call(SYS_clone3, 0, 0, 0), ERR(ENOSYS));
}

static void
terminals(void **state)
{
	(void)state;
	static const unsigned long bad[] = {TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD};
	for (size_t i = 0; i < BR_ARRAY_LEN(bad); i++) {
		assert_int_equal(call(SYS_ioctl, 0, bad[i], 0), ERR(EPERM));
		assert_int_equal(call(SYS_ioctl, 0, bad[i] | 1ULL << 32, 0), ERR(EPERM)); /* CVE-2019-10063 */
	}
	assert_int_equal(call(SYS_ioctl, 0, TCGETS, 0), ALLOW);
	assert_int_equal(call(SYS_ioctl, 0, TIOCSCTTY, 0), ALLOW);
}

static void
sockets(void **state)
{
	(void)state;
	assert_int_equal(call(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ALLOW);
	assert_int_equal(call(SYS_socket, AF_UNIX, SOCK_SEQPACKET, 0), ALLOW);
	assert_int_equal(call(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), ERR(EACCES));
	assert_int_equal(call(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0), ERR(EACCES));
	assert_int_equal(call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0), ALLOW);
	assert_int_equal(call(SYS_socket, AF_INET, SOCK_STREAM, 0), ALLOW);
	assert_int_equal(call(SYS_socket, AF_INET6, SOCK_DGRAM, 17), ALLOW);
	assert_int_equal(call(SYS_socket, AF_INET, SOCK_RAW, 1), ERR(EPERM));
	assert_int_equal(call(SYS_socket, AF_INET, SOCK_STREAM, 262 /* MPTCP */), ERR(EPROTONOSUPPORT));
	assert_int_equal(call(SYS_socket, AF_INET, SOCK_STREAM, 132 /* SCTP */), ERR(EPROTONOSUPPORT));
	assert_int_equal(call(SYS_socket, AF_NETLINK, SOCK_RAW, 0), ALLOW);
	assert_int_equal(call(SYS_socket, AF_NETLINK, SOCK_RAW, 9 /* audit */), ERR(EPROTONOSUPPORT));
	static const int families[] = {AF_PACKET, AF_ALG, 40 /* AF_VSOCK */, 44 /* AF_XDP */, 43 /* AF_SMC */, AF_BLUETOOTH, AF_CAN, AF_KEY, 41 /* AF_KCM */};
	for (size_t i = 0; i < BR_ARRAY_LEN(families); i++) {
		assert_int_equal(call(SYS_socket, (uint64_t)families[i], SOCK_DGRAM, 0), ERR(EAFNOSUPPORT));
		assert_int_equal(call(SYS_socketpair, (uint64_t)families[i], SOCK_STREAM, 0), ERR(EAFNOSUPPORT));
	}
}

static void
debuggers(void **state)
{
	(void)state;
	assert_int_equal(call(SYS_ptrace, PTRACE_TRACEME, 0, 0), ALLOW);
	assert_int_equal(call(SYS_ptrace, PTRACE_CONT, 0, 0), ALLOW);
	assert_int_equal(call(SYS_ptrace, PTRACE_ATTACH, 0, 0), NOTIFY);
	assert_int_equal(call(SYS_ptrace, 0x4206 /* PTRACE_SEIZE */, 0, 0), ERR(EPERM));
	assert_int_equal(call(SYS_process_vm_writev, 0, 0, 0), NOTIFY);
	assert_int_equal(call(SYS_pidfd_getfd, 0, 0, 0), NOTIFY);
	assert_int_equal(call(SYS_personality, 0xffffffff, 0, 0), ALLOW);
	assert_int_equal(call(SYS_personality, 0x0040000, 0, 0), ALLOW);
	assert_int_equal(call(SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */, 0, 0), ERR(EPERM));
}

static void
programs(void **state)
{
	(void)state;
	assert_int_equal(call(SYS_execve, 0, 0, 0), NOTIFY);
	assert_int_equal(call(SYS_execveat, 0, 0, 0), NOTIFY);
	assert_int_equal(call(SYS_exit_group, 1, 0, 0), NOTIFY);
	assert_int_equal(call(SYS_exit, 1, 0, 0), ALLOW); /* of one thread */
	assert_int_equal(call(SYS_prctl, PR_SET_MM, PR_SET_MM_ARG_START, 0), ERR(EPERM));
	assert_int_equal(call(SYS_prctl, PR_SET_MM | 1ULL << 32, PR_SET_MM_MAP, 0), ERR(EPERM));
	assert_int_equal(call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0), NOTIFY);
	assert_int_equal(call(SYS_prctl, PR_SET_NAME, 0, 0), ALLOW);
}

static void
never(void **state)
{
	(void)state;
	/* Nothing of this is ever allowed: refused here, or by the gate. */
	static const int calls[] = {SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
	    SYS_fspick, SYS_mount_setattr, 467, SYS_setns, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_io_uring_enter,
	    SYS_io_uring_register, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module,
	    SYS_delete_module, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, SYS_syslog, SYS_iopl, SYS_ioperm, SYS_modify_ldt,
	    SYS_open_by_handle_at, SYS_fanotify_init, SYS_lookup_dcookie, SYS_move_pages, SYS_migrate_pages, SYS_uselib, SYS_settimeofday, 469};
	for (size_t i = 0; i < BR_ARRAY_LEN(calls); i++)
		assert_int_not_equal(call(calls[i], 0, 0, 0), ALLOW);
	static const int attributes[] = {SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, 463, 466};
	for (size_t i = 0; i < BR_ARRAY_LEN(attributes); i++)
		assert_int_equal(call(attributes[i], 0, 0, 0), ERR(EOPNOTSUPP));
	assert_int_equal(call(SYS_fcntl, 0, 1024 /* F_SETLEASE */, 0), ERR(EPERM));
	assert_int_equal(call(SYS_fcntl, 0, F_GETFL, 0), ALLOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(other_architectures_die),
	    cmocka_unit_test(every_number_has_an_answer),
	    cmocka_unit_test(reads_are_free_and_writes_are_not),
	    cmocka_unit_test(modes),
	    cmocka_unit_test(namespaces),
	    cmocka_unit_test(terminals),
	    cmocka_unit_test(sockets),
	    cmocka_unit_test(debuggers),
	    cmocka_unit_test(programs),
	    cmocka_unit_test(never),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
