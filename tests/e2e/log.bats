#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# Reading the audit log: log, replay, report, export, on logs that the product's writer made from tests/fixtures/log.

bats_require_minimum_version 1.5.0

S=20261124-131500-3fa9c1d20b7e

setup_file() {
	export BRATTICE=${BRATTICE:-$PWD/build/brattice} TZ=UTC
	MKLOG=$(dirname "$(realpath "$BRATTICE")")/tests/unit/mklog
	FIXTURES=$BATS_TEST_DIRNAME/../fixtures/log
	export BRATTICE_STATE=$BATS_FILE_TMPDIR/state MKLOG FIXTURES
	"$MKLOG" "$BATS_FILE_TMPDIR/s" "$S" < "$FIXTURES/session.jsonl"
}

setup() {
	L=$BATS_FILE_TMPDIR/s/
}

# until_true COMMAND…: at most 20 s.
until_true() {
	local end=$((SECONDS + 20))
	until "$@" > /dev/null; do
		[ "$SECONDS" -lt "$end" ] || { echo "never true: $*"; return 1; }
		sleep 0.05
	done
}

teardown() {
	tmux -L "brattice-log-$BATS_TEST_NUMBER-$$" kill-server 2> /dev/null || true
}

t() {
	tmux -L "brattice-log-$BATS_TEST_NUMBER-$$" "$@"
}

screen_has() {
	t capture-pane -p -t r | grep -F -- "$1"
}

# rewrite SEGMENT SED: as somebody who has the files could.
rewrite() {
	zstdcat "$1" | sed "$2" > "$BATS_TEST_TMPDIR/rewritten"
	zstd -q -f -o "$1" "$BATS_TEST_TMPDIR/rewritten"
}

# No control character but newline, no byte that isn't UTF-8, no character that hides.
is_safe() {
	! LC_ALL=C grep -q '[[:cntrl:]]' "$1" && iconv -f UTF-8 -t UTF-8 "$1" > /dev/null && ! grep -qP '[\x{200b}-\x{200f}\x{202a}-\x{202e}]' "$1"
}

@test "log: one line an event, shown safely, secrets as such" {
	"$BRATTICE" log "$L" > "$BATS_TEST_TMPDIR/out"
	is_safe "$BATS_TEST_TMPDIR/out"
	# Each event, the terminal's and the seal, and a line for the day of the first ones and that of the last.
	entries=$(zstdcat "$L/log/000000.jsonl.zst" | wc -l)
	[ "$(grep -cv '^....-..-..$' "$BATS_TEST_TMPDIR/out")" -eq "$entries" ]
	grep -F "exec         #4 gcc -c 'bad\\xff\\x1b[31mname.c' 'it'\\''s' 'new\\x0aline' \\u{202e}disguise --token=<secret>  [by #3]" "$BATS_TEST_TMPDIR/out"
	grep -F 'open /home/u/.ssh/id_ed25519: denied by hidden (built in): a private key (Permission denied)  [gcc 7]' "$BATS_TEST_TMPDIR/out"
	grep -F 'nosuch: Permission denied' "$BATS_TEST_TMPDIR/out"
	grep -F 'gap          what=terminal count=3 why=too fast' "$BATS_TEST_TMPDIR/out"
}

@test "log: a long command line is folded on a terminal, never cut; denials are red, but not with NO_COLOR" {
	long=$(printf 'word%d ' $(seq 400))
	printf '{"t":1795540000.5,"m":1.5,"type":"exec","exec":1,"argv":["echo","%s"]}\n{"t":1795540000.6,"m":1.6,"type":"call","call":"keyctl","decision":"deny","denied":true}\n' "$long" |
		"$MKLOG" "$BATS_TEST_TMPDIR/l" s2
	TERM=xterm NO_COLOR='' script -qc "stty cols 60; '$BRATTICE' log '$BATS_TEST_TMPDIR/l'" /dev/null > "$BATS_TEST_TMPDIR/tty"
	[ "$(tr -d '\r' < "$BATS_TEST_TMPDIR/tty" | sed 's/\x1b\[[0-9;]*m//g' | wc -L)" -le 60 ]
	[ "$(grep -o 'word[0-9]*' "$BATS_TEST_TMPDIR/tty" | sort -u | wc -l)" -eq 400 ]
	grep -F $'\033[31mkeyctl: denied' "$BATS_TEST_TMPDIR/tty"
	TERM=xterm NO_COLOR=1 script -qc "'$BRATTICE' log '$BATS_TEST_TMPDIR/l'" /dev/null > "$BATS_TEST_TMPDIR/plain"
	run ! grep $'\033' "$BATS_TEST_TMPDIR/plain"
	# Not on a terminal: one line.
	[ "$("$BRATTICE" log "$BATS_TEST_TMPDIR/l" | grep -c word400)" -eq 1 ]
	"$BRATTICE" log "$BATS_TEST_TMPDIR/l" | grep 'word1 .*word400'
}

