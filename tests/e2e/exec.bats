#!/usr/bin/env bats
# The record of what ran: every exec, of every shape, as the kernel loaded it. What ran reports itself (tests/tools/execs.c), and the record
# is compared with that.
load lib

setup_file() {
	world_make
	cp "$(dirname "$BRATTICE")/tests/tools/execs" "$W/template/execs"
	chmod a+rx "$W/template/execs"
}
teardown_file() { world_remove; }
setup() {
	unset RUN_ARGS FORMAT
	project_reset
	cp "$W/template/execs" "$P/execs"
	give
	E=$P/execs
}

teardown() {
	[ -n "${FORMAT:-}" ] || return 0
	echo -1 > "$W/formats/$FORMAT" || true
	umount "$W/formats"
}

# The record's events of the given type, and what jq makes of them: events TYPE [FILTER]
events() { record | jq -c "select(.type == \"$1\") | ${2:-.}"; }
# As `execs report` prints it: process, program, arguments.
reported() { events exec 'select((.argv[1] // "") == "report") | [.pid, .program, (.argv | join("\u001f"))] | join("\u001f")' | jq -r .; }
# Every exec has a number of its own, from 1 without a gap; every process one end, that of the last exec it made.
whole() {
	record | jq -se '
		([.[] | select(.type == "exec") | .exec] | . == [range(1; length + 1)]) and
		([.[] | select(.type == "exit") | .exec] | length == (unique | length)) and
		([.[] | select(.type == "exit") | select(has("status") == has("signal"))] | length == 0)' > /dev/null
}
# No exec without its end, but those whose process made another one.
all_ended() {
	record | jq -se '
		[.[] | select(.type == "exit") | .exec] as $ended |
		[.[] | select(.type == "exec")] as $execs |
		([$execs[] | .exec] - $ended) as $open |
		([$execs[] | {key: "\(.parent // 0) \(.pid)", value: true}] | from_entries) as $again |
		all($execs[] | select(.exec as $n | $open | index($n)); $again["\(.exec) \(.pid)"] // false)' > /dev/null
}

@test "each way to call exec: what is recorded is what ran" {
	for shape in exec thread vfork fork spawn fexecve; do
		inside "$E" "$shape" "$E" report "$shape" 'a b' > "$W/log/ran"
		reported > "$W/log/recorded"
		[ "$(wc -l < "$W/log/ran")" -eq 1 ]
		diff "$W/log/ran" "$W/log/recorded"
		whole
		all_ended
	done
}

@test "a program in memory only" {
	inside "$E" memfd "$E" report x > "$W/log/ran"
	reported | diff "$W/log/ran" -
	[ "$(events exec 'select(.program | startswith("/memfd:")) | .sha256' | jq -r .)" = "$(sha256sum < "$E" | cut -d' ' -f1)" ]
}

@test "a program's identity: hash, device, inode, of the system's and of the project's" {
	inside_sh '/bin/ls > /dev/null; ./execs status 0; printf "#\n" >> execs; ./execs status 0'
	for f in /bin/ls "$E"; do
		f=$(realpath "$f")
		[ "$(events exec "select(.program == \"$f\") | .sha256" | tail -n 1 | jq -r .)" = "$(sha256sum < "$f" | cut -d' ' -f1)" ]
		[ "$(events exec "select(.program == \"$f\") | .ino" | tail -n 1)" = "$(stat -c %i "$f")" ]
		[ "$(events exec "select(.program == \"$f\") | .dev" | tail -n 1)" = "$(stat -c %d "$f")" ]
	done
	[ "$(events exec "select(.program == \"$E\") | .sha256" | sort -u | wc -l)" -eq 2 ]
}

@test "the same file changed through a mapping, which moves no time on tmpfs" {
	inside_sh 'cp execs /tmp/x; cmp execs /tmp/x; /tmp/x status 0; touch -d @1 /tmp/x; sleep 1.2; /tmp/x status 0
		python3 -c "
import mmap
f = open(\"/tmp/x\", \"r+b\"); m = mmap.mmap(f.fileno(), 0); m[-1] ^= 255; m.close()"
		/tmp/x status 0; sha256sum /tmp/x' > "$W/log/out"
	[ "$(events exec 'select(.program == "/tmp/x") | .sha256' | tail -n 1 | jq -r .)" = "$(cut -d' ' -f1 "$W/log/out")" ]
	[ "$(events exec 'select(.program == "/tmp/x") | .sha256' | uniq | wc -l)" -eq 2 ]
}

@test "scripts, scripts of scripts, and whether they can change" {
	printf '#!/bin/sh\nexit 0\n' > one
	printf '#!./one with\n' > two
	chmod +x one two
	give
	inside_sh './one a; ./two b c; PATH=$PATH:. two d; ldd /bin/true > /dev/null'
	[ "$(events exec 'select(.script.path == "./one") | .argv' | head -n 1)" = '["/bin/sh","./one","a"]' ]
	[ "$(events exec 'select(.script.path == "./two") | .argv' | head -n 1)" = '["/bin/sh","./one","with","./two","b","c"]' ]
	[ "$(events exec 'select(.script.path == "./two") | .script.sha256' | head -n 1 | jq -r .)" = "$(sha256sum < two | cut -d' ' -f1)" ]
	[ "$(events exec 'select(.script.path == "./two") | .script.writable' | sort -u)" = true ]
	[ "$(events exec 'select((.script.path // "") | endswith("/ldd")) | .script.writable')" = false ]
	[ "$(events exec 'select((.script.path // "") | endswith("/ldd")) | .script.sha256' | jq -r .)" = "$(sha256sum < /usr/bin/ldd | cut -d' ' -f1)" ]
	[ "$(events exec 'select(.script == null) | .argv[0]' | grep -c -e one -e two)" -eq 0 ]
}

@test "the dynamic loader as a program, with the program as its argument" {
	ld=$(readelf -lW /bin/true | sed -n 's/.*interpreter: \(.*\)]/\1/p')
	inside "$ld" /bin/true
	[ "$(events exec .argv)" = "[\"$ld\",\"/bin/true\"]" ]
	[ "$(events exec .program | jq -r .)" = "$(realpath "$ld")" ]
}

@test "a format that the host has registered" {
	mkdir -p "$W/formats"
	[ "$(id -u)" -eq 0 ] && mount -t binfmt_misc brattice-test "$W/formats" 2> /dev/null || skip "no binfmt_misc here"
	FORMAT=brattice-$$
	local name=$FORMAT
	echo ":$name:E::$name::/bin/cat:" > "$W/formats/register"
	echo content > "program.$name"
	chmod +x "program.$name"
	give
	[ "$(inside "./program.$name")" = content ]
	[ "$(events exec .program | tail -n 1 | jq -r .)" = "$(realpath /bin/cat)" ]
	[ "$(events exec .script.path | tail -n 1 | jq -r .)" = "./program.$name" ]
}

@test "calls that fail, each by its errno; what is only searched for is no failure" {
	printf '#!/no/such\n' > no-interpreter
	echo junk > no-format
	chmod +x no-interpreter no-format
	give
	# As natively.
	[ "$(me ./execs fail)" = "$(inside ./execs fail)" ]
	[ "$(events exec-failed .errno | tr '\n' ' ')" = "13 13 36 2 8 2 20 14 " ]
	[ "$(events exec-failed 'select(.program == "./no-format") | [.argv, .cwd, .hint]')" = "[[\"x\"],\"$P\",true]" ]
	inside_sh 'PATH=/nonexistent:/usr/games:/usr/local/sbin:$PATH exec env true'
	[ "$(events exec-failed | wc -l)" -eq 0 ]
	whole
	all_ended
}

@test "who started what: subshells, daemons, a copy that a reaper has adopted" {
	inside_sh '( (./execs report sub; :); :); setsid -f sh -c "./execs report daemon; :" ; sh -c "while ! [ -e done ]; do sleep 0.01; done" & sleep 0.2; touch done; wait; ./execs orphan' > "$W/log/ran"
	reported | sort | diff <(sort "$W/log/ran") -
	of() { events exec "select(.argv[2] == \"$1\") | .parent"; }
	shell=$(events exec 'select(.parent == null) | .exec')
	[ "$shell" -eq 1 ]
	[ "$(of sub)" -eq "$shell" ]
	[ "$(of daemon)" -eq "$(events exec 'select((.argv[2] // "") | startswith("./execs report daemon")) | .exec')" ]
	[ "$(of orphan)" -eq "$(events exec 'select(.argv[1] == "orphan-middle") | .exec')" ]
	whole
	all_ended
}

@test "how it ended: status, signal, time, memory" {
	inside_sh './execs status 0; ./execs status 3; ./execs signal 15; ./execs burn 200; exit 7' || [ $? -eq 7 ]
	of() { n=$(events exec "select(.argv[1:] == $1) | .exec"); events exit "select(.exec == $n) | $2"; }
	[ "$(of '["status","0"]' '[.status, .signal]')" = '[0,null]' ]
	[ "$(of '["status","3"]' '[.status, .signal]')" = '[3,null]' ]
	[ "$(of '["signal","15"]' '[.status, .signal]')" = '[null,15]' ]
	[ "$(of '["burn","200"]' '.user_s + .sys_s > 0.19 and .user_s + .sys_s < 10 and .wall_s > 0.19 and .rss_kb > 65536 and .rss_kb < 100000')" = true ]
	[ "$(events exit 'select(.exec == 1) | .status')" -eq 7 ]
	whole
	all_ended
}

@test "2 MB of arguments, whole; bytes that are no text" {
	inside "$E" big 1800000 > "$W/log/out"
	[ "$(events exec 'select(.argv[1] == "sum") | "\(.argv | length) \([.argv[] | length + 1] | add)"' | jq -r .)" = "$(cat "$W/log/out")" ]
	inside "$E" bytes > "$W/log/out"
	[ "$(cat "$W/log/out")" = "7 $((${#E} + 35))" ]
	[ "$(events exec 'select(.argv[1] == "sum") | .argv[2:]')" = '[{"base64":"//4="},"new\nline","\u001b[31mred","","\"quote\\"]' ]
}

@test "another thread rewrites name and arguments: the record is what ran, 2,000 times" {
	me cp execs prog-a
	me cp execs prog-b
	inside ./execs race "$P/prog-a" "$P/prog-b" 2000 > "$W/log/ran"
	[ "$(wc -l < "$W/log/ran")" -gt 1000 ]
	# It is a race: each of both names, and of both words, won.
	for what in "$P/prog-a" "$P/prog-b" first other; do [ "$(grep -c "$what" "$W/log/ran")" -gt 20 ]; done
	LC_ALL=C sort "$W/log/ran" > "$W/log/a"
	reported | LC_ALL=C sort | diff "$W/log/a" - > "$W/log/diff" || { head "$W/log/diff"; return 1; }
}

@test "killed in the middle" {
	inside "$E" kill 400
	whole
	# Whoever was killed after its exec has an end by signal.
	[ "$(events exit 'select(.signal == 9)' | wc -l)" -gt 0 ]
}

@test "stopped and continued in the middle" {
	[ "$(inside "$E" stop 400)" = "400 0" ]
	[ "$(events exit 'select(.status == 0)' | wc -l)" -eq 401 ]
	whole
	all_ended
}

@test "threads that end, and that exec too, during an exec" {
	inside timeout 60 "$E" threads 200
	whole
	all_ended
}

@test "10,000 short processes, whose numbers come again" {
	cat > "$H/limits.yaml" <<-EOF
		version: 1
		limits:
		  pids: 310
	EOF
	give
	RUN_ARGS=(--policy "$H/limits.yaml")
	inside "$E" many 10000 "$E" status 0
	[ "$(events exec .exec | wc -l)" -eq 10001 ]
	[ "$(events exit .exec | sort -u | wc -l)" -eq 10001 ]
	[ "$(events exec .pid | sort -u | wc -l)" -lt 400 ]
	[ "$(events exec 'select(.exec > 1) | .parent' | sort -u)" = 1 ]
	whole
	all_ended
}

@test "eight threads that spawn all the time; 500 processes at once" {
	inside "$E" storm 8 150 "$E" status 0
	[ "$(events exit 'select(.status == 0)' | wc -l)" -eq 1201 ]
	whole
	inside "$E" crowd 500 /bin/cat
	[ "$(events exit 'select(.status == 0)' | wc -l)" -eq 501 ]
	whole
	all_ended
}

@test "what a debugger inside traces can't be stopped: a hint, and its work goes on" {
	command -v strace > /dev/null || skip "no strace"
	inside strace -f -o trace.out sh -c './execs report traced; true' > "$W/log/ran"
	# Its program is the name that was asked for.
	[ "$(cut -d $'\x1f' -f 1,3- "$W/log/ran")" = "$(reported | cut -d $'\x1f' -f 1,3-)" ]
	grep -q 'execve("./execs"' trace.out
	[ "$(events exec 'select(.argv[2] == "traced") | .hint')" = true ]
	[ "$(events exec 'select(.argv[0] == "strace") | .hint')" = null ]
}

@test "jobs, time limits and times as ever" {
	run inside timeout 0.2 sleep 60
	[ "$status" -eq 124 ]
	inside bash -c 'set -m; sleep 60 & kill -STOP $!; until jobs -s | grep -q sleep; do :; done; kill -CONT $!; until jobs -r | grep -q sleep; do :; done; kill $!; while kill -0 $!; do :; done' || true
	[ "$(events exit 'select(.signal == 15)' | wc -l)" -eq 1 ]
	inside bash -c 'time true' 2>&1 | grep -q real
	[ "$(events exec '.argv[0]' | tail -n 1)" = '"bash"' ]
}

@test "no secret of a command line is in the record" {
	inside "$E" report --password hunter2-$$ --token=abcdefgh-$$ > "$W/log/ran"
	grep -q hunter2-$$ "$W/log/ran"
	[ "$(record | grep -c -e "hunter2-$$" -e "abcdefgh-$$")" -eq 0 ]
	[ "$(events exec '.argv[3] | has("h")')" = true ]
}

@test "nothing runs unrecorded: without its auditor the session ends" {
	inside sh -c 'while :; do ./execs report x; done' > "$W/log/ran" &
	local pid auditor=
	pid=$!
	for _ in $(seq 200); do
		auditor=$(pgrep -f '^brattice: auditor$' | while read -r a; do
			[ "$(readlink "/proc/$a/exe")" = "$B/libexec/brattice/brattice-auditor" ] && echo "$a"
		done || true)
		[ -s "$W/log/ran" ] && [ -n "$auditor" ] && break
		sleep 0.05
	done
	[ -n "$auditor" ]
	kill -9 "$auditor"
	run wait "$pid"
	[ "$status" -ne 0 ]
	ran=$(wc -l < "$W/log/ran")
	for _ in $(seq 20); do
		[ "$(wc -l < "$W/log/ran")" -eq "$ran" ]
		sleep 0.05
	done
	[ "$ran" -gt 0 ]
}

@test "the session ends while others are at their execs, 50 times" {
	for i in $(seq 50); do
		run timeout 30 bash -c "source '$BATS_TEST_DIRNAME/lib.bash'; inside /bin/sh -c 'sleep 300 & setsid sleep 301 & ./execs storm 4 1000 ./execs status 0 & [ $((i % 2)) = 0 ] || ./execs status 0; exit 3'"
		[ "$status" -eq 3 ]
	done
	all_ended
}
