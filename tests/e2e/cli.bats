#!/usr/bin/env bats
# The frame of the command line: help, mistakes, and what is there before any session is.

bats_require_minimum_version 1.5.0

setup() {
	BRATTICE=${BRATTICE:-$PWD/build/brattice}
	export BRATTICE_STATE=$BATS_TEST_TMPDIR/state XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
	cd "$BATS_TEST_TMPDIR"
}

commands() { "$BRATTICE" --dump-options | python3 -c 'import json,sys; [print(c["usage"]["command"]) for g in json.load(sys.stdin)["groups"] for c in g["commands"]]'; }

@test "help lists every command with its summary" {
	run "$BRATTICE" help
	[ "$status" -eq 0 ]
	for c in $(commands); do
		[[ $output == *$'\n'"  $c "* ]] || { echo "$c is missing"; return 1; }
	done
	[ "$output" = "$("$BRATTICE" --help)" ]
	[ "$output" = "$("$BRATTICE" -h)" ]
}

@test "every command has its own help, within 80 columns" {
	for c in $(commands); do
		run "$BRATTICE" "$c" --help
		echo "$c: $status: $output"
		[ "$status" -eq 0 ]
		[[ ${lines[0]} == "Usage: brattice $c"* ]]
		[ "$(printf '%s\n' "$output" | awk 'length > 80' | wc -l)" -eq 0 ]
		[ "$output" = "$("$BRATTICE" help "$c")" ]
	done
}

