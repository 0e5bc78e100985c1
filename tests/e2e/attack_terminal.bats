#!/usr/bin/env bats
# The user's terminal: docs/threat-model.md class 19. The command runs on a terminal of its own making (probe host pty), and what a shell would
# find there afterwards is the oracle.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() { project_reset; }

terminal() { me "$B/probe" host pty "$W/log/out" "$W/log/queue" "$@"; }
# With a terminal of its own for the command.
inside_terminal() {
	local wall=()
	if [ -n "${BRATTICE_E2E_WALL:-}" ]; then wall=(--wall "$BRATTICE_E2E_WALL"); fi
	terminal "$B/brattice" run "${wall[@]}" -- "$@"
}

# bats test_tags=root
@test "TIOCSTI: nothing is typed into the user's shell" {
	for k in terminal-sti terminal-sti-hi; do
		if [ "$(cat /proc/sys/dev/tty/legacy_tiocsti 2> /dev/null || echo 1)" = 1 ]; then
			terminal ./probe $k
			grep -q pushed "$W/log/queue"
		fi
		inside_terminal ./probe $k || true
		run grep pushed "$W/log/queue"
		[ "$status" -ne 0 ]
	done
}

@test "TIOCLINUX, TIOCSETD and TIOCCONS" {
	terminal ./probe terminal-linux
	for k in terminal-linux terminal-linux-hi terminal-setd terminal-cons; do
		run inside_terminal ./probe $k
		cat "$W/log/out"
		[ "$status" -eq 1 ]
	done
}

@test "modes of the terminal are as they were" {
	terminal ./probe terminal-noecho
	grep -q 'echo=0 canonical=0' "$W/log/queue"
	inside_terminal ./probe terminal-noecho || true
	grep -q 'echo=1 canonical=1' "$W/log/queue"
}

@test "modes of the terminal are as they were after a kill of the command" {
	inside_terminal /bin/sh -c 'stty raw -echo; kill -9 $$' || true
	grep -q 'echo=1 canonical=1' "$W/log/queue"
}

@test "escape sequences that act on the user" {
	terminal ./probe terminal-escapes
	grep -q ']52;' "$W/log/out"
	inside_terminal ./probe terminal-escapes || true
	for s in $'\e]52' $'\e\\[21t' $'\005' $'\eP\\$q'; do
		if grep -aq -- "$s" "$W/log/out"; then echo "passed: $(printf %q "$s")"; return 1; fi
	done
	# The modes that were switched on are switched off again.
	grep -aq $'\e\\[?1049l' "$W/log/out"
	grep -aq $'\e\\[?1000l' "$W/log/out"
}

@test "other terminals" {
	local mine
	mine=$(me "$B/probe" host pty "$W/log/out" "$W/log/queue" tty; tr -d '\r\n' < "$W/log/out")
	for t in /dev/console /dev/tty0 /dev/tty1 /dev/pts/0 "$mine"; do
		run inside ./probe terminal-open "$t"
		[ "$status" -eq 1 ]
	done
}

@test "/dev/tty of the sandbox is its own" {
	terminal ./probe terminal-open /dev/tty
	inside_terminal ./probe terminal-open /dev/tty
	run inside ./probe terminal-open /dev/tty
	[ "$status" -eq 1 ]
}
