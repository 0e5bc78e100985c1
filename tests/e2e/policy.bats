#!/usr/bin/env bats
# brattice policy: what it says about files that are wrong, and what comes out of those that are right.

setup() {
	: "${BRATTICE:=$BATS_TEST_DIRNAME/../../build/brattice}"
	W=$(mktemp -d "$BATS_TMPDIR/policy.XXXXXX")
	mkdir -p "$W/home/.config/brattice" "$W/proj" "$W/state" "$W/etc" "$W/bin"
	cp "$(dirname "$BRATTICE")/libexec/brattice/brattice-policy" "$W/bin/"
	chmod -R go+rX "$W"
	chmod 700 "$W/state"
	P=$W/bin/brattice-policy
	unset XDG_CONFIG_HOME XDG_STATE_HOME BRATTICE_STATE SSH_AUTH_SOCK DOCKER_HOST
	export HOME=$W/home
	cd "$W/proj" || exit 1
}

teardown() {
	chmod -R u+rwX "$W"
	rm -rf "$W"
}

# Every answer must come at once: a reader that blocks or chews on a bomb is killed, and fails the test.
pol() {
	local cmd=$1
	shift
	timeout 5 "$P" "$cmd" --etc "$W/etc" --state "$W/state" "$@"
}
compile() { pol compile --home "$HOME" --project "$W/proj" --out "$W/out" "$@"; }
policy() { cat > brattice.yaml; }

# says STATUS TEXT…: the compiler refuses brattice.yaml with this status, and each text is in what it prints.
says() {
	local status_wanted=$1
	shift
	run compile
	echo "$output"
	[ "$status" -eq "$status_wanted" ]
	[ ! -e "$W/out" ]
	local text
	for text; do
		[[ $output == *"$text"* ]] || { echo "missing: $text"; return 1; }
	done
}

# --- files that are not policies ---------------------------------------------------------------------------------------------

@test "no file at all: the default policy" {
	compile
	[ -s "$W/out" ]
}

@test "an empty file, and one of comments" {
	: > brattice.yaml
	compile
	echo '# nothing' > brattice.yaml
	compile
}

@test "a directory" {
	mkdir brattice.yaml
	says 125 "brattice.yaml: is a directory, not a file"
}

@test "a FIFO doesn't block" {
	mkfifo brattice.yaml
	says 125 "brattice.yaml: is not a regular file"
}

@test "an endless device doesn't either" {
	ln -s /dev/zero brattice.yaml
	says 125 "brattice.yaml: is not a regular file"
}

@test "ten megabytes" {
	head -c 10000000 /dev/zero | tr '\0' '#' > brattice.yaml
	says 125 "brattice.yaml: is bigger than 1 MiB"
}

