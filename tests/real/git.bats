#!/usr/bin/env bats
# The everyday work of git in a real repository, none of which the guards on .git may break.

load lib

setup_file() { real_setup_file git; }
teardown_file() { real_teardown_file; }
setup() { real_setup; wall_options=(--profile git); }
teardown() { real_teardown; }

# A repository that has a remote with a branch of its own; the remote lies outside the project.
cloned_repository() {
	host_sh "
		git init -q '$WORK/upstream'
		cd '$WORK/upstream'
		echo 1 >file
		git add file
		git commit -qm one
		git checkout -q -b feature
		echo 2 >feature
		git add feature
		git commit -qm feature
		git checkout -q main
		git clone -q '$WORK/upstream' '$PROJ'"
}

everyday_work() {
	cloned_repository
	succeeds wall_sh '
		git status --porcelain
		git checkout -q -b topic
		echo topic >topic
		git add topic
		git commit -qm "topic"
		git checkout -q -b x origin/feature
		git branch -m x renamed
		git checkout -q main
		echo main >main
		git add main
		git commit -qm "main"
		git rebase -q main topic
		git stash list
		echo dirty >>topic
		git stash -q
		git stash pop -q
		git checkout -q -- topic
		git tag v1
		git remote add other https://git.example.org/other.git
		git remote -v
		git merge -q --no-edit renamed
		git log --oneline --graph | cat
		git gc -q
		git reflog | head -n 3'
	has "https://git.example.org/other.git"
	clean_repository
	same "topic" "$(as git branch --show-current)"
	same "feature file main topic" "$(as git ls-files | xargs)"
	same "refs/heads/feature" "$(as git config branch.renamed.merge)"
	same "origin" "$(as git config branch.renamed.remote)"
	same "https://git.example.org/other.git" "$(as git config remote.other.url)"
	same "Test" "$(as git log -1 --format=%an topic --)"
}

# bats test_tags=smoke
@test "checkout, commit, rebase, merge, stash, branch -m, remote add, tag, gc" {
	everyday_work
}

@test "checkout, commit, rebase, merge, stash, branch -m, remote add, tag, gc, as root" {
	as_root
	everyday_work
}

@test "an interactive rebase, an amended commit and a revert, with an editor" {
	cloned_repository
	succeeds wall_sh '
		for n in 1 2 3; do
			echo $n >n$n
			git add n$n
			git commit -qm "n$n"
		done
		GIT_SEQUENCE_EDITOR="sed -i 2s/pick/fixup/" git rebase -q -i HEAD~3
		GIT_EDITOR="sed -i 1s/^/amended:/" git commit -q --amend
		git revert --no-edit HEAD >/dev/null
		git log --format=%s'
	clean_repository
	has "amended:n3"
	same "4" "$(as git rev-list --count HEAD)"
}

@test "worktrees are added, used and removed" {
	cloned_repository
	succeeds wall_sh '
		git worktree add -q -b side side
		cd side
		echo side >s
		git add s
		git commit -qm "in the worktree"
		cd ..
		git worktree list
		git worktree add -q gone
		git worktree remove gone'
	same "in the worktree" "$(as git log -1 --format=%s side --)"
	same "" "$(as git -C side status --porcelain)"
	[ ! -e "$PROJ/gone" ]
	as git fsck --no-dangling
}

@test "clone in the project and in the scratch folder, commit there, fetch and push between clones" {
	cloned_repository
	succeeds wall_sh '
		git clone -q . "$SCRATCH"/clone
		git clone -q --no-hardlinks . copy
		cd copy
		git checkout -q -b fromcopy
		echo c >c
		git add c
		git commit -qm "in the clone"
		git push -q origin fromcopy
		cd "$SCRATCH"/clone
		git fetch -q
		git log -1 --format=%s origin/fromcopy'
	has "in the clone"
	same "in the clone" "$(as git log -1 --format=%s fromcopy --)"
	as git -C copy fsck --no-dangling
	same "true" "$(as git -C copy config core.fileMode)"
	same "" "$(as git -C copy status --porcelain)"
	same "" "$(as find "$PROJ/copy/.git/hooks" -type f ! -name '*.sample')"
}

@test "a new repository is made and used" {
	succeeds wall_sh '
		git init -q made
		cd made
		echo 1 >f
		git add f
		git commit -qm "made inside"
		git branch -m trunk'
	same "made inside" "$(as git -C made log -1 --format=%s trunk --)"
	# Git tried whether the file system keeps the executable bit.
	same "true" "$(as git -C made config core.fileMode)"
	clean_repository made
}

submodules() {
	host_sh '
		git init -q lib
		cd lib
		echo lib >lib.txt
		git add lib.txt
		git commit -qm lib
		cd ..
		git init -q app
		cd app
		git -c protocol.file.allow=always submodule --quiet add ../lib lib
		git commit -qm app'
	succeeds wall_sh '
		git clone -q app work
		cd work
		git -c protocol.file.allow=always submodule --quiet update --init
		cat lib/lib.txt
		git -c protocol.file.allow=always -c advice.detachedHead=false submodule --quiet foreach git checkout -q -b inside
		cd lib
		echo more >>lib.txt
		git commit -qam "in the submodule"
		cd ..
		git commit -qam "moves the submodule"
		git submodule status'
	has "lib"
	same "in the submodule" "$(as git -C work/lib log -1 --format=%s)"
	same "moves the submodule" "$(as git -C work log -1 --format=%s)"
	same "$PROJ/lib" "$(as git -C work config submodule.lib.url)"
	clean_repository work
	same "" "$(as find "$PROJ/work/.git/modules" -path '*/hooks/*' -type f ! -name '*.sample')"
}

# bats test_tags=smoke
@test "submodule update --init, and commits in the submodule" {
	submodules
}

@test "a shallow and a bundle clone; bisect; apply and am of patches" {
	cloned_repository
	succeeds wall_sh '
		git clone -q --depth 1 "file://$PWD" "$SCRATCH"/shallow
		git bundle create -q "$SCRATCH"/all.bundle --all
		git clone -q "$SCRATCH"/all.bundle "$SCRATCH"/frombundle -b main
		cd "$SCRATCH"/frombundle
		echo p >p
		git add p
		git commit -qm patch
		git format-patch -q -1 -o "$SCRATCH"/patches
		cd - >/dev/null
		git am -q "$SCRATCH"/patches/*.patch
		git bisect start HEAD HEAD~1
		git bisect reset
		git log -1 --format=%s'
	has "patch"
	clean_repository
	same "patch" "$(as git log -1 --format=%s)"
}
