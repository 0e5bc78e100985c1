#!/usr/bin/env bats
# kill -9 of any part of a session at any moment: docs/threat-model.md class 22, docs/architecture.md invariants 7 and 8.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() {
	project_reset
	git_status > "$W/log/status-before"
}

# walk WHO ROUNDS [LIFE_US] COMMAND…
walk() {
	local who=$1 rounds=$2 mark as=()
	shift 2
	mark=kw-$(basename "$W" | tr -d .)-$who-$RANDOM
	if [ "$BRATTICE_E2E_AS" = user ]; then as=(-u "$(id -u "$E2E_USER")" -g "$(id -g "$E2E_USER")"); fi
	local life=()
	if [[ $1 == -t* ]]; then life=("$1"); shift; fi
	(cd "$P" && env -i HOME="$H" PATH=/usr/bin:/bin XDG_RUNTIME_DIR="$W/run" LANG=C.UTF-8 "$B/killwalk" "${as[@]}" -w "$who" -n "$rounds" "${life[@]}" "$mark" \
		"$B/brattice" run --no-terminal ${BRATTICE_E2E_WALL:+--wall "$BRATTICE_E2E_WALL"} -- "$@" "$mark")
}
after() {
	git_status > "$W/log/status-after"
	diff "$W/log/status-before" "$W/log/status-after"
	inside true
	# Inert names may be left, but nothing listens, and the next start removes them.
	local s
	for s in $(find "$W/run" -type s 2> /dev/null); do
		if ss -xl 2> /dev/null | grep -qF "$s"; then echo "listens: $s"; return 1; fi
	done
	me "$B/brattice" gc > /dev/null 2>&1 || true
	[ -z "$(find "$W/run" -type s 2> /dev/null)" ]
	[ -z "$(find "$H/.local/state/brattice/sessions" -mindepth 2 -maxdepth 2 -name home 2> /dev/null)" ]
}

@test "the monitor, through start, run and end of a short command" {
	walk monitor "$BRATTICE_E2E_KILLS" /bin/sh -c 'echo x > probe-x; git status > /dev/null; mv probe-x probe-y; : "$0"'
	after
}
@test "the monitor, while a tree of processes runs" {
	walk monitor $((BRATTICE_E2E_KILLS / 4 + 1)) -t200000 /bin/sh -c './probe process-linger daemon 30 "$0"; ./probe process-linger child 30 "$0"; ./probe process-linger multiply 5 "$0"; sleep 0.1'
	after
}
@test "its first child (init or gate), through the whole life" {
	walk child "$BRATTICE_E2E_KILLS" /bin/sh -c 'echo x > probe-x; mv probe-x probe-y; : "$0"'
	after
}
@test "any process, through the whole life" {
	walk any "$BRATTICE_E2E_KILLS" /bin/sh -c 'echo x > probe-x; sleep 0.01; mv probe-x probe-y; : "$0"'
	after
}
@test "the youngest process" {
	walk leaf $((BRATTICE_E2E_KILLS / 2 + 1)) /bin/sh -c 'echo x > probe-x; sleep 0.01; mv probe-x probe-y; : "$0"'
	after
}
@test "a git commit cut off leaves a repository that works" {
	walk monitor $((BRATTICE_E2E_KILLS / 4 + 1)) /bin/sh -c 'echo $$ >> README; git commit -qam "$0"; git config branch.x.remote "$0"'
	rm -f "$P"/.git/*.lock "$P"/.git/refs/heads/*.lock
	me git fsck --strict > /dev/null
	me git status > /dev/null
	me git config -l > /dev/null
}
@test "SIGTERM, SIGINT, SIGHUP and SIGQUIT end a session in order" {
	local sig pid mark
	for sig in TERM INT HUP QUIT; do
		mark=sig-$(basename "$W")-$sig
		inside /bin/sh -c "while :; do sleep 0.1; done; : $mark" > /dev/null 2>&1 3>&- &
		for _ in $(seq 100); do [ "$(living "while :; do sleep 0.1; done; : $mark" | wc -l)" -ge 1 ] && break; sleep 0.05; done
		sleep 0.3
		pid=$(pgrep -o -f "^$B/brattice run .*$mark")
		kill -s "$sig" "$pid"
		for _ in $(seq 150); do [ -z "$(living "$mark")" ] && break; sleep 0.1; done
		none_live "$mark" || { echo "after $sig"; return 1; }
		wait $! || true
	done
	after
}