@test "a file that the user can't read is not skipped" {
	echo 'version: 1' > brattice.yaml
	chmod 000 brattice.yaml
	local as=()
	[ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	run "${as[@]}" "$P" compile --home "$HOME" --project "$W/proj" --state "$W/state" --etc "$W/etc" --out /dev/null
	echo "$output"
	[ "$status" -eq 125 ]
	[[ $output == *"brattice.yaml: can't be read: Permission denied"* ]]
}

@test "a NUL byte, with its place" {
	printf 'version: 1\nlimits: {pi\0ds: 1}\n' > brattice.yaml
	says 125 "brattice.yaml:2:12: the file holds a NUL byte"
}

@test "a NUL byte by escape" {
	policy <<< 'filesystem: {read: ["/a\0b"]}'
	says 125 "brattice.yaml:1:21: the text holds a NUL byte"
}

@test "bytes that are not UTF-8" {
	printf 'version: 1\n# caf\xe9\n' > brattice.yaml
	says 125 "brattice.yaml:2:6: this is not UTF-8 text"
}

@test "UTF-16" {
	printf 'version: 1\n' | iconv -t UTF-16 > brattice.yaml
	says 125 "brattice.yaml:1:1: this is not UTF-8 text"
}

@test "a byte order mark is fine" {
	printf '\xef\xbb\xbfversion: 1\n' > brattice.yaml
	compile
}

@test "a billion laughs" {
	{
		echo 'a: &a ["x","x","x","x","x","x","x","x","x"]'
		for i in b c d e f g h i; do echo "$i: &$i [*a,*a,*a,*a,*a,*a,*a,*a,*a]"; done
	} > brattice.yaml
	says 125 "brattice.yaml:1:4: anchors (&name) are not allowed"
}

@test "aliases" {
	policy <<< 'filesystem: {hide: *x}'
	says 125 "brattice.yaml:1:20: aliases (*name) are not allowed"
}

@test "an unquoted star" {
	policy <<< 'filesystem: {hide: [*.pem]}'
	says 125 "brattice.yaml:1:21: not valid YAML" 'put quotes around a pattern that begins with "*"'
}

@test "tags" {
	policy <<< 'version: !!int 1'
	says 125 "brattice.yaml:1:10: tags (!name) are not allowed"
}

@test "an unquoted exclamation mark" {
	policy <<< 'filesystem: {protect: [!.npmrc]}'
	says 125 "brattice.yaml:1:24: not valid YAML" 'put quotes around a pattern that begins with "!"'
}

@test "two documents" {
	printf 'version: 1\n---\nversion: 1\n' > brattice.yaml
	says 125 "brattice.yaml:2:1: the file holds more than one document"
}

@test "directives" {
	printf '%%YAML 1.1\n---\nversion: 1\n' > brattice.yaml
	says 125 "directives (%YAML, %TAG) are not allowed"
}

@test "seventeen levels" {
	{
		printf 'a: '
		printf '[%.0s' $(seq 1 16)
		printf ']%.0s' $(seq 1 16)
	} > brattice.yaml
	says 125 "brattice.yaml:1:19: more than 16 levels of nesting"
}

@test "a hundred thousand brackets" {
	head -c 100000 /dev/zero | tr '\0' '[' > brattice.yaml
	says 125 "more than 16 levels of nesting"
}

@test "more values than a policy has" {
	{
		echo 'filesystem: {read: ['
		yes '/opt/x,' | head -n 30000
		echo ']}'
	} > brattice.yaml
	says 125 "the file holds more than 20000 values"
}

@test "more entries than a list has" {
	{
		echo 'filesystem: {read: ['
		seq -f '/opt/%g,' 1001
		echo ']}'
	} > brattice.yaml
	says 125 "brattice.yaml:1:20: filesystem.read has more than 1000 entries"
}

@test "a tab" {
	printf 'filesystem:\n\tread: []\n' > brattice.yaml
	says 125 "brattice.yaml:2:1: not valid YAML" "indent with spaces, not with tabs"
}

@test "a policy under a name that is not read" {
	echo 'limits: {pids: 10}' > brattice.yml
	says 125 'brattice.yml: policies are read from names that end in .yaml'
	rm brattice.yml
	echo 'limits: {pids: 10}' > "$W/etc/10.yml"
	says 125 '10.yml: policies are read from names that end in .yaml'
}

@test "not a map" {
	policy <<< '[a, b]'
	says 125 "brattice.yaml:1:1: a policy is a map of keys, not a list"
}

# --- keys and values ---------------------------------------------------------------------------------------------------------

@test "an unknown key, with the likely one" {
	printf 'version: 1\n\nfilesytem:\n  read: []\n' > brattice.yaml
	says 125 'brattice.yaml:3:1: unknown key "filesytem" (did you mean "filesystem"?)'
}

@test "an unknown key deeper" {
	policy <<< 'filesystem: {wirte: [a]}'
	says 125 'brattice.yaml:1:14: unknown key "wirte" in filesystem (did you mean "write"?)'
}

@test "a key at the wrong level, and a short name" {
	printf 'write: [a]\nenv: {}\n' > brattice.yaml
	says 125 'unknown key "write"' 'the key is filesystem.write' 'unknown key "env" (did you mean "environment"?)'
}

@test "a duplicate key names both lines" {
	printf 'limits:\n  pids: 10\n  files: 100\n  pids: 20\n' > brattice.yaml
	says 125 'brattice.yaml:4:3: duplicate key "pids": it is on line 2 already'
}

@test "wrong types" {
	printf 'filesystem:\n  write: src\n  review: yes\nlimits: [1]\nenvironment: {set: {A: [1]}}\n' > brattice.yaml
	says 125 'brattice.yaml:2:10: filesystem.write must be a list, not text' 'brattice.yaml:3:11: filesystem.review must be true or false' \
		'brattice.yaml:4:9: limits must be a map, not a list' 'brattice.yaml:5:24: environment.set.A must be text, not a list'
}

@test "a key without a value is not an empty list" {
	printf 'filesystem:\n  write:\n' > brattice.yaml
	says 125 'brattice.yaml:2:3: filesystem.write has no value'
}

@test "empty names and control characters" {
	policy <<< 'filesystem: {read: [""], hide: ["!"], write: ["a\nb"]}'
	says 125 'filesystem.read: the name is empty' 'the pattern is empty' 'a control character in "a'
}

@test "bad patterns" {
	policy <<< 'filesystem: {hide: ["[a"], protect: ["a\\"]}'
	says 125 'brattice.yaml:1:21: bad pattern "[a"' 'brattice.yaml:1:38: bad pattern "a\"'
}

@test "a pattern where a path belongs" {
	policy <<< 'filesystem: {read: ["/opt/*"]}'
	says 125 '"/opt/*" is a pattern; this key takes paths'
}

@test "numbers: no unit, out of range, nonsense" {
	policy <<< 'limits: {time: 10, memory: 1KiB, pids: many, cpu: 2, disk: 99999999999999999999GiB, files: 1}'
	says 125 'limits.time: can'"'"'t read "10"' 'limits.memory: 1KiB is out of range' 'limits.pids: can'"'"'t read "many"' \
		'limits.cpu: can'"'"'t read "2"' 'limits.disk: can'"'"'t read' 'limits.files: 1 is out of range'
}

@test "a newer version" {
	policy <<< 'version: 2'
	says 125 'brattice.yaml:1:10: version 2 of the policy format is not known'
}

@test "an unknown profile" {
	policy <<< 'profiles: [nod]'
	says 125 'unknown profile "nod" (did you mean "node"?)'
}

@test "environment: the whole of it, bad names, brattice's own" {
	policy <<< 'environment: {pass: ["*", "A B", BRATTICE_STATE], set: {"1A": x}}'
	says 125 'would pass the whole environment' '"A B" is not a variable' 'begin with BRATTICE_' '"1A" is not a variable'
}

@test "keys of profiles are not for policies" {
	policy <<< 'filesystem: {etc: [shadow]}'
	says 125 'filesystem.etc can only be set by brattice'"'"'s own profiles'
}

@test "all errors at once, up to twenty" {
	for i in $(seq 1 30); do echo "zz$i: 1"; done > brattice.yaml
	run compile
	echo "$output"
	[ "$status" -eq 125 ]
	[ "$(grep -c 'unknown key' <<< "$output")" -eq 20 ]
	[[ $output == *"and 10 more"* ]]
}

@test "escape sequences in a file don't reach the terminal" {
	printf 'filesystem: {"\\e]52;c;x\\a": 1}\n' > brattice.yaml
	run compile
	[ "$status" -eq 125 ]
	[[ $output != *$'\e'* ]]
}

# --- what this version does not enforce --------------------------------------------------------------------------------------

@test "network.allow is refused, not ignored" {
	printf 'network:\n  allow:\n    - api.example.com\n' > brattice.yaml
	says 126 'brattice.yaml:2:3: network.allow is not enforced by this version of brattice' 'mend: remove it'
}

@test "so are commands, credentials, approvals, audit and alerts" {
	cat > brattice.yaml <<-'END'
		commands: {deny: ["sudo *"], default: ask}
		credentials: [{name: x, env: X, from: {env: X}, ttl: 5m}]
		approvals: {timeout: 2m}
		audit: {on_failure: freeze, keep: 30d}
		alerts: {webhook: "https://example.org/x"}
		filesystem: {protect_action: ask}
	END
	says 126 'commands.deny is not' 'commands.default: ask is not' 'credentials is not' 'approvals.timeout: 2m is not' \
		'audit.on_failure: freeze is not' 'audit.keep: 30d is not' 'alerts.webhook: https://example.org/x is not' 'filesystem.protect_action: ask is not'
}

@test "their types are checked all the same" {
	policy <<< 'network: {allow: [{hots: a}], private: maybe, limits: {requests: lots}}'
	says 125 'unknown key "hots" in network.allow[]' 'network.private can'"'"'t be "maybe"' 'network.limits.requests: can'"'"'t read "lots"'
}

@test "values that this version gives anyway are fine" {
	cat > brattice.yaml <<-'END'
		network: {allow: [], private: deny, inspect: auto, deny: ["*.example.net"]}
		commands: {default: allow, deny: [], debug: allow}
		credentials: []
		audit: {on_failure: stop, strict: false}
	END
	compile
}

# --- paths -------------------------------------------------------------------------------------------------------------------

@test "paths that no policy grants" {
	mkdir -p "$HOME/.gnupg"
	ln -s / root-link
	cat > brattice.yaml <<-'END'
		filesystem:
		  read: [/, "~", "~/..", /proc/1, /run/docker.sock, "~/.gnupg", /etc, /etc/shadow, root-link]
		  write: [/usr/lib, /dev/sda, /etc/cron.d]
	END
	says 126 '/ can'"'"'t be granted: it is the whole machine' '~ can'"'"'t be granted: it is the whole home' \
		'it holds the home directory' '/proc/1 can'"'"'t be granted' '/run/docker.sock can'"'"'t be granted' 'S.gpg-agent is a socket' \
		'/etc can'"'"'t be granted' '/etc/shadow can'"'"'t be granted' 'it leads to /: it is the whole machine' \
		'/usr/lib can'"'"'t be granted' '/dev/sda can'"'"'t be granted' '/etc/cron.d can'"'"'t be granted'
}

@test "brattice's own state and configuration" {
	mkdir -p "$HOME/.local/state/brattice"
	policy <<< 'filesystem: {read: ["~/.local/state"], write: ["~/.config"]}'
	run timeout 5 "$P" compile --home "$HOME" --project "$W/proj" --state "$HOME/.local/state/brattice" --etc "$W/etc" --out "$W/out"
	echo "$output"
	[ "$status" -eq 126 ]
	[[ $output == *"it holds brattice's own state"* && $output == *"it holds brattice's own configuration"* ]]
}

@test "a prefix is not a parent" {
	mkdir -p "$W/home-evil"
	policy <<< "filesystem: {read: [\"$W/home-evil\"]}"
	compile
	run pol explain --read "$W/home-evil-2/x"
	[[ $output == "denied:"* ]]
	run pol explain --read "$W/home-evil/x"
	[[ $output == "allowed:"* ]]
}

@test "paths are made normal; relative ones belong to the file's project, or to the home" {
	policy <<< 'filesystem: {read: ["./a/../../other//x/", "~/y/."]}'
	echo 'filesystem: {read: [notes]}' > "$HOME/.config/brattice/policy.yaml"
	pol explain --json > "$W/rules"
	grep -q "\"text\":\"$W/other/x\",\"origin\":\"brattice.yaml:1\"" "$W/rules"
	grep -q "\"text\":\"$W/home/y\"" "$W/rules"
	grep -q "\"text\":\"$W/home/notes\",\"origin\":\"~/.config/brattice/policy.yaml:1\"" "$W/rules"
}

@test "what a project's file takes beyond the project is marked for the question of trust" {
	policy <<< 'filesystem: {write: [., "~/shared"], protect: ["!.npmrc"]}'
	run pol explain
	[[ $output == *"brattice.yaml  (in the project: must be trusted)"* ]]
	[[ $output == *"brattice.yaml:1 lets the session write ~/shared, outside the project"* ]]
	[[ $output == *"brattice.yaml:1 lifts the protection of .npmrc"* ]]
}

@test "naming paths to write makes the rest of the project read-only" {
	policy <<< 'filesystem: {write: [src]}'
	run pol explain --write src/a --write other
	echo "$output"
	[[ ${lines[0]} == "allowed: write"*src/a* ]]
	[[ ${lines[2]} == "denied:  write"*other*"read-only"* ]]
	run pol explain --read other
	[[ $output == "allowed:"* ]]
}

# --- layers ------------------------------------------------------------------------------------------------------------------

@test "a higher layer decides" {
	echo 'limits: {pids: 100}' > "$HOME/.config/brattice/policy.yaml"
	echo 'limits: {pids: 200}' > brattice.yaml
	pol explain --json | grep -q '"rule":"limit-pids","value":200,"origin":"brattice.yaml:1"'
	echo 'limits: {pids: 300}' > brattice.local.yaml
	pol explain --json | grep -q '"value":300,"origin":"brattice.local.yaml:1"'
	echo 'limits: {pids: 400}' > "$W/extra.yaml"
	pol explain --policy "$W/extra.yaml" --json | grep -q '"value":400'
}

@test "XDG_CONFIG_HOME" {
	mkdir -p "$W/xdg/brattice"
	echo 'limits: {pids: 123}' > "$W/xdg/brattice/policy.yaml"
	XDG_CONFIG_HOME=$W/xdg pol explain --json | grep -q '"value":123'
}

@test "the machine's limit can be narrowed and not widened; the error names both places" {
	echo 'limits: {memory: 4GiB, time: 1h, strict: true}' > "$W/etc/10-limits.yaml"
	printf 'version: 1\nlimits: {memory: 8GiB, time: unlimited, strict: false}\n' > brattice.yaml
	says 126 "brattice.yaml:2:18: limits.memory: 8GiB is more than $W/etc/10-limits.yaml:1 allows (4GiB)" \
		'limits.time: unlimited is more than' 'limits.strict: false is more than'
	echo 'limits: {memory: 2GiB}' > brattice.yaml
	pol explain --json > "$W/rules"
	grep -q '"rule":"limit-memory","value":2147483648,"origin":"brattice.yaml:1"' "$W/rules"
	grep -q "\"rule\":\"limit-time\",\"value\":3600,\"origin\":\"$W/etc/10-limits.yaml:1\"" "$W/rules"
	rm brattice.yaml
	pol explain --json | grep -q '"rule":"limit-memory","value":4294967296'
}

@test "the machine's list of paths can't be added to" {
	echo 'filesystem: {write: [.], read: [/opt/sdk]}' > "$W/etc/10.yaml"
	policy <<< 'filesystem: {write: [., "~/shared"], read: [/opt/sdk/inner, /srv/data]}'
	says 126 "filesystem.write: ~/shared is more than $W/etc/10.yaml:1 allows" "filesystem.read: /srv/data is more than"
	[[ $output != *"/opt/sdk/inner is more"* ]]
	rm brattice.yaml
	run compile --write "$HOME/shared"
	[ "$status" -eq 126 ]
	[[ $output == *"command line: filesystem.write: ~/shared is more than"* ]]
}

@test "the machine's denial can't be lifted, nor anyone else's" {
	echo 'filesystem: {hide: ["secrets/**"], protect: [".npmrc"]}' > "$W/etc/10.yaml"
	policy <<< 'filesystem: {hide: ["!secrets/**"], protect: ["!.npmrc"]}'
	says 126 "can't lift \"secrets/**\", which $W/etc/10.yaml:1 sets" "can't lift \".npmrc\", which $W/etc/10.yaml:1 sets"
	rm "$W/etc/10.yaml"
	echo 'filesystem: {protect: ["infra/**"]}' > "$HOME/.config/brattice/policy.yaml"
	policy <<< 'filesystem: {protect: ["!infra/a"]}'
	says 126 "can't lift \"infra/**\", which ~/.config/brattice/policy.yaml:1 sets"
}

@test "a built-in guard can be lifted" {
	run pol explain --write .npmrc
	[[ $output == "denied:"* ]]
	policy <<< 'filesystem: {protect: ["!.npmrc"]}'
	run pol explain --write .npmrc
	[[ $output == "allowed:"* ]]
}

@test "a kept directory can't hide a file that is written at each start" {
	policy <<< 'home: {keep: [.config/], files: {.config/tool.ini: "x"}}'
	says 126 'home.keep: .config/ would hide .config/tool.ini, which brattice.yaml:1 writes at each start'
}

@test "review mode: the project as a whole or not at all" {
	policy <<< 'filesystem: {write: [src]}'
	compile
	run compile --review
	[ "$status" -eq 126 ]
	[[ $output == *"brattice.yaml:1:22: filesystem.write: $W/proj/src: in review mode"* ]]
	policy <<< 'filesystem: {write: []}'
	compile --review
}

@test "a machine policy that others can write is refused" {
	echo 'limits: {pids: 100}' > "$W/etc/10.yaml"
	chmod 666 "$W/etc/10.yaml"
	run compile
	echo "$output"
	[ "$status" -eq 126 ]
	[[ $output == *"10.yaml: can be changed by others"* ]]
}

@test "profiles: by command, by files, by name, none, and only those that the machine allows" {
	profiles() { pol explain --json "$@" | sed -n 's/.*"rule":"profile","text":"\([^"]*\)".*/\1/p' | tr '\n' ' '; }
	[ "$(profiles)" = "" ]
	[ "$(profiles -- /usr/local/bin/claude --help)" = "claude-code " ]
	touch package.json go.mod
	[ "$(profiles -- claude)" = "claude-code node go " ]
	echo 'profiles: [rust]' > brattice.yaml
	[ "$(profiles -- claude)" = "rust claude-code " ]
	echo 'profiles: []' > brattice.yaml
	[ "$(profiles -- claude)" = "" ]
	rm brattice.yaml
	echo 'profiles: [node]' > "$W/etc/10.yaml"
	[ "$(profiles -- claude)" = "node " ]
	run compile --profile java
	[ "$status" -eq 126 ]
	[[ $output == *'profile "java" is not among those'* ]]
}

@test "what was compiled says what it came from" {
	echo 'version: 1' > brattice.yaml
	compile
	local sum
	sum=$(sha256sum < brattice.yaml | cut -d' ' -f1)
	grep -qa "$W/proj/brattice.yaml" "$W/out"
	grep -qa "$sum" "$W/out"
	grep -qa "$W/home/.config/brattice/policy.yaml" "$W/out"
	[ "$("$P" trust-hash)" = "$sum" ]
	[ "$(stat -c %a "$W/out")" = 600 ]
}

# --- check, explain, test ----------------------------------------------------------------------------------------------------

@test "check: nothing wrong" {
	run pol check
	[ "$status" -eq 0 ]
	[ "$output" = "no errors, no risks" ]
}

@test "check: risks, and --strict" {
	cat > brattice.yaml <<-'END'
		filesystem:
		  write: [., ~/shared]
		  read: [~/.ssh, ~/.aws]
		  hide: ["!.env"]
		  protect: ["!.git/hooks"]
		environment:
		  pass: [GITHUB_TOKEN, SSH_AUTH_SOCK]
		home: {keep: [.bashrc]}
		limits: {memory: unlimited, time: unlimited}
	END
	run pol check
	echo "$output"
	[ "$status" -eq 0 ]
	for text in '2:14: risk: the session may change ~/shared' '3:10: risk: the session may read ~/.ssh: SSH keys' 'may read ~/.aws' \
		'4:10: risk: "!.env"' '5:13: risk: "!.git/hooks"' '7:10: risk: GITHUB_TOKEN looks like a secret; a policy does not pass those' 'SSH_AUTH_SOCK points at a program' \
		'~/.bashrc is kept' 'limits.memory: unlimited' 'limits.time: unlimited'; do
		[[ $output == *"$text"* ]] || { echo "missing: $text"; return 1; }
	done
	run pol check --strict
	[ "$status" -eq 1 ]
	pol check --json | jq -es 'length == 10 and all(.severity == "risk" and .file == "brattice.yaml" and .line > 0)'
}

@test "check FILE: several, the worst decides" {
	echo 'version: 1' > a.yaml
	echo 'version: 9' > b.yaml
	echo 'network: {allow: [x]}' > c.yaml
	run pol check a.yaml
	[ "$status" -eq 0 ]
	run pol check a.yaml c.yaml
	[ "$status" -eq 126 ]
	run pol check a.yaml b.yaml c.yaml
	[ "$status" -eq 125 ]
	[[ $output == *"b.yaml:1:10:"* && $output == *"c.yaml:1:11:"* ]]
	run pol check missing.yaml
	[ "$status" -eq 125 ]
	[[ $output == *"missing.yaml: can't be read: No such file"* ]]
}

@test "explain: acts" {
	git init -q .
	ln -s "$HOME" out-link
	echo 'filesystem: {private: [node_modules]}' > brattice.yaml
	pol explain --json --write .git/hooks/pre-commit --write .git/config --write src/x --write out-link/.bashrc --write node_modules/x \
		--write /usr/bin/x --write brattice.yaml --read .env --read /etc/shadow --read /bin/sh --read "$HOME/.ssh/id" > "$W/acts"
	cat "$W/acts"
	[ "$(jq -r .decision "$W/acts" | tr '\n' ' ')" = "deny deny allow deny allow deny deny deny deny allow deny " ]
}

@test "explain: a key is hidden by its content" {
	{
		echo "-----BEGIN PRIVATE KEY-----"
		echo MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
		echo "-----END PRIVATE KEY-----"
	} > deploy.key
	echo 'not a key' > other.key
	run pol explain --read deploy.key
	[[ $output == "denied:"*"private key"* ]]
	run pol explain --read other.key
	[[ $output == "allowed:"* ]]
}

@test "explain: hidden unless tracked, guarded in nested repositories, and what the repository's configuration runs" {
	git init -q .
	git init -q sub
	echo s > .env
	mkdir d && echo s > d/.env
	git -C . add d/.env
	git config core.hooksPath tools/hooks
	pol explain --json --read .env --read d/.env --write .env --write new/.env --write sub/.vscode/tasks.json --write plain/.vscode/tasks.json \
		--write tools/hooks/pre-commit > "$W/acts"
	cat "$W/acts"
	[ "$(jq -r .decision "$W/acts" | tr '\n' ' ')" = "deny allow deny allow deny deny allow " ] # --write first, then --read
	[ "$(jq -r .rule "$W/acts" | tr '\n' ' ' | cut -d' ' -f1,3,5)" = ".env .vscode/tasks.json core.hookspath" ]
}

@test "test: passes, fails, and what isn't enforced" {
	cat > brattice.yaml <<-'END'
		tests:
		  - {write: .git/hooks/pre-commit, expect: deny}
		  - {write: src/a.c, expect: allow}
		  - {read: ~/.ssh/id_rsa, expect: deny}
	END
	run pol test
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"3 passed, 0 failed"* ]]
	cat >> brattice.yaml <<-'END'
		  - {write: /usr/bin/x, expect: allow}
		  - {run: "git push", expect: ask}
		  - {connect: "example.org:443", expect: deny}
	END
	run pol test
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"FAIL brattice.yaml:5: write /usr/bin/x: expected allow, got deny: it can only be read (/usr, built-in)"* ]]
	[[ $output == *"FAIL brattice.yaml:6: run git push: expected ask, got nothing"*"not enforced by this version"* ]]
	[[ $output == *"3 passed, 3 failed"* ]]
}

