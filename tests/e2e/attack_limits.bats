#!/usr/bin/env bats
# Resources: docs/threat-model.md classes 6 and 21. Afterwards the next run works and nothing is left.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() { project_reset; }
teardown() { stop_hosts; }

# limit KEY VALUE: a policy of the user's for the run.
limit() {
	printf 'version: 1\nlimits: {%s: %s}\n' "$1" "$2" > "$W/log/limits.yaml"
	RUN_ARGS=(--policy "$W/log/limits.yaml")
}
still_well() {
	RUN_ARGS=()
	run inside /bin/sh -c 'echo fine > probe-fine && cat probe-fine'
	[ "$status" -eq 0 ]
	[[ $output == *fine* ]]
}

@test "processes: the default limit holds, and init reaps" {
	run me ./probe limit-forks 5000
	[ "$status" -eq 0 ]
	run inside ./probe limit-forks 5000
	echo "$output"
	[ "$status" -eq 1 ]
	still_well
}
@test "processes: a limit of the policy" {
	limit pids 64
	run inside ./probe limit-forks 200
	echo "$output"
	[ "$status" -eq 1 ]
	run inside ./probe limit-threads 200
	echo "$output"
	[ "$status" -eq 1 ]
	still_well
}
@test "memory, of processes and of none" {
	limit memory 128MiB
	run me ./probe limit-memory 300
	[ "$status" -eq 0 ]
	if inside true && me "$B/brattice" run --explain -- true | grep -q 'memory .*enforced'; then
		for k in limit-memory limit-memfd; do
			run inside ./probe $k 300
			echo "$output"
			[ "$status" -ne 0 ]
		done
	else
		# Measured four times a second, and memfds that nobody maps are not seen: what stays is ended.
		run inside python3 -c 'x = bytearray(b"x") * (300 << 20); import time; time.sleep(5)'
		echo "$output"
		[ "$status" -eq 137 ]
	fi
	run inside ./probe limit-disk /tmp/big 300
	echo "$output"
	[ "$status" -ne 0 ]
	run inside ./probe limit-disk /dev/shm/big 300
	echo "$output"
	[ "$status" -ne 0 ]
	still_well
}
@test "disk: what is private can't fill the host's" {
	limit disk 64MiB
	run inside ./probe limit-disk "$H/big" 200
	echo "$output"
	[ "$status" -eq 1 ]
	still_well
}
@test "time" {
	limit time 2s
	local t=$SECONDS
	run inside sleep 60
	[ "$status" -ne 0 ]
	[ $((SECONDS - t)) -lt 20 ]
}
@test "zombies and orphans by the thousand" {
	run inside ./probe limit-zombies 1500
	echo "$output"
	run inside ./probe limit-orphans 3000
	echo "$output"
	[ "$status" -eq 0 ]
	still_well
}
@test "descriptors" {
	run inside ./probe limit-fds 100000
	echo "$output"
	still_well
}
@test "a flood of output is neither lost nor stops the run" {
	run bash -c 'set -o pipefail; '"$(declare -f inside me)"'; inside ./probe limit-output 64 | tr -d -c x | wc -c'
	echo "$output"
	[ "$((${output##* }))" -eq $((64 * 1024 * 1024)) ]
	still_well
}
@test "eight processes that create and remove as fast as they can; another goes on working" {
	inside ./probe limit-gate-storm 4 3>&- &
	local job=$! t
	sleep 1
	t=$SECONDS
	still_well
	[ $((SECONDS - t)) -lt 5 ]
	wait "$job"
}
@test "within one session too: a storm does not starve a writer" {
	run inside /bin/sh -c './probe limit-gate-storm 4 & sleep 1; timeout 3 sh -c "echo x > probe-a && mv probe-a probe-b" && echo served; wait'
	[[ $output == *served* ]]
}
@test "calls with arguments of all kinds: the gate goes on" {
	local seed=$RANDOM
	run inside /bin/sh -c "./probe limit-gate-fuzz $BRATTICE_E2E_RACE $seed; echo after > probe-after && cat probe-after"
	echo "seed $seed"
	[[ $output == *after* ]]
	host_git_battery
	[ ! -e "$P/.git/hooks/x" ] && [ ! -e "$P/.envrc" ]
	me chmod -R u+rwX .
}
@test "opens of a FIFO that nobody reads don't stop the gate" {
	run inside ./probe gate-fifo probe-after
	echo "$output"
	[ "$status" -eq 1 ]
}
@test "a signal reaches who waits in the open of a FIFO" {
	mkfifo "$P/nobody" && chown "$(stat -c %u:%g "$P")" "$P/nobody"
	# shellcheck disable=SC2016 # expanded inside
	run inside timeout -s KILL 20 python3 -c '
import os, signal, threading
def hit(*_): raise TimeoutError
signal.signal(signal.SIGUSR1, hit)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1)).start()
try: os.open("nobody", os.O_WRONLY)
except TimeoutError: print("interrupted")'
	[ "$output" = interrupted ]
}

@test "a tree almost as deep as a path may be long, and its end" {
	run inside ./probe limit-deep 1900
	echo "$output"
	[ "$status" -eq 0 ]
	still_well
	inside rm -rf d
	[ ! -e "$P/d" ]
}
@test "a command that ignores every signal still ends with the run" {
	local mark
	mark=deaf-$(basename "$W")
	run timeout -k 5 3 bash -c "$(declare -f inside me)"'; inside /bin/sh -c "trap : INT TERM HUP QUIT; while :; do sleep 1; done; : '"$mark"'"'
	none_live "$mark"
}
