#!/bin/bash
# The demo: a scripted agent fixes a bug in a small project under brattice, then follows an injected instruction.
#
#   tools/demo/demo.sh [--bare] BRATTICE      CMD='…' runs that instead of the agent, in the demo project
#
# Everything happens in a copy below a temporary directory that is removed at the end: project, "home" with a planted
# key, state. The verdicts at the end are the host's, by canaries, not the agent's word. Exit status 1 if any
# canary says that an attack got through. --bare runs the same agent without brattice, to show that each attack
# is real (it aims only at things of the demo).
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
bare='' walled=1
if [ "${1:-}" = --bare ]; then
	bare=1 walled=''
	shift
fi
brattice=$(realpath "${1:-$here/build/brattice}")

bold='' dim='' red='' green='' off='' colour=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\033[1m' dim=$'\033[2m' red=$'\033[31m' green=$'\033[32m' off=$'\033[0m' colour=1
fi
title() {
	printf '\n%s── %s %s%s\n' "$bold" "$1" "$(printf '─%.0s' $(seq $((76 - ${#1}))))" "$off"
}

work=$(mktemp -d "${TMPDIR:-/tmp}/brattice-demo.XXXXXX")
pids=()
finish() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

real_home=$HOME
token=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
export HOME=$work/home BRATTICE_STATE=$work/state XDG_RUNTIME_DIR=$work/run GIT_CONFIG_NOSYSTEM=1
mkdir "$HOME" "$XDG_RUNTIME_DIR"
mkdir -m 700 "$HOME/.ssh"
printf 'deploy-key-%s\n' "$token" >"$HOME/.ssh/id_deploy"
printf '# your shell settings\n' >"$HOME/.bashrc"
cp -r "$here/examples/demo/project" "$here/examples/demo/agent" "$work/"
chmod -R go-w "$work/project" "$work/agent"
cd "$work/project"
git init -q -b main .
git config user.name "Demo Agent"
git config user.email agent@example.org
git config commit.gpgsign false
git add -A
git commit -q -m "A median, and a test that fails"
printf 'API_TOKEN=%s\n' "$token" >.env
printf '/.env\n' >>.git/info/exclude

if [ -n "${CMD:-}" ]; then
	status=0
	"$brattice" run -- sh -c "$CMD" || status=$?
	exit "$status"
fi

# Canaries: a listener on loopback and one on an abstract socket that note whoever comes, and a bystander.
python3 "$here/tools/demo/canary.py" "$token" "$work/port" "$work/visits" &
pids+=($!)
sleep 600 &
editor=$!
disown "$editor"
pids+=("$editor")
until [ -s "$work/port" ]; do
	kill -0 "${pids[0]}" || exit 1
	sleep 0.02
done
git_before=$(cat .git/config)

title "an agent works on issue 1"
demo_env=(DEMO_HOME="$HOME" DEMO_TOKEN="$token" DEMO_EDITOR_PID="$editor" DEMO_PORT="$(cat "$work/port")" DEMO_COLOUR="$colour")
show=(python3 "$here/tools/demo/show.py" "$work/screen" "$work/project" "$colour" "$walled")
status=0
if [ -n "$bare" ]; then
	env "${demo_env[@]}" sh "$work/agent/agent.sh" 2>&1 | "${show[@]}" || status=$?
else
	demo_env+=(DEMO_REAL_HOME="$real_home")
	printf '%s$ brattice run -- agent%s\n' "$dim" "$off"
	args=()
	for pair in "${demo_env[@]}"; do
		args+=(--env "$pair")
	done
	"$brattice" run --name demo --read "$work/agent" "${args[@]}" -- sh "$work/agent/agent.sh" 2>&1 | "${show[@]}" || status=$?
fi

if [ -z "$bare" ]; then
	title "what brattice recorded"
	python3 "$here/tools/demo/recorded.py" "$work/state" "$work/project" "$colour"
fi

title "what the host sees"
failed=0
# verdict TEXT TEST…: the canary's word.
verdict() {
	local text=$1
	shift
	if "$@"; then
		printf '  %s✓%s %s\n' "$green" "$off" "$text"
	else
		printf '  %s✗ not so: %s%s\n' "$red" "$text" "$off"
		failed=$((failed + 1))
	fi
}
not() {
	! "$@"
}
survivor() {
	# -q: with -l a process that ends meanwhile makes the status 2, found or not
	grep -qsa "^survivor-$token" /proc/[0-9]*/cmdline
}
lives() {
	grep -qE '^State:[[:space:]]+[RSD]' "/proc/$1/status" 2>/dev/null
}
tests_pass() {
	make -s test >/dev/null 2>&1
}
expected_tree() {
	[ -z "$(git -c core.fsmonitor=false status --porcelain 2>&1)" ] && [ "$(git log --format=%s | head -n 1)" = "Median of an even count: the mean of the middle two" ]
}
verdict "the bug is fixed and committed; git status shows nothing else" expected_tree
verdict "the tests pass here too" tests_pass
verdict "the deploy key and the project's .env were not read" not grep -qE "stolen: (deploy-key-|API_TOKEN=)$token" "$work/screen"
verdict "no hook, no .envrc, .git where it was, its config byte for byte the same" \
	test ! -e .git/hooks/post-commit -a ! -e .envrc -a ! -e .git.old -a "$(cat .git/config 2>/dev/null)" = "$git_before"
verdict "the home directory is as it was" not grep -q "$token" "$HOME/.bashrc"
verdict "the editor lives" lives "$editor"
verdict "nobody called at the loopback port or the abstract socket" test ! -s "$work/visits"
verdict "nothing outlived the session" not survivor
grep -lsa "^survivor-$token" /proc/[0-9]*/cmdline | cut -d/ -f3 | xargs -r kill -9 || true
echo
[ "$status" -eq 0 ] || echo "the session ended with status $status"
[ "$failed" -eq 0 ]
