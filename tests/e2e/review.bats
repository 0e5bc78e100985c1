#!/usr/bin/env bats
# Review mode: diff, apply and discard over real overlays; the oracle is a plain copy in which the same commands ran.

bats_require_minimum_version 1.5.0
load review_lib

setup_file() {
	unshare -Urm true 2>/dev/null || skip "no user namespaces here"
}

setup() { :; }

teardown() {
	[ -z "${W:-}" ] || [ ! -e "$W" ] || { chmod -R u+rwX "$W" && rm -rf "$W"; }
}

# A project with a history, several kinds of files, and names that are hard on careless programs.
project() {
	as bash -euc '
		cd "$1"
		git init -q .
		mkdir -p src/deep/er docs empty
		seq 1 200 >src/a.c
		seq 1 50 >src/b.c
		seq 1 5 >src/deep/er/c.c
		printf "#!/bin/sh\necho hi\n" >run.sh
		chmod 755 run.sh
		ln -s src/a.c link
		printf "x" >docs/no-newline
		head -c 100000 /dev/urandom >docs/blob
		printf "one\n" >"docs/a b"
		printf "two\n" >"docs/new
line"
		git add .
		git commit -qm first' _ "$P"
}

files() {
	project
	same_as_oracle '
		sed -i s/^100$/hundred/ src/a.c
		echo more >>src/b.c
		rm src/deep/er/c.c
		mkdir -p new/dir/tree
		echo n >new/dir/tree/n
		chmod 644 run.sh
		touch "with
newline" "$(printf "esc\033[2J")"
		echo changed >"docs/new
line"
		ln -sfn src/b.c link
		ln -s ../nowhere docs/dangling
		head -c 5000000 /dev/zero >zeroes'
}

@test "files: content, modes, symlinks, odd names and removals arrive as in a plain copy" { both files; }

directories() {
	project
	same_as_oracle '
		rm -r src
		mkdir src
		echo new >src/only
		mv docs docs2 2>/dev/null || { cp -a docs docs2; rm -r docs; }
		rmdir empty
		chmod 700 src
		mkdir ro && echo x >ro/f && chmod 555 ro'
}

@test "directories: removed and made again, moved, with modes" { both directories; }

types() {
	project
	same_as_oracle '
		rm run.sh && mkdir run.sh && echo x >run.sh/x
		rm -r docs && echo file >docs
		rm link && echo file >link
		rm src/b.c && ln -s a.c src/b.c
		rm -r src/deep && ln -s nowhere src/deep'
}

@test "a file becomes a directory, a directory a file, a symlink a file" { both types; }

commits() {
	project
	same_as_oracle '
		echo change >>src/a.c
		git commit -qam second
		git checkout -qb topic
		git mv src/b.c src/moved.c
		git commit -qm moved
		git tag v1
		git stash list
		git branch -D main
		git gc -q
		echo dirty >>src/moved.c'
}

@test "git: commits, branches, tags and a gc arrive, and fsck is content" { both commits; }

rebase_and_worktree() {
	project
	same_as_oracle '
		git checkout -qb side
		echo s >side && git add side && git commit -qm side
		git checkout -q main
		echo m >main && git add main && git commit -qm main
		git checkout -q side && git rebase -q main
		git worktree add -q wt main'
}

@test "git: a rebase and a worktree" { both rebase_and_worktree; }

same_size_same_time() {
	project
	session
	inside 'touch -r src/a.c /tmp/ref.$$; sed -i s/^100$/001/ src/a.c; touch -r /tmp/ref.$$ src/a.c; rm /tmp/ref.$$'
	review apply "$S"
	[ "$status" -eq 0 ]
	grep -qx 001 "$P/src/a.c"
}

@test "a change that keeps size and time is seen" { both same_size_same_time; }

