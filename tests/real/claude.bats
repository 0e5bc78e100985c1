#!/usr/bin/env bats
# The real Claude Code, unattended, with its permission prompts off: what brattice is for. Its model is a stand-in inside
# the same sandbox, so nothing here needs a network or a key.

load lib
load terminal

setup_file() { real_setup_file claude c git terminal; }
teardown_file() { real_teardown_file; }
setup() { real_setup; wall_options=(--profile claude-code --profile git); }
teardown() { real_teardown; }

# session STEPS [option of claude…]: STEPS is JSON; the project's path stands in it as @PROJ@.
session() {
	printf '%s' "${1//@PROJ@/$PROJ}" | put "$WORK/steps.json"
	as cp "$WORK/steps.json" "$PROJ/.steps.json"
	shift
	succeeds wall "$REAL_TOOLS/claude-session.sh" "$CACHE/claude/claude" "$REAL_TOOLS/model_api.py" .steps.json "$@"
	as rm "$PROJ/.steps.json"
}

# The session ended well and no tool call failed.
all_tools_worked() {
	local result
	result=$(sed -n 's/^result //p' <<<"$output" | jq -r '"\(.subtype) \(.is_error) \(.result)"')
	same "success false finished" "$result" || return 1
	same "" "$(sed -n 's/^tool //p' <<<"$output" | jq -r 'select(.error) | "\(.step): \(.text)"')" || return 1
	same "$1" "$(grep -c '^tool ' <<<"$output")"
}

work='[
	{"call": [["Read", {"file_path": "@PROJ@/hello.c"}]]},
	{"call": [["Edit", {"file_path": "@PROJ@/hello.c", "old_string": "hello", "new_string": "hello, edited"}]]},
	{"call": [["Write", {"file_path": "@PROJ@/notes/plan.md", "content": "one\ntwo\n"}]]},
	{"call": [["Bash", {"command": "make test && ./hello", "description": "build"}]]},
	{"call": [["Bash", {"command": "git add -A . \":!.steps.json\" && git commit -qm \"by the agent\" && git log --oneline | wc -l", "description": "commit"}]]},
	{"say": "finished"}
]'

edits_builds_commits() {
	small_repository
	session "$work"
	all_tools_worked 5
	has "hello, edited"
	host_sh 'grep -q "hello, edited" hello.c && grep -q two notes/plan.md'
	same "by the agent" "$(as git log -1 --format=%s)"
	same "2" "$(as git rev-list --count HEAD)"
	clean_repository
}

# bats test_tags=smoke
@test "claude reads, edits, writes, builds and commits" {
	edits_builds_commits
}

@test "claude reads, edits, writes, builds and commits, as root" {
	as_root
	edits_builds_commits
}

@test "claude starts several tools at once and a command in the background" {
	small_repository
	session '[
		{"call": [["Bash", {"command": "echo a > a.txt", "description": "a"}], ["Bash", {"command": "echo b > b.txt", "description": "b"}],
			["Write", {"file_path": "@PROJ@/c.txt", "content": "c\n"}]]},
		{"call": [["Bash", {"command": "echo started > bg.txt; until [ -e stop ]; do sleep 0.1; done; echo ended >> bg.txt", "description": "wait", "run_in_background": true}]]},
		{"call": [["Bash", {"command": "until [ -s bg.txt ]; do :; done; cat a.txt b.txt c.txt; touch stop", "description": "look"}]]},
		{"say": "finished"}
	]'
	all_tools_worked 5
	same "a b c started ended" "$(as cat a.txt b.txt c.txt bg.txt | xargs)"
}

@test "claude's own search finds text in the project" {
	small_repository
	session '[
		{"call": [["Bash", {"command": "rg -n puts .", "description": "search"}]]},
		{"say": "finished"}
	]'
	all_tools_worked 1
	has "hello.c"
}

@test "claude goes on with an earlier session in the next run" {
	small_repository
	session '[{"call": [["Bash", {"command": "echo 1 >> count", "description": "one"}]]}, {"say": "finished"}]'
	all_tools_worked 1
	# The stand-in counts the turns of the whole conversation: the first is the one of the run before.
	session '[{"say": "unused"}, {"call": [["Bash", {"command": "echo 2 >> count", "description": "two"}]]}, {"say": "finished"}]' --continue
	all_tools_worked 1
	same "1 2" "$(as cat count | xargs)"
}

# bats test_tags=smoke
@test "claude can't do outside the project what the user could" {
	[ "${WALL:-brattice}" != none ] || skip "nothing stands in the way without a wall"
	small_repository
	session '[
		{"call": [["Bash", {"command": "cat ~/.ssh/id_ed25519 ~/.npmrc ~/.cargo/credentials.toml; echo exit $?", "description": "keys"}]]},
		{"call": [["Bash", {"command": "echo x > .git/hooks/pre-commit; echo exit $?", "description": "hook"}]]},
		{"call": [["Write", {"file_path": "@PROJ@/.envrc", "content": "touch /tmp/owned\n"}]]},
		{"say": "finished"}
	]'
	[[ $output != *planted-secret* ]]
	clean_repository
	[ ! -e "$PROJ/.envrc" ]
	same "planted-secret-key" "$(as cat "$WORK/home/.ssh/id_ed25519")"
}

@test "claude installed in the home by its own installer runs with no option at all" {
	host_sh "mkdir -p ~/.local/bin ~/.local/share/claude/versions
		cp '$CACHE/claude/claude' ~/.local/share/claude/versions/1
		ln -s ~/.local/share/claude/versions/1 ~/.local/bin/claude"
	real_path=$WORK/home/.local/bin:$real_path
	if [ "${WALL:-brattice}" = none ]; then
		succeeds as claude --version
	else
		succeeds as "$REAL_BRATTICE" run -- claude --version
	fi
	has "Claude Code"
}

@test "claude's own screen: a question typed, a tool run, the answer read, /exit" {
	small_repository
	printf '%s' '[{"call": [["Bash", {"command": "make -s && ./hello > said.txt", "description": "build"}]]}, {"say": "finished, says the stand-in"}]' |
		put "$PROJ/.git/steps.json"
	put "$PROJ/.git/interactive.sh" <<-'EOF'
		# A home that has seen the first start: theme, trust in this folder, the key.
		jq -n --arg dir "$PWD" '{hasCompletedOnboarding: true, theme: "dark", bypassPermissionsModeAccepted: true,
			customApiKeyResponses: {approved: ["sk-stand-in-for-a-key"[-20:]]}, projects: {($dir): {hasTrustDialogAccepted: true}}}' >~/.claude.json
		mkdir -p ~/.claude
		echo '{"skipDangerousModePermissionPrompt": true}' >~/.claude/settings.json
		exec env ANTHROPIC_API_KEY=sk-stand-in-for-a-key CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 IS_SANDBOX=1 "$@"
	EOF
	terminal
	settings_before
	outer_line "w '$REAL_TOOLS/agent-session.sh' '$REAL_TOOLS/model_api.py' .git/steps.json bash .git/interactive.sh '$CACHE/claude/claude' --dangerously-skip-permissions"
	shows "bypass permissions" 30
	keys -l 'do the work'
	keys Enter
	shows "finished, says the stand-in" 30
	same "hello" "$(as cat said.txt)"
	keys -l '/exit'
	keys Enter
	keys Enter
	returns 0
	settings_after
}
