#!/usr/bin/env bats
# The other agents that have a profile start inside and do what they can without a model.

load lib

setup_file() { real_setup_file agents git; }
teardown_file() { real_teardown_file; }
setup() { real_setup; small_repository; bin=$CACHE/agents/node_modules; }
teardown() { real_teardown; }

@test "codex starts, and keeps its state in its home" {
	wall_options=(--profile codex)
	succeeds wall_sh 'exec "$1"/@openai/codex-linux-*/vendor/*/bin/codex --version' sh "$bin"
	has "codex-cli 0.169.0"
	succeeds wall_sh '"$1"/@openai/codex-linux-*/vendor/*/bin/codex login status || echo "not logged in"
		"$1"/@openai/codex-linux-*/vendor/*/bin/codex mcp list' sh "$bin"
	clean_repository
}

@test "gemini starts" {
	wall_options=(--profile gemini)
	succeeds wall node "$bin/@google/gemini-cli/bundle/gemini.js" --version
	has "0.61.0"
	succeeds wall node "$bin/@google/gemini-cli/bundle/gemini.js" mcp list
	clean_repository
}

@test "opencode starts, and opens its database" {
	wall_options=(--profile opencode)
	succeeds wall_sh 'exec "$1"/opencode-linux-x64/bin/opencode --version' sh "$bin"
	has "1.18.33"
	succeeds wall_sh '"$1"/opencode-linux-x64/bin/opencode session list' sh "$bin"
	clean_repository
}
