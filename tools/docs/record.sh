#!/bin/bash
# Records the demo in a terminal of 100 columns and renders it as an SVG that plays like the terminal did.
#
#   tools/docs/record.sh BRATTICE [OUTPUT.svg]
set -euo pipefail
cd "$(dirname "$0")/../.."
brattice=$(realpath "$1")
out=${2:-docs/demo.svg}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TERM=xterm-256color LANG=C.UTF-8
unset NO_COLOR
script --quiet --return --log-out "$work/out" --log-timing "$work/timing" --logging-format classic \
	--command "stty cols 100 rows 60 2>/dev/null; tools/demo/demo.sh '$brattice'" </dev/null >/dev/null
python3 tools/docs/render.py "make run" "$work/out" "$work/timing" >"$work/svg"
cp "$work/svg" "$out"
echo "$out"
