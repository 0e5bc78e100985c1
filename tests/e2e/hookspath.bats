#!/usr/bin/env bats
# What git on the host runs because its configuration says so, and husky, whose files are such and are written again by every
# install. Each attack is run without the wall first, where it must succeed.

# shellcheck disable=SC2016 # scripts are for the shell that runs them

bats_require_minimum_version 1.5.0
load lib
load plants

setup_file() {
	world_make
	if command -v npm > /dev/null; then
		HUSKY_CACHE=$("$E2E_SOURCE/tests/real/setup.sh" husky 2> "$W/log/setup") || HUSKY_CACHE=
	fi
	export HUSKY_CACHE
	cp -a "$W/template/app" "$W/template/plain"
	cp -a "$H/.gitconfig" "$W/template/gitconfig"
}
teardown_file() { world_remove; }
setup() {
	rm -rf "$W/template/app" "$H/.config/git"
	cp -a "$W/template/plain" "$W/template/app"
	cp -a "$W/template/gitconfig" "$H/.gitconfig"
	project_reset
}

# prepared SCRIPT: what the user did in the project before. more_prepared: on top of that.
prepared() {
	setup
	more_prepared "$1"
}
more_prepared() {
	project_reset
	me /bin/sh -euc "$1"
	rm -rf "$W/template/app"
	cp -a "$P" "$W/template/app"
}

# runs_nothing HOOK SCRIPT: the script plants $HOOK, a file to be run by git on the host, in vain.
runs_nothing() {
	plants "mkdir -p \"\$(dirname $1)\"; printf '#!/bin/sh\n%s\n' \"\$PWN\" > $1; chmod +x $1; ${2:-:}" || { echo "$1"; return 1; }
}

denied() { record | grep -c '"decision":"deny"' || true; }

@test "a directory of hooks in the tree: files there, new ones, the directory as a whole" {
	prepared 'git config core.hooksPath .githooks; mkdir .githooks; echo "#!/bin/sh" > .githooks/pre-commit; chmod +x .githooks/pre-commit'
	runs_nothing .githooks/pre-commit
	runs_nothing .githooks/post-checkout
	runs_nothing mine/post-checkout 'mv .githooks away; mv mine .githooks'
	runs_nothing mine/post-checkout 'rm -r .githooks; ln -s mine .githooks'
	runs_nothing mine/post-checkout 'ln -f mine/post-checkout .githooks/pre-commit'
	runs_nothing mine/post-checkout 'mv mine/post-checkout .githooks/'
	[ "$(cat "$P/.githooks/pre-commit")" = "#!/bin/sh" ]
}
@test "a directory of hooks that isn't there yet" {
	prepared 'git config core.hooksPath tools/hooks'
	runs_nothing tools/hooks/post-checkout
	runs_nothing mine/hooks/post-checkout 'mv mine tools'
	runs_nothing mine/hooks/post-checkout 'ln -s mine tools'
}
@test "hooks behind symlinks of the user's" {
	prepared 'mkdir -p tools/hooks; ln -s tools/hooks .githooks; git config core.hooksPath .githooks'
	runs_nothing tools/hooks/post-checkout
	prepared 'mkdir -p .git/hooks tools; printf "#!/bin/sh\n" > tools/check; chmod +x tools/check; ln -s ../../tools/check .git/hooks/post-checkout'
	runs_nothing tools/check
	prepared 'git config core.hooksPath .githooks; mkdir .githooks; ln -s ../tools/check .githooks/post-checkout'
	runs_nothing tools/check
	prepared 'rm -rf .git/hooks; mkdir githooks; ln -s ../githooks .git/hooks'
	runs_nothing githooks/post-checkout
}
@test "the user's own configuration names a place in the tree" {
	prepared 'git config --global core.hooksPath .githooks'
	runs_nothing .githooks/post-checkout
	prepared 'mkdir -p ~/.config/git; git config --file ~/.config/git/config core.fsmonitor ./tools/watch'
	runs_nothing tools/watch
	prepared 'git config --file ~/team.conf core.hooksPath hooks.d; git config --global include.path "~/team.conf"'
	runs_nothing hooks.d/post-checkout
}
@test "configuration of the tree that is included: the file, and what it names" {
	prepared 'git config include.path ../team.conf; git config --file team.conf core.hooksPath .githooks; git config --file team.conf include.path more.conf'
	runs_nothing .githooks/post-checkout
	runs_nothing evil 'printf "[core]\n\tfsmonitor = ./evil\n" > more.conf'
	runs_nothing evil 'printf "[core]\n\tfsmonitor = ./evil\n" >> team.conf'
}
@test "programs in commands" {
	prepared 'mkdir tools; git config core.fsmonitor "sh tools/watch.sh"'
	runs_nothing tools/watch.sh
	prepared 'git config core.fsmonitor "A=b exec bin/watch"'
	runs_nothing bin/watch
	prepared 'echo "*.txt diff=x" > .gitattributes; echo 1 > a.txt; git add -A; git commit -qm 1; echo 2 > a.txt; echo exit > conv.sh; git config diff.x.textconv "sh conv.sh"'
	runs_nothing conv.sh
}
@test "a linked worktree is guarded by the configuration of its repository" {
	prepared 'git config core.hooksPath .githooks; git worktree add -q "$P/../tree"'
	me /bin/sh -c 'cd "$P/../tree" && "$B/brattice" run --no-terminal -- /bin/sh -c "mkdir -p .githooks; echo x > .githooks/post-checkout; echo y > free"' || true
	[ -e "$P/../tree/free" ]
	[ ! -e "$P/../tree/.githooks/post-checkout" ]
	rm -rf "$P/../tree"
}
@test "other files of the directory's neighbours stay free, samples of git's too" {
	prepared 'git config core.hooksPath .githooks; mkdir .githooks tools'
	inside_sh 'echo x > tools/x; echo x > .githooksx; mkdir y; echo x > y/pre-commit; echo x > .git/hooks/x.sample'
}

