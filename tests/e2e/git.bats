#!/usr/bin/env bats
# Everyday git works in the sandbox.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() {
	project_reset
	# A remote, a branch there, and a submodule's repository: local, in the project's directory so that the sandbox sees them.
	me sh -ec 'mkdir -p probe-remotes; git clone -q --bare . probe-remotes/origin.git; git clone -q --bare . probe-remotes/lib.git
		git remote add origin ./probe-remotes/origin.git; git --git-dir=probe-remotes/origin.git branch topic; git fetch -q origin'
}

@test "status, add, commit, amend, log, diff" {
	inside_sh 'set -e; git status; echo more >> README; git diff --stat; git add README; git commit -qm second; git commit -q --amend -m better; git log --oneline'
	[ "$(me git log -1 --format=%s)" = better ]
}
@test "checkout of a remote branch sets up tracking" {
	inside git checkout -q -b topic origin/topic
	[ "$(me git config branch.topic.remote)" = origin ]
}
@test "switch, branch -m, branch -d, tag, stash" {
	inside_sh 'set -e; git switch -q -c a; git branch -m a b; git switch -q main; git branch -D b; git tag v1; echo x >> README; git stash -q; git stash pop -q; git checkout -q README'
	[ -n "$(me git tag -l v1)" ]
}
@test "branch -m renames the branch's section" {
	inside_sh 'set -e; git checkout -q -b topic origin/topic; git branch -m topic better'
	[ "$(me git config branch.better.remote)" = origin ]
}
@test "remote add, rename, set-url, remove; fetch; push" {
	inside_sh 'set -e; git remote add up https://example.org/x.git; git remote rename up down; git remote set-url down git@example.org:x.git; git remote remove down; git fetch -q origin; git push -q origin HEAD:pushed'
	[ -n "$(me git --git-dir=probe-remotes/origin.git branch --list pushed)" ]
}
@test "push -u and pull" {
	inside_sh 'set -e; git checkout -q -b new; git push -q -u origin new; git pull -q'
	[ "$(me git config branch.new.merge)" = refs/heads/new ]
}
@test "submodule add, init, update" {
	inside_sh 'set -e; git submodule add -q "$PWD/probe-remotes/lib.git" mod; git commit -qm mod; git submodule status'
	[ -e "$P/mod/README" ]
	me sh -c 'git clone -q . probe-clone && rm -rf probe-clone/probe-remotes && cp -a probe-remotes probe-clone/'
	inside_sh 'cd probe-clone && git submodule update -q --init'
	[ -e "$P/probe-clone/mod/README" ]
}
@test "rebase, with and without conflict, and merge" {
	inside_sh 'set -e; git checkout -q -b f; echo f > f; git add f; git commit -qm f; git checkout -q main; echo m > m; git add m; git commit -qm m; git checkout -q f; git rebase -q main
		echo 1 > README; git commit -qam 1; git checkout -q main; echo 2 > README; git commit -qam 2; git checkout -q f; ! git rebase main; git checkout -q --theirs README; git add README; GIT_EDITOR=true git rebase --continue; git checkout -q main; git merge -q f'
	[ -e "$P/f" ]
}
@test "rebase -i and commit with an editor" {
	inside_sh 'set -e; for i in 1 2 3; do echo $i > f$i; git add f$i; git commit -qm $i; done; GIT_SEQUENCE_EDITOR="sed -i 2s/pick/fixup/" git rebase -q -i HEAD~2; GIT_EDITOR="sh -c \"echo edited > \$1\" --" git commit -q --amend'
	[ "$(me git log -1 --format=%s)" = edited ]
}
@test "worktree add, use, remove" {
	inside_sh 'set -e; git worktree add -q probe-wt -b wt; cd probe-wt; echo w > w; git add w; git commit -qm w; cd ..; git worktree list; git worktree remove probe-wt'
	[ "$(me git log -1 --format=%s wt)" = w ]
}
@test "clone of a local repository, and work in it" {
	inside_sh 'set -e; git clone -q probe-remotes/origin.git probe-cl; cd probe-cl; echo c > c; git add c; git commit -qm c; git push -q origin HEAD:cl; git checkout -q -b topic origin/topic'
	[ -n "$(me git --git-dir=probe-remotes/origin.git branch --list cl)" ]
	inside_sh 'cd /tmp && git clone -q "$OLDPWD/probe-remotes/origin.git" x && cd x && git log --oneline'
}
@test "init, also with a template, and rm -rf of a repository made in the run" {
	inside_sh 'set -e; git init -q probe-new; cd probe-new; echo a > a; git add a; git commit -qm a; cd ..; rm -rf probe-new'
	[ ! -e "$P/probe-new" ]
}
@test "config of harmless keys, bisect, gc, repack, sparse-checkout, notes, reflog" {
	inside_sh 'set -e; git config user.name Agent; git config --unset user.name; for i in 1 2 3 4; do git commit -q --allow-empty -m $i; done; git bisect start HEAD HEAD~4 > /dev/null; git bisect run false > /dev/null || true; git bisect reset > /dev/null 2>&1; git gc -q; git repack -adq; git notes add -m n; git reflog > /dev/null'
	[ -n "$(me git notes list)" ]
}
@test "apply, am, cherry-pick, revert, format-patch, archive, clean" {
	inside_sh 'set -e; echo x > x; git add x; git commit -qm x; git format-patch -q -1 -o probe-patches; git reset -q --hard HEAD~1; git am -q probe-patches/*.patch; git revert --no-edit HEAD > /dev/null; git cherry-pick HEAD~1 > /dev/null; git archive HEAD > /dev/null; touch junk; git clean -fdq'
	[ -e "$P/x" ] && [ ! -e "$P/junk" ]
}
@test "the checkout of a commit that holds guarded names is refused for them with a clear word" {
	me sh -ec 'git checkout -q -b hostile; echo evil > .envrc; git add -f .envrc; git commit -qm hostile; git checkout -q main'
	run inside git checkout hostile
	[ ! -e "$P/.envrc" ]
}
@test "host's git sees the same repository: fsck, status" {
	inside_sh 'set -e; echo x > x; git add x; git commit -qm x'
	me git fsck --strict
	[ -z "$(me git status --porcelain)" ]
}
@test "a session in a linked worktree: status, commit, and the guard of the repository it belongs to" {
	me git worktree add -q ../app-wt -b side
	(
		P=$H/src/app-wt
		run inside_sh 'git status && echo w > w && git add w && git commit -qm side'
		echo "$output"
		[ "$status" -eq 0 ]
		inside_sh "echo x > '$H/src/app/.git/hooks/pre-commit'; git config core.fsmonitor x" || true
	)
	[ "$(me git log -1 --format=%s side)" = side ]
	[ ! -e "$P/.git/hooks/pre-commit" ]
	[ -z "$(me git config core.fsmonitor)" ]
	rm -rf "$H/src/app-wt"
}
