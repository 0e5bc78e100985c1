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

# A home of its own, as the user that runs the tests.
attack_home() {
	exe=$(realpath "$BRATTICE")
	helper=$(dirname "$exe")/libexec/brattice/brattice-attack
	export HOME=$BATS_TEST_TMPDIR BRATTICE_STATE=$BATS_TEST_TMPDIR/state
	cd "$BATS_TEST_TMPDIR"
}
# Processes of the attacks that are left over.
left_over() {
	pgrep -f -- "--batch brattice-session-|host (victim|unix|abstract|tcp|dgram) .*$BATS_TEST_TMPDIR" || true
}

@test "doctor --attack: all classes hold, and most attacks work without the wall" {
	attack_home
	run "$exe" doctor --attack
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *"WENT THROUGH"* && $output != *"NO ANSWER"* ]]
	[ "$(grep -c '✓ held' <<<"$output")" -ge 19 ]
	[ ! -e state/attacks ]
}

@test "doctor --attack --json: one object a class, with each attack inside and outside" {
	attack_home
	run "$exe" doctor --attack --json
	echo "$output" | grep -vE '"verdict":"(held|not applicable)"' || true
	[ "$status" -eq 0 ]
	grep -E '^\{"(attack|summary)"' <<<"$output" >objects
	jq -se 'map(select(.attack)) | length >= 20 and all(.[]; (.verdict == "held" or .verdict == "not applicable") and (.probes | length) > 0)' objects
	jq -se '[.[].probes[]? | .inside] | all(. != "worked" and . != "no answer")' objects
	# Without the wall the same attacks work: those that need no right of root's at the least.
	jq -se 'map(select(.attack)) | all(.[] | select(.attack | IN("secrets", "hidden", "inherited", "outside", "guarded", "services", "outliving", "next", "host"));
		([.probes[] | select(.outside == "worked")] | length) * 2 > (.probes | length))' objects
	jq -se 'map(select(.summary)) | length == 1 and .[0].summary.went_through == 0 and .[0].summary.work_outside > 120' objects
}

@test "without the wall the same program says that the attacks went through" {
	attack_home
	run "$helper" doctor --bare "$exe"
	echo "$output"
	[ "$status" -eq 1 ]
	[ "$(grep -c '✗ WENT THROUGH' <<<"$output")" -ge 12 ]
	grep -q 'write-open .*/outside/file: changed on the host' <<<"$output"
	[ ! -e state/attacks ]
}

@test "doctor --attack ended by a signal leaves nothing" {
	attack_home
	for sig in INT TERM HUP; do
		# A job of a shell ignores SIGINT otherwise.
		python3 -c 'import os,signal,sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' "$exe" doctor --attack >out 2>&1 3>&- &
		job=$!
		for _ in $(seq 1000); do [ -n "$(find state/attacks -name daemon.sock 2>/dev/null)" ] && break; sleep 0.01; done
		kill -s $sig "$job"
		status=0
		wait "$job" || status=$?
		cat out
		[ "$status" -eq $((128 + $(kill -l $sig))) ]
		[ ! -e state/attacks ]
		for _ in $(seq 500); do [ -z "$(left_over)" ] && break; sleep 0.02; done
		[ -z "$(left_over)" ]
	done
}

@test "doctor --attack killed: everything it started ends, and gc removes what it made" {
	attack_home
	"$exe" doctor --attack >out 2>&1 3>&- &
	job=$!
	# In the round with the wall.
	for _ in $(seq 1500); do [ -n "$(find state/attacks -path '*/state/sessions/*' -name lock 2>/dev/null)" ] && break; sleep 0.01; done
	kill -9 "$job"
	wait "$job" || true
	for _ in $(seq 500); do [ -z "$(left_over)" ] && break; sleep 0.02; done
	[ -z "$(left_over)" ]
	[ -e state/attacks ]
	"$exe" gc
	[ ! -e state/attacks ]
}