@test "test: badly written tests" {
	policy <<< 'tests: [{write: a}, {write: a, read: b, expect: deny}, {write: a, expect: no}, x]'
	says 125 '1:9: a test has one act' '1:21: a test has one act' "tests[].expect can't be \"no\"" 'each entry of tests must be a map'
}

@test "schema: JSON that names the keys that the reader takes" {
	pol_schema=$("$P" schema)
	jq -e '.properties | keys == ["alerts","approvals","audit","commands","credentials","environment","filesystem","home","limits","network","profiles","tests","version"]' <<< "$pol_schema"
	jq -e '.properties.filesystem.properties | has("write") and has("hide") and (has("etc") | not)' <<< "$pol_schema"
}

@test "the reference page is fresh" {
	diff <(sed '1,/^<!-- from here on generated/d' "$BATS_TEST_DIRNAME/../../docs/policy.md") <("$P" reference)
}

@test "the manual page renders without complaints" {
	"$P" reference --man > "$W/page"
	[ -z "$(groff -man -Tutf8 -ww "$W/page" 2>&1 > /dev/null)" ]
}

@test "commands: unknown ones, those of later versions, bad options" {
	run "$P" chek
	[ "$status" -eq 125 ]
	[[ $output == *'did you mean "policy check"?'* ]]
	for later in diff suggest dry-run set; do
		run "$P" $later
		[ "$status" -eq 125 ]
		[[ $output == *"it is not in this version"* ]]
	done
	run "$P" compile
	[ "$status" -eq 125 ]
	[[ $output == *"--out FILE is missing"* ]]
	run "$P" check --jsno
	[ "$status" -eq 125 ]
	[[ $output == *"--json"* ]]
}

