#!/usr/bin/env bats
# Guarded paths: each name of the default policy by each operation (docs/threat-model.md class 4). Two worlds: where all of them
# exist, and where none does.
load lib
load guarded

setup_file() {
	world_make
	plant_repositories
	give
	rm -rf "$W/template/empty" "$W/template/full"
	cp -a "$P" "$W/template/empty"
	plant_guarded
	give
	cp -a "$P" "$W/template/full"
}
teardown_file() { world_remove; }

world() {
	rm -rf "$W/template/app"
	cp -a "$W/template/$1" "$W/template/app"
	project_reset
}
ways() { "$P/probe" --list | awk '$2 ~ /^write-/ && $2 !~ /mknod-(char|block)/ { print $2 }'; }
# What would be in the host's way: all guarded names and the directories above them.
guarded_state() {
	local f
	cd "$P"
	for f in $GUARDED_ROOT $GUARDED_ANY $GUARDED_GIT; do
		state_of "$f"
	done
	state_of .git .git/hooks nested/.git nested/.git/hooks .git/modules .git/modules/m .git/worktrees .git/info HEAD config hooks objects refs
}
# matrix PATH…: all ways on all of them in one session. Nothing may have changed; and no way may say that it succeeded, but for
# calls that change nothing (noreplace on something that exists and so on fail by themselves).
matrix() {
	local w t
	for t in "$@"; do
		for w in $(ways); do
			# What a `rm -rf` of a clone does must work; what takes the place is judged (attack_git.bats).
			case "$t $w" in
				*config*" write-unlink"* | *config*" write-recreate" | *config*" write-rmdir" | *commondir*" write-unlink"* | *commondir*" write-recreate") continue ;;
				*config.worktree*" write-mkdir"* | *config.worktree*" write-rename-dir-over" | *hooks" write-rmdir" | *hooks" write-rename-dir-over") continue ;;
			esac
			printf '%s\t%s\n' "$w" "$t"
		done
		case $t in */*) ;; *) printf '%s\t%s\n' write-open-create "./$t" write-open-create "sub/../$t" write-open-create "$P/$t" write-open-create "$P//.//$t" ;; esac
	done > "$W/log/list"
	guarded_state > "$W/log/before"
	inside ./probe --batch < "$W/log/list" > "$W/log/inside" 2>&1 || true
	guarded_state > "$W/log/after"
	diff "$W/log/before" "$W/log/after" > "$W/log/diff" || cat "$W/log/diff"
	# Its only good content is known: the gate writes that whatever the caller writes, and the state above shows it.
	grep -E $'^=0\t' "$W/log/inside" | grep -v 'worktrees/w/commondir$' > "$W/log/open" || true
	grep -E $'^=2\t' "$W/log/inside" > "$W/log/cant" || true
	grep -v 'grandparent\|parent' "$W/log/cant" || true
	cat "$W/log/open"
	[ "$(grep -c '^=' "$W/log/inside")" -eq "$(wc -l < "$W/log/list")" ] && [ ! -s "$W/log/diff" ] && [ ! -s "$W/log/open" ]
}

# Every way works somewhere outside: on a file, on a new name, or on a directory.
@test "control: each operation succeeds without the wall" {
	local w t bad=0
	cd "$W/template"
	for w in $(ways); do
		for t in c/d/file c/d/new c/d/e/empty c/new/new c/d/full; do
			rm -rf c probe-*
			mkdir -p c/d/e/empty c/d/full/x c/d/f
			echo x > c/d/file
			give
			P=$W/template
			run me "$B/probe" "$w" "$t"
			P=$H/src/app
			[ "$status" -eq 0 ] && continue 2
		done
		case $w in
			# Refused by the kernel for everyone: they are there in case a gate that performs calls for others does less.
			write-mprotect | write-empty-path) ;;
			*) echo "no control: $w: $output" && bad=1 ;;
		esac
	done
	[ "$bad" -eq 0 ]
}

@test "names at the project's root, all there" {
	world full
	matrix $GUARDED_ROOT
}
@test "names at the project's root, none there" {
	world empty
	matrix $GUARDED_ROOT
}
# bats test_tags=root
@test ".envrc at any depth" {
	world full
	matrix $GUARDED_ANY
	world empty
	matrix $GUARDED_ANY
}
@test "git's files, all there" {
	world full
	matrix $GUARDED_GIT
}
# bats test_tags=root
@test "git's files, none there" {
	world empty
	matrix $GUARDED_GIT
}
@test "the directories that hold guarded names" {
	world full
	matrix .git .git/hooks .git/info .claude .claude/hooks .vscode .husky .cargo nested/.git nested/.git/hooks .git/modules/m/hooks
}
@test "the marker of a bare repository at the root (the others are common names; attack_git.bats tries whole ones)" {
	world empty
	matrix HEAD
}
@test "a directory of a guarded name, in the place of a file that is absent" {
	world empty
	for n in .envrc .mcp.json .bashrc .npmrc .gitconfig .vscode/tasks.json .git/commondir .git/hooks/post-merge; do
		printf 'write-mkdir\t%s\nwrite-mkdirat\t%s\nwrite-mkdir-slash\t%s\n' "$n" "$n" "$n"
	done > "$W/log/list"
	attacks "$W/log/list" | grep -v '^no control' || true
	for n in .envrc .mcp.json .bashrc .npmrc .gitconfig .git/commondir; do [ ! -e "$P/$n" ]; done
}
@test "other spellings of a guarded name stay what they are" {
	world empty
	# Plain names that look like guarded ones may be made: they are no match for any tool.
	inside_sh 'echo x > .envrc2 && echo x > xenvrc && mkdir .claude2 && echo x > .claude2/settings.json && echo x > sub/.bashrc && echo x > .npmrc.bak'
	[ -e "$P/.envrc2" ] && [ -e "$P/.claude2/settings.json" ]
}
@test "metadata of guarded files" {
	world full
	for m in $("$P/probe" --list | awk '$2 ~ /^meta-/ && $2 !~ /(chown|lchown|fchownat|lease|flock)$/ { print $2 }'); do
		printf '%s\t.git/hooks/pre-commit\n%s\t.envrc\n' "$m" "$m"
	done > "$W/log/list"
	# Making a planted, disabled hook executable is the last step of an attack.
	me chmod 644 .git/hooks/pre-commit
	inside ./probe --batch < "$W/log/list" > "$W/log/inside" 2>&1 || true
	cat "$W/log/inside"
	[ "$(stat -c %a "$P/.git/hooks/pre-commit")" = 644 ]
}
@test "git status is the same before and after, also for what is ignored: no placeholders" {
	world empty
	git_status > "$W/log/before"
	find "$P" -printf '%p %y %i\n' | sort > "$W/log/tree-before"
	inside true
	inside ./probe write-open-create .envrc || true
	git_status > "$W/log/after"
	find "$P" -printf '%p %y %i\n' | sort > "$W/log/tree-after"
	diff "$W/log/before" "$W/log/after"
	diff "$W/log/tree-before" "$W/log/tree-after"
}
@test "git status shows nothing more while a session runs" {
	world empty
	git_status > "$W/log/before"
	inside /bin/sh -c 'read x' < <(sleep 20) > "$W/log/run" 2>&1 3>&- &
	local job=$!
	for _ in $(seq 100); do [ -n "$(pgrep -f 'sh -c read x')" ] && break; sleep 0.05; done
	git_status > "$W/log/during"
	find "$P" | sort > "$W/log/tree-during"
	kill "$job" 2> /dev/null; wait "$job" || true
	diff "$W/log/before" "$W/log/during"
}