@test "log: --denied, --exec, --since, --until, --json" {
	[ "$("$BRATTICE" log --denied "$L" | grep -c denied)" -eq 2 ]
	[ "$("$BRATTICE" log --denied --json "$L" | jq -r .type | xargs)" = "path call" ]
	[ "$("$BRATTICE" log --exec --json "$L" | jq -r .type | sort | uniq -c | xargs)" = "4 exec 1 exec-failed 4 exit" ]
	# The very bytes.
	"$BRATTICE" log --json "$L" | cmp - <(zstdcat "$L/log/000000.jsonl.zst")
	at=$(jq -r 'select(.type == "note") | .t' < <("$BRATTICE" log --json "$L"))
	[ "$("$BRATTICE" log --json --until "$(date -u -d "@${at%.*}" +%FT%TZ)" "$L" | jq -r .type | head -1)" = start ]
	run ! grep end <("$BRATTICE" log --json --until "$(date -u -d "@$((${at%.*} + 1))" +%FT%TZ)" "$L" | jq -r .type)
	[ "$("$BRATTICE" log --json --since "$(date -u -d "@$((${at%.*} + 1))" +%FT%TZ)" --exec "$L" | jq .exec)" = 1 ]
	run -125 "$BRATTICE" log --since tomorrow "$L"
	[[ $output == *'"tomorrow" is not a time'* ]]
	run -125 "$BRATTICE" log --net "$L"
	[[ $output == *"not in this version"* ]]
}

@test "log --tree: who started whom, and how it ended" {
	run -0 "$BRATTICE" log --tree "$L"
	[ "${lines[0]}" = "claude -p 'make the tests pass'  [0, 1 h 30 min]" ]
	[ "${lines[1]}" = "└─ bash -c 'make test 2>&1 | tail'  [0, 1.2 s]" ]
	[ "${lines[2]}" = "   └─ make test  [signal 11, 600 ms]" ]
	[[ ${lines[3]} == "      ├─ gcc -c "*"  [1, 400 ms]" ]]
	[ "${lines[4]}" = "      └─ nosuch (failed)" ]
}

@test "log --tree: circles, parents that come later, and a chain of thousands" {
	{
		echo '{"t":1795540000.5,"m":1.5,"type":"exec","exec":1,"parent":2,"argv":["a"]}'
		echo '{"t":1795540000.5,"m":1.5,"type":"exec","exec":2,"parent":1,"argv":["b"]}'
		echo '{"t":1795540000.5,"m":1.5,"type":"exec","exec":3,"parent":3,"argv":["c"]}'
		for i in $(seq 4 5000); do
			echo "{\"t\":1795540000.5,\"m\":1.5,\"type\":\"exec\",\"exec\":$i,\"parent\":$((i - 1)),\"argv\":[\"x$i\"]}"
		done
	} | "$MKLOG" "$BATS_TEST_TMPDIR/l" s2
	timeout 20 "$BRATTICE" log --tree "$BATS_TEST_TMPDIR/l" > "$BATS_TEST_TMPDIR/out"
	[ "$(wc -l < "$BATS_TEST_TMPDIR/out")" -eq 5000 ]
	[ "$(head -3 "$BATS_TEST_TMPDIR/out" | xargs -d'\n')" = "a └─ b c" ]
}