touched_only() {
	project
	before=$(tree_of "$P")
	session
	inside 'echo >>src/a.c; truncate -s -1 src/a.c; touch src/b.c; chmod 600 run.sh; chmod 755 run.sh'
	review diff "$S"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	review apply "$S"
	[ "$status" -eq 0 ]
	[[ "$output" == *"Applied: 0 new, 0 changed, 0 removed"* ]]
	[ "$before" = "$(tree_of "$P")" ]
}

@test "what was only opened for writing is no change" { both touched_only; }

conflict() {
	project
	session
	base src/a.c src/b.c
	inside 'echo agent >>src/a.c; echo agent >>src/b.c; rm docs/no-newline; echo mine >both; echo r >>run.sh'
	as bash -c 'cd "$1"; echo host >>src/a.c; echo host >docs/no-newline; echo host >both; echo host >run.sh.tmp; mv run.sh.tmp run.sh' _ "$P"
	review apply "$S"
	echo "$output"
	[ "$status" -eq 1 ]
	for f in src/a.c docs/no-newline both run.sh; do
		grep -qx host "$P/$f"
		lacks "$P/$f" agent
		[[ "$output" == *"conflict $f: "* ]]
	done
	grep -qx agent "$P/src/b.c"
	# The overlay keeps the rest; a second apply changes nothing and says the same.
	[ -d "$D/upper" ]
	before=$(tree_of "$P")
	review apply "$S"
	[ "$status" -eq 1 ]
	[ "$before" = "$(tree_of "$P")" ]
	review discard "$S" --yes
	[ "$status" -eq 0 ]
	[ ! -e "$D/upper" ] && [ ! -e "$D/work" ]
	grep -qx 'pending 0' "$D/meta"
}

@test "what the host changed during the run is a conflict: never written, kept, listed" { both conflict; }

back_again() {
	project
	session
	base src/a.c
	inside 'echo agent >>src/a.c'
	as bash -c 'cd "$1"; cp -p src/a.c a; echo x >src/a.c; cat a >src/a.c; rm a' _ "$P"
	review apply "$S"
	[ "$status" -eq 0 ]
	grep -qx agent "$P/src/a.c"
}

@test "a host file that is again what it was at copy-up is no conflict" { both back_again; }

partial() {
	project
	session
	inside 'echo agent >>src/a.c; echo agent >>src/b.c; mkdir -p n/m; echo 1 >n/m/1; echo 2 >n/2; rm "docs/a b"'
	(cd "$P/src" && review apply "$S" a.c ../n/m && echo "$output" && [ "$status" -eq 0 ])
	grep -qx agent "$P/src/a.c"
	lacks "$P/src/b.c" agent
	[ -e "$P/n/m/1" ] && [ ! -e "$P/n/2" ] && [ -e "$P/docs/a b" ]
	[ -d "$D/upper" ]
	run -0 as "$W/brattice-review" diff --name-only "$S"
	[ "$output" = $'docs/a b\nn/2\nsrc/b.c' ]
	review apply "$S"
	[ "$status" -eq 0 ]
	[ -e "$P/n/2" ] && [ ! -e "$P/docs/a b" ] && [ ! -e "$D/upper" ]
	review apply "$S" /etc
	[ "$status" -eq 0 ]
}

@test "apply PATH takes only that, and the rest later" { both partial; }

handoff_blocks() {
	project
	session
	inside 'echo ok >fine; ln -s /etc/passwd out; cp /bin/true su; chmod 4755 su'
	before=$(tree_of "$P")
	review apply "$S"
	[ "$status" -eq 2 ]
	[[ "$output" == *"block out: symlink out of the project, to /etc/passwd"* ]]
	[[ "$output" == *"block su: setuid bit"* ]]
	[ "$before" = "$(tree_of "$P")" ]
	review apply "$S" fine
	[ "$status" -eq 0 ]
	[ -e "$P/fine" ] && [ ! -L "$P/out" ]
	review apply "$S" --accept-risks
	[ "$status" -eq 0 ]
	[ "$(readlink "$P/out")" = /etc/passwd ]
	[ "$(stat -c %a "$P/su")" = 755 ]
}

