#!/usr/bin/env bats
# The private home and the project's private directories: what the user's own files give to a session, and what is left afterwards.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() {
	project_reset
}
teardown() { stop_hosts; }

@test "the session's .gitconfig has the user's name and habits, and no token" {
	cp -p "$H/.gitconfig" "$W/log/gitconfig"
	cat >> "$H/.gitconfig" <<-EOF2
		[alias]
			hist = log --oneline
			leak = !echo $CANARY
			authed = -c http.extraHeader=$CANARY fetch
		[http "https://example.org/"]
			extraHeader = Authorization: Basic $CANARY
		[url "https://$CANARY@example.org/"]
			insteadOf = https://example.org/
		[credential]
			helper = !echo password=$CANARY
	EOF2
	mkdir -p "$H/.config/git"
	printf '[pull]\n\trebase = true\n[credential "https://%s@x/"]\n\thelper = store\n' "$CANARY" > "$H/.config/git/config"
	give
	# Outside git knows them all, else this proves nothing.
	[ "$(me git config --list | grep -c "$CANARY")" -eq 6 ]
	run inside_sh 'git config --global --list; cat ~/.gitconfig ~/.config/git/config'
	mv "$W/log/gitconfig" "$H/.gitconfig"
	rm -r "$H/.config/git"
	[[ $output == *user.name=Test* ]]
	[[ $output == *user.email=test@example.org* ]]
	[[ $output == *"alias.hist=log --oneline"* ]]
	[[ $output == *pull.rebase=true* ]]
	[[ $output != *"$CANARY"* ]]
	for k in http. url. credential. alias.leak alias.authed; do ! grep -F -- "$k" <<< "$output" || return 1; done
}
@test "the session's .gitconfig has what the user's includes, as git reads it for this project" {
	cp -p "$H/.gitconfig" "$W/log/gitconfig"
	mkdir -p "$H/dot/git"
	cat >> "$H/.gitconfig" <<-EOF2
		[include]
			path = dot/git/common
			path = ~/dot/absent
		[includeIf "gitdir:~/src/app/"]
			path = ~/dot/git/app
		[includeIf "gitdir:~/src/other/"]
			path = ~/dot/git/other
		[pull]
			rebase = false
		[include]
			path = $H/dot/git/loop
	EOF2
	printf '[pull]\n\trebase = true\n[include]\n\tpath = more\n[http]\n\textraHeader = %s\n' "$CANARY" > "$H/dot/git/common"
	printf '[alias]\n\tlg = log\n\tbad = !echo %s\n' "$CANARY" > "$H/dot/git/more"
	printf '[user]\n\temail = app@example.org\n' > "$H/dot/git/app"
	printf '[user]\n\temail = other@example.org\n[alias]\n\tother = log\n' > "$H/dot/git/other"
	# Round in circles, and what is no file of the user's: a warning each, and the session runs.
	printf '[include]\n\tpath = loop\n\tpath = fifo\n[color]\n\tui = never\n' > "$H/dot/git/loop"
	mkfifo "$H/dot/git/fifo"
	give
	run inside git config --global --list
	rm "$H/dot/git/fifo"
	printf '' > "$H/dot/git/loop"
	# What git says here is the measure.
	asked() { for k in user.name user.email pull.rebase alias.lg alias.other; do echo "$k $("$@" git config "$k")"; done; }
	asked me > "$W/log/here"
	asked inside > "$W/log/there"
	mv "$W/log/gitconfig" "$H/.gitconfig"
	rm -r "$H/dot"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *color.ui=never* && $output == *"too many files include one another"* && $output == *"/fifo: "* ]]
	[[ $output != *"$CANARY"* && $output != *include*.path* ]]
	cat "$W/log/here"
	diff "$W/log/here" "$W/log/there"
	grep -qx 'user.email app@example.org' "$W/log/there"
	grep -qx 'alias.lg log' "$W/log/there"
}
@test "what the session writes to its .gitconfig is gone with it" {
	inside git config --global user.name Other
	[ "$(me git config --global user.name)" = Test ]
	[ "$(inside git config --global user.name)" = Test ]
}
@test "a policy's own .gitconfig takes the place of the user's" {
	mkdir -p "$H/.config/brattice"
	printf 'version: 1\nhome:\n  files:\n    .gitconfig: "[user]\\n\\tname = Robot\\n"\n' > "$H/.config/brattice/policy.yaml"
	give
	run inside git config --global --list
	rm -r "$H/.config/brattice"
	[ "$output" = user.name=Robot ]
}