@test "log: what is no event is shown, not hidden; a reader that goes away is no news" {
	{
		echo '{"t":"no","m":{},"type":7,"argv":{"a":[[]]}}'
		echo '{"t":1795540000.5,"m":1.5,"type":"of-the-future","x":1}'
		printf '{"t" this is no JSON \033[31m\n'
		printf '{"t":1,"d":%s%s}\n' "$(printf '[%.0s' $(seq 10000))" "$(printf ']%.0s' $(seq 10000))"
		echo '{"t":1e308,"m":-1,"type":"exit","exec":99999999999999999999}'
	} | "$MKLOG" "$BATS_TEST_TMPDIR/l" s2
	"$BRATTICE" log "$BATS_TEST_TMPDIR/l" > "$BATS_TEST_TMPDIR/out"
	is_safe "$BATS_TEST_TMPDIR/out"
	grep -F 'unknown      type=of-the-future x=1' "$BATS_TEST_TMPDIR/out"
	[ "$(grep -c 'not an event' "$BATS_TEST_TMPDIR/out")" -eq 3 ]
	head -c 200000 /dev/zero | tr '\0' 'x' | sed 's/.*/{"t":1,"x":"&"}\n/' | "$MKLOG" "$BATS_TEST_TMPDIR/m" s3 50
	"$BRATTICE" log "$BATS_TEST_TMPDIR/m" 2> "$BATS_TEST_TMPDIR/err" | head -c 100 > /dev/null
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "log --follow of a log whose writer is gone ends by itself" {
	"$MKLOG" "$BATS_TEST_TMPDIR/l" s2 live < "$FIXTURES/session.jsonl"
	run -0 timeout 20 "$BRATTICE" log --follow "$BATS_TEST_TMPDIR/l"
	[[ $output == *"status 0, exited"* ]]
	run -0 timeout 20 "$BRATTICE" log -f "$L"
	[[ $output == *sealed* ]]
}

@test "replay: what was on the screen, through the filter; the clipboard is left alone" {
	run -0 timeout 20 "$BRATTICE" replay --speed 100 "$L"
	[ "$output" = $'\033[1mWorking\033[0m on it\r\nPASS tests\r\ndone\r' ]
	run -0 timeout 20 "$BRATTICE" replay --idle-limit 0 "$L"
	[[ $output == *done* ]]
	run -125 "$BRATTICE" replay --speed 0 "$L"
	[[ $output == *"--speed takes a number"* ]]
	run -125 "$BRATTICE" replay --seek soon "$L"
}

@test "replay --commands-only: the commands and denials on the recording's clock" {
	run -0 timeout 20 "$BRATTICE" replay -c --speed 100 "$L"
	[ "${lines[0]}" = "   0.100  #1 claude -p 'make the tests pass'" ]
	[[ $output == *"   0.930  open /home/u/.ssh/id_ed25519: denied by hidden"* ]]
	head -1 "$FIXTURES/session.jsonl" | "$MKLOG" "$BATS_TEST_TMPDIR/n" s2
	run -125 "$BRATTICE" replay "$BATS_TEST_TMPDIR/n"
	[[ $output == *"no terminal that was recorded"* ]]
}

@test "replay in a terminal: step, keys, back, and the terminal as it was after q and after a signal" {
	t -f /dev/null new-session -d -s r -x 100 -y 30 "bash --norc"
	t send-keys -t r "PS1='prompt> '; stty -a > '$BATS_TEST_TMPDIR/before'; '$BRATTICE' replay --step '$L'" Enter
	# Stopped at the first command: nothing of the screen yet.
	until_true bash -c "[[ \$(tmux -L brattice-log-$BATS_TEST_NUMBER-$$ display -p -t r '#{pane_title}') == '#1 claude'* ]]"
	run ! screen_has Working
	t send-keys -t r .
	until_true screen_has "Working on it"
	run ! screen_has "PASS"
	t send-keys -t r Right
	until_true screen_has "PASS tests"
	t send-keys -t r Left
	t send-keys -t r q
	t send-keys -t r "stty -a > '$BATS_TEST_TMPDIR/after'; echo over" Enter
	until_true cmp "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	t send-keys -t r "clear; '$BRATTICE' replay --step '$L'; echo status \$?" Enter
	until_true bash -c "[[ \$(tmux -L brattice-log-$BATS_TEST_NUMBER-$$ display -p -t r '#{pane_title}') == '#1 claude'* ]]"
	kill -TERM "$(pgrep -P "$(t display -p -t r '#{pane_pid}')")"
	until_true screen_has "status 143"
	t send-keys -t r "stty -a > '$BATS_TEST_TMPDIR/after2'" Enter
	until_true cmp "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after2"
}

@test "export asciicast: v3 and v2, the commands as markers, nothing that acts on who plays it" {
	"$BRATTICE" export -f asciicast "$L" > "$BATS_TEST_TMPDIR/3.cast"
	"$BRATTICE" export -f asciicast-v2 -o "$BATS_TEST_TMPDIR/2.cast" "$L"
	[ "$(jq -cs '.[0] | [.version, .term.cols, .term.rows, .timestamp]' "$BATS_TEST_TMPDIR/3.cast")" = '[3,80,24,1795540000]' ]
	[ "$(jq -cs '.[0] | [.version, .width, .height, .timestamp]' "$BATS_TEST_TMPDIR/2.cast")" = '[2,80,24,1795540000]' ]
	# The same moments: as sums of the intervals, and as times.
	cmp <(jq -rs '.[1:] | [foreach .[] as $e (0; . + $e[0]; .)] | .[] * 1000 | round' "$BATS_TEST_TMPDIR/3.cast") \
		<(jq -rs '.[1:][] | .[0] * 1000 | round' "$BATS_TEST_TMPDIR/2.cast")
	[ "$(jq -rs '[.[1:][] | select(.[1] == "o") | .[2]] | add' "$BATS_TEST_TMPDIR/2.cast")" = $'\e[1mWorking\e[0m on it\r\nPASS tests\r\ndone\r' ]
	jq -rs '.[1:][] | select(.[1] == "m") | .[2]' "$BATS_TEST_TMPDIR/3.cast" | grep -F 'denied by hidden'
	"$BRATTICE" export -f asciicast --raw "$L" | grep -F ']52;c;ZXZpbA=='
	# Never over a file that is there, and nothing left of an export that failed.
	run -125 "$BRATTICE" export -f asciicast -o "$BATS_TEST_TMPDIR/2.cast" "$L"
	run -125 "$BRATTICE" export -f otlp -o "$BATS_TEST_TMPDIR/x" "$L"
	[[ $output == *"not in this version"* ]] && [ ! -e "$BATS_TEST_TMPDIR/x" ]
	run -125 "$BRATTICE" export "$L"
	[[ $output == *"which format?"* ]]
}

@test "export bundle: verifies on another machine; its tiles are those of C2SP" {
	for count in 1 256 257 70000; do
		"$MKLOG" "$BATS_TEST_TMPDIR/l$count" "$S" "$count" < <(echo '{"t":1795540000.5,"m":1.5,"type":"note","text":"x"}')
		"$BRATTICE" export -f bundle -o "$BATS_TEST_TMPDIR/$count.tar.zst" "$BATS_TEST_TMPDIR/l$count/"
		mkdir "$BATS_TEST_TMPDIR/u$count"
		zstdcat "$BATS_TEST_TMPDIR/$count.tar.zst" | tar x -C "$BATS_TEST_TMPDIR/u$count"
		[ ! -e "$BATS_TEST_TMPDIR/u$count/brattice-log/log/salt" ]
		run -0 python3 "$FIXTURES/tiles.py" "$BATS_TEST_TMPDIR/u$count/brattice-log/tlog"
		cmp "$BATS_TEST_TMPDIR/l$count/log/hashes" "$BATS_TEST_TMPDIR/u$count/brattice-log/log/hashes"
	done
	[ "$output" = "70001 3" ]
	cd "$BATS_TEST_TMPDIR"
	BRATTICE_STATE=$BATS_TEST_TMPDIR/elsewhere run "$BRATTICE" verify --json --host-key "$BATS_TEST_TMPDIR/l257/host.pub" 257.tar.zst
	[ "$(jq -c '[.integrity, .completeness, .host_known, .entries, .session]' <<< "$output")" = "[\"ok\",\"ok\",true,258,\"$S\"]" ]
	[ "$("$BRATTICE" log --json 257.tar.zst | wc -l)" -eq 258 ]
	# One that somebody has changed.
	rewrite u257/brattice-log/log/000000.jsonl.zst 's/"x"/"y"/'
	tar c -C u257 --format=ustar brattice-log | zstd -q > changed.tar.zst
	run "$BRATTICE" verify --host-key l257/host.pub changed.tar.zst
	[ $((status & 1)) -eq 1 ]
	[[ $output == *TAMPERED* ]]
	# What was unpacked is gone, also when the reader of the output went away.
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	"$BRATTICE" log 70000.tar.zst | head -1
	until_true rmdir "$TMPDIR"
}

@test "a bundle from a stranger: names that lead out, links, a bomb, half of one, and what is none" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p x/log tmp
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	cp "$L/log/"* x/log/
	echo evil > evil
	ln -s /etc/passwd x/log/policy
	tar c -P --format=ustar --transform 's,^evil,x/log/../../../evil,' evil x 2> /dev/null | zstd -q > out.tar.zst
	"$BRATTICE" log out.tar.zst | grep sealed
	[ ! -e tmp/evil ] && [ ! -e "$(dirname "$BATS_TEST_TMPDIR")/evil" ]
	head -c 1G /dev/zero > x/log/quarantine
	tar c --format=ustar x | zstd -q > bomb.tar.zst
	rm x/log/quarantine
	run -125 "$BRATTICE" verify bomb.tar.zst
	[[ $output == *"far more than a log"* ]]
	head -c 900 out.tar.zst > half.tar.zst
	run -125 "$BRATTICE" verify half.tar.zst
	[[ $output == *"cut short"* ]]
	run -125 "$BRATTICE" verify ./evil
	[[ $output == *"no bundle"* ]]
	until_true rmdir tmp
}