@test "block-level findings stop the apply; set-id bits never arrive" { both handoff_blocks; }

guarded() {
	project
	as sh -c 'echo "use flake" >"$1/.envrc"' _ "$P"
	session
	inside 'echo evil >.envrc; mkdir -p .git/hooks; echo evil >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit
		git config core.fsmonitor ./evil; echo r >.npmrc; echo ok >fine'
	review apply "$S" --accept-risks
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"guarded .envrc: "* ]]
	[[ "$output" == *"guarded .npmrc: "* ]]
	[[ "$output" == *"guarded .git/hooks/pre-commit: "* ]]
	[[ "$output" == *"guarded .git/config: "*core.fsmonitor* ]]
	[ "$(cat "$P/.envrc")" = "use flake" ]
	[ ! -e "$P/.npmrc" ] && [ ! -e "$P/.git/hooks/pre-commit" ]
	lacks "$P/.git/config" fsmonitor
	[ -e "$P/fine" ]
}

@test "guarded names are never applied" { both guarded; }

harmless_config() {
	project
	session
	inside 'git branch -q topic; git config branch.topic.remote origin; git remote add origin https://example.org/x.git'
	review apply "$S"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(as git -C "$P" remote get-url origin)" = https://example.org/x.git ]
}

@test "git configuration that only names branches and remotes is applied" { both harmless_config; }

locked() {
	project
	session
	inside 'echo agent >>src/a.c; git commit -qam agent'
	head=$(as git -C "$P" rev-parse HEAD)
	as touch "$P/.git/index.lock"
	review apply "$S"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"conflict .git/refs/heads/main: "*"git on the host is at work"* ]]
	[ "$(as git -C "$P" rev-parse HEAD)" = "$head" ]
	[ -e "$P/.git/index.lock" ]
	as rm "$P/.git/index.lock"
	review apply "$S"
	[ "$status" -eq 0 ]
	[ "$(as git -C "$P" log -1 --format=%s)" = agent ]
	[ -z "$(as git -C "$P" status --porcelain)" ]
}

@test "git's locks on the host are kept to" { both locked; }

diverged() {
	project
	session
	inside 'echo agent >>src/a.c; git commit -qam agent; echo plain >plain'
	as bash -c 'cd "$1"; echo host >>src/b.c; git commit -qam host' _ "$P"
	head=$(as git -C "$P" rev-parse HEAD)
	review apply "$S"
	echo "$output"
	[ "$status" -eq 1 ]
	[ "$(as git -C "$P" rev-parse HEAD)" = "$head" ]
	as git -C "$P" fsck --no-progress
	[ -e "$P/plain" ]
}

@test "commits on both sides: the repository's state stays the host's, whole" { both diverged; }

special() {
	project
	session
	inside 'mkfifo pipe; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")"; echo ok >fine'
	review apply "$S"
	echo "$output"
	[ "$status" -eq 0 ]
	[ ! -e "$P/pipe" ] && [ ! -e "$P/sock" ] && [ -e "$P/fine" ]
	[[ "$output" == *"skipped pipe: a FIFO is not applied"* ]]
}

@test "FIFOs and sockets are named and left out" { both special; }

planted_link() {
	project
	session
	inside 'echo agent >>src/a.c; echo n >docs/n'
	as mkdir "$W/elsewhere"
	as bash -c 'cd "$1"; mv docs d2; ln -s "$2" docs' _ "$P" "$W/elsewhere"
	review apply "$S"
	[ "$status" -eq 1 ]
	[ -z "$(ls "$W/elsewhere")" ]
	grep -qx agent "$P/src/a.c"
}

@test "a directory that became a symlink on the host is not written through" { both planted_link; }

