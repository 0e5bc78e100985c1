#!/usr/bin/env bats
# The record of a session: what is in it, that it is there before what it is about, and what happens when it can't be kept.
# docs/log-format.md, docs/events.md; docs/architecture.md, invariants 1, 6 and 7.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() {
	project_reset
}
teardown() {
	# Of a test that failed.
	if [ -n "${JOB:-}" ]; then kill -KILL "$JOB" 2> /dev/null || true; fi
}

until_true() {
	for _ in $(seq 200); do
		"$@" && return 0
		sleep 0.05
	done
	echo "never: $*"
	return 1
}
# A session in the background that runs SCRIPT: MONITOR and AUDITOR are its processes once PROJECT/probe-ready is there.
begin() {
	inside /bin/bash -c "$1" > "$W/log/out" 2> "$W/log/err" 3>&- &
	JOB=$!
	until_true test -e "$P/probe-ready"
	MONITOR=$(pgrep -o -f "^$B/brattice run .*probe-ready")
	AUDITOR=$(pgrep -P "$MONITOR" -f '^brattice: auditor$')
	[ -n "$AUDITOR" ]
}
# end: waits for it; STATUS is what came of it.
end() {
	STATUS=0
	wait "$JOB" || STATUS=$?
	JOB=
}
ended() { ! kill -0 "$1" 2> /dev/null; }
types() { record "$@" | jq -r .type | tr '\n' ' '; }
whole() { "$B/brattice" verify "${1:-last}"; }

