# What the end-to-end tests share: a world of its own on disk (a home with planted canaries, a project with a repository, another
# project), and ways to run things in it with and without the wall.
#
#   BRATTICE             the program under test (default build/brattice)
#   BRATTICE_E2E_AS      user (default when root runs the tests) or root: as whom brattice runs
#   BRATTICE_E2E_WALL    a --wall to ask for; default: what brattice takes
#   BRATTICE_E2E_RACE    seconds for each race (default 2)
#   BRATTICE_E2E_KILLS   rounds of each kill walk (default 200)
#   BRATTICE_E2E_DIR     where the worlds are made (default /home for root, else the home): a directory the sandbox doesn't have itself

E2E_USER=brattice-test
E2E_SOURCE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
: "${BRATTICE:=$E2E_SOURCE/build/brattice}"
: "${BRATTICE_E2E_RACE:=2}" "${BRATTICE_E2E_KILLS:=200}"
if [ "$(id -u)" -eq 0 ]; then
	: "${BRATTICE_E2E_AS:=user}" "${BRATTICE_E2E_DIR:=/home}"
else
	BRATTICE_E2E_AS=self
	: "${BRATTICE_E2E_DIR:=$HOME}"
fi

# Some tests call these functions in a shell of their own.
export BRATTICE BRATTICE_E2E_AS E2E_USER

# --- the world ---------------------------------------------------------------------------------------------------------------

# A copy of the build that the test user can read, made anew when the build is newer.
newer_helper() {
	local f
	for f in "$1"/libexec/brattice/brattice-*; do
		if [ -f "$f" ] && [ "$f" -nt "$2/libexec/brattice/$(basename "$f")" ]; then return 0; fi
	done
	return 1
}
build_copy() {
	local from to=$BRATTICE_E2E_DIR/.brattice-e2e-build.$(id -u)
	from=$(dirname "$(realpath "$BRATTICE")")
	(
		flock 9
		if [ ! -e "$to/brattice" ] || [ "$from/brattice" -nt "$to/brattice" ] || [ "$from/libexec/brattice/brattice-attack" -nt "$to/probe" ] || newer_helper "$from" "$to"; then
			mkdir -p "$to"
			cp -f --preserve=timestamps "$from/brattice" "$from/tests/attack/killwalk" "$to/"
			cp -f --preserve=timestamps "$from/libexec/brattice/brattice-attack" "$to/probe"
			if [ -d "$from/libexec" ]; then
				rm -rf "$to/libexec"
				mkdir -p "$to/libexec/brattice"
				find "$from/libexec/brattice" -maxdepth 1 -type f -perm /111 -exec cp -p {} "$to/libexec/brattice/" \;
			fi
			chmod -R a+rX "$to"
		fi
	) 9> "$to.lock"
	echo "$to"
}

# Called from setup_file. A file that needs no world of its own per test calls project_reset from setup.
world_make() {
	local marker
	B=$(build_copy)
	W=$(mktemp -d "$BRATTICE_E2E_DIR/brattice-e2e.XXXXXX")
	H=$W/home P=$W/home/src/app
	marker=canary-$(basename "$W" | tr -d .)
	export B W H P CANARY=$marker BATS_NO_PARALLELIZE_WITHIN_FILE=true
	chmod 0711 "$W"
	if [ "$BRATTICE_E2E_AS" = user ]; then
		# One at a time: two that add it at once give the name one number and the home another.
		flock /etc/passwd sh -c 'id "$1" > /dev/null 2>&1 || useradd --create-home "$1"' _ "$E2E_USER"
	fi
	mkdir -p "$H" "$W/run" "$W/log" "$W/template"
	plant_home
	plant_project
	give
	cp -a "$P" "$W/template/app"
	# Without this every attack would seem to be refused.
	inside true || { echo "brattice run does not work here"; return 1; }
}
# Everything of the world belongs to whom brattice runs as.
give() {
	if [ "$BRATTICE_E2E_AS" = user ]; then chown -R "$E2E_USER:" "$H" "$W/run" "$W/log" "$W/template"; fi
	chmod 0700 "$W/run"
}
world_remove() {
	[ -n "${W:-}" ] || return 0
	stop_hosts
	chmod -R u+rwX "$W" 2> /dev/null || true
	rm -rf "$W"
}

