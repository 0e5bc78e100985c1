#!/usr/bin/env bats
# Writing outside, metadata, and what may be left for the host: docs/threat-model.md classes 3 and 5.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() { project_reset; }
teardown() { stop_hosts; }

write_ways() {
	"$P/probe" --list | awk '$2 ~ /^write-/ && $2 !~ /mknod-(char|block)/ { print $2 }'
}

# The state of the targets is compared, and they are made anew for each way outside.
outside_targets() {
	rm -rf "$H/outside"
	mkdir -p "$H/outside/dir"
	echo "outside $CANARY" > "$H/outside/file"
	echo "outside $CANARY" > "$H/outside/dir/file"
	give
}

# bats test_tags=root
@test "files outside, by every call that changes a file" {
	local w t bad=0
	for w in $(write_ways); do
		for t in file new dir/file dir/new; do printf '%s\t%s\n' "$w" "$H/outside/$t"; done
	done > "$W/log/list"
	outside_targets
	state_of "$H"/outside{,/file,/new,/dir,/dir/file,/dir/new} > "$W/log/before"
	inside ./probe --batch < "$W/log/list" > "$W/log/inside" 2>&1 || true
	state_of "$H"/outside{,/file,/new,/dir,/dir/file,/dir/new} > "$W/log/after"
	diff "$W/log/before" "$W/log/after"
	# Each of the ways works outside on a file or on a new name.
	for w in $(write_ways); do
		for t in file new dir/file dir/new; do
			outside_targets
			me ./probe "$w" "$H/outside/$t" > "$W/log/one" 2>&1 && continue 2
		done
		case $w in
			write-mprotect | write-empty-path | write-mkdir-slash | write-rmdir | write-rename-dir-over | write-staged-*) ;;
			*) echo "no control: $w: $(cat "$W/log/one")" && bad=1 ;;
		esac
	done
	[ "$bad" -eq 0 ]
	# A home that is private may be written; the host's is another.
	! grep -q 'NO ANSWER' "$W/log/inside"
	[ "$(grep -c '^=' "$W/log/inside")" -eq "$(wc -l < "$W/log/list")" ]
}

@test "system files and directories" {
	local t
	for t in /etc/passwd /etc/probe-new /usr/bin/true /usr/bin/probe-new /usr/local/bin/probe-new /lib/probe-new /bin/sh /var/tmp/probe-new /root/probe-new \
		/probe-new /home/probe-new /srv/probe-new /opt/probe-new /boot/probe-new /sys/probe-new /proc/probe-new; do
		for w in write-open write-openat write-creat write-mkdir write-symlink write-rename write-link write-mknod write-unlink; do
			printf '%s\t%s\n' "$w" "$t"
		done
	done > "$W/log/list"
	state_of /etc/passwd /usr/bin/true /bin/sh > "$W/log/before"
	inside ./probe --batch < "$W/log/list" > "$W/log/inside" 2>&1 || true
	state_of /etc/passwd /usr/bin/true /bin/sh > "$W/log/after"
	diff "$W/log/before" "$W/log/after"
	for t in /etc /usr/bin /usr/local/bin /lib /var/tmp /root / /home /srv /opt /boot; do [ ! -e "$t/probe-new" ]; done
	# /usr, /etc, /lib and /bin are the host's own files: no call on them may even claim success.
	run grep -E $'^=0\t[^\t]*\t/(etc|usr|lib|bin|sys|proc|boot)/' "$W/log/inside"
	[ "$status" -ne 0 ]
}

@test "kernel settings in /proc and /sys" {
	local f
	for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/sys/vm/drop_caches /sys/kernel/uevent_helper /sys/power/state \
		/proc/sys/kernel/modprobe /sys/fs/cgroup/cgroup.procs /sys/kernel/mm/transparent_hugepage/enabled /proc/sys/net/ipv4/ip_forward \
		/proc/sys/fs/binfmt_misc/register /proc/self/oom_score_adj_x /proc/1/oom_score_adj /proc/1/mem /proc/kcore /dev/mem /dev/kmsg /dev/port; do
		printf 'kernel-write-file\t%s\n' "$f"
	done > "$W/log/list"
	attacks "$W/log/list"
}

