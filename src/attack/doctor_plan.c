/* What `brattice doctor --attack` tries. None of it harms the machine where the wall fails: what is read, written, signalled and
 * connected to is made for it; calls that administer are made with arguments that the kernel refuses by itself (probe_reached). */
#include "doctor.h"

const struct group doctor_groups[] = {
    {"secrets", "1, 2", "reading secrets of the home and other projects, by any road"},
    {"hidden", "1, 2", "reading the project's hidden files"},
    {"inherited", "1", "descriptors and environment of the caller"},
    {"outside", "2, 3", "writing outside the project"},
    {"guarded", "4", "guarded names: git hooks and configuration, .envrc, settings; races"},
    {"left", "5", "setuid files and devices left for the host"},
    {"exhaustion", "6, 21", "taking the gate and the limits away"},
    {"services", "18", "services of the host: sockets, abstract sockets, loopback"},
    {"processes", "19", "other processes: signals, tracing, memory, /proc"},
    {"ipc", "19", "System V and POSIX IPC, keyrings"},
    {"terminal", "19", "the user's terminal"},
    {"namespaces", "20", "new and foreign namespaces"},
    {"mounts", "20", "mounts, old calls and new, chroot"},
    {"kernel", "20", "io_uring, bpf, perf, userfaultfd, foreign call tables and their kind"},
    {"families", "20", "socket families: vsock, packet, alg, netlink, raw and others"},
    {"administration", "20", "core_pattern, sysrq, devices, modules, clocks, names"},
    {"privileges", "20", "capabilities and setuid programs"},
    {"outliving", "22", "processes that outlive the session, or brattice itself"},
    {"brattice", "23", "brattice's own processes, files and sockets; a policy that nobody trusted"},
    {"next", "28", "poisoning the next session"},
    {"host", "29", "files the host saves, sockets it binds while the session runs"},
};
const size_t doctor_ngroups = BR_ARRAY_LEN(doctor_groups);

#define A(group, line)                  {group, line, NULL, NULL, PHASE_MAIN, 0}
#define X(group, line, flags)           {group, line, NULL, NULL, PHASE_MAIN, flags}
#define W(group, line, target)          {group, line, target, NULL, PHASE_MAIN, 0}
#define ON(phase, group, line, seen, f) {group, line, NULL, seen, phase, f}

#define READ(way, file) A("secrets", "read-" way " " file " %S")
#define OUT(way, name)  W("outside", "write-" way " %O/" name, "%O/" name)
#define GUARD(way, name) W("guarded", "write-" way " " name, "%P/" name)
#define SETTING(file)   A("administration", "kernel-write-file " file)
#define KEY             "%H/.ssh/id_ed25519"

