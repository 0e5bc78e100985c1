#!/bin/bash
# Runs suites of tests and counts them.
#
#   tools/run-tests.sh [SUITE…]     all but real and kill when none is named
#
# unit   cmocka, by meson                    e2e    bats, the program as users run it
# attack attacks that must fail              lint   static analysis
# asan   unit tests, sanitizers              clang  the same code by the second compiler
# fuzz   SECONDS_EACH (5) for each target        real   real tools (network)      kill   SIGKILL everywhere (ROUNDS), each call failing once
#
# Each suite leaves TAP files under $BUILD/test-logs; tools/count-tests.awk adds them up. The last line is
# "N passed, N failed" or "N passed, N failed, N skipped"; every failure and every skip's reason stands above it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

build=${BUILD:-build}
seconds=${SECONDS_EACH:-5}
jobs=$(nproc)
[ "$#" -gt 0 ] || set -- unit e2e attack asan clang fuzz lint
logs=$PWD/$build/test-logs

# compile DIR [meson options]: configures once, builds; its output is shown only when it fails.
compile() {
	local dir=$1 log=$logs/build-$1.log
	shift
	echo "== building $dir"
	{ [ -f "$dir/build.ninja" ] || meson setup "$dir" "$@"; } >"$log" 2>&1 && ninja -C "$dir" >>"$log" 2>&1 && return 0
	tail -n 60 "$log"
	return 1
}

# verdict FILE NAME STATUS: a suite of one test.
verdict() {
	local word="ok"
	[ "$3" -eq 0 ] || word="not ok"
	printf '1..1\n%s 1 %s\n' "$word" "$2" >"$logs/$1.tap"
}

# units DIR PREFIX: meson's tests of a build directory, case by case.
units() {
	CMOCKA_MESSAGE_OUTPUT=TAP meson test -C "$1" --no-rebuild --no-suite kill --no-suite real -q >"$logs/$2-meson.log" 2>&1
	local status=$?
	python3 tools/meson-to-tap.py "$1/meson-logs/testlog.json" "$status" >"$logs/$2.tap"
}

# one_bats BUILD FILE: run by xargs; a hang is a failure.
one_bats() {
	local file=$2 out
	out=$logs/$(echo "${file#tests/}" | tr / -)${BATS_TAGS:+-$BATS_TAGS}.tap
	BRATTICE=$PWD/$1/brattice BUILD=$1 timeout --kill-after=10 "${BATS_FILE_TIMEOUT:-600}" bats --tap ${BATS_TAGS:+--filter-tags "$BATS_TAGS"} "$file" >"$out" 2>&1 </dev/null
	echo "# exit $?" >>"$out"
	echo "   $file: $(grep -c '^ok' "$out") ok, $(grep -c '^not ok' "$out") not ok"
}
export -f one_bats
export logs

# bats_dir DIR…: every .bats file below, as many at a time as there are processors.
bats_dirs() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	find "$@" -name '*.bats' 2>/dev/null | sort | xargs -r -P "$jobs" -I{} bash -c 'one_bats "$1" "$2"' _ "$build" {}
}

suite_unit() {
	units "$build" unit
}
suite_e2e() {
	bats_dirs tests/e2e
	# Started by root these run brattice as an ordinary user (tests/e2e/lib.bash); some attacks of each kind are tried on root's own sessions.
	if [ "$(id -u)" -eq 0 ]; then
		# shellcheck disable=SC2046 # names of ours, without spaces
		BRATTICE_E2E_AS=root BATS_TAGS=root bats_dirs $(grep -l '^# bats test_tags=.*root' tests/e2e/*.bats)
	fi
	# Of the tests with real tools, those that show soonest that real work broke.
	# shellcheck disable=SC2046 # names of ours, without spaces
	REAL_OPTIONAL=1 BATS_TAGS=smoke bats_dirs $(grep -l '^# bats test_tags=.*smoke' tests/real/*.bats)
}
suite_attack() {
	bats_dirs tests/attack
}
suite_real() {
	BATS_FILE_TIMEOUT=1800 bats_dirs tests/real
}
suite_kill() {
	BRATTICE_AUDIT_KILLS=200 timeout 1800 "$build/tests/unit/test_auditor" >"$logs/kill-auditor.log" 2>&1
	verdict kill-auditor "the auditor killed 200 times under load" $?
	BRATTICE_E2E_KILLS=${ROUNDS:-2000} BATS_FILE_TIMEOUT=7200 one_bats "$build" tests/e2e/kill.bats
	BRATTICE_E2E_NTH=1 BATS_FILE_TIMEOUT=7200 one_bats "$build" tests/e2e/failnth.bats
}
suite_clang() {
	CC=clang compile build-clang -Dlibc=system
	verdict clang "clang builds everything without a warning" $?
}
suite_asan() {
	compile build-asan -Db_sanitize=address,undefined -Dlibc=system -Dwerror=false || { verdict asan "the sanitizer build" 1; return; }
	export ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	units build-asan asan
	unset ASAN_OPTIONS UBSAN_OPTIONS
}
suite_fuzz() {
	CC=clang compile build-fuzz -Dfuzz=true -Dlibc=system || { verdict fuzz "the fuzz build" 1; return; }
	local target name n=0 out=$logs/fuzz.tap
	: >"$out"
	for target in build-fuzz/tests/fuzz/fuzz_*; do
		if ! [ -f "$target" ] || ! [ -x "$target" ]; then
			continue
		fi
		name=$(basename "$target")
		n=$((n + 1))
		mkdir -p "build-fuzz/corpus/$name" "build-fuzz/crashes"
		seeds=()
		[ -d "tests/fuzz/corpus/$name" ] && seeds=("tests/fuzz/corpus/$name")
		if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -artifact_prefix="build-fuzz/crashes/$name-" \
			"build-fuzz/corpus/$name" "${seeds[@]}" >"$logs/$name.log" 2>&1; then
			echo "ok $n $name ${seconds}s" >>"$out"
		else
			echo "not ok $n $name" >>"$out"
			tail -n 30 "$logs/$name.log" | sed 's/^/# /' >>"$out"
		fi
	done
	echo "1..$n" >>"$out"
}
suite_lint() {
	tools/lint.sh --tap >"$logs/lint.tap" 2>&1
}

rm -rf "$logs"
mkdir -p "$logs"
if compile "$build"; then
	for suite in "$@"; do
		if ! declare -F "suite_$suite" >/dev/null; then
			echo "no such suite: $suite" >&2
			exit 2
		fi
		echo "== $suite"
		began=$(date +%s)
		"suite_$suite"
		echo "   $(($(date +%s) - began)) s"
	done
else
	verdict build "the build" 1
fi
# shellcheck disable=SC2046 # names of ours, without spaces
LC_ALL=C awk -f tools/count-tests.awk $(find "$logs" -name '*.tap' | sort)
