#!/bin/bash
# One unattended session of the real Claude Code beside its stand-in model, in this directory:
#
#   claude-session.sh CLAUDE MODEL_API STEPS.json [option of claude…]
#
# Prints "result JSON" (what claude printed), then "tool JSON" for every tool result that the model got.
set -euo pipefail
claude=$1 model=$2 steps=$3
shift 3
log=$(mktemp) out=$(mktemp)
exec 3< <(exec python3 "$model" "$steps" --log "$log")
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
read -r _ port <&3
status=0
ANTHROPIC_BASE_URL=http://127.0.0.1:$port ANTHROPIC_API_KEY=sk-stand-in CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 IS_SANDBOX=1 \
	"$claude" -p "do the work" --dangerously-skip-permissions --output-format json "$@" </dev/null >"$out" || status=$?
sed 's/^/result /' "$out"
sed 's/^/tool /' "$log"
exit "$status"