# The process that answers for a session: its record says which.
monitor_of() {
	sed -n 's/^pid //p' "$1"/sessions/*/meta
}
wait_for() {
	local _
	for _ in $(seq 200); do
		if "$@"; then return 0; fi
		sleep 0.05
	done
	echo "never: $*"
	return 1
}

@test "cgroups of a session whose monitor is killed are removed by gc (root, cgroups)" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	local root=$W/root state=$W/root/state id pid
	mkdir -p "$root/.config/brattice"
	printf 'version: 1\nlimits: {memory: 512MiB, pids: 200, cpu: 100%%}\n' > "$root/.config/brattice/policy.yaml"
	as_root() { (cd "$P" && env -i HOME="$root" PATH=/usr/bin:/bin BRATTICE_STATE="$state" "$B/brattice" "$@" 3>&-); }
	as_root run --no-terminal -- /bin/sh -c 'sleep 100' < /dev/null > "$W/log/root" 2>&1 &
	running() { grep -qsx 'state running' "$state"/sessions/*/meta; }
	wait_for running || { cat "$W/log/root"; return 1; }
	id=$(basename "$state"/sessions/*)
	groups() { find /sys/fs/cgroup -type d -name "brattice-$id" 2> /dev/null; }
	pid=$(monitor_of "$state")
	if [ -z "$(groups)" ]; then kill -9 "$pid"; skip "no cgroups can be made here"; fi
	# Each of them is on record, and the command is in it.
	for g in $(groups); do
		grep '^cgroup ' "$state/sessions/$id/meta" | grep -qF "$g"
		[ -n "$(cat "$g/cgroup.procs")" ]
	done
	kill -9 "$pid"
	none() { as_root gc > /dev/null 2>&1; [ -z "$(groups)" ]; }
	wait_for none
	[ ! -e "$state/sessions/$id/lock" ]
	grep -qx 'state ended' "$state/sessions/$id/meta"
}

# A policy of the user's for all tests of filesystem.private.
private() {
	mkdir -p "$H/.config/brattice"
	printf 'version: 1\nfilesystem:\n  private: [%s]\n' "$1" > "$H/.config/brattice/policy.yaml"
	give
}
public() { rm -rf "$H/.config/brattice"; }

@test "a private directory that a fresh clone lacks is there for the session and gone after it" {
	private 'node_modules, packages/a/node_modules, src/cache'
	git_status > "$W/log/before"
	run inside_sh 'mkdir node_modules/x && echo 1 > packages/a/node_modules/y && echo 1 > src/cache/z; ls node_modules packages/a/node_modules src/cache; git status --porcelain'
	[ "$status" -eq 0 ]
	[ ! -e "$P/node_modules" ] && [ ! -e "$P/packages" ] && [ ! -e "$P/src/cache" ] && [ -e "$P/src/main.c" ]
	# What was made in it stays with the project's sessions.
	run inside ls node_modules packages/a/node_modules
	public
	[[ $output == *x* && $output == *y* ]]
	git_status | diff "$W/log/before" -
}
@test "what has come into it from outside stays, and so does one that was there" {
	private 'node_modules, mine'
	me mkdir mine
	inside_sh 'echo ready; read x' < <(until [ -d "$P/node_modules" ]; do sleep 0.05; done; me touch node_modules/from-host; echo) > "$W/log/out"
	run inside ls node_modules
	public
	[ -e "$P/node_modules/from-host" ]
	[ -d "$P/mine" ]
	[[ $output != *from-host* ]]
}
@test "two sessions share it: the one that ends first leaves it to the other" {
	local pid
	private node_modules
	mkfifo "$W/log/go"
	chmod 0666 "$W/log/go"
	inside_sh 'echo 1 > node_modules/one; echo ready; read x; ls node_modules; echo 2 > node_modules/three' < "$W/log/go" > "$W/log/first" 2>&1 3>&- &
	pid=$!
	exec 5> "$W/log/go"
	ready() { grep -qs ready "$W/log/first"; }
	wait_for ready
	inside_sh 'echo 1 > node_modules/two'
	[ -d "$P/node_modules" ]
	echo >&5
	exec 5>&-
	wait "$pid"
	public
	grep -qx two "$W/log/first"
	[ ! -e "$P/node_modules" ]
}
@test "kill -9 of the monitor: gc removes it" {
	local pid
	private 'node_modules, packages/a/node_modules'
	inside_sh 'echo ready; sleep 100' < /dev/null > "$W/log/killed" 2>&1 3>&- &
	ready() { grep -qs ready "$W/log/killed"; }
	wait_for ready
	[ -d "$P/node_modules" ] && [ -d "$P/packages/a/node_modules" ]
	me "$B/brattice" gc > /dev/null
	[ -d "$P/node_modules" ] # it lives
	for pid in $(grep -lx 'state running' "$H"/.local/state/brattice/sessions/*/meta | xargs sed -n 's/^pid //p'); do kill -9 "$pid"; done
	gone() { me "$B/brattice" gc > /dev/null; [ ! -e "$P/node_modules" ] && [ ! -e "$P/packages" ]; }
	wait_for gone
	public
}
@test "no private directory is made, or removed, through a symlink" {
	private 'out/node_modules'
	mkdir -p "$W/log/elsewhere"
	chmod 0777 "$W/log/elsewhere"
	me ln -s "$W/log/elsewhere" out
	run inside true
	[ "$status" -ne 0 ]
	[[ $output == *"out is not a directory of the project itself"* ]]
	[ ! -e "$W/log/elsewhere/node_modules" ]
	rm "$P/out"
	me mkdir -p out
	# Swapped while the session runs.
	: > "$W/log/ready"
	inside_sh 'echo ready; read x' > "$W/log/ready" < <(until grep -q ready "$W/log/ready"; do sleep 0.05; done; mv "$P/out" "$P/away"; mkdir -p "$W/log/elsewhere/node_modules"
		chmod 0777 "$W/log/elsewhere/node_modules"; ln -s "$W/log/elsewhere" "$P/out"; echo)
	public
	[ -d "$W/log/elsewhere/node_modules" ]
}