killed() {
	project
	as bash -c 'mkdir "$1/many"; for i in $(seq 60); do echo old $i >"$1/many/$i"; done; cd "$1"; git add .; git commit -qm many' _ "$P"
	session
	inside 'for i in $(seq 60); do echo new $i >many/$i; echo add $i >many/n$i; done; rm -r src; git add -A; git commit -qm all'
	oracle_tree=$(as unshare -Urm bash -euc '
		mount -t overlay ovl -o "userxattr,lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$1"; cd "$1"
		find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum' _ "$P" "$D")
	# Killed at many places, each time further on; then once to the end.
	for n in 1 2 3 5 13 34 66; do
		as strace -f --seccomp-bpf -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:signal=KILL:when=$n "$W/brattice-review" apply "$S" || true
	done
	for n in 1 7 31; do
		as strace -f --seccomp-bpf -qq -o /dev/null -e trace=unlinkat -e inject=unlinkat:signal=KILL:when=$n "$W/brattice-review" apply "$S" || true
		as strace -f --seccomp-bpf -qq -o /dev/null -e trace=linkat -e inject=linkat:signal=KILL:when=$n "$W/brattice-review" apply "$S" || true
	done
	review apply "$S"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$oracle_tree" = "$(cd "$P" && find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum)" ]
	[ "$(find "$P" -name '.brattice*' -o -name '*.lock' | wc -l)" -eq 0 ]
	as git -C "$P" fsck --no-progress
	[ -z "$(as git -C "$P" status --porcelain)" ]
}

@test "killed at any point, the next apply ends what was begun and leaves nothing behind" { both killed; }

patch_is_exact() {
	project
	as cp -a "$P" "$W/before"
	session
	inside 'sed -i "3d;50a inserted\ttab\r" src/a.c; printf "no newline" >>src/b.c; printf "y" >docs/no-newline
		rm docs/"a b"; printf "esc \033[31m red\n" >esc; chmod 644 run.sh; ln -sfn src/b.c link; echo "a
b" >"docs/new
line"; mkdir e; echo 1 >e/f'
	as sh -c '"$1/brattice-review" diff --patch "$2" >"$1/patch"' _ "$W" "$S"
	(cd "$W/before" && as git apply "$W/patch")
	review apply "$S"
	[ "$status" -eq 0 ]
	diff -r --no-dereference -x .git "$P" "$W/before"
	[ "$(stat -c %a "$W/before/run.sh")" = "$(stat -c %a "$P/run.sh")" ]
}

@test "diff --patch is what git apply makes the same tree of" { both patch_is_exact; }

diff_is_safe() {
	project
	session
	inside 'printf "evil \033]52;c;aGk=\007 \xe2\x80\xae\n" >>src/a.c; echo >"$(printf "n\033[2Jame")"; head -c 50000 /dev/urandom >docs/blob; git commit -qam x'
	review diff "$S"
	[ "$status" -eq 0 ]
	[[ "$output" == *'+evil \x1b]52;c;aGk=\x07 \u{202e}'* ]]
	[[ "$output" == *"Binary files a/docs/blob and b/docs/blob differ"* ]]
	[[ "$output" == *".git: "*" changes"* ]]
	[[ "$output" != *$'\033'* ]]
	review diff --stat "$S"
	[[ "$output" == *" M src/a.c | +1 -0"* ]]
	review diff --json "$S"
	echo "$output" | python3 -c '
import json, sys
rows = [json.loads(l) for l in sys.stdin]
by = {r["path"]: r for r in rows}
assert by["src/a.c"]["added"] == 1 and by["src/a.c"]["change"] == "modified", by["src/a.c"]
assert by["docs/blob"]["binary"] is True
assert any(p.startswith(".git/objects/") for p in by)'
}

@test "diff shows control characters, binary files and .git safely" { both diff_is_safe; }

refusals() {
	project
	session
	inside 'echo x >x'
	review discard "$S"
	[ "$status" -eq 125 ]
	[[ "$output" == *--yes* ]]
	[ -d "$D/upper" ]
	review apply nosuch
	[ "$status" -eq 125 ]
	review diff
	[ "$status" -eq 125 ]
	sed -i 's/^review 1/review 0/' "$D/meta"
	review apply "$S"
	[ "$status" -eq 125 ]
	[[ "$output" == *"review mode"* ]]
	sed -i 's/^review 0/review 1/; s/^state ended/state running/' "$D/meta"
	as touch "$D/lock"
	run as flock "$D/lock" "$W/brattice-review" apply "$S"
	[ "$status" -eq 125 ]
	[[ "$output" == *"still runs"* ]]
	run as flock "$D/lock" "$W/brattice-review" diff "$S"
	[ "$status" -eq 0 ]
	run as flock "$D/lock" "$W/brattice-review" discard --yes "$S"
	[ "$status" -eq 125 ]
	[ -d "$D/upper" ]
}

@test "what must be refused is refused, with the mend" { both refusals; }

mangled_upper() {
	project
	session
	inside 'echo x >>src/a.c; echo ok >fine'
	as setfattr -n user.overlay.metacopy -v y "$D/upper/src/a.c" 2>/dev/null || skip "no setfattr here"
	review apply "$S"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"unreadable src/a.c: overlay.metacopy"* ]]
	[ -e "$P/fine" ]
	lacks "$P/src/a.c" '^x$'
}

