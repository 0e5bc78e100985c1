#!/bin/bash
# Static analysis: clang-tidy over every C file, gcc's -fanalyzer over a whole build, shellcheck over the scripts,
# the arrows between the folders of src/ (check-layers.sh), clang-format's opinion of the layout (when named).
#
#   tools/lint.sh [--tap] [layers|tidy|analyzer|shell|format]…      all but format when none is named
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

tap=
if [ "${1:-}" = --tap ]; then
	tap=1
	shift
fi
[ "$#" -gt 0 ] || set -- layers tidy analyzer shell
n=0
bad=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The files of the tree, also where it isn't a git checkout of this user's.
files() {
	git ls-files 2>/dev/null || find . -path './build*' -prune -o -type f -print | sed 's#^\./##' | sort
}

# report STATUS NAME LOGFILE
report() {
	n=$((n + 1))
	local word="ok"
	[ "$1" -eq 0 ] || word="not ok"
	[ "$1" -eq 0 ] || bad=$((bad + 1))
	[ -z "$tap$1" ] || echo "$word $n $2"
	# The path that leads to a finding can be hundreds of lines; the tools show it when they are run by hand.
	[ "$1" -eq 0 ] || grep -vE '^ *\^|: note: ' "$3" | grep -E -A2 'error:|warning:|^In |^\.\./' | head -n 60 | sed 's/^/# /'
}

# tidy_one FILE OUT
tidy_one() {
	clang-tidy --quiet -p build-clang "$1" >"$2.log" 2>/dev/null
	echo $? >"$2.rc"
}
export -f tidy_one

tidy() {
	if ! { [ -f build-clang/build.ninja ] || CC=clang meson setup build-clang -Dlibc=system; } >"$work/log" 2>&1 ||
		! ninja -C build-clang >>"$work/log" 2>&1; then
		report 1 "the clang build that clang-tidy reads" "$work/log"
		return
	fi
	local file files
	# The files that the build compiles, each once.
	files=$(python3 -c 'import json,os
print("\n".join(sorted({os.path.relpath(os.path.join(c["directory"], c["file"])) for c in json.load(open("build-clang/compile_commands.json"))})))')
	for file in $files; do
		printf '%s\n%s\n' "$file" "$work/$(echo "$file" | tr / -)"
	done | xargs -n 2 -P "$(nproc)" bash -c 'tidy_one "$@"' _
	for file in $files; do
		report "$(cat "$work/$(echo "$file" | tr / -).rc")" "clang-tidy $file" "$work/$(echo "$file" | tr / -).log"
	done
}
analyzer() {
	# gcc 12 takes every pointer that is stored through an argument for leaked, and what realloc() moved for never written:
	# these two are left to the sanitizers (the asan suite) and to clang's analyzer. The programs, without the tests.
	local args='-fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-use-of-uninitialized-value -fdiagnostics-path-format=none'
	{ [ -f build-analyzer/build.ninja ] || meson setup build-analyzer -Dlibc=system "-Dc_args=$args"; } >"$work/log" 2>&1 &&
		ninja -C build-analyzer -t targets rule c_LINKER | grep -v '^tests/' | xargs ninja -k 0 -C build-analyzer >>"$work/log" 2>&1
	report $? "gcc -fanalyzer" "$work/log"
}
shell() {
	local file
	while read -r file; do
		shellcheck "$file" >"$work/log" 2>&1
		report $? "shellcheck $file" "$work/log"
	done < <(files | while read -r file; do
		case $file in
		*.sh) echo "$file" ;;
		*) [ -f "$file" ] && head -c 64 "$file" 2>/dev/null | head -n 1 | grep -aqE '^#!.*[/ ](ba)?sh$' && echo "$file" ;;
		esac
	done)
}
layers() {
	tools/check-layers.sh >"$work/log" 2>&1
	report $? "who includes whom" "$work/log"
}
format() {
	files | grep '\.[ch]$' | xargs clang-format --dry-run -Werror >"$work/log" 2>&1
	report $? "clang-format" "$work/log"
}

for what in "$@"; do
	case $what in
	layers | tidy | analyzer | shell | format) "$what" ;;
	*)
		echo "usage: tools/lint.sh [--tap] [layers|tidy|analyzer|shell|format]…" >&2
		exit 2
		;;
	esac
done
[ -z "$tap" ] || echo "1..$n"
[ "$bad" -eq 0 ]