@test "modes, owners, times, attributes and locks of files outside" {
	local m
	outside_targets
	for m in $("$P/probe" --list | awk '$2 ~ /^meta-/ { print $2 }'); do
		printf '%s\t%s\n' "$m" "$H/outside/file"
		# Who may read a file may lock it (flock(2)): of what the sandbox shares with the host, a stated limit.
		[ "$m" = meta-flock ] || printf '%s\t%s\n' "$m" /usr/bin/env "$m" /etc/hostname
	done > "$W/log/list"
	state_of "$H/outside/file" /usr/bin/env /etc/hostname > "$W/log/before"
	stat -c '%n %Y' "$H/outside/file" /usr/bin/env /etc/hostname >> "$W/log/before"
	getfattr -d "$H/outside/file" /usr/bin/env /etc/hostname >> "$W/log/before" 2>&1 || true
	inside ./probe --batch < "$W/log/list" > "$W/log/inside" 2>&1 || true
	state_of "$H/outside/file" /usr/bin/env /etc/hostname > "$W/log/after"
	stat -c '%n %Y' "$H/outside/file" /usr/bin/env /etc/hostname >> "$W/log/after"
	getfattr -d "$H/outside/file" /usr/bin/env /etc/hostname >> "$W/log/after" 2>&1 || true
	diff "$W/log/before" "$W/log/after"
	# Locks and leases leave no trace in the file: there the call itself must fail.
	run grep -E $'^=0\t' "$W/log/inside"
	echo "$output"
	[ "$status" -ne 0 ]
	[ "$(grep -c '^=1' "$W/log/inside")" -eq "$(wc -l < "$W/log/list")" ]
	for m in meta-chmod meta-fchmodat2 meta-utimensat meta-chown meta-lease; do
		run me ./probe "$m" "$H/outside/file"
		[ "$status" -eq 0 ]
	done
}

@test "setuid bits, capabilities and devices left in the project" {
	printf '%s\tprobe-left-%s\n' leave-setuid 1 leave-setuid-open 2 leave-setuid-mknod 3 leave-setuid-fchmodat2 4 leave-filecap 5 write-mknod-char 6 \
		write-mknod-block 7 > "$W/log/list"
	inside ./probe --batch < "$W/log/list" > "$W/log/inside" 2>&1 || true
	find "$P" \( -perm /6000 -o -type b -o -type c \) -print > "$W/log/left"
	cat "$W/log/left"
	[ ! -s "$W/log/left" ]
	run getcap -r "$P"
	[ -z "$output" ]
	run me ./probe leave-setuid probe-left-9
	[ "$status" -eq 0 ]
}

@test "a tmp of one session is not the host's, nor another session's" {
	inside_sh 'echo x > /tmp/probe-tmp && echo x > /dev/shm/probe-shm && mkdir -p /var/tmp/probe-vartmp; true'
	[ ! -e /tmp/probe-tmp ]
	[ ! -e /dev/shm/probe-shm ]
	[ ! -e /var/tmp/probe-vartmp ]
	run inside ls /tmp/probe-tmp /dev/shm/probe-shm
	[ "$status" -ne 0 ]
}

@test "a second mount below the project and below the system is not writable by accident" {
	[ "$(id -u)" -eq 0 ] || skip "needs root to mount"
	mkdir -p "$W/mnt"
	mount -t tmpfs tmpfs "$W/mnt"
	mkdir -p "$W/mnt/d" && chmod 0777 "$W/mnt" "$W/mnt/d"
	run inside ./probe write-open-create "$W/mnt/d/f"
	umount "$W/mnt"
	[ "$status" -eq 1 ]
}

@test "a file of the tree that has a second name outside: the write doesn't get there" {
	me sh -c "mkdir -p '$H/store' node_modules && echo library > '$H/store/lib.js' && ln '$H/store/lib.js' node_modules/lib.js"
	run me ./probe write-open-append node_modules/lib.js
	[ "$status" -eq 0 ]
	[ "$(grep -c probe "$H/store/lib.js")" -eq 1 ]
	for w in $(write_ways) meta-chmod meta-fchmod meta-acl meta-setxattr; do
		me sh -c "echo library > '$H/store/lib.js' && ln -f '$H/store/lib.js' node_modules/lib.js"
		inside ./probe "$w" node_modules/lib.js > /dev/null 2>&1 || true
		[ "$(cat "$H/store/lib.js")" = library ] || { echo "OPEN: $w"; return 1; }
	done
}
