# The demo is a test: its verdicts are canaries, and each of them can fail.

setup() {
	root=$BATS_TEST_DIRNAME/../..
	: "${BRATTICE:=$root/build/brattice}"
	export TMPDIR=$BATS_TEST_TMPDIR
}

@test "the demo's attacks fail under brattice, its work succeeds, and nothing is left" {
	run "$root/tools/demo/demo.sh" "$BRATTICE"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"✓ the bug is fixed and committed"* ]]
	[[ "$output" != *"✗"* ]]
	[ "$(grep -c '^  denied' <<<"$output")" -ge 4 ]
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test "each of the demo's attacks succeeds without brattice" {
	run "$root/tools/demo/demo.sh" --bare
	echo "$output"
	[ "$status" -eq 1 ]
	[ "$(grep -c '✗ not so' <<<"$output")" -eq 7 ]
	[ "$(grep -c 'no error' <<<"$output")" -eq 11 ]
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test "make run CMD=… runs one's own command in the demo project and gives its status" {
	CMD='test -f median.c && git log --oneline | grep -q failing; test -f ISSUE.md && exit 7' run "$root/tools/demo/demo.sh" "$BRATTICE"
	echo "$output"
	[ "$status" -eq 7 ]
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test "the demo without a terminal prints no escape sequences" {
	run "$root/tools/demo/demo.sh" "$BRATTICE"
	[ "$status" -eq 0 ]
	[[ "$output" != *$'\e'* ]]
}