const struct attack doctor_attacks[] = {
    /* First: the numbers of the session's own processes are still far from those of the host's. */
    A("processes", "process-kill %V 0"), A("processes", "process-kill %V 23"), A("processes", "process-tgkill %V 23"),
    A("processes", "process-pidfd-signal %V 23"), A("processes", "process-attach %V"), A("processes", "process-vm-read %V %A"),
    A("processes", "process-vm-write %V %A"), A("processes", "process-mem-read %V %A"), A("processes", "process-mem-write %V %A"),
    A("processes", "process-proc-read %V environ"), A("processes", "process-proc-read %V maps"),
    A("processes", "process-proc-write %V oom_score_adj 500"), A("processes", "process-getfd %V"), A("processes", "process-prlimit %V"),
    A("processes", "process-priority %V"), A("processes", "process-see %C"), A("processes", "proc-file environ %E"),
    A("processes", "process-vm-write sibling"), A("processes", "process-mem-write sibling"), A("processes", "process-attach sibling"),
    A("processes", "process-getfd sibling"),

    READ("open", KEY), READ("openat2", KEY), READ("create", KEY), READ("dirfd-create", KEY), READ("self-root", KEY), READ("init-root", KEY),
    READ("any-proc", KEY), READ("dotdot", KEY), READ("symlink", KEY), READ("symlink-dir", KEY), READ("hardlink", KEY),
    READ("rename-in", KEY), READ("opath", KEY), READ("mmap", KEY), READ("chdir", KEY), READ("by-handle", KEY), READ("guessed-handle", KEY),
    READ("open", "%H/.aws/credentials"), READ("open", "%P-evil/secret"), READ("open", "%P/../project-evil/secret"),
    READ("double-slash", "%P-evil/secret"), READ("open", "planted-link"), A("secrets", "read-symlink-race " KEY " %S 1"),
    A("secrets", "see-stat " KEY), A("secrets", "see-inotify " KEY), A("secrets", "see-list %H project-evil"),

    A("hidden", "read-open .env %S"), A("hidden", "read-openat2 .env %S"), A("hidden", "read-create %P/.env %S"), A("hidden", "read-mmap .env %S"),
    A("hidden", "read-hardlink .env %S"), A("hidden", "read-rename-in .env %S"), A("hidden", "read-opath .env %S"), A("hidden", "read-self-root %P/.env %S"),
    A("hidden", "read-open sub/.env %S"),

    A("inherited", "inherited-fd %S"), A("inherited", "environment %S"),

    OUT("open", "file"), OUT("open-trunc", "file"), OUT("open-create", "new"), OUT("openat-excl", "new"), OUT("openat-hi", "new"),
    OUT("openat2", "new"), OUT("creat", "new"), OUT("self-root", "file"), OUT("symlink-file", "file"), OUT("symlink-dir", "new"), OUT("chdir", "new"),
    OUT("truncate", "file"), OUT("rename", "file"), OUT("exchange", "file"), OUT("rename-away", "file"), OUT("link", "new"), OUT("link-out", "file"),
    OUT("tmpfile", "new"), OUT("symlink", "new"), OUT("mkdir", "new"), OUT("mknod", "new"), OUT("bind", "new"), OUT("unlink", "file"),
    W("outside", "meta-chmod %O/file", "%O/file"), W("outside", "meta-fchmodat2 %O/file", "%O/file"), W("outside", "meta-utimensat %O/file", "%O/file"),
    W("outside", "write-open-create %H/new", "%H/new"), W("outside", "write-open-create %P-evil/new", "%P-evil/new"),
    A("outside", "meta-lease %O/file"), {"outside", "write-open-create /tmp/%C", "/tmp/%C", NULL, PHASE_MAIN, NO_CONTROL},

    GUARD("open-create", ".git/hooks/pre-commit"), GUARD("openat-hi", ".git/hooks/pre-commit"), GUARD("openat2", ".git/hooks/pre-commit"),
    GUARD("self-fd-dir", ".git/hooks/pre-commit"), GUARD("rename", ".git/hooks/pre-commit"), GUARD("link", ".git/hooks/pre-commit"),
    GUARD("symlink", ".git/hooks/pre-commit"), GUARD("tmpfile", ".git/hooks/pre-commit"), GUARD("rename-parent", ".git/hooks/pre-commit"),
    GUARD("exchange-parent", ".git/hooks/pre-commit"), GUARD("symlink-parent", ".git/hooks/pre-commit"),
    GUARD("staged-parent", ".git/hooks/pre-commit"), GUARD("open", ".git/config"), GUARD("open-trunc", ".git/config"), GUARD("exchange", ".git/config"),
    GUARD("mmap", ".git/config"), GUARD("rename-away", ".git/config"), GUARD("fd-reopen", ".git/config"), GUARD("ro-reopen", ".git/config"),
    A("guarded", "config-rename .git"), A("guarded", "config-exchange .git"), A("guarded", "config-held-fd .git"), A("guarded", "config-held-map .git"),
    A("guarded", "config-symlink .git"), GUARD("open-create", ".envrc"), GUARD("creat", ".envrc"), GUARD("symlink-file", ".envrc"), GUARD("mkdir", ".envrc"),
    GUARD("rename-dirfd", ".envrc"), GUARD("mknod", ".envrc"), GUARD("open-create", "sub/.envrc"), GUARD("parents", ".vscode/tasks.json"),
    GUARD("staged-parent", ".vscode/tasks.json"), GUARD("parents", ".claude/settings.json"), GUARD("open-create", ".npmrc"),
    GUARD("open-create", "brattice.yaml"), W("guarded", "late-dirfd fresh", "%P/fresh/.git/hooks/pre-commit"),
    W("guarded", "late-cwd fresher", "%P/fresher/.git/hooks/pre-commit"), W("guarded", "kernel-filter-over .git/hooks/pre-commit", "%P/.git/hooks/pre-commit"),
    W("guarded", "race-memory-open .git/hooks/pre-commit 1", "%P/.git/hooks/pre-commit"), W("guarded", "race-symlink .git/hooks/pre-commit 1", "%P/.git/hooks/pre-commit"),

    A("left", "leave-setuid left-1"), A("left", "leave-setuid-open left-2"), A("left", "leave-setuid-mknod left-3"), A("left", "leave-setuid-fchmodat2 left-4"),
    X("left", "leave-filecap left-5", NO_CONTROL_ROOT), X("left", "write-mknod-char left-6", NO_CONTROL_ROOT),
    X("left", "write-mknod-block left-7", NO_CONTROL_ROOT),

    X("exhaustion", "limit-nproc-raise", 0), X("exhaustion", "gate-fifo after-fifo", NO_CONTROL), X("exhaustion", "config-huge .git", NO_CONTROL),

    A("services", "unix-connect %D %S"), A("services", "unix-symlink %D %S"), A("services", "unix-hardlink %D %S"), A("services", "unix-rename %D %S"),
    A("services", "unix-fd %D %S"), A("services", "unix-dgram %U"), A("services", "unix-sendto %U"), A("services", "unix-sendmsg %U"),
    A("services", "unix-pair %U"), A("services", "recv-fd %D %S"), A("services", "unix-connect %G %S"), A("services", "unix-abstract %B %S"),
    A("services", "tcp 127.0.0.1 %T %S"), A("services", "tcp 0.0.0.0 %T %S"), A("services", "tcp-fastopen 127.0.0.1 %T %S"),
    A("services", "tcp-mptcp 127.0.0.1 %T %S"), A("services", "udp 127.0.0.1 %T %S"),

    A("ipc", "ipc-shm %K %S"), A("ipc", "ipc-msg %K"), A("ipc", "ipc-sem %K"), A("ipc", "ipc-mq %Q"), A("ipc", "kernel-key-read %Y"),
    X("ipc", "kernel-add-key", NO_CONTROL), A("ipc", "kernel-request-key"), A("ipc", "kernel-keyctl"),

    A("namespaces", "kernel-unshare user"), A("namespaces", "kernel-unshare mnt"), A("namespaces", "kernel-unshare pid"),
    A("namespaces", "kernel-unshare net"), A("namespaces", "kernel-clone user"), A("namespaces", "kernel-clone-hi user"),
    A("namespaces", "kernel-clone3 user"), A("namespaces", "kernel-clone3 net"), A("namespaces", "kernel-nested"), A("namespaces", "kernel-setns mnt 1"),
    A("namespaces", "kernel-setns net 1"), A("namespaces", "kernel-setns user self"), A("namespaces", "kernel-setns-pidfd mnt"),
    A("namespaces", "kernel-setns-pidfd net"),

    A("mounts", "kernel-mount sub"), A("mounts", "kernel-bind . sub"), A("mounts", "kernel-umount sub"), A("mounts", "kernel-fsopen tmpfs"),
    A("mounts", "kernel-fsopen proc"), A("mounts", "kernel-open-tree ."), A("mounts", "kernel-open-tree-attr ."), A("mounts", "kernel-move-mount ."),
    A("mounts", "kernel-mount-setattr ."), A("mounts", "kernel-fspick /"), A("mounts", "kernel-pivot-root"), A("mounts", "kernel-chroot sub"),

    A("kernel", "kernel-io-uring"), A("kernel", "kernel-io-uring-enter"), A("kernel", "kernel-io-uring-register"), A("kernel", "kernel-userfaultfd"),
    A("kernel", "kernel-userfaultfd-user"), A("kernel", "kernel-bpf"), A("kernel", "kernel-perf"), A("kernel", "kernel-memfd-secret"),
    A("kernel", "kernel-fanotify"), A("kernel", "kernel-name-to-handle sub"), A("kernel", "kernel-open-by-handle sub"), A("kernel", "kernel-personality"),
    A("kernel", "kernel-modify-ldt"), A("kernel", "kernel-x32"), A("kernel", "kernel-int80"), A("kernel", "kernel-move-pages"), A("kernel", "kernel-uselib"),
    A("kernel", "kernel-listener"),

    /* vsock, alg and the like: to ask for one outside may load a module that stays. */
    A("families", "socket 17 3 768"), A("families", "socket 17 2 768"), A("families", "socket-hi 17 3 768"), A("families", "socket 16 3 4"),
    A("families", "socket 16 3 9"), A("families", "socket 16 3 15"), A("families", "socket 2 3 255"), A("families", "socket 2 3 1"), A("families", "socket 10 3 58"),
    X("families", "socket 40 1 0", NO_CONTROL), X("families", "socket-hi 40 1 0", NO_CONTROL), X("families", "socketpair 40", NO_CONTROL),
    X("families", "socket 38 5 0", NO_CONTROL), X("families", "socket 31 3 1", NO_CONTROL), X("families", "socket 29 3 1", NO_CONTROL),
    X("families", "socket 21 5 0", NO_CONTROL), X("families", "socket 30 1 0", NO_CONTROL), X("families", "socket 41 2 0", NO_CONTROL),
    X("families", "socket 44 3 0", NO_CONTROL), X("families", "socket 2 1 132", NO_CONTROL),

    /* Opened for writing, not written. */
    SETTING("/proc/sys/kernel/core_pattern"), SETTING("/proc/sys/kernel/modprobe"), SETTING("/proc/sysrq-trigger"), SETTING("/proc/sys/vm/drop_caches"),
    SETTING("/sys/kernel/uevent_helper"), SETTING("/sys/power/state"), SETTING("/sys/fs/cgroup/cgroup.procs"), SETTING("/proc/1/oom_score_adj"),
    SETTING("/proc/kcore"), SETTING("/dev/mem"), SETTING("/dev/kmsg"), SETTING("/dev/port"), A("administration", "kernel-swapon"),
    A("administration", "kernel-reboot"), A("administration", "kernel-kexec"), A("administration", "kernel-init-module"), A("administration", "kernel-finit-module"),
    A("administration", "kernel-delete-module"), A("administration", "kernel-syslog"), A("administration", "kernel-sethostname"),
    A("administration", "kernel-clock-settime"), A("administration", "kernel-iopl"), A("administration", "kernel-quotactl"),

    A("privileges", "kernel-new-privs"), A("privileges", "kernel-capabilities"), A("privileges", "kernel-capabilities-now"), A("privileges", "kernel-setuid"),
    A("privileges", "kernel-setgroups"),

    /* Outside pid 1 is the machine's. */
    X("brattice", "process-attach 1", NO_CONTROL), X("brattice", "process-vm-read 1", NO_CONTROL), X("brattice", "process-mem-read 1", NO_CONTROL),
    X("brattice", "process-proc-read 1 environ", NO_CONTROL), X("brattice", "process-getfd 1", NO_CONTROL), A("brattice", "process-attach parent"),
    A("brattice", "see-list %R brattice"), W("brattice", "write-open-create %W/state/trust", "%W/state/trust"),
    W("brattice", "write-mkdir %W/state/policy-planted", "%W/state/policy-planted"), W("brattice", "write-open-create %R/planted", "%R/planted"),
    ON(PHASE_POLICY, "brattice", "read-open " KEY " %S", NULL, 0),

    {"next", "write-open-create %H/.bashrc", "%H/.bashrc", NULL, PHASE_MAIN, KEEP},
    {"next", "write-open-create %H/.zshenv", "%H/.zshenv", NULL, PHASE_MAIN, KEEP},
    ON(PHASE_NEXT, "next", "read-open %H/.bashrc probe", NULL, 0), ON(PHASE_NEXT, "next", "read-open %H/.zshenv probe", NULL, 0),
    ON(PHASE_NEXT, "next", "read-open /tmp/%C probe", NULL, NO_CONTROL),

    X("host", "read-open .env %S", HOST_SAVES), X("host", "unix-connect late.sock %S", HOST_BINDS), X("host", "unix-symlink late.sock %S", 0),

    X("outliving", "process-linger daemon %L %C-daemon", OUTLIVES), X("outliving", "process-linger stopped %L %C-stopped", OUTLIVES),
    X("outliving", "process-linger vfork %L %C-vfork", OUTLIVES), X("outliving", "process-linger traced %L %C-traced", OUTLIVES),
    ON(PHASE_KILLED, "outliving", "process-linger daemon %L %C-killed", NULL, OUTLIVES),

    ON(PHASE_TERMINAL, "terminal", "terminal-sti", "pushed", 0), ON(PHASE_TERMINAL, "terminal", "terminal-sti-hi", "pushed", 0),
    ON(PHASE_TERMINAL, "terminal", "terminal-linux", NULL, 0), ON(PHASE_TERMINAL, "terminal", "terminal-linux-hi", NULL, 0),
    ON(PHASE_TERMINAL, "terminal", "terminal-noecho", "echo=0", 0), ON(PHASE_TERMINAL, "terminal", "terminal-escapes", "]52;", 0),
};
const size_t doctor_nattacks = BR_ARRAY_LEN(doctor_attacks);