@test "report: done, denied, changed, and the verdicts" {
	run -0 "$BRATTICE" report --host-key "$BATS_FILE_TMPDIR/s/host.pub" "$L"
	[ "${lines[0]}" = "Brattice session $S" ]
	[[ $output == *"integrity     ok"*"completeness  ok"*"gaps          3 events could not be recorded"*"host          brattice/host/tests+"* ]]
	[[ $output == *"Denied"*"open /home/u/.ssh/id_ed25519: denied by hidden"*"keyctl: denied"*"Changed"*"create src/new<b>.c"*"Executed"*"make test"* ]]
	[[ $output == *"#3 make test  [by #2]  [signal 11, 600 ms]"* ]]
	printf '%s\n' "$output" > "$BATS_TEST_TMPDIR/out"
	is_safe "$BATS_TEST_TMPDIR/out"
	# Denials that repeat are one line; a log that was changed says so first.
	for i in $(seq 5); do echo '{"t":1795540000.6,"m":1.6,"type":"call","call":"keyctl","decision":"deny","denied":true}'; done |
		"$MKLOG" "$BATS_TEST_TMPDIR/l" s2
	rewrite "$BATS_TEST_TMPDIR/l/log/000000.jsonl.zst" 3d
	run -0 "$BRATTICE" report "$BATS_TEST_TMPDIR/l"
	[[ $output == *"integrity     TAMPERED"*"keyctl: denied  [4 times]"* ]]
}

