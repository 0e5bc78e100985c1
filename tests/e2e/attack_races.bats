#!/usr/bin/env bats
# Eight threads against the gate's decision: docs/threat-model.md class 4, docs/architecture.md "The gate". BRATTICE_E2E_RACE gives the seconds for each.
load lib

setup_file() { world_make; }
teardown_file() { world_remove; }

race() {
	project_reset
	run me ./probe "$1" "$2" 10
	[ "$status" -eq 0 ] || { echo "no control: $1 $2: $output"; return 1; }
	project_reset
	state_of "$P/$2" > "$W/log/before"
	run inside ./probe "$1" "$2" "$BRATTICE_E2E_RACE"
	state_of "$P/$2" > "$W/log/after"
	echo "$output"
	diff "$W/log/before" "$W/log/after"
	[ "$status" -eq 1 ]
}

@test "the path's bytes change: open" { race race-memory-open .git/hooks/pre-commit; }
@test "the path's bytes change: creat" { race race-memory-creat .envrc; }
@test "the path's bytes change: truncate" { race race-memory-truncate .git/config; }
@test "the path's bytes change: rename" { race race-memory-rename .git/hooks/pre-commit; }
@test "the path's bytes change: link" { race race-memory-link .git/hooks/pre-commit; }
@test "the path's bytes change: symlink" { race race-memory-symlink .envrc; }
@test "the path's bytes change: the source of a rename" { race race-memory-source .git/config; }
@test "a symlink on the way changes" { race race-symlink .git/hooks/pre-commit; }
@test "a directory on the way is exchanged" { race race-exchange .git/hooks/pre-commit; }
@test "the working directory changes" { race race-cwd .git/hooks/pre-commit; }
@test "the descriptor of the directory changes" { race race-slot .git/hooks/pre-commit; }
@test "the descriptor of the directory changes: rename" { race race-slot-rename .git/hooks/pre-commit; }
@test "the flags in memory change" { race race-how .git/hooks/pre-commit; }

@test "a directory becomes .git while a hook appears in it" {
	project_reset
	run me ./probe race-become-git new 10
	[ "$status" -eq 0 ]
	project_reset
	run inside ./probe race-become-git new "$BRATTICE_E2E_RACE"
	echo "$output"
	[ "$status" -eq 1 ]
	[ ! -e "$P/new/.git/hooks/pre-commit" ]
}

@test "config.lock changes while it is judged" {
	project_reset
	run me ./probe config-race .git 10
	[ "$status" -eq 0 ]
	project_reset
	run inside ./probe config-race .git "$BRATTICE_E2E_RACE"
	echo "$output"
	[ "$status" -eq 1 ]
	run grep pwned "$P/.git/config"
	[ "$status" -ne 0 ]
}
