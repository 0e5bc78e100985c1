#!/usr/bin/env bats
# The host's own tools while the session runs: docs/threat-model.md class 29.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() { project_reset; }
teardown() { stop_hosts; }

# A session that runs SCRIPT while the host works on the same tree.
SESSION=
session() {
	inside /bin/sh -c "$1" > "$W/log/session" 2>&1 3>&- &
	SESSION=$!
}

@test "the host saves .git/config by rename: the guard holds, the work inside goes on" {
	session 'i=0; while [ $i -lt 60 ]; do i=$((i+1)); ./probe write-open-append .git/config; ./probe write-rename .git/config; ./probe config-rename .git; echo $i > probe-work && mv probe-work probe-done || exit 9; done; echo finished'
	local n=0
	while kill -0 "$SESSION" 2> /dev/null; do
		me git config "user.host$((n % 7))" "$n" || true
		n=$((n + 1))
	done
	wait "$SESSION"
	grep -q finished "$W/log/session"
	run grep -e pwned -e 'probe was here' "$P/.git/config"
	[ "$status" -ne 0 ]
	[ "$n" -gt 5 ]
	me git status > /dev/null
}
@test "an editor saves a guarded file by rename all the time: writes inside never reach it" {
	me sh -c 'mkdir -p .vscode && echo "{}" > .vscode/tasks.json && echo "# host" > .envrc && printf "#!/bin/sh\n" > .git/hooks/pre-commit'
	host save "$P/.vscode/tasks.json" 20
	host save "$P/.git/hooks/pre-commit" 20
	host save "$P/.envrc" 20
	session 'end=$(($(date +%s)+6)); while [ $(date +%s) -lt $end ]; do for f in .vscode/tasks.json .git/hooks/pre-commit .envrc; do for w in write-open write-open-create write-open-trunc write-rename write-exchange write-link-out write-truncate write-recreate write-rename-away; do ./probe $w $f && echo "OPEN $w $f"; done; done; done; echo finished'
	wait "$SESSION" || true
	grep -q finished "$W/log/session"
	run grep OPEN "$W/log/session"
	echo "$output"
	[ "$status" -ne 0 ]
	for f in .vscode/tasks.json .git/hooks/pre-commit .envrc; do
		run grep -a 'probe was here' "$P/$f"
		[ "$status" -ne 0 ]
		[ -s "$P/$f" ]
	done
}
@test "an editor saves a plain file by rename: the session sees each new content" {
	session 'old=; n=0; end=$(($(date +%s)+5)); while [ $(date +%s) -lt $end ]; do new=$(cat shared.txt 2>/dev/null); [ "$new" = "$old" ] || n=$((n+1)); old=$new; done; echo changes=$n'
	for i in $(seq 40); do
		me sh -c "echo $i > .shared.tmp && mv .shared.tmp shared.txt"
		sleep 0.1
	done
	wait "$SESSION"
	cat "$W/log/session"
	[ "$(sed -n 's/changes=//p' "$W/log/session")" -gt 5 ]
}
@test "the host makes a repository during the run: its hooks are guarded at once" {
	session 'while [ ! -e made/ready ]; do sleep 0.05; done; ./probe write-open-create made/.git/hooks/pre-commit; ./probe write-open-append made/.git/config; ./probe config-rename made/.git; echo finished'
	sleep 0.5
	me sh -c 'git init -q made && touch made/ready'
	wait "$SESSION" || true
	grep -q finished "$W/log/session"
	[ ! -e "$P/made/.git/hooks/pre-commit" ]
	run grep -e pwned -e 'probe was here' "$P/made/.git/config"
	[ "$status" -ne 0 ]
}
@test "the host moves a directory that holds a repository: the guard follows" {
	me git init -q nested
	session 'while [ ! -e moved/ready ]; do sleep 0.05; done; cd moved; ../probe write-open-create .git/hooks/pre-commit; cd ../moved/.git 2>/dev/null && ../../probe write-open-create hooks/pre-push; echo finished'
	sleep 0.5
	me sh -c 'mv nested moved && touch moved/ready'
	wait "$SESSION" || true
	grep -q finished "$W/log/session"
	[ ! -e "$P/moved/.git/hooks/pre-commit" ]
	[ ! -e "$P/moved/.git/hooks/pre-push" ]
}
@test "the host moves the session's working directory into .git" {
	me mkdir -p work/hooks
	session 'cd work/hooks; while [ ! -e ready ]; do sleep 0.05; done; ../../probe write-open-create ./pre-commit || "$OLDPWD/probe" write-open-create ./pre-commit; echo finished'
	sleep 0.5
	me sh -c 'mkdir new && mv work new/.git && touch new/.git/hooks/ready'
	wait "$SESSION" || true
	grep -q finished "$W/log/session"
	[ ! -e "$P/new/.git/hooks/pre-commit" ]
}
@test "the host removes or replaces the project while a session runs: an error, no escape" {
	session 'while [ -e README ]; do sleep 0.05; done; echo x > probe-x; ls ..; cat ../other/secret.txt; echo finished'
	sleep 0.5
	mv "$P" "$P.away"
	mkdir "$P"
	sleep 0.3
	rm -f "$P.away/README"
	wait "$SESSION" || true
	cat "$W/log/session"
	run grep "$CANARY" "$W/log/session"
	[ "$status" -ne 0 ]
	rm -rf "$P.away"
}
@test "host git works while the session works in the same repository" {
	session 'set -e; for i in 1 2 3 4 5 6 7 8 9 10; do echo $i > in$i; git add in$i; git commit -qm in$i || { sleep 0.1; git commit -qm in$i; }; done; echo finished'
	while kill -0 "$SESSION" 2> /dev/null; do me git --no-optional-locks status > /dev/null; me git log -1 > /dev/null; done
	wait "$SESSION"
	grep -q finished "$W/log/session"
	me git fsck --strict
}
