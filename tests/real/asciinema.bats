#!/usr/bin/env bats
# What brattice export makes, played by Debian's asciinema (2.x: it knows version 2).

bats_require_minimum_version 1.5.0

@test "asciinema plays the export as the session wrote it" {
	BRATTICE=${BRATTICE:-$PWD/build/brattice}
	export BRATTICE_STATE=$BATS_TEST_TMPDIR/state
	"$(dirname "$(realpath "$BRATTICE")")/tests/unit/mklog" "$BATS_TEST_TMPDIR/s" 20261124-131500-3fa9c1d20b7e \
		< "$BATS_TEST_DIRNAME/../fixtures/log/session.jsonl"
	"$BRATTICE" export -f asciicast-v2 -o "$BATS_TEST_TMPDIR/s.cast" "$BATS_TEST_TMPDIR/s"
	# asciinema wants a terminal to ask for keys.
	timeout 60 script -qec "asciinema cat '$BATS_TEST_TMPDIR/s.cast'" /dev/null > "$BATS_TEST_TMPDIR/cat"
	grep -F $'\e[1mWorking\e[0m on it' "$BATS_TEST_TMPDIR/cat"
	grep -F 'PASS tests' "$BATS_TEST_TMPDIR/cat"
	timeout 60 script -qec "asciinema play -s 100 -i 0.1 '$BATS_TEST_TMPDIR/s.cast'" /dev/null > "$BATS_TEST_TMPDIR/play"
	grep -F 'done' "$BATS_TEST_TMPDIR/play"
}