@test "an overlay with features that we don't know is not guessed at" { both mangled_upper; }

deep_and_sparse() {
	project
	session
	inside 'truncate -s 1T sparse; python3 -c "
import os
for i in range(1200):
    os.mkdir(\"dddd\"); os.chdir(\"dddd\")
open(\"f\", \"w\").write(\"x\")"; echo ok >fine'
	run as timeout 60 "$W/brattice-review" apply "$S" fine sparse
	echo "$output" | head -20
	[ -e "$P/fine" ]
	[ "$(stat -c %s "$P/sparse")" = 1099511627776 ]
	[ "$(stat -c %b "$P/sparse")" -lt 1000 ]
	[[ "$output" == *"unreadable "*"File name too long"* ]]
	as rm "$P/sparse"
	review discard "$S" --yes
	[ "$status" -eq 0 ]
	[ ! -e "$D/upper" ]
}

@test "a terabyte of nothing and a tree deeper than any path" { both deep_and_sparse; }

# inject CALL:FAULT…: apply, with faults; the number of the first nameless file's open is put in for FIRST.
inject() {
	local i args=(-f -qq -o /dev/null)
	for i in "$@"; do
		args+=(-e "inject=$i")
	done
	run as strace "${args[@]}" "$W/brattice-review" apply "$S"
}

poor_file_system() {
	project
	# Where in the sequence of opens the nameless files begin.
	session
	inside 'echo first >first'
	first=$(as strace -f -qq -e trace=openat "$W/brattice-review" apply "$S" 2>&1 >/dev/null | grep -n O_TMPFILE | head -1 | cut -d: -f1)
	[ -e "$P/first" ]
	rm -rf "$D"
	oracle 'echo x >>src/a.c; rm src/b.c; echo new >new; ln -s a l; mkdir d; echo y >d/y; chmod +x docs/blob'
	session
	inside 'echo x >>src/a.c; rm src/b.c; echo new >new; ln -s a l; mkdir d; echo y >d/y; chmod +x docs/blob'
	inject "renameat2:error=EINVAL" "openat:error=EOPNOTSUPP:when=$first..$((first + 4))+2"
	echo "$output"
	[ "$status" -eq 0 ]
	diff <(tree_of "$W/copy") <(tree_of "$P")
	[ "$(find "$P" -name '.brattice*' | wc -l)" -eq 0 ]
}

@test "a file system without nameless files and exchanging renames" { both poor_file_system; }

disk_full() {
	project
	session
	inside 'for i in $(seq 20); do echo $i >f$i; done; echo x >>src/a.c'
	inject "pwrite64:error=ENOSPC:when=7+"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"No space left on device"* ]]
	[[ "$output" == *"not reached"* ]]
	[ "$(find "$P" -name '.brattice*' | wc -l)" -eq 0 ]
	[ "$(find "$P" -name 'f*' -empty | wc -l)" -eq 0 ]
	review apply "$S"
	[ "$status" -eq 0 ]
	[ "$(cat "$P/f20")" = 20 ]
	grep -qx x "$P/src/a.c"
}

