/* Class 20: the kernel's surface. Calls that would do harm outside are made with senseless arguments and count as a success
 * when the kernel's own code answers (probe_reached). */
#include "probe.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --- namespaces ------------------------------------------------------------------------------------------------------------ */

static const struct ns {
	const char *name;
	unsigned long flag;
} namespaces[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC},
    {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", 0x80}};

static unsigned long
ns_flag(const char *name)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(namespaces); i++) {
		if (br_streq(namespaces[i].name, name))
			return namespaces[i].flag;
	}
	return 0;
}
/* All but `user` need a capability: an ordinary user takes it from a user namespace made in the same call. */
static unsigned long
with_user(const char *name)
{
	unsigned long f = ns_flag(name);
	return geteuid() == 0 ? f : f | CLONE_NEWUSER;
}
static int
k_unshare(char **a)
{
	return probe_rc(syscall(SYS_unshare, with_user(a[0])), "unshare");
}
static int
child_rc(long pid, const char *call)
{
	if (pid == 0)
		_exit(0);
	return probe_rc(pid, call);
}
static int
k_clone(char **a)
{
	return child_rc(syscall(SYS_clone, with_user(a[0]) | SIGCHLD, 0, 0, 0, 0), "clone");
}
/* The kernel takes the lower half of the flags, a filter may compare all of them. */
static int
k_clone_hi(char **a)
{
	return child_rc(syscall(SYS_clone, with_user(a[0]) | SIGCHLD | (1UL << 33), 0, 0, 0, 0), "clone with a high bit");
}
static int
k_clone3(char **a)
{
	struct clone_args ca = {.flags = with_user(a[0]), .exit_signal = SIGCHLD};
	return child_rc(syscall(SYS_clone3, &ca, sizeof(ca)), "clone3");
}
static int
k_setns(char **a)
{
	char p[64];
	(void)snprintf(p, sizeof(p), "/proc/%s/ns/%s", a[1], a[0]);
	int fd = open(p, O_RDONLY);
	return fd < 0 ? probe_rc(fd, p) : probe_rc(syscall(SYS_setns, fd, 0), "setns");
}
/* A pidfd is a way in as well; to oneself it needs no right over another. */
static int
k_setns_pidfd(char **a)
{
	int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
	return fd < 0 ? probe_rc(fd, "pidfd_open") : probe_rc(syscall(SYS_setns, fd, ns_flag(a[0])), "setns of a pidfd");
}
static int
k_nested(char **a)
{
	(void)a;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return probe_rc(-1, "unshare");
	return probe_rc(mount("none", "/tmp", "tmpfs", 0, NULL), "mount of a tmpfs in a nested user namespace");
}

/* --- mounts ---------------------------------------------------------------------------------------------------------------- */

static int
k_mount(char **a)
{
	return probe_rc(mount("none", a[0], "tmpfs", 0, NULL), "mount");
}
static int
k_bind(char **a)
{
	return probe_rc(mount(a[0], a[1], NULL, MS_BIND | MS_REC, NULL), "mount MS_BIND");
}
static int
k_remount(char **a)
{
	return probe_rc(mount(NULL, a[0], NULL, MS_REMOUNT | MS_BIND, NULL), "remount");
}
static int
k_umount(char **a)
{
	return probe_reached(umount2(a[0], MNT_DETACH), "umount2");
}
static int
k_fsopen(char **a)
{
	return probe_rc(syscall(SYS_fsopen, a[0], 0), "fsopen");
}
static int
k_open_tree(char **a)
{
	return probe_rc(syscall(SYS_open_tree, AT_FDCWD, a[0], OPEN_TREE_CLONE), "open_tree");
}
static int
k_open_tree_plain(char **a)
{
	return probe_rc(syscall(SYS_open_tree, AT_FDCWD, a[0], 0), "open_tree without a clone");
}
static int
k_open_tree_attr(char **a)
{
	struct mount_attr attr = {0};
	return probe_rc(syscall(467, AT_FDCWD, a[0], OPEN_TREE_CLONE, &attr, sizeof(attr)), "open_tree_attr");
}
static int
k_move_mount(char **a)
{
	return probe_reached(syscall(SYS_move_mount, AT_FDCWD, a[0], AT_FDCWD, "/nonexistent", 0), "move_mount");
}
static int
k_mount_setattr(char **a)
{
	struct mount_attr attr = {.attr_clr = 0};
	return probe_reached(syscall(SYS_mount_setattr, AT_FDCWD, a[0], AT_RECURSIVE, &attr, sizeof(attr)), "mount_setattr");
}
static int
k_fspick(char **a)
{
	return probe_reached(syscall(SYS_fspick, AT_FDCWD, a[0], 0), "fspick");
}
static int
k_pivot_root(char **a)
{
	(void)a;
	return probe_reached(syscall(SYS_pivot_root, ".", "."), "pivot_root");
}
static int
k_chroot(char **a)
{
	return probe_rc(syscall(SYS_chroot, a[0]), "chroot");
}
static int
k_listmount(char **a)
{
	(void)a;
	struct {
		uint32_t size, spare;
		uint64_t mnt_id, param, ns;
	} req = {.size = 24, .mnt_id = UINT64_MAX};
	uint64_t ids[64];
	return probe_rc(syscall(458, &req, ids, 64, 0), "listmount");
}

