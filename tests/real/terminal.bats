#!/usr/bin/env bats
# Full-screen programs and job control in a real terminal: tmux on the host is the user's terminal, its keys are typed and
# its screen is read. And the opposite: no terminal at all.

load lib
load terminal
bats_require_minimum_version 1.5.0

setup_file() { real_setup_file terminal; }
teardown_file() { real_teardown_file; }
setup() { real_setup; unset TMUX; }
teardown() { real_teardown; }

vim_edits() {
	terminal
	settings_before
	outer_line "w vim -u NONE -N note.txt"
	shows 'note.txt" \[New'
	keys i
	keys -l 'typed in vim'
	keys Escape
	keys -l ':wq'
	keys Enter
	returns 0
	same "typed in vim" "$(as cat note.txt)"
	settings_after
}

# bats test_tags=smoke
@test "vim edits a file" {
	vim_edits
}

@test "vim edits a file, as root" {
	as_root
	vim_edits
}

@test "vim runs a shell command and filters through it" {
	terminal
	outer_line "w vim -u NONE -N note.txt"
	shows 'note.txt" \[New'
	keys -l ':r !echo $((6*7)) from the shell'
	keys Enter
	shows "42 from the shell"
	keys -l ':%!tr a-z A-Z'
	keys Enter
	shows "42 FROM THE SHELL"
	keys -l ':wq'
	keys Enter
	returns 0
	same "42 FROM THE SHELL" "$(as tail -n 1 note.txt)"
}

@test "less pages, searches and leaves the screen as it was" {
	host_sh 'seq 1 500 | sed "s/^/line /" >long.txt'
	terminal
	settings_before
	outer_line "w less long.txt"
	shows "line 23"
	keys Space
	shows "line 46"
	keys -l '/line 300'
	keys Enter
	shows "line 300"
	keys q
	returns 0
	[[ $(screen) != *"line 300"* ]]
	settings_after
}

@test "tmux inside: a session, a split, a command, the end" {
	terminal
	settings_before
	outer_line "w tmux -f /dev/null new-session 'bash --norc'"
	shows "\[0\] .*bash"
	keys C-b '%'
	shows "│"
	type_line 'echo inner $((6*7))'
	shows "inner 42"
	keys C-b d
	shows "detached"
	returns 0
	settings_after
	# Inside, its server ended with the session.
	if [ "${WALL:-brattice}" = none ]; then
		as tmux kill-server
	else
		until_true 10 sh -c "! pgrep -u '$real_user' -f '^tmux -f /dev/null new-session bash'"
	fi
}

@test "the window's size and its changes arrive" {
	terminal
	outer_line "w bash --norc --noprofile"
	shows "bash-[0-9.]+[#$]"
	type_line 'stty size; trap "echo changed to \$(stty size)" WINCH'
	shows "24 80"
	outer resize-window -x 100 -y 30
	type_line ''
	shows "changed to 30 100"
	type_line 'tput cols'
	shows "100"
	type_line 'exit 4'
	returns 4
}

@test "Ctrl-C ends a program: 130; a program that handles it goes on" {
	terminal
	outer_line "w sh -c 'echo sleeping; exec sleep 300'"
	shows "^sleeping|"$'\n'"sleeping"
	keys C-c
	returns 130
	outer_line "w bash -c 'trap \"echo got it; exit 3\" INT; echo waiting''; while :; do sleep 0.1; done'"
	shows $'\n'"waiting"
	keys C-c
	shows "got it"
	returns 3
	outer_line "w sh -c 'echo quitting''; exec sleep 300'"
	shows $'\n'"quitting"
	keys 'C-\'
	returns 131
}

# bats test_tags=smoke
@test "job control in a shell inside: Ctrl-Z, jobs, bg, fg" {
	terminal
	settings_before
	outer_line "w bash --norc --noprofile"
	shows "bash-[0-9.]+[#$]"
	type_line 'sleep 300'
	keys C-z
	shows "Stopped +sleep 300"
	type_line 'bg; jobs'
	shows "Running +sleep 300"
	type_line 'fg'
	shows $'\n'"sleep 300"
	keys C-c
	type_line 'echo the status is $?'
	shows "the status is 130"
	type_line 'cat | cat &'
	shows "\[1\] [0-9]+"
	type_line 'jobs; kill %1; wait; echo killed'
	shows $'\n'"killed"
	type_line 'exit'
	returns 0
	settings_after
}

