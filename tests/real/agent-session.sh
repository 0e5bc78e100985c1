#!/bin/bash
# One unattended session of an agent beside its stand-in model, in this directory:
#
#   agent-session.sh MODEL_API STEPS.json AGENT [ARG…]      @URL@ in an argument or in $AGENT_CONFIG is the stand-in's address
#
# Prints what the agent printed, then "tool JSON" for every tool result that the model got.
set -euo pipefail
model=$1 steps=$2
shift 2
log=$(mktemp)
exec 3< <(exec python3 "$model" "$steps" --log "$log")
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
read -r _ port <&3
export ANTHROPIC_BASE_URL=http://127.0.0.1:$port GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:$port OPENCODE_CONFIG_CONTENT=${AGENT_CONFIG:-}
OPENCODE_CONFIG_CONTENT=${OPENCODE_CONFIG_CONTENT//@URL@/http://127.0.0.1:$port}
status=0
"${@//@URL@/http://127.0.0.1:$port}" || status=$?
sed 's/^/tool /' "$log"
exit "$status"