@test "what a run leaves on record, in order, sealed when it returns" {
	run inside /bin/sh -c 'echo x > probe-x; echo x > .mcp.json; unshare -U true; exit 3'
	[ "$status" -eq 3 ]
	[ "$(record | jq -r 'select(.type != "exec" and .type != "exit") | .type' | tr '\n' ' ')" = "start path call watch end sealed " ] ||
		[ "$(record | jq -r 'select(.type != "exec" and .type != "exit") | .type' | tr '\n' ' ')" = "start watch path call end sealed " ]
	record | jq -se '.[0] | .session and .version and .argv[0] == "/bin/sh" and .cwd == .project and (.policy | length) == 64 and (.env | index("HOME"))'
	record | jq -se 'map(select(.type == "path")) | .[0] | .path | endswith("/.mcp.json")'
	record | jq -se 'map(select(.type == "call")) | .[0] | .call == "unshare" and .denied'
	record | jq -se 'map(select(.type == "watch")) | .[0] | .op == "create" and .path == "probe-x"'
	record | jq -se 'map(select(.type == "end")) | .[0] | .status == 3 and .denied == 2'
	# Of each sender; between two of them the auditor takes what comes first.
	record | jq -se '[.[] | select(.type | IN("exec", "exit") | not) | .t] as $t | $t == ($t | sort)'
	# The policy that it names is the one beside it.
	[ -s "$(newest)/log/policy" ]
	me "$B/brattice" verify last
}
@test "what the handoff check listed" {
	run inside /bin/sh -c 'echo "{\"scripts\":{\"test\":\"true\"}}" > package.json'
	[ "$status" -eq 0 ]
	record | jq -se 'map(select(.type == "handoff")) | .[0].names | map(.path) | index("package.json") != null'
}
@test "a secret on the command line is on record as a hash" {
	run inside /bin/sh -c : --token ghp_abcdefghijklmnopqrstuvwxyz0123456789
	[ "$status" -eq 0 ]
	record > "$W/log/record"
	run grep -c ghp_abcdefghijkl "$W/log/record"
	[ "$output" = 0 ]
	jq -se '.[0].argv[4].h | length == 64' "$W/log/record"
}
@test "a refusal is on disk before who was refused hears of it" {
	begin '(echo x > .mcp.json) 2> /dev/null || echo > probe-ready; sleep 60'
	# No look at the log can come too late: the session waits.
	record | grep '"decision":"deny"' | grep -q '/.mcp.json"'
	kill -KILL "$AUDITOR"
	end
	record | grep '"decision":"deny"' | grep -q '/.mcp.json"'
}
@test "the auditor is killed: the session ends, and nothing goes on inside" {
	local before
	# shellcheck disable=SC2016 # expanded inside
	begin 'echo > probe-ready; exec 2> /dev/null; i=0; while :; do echo $((i += 1)) > probe-n; done'
	kill -KILL "$AUDITOR"
	end
	[ "$STATUS" -eq 125 ]
	grep -q "the auditor, which keeps the session's record, was killed: everything inside was ended" "$W/log/err"
	before=$(state_of "$P/probe-n")
	none_live probe-ready
	[ "$(state_of "$P/probe-n")" = "$before" ]
	inside true
}
@test "the auditor is killed while the command does nothing" {
	begin 'echo > probe-ready; exec sleep 60'
	kill -KILL "$AUDITOR"
	end
	[ "$STATUS" -eq 125 ]
	none_live probe-ready
}
@test "an auditor that is stopped holds up who is refused, and loses nothing" {
	begin 'echo > probe-ready; until [ -e probe-go ]; do sleep 0.05; done; (echo x > .mcp.json) 2> /dev/null; echo > probe-told; exit 4'
	kill -STOP "$AUDITOR"
	me touch "$P/probe-go"
	sleep 1 # an answer that came too early would be here by now
	[ ! -e "$P/probe-told" ]
	kill -CONT "$AUDITOR"
	end
	[ "$STATUS" -eq 4 ]
	[ -e "$P/probe-told" ]
	[ "$(record | grep -c '"decision":"deny"')" -eq 1 ]
}
@test "the monitor is killed: the auditor seals what there is, and goes" {
	local dir
	begin '(echo x > .mcp.json) 2> /dev/null; echo > probe-ready; sleep 60'
	dir=$(newest)
	kill -KILL "$MONITOR"
	end
	until_true ended "$AUDITOR"
	none_live probe-ready
	record "$dir" | grep '"decision":"deny"' | grep -q '/.mcp.json"'
	record "$dir" | tail -n 1 | jq -e '.type == "sealed" and .reason == "the monitor died"'
	me "$B/brattice" verify "$(basename "$dir")"
	# And the next gc has nothing to mend.
	me "$B/brattice" gc
	[ ! -e "$dir/lock" ]
	me "$B/brattice" verify "$(basename "$dir")"
}
@test "monitor and auditor are killed: the next gc closes the log" {
	local dir
	begin '(echo x > .mcp.json) 2> /dev/null; echo > probe-ready; sleep 60'
	dir=$(newest)
	kill -STOP "$AUDITOR"
	kill -KILL "$MONITOR"
	kill -KILL "$AUDITOR"
	end
	until_true ended "$AUDITOR"
	me "$B/brattice" gc
	[ ! -e "$dir/lock" ]
	record "$dir" | grep '"decision":"deny"' | grep -q '/.mcp.json"'
	record "$dir" | tail -n 1 | jq -e '.type == "recovered"'
	run me "$B/brattice" verify "$(basename "$dir")"
	[[ $output == *"integrity     ok"* ]]
}
# In a terminal of its own, with the policy of $1.
recorded() {
	printf '%s\n' "$1" > "$W/log/policy.yaml"
	shift
	chmod a+r "$W/log/policy.yaml"
	me "$B/probe" host pty "$W/log/shown" "$W/log/queue" "$B/brattice" run --policy "$W/log/policy.yaml" -- "$@"
}
@test "the terminal is recorded as the command wrote it, unless the policy says no" {
	local cast
	recorded 'version: 1' /bin/sh -c 'printf "shown \033]52;c;aGVsbG8=\007 \377 \303"; sleep 0.2; printf "\251\n"'
	cast=$(newest)/log/terminal.cast
	head -n 1 "$cast" | jq -e '.version == 3 and .term.cols > 0 and .term.rows > 0'
	# What the user's terminal must not get is in the record: it was tried.
	tail -n +2 "$cast" | jq -sre '[.[] | select(.[1] == "o") | .[2]] | join("") | contains("shown \u001b]52;c;aGVsbG8=\u0007 \ufffd \u00e9")'
	run grep -a ']52;' "$W/log/shown"
	[ "$status" -ne 0 ]
	record | jq -se --argjson n "$(stat -c %s "$cast")" '[.[] | select(.type == "terminal") | .bytes] | add == $n'
	me "$B/brattice" verify last | grep 'terminal *ok'
	recorded 'audit: {terminal: false}' /bin/echo shown
	[ ! -e "$(newest)/log/terminal.cast" ]
}
@test "what an audit policy asks beyond this version is refused" {
	echo 'audit: {on_failure: freeze}' > "$W/log/policy.yaml"
	chmod a+r "$W/log/policy.yaml"
	RUN_ARGS=(--policy "$W/log/policy.yaml")
	run inside true
	unset RUN_ARGS
	[ "$status" -ne 0 ]
	[[ $output == *"audit.on_failure: freeze is not enforced by this version"* ]]
}
@test "a flood of refusals: each is on record, and no memory grows" {
	local told before after
	# shellcheck disable=SC2016 # expanded inside
	begin 'exec 2> /dev/null; for ((i = 0; i < 100; i++)); do : > .git/hooks/h; done; echo > probe-ready
		until [ -e probe-go ]; do sleep 0.05; done; n=0; for ((i = 0; i < 600; i++)); do : > .git/hooks/h$i || : $((n += 1)); done; echo $n > probe-n; exit 5'
	before=$(awk '/^VmRSS/ { print $2 }' "/proc/$MONITOR/status" "/proc/$AUDITOR/status" | paste -sd+ | bc)
	me touch "$P/probe-go"
	for _ in $(seq 600); do test -e "$P/probe-n" && break; sleep 0.1; done
	after=$(awk '/^VmHWM/ { print $2 }' "/proc/$MONITOR/status" "/proc/$AUDITOR/status" 2> /dev/null | paste -sd+ | bc) || after=0
	end
	[ "$STATUS" -eq 5 ]
	told=$(< "$P/probe-n")
	[ "$told" -eq 600 ]
	[ "$(record | grep -c '"decision":"deny"')" -eq 700 ]
	record | jq -se 'last(.[] | select(.type == "end")).denied == 700'
	echo "memory: $before KiB before, at most $after KiB"
	[ "${after:-0}" -lt $((before + 8192)) ]
	me "$B/brattice" verify last
}