@test "Ctrl-Z in an editor inside a shell, and back" {
	terminal
	outer_line "w bash --norc --noprofile"
	shows "bash-[0-9.]+[#$]"
	type_line "vim -u NONE -N note.txt"
	shows 'note.txt" \[New'
	keys C-z
	shows "Stopped"
	type_line 'echo in between'
	shows $'\n'"in between"
	type_line 'fg'
	until_true 10 sh -c "! tmux -S '$WORK/tmux' capture-pane -p | grep -q 'in between'"
	keys -l 'iback'
	keys Escape
	keys -l ':wq'
	keys Enter
	type_line 'exit'
	returns 0
	same "back" "$(as cat note.txt)"
}

@test "Ctrl-D is end of file; a second command in the same terminal reads as usual" {
	terminal
	outer_line "w cat"
	type_line "echoed"
	shows "echoed"$'\n'"echoed"
	keys C-d
	returns 0
	outer_line "w bash -c 'read -r -p \"name? \" n; echo hello \$n'"
	shows "name\?"
	type_line "world"
	shows "hello world"
	returns 0
}

@test "a password prompt shows nothing" {
	terminal
	# getpass turns the echo off before it asks; the shell's own read asks first.
	outer_line "w python3 -c 'import getpass; print(\"length\", len(getpass.getpass(\"secret? \")))'"
	shows "secret\?"
	type_line "hidden7"
	shows "length 7"
	[[ $(screen) != *hidden7* ]]
}

# bats test_tags=smoke
@test "a program that dies with the terminal in a bad state leaves a good one" {
	terminal
	settings_before
	# Raw mode, alternate screen, no cursor, mouse reports, bracketed paste, application keypad; then SIGKILL.
	put "$PROJ/bad.sh" <<-'EOF'
		stty raw -echo
		printf '\033[?1049h\033[?25l\033[?1000h\033[?1006h\033[?2004h\033[?1h\033=\033[4h\033[31m'
		kill -9 $$
	EOF
	outer_line "w bash bad.sh"
	if [ "${WALL:-brattice}" = none ]; then
		# Bare, the terminal stays as it was left: that is what the test is about.
		until_true 10 sh -c "[ \"\$(tmux -S '$WORK/tmux' display-message -p '#{alternate_on}')\" = 1 ]"
		return 0
	fi
	returns 137
	settings_after
}

# bats test_tags=smoke
@test "exit statuses: the command's, 128+n for a signal, 127 for no such command" {
	wall_script
	run as "$WORK/wall" sh -c 'exit 0'
	same 0 "$status"
	run as "$WORK/wall" sh -c 'exit 7'
	same 7 "$status"
	run as "$WORK/wall" sh -c 'exit 255'
	same 255 "$status"
	run as "$WORK/wall" bash -c 'kill -TERM $$'
	same 143 "$status"
	run as "$WORK/wall" bash -c 'kill -SEGV $$'
	same 139 "$status"
	run as "$WORK/wall" bash -c 'kill -KILL $$'
	same 137 "$status"
	run as "$WORK/wall" bash -c 'kill -HUP $$'
	same 129 "$status"
	run -127 as "$WORK/wall" no-such-command-here
	same 127 "$status"
}

# bats test_tags=smoke
@test "pipes: every byte, both outputs apart, end of file, no terminal" {
	wall_script
	host_sh 'head -c 3000000 /dev/urandom >bytes'
	same "$(as sha256sum <"$PROJ/bytes")" "$(as "$WORK/wall" cat <"$PROJ/bytes" | sha256sum)"
	same "b a" "$(printf 'a\nb\n' | as "$WORK/wall" sort -r | xargs)"
	as "$WORK/wall" sh -c 'echo out; echo err >&2' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	same "out" "$(cat "$BATS_TEST_TMPDIR/out")"
	grep -qx err "$BATS_TEST_TMPDIR/err"
	same "none none none" "$(as "$WORK/wall" sh -c 'for n in 0 1 2; do [ -t $n ] && echo tty || echo none; done' </dev/null 2>/dev/null | xargs)"
	# A reader that goes away ends the writer.
	run timeout 20 bash -c '"$@" | head -n 1' sh "$(declare -p >/dev/null; echo "$WORK/wall")" true
	same "y" "$(as "$WORK/wall" yes | head -n 1)"
}

@test "only the output is a pipe: a full-screen program's result can be piped" {
	terminal
	outer_line "w sh -c 'echo piped; [ -t 1 ] || echo no terminal on 1' | cat >out.txt"
	returns 0
	same "piped no terminal on 1" "$(as cat out.txt | xargs)"
}

@test "in the background of an interactive shell" {
	terminal
	outer_line "w sh -c 'echo working; sleep 0.2; echo done >bg.txt' >/dev/null &"
	until_true 15 test -s "$PROJ/bg.txt"
	outer_line "wait; echo waited"
	shows $'\n'"waited"
}