@test "a grant that is a symlink shows where it leads; when it leads elsewhere it is judged anew" {
	me mkdir -p ../real/one ../real/two
	me touch ../real/one/1 ../real/two/2
	me ln -sfn real/one ../link
	RUN_ARGS=(--read "$H/src/link")
	[ "$(inside ls "$H/src/link")" = 1 ]
	[ "$(inside ls "$H/src/link")" = 1 ]
	me ln -sfn real/two ../link
	[ "$(inside ls "$H/src/link")" = 2 ]
	me ln -sfn "$H" ../link
	run inside ls "$H/src/link"
	echo "$status $output"
	[ "$status" -eq 126 ]
	[[ $output == *"it leads to"*"home directory"* ]]
	rm -rf "$H/src/link" "$H/src/real"
}
@test "the compiled policy is used again while grants lead where they led" {
	local trace=$W/log/trace
	command -v strace > /dev/null || skip "needs strace"
	me ln -sfn app ../link
	RUN_ARGS=(--read "$H/src/link")
	inside true
	(cd "$P" && env -i HOME="$H" PATH=/usr/bin:/bin XDG_RUNTIME_DIR="$W/run" strace -f -e trace=execve -o "$trace" -u "$([ "$BRATTICE_E2E_AS" = user ] && echo "$E2E_USER" || id -un)" \
		"$B/brattice" run --explain --no-terminal --read "$H/src/link" -- true > /dev/null)
	rm "$H/src/link"
	grep -q "execve.*brattice" "$trace"
	! grep brattice-policy "$trace"
}
@test "what a session leaves in the kept home leads the next one nowhere" {
	mkdir -p "$H/.config/brattice"
	printf 'version: 1\nhome: {keep: [.a/]}\n' > "$H/.config/brattice/policy.yaml"
	give
	inside_sh "ln -s $H/.ssh ~/.a/c"
	printf 'version: 1\nhome: {keep: [.a/, .a/c/]}\n' > "$H/.config/brattice/policy.yaml"
	run inside_sh 'cat ~/.a/c/id_rsa'
	rm -r "$H/.config/brattice"
	[[ $output != *"$CANARY"* ]] || { echo "$output"; return 1; }
	echo "$status $output"
	[ "$status" -eq 126 ]
	[[ $output == *"leads through a symlink now"* ]]
}

