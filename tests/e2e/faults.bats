#!/usr/bin/env bats
# Bad input and faults: whatever is wrong with the place, the machine or the kernel, brattice either runs with the whole wall or
# says what is missing and runs nothing; and nothing is left behind. docs/architecture.md, invariants 1, 6, 7 and 8.
load lib

setup_file() {
	world_make
	mkdir "$W/tools"
	cp "$(dirname "$BRATTICE")/tests/tools/deny" "$W/tools/"
	chmod -R a+rX "$W/tools"
}
teardown_file() { world_remove; }
setup() {
	project_reset
	WRAP=() NS=() ENV=() RUN_ARGS=() CWD=$P STATE=$H/.local/state/brattice
	rm -f "$W/log/out" "$W/log/err" "$W/log/status"
	git_status > "$W/log/status-before"
}
teardown() {
	local pid
	[ -z "${DISK_PID:-}" ] || kill "$DISK_PID" 2> /dev/null || true
	# Of a test that failed.
	for pid in $(ours); do kill -KILL "$pid" 2> /dev/null || true; done
}

# brattice run as a user runs it, behind WRAP (a program that takes something away), in the namespaces of NS, in CWD, with ENV.
# OUT, ERR and STATUS are what comes of it. Half a minute, or it hangs.
faulty() {
	local as=()
	# Not runuser: that stays between, and stops itself when its child is stopped.
	[ "$BRATTICE_E2E_AS" != user ] || as=(setpriv --reuid="$E2E_USER" --regid="$E2E_USER" --init-groups)
	STATUS=0
	(cd "$CWD" && exec timeout -k 5 30 "${NS[@]}" "${as[@]}" env -i HOME="$H" PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 TERM=xterm XDG_RUNTIME_DIR="$W/run" \
		P="$P" "${ENV[@]}" "${WRAP[@]}" "$B/brattice" run --no-terminal "${RUN_ARGS[@]}" -- "$@") \
		< /dev/null > "$W/log/out" 2> "$W/log/err" 3>&- || STATUS=$?
	OUT=$(< "$W/log/out") ERR=$(< "$W/log/err")
	echo "status $STATUS; out: ${OUT:0:400}; err: ${ERR:0:1500}"
}
# What an agent would try first: prints LEAK for each thing that the wall should have refused.
PROBE='echo ran; cat .env && echo LEAK; cat sub/.env && echo LEAK; (echo x > .git/hooks/post-commit) && echo LEAK; (echo x > .mcp.json) && echo LEAK
	ls "$P/../other" && echo LEAK; (: < /dev/tcp/127.0.0.1/1) && echo LEAK; unshare -Ur true && echo LEAK; exit 7'
# refused STATUS TEXT…: brattice said so, and nothing ran.
refused() {
	local want=$1 text
	shift
	[ "$STATUS" -eq "$want" ] || { echo "status is $STATUS, not $want"; return 1; }
	[ -z "$OUT" ] || { echo "something ran"; return 1; }
	for text; do
		[[ $ERR == *"$text"* ]] || { echo "not said: $text"; return 1; }
	done
	clean
}
# whole_or_nothing: either brattice refused, with a reason, or the command met the whole wall.
whole_or_nothing() {
	case $STATUS in
	125) [[ $OUT != *ran* && $ERR == *brattice:* ]] || { echo "125, but something ran, or no reason given"; return 1; } ;;
	7) [[ $OUT == *ran* && $OUT != *LEAK* ]] || { echo "a run with less"; return 1; } ;;
	*) echo "status $STATUS"; return 1 ;;
	esac
	clean
}
# The processes of this world's brattice: monitors by their command line, the others, which have overwritten theirs, by program.
ours() {
	local pid owner
	for pid in $(pgrep -f "^($B/brattice run |brattice: (init|path gate|auditor)\$)"); do
		case $(readlink "/proc/$pid/exe") in "$B/brattice" | "$B/libexec/brattice/brattice-auditor") ;; *) continue ;; esac
		owner=$pid
		grep -qz '^brattice: ' "/proc/$pid/cmdline" 2> /dev/null && owner=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status" 2> /dev/null)
		# Files of tests run side by side: another world's session is none of ours. One without a monitor is anybody's.
		[ "${owner:-1}" -eq 1 ] || grep -qaF "$W/" "/proc/$owner/environ" 2> /dev/null || continue
		echo "$pid"
	done
}
# Nothing lives, listens, is mounted or lies in the project.
clean() {
	local bad
	for _ in $(seq 50); do
		bad=$(ours)
		[ -n "$bad" ] || break
		sleep 0.1
	done
	# shellcheck disable=SC2086 # several
	[ -z "$bad" ] || { echo "lives: $(ps -o pid=,args= $bad)"; return 1; }
	if grep -F " $W/" /proc/self/mountinfo; then echo "mounted"; return 1; fi
	bad=$(find "$W/run" -type s)
	[ -z "$bad" ] || { echo "socket: $bad"; return 1; }
	git_status > "$W/log/status-after"
	diff "$W/log/status-before" "$W/log/status-after"
}
as_me() {
	if [ "$BRATTICE_E2E_AS" = user ]; then chown -R "$E2E_USER:" "$@"; fi
}

# --- where it runs -----------------------------------------------------------------------------------------------------------

