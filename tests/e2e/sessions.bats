#!/usr/bin/env bats
# Sessions seen from a second terminal: ps, attach, stop, kill, gc.

bats_require_minimum_version 1.5.0

setup() {
	BRATTICE=${BRATTICE:-$PWD/build/brattice}
	export BRATTICE_STATE=$BATS_TEST_TMPDIR/state XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
	P=$BATS_TEST_TMPDIR/project
	mkdir "$P"
	cd "$P"
}

teardown() {
	tmux -L "brattice-$BATS_TEST_NUMBER-$$" kill-server 2>/dev/null || true
	"$BRATTICE" ps -q | xargs -r -n1 "$BRATTICE" kill || true
	wait
}

# until_true COMMAND…: at most 20 s.
until_true() {
	local end=$((SECONDS + 20))
	until "$@" >/dev/null; do
		[ "$SECONDS" -lt "$end" ] || { echo "never true: $*"; return 1; }
		sleep 0.05
	done
}

# begin NAME SCRIPT: a session in the background that has run the script up to `touch ready-NAME`.
begin() {
	"$BRATTICE" run --name "$1" -- sh -c "$2" >"$BATS_TEST_TMPDIR/$1.out" 2>&1 </dev/null 3>&- &
	eval "job_$1=$!"
	until_true test -e "ready-$1"
}

field() { python3 -c 'import json,sys; print([json.loads(l)[sys.argv[2]] for l in sys.stdin if json.loads(l)["name"] == sys.argv[1]][-1])' "$1" "$2"; }
state_of() { "$BRATTICE" ps --all --json | field "$1" "$2"; }
in_tmux() { tmux -L "brattice-$BATS_TEST_NUMBER-$$" "$@"; }
screen_has() { in_tmux capture-pane -p | grep -qF -- "$1"; }

@test "ps tells what runs, for people and for programs" {
	begin one 'touch ready-one; exec sleep 1000'
	run "$BRATTICE" ps
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == ID*NAME*AGE*STATE*PROJECT*COMMAND ]]
	[[ ${lines[1]} == *one*running*"sh -c touch ready-one"* ]]
	[[ $output != *$'\e'* ]]
	[ "$("$BRATTICE" ps --json | field one project)" = "$(realpath "$P")" ]
	[ "$("$BRATTICE" ps --json | field one alive)" = True ]
	[ "$("$BRATTICE" ps --json | field one argv)" = "['sh', '-c', 'touch ready-one; exec sleep 1000']" ]
	[ "$("$BRATTICE" ps -q)" = "$("$BRATTICE" ps --json | field one id)" ]
}

@test "a command with control characters in its words doesn't reach the terminal" {
	"$BRATTICE" run -- sh -c $'touch ready; exec sleep 1000 # \e]0;owned\a\n\e[31m' >/dev/null 2>&1 </dev/null 3>&- &
	until_true test -e ready
	run "$BRATTICE" ps
	[ "${#lines[@]}" -eq 2 ]
	[[ $output != *$'\e'* && $output != *$'\a'* ]]
	[[ $output == *'\x1b]0;owned\x07\x0a'* ]]
}

@test "stop lets the command end by itself" {
	begin one 'trap "echo bye > bye; exit 9" TERM; touch ready-one; while :; do sleep 0.1; done'
	run "$BRATTICE" stop one
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(cat bye)" = bye ]
	run wait "$job_one"
	[ "$(state_of one status)" -eq 9 ]
	[ "$(state_of one state)" = ended ]
	run "$BRATTICE" ps -q
	[ -z "$output" ]
	run "$BRATTICE" stop one
	[ "$status" -eq 125 ]
}

@test "kill ends what does not want to end, all of it" {
	begin one 'trap "" TERM INT HUP; (trap "" TERM; setsid sleep 4242) & touch ready-one; while :; do sleep 0.1; done'
	run "$BRATTICE" kill one
	echo "$output"
	[ "$status" -eq 0 ]
	run wait "$job_one"
	run pgrep -fx 'sleep 4242'
	[ "$status" -eq 1 ]
	[ "$(state_of one state)" = ended ]
	[ "$(state_of one status)" -eq 137 ]
	[ -z "$(ls "$BATS_TEST_TMPDIR/brattice")" ]
}

@test "kill ends a session whose monitor hangs" {
	begin one '(setsid sleep 4243) & touch ready-one; exec sleep 1000'
	kill -STOP "$(state_of one pid)"
	run "$BRATTICE" kill one
	echo "$output"
	[ "$status" -eq 0 ]
	until_true bash -c '! pgrep -fx "sleep 4243"'
	[ "$(state_of one alive)" = False ]
	[ "$(state_of one state)" = ended ]
	[ -z "$(ls "$BATS_TEST_TMPDIR/brattice")" ]
}