@test "a full disk stops the apply with whole files; it goes on later" { both disk_full; }

git_removed() {
	project
	session
	inside 'rm .git/config; ln -sf /tmp/x .git/COMMIT_EDITMSG; echo ok >fine'
	review apply "$S" --accept-risks
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"guarded .git/config: "* ]]
	[[ "$output" == *"guarded .git/COMMIT_EDITMSG: "* ]]
	[ -e "$P/.git/config" ] && [ ! -L "$P/.git/COMMIT_EDITMSG" ] && [ -e "$P/fine" ]
}

@test "git's configuration is not removed, nor a symlink out of .git made, at any risk" { both git_removed; }

# delayed_apply SAVE: the exchange with the host's file is held for half a second; SAVE is run on the host meanwhile.
delayed_apply() {
	as strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:delay_enter=500000 "$W/brattice-review" apply "$S" >"$W/log" 2>&1 &
	until grep -q '^[xd] ' "$D/apply.journal" 2>/dev/null; do :; done
	as bash -euc "$1" _ "$P"
	status=0
	wait $! || status=$?
	output=$(cat "$W/log")
	echo "$output"
}

save_in_the_last_instant() {
	project
	session
	base src/a.c
	inside 'echo agent >>src/a.c'
	delayed_apply 'cd "$1"; echo host >a.new; mv a.new src/a.c'
	[ "$status" -eq 1 ]
	[ "$(cat "$P/src/a.c")" = host ]
	[[ "$output" == *"conflict src/a.c: changed on the host just now"* ]]
	[ "$(find "$P" -name '.brattice*' | wc -l)" -eq 0 ]
	review discard --yes "$S"
	session
	base src/b.c
	inside 'rm src/b.c'
	delayed_apply 'cd "$1"; echo host >>src/b.c'
	[ "$status" -eq 1 ]
	[ "$(tail -1 "$P/src/b.c")" = host ]
	[ "$(find "$P" -name '.brattice*' | wc -l)" -eq 0 ]
}

@test "a save on the host between the comparison and the exchange is not lost" { both save_in_the_last_instant; }

on_a_terminal() {
	project
	session
	inside 'printf "evil \033]0;title\007\n" >>src/a.c'
	# A pager that shows what it gets; colours are ours, everything else is made visible, also with --patch.
	for option in "" --patch; do
		run as env NO_COLOR= PAGER='cat -v' TERM=xterm script -qec "$W/brattice-review diff $S $option" /dev/null
		echo "$output"
		[ "$status" -eq 0 ]
		[[ "$output" == *'^[[32m+evil \x1b]0;title\x07^[[0m'* ]]
	done
	run as env NO_COLOR=1 PAGER='cat -v' script -qec "$W/brattice-review diff $S" /dev/null
	[[ "$output" == *'+evil \x1b]0;title\x07'* ]] && [[ "$output" != *'^['* ]]
	# A pager that is left early is no error.
	inside 'head -c 3000000 /dev/zero | tr "\\0" "\\n" >many'
	run as env PAGER='head -n 1' script -qec "$W/brattice-review diff $S" /dev/null
	[ "$status" -eq 0 ]
	run as script -qec "echo n | $W/brattice-review discard $S" /dev/null
	[ "$status" -ne 0 ]
	[ -d "$D/upper" ]
	run as script -qec "$W/brattice-review discard $S" /dev/null <<<n
	[ "$status" -ne 0 ]
	[[ "$output" == *"[y/N]"* ]]
	[ -d "$D/upper" ]
	run as script -qec "$W/brattice-review discard $S" /dev/null <<<y
	[ "$status" -eq 0 ]
	[ ! -e "$D/upper" ]
}

@test "on a terminal: pager, colours, and the question before a discard" { both on_a_terminal; }
