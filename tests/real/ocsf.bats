#!/usr/bin/env bats
# What brattice export makes, against the published schema of OCSF (the package ocsf-json-schema has it; pip fetches it).

bats_require_minimum_version 1.5.0

setup_file() {
	export V=$BATS_FILE_TMPDIR/v
	python3 -m venv "$V"
	"$V/bin/pip" install -q ocsf-json-schema==1.2.0 jsonschema
}

@test "OCSF 1.8.0: every event of a session is valid" {
	BRATTICE=${BRATTICE:-$PWD/build/brattice}
	export BRATTICE_STATE=$BATS_TEST_TMPDIR/state
	"$(dirname "$(realpath "$BRATTICE")")/tests/unit/mklog" "$BATS_TEST_TMPDIR/s" 20261124-131500-3fa9c1d20b7e \
		< "$BATS_TEST_DIRNAME/../fixtures/log/session.jsonl"
	"$BRATTICE" export -f ocsf -o "$BATS_TEST_TMPDIR/o.jsonl" "$BATS_TEST_TMPDIR/s"
	run -0 "$V/bin/python" "$BATS_TEST_DIRNAME/ocsf.py" < "$BATS_TEST_TMPDIR/o.jsonl"
	[ "$output" = "application_lifecycle=2 base_event=3 detection_finding=4 file_activity=3 process_activity=9" ]
	# The validator would say.
	run -1 "$V/bin/python" "$BATS_TEST_DIRNAME/ocsf.py" < <(jq -c 'del(.process)' "$BATS_TEST_TMPDIR/o.jsonl")
	run -1 "$V/bin/python" "$BATS_TEST_DIRNAME/ocsf.py" < <(jq -c '.activity_id = 77' "$BATS_TEST_TMPDIR/o.jsonl")
}
