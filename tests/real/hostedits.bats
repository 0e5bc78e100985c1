#!/usr/bin/env bats
# The real programs again, while a program on the host saves files of the same tree by rename, as editors do: mounts on
# single files would be lost or would show old content, and a guard would be at an old inode.

load lib

setup_file() { real_setup_file claude c node python git; }
teardown_file() { real_teardown_file; }
setup() { real_setup; LIMIT=300; }
teardown() {
	[ -z "${saver:-}" ] || { as touch "$WORK/stop"; wait "$saver" || true; }
	real_teardown
}

# saving FILE…: begins; saved_often: ends it and looks that it was at work all the time.
saving() {
	as python3 "$REAL_TOOLS/host_saver.py" "$WORK/stop" "$@" >"$BATS_TEST_TMPDIR/saves" 3>&- &
	saver=$!
}
saved_often() {
	as touch "$WORK/stop"
	wait "$saver" || return 1
	saver=
	[ "$(cat "$BATS_TEST_TMPDIR/saves")" -ge "${1:-20}" ] || { echo "saved only $(cat "$BATS_TEST_TMPDIR/saves") times"; return 1; }
	same "" "$(as find "$PROJ" -name '*.saving')"
}

@test "what the host saved by rename is read inside, at once and again" {
	small_repository
	host_sh 'echo 1 >watched; mkfifo go'
	wall_script
	as "$WORK/wall" bash -c 'while read -r line <go; do cat watched >"seen-$line"; [ "$line" != 3 ] || break; done' &
	local inside=$! n
	for n in 1 2 3; do
		host_sh "echo version $n >watched.new; mv watched.new watched; echo $n >go"
		until_true 20 test -s "$PROJ/seen-$n"
		same "version $n" "$(as cat "seen-$n")"
	done
	wait "$inside"
}

@test "what is saved inside by rename is read on the host, and the other way round, in turns" {
	small_repository
	saving "$PROJ/README" "$PROJ/Makefile"
	succeeds wall_sh 'for n in $(seq 200); do echo "$n" >turn.new; mv turn.new turn; done; cat turn'
	saved_often
	same 200 "$(as cat turn)"
	same "greeting" "$(as cat README)"
}

@test "claude works meanwhile" {
	small_repository
	wall_options=(--profile claude-code --profile git)
	printf '%s' '[
		{"call": [["Read", {"file_path": "@PROJ@/hello.c"}]]},
		{"call": [["Edit", {"file_path": "@PROJ@/hello.c", "old_string": "hello", "new_string": "hello, edited"}]]},
		{"call": [["Write", {"file_path": "@PROJ@/plan.md", "content": "one\n"}]]},
		{"call": [["Bash", {"command": "make -s test && git add hello.c plan.md && git commit -qm \"by the agent\"", "description": "commit"}]]},
		{"say": "finished"}
	]' | sed "s#@PROJ@#$PROJ#g" | put "$PROJ/.git/steps.json"
	saving "$PROJ/README" "$PROJ/Makefile" "$PROJ/.gitignore" "$PROJ/.git/config" "$PROJ/.git/description" "$PROJ/plan.md"
	succeeds wall "$REAL_TOOLS/claude-session.sh" "$CACHE/claude/claude" "$REAL_TOOLS/model_api.py" .git/steps.json
	saved_often
	same "" "$(sed -n 's/^tool //p' <<<"$output" | jq -r 'select(.error) | .text')"
	same "by the agent" "$(as git log -1 --format=%s)"
	as rm .git/steps.json
	clean_repository
}

@test "git works meanwhile" {
	small_repository
	wall_options=(--profile git)
	host_sh 'git checkout -q -b side && echo s >s && git add s && git commit -qm side && git checkout -q main'
	saving "$PROJ/README" "$PROJ/hello.c" "$PROJ/.gitignore" "$PROJ/.git/description"
	succeeds wall_sh '
		for n in $(seq 20); do
			echo $n >n$n
			git add n$n
			git commit -qm "n$n"
		done
		git clone -q . "$SCRATCH/clone"
		git status --porcelain --untracked-files=no'
	saved_often 10
	as rm "$WORK/stop"
	# Rebase and merge look twice whether tracked files changed, and give up when the second look differs (`git stash create`
	# failed 191 times of 300 so without a wall): what the host saves now, git does not track.
	host_sh 'echo notes >notes && echo notes >>.git/info/exclude'
	saving "$PROJ/notes" "$PROJ/.git/description" "$PROJ/.git/info/exclude"
	succeeds wall_sh '
		git rebase -q main side
		git checkout -q main
		git merge -q --no-edit side
		git branch -m side renamed
		git worktree add -q -b tree tree
		git worktree remove tree'
	saved_often 5
	same "22" "$(as git rev-list --count HEAD)"
	clean_repository
}

