#!/usr/bin/env bats
# Ways to make the host's git take another directory, or something that the user's own configuration names, for its own (docs/threat-model.md
# class 4). The oracle is the same as in attack_git.bats.
load lib
load plants

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() {
	if [ -d "$W/template/keep" ]; then rm -rf "$W/template/app" && mv "$W/template/keep" "$W/template/app"; fi
	project_reset
}
teardown() { stop_hosts; }

# A repository of which no directory looks like one: HEAD here, objects, refs, configuration and hooks there. $C: what c/config says more.
SPLIT='mkdir -p evil c/objects c/refs c/hooks; printf "ref: refs/heads/main\n" > evil/HEAD; printf "../c\n" > evil/commondir
	printf "[core]\n\trepositoryformatversion = 1\n\tbare = false\n\tfsmonitor = \"$PWN; false\"\n" > c/config
	printf "[extensions]\n\tworktreeConfig = true\n" >> c/config; printf "[core]\n\tworktree = ..\n\tbare = false\n" > evil/config.worktree
	printf "#!/bin/sh\n$PWN\n" > c/hooks/post-checkout; chmod +x c/hooks/post-checkout; cp c/hooks/post-checkout c/hooks/pre-commit; '
@test "a repository split in two by commondir" {
	plants "$SPLIT"
	plants "mkdir -p evil; mkdir s; ${SPLIT//evil/s}mv s/* evil/"
	plants "${SPLIT//evil/s}rm -rf evil; mv s evil"
	plants "${SPLIT//commondir/cd}mv evil/cd evil/commondir"
	plants "${SPLIT//commondir/cd}ln -s cd evil/commondir"
}
@test "hooks of a bare repository, brought as a whole" {
	local bare='git init -q --bare evil; git --git-dir=evil config core.bare false; git --git-dir=evil config core.worktree ..; rm -rf evil/hooks
		mkdir h; printf "#!/bin/sh\n$PWN\n" > h/pre-commit; cp h/pre-commit h/post-checkout; chmod +x h/*; '
	plants "$bare"'mv h evil/hooks'
	plants "$bare"'ln -s ../h evil/hooks'
	plants "$bare"'mkdir evil/hooks; mv evil/refs r; mv h/* evil/hooks/; mv r evil/refs'
	plants "$bare"'mv evil/refs r; ln -s ../h evil/hooks; mv r evil/refs'
	plants "$bare"'mv h hooks; mkdir s; mv hooks s/; mv s/hooks evil/'
}
@test "config.worktree of a bare repository" {
	local bare='git init -q --bare evil; git --git-dir=evil config extensions.worktreeConfig true; git --git-dir=evil config core.repositoryformatversion 1; git --git-dir=evil config --unset core.bare; '
	local worktree='printf "[core]\n\tbare = false\n\tworktree = ..\n\tfsmonitor = \"$PWN; false\"\n" > '
	plants "$bare$worktree"'evil/config.worktree'
	plants "$bare$worktree"'w; mv w evil/config.worktree'
	plants "$bare"'mv evil/refs r; '"$worktree"'evil/config.worktree; mv r evil/refs'
	plants "$bare$worktree"'w; ln -s ../w evil/config.worktree'
}
@test "a grant of a repository's own directory lifts no guard" {
	local git=$H/src/other/.git
	(cd "$H/src/other" && HOME=$H git commit -q --allow-empty -m x)
	give
	RUN_ARGS=(--write "$git")
	inside /bin/sh -c "git --git-dir='$git' config extensions.worktreeConfig true; printf '[core]\n\tfsmonitor = \"$(pwn); false\"\n' > '$git/config.worktree'; echo '* filter=x' > '$git/info/attributes'" > "$W/log/inside" 2>&1 || true
	me git -C ../other status > /dev/null
	[ ! -e "$W/log/pwned" ]
	[ ! -e "$git/info/attributes" ]
	me sh -c 'mkdir -p ../other/.claude'
	RUN_ARGS=(--write "$H/src/other/.claude")
	inside ./probe write-open-create "$H/src/other/.claude/settings.json" || true
	[ ! -e "$H/src/other/.claude/settings.json" ]
	rm -rf "$H/src/other/.claude" "$git/config.worktree"
}
@test "repositories of other systems whose configuration runs commands" {
	for d in .hg/hgrc .jj/repo/config.toml .sl/config sub/.hg/hgrc; do
		printf 'write-parents\t%s\nwrite-staged-parent\t%s\n' "$d" "$d"
	done > "$W/log/list"
	attacks "$W/log/list"
}
@test "a remote or submodule that is another project of the user" {
	me sh -ec 'cd ../other; echo '"$CANARY-other"' > s; git add s; git commit -qm s'
	for u in ../other ./../other "$H/src/other" "file://$H/src/other" "sub/../../other"; do
		project_reset
		inside_sh "git remote add up '$u'; git config remote.up.url '$u'; git config submodule.x.url '$u'" > "$W/log/inside" 2>&1 || true
		me git fetch -q --all > /dev/null 2>&1 || true
		run inside git log --all -p
		[[ $output != *"$CANARY-other"* ]] || { echo "OPEN: $u"; return 1; }
	done
	project_reset
	me git remote add up ../other
	me git fetch -q --all
	[[ $(me git log --all -p) == *"$CANARY-other"* ]]
}
@test "a .git file with two lines" {
	plants "${SPLIT//evil/gd}"'mkdir -p .git/modules/m ".git/modules/m
" new; printf "gitdir: ../.git/modules/m\n/../../../gd" > new/.git'
	plants "${SPLIT//evil/gd}"'mkdir -p .git/modules/m ".git/modules/m
" new; printf "gitdir: ../.git/modules/m\r/../../../gd" > new/.git; mkdir ".git/modules/m$(printf "\r")"'
}
@test "a .git file through a symlink that is turned afterwards" {
	plants "${SPLIT//evil/gd}"'mkdir -p .git/modules/m new l; ln -s ../.git/modules/m l/m; printf "gitdir: ../l/m\n" > new/.git; sleep 0.1; rm l/m; ln -s ../gd l/m'
	plants "${SPLIT//evil/gd}"'mkdir -p .git/modules/m new l; ln -s ../.git/modules l/m; printf "gitdir: ../l/m/m\n" > new/.git; sleep 0.1; rm l/m; mkdir l/m; ln -s ../../gd l/m/m'
	plants "${SPLIT//evil/gd}"'mkdir -p .git/modules/m new; printf "gitdir: ../.git/modules/m\n" > new/.git; sleep 0.1; rmdir .git/modules/m; ln -s ../../gd .git/modules/m'
	plants "${SPLIT//evil/gd}"'mkdir -p .git/modules/m new; printf "gitdir: ../.git/modules/m\n" > new/.git; sleep 0.1; rmdir .git/modules/m; mv gd .git/modules/m; rm .git/modules/m/commondir; echo ../../../c > .git/modules/m/commondir'
}
@test "a .git file that is moved to where its words mean another place" {
	plants "${SPLIT//evil/gd}"'mkdir -p w/.git/modules/m w/new .git/modules/m; printf "gitdir: ../.git/modules/m\n" > w/new/.git; sleep 0.1; mkdir -p z/.git/modules; mv w/new z/new 2>/dev/null; ln -s ../../../gd z/.git/modules/m'
}
# What the user's own configuration names in the tree is run by the next command of the host.
own_config() {
	rm -rf "$W/template/keep"
	cp -a "$W/template/app" "$W/template/keep"
	(cd "$W/template/app" && HOME=$H git config "$1" "$2")
	give
}
@test "core.hooksPath of the user's own, in the tree" {
	own_config core.hooksPath .githooks
	plants 'mkdir -p .githooks; printf "#!/bin/sh\n$PWN\n" > .githooks/post-checkout; chmod +x .githooks/post-checkout'
	plants 'mkdir -p hk; printf "#!/bin/sh\n$PWN\n" > hk/post-checkout; chmod +x hk/post-checkout; rm -rf .githooks; mv hk .githooks'
}
@test "husky's core.hooksPath" {
	own_config core.hooksPath .husky/_
	plants 'mkdir -p .husky/_; printf "#!/bin/sh\n$PWN\n" > .husky/_/post-checkout; chmod +x .husky/_/post-checkout; cp .husky/_/post-checkout .husky/_/pre-commit'
}
@test "include.path of the user's own, in the tree" {
	own_config include.path ../shared.gitconfig
	plants 'printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" > shared.gitconfig'
}
@test "core.fsmonitor and a filter of the user's own that are scripts in the tree" {
	own_config core.fsmonitor ./tools/monitor
	plants 'mkdir -p tools; printf "#!/bin/sh\n$PWN\n" > tools/monitor; chmod +x tools/monitor'
}
@test "a disabled hook of the user's is not switched on" {
	rm -rf "$W/template/keep"
	cp -a "$W/template/app" "$W/template/keep"
	(umask 022 && pwn > "$W/template/app/.git/hooks/post-checkout" && sed -i '1i #!/bin/sh' "$W/template/app/.git/hooks/post-checkout")
	give
	plants 'chmod 755 .git/hooks/post-checkout'
	plants 'chmod 755 .git/hooks/* .git/hooks'
	# fchmod and fchmodat2
	attack meta-fchmod .git/hooks/post-checkout
	attack meta-fchmodat2 .git/hooks/post-checkout
	attack meta-chmod-proc-fd .git/hooks/post-checkout
	attack meta-acl .git/hooks/post-checkout
}
@test "a rebase, bisect or sequencer left half done, with a command in it" {
	plants 'git checkout -q -b r; git commit -q --allow-empty -m r; git update-ref refs/heads/r2 HEAD; mkdir .git/rebase-merge; cd .git/rebase-merge; git rev-parse HEAD > onto; cp onto orig-head; echo refs/heads/r > head-name; printf "exec $PWN\n" > git-rebase-todo; : > interactive; : > done; echo 1 > msgnum; echo 1 > end; cd ../..' || {
		echo "watched by policy: the user has to say git rebase --continue"
		skip "watched, not guarded: it takes a git rebase --continue of the user's"
	}
}

@test "descriptors and directories that are older than the judgement" {
	local n=new
	for a in "late-dirfd $n" "late-cwd $n" "config-held-fd .git" "config-held-link .git" "config-held-map .git" "config-rename .git" "config-exchange .git" \
		"config-link .git" "config-symlink .git"; do
		# shellcheck disable=SC2086
		attack $a
		host_git_battery
	done
}
@test "a judge that is given a FIFO or a terabyte still answers" {
	project_reset
	inside ./probe config-fifo .git || true
	project_reset
	run timeout 30 bash -c "true"
	inside ./probe config-huge .git || true
	inside_sh 'rm -f .git/config.lock; git config branch.x.remote origin'
	[ "$(me git config branch.x.remote)" = origin ]
}
