#!/usr/bin/env bats
# brattice verify: logs of sessions and from elsewhere, whole, altered, and of a writer that died.

bats_require_minimum_version 1.5.0

S=20261124-131500-3fa9c1d20b7e

setup_file() {
	export BRATTICE=${BRATTICE:-$PWD/build/brattice}
	MKLOG=$(dirname "$(realpath "$BRATTICE")")/tests/unit/mklog
	export MKLOG
}

# events COUNT: of this moment, by both clocks.
events() {
	local t m i
	t=$(date +%s)
	m=$(cut -d. -f1 /proc/uptime)
	for ((i = 0; i < $1; i++)); do
		printf '{"t":%d.%06d,"m":%d.%06d,"type":"exec","exec":%d,"argv":["true"]}\n' "$t" "$i" "$m" "$i" "$i"
	done
}

# A state directory with one session, whose log has five events; and the host's key of mklog.
setup() {
	export BRATTICE_STATE=$BATS_TEST_TMPDIR/state
	mkdir -p "$BRATTICE_STATE/sessions"
	chmod 700 "$BRATTICE_STATE" "$BRATTICE_STATE/sessions"
	session "$S"
}

# session ID [live]
session() {
	local dir=$BRATTICE_STATE/sessions/$1
	events 5 | "$MKLOG" "$dir" "$@"
	printf 'id %s\nstate ended\nproject /p\nstarted_ms 1795540000000\nended_ms 1795540001000\nstatus 0\n' "$1" > "$dir/meta"
	cp "$dir/host.pub" "$BRATTICE_STATE/host.pub"
	python3 - "$dir/host.pub" > "$BRATTICE_STATE/host.key" <<- 'END'
		import base64, sys
		name, number, _ = open(sys.argv[1]).read().split("+", 2)
		seed = b"mklog: the host key of the tests"
		print("PRIVATE+KEY+%s+%s+%s" % (name, number, base64.b64encode(b"\1" + seed).decode()))
	END
	chmod 600 "$BRATTICE_STATE/host.key"
}

# verify STATUS ARGUMENT…: its output in $output, that to stderr in $stderr.
verify() {
	local want=$1
	shift
	run --separate-stderr "$BRATTICE" verify "$@"
	[ "$status" -eq "$want" ] || {
		echo "status $status, not $want"
		echo "$output"
		echo "$stderr"
		return 1
	}
}

@test "verify: a sealed log is all well, for people and as JSON" {
	verify 0 last
	[[ $output == *"integrity     ok: 6 entries, 2 signed checkpoints"* ]]
	[[ $output == *"completeness  ok: from the first checkpoint to the seal"* ]]
	[[ $output == *"host          ok: brattice/host/tests+089d97f0, this one"* ]]
	[ -z "$stderr" ]
	verify 0 --json "$S"
	jq -e '.session == "'$S'" and .integrity == "ok" and .completeness == "ok" and .clock == "ok" and .terminal == "ok" and .gaps == 0 and
		.entries == 6 and .covered == 6 and .host_known and (.live | not) and .witnessed == null and .what == [] and .status == 0' <<< "$output"
}

@test "verify: an altered entry is named, and the status is that of integrity" {
	log=$BRATTICE_STATE/sessions/$S/log
	zstd -dq --rm "$log/000000.jsonl.zst"
	sed -i '3s/true/evil/' "$log/000000.jsonl"
	zstd -q --rm "$log/000000.jsonl"
	verify 1 last
	[[ $output == *"integrity     TAMPERED: good up to entry 0 of 6"* ]]
	[[ $output == *"entry 2 (segment 000000, line 3) does not match its hash"* ]]
	verify 1 --json last
	jq -e '.integrity == "tampered" and .status == 1 and (.what | length) > 0' <<< "$output"
}

@test "verify: a writer that died is a crash; whoever looks first repairs the log, once" {
	rm -r "${BRATTICE_STATE:?}/sessions/$S"
	session "$S" live
	log=$BRATTICE_STATE/sessions/$S/log
	printf '{"t":17' >> "$log/000000.jsonl"
	verify 2 last
	[[ $stderr == *"the writer of session $S's log had died; the end of the log was repaired"* ]]
	[[ $output == *"integrity     ok: 6 entries"* ]]
	[[ $output == *"completeness  crashed: its writer died; 6 of 6 entries are signed"* ]]
	grep -q '{"t":17' "$log/quarantine"
	verify 2 last
	[ -z "$stderr" ]
	# And the other commands do the same.
	session 20261124-131501-aaaaaaaaaaaa live
	run --separate-stderr "$BRATTICE" log 20261124-131501-aaaaaaaaaaaa
	[ "$status" -eq 0 ]
	[[ $output == *recovered* ]]
}

@test "verify: a log that was altered is not repaired" {
	rm -r "${BRATTICE_STATE:?}/sessions/$S"
	session "$S" live
	log=$BRATTICE_STATE/sessions/$S/log
	sed -i 2d "$log/000000.jsonl"
	sum=$(cat "$log"/* | sha256sum)
	verify 3 last
	[[ $stderr == *"the log was altered, not only cut off by a crash"* ]]
	[[ $output == *TAMPERED* ]]
	[ "$sum" = "$(cat "$log"/* | sha256sum)" ]
}

@test "verify: another session's log in the place of this one's" {
	session 20261124-131501-aaaaaaaaaaaa
	rm -r "${BRATTICE_STATE:?}/sessions/$S/log"
	cp -r "$BRATTICE_STATE/sessions/20261124-131501-aaaaaaaaaaaa/log" "$BRATTICE_STATE/sessions/$S/log"
	verify 1 "$S"
	[[ $output == *"this is the log of session 20261124-131501-aaaaaaaaaaaa, put in the place of that of $S"* ]]
}

@test "verify: a log from elsewhere is as good as the key that is named" {
	cp -r "$BRATTICE_STATE/sessions/$S" "$BATS_TEST_TMPDIR/copy"
	mv "$BRATTICE_STATE" "$BATS_TEST_TMPDIR/gone"
	verify 32 "$BATS_TEST_TMPDIR/copy/"
	[[ $output == *"host          unknown: it says brattice/host/tests+089d97f0; give the key of that host with --host-key"* ]]
	verify 0 --host-key "$BATS_TEST_TMPDIR/copy/host.pub" "$BATS_TEST_TMPDIR/copy/"
	verify 0 --host-key "$(cat "$BATS_TEST_TMPDIR/copy/host.pub")" "$BATS_TEST_TMPDIR/copy/"
	# The key of somebody else, of the specification's example.
	verify 35 --host-key "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" "$BATS_TEST_TMPDIR/copy/"
	[[ $output == *"certificate: not signed by the host's key PeterNeumann+c74f20a3 but by brattice/host/tests+089d97f0"* ]]
}

@test "verify: what it can't look at is an error of its own" {
	verify 125 nosuch
	verify 125
	[[ $stderr == *"which session?"* ]]
	verify 125 last last
	rm -r "${BRATTICE_STATE:?}/sessions/$S/log"
	verify 125 last
	[[ $stderr == *"has no audit log"* ]]
	verify 125 --host-key /dev/null last
	[[ $stderr == *"holds no verifier key"* || $stderr == *"cannot read the key"* || $stderr == *"has no audit log"* ]]
}