@test "the version" {
	run "$BRATTICE" --version
	[ "$status" -eq 0 ]
	[[ $output =~ ^brattice\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "no command, an unknown one, and one that is nearly right" {
	run "$BRATTICE"
	[ "$status" -eq 125 ]
	run "$BRATTICE" frobnicate
	[ "$status" -eq 125 ]
	[[ $output == *'unknown command "frobnicate"'* ]]
	[[ $output != *"did you mean"* ]]
	run "$BRATTICE" atach
	[ "$status" -eq 125 ]
	[[ $output == *"did you mean brattice attach?"* ]]
	run "$BRATTICE" help atach
	[ "$status" -eq 125 ]
}

@test "control characters of a mistake don't reach the terminal" {
	run "$BRATTICE" $'x\e]0;owned\a'
	[ "$status" -eq 125 ]
	[[ $output != *$'\e'* ]]
	run "$BRATTICE" run $'--\e[31m'
	[ "$status" -eq 125 ]
	[[ $output != *$'\e'* ]]
	run "$BRATTICE" kill $'\e[2J'
	[[ $output != *$'\e'* ]]
}

@test "unknown options, and values forgotten" {
	run "$BRATTICE" ps --jsno
	[ "$status" -eq 125 ]
	[[ $output == *"unknown option --jsno"* && $output == *"did you mean --json?"* ]]
	run "$BRATTICE" run --polcy x -- true
	[ "$status" -eq 125 ]
	[[ $output == *"did you mean --policy?"* ]]
	run "$BRATTICE" run --name
	[ "$status" -eq 125 ]
	[[ $output == *"--name needs a value"* ]]
	run "$BRATTICE" run --name -- true
	[ "$status" -eq 125 ]
	run "$BRATTICE" gc --older-than soon
	[ "$status" -eq 125 ]
	[[ $output == *"not a duration"* ]]
	run "$BRATTICE" run --wall brick -- true
	[ "$status" -eq 125 ]
	[[ $output == *namespace* ]]
}

@test "run: what is refused before anything is made" {
	for args in "" "--learn -- true" "--allow-host example.org -- true" "--wall process -- true" "--wall vm -- true" "--name last -- true" "--name ../x -- true" "--env =x true" "--env 1A true" \
		"--trust-policy abc true" "--json-events 99 true" "--json-events x true"; do
		# shellcheck disable=SC2086 # words
		run "$BRATTICE" run $args
		echo "$args: $status: $output"
		[ "$status" -eq 125 ]
		[[ $output == *"mend: "* ]]
	done
	[ ! -e "$BRATTICE_STATE" ]
}

@test "nothing is there yet: empty lists, and nothing is made by looking" {
	for args in "ps" "ps --all" "ps --json" "ps -q" "trust --list"; do
		# shellcheck disable=SC2086
		run --separate-stderr "$BRATTICE" $args
		[ "$status" -eq 0 ]
		[ -z "$output" ]
	done
	run "$BRATTICE" gc
	[ "$status" -eq 0 ]
	for c in kill stop; do
		run "$BRATTICE" "$c" last
		[ "$status" -eq 125 ]
		[[ $output == *"there is no running session"* ]]
		run "$BRATTICE" "$c" nonesuch
		[ "$status" -eq 125 ]
		[[ $output == *'no running session "nonesuch"'* ]]
		run "$BRATTICE" "$c"
		[ "$status" -eq 125 ]
	done
	[ ! -e "$BRATTICE_STATE" ]
}

@test "a state directory that can't be trusted" {
	mkdir -m 0700 elsewhere
	ln -s elsewhere "$BRATTICE_STATE"
	run "$BRATTICE" ps
	[ "$status" -eq 125 ]
	[[ $output == *"symbolic link"* ]]
	rm "$BRATTICE_STATE"
	mkdir -m 0755 "$BRATTICE_STATE"
	run "$BRATTICE" ps
	[ "$status" -eq 125 ]
	[[ $output == *"chmod 700 $BRATTICE_STATE"* ]]
	chmod 700 "$BRATTICE_STATE"
	run "$BRATTICE" ps
	[ "$status" -eq 0 ]
	if [ "$(id -u)" -eq 0 ]; then
		chown nobody "$BRATTICE_STATE"
		run "$BRATTICE" ps
		[ "$status" -eq 125 ]
		[[ $output == *"belongs to uid"* ]]
	fi
	BRATTICE_STATE=relative run "$BRATTICE" ps
	[ "$status" -eq 125 ]
}

@test "helpers are found beside the program, never by PATH or the environment" {
	mkdir -p bin evil libexec/brattice
	cp "$BRATTICE" bin/
	printf '#!/bin/sh\necho evil\n' >evil/brattice-review
	chmod +x evil/brattice-review
	PATH=$PWD/evil:$PATH run bin/brattice diff last
	[ "$status" -eq 125 ]
	[[ $output == *"brattice-review"* && $output != *evil ]]
	# Beside it: found, with the words of the command line and without the dynamic linker's variables.
	printf '#!/bin/sh\necho "good $*"; env | grep -E "^(LD_|GLIBC_TUNABLES)"; exit 3\n' >libexec/brattice/brattice-review
	chmod +x libexec/brattice/brattice-review
	LD_PRELOAD=$PWD/x.so LD_LIBRARY_PATH=/x GLIBC_TUNABLES=x=y run bin/brattice diff --stat last
	[ "$status" -eq 3 ]
	[[ ${lines[-1]} == "good --stat last" ]]
}

@test "without stdin, stdout and stderr" {
	run bash -c '"$1" ps <&- >&- 2>&-' _ "$BRATTICE"
	[ "$status" -eq 0 ]
	run bash -c '"$1" help >&-' _ "$BRATTICE"
	[ "$status" -eq 0 ]
	run bash -c '"$1" help >/dev/full' _ "$BRATTICE"
	[ "$status" -eq 125 ]
	[[ $output == *"No space left"* ]]
}

@test "trust: by question only with a terminal, by option, and taken back" {
	printf 'version: 1\n' >brattice.yaml
	hash=$(sha256sum brattice.yaml | cut -d' ' -f1)
	run setsid "$BRATTICE" trust
	[ "$status" -eq 126 ]
	[[ $output == *"--trust-policy $hash"* ]]
	run "$BRATTICE" trust --yes
	[ "$status" -eq 0 ]
	run "$BRATTICE" trust --list
	[ "$output" = "$hash  $(realpath brattice.yaml)" ]
	run "$BRATTICE" trust --list --json
	[ "$(printf '%s' "$output" | python3 -c 'import json,sys; print(json.load(sys.stdin)["sha256"])')" = "$hash" ]
	# Known: no question.
	run setsid "$BRATTICE" trust ./brattice.yaml
	[ "$status" -eq 0 ]
	# Another content is another question.
	printf 'version: 1\n#\n' >brattice.yaml
	run setsid "$BRATTICE" trust
	[ "$status" -eq 126 ]
	run "$BRATTICE" trust --remove
	[ "$status" -eq 0 ]
	run "$BRATTICE" trust --list
	[ -z "$output" ]
	run "$BRATTICE" trust --remove
	[ "$status" -eq 125 ]
}

# ask ANSWER ARG…: brattice with a terminal of its own, which answers the question of trust; prints what it showed.
ask() {
	python3 - "$@" <<-'EOF'
		import os, pty, sys
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(os.environ["BRATTICE"], ["brattice"] + sys.argv[2:])
		out, done = b"", False
		while True:
		    try:
		        data = os.read(fd, 4096)
		    except OSError:
		        break
		    if not data:
		        break
		    out += data
		    if not done and b"[y/N] " in out:
		        os.write(fd, sys.argv[1].encode() + b"\n")
		        done = True
		sys.stdout.write(out.decode(errors="replace").replace("\r", ""))
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	EOF
}

@test "trust: what policy check finds is shown before the question" {
	printf 'version: 1\nenvironment: {pass: [LD_PRELOAD]}\n' >brattice.yaml
	run ask n trust
	[ "$status" -eq 1 ]
	[[ $output == *"policy check finds in it:"*"brattice.yaml:2:"*"risk: LD_PRELOAD makes every program in the session load code"*"Trust this policy?"* ]]
	printf 'version: 1\n' >brattice.yaml
	run ask n trust
	[[ $output == *"policy check finds in it:"*"no errors, no risks"*"Trust this policy?"* ]]
	# One that can't be used is said to be, and its bytes can't act on the terminal.
	printf 'version: 1\nfilesystem: {wrte: ["\xc2\x9b31m"]}\n' >brattice.yaml
	run ask y trust
	[ "$status" -eq 0 ]
	[[ $output == *"can't be used as it is"*"Trust this policy?"* ]]
	[[ $output != *$'\xc2\x9b'* ]]
}

@test "trust: not a symlink, FIFO, directory, nor a file that nobody reads" {
	ln -s /etc/passwd link
	mkfifo fifo
	mkdir dir
	truncate -s 2M large
	for f in link fifo dir large missing; do
		run timeout 10 "$BRATTICE" trust --yes "$f"
		echo "$f: $status: $output"
		[ "$status" -eq 125 ]
	done
	run "$BRATTICE" trust --list
	[ -z "$output" ]
}