/* --- whole machines of their own ------------------------------------------------------------------------------------------- */

static int
k_io_uring(char **a)
{
	(void)a;
	struct io_uring_params p = {0};
	return probe_rc(syscall(SYS_io_uring_setup, 4, &p), "io_uring_setup");
}
static int
k_io_uring_enter(char **a)
{
	(void)a;
	return probe_reached(syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0), "io_uring_enter");
}
static int
k_io_uring_register(char **a)
{
	(void)a;
	return probe_reached(syscall(SYS_io_uring_register, -1, 0, NULL, 0), "io_uring_register");
}
static int
k_aio(char **a)
{
	(void)a;
	unsigned long ctx = 0;
	return probe_rc(syscall(SYS_io_setup, 4, &ctx), "io_setup");
}
static int
k_userfaultfd(char **a)
{
	(void)a;
	return probe_rc(syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd");
}
static int
k_userfaultfd_user(char **a)
{
	(void)a;
	return probe_rc(syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY), "userfaultfd, user mode only");
}
static int
k_bpf(char **a)
{
	(void)a;
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	return probe_rc(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)), "bpf");
}
static int
k_perf(char **a)
{
	(void)a;
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
	    .size = sizeof(attr),
	    .config = PERF_COUNT_SW_CPU_CLOCK,
	    .exclude_kernel = 1,
	    .exclude_hv = 1};
	return probe_rc(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0), "perf_event_open");
}
static int
k_memfd_secret(char **a)
{
	(void)a;
	return probe_rc(syscall(447, 0), "memfd_secret");
}
static int
k_fanotify(char **a)
{
	(void)a;
	return probe_rc(syscall(SYS_fanotify_init, 0x200, O_RDONLY), "fanotify_init");
}
static int
k_name_to_handle(char **a)
{
	struct {
		struct file_handle h;
		unsigned char room[128];
	} f = {.h.handle_bytes = 128};
	int mount = 0;
	return probe_rc(name_to_handle_at(AT_FDCWD, a[0], &f.h, &mount, 0), "name_to_handle_at");
}
static int
k_open_by_handle(char **a)
{
	struct {
		struct file_handle h;
		unsigned char room[128];
	} f = {.h.handle_bytes = 128};
	int mount = 0, dir = open(".", O_RDONLY | O_DIRECTORY);
	/* Without name_to_handle_at the handle is guessed. */
	if (name_to_handle_at(AT_FDCWD, a[0], &f.h, &mount, 0) < 0)
		f.h = (struct file_handle){.handle_bytes = 8, .handle_type = 1};
	return probe_reached(open_by_handle_at(dir, &f.h, O_RDONLY), "open_by_handle_at");
}

/* --- keys ------------------------------------------------------------------------------------------------------------------ */

