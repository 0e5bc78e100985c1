# shellcheck shell=bash
# What the bats files of this folder share. Each test works in a project of its own in the test user's home and runs
# commands in it by `wall`:
#
#   WALL unset or brattice   brattice run [options of the test] -- COMMAND…
#   WALL=none                the bare command: shows that the test itself is right
#
# As root, tests run as the ordinary user $BRATTICE_TEST_USER (brattice-test); those that call as_root first run as root.

real_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
real_root=$(cd "$real_dir/../.." && pwd -P)

# real_setup_file GROUP…: brings the programs, and a brattice that the test user can execute.
real_setup_file() {
	if ! CACHE=$("$real_dir/setup.sh" "$@"); then
		# REAL_OPTIONAL=1 (make test): a machine that reaches no registry skips these, and says so. `make test-real` fails.
		[ -n "${REAL_OPTIONAL:-}" ] || return 1
		export REAL_MISSING="the programs it needs could not be installed: $*"
		return 0
	fi
	# /tmp, and not the build tree: that may lie where an ordinary user can't look.
	REAL_TOOLS=$(mktemp -d /tmp/brattice-real.XXXXXX)
	chmod 755 "$REAL_TOOLS"
	cp "$real_dir"/*.py "$real_dir"/*.sh "$real_dir"/../fixtures/model_api.py "$REAL_TOOLS"
	if [ "${WALL:-brattice}" != none ]; then
		real_install || return 1
	fi
	export CACHE REAL_TOOLS REAL_BRATTICE
}

# The build under test, laid out as `meson install` does it.
real_install() {
	local built=${BRATTICE:-$real_root/build/brattice}
	DESTDIR=$REAL_TOOLS/root meson install -C "$(dirname "$built")" --no-rebuild --quiet >"$REAL_TOOLS/install.log" 2>&1 || {
		cat "$REAL_TOOLS/install.log"
		return 1
	}
	REAL_BRATTICE=$(find "$REAL_TOOLS/root" -path '*/bin/brattice' -type f)
	[ -x "$REAL_BRATTICE" ]
}

real_teardown_file() {
	rm -rf "${REAL_TOOLS:-}"
}

# One test: whose it is, and an empty project.
real_setup() {
	[ -z "${REAL_MISSING:-}" ] || skip "$REAL_MISSING"
	if [ "$(id -u)" = 0 ]; then
		real_user=${BRATTICE_TEST_USER:-brattice-test}
	else
		real_user=$(id -un)
	fi
	real_project
	wall_options=()
}

as_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	rm -rf "$WORK"
	real_user=root
	real_project
}

# The test's own home and project lie in the user's real home: /tmp is another one inside. The home holds what a
# developer's does: git's configuration, and secrets that must not be seen inside.
real_project() {
	real_path=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin
	WORK=
	WORK=$(as mktemp -d "$(getent passwd "$real_user" | cut -d: -f6)/brattice-real.XXXXXX")
	PROJ=$WORK/project
	as mkdir -p "$PROJ" "$WORK/home/.ssh" "$WORK/home/.cargo" "$WORK/run" "$WORK/tmp"
	as chmod 700 "$WORK/run" "$WORK/home/.ssh"
	put "$WORK/home/.gitconfig" <<-'EOF'
		[user]
			name = Test
			email = test@example.org
		[init]
			defaultBranch = main
	EOF
	echo "planted-secret-key" | put "$WORK/home/.ssh/id_ed25519"
	echo "//registry.example.org/:_authToken=planted-secret-npm" | put "$WORK/home/.npmrc"
	echo "token = 'planted-secret-cargo'" | put "$WORK/home/.cargo/credentials.toml"
}

# put FILE: standard input becomes the test user's file.
put() {
	as tee "$1" >/dev/null
}

real_teardown() {
	if [ -n "${WORK:-}" ]; then
		[ -S "$WORK/tmux" ] && as tmux -S "$WORK/tmux" kill-server 2>/dev/null
		# What a failed test left running holds the tree: say so in the log, and end just that.
		chmod -R u+w "$WORK" 2>/dev/null
		rm -rf "$WORK"
	fi
}

# as COMMAND…: the host's side, as the test user with a clean environment.
as() {
	local prefix=()
	[ "$real_user" = "$(id -un)" ] || prefix=(setpriv "--reuid=$real_user" "--regid=$real_user" --init-groups)
	(
		cd "${PROJ:-/}" 2>/dev/null || cd /
		exec "${prefix[@]}" env -i HOME="$WORK/home" USER="$real_user" LOGNAME="$real_user" SHELL=/bin/bash TERM="${TERM:-dumb}" \
			LANG=C.UTF-8 PATH="$real_path" XDG_RUNTIME_DIR="$WORK/run" BRATTICE_STATE="$WORK/state" "$@"
	)
}