plant_home() {
	local f
	for f in .ssh/id_rsa .ssh/known_hosts .aws/credentials .netrc .config/gh/hosts.yml .claude/.credentials.json .kube/config \
		.docker/config.json .mozilla/firefox/p.default/logins.json .config/google-chrome/Default/Cookies .gnupg/private-keys-v1.d/k.key \
		.git-credentials .npmrc .pypirc .bash_history .local/share/keyrings/login.keyring src/other/secret.txt src/app-evil/secret.txt; do
		mkdir -p "$H/$(dirname "$f")"
		echo "$CANARY $f" > "$H/$f"
		chmod 0600 "$H/$f"
	done
	git -C "$H/src/other" init -q
	# `*` trusts the tests' repositories whoever owns the directories above them.
	cat > "$H/.gitconfig" <<-EOF
		[user]
			name = Test
			email = test@example.org
		[init]
			defaultBranch = main
		[safe]
			directory = *
		[protocol "file"]
			allow = always
	EOF
}
plant_project() {
	mkdir -p "$P/sub/dir" "$P/src"
	cp "$B/probe" "$P/probe"
	(
		cd "$P"
		export HOME=$H
		git init -q
		printf '/probe*\n.env\n/.env.local\n' > .gitignore
		echo 'int main(void) { return 0; }' > src/main.c
		echo "tracked $CANARY" > .env.tracked
		echo hello > README
		git add -A
		git commit -qm first
		echo "$CANARY .env" > .env
		echo "$CANARY sub" > sub/.env
	)
}
# The project as it was made.
project_reset() {
	local at=$PWD
	cd /
	# What a session of the last test left behind may still be at its last write.
	for _ in $(seq 50); do
		chmod -R u+rwX "$P" 2> /dev/null || true
		rm -rf "$P" 2> /dev/null && break
		sleep 0.1
	done
	cp -a "$W/template/app" "$P"
	cd "$P" || cd "$at"
}

# --- running -----------------------------------------------------------------------------------------------------------------

# As the user, with the environment of a login and nothing of the tests'.
me() {
	local as=(env -i HOME="$H" PATH="/usr/local/bin:/usr/bin:/bin" LANG=C.UTF-8 TERM=xterm XDG_RUNTIME_DIR="$W/run" W="$W" B="$B" P="$P"
		${ME_ENV[@]+"${ME_ENV[@]}"})
	if [ "$BRATTICE_E2E_AS" = user ]; then as=(runuser -u "$E2E_USER" -- "${as[@]}"); fi
	# Descriptor 3 is bats's own: a process that is left behind would make it wait.
	(cd "$P" && exec "${as[@]}" "$@" 3>&-)
}
# In the sandbox. RUN_ARGS: options of `brattice run`.
inside() {
	local args=(--no-terminal)
	if [ -n "${BRATTICE_E2E_WALL:-}" ]; then args+=(--wall "$BRATTICE_E2E_WALL"); fi
	me "$B/brattice" run "${args[@]}" ${RUN_ARGS[@]+"${RUN_ARGS[@]}"} -- "$@"
}
# A script in the sandbox; it must not fail for a reason of its own.
inside_sh() {
	inside /bin/sh -c "$1"
}

# A process of the host that serves until the test ends: prints what it said when ready.
HOST_PIDS=()
host() {
	local out=$W/log/host.$RANDOM$RANDOM ready=
	me "$B/probe" host "$@" > "$out" 2>&1 &
	for _ in $(seq 200); do
		read -r ready HOST_PID HOST_SAID < "$out" && break
		kill -0 $! 2> /dev/null || break
		sleep 0.02
	done
	if [ "$ready" != ready ]; then echo "host $*: $(cat "$out")"; return 1; fi
	HOST_PIDS+=("$HOST_PID")
}
stop_hosts() {
	local p
	for p in ${HOST_PIDS[@]+"${HOST_PIDS[@]}"}; do
		kill -TERM "$p" 2> /dev/null || true
	done
	HOST_PIDS=()
}

# --- the record ---------------------------------------------------------------------------------------------------------------

# The lines of a session's log, as anyone could read them; of the newest session's when none is named. record [SESSION-DIRECTORY]
# shellcheck disable=SC2016 # expanded by the shell that runs it
RECORD='d=$1; [ -n "$d" ] || { d=$(ls -t "$0"/sessions/*/log/salt | head -n 1); d=${d%/log/salt}; }
for f in "$d"/log/*.jsonl*; do
	case $f in *.tmp) ;; *) echo "${f%.zst}" ;; esac
done | sort -u | while read -r f; do cat "$f" 2> /dev/null || zstdcat -q "$f.zst"; done # it may be compressed meanwhile'
record() {
	sh -c "$RECORD" "${STATE:-$H/.local/state/brattice}" "$@"
}
# The directory of the session that was started last: gc changes directories later, but never a salt.
newest() {
	local salt
	# shellcheck disable=SC2012 # names of ours
	salt=$(ls -t "${STATE:-$H/.local/state/brattice}"/sessions/*/log/salt | head -n 1)
	echo "${salt%/log/salt}"
}