@test "no such command, and one that can't be executed" {
	faulty no-such-command
	refused 127 "cannot run no-such-command" "mend: "
	faulty ./no-such-command
	refused 127 "cannot run ./no-such-command"
	faulty ./README
	refused 126 "cannot run ./README: Permission denied"
	faulty "$P"
	refused 126 "cannot run $P"
	faulty ""
	refused 127 "an empty word is no command"
	printf '#!/no/such/interpreter\n' > "$P/probe-script"
	chmod 755 "$P/probe-script"
	faulty ./probe-script
	rm "$P/probe-script"
	refused 127 "cannot run ./probe-script"
	faulty "$(printf 'a\nb\033[31m')"
	refused 127 "cannot run a"
	[[ $ERR != *$'\033'* ]]
}
@test "a project that can't be read, or isn't one" {
	[ "$BRATTICE_E2E_AS" != root ] || skip "root reads everything"
	mkdir "$W/closed"
	as_me "$W/closed"
	chmod 0 "$W/closed"
	RUN_ARGS=(--cwd "$W/closed")
	faulty true
	refused 125 "$W/closed" "Permission denied"
	chmod 311 "$W/closed"
	faulty true
	refused 125 "cannot read the project $W/closed" "mend: "
	RUN_ARGS=(--cwd "$W/none")
	faulty true
	refused 125 "$W/none" "No such file"
	RUN_ARGS=(--cwd "$P/README")
	faulty true
	refused 125 "$P/README" "Not a directory"
	RUN_ARGS=(--cwd "")
	faulty true
	refused 125 "brattice:"
}
@test "a working directory that is gone" {
	mkdir "$P/probe-gone"
	STATUS=0
	me sh -c 'cd "$P/probe-gone" && rmdir ../probe-gone && exec "$@"' - "$B/brattice" run --no-terminal -- true > "$W/log/out" 2> "$W/log/err" || STATUS=$?
	OUT=$(< "$W/log/out") ERR=$(< "$W/log/err")
	refused 125 "brattice:"
}
@test "the whole machine or the home as the project: refused, unless forced" {
	local dir
	chmod 755 "$W"
	for dir in / "$H" "$W"; do
		CWD=$dir
		faulty true
		refused 126 "the project would be" "--force"
	done
	chmod 711 "$W"
	CWD=$H RUN_ARGS=(--force)
	faulty /bin/sh -c 'echo ran; cat .ssh/id_rsa && echo LEAK; (echo x > .bashrc) && echo LEAK; exit 7'
	[ "$STATUS" -eq 125 ] || [ "$STATUS" -eq 126 ] || whole_or_nothing
}
@test "a project by a symbolic link, and one that is moved there through .." {
	ln -s "$P" "$W/link"
	RUN_ARGS=(--cwd "$W/link")
	faulty /bin/sh -c 'pwd; cat .env || exit 9'
	[ "$STATUS" -eq 9 ]
	[ "$OUT" = "$P" ]
	CWD=$W/link RUN_ARGS=()
	faulty /bin/sh -c "$PROBE"
	[ "$STATUS" -eq 7 ]
	whole_or_nothing
	RUN_ARGS=(--cwd "$W/link/sub/dir/../..")
	faulty /bin/sh -c "$PROBE"
	[ "$STATUS" -eq 7 ]
	whole_or_nothing
	rm "$W/link"
}
# works_in DIR: the probe, in a repository of that name.
works_in() {
	mkdir -p "$1/sub" "$W/other" || return
	(cd "$1" && HOME=$H git init -q . && echo "$CANARY" > .env && echo "$CANARY" > sub/.env)
	as_me "$1"
	CWD=$1
	faulty /bin/sh -c "$PROBE"
	[ "$STATUS" -eq 7 ] && whole_or_nothing || return
	faulty /bin/sh -c 'pwd; mkdir new && echo x > new/f && mv new/f new/g && git add new/g && cat new/g'
	[ "$STATUS" -eq 0 ] && [ "$OUT" = "$1"$'\nx' ] && clean
}
@test "projects with newlines, spaces, quotes, backslashes, UTF-8, bytes that are not, and 255 bytes in their names" {
	local long name
	long=$(printf 'n%.0s' $(seq 255))
	mkdir "$W/names"
	for name in 'with space' $'new\nline' $'tab\there' 'quo"te' "quo'te" 'back\slash' 'back\040slash' '$(touch x)' 'héß語' $'\xff\xfe' '-dash' '%s%n' '*?[a]' 'a:b,c=d' "$long"; do
		works_in "$W/names/$name" || { echo "name: $name"; return 1; }
	done
	rm -rf "$W/names"
}
@test "projects below /tmp, /var/tmp, /dev/shm, /run and /opt" {
	local base dir
	for base in /tmp /var/tmp /dev/shm /run /opt; do
		[ -w "$base" ] || continue
		dir=$(mktemp -d "$base/brattice-e2e.XXXXXX")
		chmod 755 "$dir"
		works_in "$dir/app" || { echo "below $base"; rm -rf "$dir"; return 1; }
		rm -rf "$dir"
	done
}
@test "a project in a path of nearly 4096 bytes, and of more" {
	local dir=$W/long name
	name=$(printf 'n%.0s' $(seq 199))
	while [ $((${#dir} + 200)) -lt 3900 ]; do dir=$dir/$name; done
	mkdir -p "$dir"
	works_in "$dir"
	# Deeper in that repository, to the last byte, and past it.
	while [ ${#dir} -lt 4080 ]; do dir=$dir/nnnnnnnn; done
	mkdir -p "$dir"
	echo "$CANARY" > "$dir/.env"
	as_me "$W/long"
	CWD=$dir
	faulty /bin/sh -c 'echo ran; cat .env && echo LEAK; exit 7'
	whole_or_nothing
	(
		cd "$dir"
		mkdir "$name"
		cd "$name"
		echo "$CANARY" > .env
		CWD=.
		faulty /bin/sh -c 'echo ran; cat .env && echo LEAK; exit 7'
		whole_or_nothing
	)
	rm -rf "$W/long"
}
@test "arguments and environments without end" {
	local big
	big=$(head -c 120000 /dev/zero | tr '\0' x)
	faulty /bin/sh -c 'echo "$#"; exit 7' - "$big" "$big" "$big"
	[ "$STATUS" -eq 7 ]
	[ "$OUT" = 3 ]
	ENV=(BIG="$big") RUN_ARGS=(--env BIG)
	faulty /bin/sh -c 'echo "${#BIG}"'
	[ "$OUT" = 120000 ]
	# shellcheck disable=SC2046 # words on purpose
	faulty /bin/echo $(seq 100000) > /dev/null
	[ "$STATUS" -eq 0 ]
	clean
}

# --- policies that are none ---------------------------------------------------------------------------------------------------

@test "a policy that is a directory, a FIFO, ten megabytes, a bomb: refused by run, at once" {
	local sum
	mkdir "$P/brattice.yaml"
	faulty touch "$P/probe-ran"
	refused_policy "is a directory"
	mkfifo "$P/brattice.yaml"
	faulty touch "$P/probe-ran"
	refused_policy "not a regular file"
	head -c 10000000 /dev/zero | tr '\0' '#' > "$P/brattice.yaml"
	faulty touch "$P/probe-ran"
	refused_policy "bigger than"
	{ echo 'a: &a [x,x,x,x,x,x,x,x,x]'; for i in b c d e f g h i; do echo "$i: &$i [*a,*a,*a,*a,*a,*a,*a]"; done; } > "$P/brattice.yaml"
	sum=$(sha256sum < "$P/brattice.yaml" | cut -d' ' -f1)
	RUN_ARGS=(--trust-policy "$sum")
	faulty touch "$P/probe-ran"
	refused_policy "anchors"
	ln -s /dev/zero "$P/brattice.yaml"
	faulty touch "$P/probe-ran"
	refused_policy "not a regular file"
}
refused_policy() {
	[ ! -e "$P/probe-ran" ]
	rm -rf "$P/brattice.yaml"
	refused 125 "$@"
}

# --- where sessions are kept --------------------------------------------------------------------------------------------------

# A small file system where sessions are kept, in a mount namespace of this test. disk SIZE [OPTION…]
disk() {
	local size=$1 who=0
	shift
	[ "$(id -u)" -eq 0 ] || skip "only root can mount a small disk here"
	[ "$BRATTICE_E2E_AS" != user ] || who=$E2E_USER
	mkdir -p "$STATE"
	: > "$W/log/disk"
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare -m --propagation private sh -c 'mount -t tmpfs -o "size=$2,mode=700,uid=$3,gid=$4" none "$1" && echo ready && exec sleep 1000' - \
		"$STATE" "$size" "$(id -u "$who")" "$(id -g "$who")" > "$W/log/disk" 3>&- &
	DISK_PID=$!
	until grep -q ready "$W/log/disk"; do kill -0 "$DISK_PID"; done
	# shellcheck disable=SC2016
	NS=(nsenter -t "$DISK_PID" -m sh -c 'cd "$0" && exec "$@"' "$CWD")
}
on_disk() { nsenter -t "$DISK_PID" -m "$@"; }
# Leaves so many KiB of it.
leave() {
	on_disk sh -c 'rm -f "$1/fill"; free=$(df -k --output=avail "$1" | tail -1); [ "$free" -le "$2" ] || head -c $(((free - $2) * 1024)) /dev/zero > "$1/fill"' - "$STATE" "$1"
}
@test "a full disk at the start: a reason, or the whole wall" {
	local kib seen=
	disk 1m
	for kib in 0 4 8 12 16; do
		leave "$kib" # the policy isn't compiled yet
		faulty /bin/sh -c "$PROBE"
		stopped_or_whole
	done
	leave 500
	faulty /bin/sh -c "$PROBE"
	[ "$STATUS" -eq 7 ]
	for kib in 0 4 8 12 16 20 24 28 32 40 48 56; do
		leave "$kib"
		faulty /bin/sh -c "$PROBE"
		stopped_or_whole
		seen+=" $STATUS"
	done
	[[ $seen == *" 125"* && $seen == *" 7"* ]] || { echo "levels don't meet both: $seen"; return 1; }
}
# As whole_or_nothing, but the session may also be stopped on the way, when a refusal could not be recorded.
stopped_or_whole() {
	[[ $OUT != *LEAK* ]] || return 1
	case $STATUS in
	125) [[ $ERR == *"No space left on device"* ]] || { echo "no reason given"; return 1; } ;;
	7) [[ $OUT == *ran* ]] ;;
	*) echo "status $STATUS"; return 1 ;;
	esac
	clean
}
@test "the disk becomes full while refusals are recorded: the session ends, and none is released unrecorded" {
	local told recorded
	disk 1m
	faulty true
	leave 96
	# shellcheck disable=SC2016
	faulty /bin/sh -c 'i=0; while [ $i -lt 5000 ]; do (echo x > .git/hooks/h$i) 2> /dev/null || echo $i; i=$((i + 1)); done; echo end' > "$W/log/said"
	head -c 600 "$W/log/said"
	[ "$STATUS" -eq 125 ]
	[[ $ERR == *"cannot write the session's record"* && $ERR == *"mend: make room"* ]]
	[[ $OUT != *end* ]]
	told=$(wc -l <<< "$OUT")
	recorded=$(on_disk sh -c "$RECORD" "$STATE" | grep -c '"decision":"deny"')
	echo "told $told, recorded $recorded"
	[ "$told" -ge 10 ]
	[ "$recorded" -ge "$told" ]
	# What lies there is whole lines, but for the last one's beginning.
	on_disk sh -c "$RECORD" "$STATE" | head -n -1 | jq -c . > /dev/null
	clean
	# And with room it goes on.
	leave 500
	faulty /bin/sh -c "$PROBE"
	[ "$STATUS" -eq 7 ]
	on_disk sh -c 'ls -d "$1"/sessions/*/home "$1"/sessions/*/lock' - "$STATE" 2> /dev/null | tee "$W/log/left"
	[ ! -s "$W/log/left" ]
}
@test "a state directory that can't be written" {
	disk 1m
	on_disk mount -o remount,ro "$STATE"
	faulty /bin/sh -c "$PROBE"
	refused 125 "Read-only file system" "BRATTICE_STATE"
	[ "$BRATTICE_E2E_AS" != root ] || return 0
	on_disk mount -o remount,rw "$STATE"
	on_disk chmod 500 "$STATE"
	faulty /bin/sh -c "$PROBE"
	refused 125 "Permission denied"
}
@test "a state directory that is a link, a file, open to others, somebody else's" {
	local s=$W/state
	mkdir -m 700 "$s" "$s/real" "$s/open"
	ln -s real "$s/link"
	: > "$s/file"
	as_me "$s"
	ENV=(BRATTICE_STATE="$s/link")
	faulty /bin/sh -c "$PROBE"
	refused 125 "$s/link is a symbolic link" "mend: "
	ENV=(BRATTICE_STATE="$s/file")
	faulty /bin/sh -c "$PROBE"
	refused 125 "$s/file" "Not a directory"
	chmod 777 "$s/open"
	ENV=(BRATTICE_STATE="$s/open")
	faulty /bin/sh -c "$PROBE"
	refused 125 "open to other users" "chmod 700"
	ENV=(BRATTICE_STATE=relative)
	faulty /bin/sh -c "$PROBE"
	refused 125 "not an absolute path" "mend: "
	[ "$(id -u)" -eq 0 ] || return 0
	if [ "$BRATTICE_E2E_AS" = user ]; then chown 0 "$s/real"; else chown 1 "$s/real"; fi
	chmod 700 "$s/real"
	ENV=(BRATTICE_STATE="$s/real")
	faulty /bin/sh -c "$PROBE"
	refused 125 "$s/real"
	[[ $ERR == *"belongs to uid"* || $ERR == *"Permission denied"* ]]
	rm -rf "$s"
}
@test "no HOME, and no runtime directory or one that is unusable" {
	local long
	WRAP=(env -u HOME)
	faulty /bin/sh -c "$PROBE"
	whole_or_nothing
	WRAP=(env HOME=relative)
	faulty /bin/sh -c "$PROBE"
	whole_or_nothing
	WRAP=(env HOME=/nonexistent)
	faulty /bin/sh -c "$PROBE"
	whole_or_nothing
	WRAP=(env -u XDG_RUNTIME_DIR)
	faulty /bin/sh -c "$PROBE"
	[ "$STATUS" -eq 7 ]
	whole_or_nothing
	long=$W/run/$(printf 'l%.0s' $(seq 200))
	mkdir -m 700 "$long"
	as_me "$long"
	for dir in "$long" "$W/run/none" /tmp / relative "$P/README"; do
		WRAP=(env XDG_RUNTIME_DIR="$dir")
		faulty /bin/sh -c "$PROBE"
		[ "$STATUS" -eq 7 ] || { echo "with $dir"; return 1; }
		whole_or_nothing
	done
	rm -rf "$long"
}

# --- what it is given ---------------------------------------------------------------------------------------------------------

# As whole_or_nothing where the command itself suffers too: any end, but soon, and with nothing leaked or left.
no_less() {
	[[ $OUT != *LEAK* ]] || { echo "a run with less"; return 1; }
	[ "$STATUS" -ne 124 ] && [ "$STATUS" -ne 137 ] || { echo "hangs"; return 1; }
	[[ $STATUS -ne 125 || $ERR == *brattice:* ]] || { echo "no reason given"; return 1; }
	[ "$STATUS" -ne 0 ] || { echo "no failure"; return 1; }
	clean
}
@test "too little memory" {
	local kib
	for kib in 600 800 1000 1500 2000 3000 4000 6000 8000 12000 20000 40000; do
		WRAP=(prlimit --as=$((kib * 1024)))
		faulty /bin/sh -c "$PROBE"
		no_less || { echo "with $kib KiB"; return 1; }
	done
	WRAP=(prlimit --data=100000 --stack=65536)
	faulty /bin/sh -c "$PROBE"
	no_less
}
@test "too few descriptors" {
	local n
	for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 18 20 24 28 32 40 48 64 128; do
		WRAP=(prlimit --nofile="$n")
		faulty /bin/sh -c "$PROBE"
		no_less || { echo "with $n"; return 1; }
	done
	[ "$STATUS" -eq 7 ]
}
@test "no more processes" {
	[ "$BRATTICE_E2E_AS" = user ] || skip "for root, and for other processes of this user, the limit doesn't hold alone"
	local n
	for n in 0 1 2 3 4 5 6 8; do
		WRAP=(prlimit --nproc="$n")
		faulty /bin/sh -c "$PROBE"
		no_less || { echo "with $n"; return 1; }
	done
}
@test "files that may not grow" {
	local n
	for n in 200 1000 5000 20000; do
		WRAP=(prlimit --fsize="$n")
		faulty /bin/sh -c "$PROBE"
		no_less || { echo "with $n"; return 1; }
	done
}
@test "a small cgroup" {
	local g=/sys/fs/cgroup/brattice-e2e.$$ v mib
	[ "$(id -u)" -eq 0 ] || skip "only root can make one"
	[ -e /sys/fs/cgroup/cgroup.controllers ] || g=/sys/fs/cgroup/memory/brattice-e2e.$$
	mkdir "$g" 2> /dev/null || skip "no cgroup can be made here"
	v=$g/memory.max
	[ -e "$v" ] || v=$g/memory.limit_in_bytes
	if ! [ -w "$v" ]; then rmdir "$g"; skip "no memory controller here"; fi
	for mib in 1 2 3 4 8; do
		echo $((mib << 20)) > "$v"
		# shellcheck disable=SC2016
		NS=(sh -c 'echo 0 > "$0/cgroup.procs" && exec "$@"' "$g")
		faulty /bin/sh -c "$PROBE"
		# The kernel's killer may have taken the monitor itself: then as after any kill -9.
		if [ "$STATUS" -eq 137 ]; then
			[[ $OUT != *LEAK* ]] && clean_but_names
		else
			no_less
		fi || { rmdir "$g"; return 1; }
	done
	rmdir "$g"
}
@test "signals that are blocked or ignored before" {
	WRAP=(env --ignore-signal=CHLD)
	faulty /bin/sh -c "$PROBE"
	[ "$STATUS" -eq 7 ]
	whole_or_nothing
	# All of them: those that a C library keeps for itself (32, 33) by the kernel's own call.
	WRAP=(env --block-signal "--ignore-signal=CHLD,TERM,INT,HUP,QUIT,PIPE,USR1,USR2,WINCH,ALRM" python3 -c '
import ctypes, os, platform, sys
ignore = (ctypes.c_ulong * 8)(1)
for s in range(32, 65):
    ctypes.CDLL(None).syscall(13 if platform.machine() == "x86_64" else 134, s, ignore, None, ctypes.c_ulong(8))
os.execvp(sys.argv[1], sys.argv[1:])')
	faulty /bin/sh -c "$PROBE"
	[ "$STATUS" -eq 7 ]
	whole_or_nothing
	rm -rf "$H/.local/state/brattice/policy" # compiled anew by the helper
	faulty grep -E '^Sig(Blk|Ign)' /proc/self/status
	[ "$OUT" = $'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000' ]
}
@test "standard input, output and error closed, each way" {
	local how
	for how in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-' ''; do
		WRAP=(sh -c "exec $how; exec \"\$@\"" -)
		# shellcheck disable=SC2016
		faulty /bin/sh -c 'cat > /dev/null; echo SP""AM; echo SP""AM >&2; readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 > probe-fds; (echo x > .git/hooks/h) && touch probe-leak; exit 7'
		[ "$STATUS" -eq 7 ] || { echo "with $how"; return 1; }
		[ "$(wc -l < "$P/probe-fds")" -eq 3 ]
		[ ! -e "$P/probe-leak" ]
		rm -f "$P/probe-fds"
		clean
	done
	# A line of its own: a signature in base64 may have any word in it.
	if grep -rlx SPAM "$STATE"; then return 1; fi
	# Errors have nowhere to go, and go nowhere else.
	WRAP=(sh -c 'exec <&- >&- 2>&-; exec "$@"' -)
	faulty no-such-command
	[ "$STATUS" -eq 127 ]
}
@test "signals in a storm, through start, run and end" {
	local i pid job
	for i in 1 2 3; do
		(faulty /bin/sh -c 'trap "" USR1 USR2; : > probe-ready; while [ -e probe-ready ]; do :; done; cat .env && echo LEAK; echo ran; exit 7' > /dev/null
			printf '%s\n' "$STATUS" "$OUT" > "$W/log/storm") 3>&- &
		job=$!
		until pid=$(ours | head -n 1) && [ -n "$pid" ]; do kill -0 "$job"; done
		storm "$pid" 300 WINCH CHLD CONT
		until [ -e "$P/probe-ready" ]; do kill -0 "$job"; done
		storm "$pid" 1000 WINCH USR1 USR2 CHLD CONT
		rm "$P/probe-ready"
		storm "$pid" 300 WINCH CHLD CONT
		wait "$job"
		cat "$W/log/storm"
		[ "$(tr '\n' ' ' < "$W/log/storm")" = "7 ran " ]
		clean
	done
}
storm() {
	local pid=$1 n=$2 s
	shift 2
	while [ $((n -= 1)) -ge 0 ]; do
		for s; do kill -s "$s" "$pid" 2> /dev/null || return 0; done
	done
}
@test "every process of a session stopped and continued, again and again: all calls are resumed" {
	local job n=0 pid pids
	(faulty /bin/sh -c 'i=0; while [ $i -lt 100 ]; do echo $i > probe-f && mv probe-f probe-g && (echo x > .git/hooks/h$i) 2> /dev/null && echo LEAK; i=$((i + 1)); done; cat .env && echo LEAK; echo ran; exit 7' > /dev/null
		printf '%s\n' "$STATUS" "$OUT" > "$W/log/storm") 3>&- &
	job=$!
	until [ -n "$(ours)" ]; do kill -0 "$job"; done
	while kill -0 "$job" 2> /dev/null && [ $((n += 1)) -lt 300 ]; do
		mapfile -t pids < <(ours)
		for pid in "${pids[@]}"; do kill -STOP "$pid" && kill -CONT "$pid"; done 2> /dev/null || true
	done
	wait "$job"
	cat "$W/log/storm"
	[ "$(tr '\n' ' ' < "$W/log/storm")" = "7 ran " ]
	[ "$(< "$P/probe-g")" = 99 ]
	rm "$P/probe-g"
	clean
}
@test "an open is answered with its own descriptor, also when the gate is stopped in the middle" {
	local job gate
	cat > "$P/probe-opens.py" <<-'END'
		import os
		open("probe-ready", "w").close()
		n = 0
		while os.path.exists("probe-ready"):
		    fd = os.open("probe-f", os.O_WRONLY | os.O_CREAT, 0o600)
		    if fd <= 2:
		        print("answered with", fd)
		        break
		    os.close(fd)
		    n += 1
		print("ran" if n > 100 else "too few")
	END
	(faulty python3 probe-opens.py > /dev/null; printf '%s\n' "$STATUS" "$OUT" > "$W/log/storm") 3>&- &
	job=$!
	until [ -e "$P/probe-ready" ]; do kill -0 "$job"; done
	gate=$(for p in $(ours); do ! grep -q "^brattice: path gate" "/proc/$p/cmdline" || echo "$p"; done)
	storm "$gate" 5000 STOP CONT
	rm -f "$P/probe-ready"
	wait "$job"
	cat "$W/log/storm"
	[ "$(tr '\n' ' ' < "$W/log/storm")" = "0 ran " ]
	rm "$P"/probe-[fo]*
	clean
}

# --- kernels that lack something ----------------------------------------------------------------------------------------------

# lacks TEXT CALL[:ERRNO]…: brattice refuses, and says TEXT and a mend.
lacks() {
	local text=$1
	shift
	WRAP=("$W/tools/deny" "$@" --)
	faulty /bin/sh -c "$PROBE"
	refused 125 "$text" "mend: " || { echo "without $*"; return 1; }
}
@test "a kernel without Landlock" {
	lacks "no Landlock" landlock_create_ruleset
	lacks "no Landlock" landlock_create_ruleset:EOPNOTSUPP
	lacks landlock landlock_add_rule
	lacks Landlock landlock_restrict_self
	[[ $ERR == *"brattice doctor"* ]]
}
@test "a kernel without namespaces for users" {
	lacks "namespaces" clone3
	lacks "namespaces" clone3:EPERM
	lacks "max_user_namespaces" clone3:ENOSPC
	lacks "namespaces" clone3:EINVAL
}
@test "a kernel whose user namespaces are used up" {
	[ "$(id -u)" -eq 0 ] || skip "only root can set the number"
	[ "$BRATTICE_E2E_AS" = root ] || skip "in a user namespace of its own, which is another user's"
	# shellcheck disable=SC2016
	WRAP=(unshare -Ur sh -c 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"' -)
	faulty /bin/sh -c "$PROBE"
	[ "$STATUS" -eq 125 ]
	whole_or_nothing
}
@test "a kernel without the calls that build the root" {
	local call
	for call in openat2 mount_setattr open_tree move_mount fsopen fsconfig fsmount umount2 pivot_root; do
		lacks "not implemented" "$call"
		lacks "not permitted" "$call:EPERM"
	done
}
@test "a kernel without the calls that lock it" {
	lacks seccomp seccomp
	lacks seccomp seccomp:EPERM
	lacks capabilities capset:EPERM
	lacks "not permitted" prctl:EPERM
	lacks "host name" sethostname:EPERM
	lacks "not permitted" socket:EPERM # loopback, or the control socket, whichever comes first
}
@test "another sandbox holds the listener" {
	WRAP=("$W/tools/deny" --listener --)
	faulty /bin/sh -c "$PROBE"
	refused 125 "seccomp" "mend: an enclosing sandbox already holds the seccomp listener" "/sandbox" "danger-full-access"
}
@test "a kernel without what the gate and the monitor need: a reason, or the whole wall" {
	local call
	for call in setns:EPERM setns inotify_init1:EMFILE socketpair:EMFILE pipe2:EMFILE flock fdatasync:EIO fdatasync:ENOSPC getrandom epoll_create1 \
		epoll_ctl:ENOSPC mkdirat:ENOSPC mkdirat:EROFS bind:EPERM listen:EPERM fchmodat:EPERM ioctl:EPERM sendmsg:EPERM recvmsg:EPERM \
		signalfd4:EMFILE prlimit64:EPERM pidfd_open pidfd_getfd pidfd_send_signal close_range statx statx:EPERM process_vm_writev memfd_create \
		timerfd_create statfs setsid:EPERM renameat2 mmap:ENOMEM; do
		WRAP=("$W/tools/deny" "$call" --)
		faulty /bin/sh -c "$PROBE"
		# Without its calls the loader of the command or of a helper doesn't come far either.
		case $call in
		mmap:*) no_less ;;
		*) whole_or_nothing ;;
		esac || { echo "without $call"; return 1; }
	done
}
@test "a gate that can't read the caller's memory refuses all" {
	WRAP=("$W/tools/deny" process_vm_readv --)
	faulty /bin/sh -c "$PROBE"
	[[ $OUT != *LEAK* ]]
	clean
}
@test "no pidfd_send_signal: a session can still be killed" {
	local job pid
	WRAP=("$W/tools/deny" pidfd_send_signal --)
	(faulty /bin/sh -c 'trap "" TERM; echo ran; while :; do sleep 0.1; done' > /dev/null; echo "$STATUS" > "$W/log/killed") 3>&- &
	job=$!
	until grep -q ran "$W/log/out" 2> /dev/null; do kill -0 "$job"; done
	me "$B/brattice" kill last
	wait "$job"
	[ "$(< "$W/log/killed")" = 137 ]
	clean
}
@test "brattice, bwrap and unshare inside: refused, with what to change" {
	RUN_ARGS=(--read "$B")
	faulty "$B/brattice" run --no-terminal -- echo inner
	[ "$STATUS" -eq 125 ]
	[[ $OUT != *inner* && $ERR == *"mend: this is inside a session of brattice already"* ]]
	clean
	faulty unshare -Ur echo inner
	[ "$STATUS" -ne 0 ]
	[[ $OUT != *inner* && $ERR == *"sandbox inside the sandbox; switch the inner one off"*"sandbox.enabled"*"danger-full-access"* ]]
	clean
	command -v bwrap > /dev/null || return 0
	faulty bwrap --bind / / --unshare-all echo inner
	[ "$STATUS" -ne 0 ]
	[[ $OUT != *inner* && $ERR == *"sandbox inside the sandbox; switch the inner one off"* ]]
	clean
}

# --- ends ---------------------------------------------------------------------------------------------------------------------

@test "TERM, INT, HUP, KILL while it starts: the status says so, and nothing is left" {
	local sig want i job pid
	for sig in TERM:143 INT:130 HUP:129 KILL:137; do
		want=${sig#*:} sig=${sig%:*}
		for i in 0 1 2 3 4 6 8 10 13 16 20 25; do
			WRAP=(env "--default-signal=INT,TERM,HUP")
			(faulty sleep 20 > /dev/null; echo "$STATUS" > "$W/log/status") 3>&- &
			job=$!
			until pid=$(ours | head -n 1) && [ -n "$pid" ]; do kill -0 "$job"; done
			[ "$i" -eq 0 ] || sleep "0.$(printf %03d "$i")" # so that it is met at another place each time
			kill -s "$sig" "$pid"
			wait "$job"
			[ "$(< "$W/log/status")" = "$want" ] || { echo "$sig after $i ms: $(< "$W/log/status"), $(< "$W/log/err")"; return 1; }
			clean_but_names || { echo "$sig after $i ms"; return 1; }
		done
	done
	faulty true
	me "$B/brattice" gc
	clean
}
# After SIGKILL inert names may be left, for the next start to remove.
clean_but_names() {
	local s
	for s in "$W"/run/brattice/*.sock; do
		if ss -xl | grep -qF "$s"; then echo "listens: $s"; return 1; fi
		rm -f "$s"
	done
	clean
}
@test "the terminal is as it was, whatever ended the session" {
	python3 - "$W/tools/deny" "$B/brattice" <<-'END'
		import os, pty, signal, subprocess, sys, termios, time
		deny, brattice = sys.argv[1:]
		as_user = ["setpriv", "--reuid=" + os.environ["E2E_USER"], "--regid=" + os.environ["E2E_USER"], "--init-groups"] if os.environ["BRATTICE_E2E_AS"] == "user" else []
		env = {"HOME": os.environ["H"], "PATH": "/usr/bin:/bin", "TERM": "xterm", "XDG_RUNTIME_DIR": os.environ["W"] + "/run", "LANG": "C.UTF-8"}

		def drain(fd):
		    os.set_blocking(fd, False)
		    try:
		        while os.read(fd, 65536): pass
		    except OSError: pass

		def session(command, wrap=(), sig=None, keys=None, want=None):
		    master, slave = pty.openpty()
		    before = termios.tcgetattr(slave)
		    def lead():
		        os.setsid()
		        import fcntl
		        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
		    p = subprocess.Popen(as_user + list(wrap) + [brattice, "run", "--"] + command, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=os.environ["P"], preexec_fn=lead)
		    end = time.time() + 30
		    if sig or keys:
		        while termios.tcgetattr(slave)[3] & termios.ICANON:
		            assert p.poll() is None and time.time() < end, "never raw"
		        if keys:
		            seen = b""
		            while b"ready" not in seen:
		                assert time.time() < end, "command never ready"
		                try: seen += os.read(master, 4096)
		                except BlockingIOError: pass
		            os.write(master, keys)
		        else:
		            p.send_signal(sig)
		    while p.poll() is None:
		        assert time.time() < end, "hangs"
		        drain(master)
		    after = termios.tcgetattr(slave)
		    assert before == after, (command, sig, before, after)
		    assert want is None or p.returncode == want, (command, sig, p.returncode)
		    os.close(master); os.close(slave)

		session(["true"], want=0)
		session(["sh", "-c", "stty raw -echo; exit 3"], want=3)
		session(["no-such-command"], want=127)
		session(["sh", "-c", "kill -9 $$"], want=137)
		session(["true"], wrap=[deny, "setns:EPERM", "--"], want=125)
		session(["true"], wrap=[deny, "fdatasync:EIO", "--"], want=125)
		session(["true"], wrap=[deny, "seccomp", "--"], want=125)
		for sig, want in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131)):
		    session(["sleep", "20"], sig=sig, want=want)
		session(["sh", "-c", "echo ready; exec sleep 20"], keys=b"\x03", want=130)
	END
	clean
}
@test "a reader that goes early, a writer that is slow" {
	local n
	n=$(inside sh -c 'while :; do echo line; done' 2> /dev/null | head -n 1)
	[ "$n" = line ]
	clean
	n=$(inside sh -c 'while :; do echo line; done' 2> /dev/null < /dev/zero | head -n 1)
	[ "$n" = line ]
	clean
	n=$({ for i in 1 2 3; do sleep 0.1; echo "$i"; done } | inside cat)
	[ "$n" = $'1\n2\n3' ]
	# Who doesn't read the input ends all the same.
	n=$(inside echo over < /dev/zero)
	[ "$n" = over ]
	n=$(sleep 1 | inside echo over)
	[ "$n" = over ]
	clean
}
@test "a hundred megabytes through pipes, files and a socket, both ways, unchanged" {
	local sum
	head -c 104857600 /dev/urandom > "$W/log/big"
	sum=$(sha256sum < "$W/log/big")
	[ "$(cat "$W/log/big" | inside cat | sha256sum)" = "$sum" ]
	inside cat < "$W/log/big" > "$W/log/copy"
	[ "$(sha256sum < "$W/log/copy")" = "$sum" ]
	inside sh -c 'cat >&2' < "$W/log/big" 2> "$W/log/copy"
	[ "$(sha256sum < "$W/log/copy")" = "$sum" ]
	[ "$(inside sha256sum < "$W/log/big")" = "$sum" ]
	[ "$(inside head -c 1000 < "$W/log/big" | sha256sum)" = "$(head -c 1000 "$W/log/big" | sha256sum)" ]
	rm "$W/log/big" "$W/log/copy"
	clean
}
# A pipe at descriptor 9 that is open for reading, but is not read.
unread() {
	mkfifo "$W/log/unread"
	chmod 666 "$W/log/unread"
	exec 9<> "$W/log/unread"
	rm "$W/log/unread"
	RUN_ARGS=(--json-events 9)
}
# shellcheck disable=SC2016 # expanded inside
REFUSALS='h=.git/hooks/$(printf "n%.0s" {1..240}); for ((i = 0; i < N; i++)); do (: > "$h") 2> /dev/null; done'
@test "events for a program: all of them, from start to end; one that has gone hinders nothing" {
	RUN_ARGS=(--json-events 9)
	faulty sh -c 'echo x > .mcp.json; exit 7' 9> "$W/log/events"
	[ "$STATUS" -eq 7 ]
	[ "$(jq -r .type "$W/log/events" | tr '\n' ' ')" = "start path end " ]
	# The record's own lines.
	record > "$W/log/record"
	[ "$(grep -cxFf "$W/log/events" "$W/log/record")" -eq 3 ]
	: | faulty sh -c 'echo x > .mcp.json; exit 7' 9> >(:)
	[ "$STATUS" -eq 7 ]
	clean
}
@test "events for a program that doesn't read them: the session goes on, can be stopped, and ends before it would lose one" {
	local job pid
	unread
	faulty bash -c "N=3000; $REFUSALS; echo end"
	refused 125 "nobody reads the events of --json-events" "mend: "
	exec 9>&-
	unread
	(faulty bash -c "N=250; $REFUSALS; echo > probe-ready; sleep 60" > /dev/null; echo "$STATUS" > "$W/log/status") 3>&- &
	job=$!
	until [ -e "$P/probe-ready" ]; do kill -0 "$job"; done
	pid=$(ours | head -n 1)
	kill -TERM "$pid"
	wait "$job"
	exec 9>&-
	[ "$(< "$W/log/status")" = 143 ]
	clean
}