# wall_script: writes $WORK/wall, the command line in front of every command of this test.
wall_script() {
	{
		echo "#!/bin/bash"
		printf 'cd %q || exit 125\n' "$PROJ"
		# shellcheck disable=SC2016 # expanded there
		if [ "${WALL:-brattice}" = none ]; then
			local o
			for o in "${wall_options[@]}"; do
				[[ $o != --env=?*=* ]] || printf 'export %q\n' "${o#--env=}"
			done
			printf 'unset TMUX\nexport SCRATCH=%q\n' "$WORK/tmp"
			echo 'exec "$@"'
		else
			printf 'exec %q run' "$REAL_BRATTICE"
			printf ' %q' --read "$CACHE" --read "$REAL_TOOLS" --env=SCRATCH=/tmp "${wall_options[@]}"
			echo ' -- "$@"'
		fi
	} | put "$WORK/wall"
	as chmod +x "$WORK/wall"
}

# wall COMMAND…: runs it in the project, inside; no longer than $LIMIT seconds.
wall() {
	wall_script
	[ -z "${REAL_HOST_SAVES:-}" ] || host_saves
	local status=0
	as timeout --kill-after=10 "${LIMIT:-120}" "$WORK/wall" "$@" </dev/null || status=$?
	[ -z "${saves:-}" ] || { as touch "$WORK/saved-enough" && wait "$saves" && as rm "$WORK/saved-enough"; } || status=99
	return "$status"
}

# With REAL_HOST_SAVES=1 each `wall` runs while a program on the host saves, by rename, those files of the project that no
# test changes inside (an editor would ask before it overwrote one that changed).
host_saves() {
	local f files=()
	for f in README LICENSE COPYING NEWS .gitignore Makefile.am package.json go.mod go.sum Cargo.toml app/Cargo.toml dep/src/lib.rs lib/lib.go \
		main.go App.java test/pad.js test_all.py pyproject.toml main.c main.py index.html hello.c .git/description .git/info/exclude; do
		[ ! -f "$PROJ/$f" ] || files+=("$PROJ/$f")
	done
	saves=
	[ "${#files[@]}" -gt 0 ] || return 0
	as python3 "$REAL_TOOLS/host_saver.py" "$WORK/saved-enough" "${files[@]}" >>"$REAL_HOST_SAVES" 3>&- &
	saves=$!
}

# wall_sh SCRIPT [NAME ARG…]: the same for a few lines of bash.
wall_sh() {
	wall bash -euc "$@"
}

# host_sh SCRIPT: a few lines of bash in the project, on the host, as the test user.
host_sh() {
	as bash -euc "$1"
}

# succeeds COMMAND…: `run` with its output shown when it fails.
succeeds() {
	run "$@"
	if [ "$status" -ne 0 ]; then
		echo "exit status $status of: $*"
		echo "$output"
		return 1
	fi
}

# has TEXT: the output of the last run holds it.
has() {
	case $output in
	*"$1"*) return 0 ;;
	esac
	printf 'expected: %s\noutput:\n%s\n' "$1" "$output"
	return 1
}

# same EXPECTED ACTUAL
same() {
	[ "$1" = "$2" ] && return 0
	printf 'expected: %s\nactual:   %s\n' "$1" "$2"
	return 1
}

# A project with one commit, made by the host: a file, a program that make builds, and a test.
small_repository() {
	host_sh '
		git init -q
		printf "greeting\n" >README
		printf "#include <stdio.h>\nint main(void)\n{\n\tputs(\"hello\");\n\treturn 0;\n}\n" >hello.c
		printf "hello: hello.c\n\tcc -g -o hello hello.c\n\ntest: hello\n\t./hello | grep -q hello\n" >Makefile
		echo hello >.gitignore
		git add -A
		git commit -qm "first"'
}

# clean_repository [DIR]: nothing of ours lies in the tree, git finds no fault in it, no hook was planted.
clean_repository() {
	local dir=${1:-.}
	same "" "$(as git -C "$dir" status --porcelain)" || return 1
	as git -C "$dir" fsck --no-dangling >/dev/null || return 1
	same "" "$(as find "$dir/.git/hooks" -type f ! -name '*.sample' 2>/dev/null)" || return 1
	same "" "$(as find "$dir/.git" -name '*.lock')"
}

# until_true SECONDS COMMAND…: asks again until it succeeds.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}
