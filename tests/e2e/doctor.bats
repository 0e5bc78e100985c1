# What brattice says about the machine.

setup() {
	: "${BRATTICE:=$BATS_TEST_DIRNAME/../../build/brattice}"
}

@test "doctor says layer by layer what is enforced, and exits 0 where run works" {
	run "$BRATTICE" doctor
	echo "$output"
	[ "$status" -eq 0 ]
	for layer in namespaces files gates limits review terminal; do
		grep -qx "$layer" <<<"$output"
	done
	grep -Eq '^  enforced +Landlock' <<<"$output"
	BRATTICE=$(realpath "$BRATTICE")
	mkdir "$BATS_TEST_TMPDIR/project"
	cd "$BATS_TEST_TMPDIR/project"
	BRATTICE_STATE=$BATS_TEST_TMPDIR/state run "$BRATTICE" run -- true
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "doctor --json is one object a line, complete" {
	run "$BRATTICE" doctor --json
	[ "$status" -eq 0 ]
	[ "$(jq -s 'length' <<<"$output")" -ge 15 ]
	jq -se 'all(.[]; (.state | IN("enforced", "approximate", "missing", "unused")) and .detail != "" and (.required | type) == "boolean")' <<<"$output"
	jq -se 'all(.[]; .state == "enforced" or .state == "unused" or .mend != "")' <<<"$output"
}

# A user namespace in which one more may be made, and in that one an ordinary user: it has none left.
poor() {
	unshare --user --map-root-user sh -c 'echo 1 >/proc/sys/user/max_user_namespaces; exec unshare --user --map-user=1000 --map-group=1000 "$@"' _ "$@"
}

@test "where no user namespace can be made doctor says so with the mend, and run refuses with the same mend" {
	exe=$(realpath "$BRATTICE")
	cd "$BATS_TEST_TMPDIR"
	export BRATTICE_STATE=$BATS_TEST_TMPDIR/state HOME=$BATS_TEST_TMPDIR
	mkdir project
	cd project
	run poor "$exe" doctor
	echo "$output"
	[ "$status" -eq 1 ]
	grep -q '^  missing     *user namespaces' <<<"$output"
	[ "$(grep -c 'mend: sysctl -w user.max_user_namespaces' <<<"$output")" -eq 1 ]
	grep -q 'mend: needs user namespaces (above)' <<<"$output"
	run poor "$exe" run -- touch ran
	echo "$output"
	[ "$status" -eq 125 ]
	[ ! -e ran ]
	[[ "$output" == *"user.max_user_namespaces"* ]]
}

@test "doctor refuses operands and unknown options with 125" {
	run "$BRATTICE" doctor nonsense
	[ "$status" -eq 125 ]
	run "$BRATTICE" doctor --nonsense
	[ "$status" -eq 125 ]
}