@test "report --html: one page, no script, nothing from elsewhere, all escaped" {
	"$BRATTICE" report --html "$L" > "$BATS_TEST_TMPDIR/r.html"
	grep -F "content=\"default-src 'none'; style-src 'unsafe-inline'" "$BATS_TEST_TMPDIR/r.html"
	run ! grep -iE '<(script|img|link|iframe|object|svg|b>)|src=|href=|url\(|@import' "$BATS_TEST_TMPDIR/r.html"
	grep -F '&lt;script&gt;alert(1)&lt;/script&gt;' "$BATS_TEST_TMPDIR/r.html"
	is_safe "$BATS_TEST_TMPDIR/r.html"
	# As a parser of HTML sees it: only our elements, all closed.
	python3 - "$BATS_TEST_TMPDIR/r.html" <<- 'END'
		import html.parser, sys
		class P(html.parser.HTMLParser):
		    stack, seen = [], set()
		    def handle_starttag(self, tag, attrs):
		        self.seen.add(tag)
		        assert all(a in ("lang", "charset", "http-equiv", "content", "name", "class") for a, _ in attrs), attrs
		        if tag != "meta": self.stack.append(tag)
		    def handle_endtag(self, tag):
		        assert self.stack.pop() == tag, tag
		p = P()
		p.feed(open(sys.argv[1], encoding="utf-8").read())
		assert p.stack == [] and p.seen <= set("html head meta title style body h1 h2 dl dt dd ul li time code small p".split()), p.seen
	END
}

