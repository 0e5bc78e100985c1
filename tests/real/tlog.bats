#!/usr/bin/env bats
# The log's format by an implementation that isn't ours: Go's golang.org/x/mod/sumdb/tlog and note (tests/real/tlog).

load lib

setup_file() {
	WALL=none real_setup_file tlog
	local built=${BRATTICE:-$real_root/build/brattice}
	export BUILT=$built MKLOG=${built%/*}/tests/unit/mklog TLOG=$CACHE/tlog/tlog
}
teardown_file() { real_teardown_file; }
setup() { [ -z "${REAL_MISSING:-}" ] || skip "$REAL_MISSING"; }

@test "Go finds the hashes, roots, proofs and signatures of our logs right" {
	for count in 0 1023 1024 1025 9000; do
		dir=$BATS_TEST_TMPDIR/$count
		"$MKLOG" "$dir" 20261124-131500-3fa9c1d20b7e "$count" < "$BATS_TEST_DIRNAME/../fixtures/log/session.jsonl"
		zstdcat "$dir"/log/*.jsonl.zst | "$TLOG" check "$dir/log" "$dir/host.pub"
	done
	# And what we alter wrong.
	run "$TLOG" check "$dir/log" "$dir/host.pub" < <(zstdcat "$dir"/log/*.jsonl.zst | sed 7000s/exec/exic/)
	[ "$status" -ne 0 ]
	sed -i '0,/^4096$/s//4095/' "$dir/log/checkpoints"
	run "$TLOG" check "$dir/log" "$dir/host.pub" < <(zstdcat "$dir"/log/*.jsonl.zst)
	[ "$status" -ne 0 ]
}

@test "we find those of a log right that Go wrote" {
	for count in 2 1030 5000; do
		dir=$BATS_TEST_TMPDIR/$count
		"$TLOG" make "$dir" "$count"
		run "$BUILT" verify --json --host-key "$dir/host.pub" "$dir/"
		[ "$status" -eq 0 ] || { echo "$output"; false; }
		[ "$(jq -r '[.integrity, .completeness, .entries] | join(" ")' <<< "$output")" = "ok ok $count" ]
	done
	sed -i 's/"exec":3000,/"exec":3001,/' "$dir/log/000002.jsonl"
	run "$BUILT" verify --host-key "$dir/host.pub" "$dir/"
	[ "$status" -eq 1 ]
	[[ $output == *"entry 2999 "* ]]
}

@test "Go finds those of an exported bundle right" {
	export BRATTICE_STATE=$BATS_TEST_TMPDIR/state
	"$MKLOG" "$BATS_TEST_TMPDIR/s" 20261124-131500-3fa9c1d20b7e 3000 < "$BATS_TEST_DIRNAME/../fixtures/log/session.jsonl"
	"$BUILT" export --format bundle --output "$BATS_TEST_TMPDIR/b.tar.zst" "$BATS_TEST_TMPDIR/s/"
	mkdir "$BATS_TEST_TMPDIR/x"
	tar --zstd -C "$BATS_TEST_TMPDIR/x" -xf "$BATS_TEST_TMPDIR/b.tar.zst"
	find "$BATS_TEST_TMPDIR/x" -name hashes
	log=$(dirname "$(find "$BATS_TEST_TMPDIR/x" -name hashes)")
	zstdcat "$log"/*.jsonl.zst | "$TLOG" check "$log" "$BATS_TEST_TMPDIR/s/host.pub"
}
