#!/usr/bin/env bats
# Other processes, IPC of the host, and outliving the run: docs/threat-model.md classes 19 and 22.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() { project_reset; }
teardown() { stop_hosts; }

# bats test_tags=root
@test "signals, tracing and limits of a process of the host" {
	host victim "$W/log/victim"
	local pid=$HOST_PID address=$HOST_SAID sig=23
	sed 's/ /\t/g' > "$W/log/list" <<-EOF
		process-kill $pid 0
		process-kill $pid $sig
		process-tgkill $pid $sig
		process-sigqueue $pid $sig
		process-pidfd-signal $pid $sig
		process-setown $pid
		process-prlimit $pid
		process-affinity $pid
		process-priority $pid
		process-ioprio $pid
		process-scheduler $pid
		process-vm-read $pid $address
		process-vm-write $pid $address
		process-mem-read $pid $address
		process-mem-write $pid $address
		process-proc-read $pid environ
		process-proc-read $pid maps
		process-proc-read $pid cmdline
		process-proc-read $pid stat
		process-proc-write $pid oom_score_adj 500
		process-proc-write $pid comm x
		process-getfd $pid
		process-attach $pid
		process-see $W/log/victim
	EOF
	attacks "$W/log/list"
	# Those signals that got there were the control's.
	: > "$W/log/victim"
	inside ./probe process-kill-all $sig || true
	[ ! -s "$W/log/victim" ]
	kill -0 "$pid"
}

@test "kill of all reaches the host's processes only without the wall" {
	[ "$BRATTICE_E2E_AS" != root ] || skip "as root the control would signal the whole machine"
	host victim "$W/log/victim"
	run me ./probe process-kill-all 23
	[ -s "$W/log/victim" ]
	: > "$W/log/victim"
	inside ./probe process-kill-all 23 || true
	[ ! -s "$W/log/victim" ]
}

@test "priorities of all the user's processes" {
	[ "$BRATTICE_E2E_AS" != root ] || skip "as root the control would slow the whole machine"
	host victim "$W/log/victim"
	inside ./probe process-priority-user || true
	[ "$(ps -o ni= -p "$HOST_PID" | tr -d ' ')" = 0 ]
}

@test "pid 1 of the sandbox: memory, descriptors, environment, tracing" {
	sed 's/ /\t/g' > "$W/log/list" <<-EOF
		process-attach 1
		process-seize 1
		process-vm-read 1
		process-vm-write 1
		process-mem-read 1
		process-mem-write 1
		process-proc-read 1 environ
		process-proc-read 1 maps
		process-proc-read 1 auxv
		process-proc-write 1 oom_score_adj 500
		process-proc-write 1 comm x
		process-getfd 1
	EOF
	inside ./probe --batch < "$W/log/list" > "$W/log/inside" 2>&1 || true
	cat "$W/log/inside"
	[ "$(grep -c '^=1' "$W/log/inside")" -eq "$(wc -l < "$W/log/list")" ]
	# The same calls work on an own process of the user: a child.
	for k in attach mem-read "proc-read child environ" getfd; do
		# shellcheck disable=SC2086
		set -- $k
		run me ./probe "process-$1" "${2:-child}" ${3:+"$3"}
		[ "$status" -eq 0 ]
	done
}

@test "pid 1 of the sandbox can't be stopped or killed from inside" {
	for sig in 9 15 19 20 1 2 3 6 10 11 12 31 34; do
		run inside ./probe process-init-signal $sig
		[ "$status" -eq 1 ]
	done
	inside true
}

@test "a sibling's memory: what another process's argv is decided on" {
	printf 'process-vm-write\tsibling\nprocess-mem-write\tsibling\nprocess-attach\tsibling\nprocess-seize\tsibling\nprocess-getfd\tsibling\nprocess-vm-write\tparent\nprocess-mem-write\tparent\nprocess-attach\tparent\n' \
		> "$W/log/list"
	attacks "$W/log/list"
}

@test "an own traced child still works: a debugger" {
	command -v gdb > /dev/null || skip "no gdb"
	run inside gdb -q -batch -ex run -ex 'print 6*7' /bin/true
	[[ $output == *"= 42"* ]]
}

@test "System V and POSIX IPC, /dev/shm and keyrings of the host" {
	local key=0x6272$((RANDOM % 9000 + 1000))
	host shm "$key" "$CANARY"
	host mq "brattice-$$"
	host key "brattice-$$" "$CANARY"
	me sh -c "umask 077; echo $CANARY > /dev/shm/brattice-$$"
	printf 'ipc-shm\t%s\t%s\nipc-shm-info\nipc-msg\t%s\nipc-sem\t%s\nipc-mq\tbrattice-%s\nipc-dev-shm\tbrattice-%s\t%s\nkernel-key-read\tbrattice-%s\n' \
		"$key" "$CANARY" "$key" "$key" $$ $$ "$CANARY" $$ > "$W/log/list"
	run attacks "$W/log/list"
	rm -f "/dev/shm/brattice-$$"
	echo "$output"
	[ "$status" -eq 0 ]
}

# grows FILE: something writes to it.
grows() {
	local before
	before=$(stat -c %s "$1" 2> /dev/null || echo 0)
	sleep 0.7
	[ "$(stat -c %s "$1" 2> /dev/null || echo 0)" -gt "$before" ]
}
@test "nothing outlives the run: daemons, stopped, traced and multiplying processes" {
	local how mark
	for how in child daemon stopped vfork traced multiply; do
		mark=linger-$(basename "$W" | tr -d .)-$how
		me ./probe process-linger "$how" 5 "$mark" > /dev/null 2>&1
		# A stopped one does nothing, but is there.
		grows "$P/probe-$mark" || [ -n "$(living "$mark")" ] || { echo "no control: $how"; return 1; }
		inside ./probe process-linger "$how" 60 "$mark-inside" > "$W/log/inside" 2>&1 || true
		none_live "$mark-inside"
		! grows "$P/probe-$mark-inside"
	done
}

@test "the run ends when the command ends, not when its children do" {
	local t=$SECONDS
	inside /bin/sh -c 'sleep 300 & setsid sleep 301 & exit 3' || [ $? -eq 3 ]
	[ $((SECONDS - t)) -lt 20 ]
}

@test "a user unit, a cron job, an at job" {
	run inside /bin/sh -c "systemd-run --user touch $W/log/pwned; echo '* * * * * touch $W/log/pwned' | crontab -; echo 'touch $W/log/pwned' | at now;
		mkdir -p ~/.config/systemd/user ~/.config/autostart; echo x > ~/.config/systemd/user/x.service; echo x > ~/.config/autostart/x.desktop"
	[ ! -e "$H/.config/systemd/user/x.service" ]
	[ ! -e "$H/.config/autostart/x.desktop" ]
	[ ! -e "$W/log/pwned" ]
	run crontab -u "$([ "$BRATTICE_E2E_AS" = user ] && echo "$E2E_USER" || id -un)" -l
	[[ $output != *"$W/log/pwned"* ]]
}