@test "killed among its cgroups: gc finds them" {
	printf 'version: 1\nlimits: {pids: 500}\n' >"$BATS_TEST_TMPDIR/limits.yaml"
	run "$BRATTICE" run --policy "$BATS_TEST_TMPDIR/limits.yaml" -- true
	[ "$status" -eq 0 ]
	run strace -o "$BATS_TEST_TMPDIR/trace" -e trace=mkdir,rmdir -e inject=rmdir:signal=KILL:when=1 "$BRATTICE" run --policy "$BATS_TEST_TMPDIR/limits.yaml" -- true
	group=$(sed -n 's/^mkdir("\(.*brattice-.*\)", .*= 0$/\1/p' "$BATS_TEST_TMPDIR/trace" | head -n 1)
	[ -d "$group" ] || skip "no cgroup can be made here"
	"$BRATTICE" gc
	[ ! -d "$group" ]
}

@test "a monitor that was killed: ps says so, gc cleans up" {
	begin one '(setsid sleep 4244) & touch ready-one; exec sleep 1000'
	id=$("$BRATTICE" ps -q)
	kill -KILL "$(state_of one pid)"
	run wait "$job_one"
	until_true bash -c '! pgrep -fx "sleep 4244"'
	run "$BRATTICE" ps --all
	[[ ${lines[1]} == *one*died* ]]
	[ -e "$BATS_TEST_TMPDIR/brattice/$id.sock" ]
	run "$BRATTICE" gc --json
	[ "$status" -eq 0 ]
	[[ $output == *'"dead":1'*'"sockets":1'* ]]
	[ ! -e "$BATS_TEST_TMPDIR/brattice/$id.sock" ]
	[ ! -e "$BRATTICE_STATE/sessions/$id/home" ]
	run "$BRATTICE" gc --json
	[[ $output == *'"dead":0'*'"sockets":0'* ]]
	run "$BRATTICE" gc --older-than 0 --json
	[[ $output == *'"removed":1'* ]]
	[ ! -e "$BRATTICE_STATE/sessions/$id" ]
}

@test "two of one name" {
	begin one 'touch ready-one; exec sleep 1000'
	rm ready-one
	begin one 'touch ready-one; exec sleep 1000'
	run "$BRATTICE" kill one
	[ "$status" -eq 125 ]
	[[ $output == *"may be 2 running sessions"* ]]
	for id in $("$BRATTICE" ps -q); do
		[[ $output == *$id* ]]
	done
	# By the last part of the id, as ps shows it.
	run "$BRATTICE" kill "$("$BRATTICE" ps | awk 'NR == 2 { print $1 }')"
	[ "$status" -eq 0 ]
	run "$BRATTICE" kill one
	[ "$status" -eq 0 ]
}

@test "attach: types into the session, leaves it running, and returns" {
	in_tmux -f /dev/null new-session -d -x 90 -y 25 "env PS1='in> ' $BRATTICE run --name one --env PS1 -- sh -i"
	until_true screen_has 'in>'
	in_tmux new-session -d -s two -x 80 -y 20 "bash --norc"
	in_tmux send-keys -t two "PS1='out> '; $BRATTICE attach one" Enter
	has() { in_tmux capture-pane -p -t two | grep -qF -- "$1"; }
	in_tmux send-keys -t two "echo typed-\$((40+2))" Enter
	until_true has typed-42
	# The other terminal shows it too; the size is that of the terminal that came last.
	until_true bash -c "tmux -L 'brattice-$BATS_TEST_NUMBER-$$' capture-pane -p -t 0: | grep -q typed-42"
	in_tmux send-keys -t two "stty size" Enter
	until_true has "20 80"
	in_tmux send-keys -t two "C-]"
	until_true has "left session"
	in_tmux send-keys -t two "$BRATTICE attach --detach-key ctrl-q one; echo rc=\$?" Enter
	in_tmux send-keys -t two "C-]" "C-u" "echo again" Enter
	until_true has again
	in_tmux send-keys -t two "exit 7" Enter
	until_true has "rc=7"
	in_tmux send-keys -t two "stty -a | tr ';' '\n' | grep -c '^ *-' ; stty | grep -q -- -echo || echo sane" Enter
	until_true has sane
}

@test "attach where there is no terminal: here, or there" {
	begin one 'touch ready-one; exec sleep 1000'
	run "$BRATTICE" attach one </dev/null
	[ "$status" -eq 125 ]
	[[ $output == *"needs a terminal"* ]]
	run python3 - "$BRATTICE" <<'PY'
import os, pty, sys
status = pty.spawn([sys.argv[1], "attach", "one"])
sys.exit(os.waitstatus_to_exitcode(status))
PY
	[ "$status" -eq 125 ]
	[[ $output == *"no terminal to attach to"* ]]
}