static int
k_add_key(char **a)
{
	(void)a;
	return probe_rc(syscall(SYS_add_key, "user", "probe", "x", 1, KEY_SPEC_SESSION_KEYRING), "add_key");
}
static int
k_add_key_user(char **a)
{
	(void)a;
	return probe_rc(syscall(SYS_add_key, "user", "probe", "x", 1, KEY_SPEC_USER_KEYRING), "add_key to the user's keyring");
}
static int
k_request_key(char **a)
{
	(void)a;
	return probe_reached(syscall(SYS_request_key, "user", "probe-none", NULL, 0), "request_key");
}
static int
k_keyctl(char **a)
{
	(void)a;
	return probe_reached(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0), "keyctl");
}
/* The secret that a host process put into the user's keyring. */
static int
k_key_read(char **a)
{
	char buf[256] = "";
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", a[0], 0);
	if (key < 0)
		return probe_rc(key, "keyctl KEYCTL_SEARCH");
	return probe_rc(syscall(SYS_keyctl, KEYCTL_READ, key, buf, sizeof(buf)), "keyctl KEYCTL_READ");
}

/* --- administration -------------------------------------------------------------------------------------------------------- */

#define REACH(fn, call, ...)                                        \
	static int fn(char **a)                                     \
	{                                                           \
		(void)a;                                            \
		return probe_reached(syscall(__VA_ARGS__), call);   \
	}
REACH(k_swapon, "swapon", SYS_swapon, "/nonexistent", 0)
REACH(k_swapoff, "swapoff", SYS_swapoff, "/nonexistent")
REACH(k_reboot, "reboot", SYS_reboot, 0, 0, 0, NULL)
REACH(k_kexec, "kexec_load", SYS_kexec_load, 0, 1000, NULL, 0)
REACH(k_kexec_file, "kexec_file_load", SYS_kexec_file_load, -1, -1, 0, NULL, 0)
REACH(k_init_module, "init_module", SYS_init_module, NULL, 0, "")
REACH(k_finit_module, "finit_module", SYS_finit_module, -1, "", 0)
REACH(k_delete_module, "delete_module", SYS_delete_module, "nonexistent", O_NONBLOCK)
REACH(k_acct, "acct", SYS_acct, "/nonexistent")
REACH(k_syslog, "syslog", SYS_syslog, 9, NULL, 0)
REACH(k_quotactl, "quotactl", SYS_quotactl, 0, NULL, 0, NULL)
REACH(k_sethostname, "sethostname", SYS_sethostname, NULL, -1L)
REACH(k_setdomainname, "setdomainname", SYS_setdomainname, NULL, -1L)
REACH(k_settimeofday, "settimeofday", SYS_settimeofday, NULL, NULL)
REACH(k_clock_settime, "clock_settime", SYS_clock_settime, 0, &(struct timespec){.tv_nsec = -1})
REACH(k_iopl, "iopl", SYS_iopl, 3)
REACH(k_ioperm, "ioperm", SYS_ioperm, 0x80, 1, 1)
REACH(k_vhangup, "vhangup", SYS_vhangup, 1, 2, 3)
REACH(k_move_pages, "move_pages", SYS_move_pages, 0, 0UL, NULL, NULL, NULL, 0)
REACH(k_migrate_pages, "migrate_pages", SYS_migrate_pages, 0, 0UL, NULL, NULL)
REACH(k_mbind, "mbind", SYS_mbind, NULL, 0UL, 0, NULL, 0UL, 0)
REACH(k_set_mempolicy, "set_mempolicy", SYS_set_mempolicy, 0, NULL, 0UL)
REACH(k_lookup_dcookie, "lookup_dcookie", SYS_lookup_dcookie, 0UL, NULL, 0UL)
REACH(k_process_madvise, "process_madvise", SYS_process_madvise, -1, NULL, 0UL, 0, 0)
REACH(k_kcmp, "kcmp", SYS_kcmp, getpid(), getppid(), 1, 0, 0)
REACH(k_get_robust_list, "get_robust_list of init", SYS_get_robust_list, getppid(), &(void *){NULL}, &(size_t){0})
REACH(k_uselib, "uselib", SYS_uselib, "/nonexistent")
REACH(k_sysfs, "sysfs", SYS_sysfs, 3)
REACH(k_ustat, "ustat", SYS_ustat, 0, NULL)
REACH(k_modify_ldt, "modify_ldt", SYS_modify_ldt, 0, &(char[64]){0}, 64)
REACH(k_lsm_set, "lsm_set_self_attr", 460, 0, NULL, 0, 0)
REACH(k_nfsservctl, "nfsservctl", SYS_nfsservctl, 0)