@test "through the program" {
	run "$BRATTICE" policy trust-hash /dev/null/x
	[ "$status" -eq 125 ]
	echo 'version: 1' > brattice.yaml
	[ "$("$BRATTICE" policy trust-hash)" = "$(sha256sum < brattice.yaml | cut -d' ' -f1)" ]
}

# --- what a run makes of it --------------------------------------------------------------------------------------------------

# brattice run with this project's policy trusted by its hash.
run_it() {
	local trust=()
	[ ! -e brattice.yaml ] || trust=(--trust-policy "$("$P" trust-hash)")
	BRATTICE_STATE=$W/state timeout 30 "$BRATTICE" run "${trust[@]}" "$@" < /dev/null
}

@test "run: without filesystem.write naming it, the project can't be written; the same without the wall can" {
	mkdir src
	chmod 777 . src
	touch probe-outside
	policy <<< 'filesystem: {write: [src]}'
	run run_it -- sh -c 'touch src/inside && ! touch outside && ! mv src/inside moved && ! rm brattice.yaml && ls'
	echo "$output"
	[ "$status" -eq 0 ]
	[ -e src/inside ]
	[ ! -e outside ]
	[ ! -e moved ]
	policy <<< 'filesystem: {write: []}'
	run run_it -- sh -c '! touch src/inside2 && ! touch outside'
	[ "$status" -eq 0 ]
	[ ! -e src/inside2 ]
	rm brattice.yaml
	run run_it -- touch outside
	[ "$status" -eq 0 ]
	[ -e outside ]
}