# A policy of the user's with this `home:` or `filesystem:` line.
policy_line() {
	mkdir -p "$H/.config/brattice"
	printf 'version: 1\n%s\n' "$1" > "$H/.config/brattice/policy.yaml"
	give
}
@test "names in the kept home that the next session executes are listed; what goes with the session is one note" {
	policy_line 'home: {keep: [.local/, .bashrc, .claude/hooks/], files: {.npmrc: "fund=false\n"}}'
	run inside_sh 'mkdir -p ~/.local/bin ~/.local/share/x; echo 1 > ~/.local/bin/tool; echo 1 > ~/.local/share/x/data; echo 1 > ~/.bashrc
		echo 1 > ~/.claude/hooks/h; echo 1 > ~/.zshrc; mkdir -p ~/.config/fish/conf.d; echo 1 > ~/.config/fish/conf.d/x; echo 1 > ~/notes'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"warn  ~/.local/bin/tool: kept for the next session (home.keep); the shell: finds programs in it"* ]]
	[[ $output == *"warn  ~/.bashrc: kept for the next session"* ]]
	[[ $output == *"warn  ~/.claude/hooks/h: kept for the next session"*"hook"* ]]
	[[ $output == *"note  ~: changed in the private home, and gone with it: ~/.zshrc, ~/.config/fish/"* ]]
	# What brattice wrote there itself, and what no table names.
	[[ $output != *npmrc* && $output != *gitconfig* && $output != *data* && $output != *notes* ]]
	# The next session changes nothing of it.
	run inside cat .local/bin/tool "$H/.local/bin/tool"
	echo "$output"
	public
	[[ $output == *1* && $output != *"kept for"* ]]
}
@test "a symlink in the kept home in the place of a listed directory is listed, and not followed" {
	policy_line 'home: {keep: [.local/]}'
	inside_sh 'rm -rf ~/.local/bin ~/.local/lib'
	run inside_sh 'mkdir -p ~/.local/x/python; echo 1 > ~/.local/x/tool; ln -s x ~/.local/bin; ln -s /etc ~/.local/lib'
	echo "$output"
	public
	[[ $output == *"warn  ~/.local/bin: kept"* && $output == *"warn  ~/.local/lib: kept"* && $output != *passwd* ]]
}
@test "brattice's own files in the private home are listed once they are changed" {
	policy_line 'home: {files: {.npmrc: "fund=false\n"}}'
	run inside_sh 'echo prefix=/tmp >> ~/.npmrc; git config --global alias.x "!sh"'
	echo "$output"
	public
	[[ $output == *"gone with it: ~/.gitconfig, ~/.npmrc"* ]]
}
@test "the user's own files that the policy let be written are listed" {
	me mkdir -p "$H/tools" "$H/.config/nvim" "$H/bin"
	chmod 0777 "$H/tools" "$H/.config/nvim" "$H/bin" # root's sessions are another user's
	policy_line 'filesystem: {write: [~/.config/nvim, ~/bin, ~/tools]}'
	run inside_sh "echo 1 > $H/.config/nvim/init.lua; echo 1 > $H/bin/ls; echo 1 > $H/tools/x"
	echo "$output"
	public
	rm -rf "$H/tools" "$H/.config/nvim" "$H/bin"
	[[ $output == *"warn  ~/.config/nvim/init.lua: your own, changed while the session ran; Neovim"* ]]
	[[ $output == *"warn  ~/bin/ls: your own"* && $output != *tools/x* ]]
}
@test "a session that changes no listed name says nothing" {
	run inside_sh 'echo 1 > ~/x; mkdir ~/.cache/y; cat ~/.gitconfig > /dev/null'
	echo "$output"
	[ -z "$output" ]
}