static int
k_setuid(char **a)
{
	(void)a;
	return probe_rc(syscall(SYS_setuid, 12345), "setuid to another");
}
static int
k_setgroups(char **a)
{
	(void)a;
	return probe_rc(syscall(SYS_setgroups, 0, NULL), "setgroups");
}
static int
k_personality(char **a)
{
	(void)a;
	if (syscall(SYS_personality, ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC) < 0)
		return probe_rc(-1, "personality");
	return (personality(0xffffffff) & READ_IMPLIES_EXEC) != 0 ? PROBE_DONE : probe_refused("it did not take");
}
static int
k_x32(char **a)
{
	(void)a;
	return probe_rc(syscall(0x40000000 + SYS_getpid), "x32 getpid");
}
static int
k_x32_open(char **a)
{
	return probe_rc(syscall(0x40000000 + SYS_open, a[0], O_RDONLY), "x32 open");
}
static int
k_int80(char **a)
{
	(void)a;
#if defined(__x86_64__)
	long rc;
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory", "r8", "r9", "r10", "r11"); /* getpid */
	return rc > 0 ? PROBE_DONE : probe_refused("int 0x80 answers %ld", rc);
#else
	return probe_cant("not this architecture");
#endif
}
/* A filter that asks for a listener of its own: a second one of the same tree would starve the gate (EBUSY). */
static int
k_listener(char **a)
{
	(void)a;
	struct sock_filter insn[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog prog = {1, insn};
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return probe_rc(
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog), "seccomp NEW_LISTENER");
}
/* A filter of the attacker's own must not answer for the gate: RET_ALLOW, RET_ERRNO and RET_TRACE of a later filter don't win over
 * RET_USER_NOTIF when they are weaker, but RET_ERRNO does; then the call just fails. TRACE with an own tracer would skip it. */
static int
k_filter_over(char **a)
{
	struct sock_filter insn[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)};
	struct sock_fprog prog = {1, insn};
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0 || raise(SIGSTOP) != 0)
			_exit(1);
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
			_exit(1);
		int fd = open(a[0], O_WRONLY | O_CREAT, 0755);
		_exit(fd >= 0 && write(fd, PROBE_MARK, strlen(PROBE_MARK)) > 0 ? 0 : 1);
	}
	int status = 0;
	(void)waitpid(pid, &status, 0);
	(void)ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
	for (long sig = 0; !WIFEXITED(status) && !WIFSIGNALED(status); sig = 0) {
		if (ptrace(PTRACE_CONT, pid, 0, sig) < 0 || waitpid(pid, &status, 0) < 0)
			break;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? PROBE_DONE : probe_refused("the traced child could not write");
}
static int
k_write_file(char **a)
{
	int fd = open(a[0], O_WRONLY);
	return fd < 0 ? probe_rc(fd, a[0]) : PROBE_DONE;
}
static int
k_new_privs(char **a)
{
	(void)a;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ? PROBE_DONE : probe_refused("no_new_privs is set");
}
static int
k_capabilities(char **a)
{
	(void)a;
	for (int cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			return PROBE_DONE;
	}
	return probe_refused("no capability in the bounding or ambient set");
}
/* Effective or permitted: from /proc, where no library interprets it. */
static int
k_capabilities_now(char **a)
{
	(void)a;
	char buf[8192] = "";
	int fd = open("/proc/self/status", O_RDONLY);
	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0)
		return probe_cant("no /proc");
	for (const char *p = strstr(buf, "CapInh:"); p != NULL && strncmp(p, "CapBnd", 6) != 0; p = strstr(p + 1, "Cap")) {
		if (strtoull(p + 7, NULL, 16) != 0)
			return PROBE_DONE;
	}
	return probe_refused("none effective, permitted or inheritable");
}
static int
k_dumpable_core(char **a)
{
	(void)a;
	struct rlimit rl;
	return getrlimit(RLIMIT_CORE, &rl) == 0 && rl.rlim_max > 0 ? PROBE_DONE : probe_refused("core files are off for good");
}

