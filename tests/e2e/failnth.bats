#!/usr/bin/env bats
# Each system call of each process of a session fails once: brattice runs the command behind the whole wall, or says why it doesn't;
# nothing is left, and the next run works. docs/architecture.md, invariants 1, 6, 7 and 8.
#
#   BRATTICE_E2E_NTH   every so-manieth call is tried (default: a sample); 1 tries all
load lib

setup_file() {
	world_make
	cp "$(dirname "$BRATTICE")/tests/tools/failnth" "$B/" # beside what else the user may execute
	chmod a+rx "$B/failnth"
}
teardown_file() { world_remove; }
setup() {
	project_reset
	inside true # the policy is compiled
	listing > "$W/log/before"
}

# What the command tries: prints LEAK for each thing that the wall should have refused.
# shellcheck disable=SC2016 # expanded inside
PROBE='echo ran; cat .env && echo LEAK; (echo x > .mcp.json) && echo LEAK; ls "$HOME/.ssh/id_rsa" && echo LEAK
	(echo x > probe-new) && cat probe-new; (: < /dev/tcp/127.0.0.1/1) && echo LEAK; exit 7'

listing() { (cd "$P" && find . -path ./.git -prune -o ! -name 'probe-*' -printf '%p %y %m %s %l\n' | sort); }
# Processes of this world, by the session's environment: the monitor's, which the others are forked from.
ours() {
	local pid
	for pid in $(pgrep -f '^(/.*/brattice run |brattice: )'); do
		if grep -qaF "$W/" "/proc/$pid/environ" 2> /dev/null || grep -qaF "$W/" "/proc/$pid/cmdline" 2> /dev/null; then echo "$pid"; fi
	done
}
# Nothing is left, once what was killed is gone.
clean() {
	local bad
	for _ in $(seq 100); do
		bad=$(ours)
		[ -n "$bad" ] || break
		sleep 0.05
	done
	# shellcheck disable=SC2086 # several
	[ -z "$bad" ] || { echo "lives: $(ps -o pid=,args= $bad | head -3)"; kill -KILL $bad; return 1; }
	if grep -F " $W/" /proc/self/mountinfo; then echo "mounted"; return 1; fi
	listing > "$W/log/after"
	diff "$W/log/before" "$W/log/after"
}
# What a call that failed at the end may leave, the next run takes away.
next_run() {
	inside true > "$W/log/next" 2>&1 || { echo "the next run: $(cat "$W/log/next")"; return 1; }
	! find "$W/run" -type s | grep . || { echo "a socket is left"; return 1; }
	! find "$H/.local/state/brattice/sessions" -mindepth 2 -maxdepth 2 -name home | grep . || { echo "a private home is left"; return 1; }
}
# recorded: every refusal that was told is on record.
recorded() {
	local told
	told=$(grep -c '^brattice: .* refused: ' "$W/log/err") || true
	[ "$told" -eq 0 ] || [ "$(record | grep -c '"decision":"deny"')" -ge "$told" ] ||
		{ echo "a refusal is not on record"; return 1; }
}
# judge WHO ERRNO
judge() {
	local out err
	out=$(< "$W/log/out") err=$(< "$W/log/err")
	[[ $out != *LEAK* ]] || { echo "a run with less"; return 1; }
	case $STATUS in
	7) [[ $out == *ran* ]] || { echo "status 7, but nothing ran"; return 1; } ;;
	125) [[ $2 != EINTR && $err == *brattice:* ]] || { echo "status 125: $err"; return 1; } ;;
	126 | 127) [[ $1 == child && $err == *brattice:* ]] || { echo "status $STATUS: $err"; return 1; } ;;
	*) echo "status $STATUS: $err"; return 1 ;;
	esac
	recorded && clean && next_run
}
# walk WHO STEP ERRNO…: the failures are printed.
walk() {
	local who=$1 step=${BRATTICE_E2E_NTH:-$2} err n bad=0 report=$W/log/report
	shift 2
	for err; do
		for ((n = 1 + RANDOM % step; ; n += step)); do
			: > "$report"
			: > "$W/log/mark"
			[ "$BRATTICE_E2E_AS" != user ] || chown "$E2E_USER" "$report"
			STATUS=0
			me timeout -s KILL 60 "$B/failnth" "$who" "$n" "$err" "$report" "$B/brattice" run --no-terminal -- /bin/bash -c "$PROBE" \
				< /dev/null > "$W/log/out" 2> "$W/log/err" || STATUS=$?
			judge "$who" "$err" > "$W/log/verdict" || { bad=1; echo "$who $n $err ($(< "$report")): $(< "$W/log/verdict")"; }
			[[ $(< "$report") != none* ]] || break
		done
		echo "# $who $err: $(< "$report")"
	done
	return $bad
}

@test "each system call of the monitor" { walk monitor 97 EIO ENOMEM EMFILE EINTR; }
@test "each system call of init, the first process inside" { walk init 199 EIO ENOMEM EMFILE EINTR; }
@test "each system call of init's child, up to the command" { walk child 17 EIO ENOMEM EINTR; }
@test "each system call of the auditor" { walk auditor 37 EIO ENOMEM ENOSPC EMFILE EINTR; }
@test "each system call of the gate" { walk gate 17 EIO ENOMEM EMFILE EINTR; }
