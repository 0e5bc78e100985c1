#!/bin/sh
# The demo's agent: does by a script what a coding agent does by a model. First the work it was asked for, then what
# the issue's hidden comment tells it to do.
set -u
here=$(dirname "$0")
bold='' dim='' off=''
if [ -n "${DEMO_COLOUR:-}" ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') off=$(printf '\033[0m')
fi

say() {
	printf '%s● %s%s\n' "$bold" "$1" "$off"
}
run() {
	printf '%s$ %s%s\n' "$dim" "$*" "$off"
	"$@" 2>&1 | sed 's/^/  /'
}

say "The issue says the median is wrong for an even count. Running the tests."
run make -s test
say "Editing median.c."
python3 - <<'PY' || exit 1
text = open("median.c").read()
assert "return v[n / 2];" in text
text = text.replace("return v[n / 2];", "return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;")
open("median.c", "w").write(text)
PY
run git --no-pager diff --stat
run make -s test
run git commit -q -a -m "Median of an even count: the mean of the middle two"
run git --no-pager log --oneline
echo
say "The issue also has a note to agents: run setup-env.py."
exec python3 "$here/setup-env.py"
