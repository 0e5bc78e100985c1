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
