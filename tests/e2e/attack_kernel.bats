#!/usr/bin/env bats
# The kernel's surface: docs/threat-model.md class 20.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
# As root the controls run in a mount namespace of their own: they do mount and unmount.
setup() {
	project_reset
	OUTSIDE=(env)
	if [ "$BRATTICE_E2E_AS" = root ]; then OUTSIDE=(unshare --mount --propagation private); fi
}

tabs() { sed 's/ /\t/g'; }

# bats test_tags=root
@test "new namespaces, by unshare, clone and clone3" {
	for ns in user mnt pid net ipc uts cgroup time; do
		for k in unshare clone clone-hi clone3; do echo "kernel-$k $ns"; done
	done | tabs > "$W/log/list"
	echo kernel-nested >> "$W/log/list"
	attacks "$W/log/list"
}

@test "other namespaces, by setns" {
	for ns in mnt pid net ipc uts cgroup user; do
		echo "kernel-setns $ns 1"
		echo "kernel-setns $ns self"
		echo "kernel-setns-pidfd $ns"
	done | tabs > "$W/log/list"
	attacks "$W/log/list"
}

# bats test_tags=root
@test "mounts, old calls and new" {
	tabs > "$W/log/list" <<-EOF
		kernel-mount /tmp
		kernel-mount sub
		kernel-bind / sub
		kernel-bind /proc sub
		kernel-remount /
		kernel-remount /usr
		kernel-remount /tmp
		kernel-umount /tmp
		kernel-umount /usr
		kernel-umount /proc
		kernel-umount .git
		kernel-fsopen tmpfs
		kernel-fsopen overlay
		kernel-fsopen proc
		kernel-open-tree /
		kernel-open-tree .
		kernel-open-tree-attr /
		kernel-move-mount /tmp
		kernel-mount-setattr /
		kernel-mount-setattr /usr
		kernel-fspick /
		kernel-pivot-root
		kernel-chroot sub
		kernel-chroot /
	EOF
	attacks "$W/log/list"
}

@test "io_uring, userfaultfd, bpf, perf, keys and their kind" {
	tabs > "$W/log/list" <<-EOF
		kernel-io-uring
		kernel-io-uring-enter
		kernel-io-uring-register
		kernel-userfaultfd
		kernel-userfaultfd-user
		kernel-bpf
		kernel-perf
		kernel-memfd-secret
		kernel-fanotify
		kernel-name-to-handle /usr
		kernel-open-by-handle /usr
		kernel-add-key
		kernel-add-key-user
		kernel-request-key
		kernel-keyctl
		kernel-move-pages
		kernel-migrate-pages
		kernel-lookup-dcookie
		kernel-personality
		kernel-modify-ldt
		kernel-x32
		kernel-x32-open /etc/hostname
		kernel-int80
		kernel-uselib
		kernel-sysfs
		kernel-ustat
		kernel-nfsservctl
		kernel-vhangup
	EOF
	attacks "$W/log/list"
}

@test "administration: swap, reboot, modules, clocks, names, ports, accounting" {
	for k in swapon swapoff reboot kexec kexec-file init-module finit-module delete-module acct syslog quotactl sethostname setdomainname \
		settimeofday clock-settime iopl ioperm setuid setgroups; do echo "kernel-$k"; done > "$W/log/list"
	attacks "$W/log/list"
}

@test "privileges: none held, none to be gained" {
	printf 'kernel-new-privs\nkernel-capabilities\nkernel-core\n' > "$W/log/list"
	if [ "$BRATTICE_E2E_AS" != user ]; then echo kernel-capabilities-now >> "$W/log/list"; fi
	attacks "$W/log/list"
	run inside ./probe kernel-capabilities-now
	[ "$status" -eq 1 ]
}

@test "a setuid program gains nothing" {
	run inside /bin/sh -c 'for p in /usr/bin/su /usr/bin/passwd /usr/bin/mount /usr/bin/newgrp; do [ -u $p ] && $p --help > /dev/null 2>&1; done; grep NoNewPrivs /proc/self/status'
	[[ $output == *"NoNewPrivs:"*1* ]]
}

@test "a listener of its own for system calls, and a tracer that lets them through" {
	printf 'kernel-listener\nkernel-filter-over\t.git/hooks/pre-commit\n' > "$W/log/list"
	attacks "$W/log/list"
	[ ! -e "$P/.git/hooks/pre-commit" ]
}

@test "socket families without business here" {
	# family type protocol: vsock, packet, alg, netlink (but route), bluetooth, can, rds, tipc, kcm, qipcrtr, smc, xdp, nfc, ax25, x25, key, llc,
	# phonet, ieee802154, caif, raw IPv4 and IPv6, ICMP, SCTP
	tabs > "$W/log/list" <<-EOF
		socket 40 1 0
		socket 17 3 768
		socket 17 2 768
		socket 38 5 0
		socket 16 3 4
		socket 16 3 6
		socket 16 3 9
		socket 16 3 12
		socket 16 3 15
		socket 16 3 16
		socket 31 3 1
		socket 29 3 1
		socket 21 5 0
		socket 30 1 0
		socket 41 2 0
		socket 42 2 0
		socket 43 1 0
		socket 44 3 0
		socket 39 5 0
		socket 3 5 0
		socket 9 5 0
		socket 15 3 2
		socket 26 2 0
		socket 35 2 0
		socket 36 3 0
		socket 37 5 0
		socket 2 3 255
		socket 2 3 1
		socket 10 3 58
		socket 2 1 132
		socket-hi 17 3 768
		socket-hi 40 1 0
		socketpair 40
	EOF
	attacks "$W/log/list"
}

@test "no mount of the sandbox is seen on the host" {
	cp /proc/self/mountinfo "$W/log/before"
	inside_sh "grep -c . /proc/self/mountinfo > '$P/count'; cat /proc/self/mountinfo" > "$W/log/in"
	run grep -F "$(basename "$W")" /proc/self/mountinfo
	[ "$status" -ne 0 ]
	# Propagation must be private or slave without a way back.
	run grep -E ' shared:' "$W/log/in"
	[ "$status" -ne 0 ]
}
