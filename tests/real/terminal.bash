# shellcheck shell=bash
# The user's terminal in the tests: tmux on the host, whose keys are typed and whose screen is read.

outer() {
	as tmux -S "$WORK/tmux" "$@"
}

# terminal: a shell in a terminal of 80 × 24, in the project, with `w` for the wall.
terminal() {
	wall_script
	put "$WORK/bashrc" <<-EOF
		PS1='outer[\\#:\$?]> '
		w() { "$WORK/wall" "\$@"; }
	EOF
	TERM=xterm-256color outer -f /dev/null new-session -d -x 80 -y 24 "bash --noprofile --rcfile '$WORK/bashrc'"
	outer set-option -g default-terminal screen-256color
	returns 0
}

# type TEXT: as typed, with Enter. keys NAME…: as tmux names them.
type_line() {
	outer send-keys -l "$1"
	outer send-keys Enter
}
keys() {
	outer send-keys "$@"
}
screen() {
	outer capture-pane -p 2>&1
}
_shown() {
	[[ $(screen) =~ $1 ]]
}

# shows REGEX: the screen comes to match it.
shows() {
	until_true "${2:-15}" _shown "$1" && return 0
	printf 'never shown: %s\nthe screen:\n%s\n' "$1" "$(screen)"
	return 1
}

# outer_line TEXT: a command for the outer shell, whose prompt holds its number and the last one's status.
n_outer=0
outer_line() {
	n_outer=$((n_outer + 1))
	type_line "$1"
}

# returns STATUS: the outer shell asks for the next command; the last one ended so.
returns() {
	shows "outer\[$((n_outer + 1)):$1\]>"
}

# The terminal's modes as tmux sees them: alternate screen, cursor, mouse, bracketed paste, keypad.
modes() {
	outer display-message -p '#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_cursor_flag} #{keypad_flag} #{insert_flag} #{wrap_flag} #{origin_flag}'
}

# around BODY: the terminal's settings are the same before and after, and so are its modes.
before=
settings_before() {
	outer_line "stty -g >before.stty"
	returns 0
	before=$(modes)
}
settings_after() {
	outer_line "stty -g >after.stty"
	returns 0
	same "$(as cat before.stty)" "$(as cat after.stty)" || return 1
	same "$before" "$(modes)"
}
