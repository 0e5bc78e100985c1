#!/usr/bin/env bats
# The other agents that have a profile, each at real work, unattended, beside a stand-in for its model.

load lib

setup_file() { real_setup_file agents git c; }
teardown_file() { real_teardown_file; }
setup() { real_setup; bin=$CACHE/agents/node_modules; }
teardown() { real_teardown; }

# steps JSON: what the model will do; the project's path stands in it as @PROJ@.
steps() {
	small_repository
	printf '%s' "${1//@PROJ@/$PROJ}" | put "$PROJ/.git/steps.json"
}

# session AGENT…: beside the stand-in.
session() {
	succeeds wall "$REAL_TOOLS/agent-session.sh" "$REAL_TOOLS/model_api.py" .git/steps.json "$@"
	as rm "$PROJ/.git/steps.json"
}

worked() {
	has "finished"
	same "$1" "$(grep -c '^tool ' <<<"$output")" || return 1
	same "" "$(sed -n 's/^tool //p' <<<"$output" | jq -r 'select(.error) | "\(.step): \(.text)"')" || return 1
	same "by the agent" "$(as git log -1 --format=%s)" || return 1
	same "one two" "$(as cat made.txt | xargs)" || return 1
	same "made.txt" "$(as git show --format= --name-only HEAD)" || return 1
	clean_repository
}

codex_works() {
	steps '[
		{"call": [["exec", "text(await tools.apply_patch(\"*** Begin Patch\\n*** Add File: made.txt\\n+one\\n+two\\n*** End Patch\\n\"))"]]},
		{"call": [["exec", "text(await tools.exec_command({cmd: \"make -s test && git add made.txt && git commit -qm \\\"by the agent\\\" && echo committed\"}))"]]},
		{"say": "finished"}
	]'
	wall_options=(--profile codex --profile git)
	# Inside, the profile switches its own sandbox off, which would need namespaces.
	[ "${WALL:-brattice}" != none ] || host_sh 'mkdir -p ~/.codex && echo "sandbox_mode = \"danger-full-access\"" >~/.codex/config.toml'
	session env OPENAI_API_KEY=none "$(echo "$bin"/@openai/codex-linux-*/vendor/*/bin/codex)" exec --json -c model_provider=stand-in \
		-c 'model_providers.stand-in={name="stand-in",base_url="@URL@/v1",wire_api="responses"}' "do the work"
	has "committed"
	worked 2
}

@test "codex patches a file, builds and commits" {
	codex_works
}

@test "codex patches a file, builds and commits, as root" {
	as_root
	codex_works
}

@test "opencode writes a file, builds and commits" {
	steps '[
		{"call": [["write", {"filePath": "@PROJ@/made.txt", "content": "one\ntwo\n"}]]},
		{"call": [["bash", {"command": "make -s test && git add made.txt && git commit -qm \"by the agent\" && echo committed", "description": "commit"}]]},
		{"say": "finished"}
	]'
	wall_options=(--profile opencode --profile git
		--env='AGENT_CONFIG={"model":"anthropic/claude-sonnet-4-5","permission":"allow","provider":{"anthropic":{"options":{"baseURL":"@URL@/v1","apiKey":"none"}}}}')
	session "$(echo "$bin"/opencode-linux-x64/bin/opencode)" run --format json "do the work"
	has "committed"
	worked 2
}

@test "gemini writes a file, builds and commits" {
	steps '[
		{"call": [["write_file", {"file_path": "@PROJ@/made.txt", "content": "one\ntwo\n"}]]},
		{"call": [["run_shell_command", {"command": "make -s test && git add made.txt && git -c user.name=Gemini -c user.email=gemini@example.org commit -qm \"by the agent\" && echo committed", "description": "commit"}]]},
		{"say": "finished"}
	]'
	wall_options=(--profile gemini --profile git)
	# It gives git no configuration of the user's (GIT_CONFIG_GLOBAL), with and without a wall: hence the name in the command.
	# Which way of signing in is a setting, and the session's settings are its own.
	session bash -euc 'mkdir -p ~/.gemini; echo "{\"security\": {\"auth\": {\"selectedType\": \"gemini-api-key\"}}}" >~/.gemini/settings.json
		exec env GEMINI_API_KEY=none node "$1" --yolo --skip-trust --model gemini-2.5-flash --prompt "do the work"' sh \
		"$bin/@google/gemini-cli/bundle/gemini.js"
	has "committed"
	worked 2
}
