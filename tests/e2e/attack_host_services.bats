#!/usr/bin/env bats
# Services of the host: docs/threat-model.md classes 18 and 29 (sockets in the tree).
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() { project_reset; }
teardown() { stop_hosts; }

@test "a socket that a process of the host bound in the project" {
	host unix "$P/daemon.sock" "$CANARY"
	for k in unix-connect unix-symlink unix-hardlink unix-rename unix-fd; do
		run me ./probe $k daemon.sock "$CANARY"
		[ "$status" -eq 0 ] || { echo "no control: $k: $output"; return 1; }
		run inside ./probe $k daemon.sock "$CANARY"
		echo "$k: $output"
		[ "$status" -eq 1 ]
		run inside ./probe $k "$P/daemon.sock" "$CANARY"
		[ "$status" -eq 1 ]
	done
}
@test "a datagram to a socket of the host in the project" {
	host dgram "$P/daemon.sock" "$W/log/got"
	for k in unix-dgram unix-sendto unix-sendmsg unix-pair; do
		run me ./probe $k daemon.sock
		[ "$status" -eq 0 ]
		[[ $k == unix-dgram ]] || for _ in $(seq 500); do [ -s "$W/log/got" ] && break; sleep 0.02; done
		: > "$W/log/got"
		run inside ./probe $k daemon.sock
		echo "$k: $output"
		[ "$status" -eq 1 ]
		[ ! -s "$W/log/got" ]
	done
}
@test "a socket that a process of the host binds while the session runs" {
	inside /bin/sh -c 'while [ ! -S late.sock ]; do sleep 0.1; done; ./probe unix-connect late.sock x; echo rc=$?' > "$W/log/inside" 2>&1 3>&- &
	local job=$!
	sleep 1
	host unix "$P/late.sock" x
	wait "$job"
	grep -q 'rc=1' "$W/log/inside"
}
@test "a socket that the session itself makes works" {
	run inside /bin/sh -c './probe host unix ./own.sock hello & pid=$!; for i in 1 2 3 4 5 6 7 8 9; do [ -S own.sock ] && break; sleep 0.2; done; ./probe unix-connect own.sock hello; rc=$?; kill $pid; exit $rc'
	echo "$output"
	[ "$status" -eq 0 ]
}
@test "sockets of the user's session: agents, buses, containers" {
	local s
	mkdir -p "$W/run/brattice" "$H/.gnupg" "$H/.ssh"
	for s in "$W/run/bus" "$W/run/docker.sock" "$H/.gnupg/S.gpg-agent" "$H/.ssh/agent.sock" "$W/agent.sock"; do
		: > "$W/log/x"
		[ "$BRATTICE_E2E_AS" = user ] && chmod 0777 "$W"
		host unix "$s" "$CANARY"
		chmod 0711 "$W"
		printf 'unix-connect\t%s\t%s\n' "$s" "$CANARY" > "$W/log/list"
		attacks "$W/log/list"
	done
}
# bats test_tags=root
@test "abstract sockets of the host" {
	host abstract "abstract-$(basename "$W")" "$CANARY"
	attack unix-abstract "abstract-$(basename "$W")" "$CANARY"
}
@test "services on the host's loopback" {
	local port
	host tcp 127.0.0.1 "$CANARY"
	port=$HOST_SAID
	for a in 127.0.0.1 0.0.0.0 127.1.2.3; do
		for k in tcp tcp-fastopen tcp-mptcp udp; do printf '%s\t%s\t%s\t%s\n' $k $a "$port" "$CANARY"; done
	done > "$W/log/list"
	attacks "$W/log/list"
	if host tcp ::1 "$CANARY"; then attack tcp6 ::1 "$HOST_SAID" "$CANARY"; fi
}
@test "the host's own addresses" {
	local a
	a=$(ip -4 -o addr show scope global 2> /dev/null | awk 'NR==1 { sub("/.*", "", $4); print $4 }')
	[ -n "$a" ] || skip "the host has no address but loopback"
	host tcp 0.0.0.0 "$CANARY"
	attack tcp "$a" "$HOST_SAID" "$CANARY"
}
@test "control sockets of brattice itself" {
	inside /bin/sh -c 'while read x; do :; done' < <(sleep 15) > "$W/log/run" 2>&1 3>&- &
	local job=$! s
	for _ in $(seq 100); do s=$(find "$W/run" "$H/.local/state" -type s -name '*.sock' 2> /dev/null | head -1); [ -n "$s" ] && break; sleep 0.1; done
	[ -n "$s" ]
	run inside ./probe unix-connect "$s" ""
	[ "$status" -eq 1 ]
	run inside /bin/sh -c "ls -la $(dirname "$s") $s"
	[[ $output != *".sock"$'\n'* ]]
	kill "$job" 2> /dev/null || true
	wait "$job" || true
}
