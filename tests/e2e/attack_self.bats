#!/usr/bin/env bats
# Brattice itself, and one session that poisons the next: docs/threat-model.md classes 23 and 28.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() { project_reset; }
teardown() { stop_hosts; }

@test "its program and helpers can't be written or replaced" {
	local f
	for f in "$B/brattice" "$B"/libexec/brattice/*; do
		[ -e "$f" ] || continue
		for w in write-open write-open-trunc write-rename write-exchange write-unlink write-rename-parent meta-chmod; do printf '%s\t%s\n' "$w" "$f"; done
	done > "$W/log/list"
	sha256sum "$B/brattice" > "$W/log/before"
	inside ./probe --batch < "$W/log/list" > "$W/log/inside" 2>&1 || true
	sha256sum -c "$W/log/before"
	run grep $'^=0' "$W/log/inside"
	[ "$status" -ne 0 ]
	for p in /proc/1/exe /proc/self/exe; do
		run inside /bin/sh -c "echo x > $p"
		[ "$status" -ne 0 ]
	done
	sha256sum -c "$W/log/before"
}
@test "state, sessions and logs are neither seen nor written" {
	inside true
	local st=$H/.local/state/brattice
	[ -d "$st" ]
	run inside /bin/sh -c "ls -A $st $st/sessions 2>/dev/null"
	[ -z "$output" ]
	[ "$(find "$st" -path '*/log/*' -type f | wc -l)" -ge 7 ]
	find "$st" -path '*/log/*' -type f -exec sha256sum {} + > "$W/log/before"
	run inside /bin/sh -c "mkdir -p $st/sessions/x; echo x > $st/trust; rm -rf $st; : > $st/sessions/x/lock"
	sha256sum -c "$W/log/before"
	[ ! -e "$st/sessions/x" ]
	run grep -sx x "$st/trust"
	[ "$status" -ne 0 ]
}
@test "a hostile environment of the caller" {
	mkdir -p "$P/probe-bin"
	printf '#!/bin/sh\ntouch %s/log/pwned\n' "$W" | tee "$P/probe-bin/git" "$P/probe-bin/brattice-policy" "$P/probe-bin/sh" > /dev/null
	chmod +x "$P"/probe-bin/*
	give
	ME_ENV=(PATH="$P/probe-bin:/usr/bin:/bin" LD_PRELOAD="$P/probe-none.so" LD_LIBRARY_PATH="$P" BASH_ENV="$P/probe-bin/git" ENV="$P/probe-bin/git")
	run inside /bin/true
	[ "$status" -eq 0 ]
	[ ! -e "$W/log/pwned" ]
}
@test "a runtime directory that isn't there or isn't the user's" {
	ME_ENV=(XDG_RUNTIME_DIR="$W/none")
	run inside true
	[ "$status" -eq 0 ] || [ "$status" -eq 125 ]
	ME_ENV=(XDG_RUNTIME_DIR=/tmp)
	run inside true
	[ "$status" -eq 0 ] || [ "$status" -eq 125 ]
	[ ! -e /tmp/brattice ] || [ "$(stat -c %a /tmp/brattice)" = 700 ]
}
@test "a state directory that is a symlink, or writable by others, is refused" {
	mkdir -p "$W/log/elsewhere" "$W/log/open"
	ln -sfn "$W/log/elsewhere" "$W/log/link"
	give
	me chmod 0777 "$W/log/open"
	ME_ENV=(BRATTICE_STATE="$W/log/link")
	run inside true
	[ "$status" -eq 125 ]
	[ -z "$(ls -A "$W/log/elsewhere")" ]
	ME_ENV=(BRATTICE_STATE="$W/log/open")
	run inside true
	[ "$status" -eq 125 ] || [ "$(stat -c %a "$W/log/open")" = 700 ]
}
@test "a state directory inside the project is refused, or out of reach" {
	ME_ENV=(BRATTICE_STATE="$P/state")
	run inside /bin/sh -c 'ls -A state/sessions && echo reached; echo x > state/trust && echo reached'
	[[ $output != *reached* ]]
}
@test "a project's own policy that nobody trusted widens nothing" {
	printf 'version: 1\nfilesystem:\n  read: ["%s"]\n  write: ["%s"]\n  protect: ["!.envrc"]\n' "$H/.ssh" "$H/src/other" > "$P/brattice.yaml"
	give
	run inside ./probe read-open "$H/.ssh/id_rsa" "$CANARY"
	[ "$status" -ne 0 ]
	run inside ./probe write-open-create "$H/src/other/new"
	[ ! -e "$H/src/other/new" ]
	run inside ./probe write-open-create .envrc
	[ ! -e "$P/.envrc" ]
}
@test "settings of the project that an agent would obey widen nothing" {
	mkdir -p "$P/.claude"
	printf '{"permissions":{"allow":["Read(//%s/**)","Edit(//%s/**)","Bash(*)"],"additionalDirectories":["%s"]},"sandbox":{"enabled":false}}' "$H" "$H" "$H" > "$P/.claude/settings.json"
	cp "$P/.claude/settings.json" "$P/.claude/settings.local.json"
	give
	run inside ./probe read-open "$H/.ssh/id_rsa" "$CANARY"
	[ "$status" -ne 0 ]
	run inside ./probe write-open-create "$H/src/other/new"
	[ ! -e "$H/src/other/new" ]
}
@test "started in the home, in / or in a parent of the state: refused or still closed" {
	local d
	for d in "$H" / /etc "$H/.ssh" "$H/.local/state" "$H/src"; do
		[ -d "$d" ] || mkdir -p "$d"
		give
		run bash -c "P='$d'; $(declare -f inside me); inside '$H/src/app/probe' write-open-create '$H/.bashrc-probe'; inside cat '$H/.ssh/id_rsa'; inside ls '$H/.local/state/brattice/sessions'"
		[ ! -e "$H/.bashrc-probe" ] || { echo "written from $d"; rm -f "$H/.bashrc-probe"; return 1; }
		if [[ $output == *"$CANARY .ssh"* ]]; then echo "read from $d"; return 1; fi
		if grep -qE '^[0-9]{8}-[0-9]{6}-' <<< "$output"; then echo "sessions seen from $d"; return 1; fi
	done
}
@test "the private home: shell start-up files, PATH directories and tool settings don't pass to the next session" {
	inside_sh 'for f in .bashrc .profile .bash_profile .zshrc .zshenv .gitconfig .npmrc .config/git/config .claude/settings.json .claude.json .ssh/config .ssh/rc .config/fish/config.fish .pythonrc .inputrc .vimrc .config/pip/pip.conf .cargo/config.toml .yarnrc.yml; do
		mkdir -p ~/$(dirname $f); echo "# poison" > ~/$f; done; mkdir -p ~/bin ~/.local/bin ~/.cargo/bin ~/.npm-global/bin; for d in bin .local/bin .cargo/bin; do printf "#!/bin/sh\necho poison\n" > ~/$d/git; chmod +x ~/$d/git; done; true'
	# The probes in the project, which lies in the home, have the word too.
	run inside_sh 'grep -rls --exclude-dir=src poison ~ 2>/dev/null; which git'
	echo "$output"
	[[ $output != *"$H"* ]]
	run grep -rls poison "$H" --include=.bashrc --include=.gitconfig --include=.profile --exclude-dir=.local
	[ -z "$output" ]
}
@test "the private home: symlinks planted in it are not followed by the next start" {
	echo keep > "$H/keep"
	give
	inside_sh "rm -rf ~/.cache ~/.config ~/.npm ~/.local; ln -s '$H' ~/.cache; ln -s '$P' ~/.config; ln -s /etc ~/.local; ln -s '$H/.ssh' ~/.ssh; ln -s '$H/keep' ~/.gitconfig; ln -s '$P/README' ~/.bashrc; true"
	run inside_sh 'cat ~/.cache/.ssh/id_rsa ~/.ssh/id_rsa 2>&1'
	[[ $output != *"$CANARY"* ]]
	[ "$(cat "$H/keep")" = keep ]
	[ "$(cat "$P/README")" = hello ]
}
@test "two sessions at once don't see each other" {
	local mark
	mark=other-$(basename "$W")
	inside /bin/sh -c "echo $mark > /tmp/$mark; while read x; do :; done; : $mark" < <(sleep 10) > "$W/log/run" 2>&1 3>&- &
	local job=$!
	for _ in $(seq 100); do [ -n "$(living "$mark")" ] && break; sleep 0.1; done
	run inside ./probe process-see "$mark"
	[ "$status" -eq 1 ]
	run inside ls "/tmp/$mark"
	[ "$status" -ne 0 ]
	kill "$job" 2> /dev/null || true
	wait "$job" || true
}
@test "predictable names in /tmp, planted by another user" {
	[ "$BRATTICE_E2E_AS" = user ] || skip "needs two users"
	local n
	for n in brattice "brattice-$(id -u "$E2E_USER")" .brattice; do mkdir -p "/tmp/$n" && ln -sfn "$H/.ssh" "/tmp/$n/x"; done
	ME_ENV=(XDG_RUNTIME_DIR=)
	run inside true
	echo "$output"
	[ "$status" -eq 0 ] || [ "$status" -eq 125 ]
	rm -rf /tmp/brattice "/tmp/brattice-$(id -u "$E2E_USER")" /tmp/.brattice
}
