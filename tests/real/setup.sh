#!/bin/bash
# Brings the real programs that the tests of this folder run: into a cache outside the tree, by apt-get, npm and pip.
#
#   tests/real/setup.sh GROUP…       groups: claude git c rust go tlog java node husky python terminal debug lsp browser agents all
#
# Done once per group and version: a second call looks at a stamp and returns. The cache is $BRATTICE_TEST_CACHE, else
# ~/.cache/brattice-test, else (as root, whose home other users can't enter) /var/cache/brattice-test. Debian packages need
# root or sudo; nothing else does. Prints the cache's path, and what it installs on stderr.
set -euo pipefail

claude_version=2.1.331
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -n "${BRATTICE_TEST_CACHE:-}" ]; then
	cache=$BRATTICE_TEST_CACHE
elif [ "$(id -u)" = 0 ]; then
	cache=/var/cache/brattice-test
else
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/brattice-test
fi
mkdir -p "$cache"
cache=$(cd "$cache" && pwd -P)
exec 9>"$cache/lock"
flock 9
export DEBIAN_FRONTEND=noninteractive npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false

say() {
	echo "tests/real/setup.sh: $*" >&2
}

# quiet LOG COMMAND…: shows the output only when it fails.
quiet() {
	local log=$cache/$1.log
	shift
	"$@" >"$log" 2>&1 </dev/null && return 0
	tail -n 40 "$log" >&2
	say "failed: $*"
	return 1
}

# packages COMMAND=PACKAGE…: the command must lie where every user finds it (a toolchain in somebody's home doesn't count).
packages() {
	local pair missing=()
	for pair; do
		PATH=/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null || [ -e "${pair%%=*}" ] ||
			missing+=("${pair#*=}")
	done
	[ "${#missing[@]}" -gt 0 ] || return 0
	local sudo=()
	[ "$(id -u)" = 0 ] || sudo=(sudo -n)
	say "installing Debian packages: ${missing[*]}"
	quiet apt "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" ||
		{ quiet apt "${sudo[@]}" apt-get update -qq && quiet apt "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"; }
}

# npm_packages FOLDER PACKAGE@VERSION…: programs from npm, with no install script run.
npm_packages() {
	local dir=$cache/$1
	shift
	packages node=nodejs npm=npm
	mkdir -p "$dir"
	[ -f "$dir/package.json" ] || echo '{"private":true}' >"$dir/package.json"
	say "installing from npm: $*"
	(cd "$dir" && quiet npm npm install --ignore-scripts --no-save --no-package-lock "$@")
}

group_claude() {
	packages git=git python3=python3
	npm_packages claude "@anthropic-ai/claude-code@$claude_version"
	# The program is a native binary: no Node is needed to run it.
	ln -sfn "$(echo "$cache"/claude/node_modules/@anthropic-ai/claude-code-linux-*/claude | cut -d' ' -f1)" "$cache/claude/claude"
	"$cache/claude/claude" --version | grep -q "^$claude_version" || { say "not claude $claude_version"; return 1; }
}

# The programs of the other agents that have a profile.
group_agents() {
	npm_packages agents @openai/codex@0.169.0 @google/gemini-cli@0.61.0 opencode-ai@1.18.33
}

group_git() {
	packages git=git
}

# A real autotools package: GNU hello, from Debian's sources. Debian's own list of sources stays as it is: this one is the
# cache's, with the machine's archives and keys.
group_c() {
	packages gcc=gcc make=make dpkg-source=dpkg-dev patch=patch help2man=help2man
	local apt=$cache/apt debian=/etc/apt/sources.list.d/debian.sources
	mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/sources" "$cache/c"
	[ ! -f "$debian" ] || sed 's/^Types:.*/Types: deb-src/' "$debian" >"$apt/sources/src.sources"
	[ ! -f /etc/apt/sources.list ] || sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >"$apt/sources/src.list"
	local options=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$apt/sources" -o "Dir::State::Lists=$apt/lists"
		-o "Dir::Cache=$apt" -o APT::Sandbox::User= -o APT::Update::Post-Invoke::=)
	say "fetching the source package hello"
	quiet apt-src apt-get "${options[@]}" update
	(cd "$cache/c" && rm -rf hello* && quiet apt-src apt-get "${options[@]}" source hello)
	mv "$cache/c"/hello-*/ "$cache/c/hello"
}