@test "run: paths outside, read and written as granted" {
	mkdir "$W/data" "$W/out"
	chmod 777 "$W/data" "$W/out"
	echo canary > "$W/data/file"
	policy <<< "filesystem: {read: [\"$W/data\"], write: [., \"$W/out\"]}"
	run run_it -- sh -c "cat '$W/data/file'; ! touch '$W/data/new' && touch '$W/out/new'"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *canary* ]]
	[ ! -e "$W/data/new" ]
	[ -e "$W/out/new" ]
	rm brattice.yaml
	run run_it -- cat "$W/data/file"
	[ "$status" -ne 0 ]
	[[ $output != *canary* ]]
}

@test "run: a policy in error or refused starts nothing" {
	policy <<< 'filesytem: {}'
	run run_it -- touch started
	[ "$status" -eq 125 ]
	[[ $output == *'brattice.yaml:1:1: unknown key "filesytem"'* ]]
	policy <<< 'network: {allow: [x]}'
	run run_it -- touch started
	[ "$status" -eq 126 ]
	[ ! -e started ]
}

@test "run: a compiled policy is not used once a file, a name or a variable it depends on changed" {
	run run_it -- true
	[ "$status" -eq 0 ]
	mkdir -p "$W/xdg/brattice"
	echo 'bad: 1' > "$W/xdg/brattice/policy.yaml"
	XDG_CONFIG_HOME=$W/xdg run run_it -- true
	[ "$status" -eq 125 ]
	run run_it -- true
	[ "$status" -eq 0 ]
	echo 'bad: 1' > "$HOME/.config/brattice/policy.yaml"
	run run_it -- true
	[ "$status" -eq 125 ]
	rm "$HOME/.config/brattice/policy.yaml"
	run run_it -- true
	[ "$status" -eq 0 ]
	echo 'limits: {pids: 10}' > brattice.yml
	run run_it -- true
	[ "$status" -eq 125 ]
}