# with_husky N: the project uses it, as its README says.
with_husky() {
	[ -n "$HUSKY_CACHE" ] || skip "husky is not there: $(tail -n1 "$W/log/setup" 2> /dev/null || echo npm is missing)"
	prepared "cp -r '$HUSKY_CACHE/husky$1/node_modules' .; echo node_modules >> .gitignore; echo '{\"scripts\":{\"prepare\":\"$2\"}}' > package.json
		mkdir .husky; $3; git add -A; git commit -qm husky"
}
husky9() { with_husky 9 husky 'echo "echo its-hook" > .husky/pre-commit'; }
husky8() {
	with_husky 8 'husky install' 'printf "#!/usr/bin/env sh\n. \"\$(dirname -- \"\$0\")/_/husky.sh\"\necho its-hook\n" > .husky/pre-commit; chmod +x .husky/pre-commit'
}
husky_state() { (cd "$P" && find .husky -type f -exec sha256sum {} + | sort && git config core.hooksPath); }
host_commit() { me git commit --allow-empty -m x 2>&1; }

# again: installs inside where the host has installed before.
again() {
	more_prepared 'npm run --silent prepare'
	project_reset
	local before
	before=$(husky_state)
	inside npm run --silent prepare
	[ "$(denied)" = 0 ]
	[ "$(husky_state)" = "$before" ]
	[[ $(host_commit) == *its-hook* ]]
	# The session's own commits run it as well.
	[[ $(inside git commit --allow-empty -m y 2>&1) == *its-hook* ]]
}
@test "husky 9 installs again inside: the same files, nothing refused, the hooks still run" {
	husky9
	again
}
@test "husky 8 installs again inside: the same files, nothing refused, the hooks still run" {
	husky8
	again
}
@test "husky 9: nothing of the session's is run from its directories" {
	husky9
	more_prepared 'npm run --silent prepare'
	runs_nothing .husky/_/post-checkout
	runs_nothing .husky/_/reference-transaction
	runs_nothing .husky/_/h
	runs_nothing .husky/post-checkout
	runs_nothing mine/post-checkout 'mv -f mine/post-checkout .husky/_/post-checkout'
	runs_nothing mine/post-checkout 'ln -f mine/post-checkout .husky/_/post-checkout'
	runs_nothing mine/post-checkout 'ln -sf ../../mine/post-checkout .husky/_/post-checkout'
	runs_nothing mine/post-checkout 'mv .husky/_ away; mv mine .husky/_'
}
@test "husky 8: nothing of the session's is run from its directories" {
	husky8
	more_prepared 'npm run --silent prepare; cp .husky/pre-commit .husky/post-checkout'
	runs_nothing .husky/_/husky.sh
	runs_nothing .husky/post-merge 'mv .husky/post-merge .husky/post-checkout'
}
@test "what else is written to husky's directory is dropped, and recorded" {
	husky9
	more_prepared 'npm run --silent prepare'
	project_reset
	local before
	before=$(husky_state)
	inside_sh 'echo evil > .husky/_/pre-push; echo evil > .husky/_/new; echo more >> .husky/_/h; cp .husky/_/pre-commit .husky/_/commit-msg'
	[ "$(husky_state)" = "$before" ]
	[ "$(denied)" = 3 ]
	record | grep '"path":"[^"]*/.husky/_/pre-push"' | grep '"decision":"deny"' | grep -q '"rule":"core.hookspath"'
	run ! inside_sh 'rm .husky/_/h'
	run ! inside_sh 'mkdir .husky/_/x'
	run ! inside_sh 'chmod +x .husky/_/h'
	[ "$(husky_state)" = "$before" ]
}
@test "husky 9 installs first inside: it says that git may not be told, and the install goes on" {
	husky9
	run inside npm run prepare
	[ "$status" -eq 0 ]
	[[ $output == *core.hookspath* ]]
	[ ! -e "$P/.husky/_" ]
	[ -z "$(me git config core.hooksPath)" ]
	# On the host it is complete.
	me npm run --silent prepare
	[[ $(host_commit) == *its-hook* ]]
}
@test "husky 8 installs first inside: the install goes on, and nothing is left" {
	husky8
	run inside npm run prepare
	[ "$status" -eq 0 ]
	[ -z "$(me git config core.hooksPath)" ]
	me npm run --silent prepare
	[[ $(host_commit) == *its-hook* ]]
}
@test "husky installs inside after its files were cleaned away: it succeeds, and leaves none" {
	husky9
	more_prepared 'npm run --silent prepare; rm -r .husky/_'
	run inside npm run prepare
	[ "$status" -eq 0 ]
	[ -z "$(find "$P/.husky/_" -type f)" ]
	me npm run --silent prepare
	[[ $(host_commit) == *its-hook* ]]
}