# --- oracles -----------------------------------------------------------------------------------------------------------------

# attacks FILE: each line (tabs between words) is a probe. It must succeed outside, else the line proves nothing and is shown;
# and be refused inside. Fails when one succeeds inside, or when the inside run answers for fewer lines than there are.
attacks() {
	local list=$1 line
	project_reset
	me "${OUTSIDE[@]-env}" "$P/probe" --batch < "$list" > "$W/log/outside" 2>&1 || true
	project_reset
	inside ./probe --batch < "$list" > "$W/log/inside" 2>&1 || true
	grep -E $'^=[0-9]\t' "$W/log/outside" > "$W/log/outside.r" || true
	grep -E $'^=[0-9]\t' "$W/log/inside" > "$W/log/inside.r" || true
	while IFS= read -r line; do
		if grep -qxF "=0"$'\t'"$line" "$W/log/inside.r"; then
			echo "OPEN: $line"
		elif ! grep -qxF "=1"$'\t'"$line" "$W/log/inside.r"; then
			echo "NO ANSWER inside: $line"
		fi
		grep -qxF "=0"$'\t'"$line" "$W/log/outside.r" || echo "$line"
	done < "$list" > "$W/log/verdict"
	grep -E '^(OPEN|NO ANSWER)' "$W/log/verdict" | head -n "${BRATTICE_E2E_LINES:-20}"
	# What the kernel or the file system refuses to this user anyway is tried inside all the same, but proves nothing.
	grep -vE '^(OPEN|NO ANSWER)' "$W/log/verdict" | cut -f1 | sort | uniq -c | awk '{ printf "no control: %s (%d)\n", $2, $1 }'
	! grep -qE '^(OPEN|NO ANSWER)' "$W/log/verdict"
}
# attack NAME ARG…: one probe, with its own result.
attack() {
	printf '%s' "$1" > "$W/log/one"
	shift
	local a
	for a in "$@"; do printf '\t%s' "$a" >> "$W/log/one"; done
	echo >> "$W/log/one"
	attacks "$W/log/one"
}

# What a path is: type, mode, size, link target, content.
state_of() {
	local f
	for f in "$@"; do
		if [ -L "$f" ]; then
			echo "$f link $(readlink "$f")"
		elif [ -d "$f" ]; then
			echo "$f dir $(stat -c '%a %u' "$f")"
		elif [ -e "$f" ]; then
			echo "$f $(stat -c '%F %a %u %s' "$f") $(sha256sum < "$f" | cut -c1-16)"
		else
			echo "$f absent"
		fi
	done
}
# The whole project, but for the attacker's own files and what git rewrites when it only looks.
tree_state() {
	(cd "$P" && find . -name 'probe-*' -prune -o -path ./.git/index -prune -o -path ./.git -prune -o ! -name probe -printf '%P\n' | LC_ALL=C sort) |
		while IFS= read -r f; do (cd "$P" && state_of "$f"); done
}
git_status() {
	me git -c core.fsmonitor=false status --porcelain=v2 --ignored --untracked-files=all --branch | grep -v '^[!?] probe-'
}
# Host git, used as a user uses it, in the project and wherever a repository may have been planted. Anything the attacker made git
# run leaves $W/log/pwned.
host_git_battery() {
	rm -f "$W/log/pwned"
	# shellcheck disable=SC2016
	me /bin/sh -c 'for d in . sub sub/dir nested new new/a stage evil z/new; do
		[ -d "$P/$d" ] || continue
		cd "$P/$d" || continue
		for c in status diff "log -1" branch "add -A" "commit -q --allow-empty -m x" "checkout -q -b b$$" "stash list" "submodule status" "fetch -q --all" "gc --auto" "worktree list"; do
			timeout 10 git $c > /dev/null 2>&1 < /dev/null
		done
	done'
	[ ! -e "$W/log/pwned" ]
}
# A script for hooks and the like: shows that the host ran it. Its bytes go into the project, its effect is outside.
pwn() {
	printf 'touch %s/log/pwned' "$W"
}
living() {
	pgrep -f -- "$1" || true
}
# No process with MARK in its command line runs a moment later: a killed one takes some milliseconds to be gone, and one that forks
# all the time is missed by some of the looks.
none_live() {
	local empty=0
	for _ in $(seq 100); do
		if [ -z "$(living "$1")" ]; then empty=$((empty + 1)); else empty=0; fi
		[ "$empty" -lt 8 ] || return 0
		sleep 0.02
	done
	echo "lives: $(living "$1" | xargs -r ps -o pid,ppid,stat,args -p)"
	return 1
}