group_rust() {
	packages cargo=cargo rustc=rustc
}

group_go() {
	packages go=golang-go
}

# The transparency-log and signed-note packages of Go, with a program of ours around them.
group_tlog() {
	packages go=golang-go
	mkdir -p "$cache/tlog"
	say "building tests/real/tlog"
	(cd "$here/tlog" && PATH=/usr/local/go/bin:$PATH GOFLAGS=-mod=readonly quiet tlog go build -o "$cache/tlog/tlog" .)
}

group_java() {
	packages javac=default-jdk-headless jar=default-jdk-headless
}

# Three copies of one small project, each with its package manager's cache inside, so that an install needs no network.
group_node() {
	packages git=git
	npm_packages node pnpm@12.21.0 @yarnpkg/cli-dist@4.18.1
	local bin=$cache/node/node_modules/.bin m
	rm -rf "$cache/node-projects"
	for m in npm pnpm yarn; do
		mkdir -p "$cache/node-projects"
		cp -r "$here/../fixtures/node-project" "$cache/node-projects/$m"
	done
	export HUSKY=0
	cd "$cache/node-projects/npm"
	# The lock file names where each package came from, also where the user's configuration leaves that out: offline needs it.
	quiet npm-project npm install --ignore-scripts --omit-lockfile-registry-resolved=false --cache "$PWD/.cache/npm"
	rm -rf node_modules
	cd "$cache/node-projects/pnpm"
	XDG_CACHE_HOME=$PWD/.cache/xdg quiet pnpm-project "$bin/pnpm" install --ignore-scripts --store-dir "$PWD/.cache/pnpm"
	rm -rf node_modules
	cd "$cache/node-projects/yarn"
	sed -i 's/"prepare"/"postinstall"/' package.json
	printf 'enableGlobalCache: false\nenableTelemetry: false\n' >.yarnrc.yml
	: >yarn.lock
	quiet yarn-project "$bin/yarn" install --mode=skip-build
	rm -f .pnp.*
	cd "$cache"
	chmod -R a+rX "$cache/node-projects"
}

# Both of husky's ways: 9 has git run its own files, 8 the project's.
group_husky() {
	packages git=git
	npm_packages husky8 husky@8.0.3
	npm_packages husky9 husky@9.1.7
	chmod -R a+rX "$cache/husky8" "$cache/husky9"
}

group_python() {
	packages /usr/bin/python3=python3 pip3=python3-pip
	/usr/bin/python3 -c 'import ensurepip' 2>/dev/null || packages /nonexistent=python3-venv
	say "downloading wheels: pytest wheel"
	mkdir -p "$cache/wheels"
	quiet pip /usr/bin/python3 -m pip download -q --only-binary :all: -d "$cache/wheels" pytest wheel
}

group_terminal() {
	packages tmux=tmux vim=vim less=less script=bsdutils
}

group_debug() {
	packages gdb=gdb strace=strace gcc=gcc
}

group_lsp() {
	packages clangd=clangd
	npm_packages lsp pyright@1.1.414
}

group_browser() {
	packages file=file chromium=chromium python3=python3
}

# As root the tests run as an ordinary user as well.
test_user() {
	[ "$(id -u)" = 0 ] || return 0
	local name=${BRATTICE_TEST_USER:-brattice-test}
	id -u "$name" >/dev/null 2>&1 && return 0
	say "creating the user $name, who runs the tests"
	useradd --create-home --shell /bin/bash "$name"
}

[ "$#" -gt 0 ] || set -- all
[ "$1" != all ] || set -- claude git c rust go tlog java node husky python terminal debug lsp browser agents
test_user
for group; do
	stamp=$cache/.done-$group
	if ! declare -F "group_$group" >/dev/null; then
		say "no such group: $group"
		exit 2
	fi
	# What the group does is part of the stamp: a change of a version installs anew.
	want=$( (echo "$claude_version" && declare -f "group_$group") | sha256sum | cut -c1-16)
	[ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && continue
	("group_$group") || exit 1
	echo "$want" >"$stamp"
done
chmod a+rX "$cache"
echo "$cache"