@test "export ocsf, cef, syslog: a record an entry, whatever is in it" {
	{
		cat "$FIXTURES/session.jsonl"
		echo '{"t":"no","m":{},"type":7,"argv":{"a":[[]]}}'
		printf '{"t" this is no JSON \033[31m\n'
		echo '{"t":1795540009.5,"m":1.5,"type":"exec","exec":-1,"pid":"x","program":{"base64":"/w=="},"argv":"none","sha256":[],"cwd":{"h":"00"}}'
		# shellcheck disable=SC2028 # it shall not
		echo '{"t":1795540009.5,"m":1.5,"type":"path","op":"open","path":"a]\"\\=|\nb","pid":1,"denied":true}'
	} | "$MKLOG" "$BATS_TEST_TMPDIR/l" "$S"
	entries=$("$BRATTICE" log --json "$BATS_TEST_TMPDIR/l" | wc -l)
	for f in ocsf cef syslog; do
		"$BRATTICE" export -f $f "$BATS_TEST_TMPDIR/l" | sed $'s/\xef\xbb\xbf//' > "$BATS_TEST_TMPDIR/$f"
		[ "$(wc -l < "$BATS_TEST_TMPDIR/$f")" -eq "$entries" ]
		is_safe "$BATS_TEST_TMPDIR/$f"
	done
	[ "$(jq -cs '[.[] | select(.action_id == 2) | [.class_uid, .disposition_id, .status_id]] | unique' "$BATS_TEST_TMPDIR/ocsf")" = '[[1001,2,2],[2004,2,1]]' ]
	[ "$(jq -r 'select(.class_uid == 1007 and .activity_id == 1) | .process.cmd_line' "$BATS_TEST_TMPDIR/ocsf" | head -1)" = "claude -p 'make the tests pass'" ]
	run ! grep -vE '^CEF:0\|Brattice\|Brattice\|[0-9.]+\|[a-z-]+\|[a-z-]+\|[0-9]+\|rt=' "$BATS_TEST_TMPDIR/cef"
	grep -F 'filePath=a]"\\\=|\\x0ab' "$BATS_TEST_TMPDIR/cef"
	run ! grep -vP '^<1\d\d>1 (-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) box brattice '"$S"' [a-z-]+ \[brattice@32473( \w+="([^"\\\]]|\\["\\\]])*")+\] .' "$BATS_TEST_TMPDIR/syslog"
	grep -F 'path="a\]\"\\=|\\x0ab"' "$BATS_TEST_TMPDIR/syslog"
}

@test "log --follow: what a session that runs writes, as it comes; it ends with the session" {
	dir=$BATS_TEST_TMPDIR/state/sessions/$S
	export BRATTICE_STATE=$BATS_TEST_TMPDIR/state
	mkdir -m 700 -p "$BRATTICE_STATE" "$BRATTICE_STATE/sessions"
	mkfifo "$BATS_TEST_TMPDIR/lines"
	# The writer has the session's lock, as an auditor has. (The log is opened before the lock file, as mklog makes the directory.)
	"$MKLOG" "$dir" "$S" stream < "$BATS_TEST_TMPDIR/lines" &
	exec 7> "$BATS_TEST_TMPDIR/lines"
	until_true test -e "$dir/log/checkpoints"
	printf 'id %s\nstate running\npid 1\nstarted 1795540000000\n' "$S" > "$dir/meta"
	exec 8> "$dir/lock"
	flock 8
	timeout 60 "$BRATTICE" log --follow last > "$BATS_TEST_TMPDIR/out" 7>&- 8>&- &
	pid=$!
	grep '"type":"start"' "$FIXTURES/session.jsonl" >&7
	until_true grep start "$BATS_TEST_TMPDIR/out"
	grep '"type":"exec","exec":2' "$FIXTURES/session.jsonl" >&7
	until_true grep "#2 bash" "$BATS_TEST_TMPDIR/out"
	run -125 "$BRATTICE" export -f bundle -o "$BATS_TEST_TMPDIR/b" last
	[[ $output == *"still runs"* ]]
	exec 7>&-
	wait "$pid"
	tail -1 "$BATS_TEST_TMPDIR/out" | grep sealed
	exec 8>&-
}