#define K(name, args, n, fn) {"kernel-" name, "20", args, n, fn}
const struct probe kernel_probes[] = {
    K("unshare", "NS", 1, k_unshare), K("clone", "NS", 1, k_clone), K("clone-hi", "NS", 1, k_clone_hi),
    K("clone3", "NS", 1, k_clone3), K("setns", "NS PID", 2, k_setns), K("setns-pidfd", "NS", 1, k_setns_pidfd),
    K("nested", "", 0, k_nested), K("mount", "DIR", 1, k_mount), K("bind", "DIR DIR", 2, k_bind), K("remount", "DIR", 1, k_remount),
    K("umount", "DIR", 1, k_umount), K("fsopen", "FSTYPE", 1, k_fsopen), K("open-tree", "DIR", 1, k_open_tree),
    K("open-tree-plain", "DIR", 1, k_open_tree_plain), K("open-tree-attr", "DIR", 1, k_open_tree_attr),
    K("move-mount", "DIR", 1, k_move_mount), K("mount-setattr", "DIR", 1, k_mount_setattr), K("fspick", "DIR", 1, k_fspick),
    K("pivot-root", "", 0, k_pivot_root), K("chroot", "DIR", 1, k_chroot), K("listmount", "", 0, k_listmount),
    K("io-uring", "", 0, k_io_uring), K("io-uring-enter", "", 0, k_io_uring_enter),
    K("io-uring-register", "", 0, k_io_uring_register), K("aio", "", 0, k_aio), K("userfaultfd", "", 0, k_userfaultfd),
    K("userfaultfd-user", "", 0, k_userfaultfd_user), K("bpf", "", 0, k_bpf), K("perf", "", 0, k_perf),
    K("memfd-secret", "", 0, k_memfd_secret), K("fanotify", "", 0, k_fanotify), K("name-to-handle", "PATH", 1, k_name_to_handle),
    K("open-by-handle", "PATH", 1, k_open_by_handle), K("add-key", "", 0, k_add_key), K("add-key-user", "", 0, k_add_key_user),
    K("request-key", "", 0, k_request_key), K("keyctl", "", 0, k_keyctl), K("key-read", "NAME", 1, k_key_read),
    K("swapon", "", 0, k_swapon), K("swapoff", "", 0, k_swapoff), K("reboot", "", 0, k_reboot), K("kexec", "", 0, k_kexec),
    K("kexec-file", "", 0, k_kexec_file), K("init-module", "", 0, k_init_module), K("finit-module", "", 0, k_finit_module),
    K("delete-module", "", 0, k_delete_module), K("acct", "", 0, k_acct), K("syslog", "", 0, k_syslog),
    K("quotactl", "", 0, k_quotactl), K("sethostname", "", 0, k_sethostname), K("setdomainname", "", 0, k_setdomainname),
    K("settimeofday", "", 0, k_settimeofday), K("clock-settime", "", 0, k_clock_settime), K("iopl", "", 0, k_iopl),
    K("ioperm", "", 0, k_ioperm), K("vhangup", "", 0, k_vhangup), K("move-pages", "", 0, k_move_pages),
    K("migrate-pages", "", 0, k_migrate_pages), K("mbind", "", 0, k_mbind), K("set-mempolicy", "", 0, k_set_mempolicy),
    K("lookup-dcookie", "", 0, k_lookup_dcookie), K("process-madvise", "", 0, k_process_madvise), K("kcmp", "", 0, k_kcmp),
    K("robust-list", "", 0, k_get_robust_list), K("uselib", "", 0, k_uselib), K("sysfs", "", 0, k_sysfs), K("ustat", "", 0, k_ustat),
    K("modify-ldt", "", 0, k_modify_ldt), K("lsm-set-self-attr", "", 0, k_lsm_set), K("nfsservctl", "", 0, k_nfsservctl),
    K("setuid", "", 0, k_setuid), K("setgroups", "", 0, k_setgroups), K("personality", "", 0, k_personality), K("x32", "", 0, k_x32),
    K("x32-open", "PATH", 1, k_x32_open), K("int80", "", 0, k_int80), K("listener", "", 0, k_listener),
    K("filter-over", "TARGET", 1, k_filter_over), K("write-file", "PATH", 1, k_write_file), K("new-privs", "", 0, k_new_privs),
    K("capabilities", "", 0, k_capabilities), K("capabilities-now", "", 0, k_capabilities_now), K("core", "", 0, k_dumpable_core),
    {NULL, NULL, NULL, 0, NULL},
};