@test "a C build works meanwhile" {
	host_sh "cp -r --preserve=timestamps '$CACHE/c/hello/.' . && git init -q && git add -A && git commit -qm import"
	saving "$PROJ/README" "$PROJ/NEWS" "$PROJ/COPYING" "$PROJ/src/notes.c"
	succeeds wall_sh './configure --quiet && make -j2 >/dev/null && ./hello'
	saved_often
	has "Hello, world!"
}

@test "npm ci works meanwhile" {
	host_sh "cp -r '$CACHE/node-projects/npm/.' . && git init -q && git add -A && git commit -qm import"
	wall_options=(--profile node --profile git)
	saving "$PROJ/package.json" "$PROJ/.gitignore" "$PROJ/test/pad.js" "$PROJ/.git/config"
	succeeds wall_sh 'npm ci --offline --no-audit --no-fund --cache "$PWD/.cache/npm" && npm test'
	saved_often
	has "padded 007"
	[ "${WALL:-brattice}" = none ] || same "" "$(as git config core.hooksPath)"
	clean_repository
}

@test "venv and pytest work meanwhile" {
	wall_options=(--profile python)
	host_sh 'echo x >README; printf "def test_a():\n    assert True\n" >test_a.py'
	saving "$PROJ/README" "$PROJ/test_a.py"
	succeeds wall_sh '
		/usr/bin/python3 -m venv .venv
		.venv/bin/pip install -q --no-index --find-links "$1/wheels" pytest
		.venv/bin/pytest -q' sh "$CACHE"
	saved_often
	has "1 passed"
}

@test "guarded files stay guarded when the host saves them by rename" {
	[ "${WALL:-brattice}" != none ] || skip "nothing stands in the way without a wall"
	small_repository
	host_sh 'mkdir -p .vscode && echo "{}" >.vscode/settings.json && echo "registry=https://npm.example.org/" >.npmrc && git add -A && git commit -qm more'
	saving "$PROJ/.vscode/settings.json" "$PROJ/.npmrc" "$PROJ/.git/config"
	run wall_sh '
		for n in $(seq 300); do
			(echo owned >.vscode/settings.json) 2>/dev/null && echo "wrote settings at $n"
			(echo owned >.npmrc) 2>/dev/null && echo "wrote npmrc at $n"
			(echo owned >>.git/config) 2>/dev/null && echo "wrote config at $n"
			(echo owned >x && mv x .npmrc) 2>/dev/null && echo "moved at $n"
			rm -f x
			mv .vscode v 2>/dev/null && echo "moved the folder at $n"
		done
		echo ended'
	saved_often
	same "ended" "$output"
	clean_repository
}

# again FILE: all tests of another file, each with the host at its saving.
again() {
	REAL_HOST_SAVES=$BATS_TEST_TMPDIR/saves
	export REAL_HOST_SAVES
	: >"$REAL_HOST_SAVES"
	# Not bats' own variables: this is another run of it.
	succeeds env -u BATS_TEST_NAME -u BATS_TEST_FILTER -u BATS_RUN_TMPDIR -u BATS_SUITE_TMPDIR -u BATS_FILE_TMPDIR -u BATS_TEST_TMPDIR \
		timeout 900 bats --tap "$real_dir/$1.bats"
	[[ $output != *"not ok"* ]]
	[ "$(awk '{ n += $1 } END { print n + 0 }' "$REAL_HOST_SAVES")" -ge 20 ]
}

@test "every build works meanwhile" {
	again build
}

@test "every install of Node packages works meanwhile" {
	again node
}

@test "everything of git works meanwhile" {
	again git
}

@test "everything of Python works meanwhile" {
	again python
}

@test "debuggers work meanwhile" {
	again debug
}

@test "language servers work meanwhile" {
	again lsp
}

@test "the browser works meanwhile" {
	again browser
}
