#!/bin/sh
# Installs what is missing to build, test or benchmark brattice on Debian 12, and says what and why.
#
#   tools/install-deps.sh build|test|real|bench [-n]
#
# Each set holds the ones before it (`real` and `bench` hold `test`). Nothing is printed, started or downloaded
# when all is there: the look is at files only. With -n it prints what it would install, and exits 1 if anything.
# Needs root, or sudo. On other distributions it names what is missing and leaves the installing to you.
set -eu

want=${1:-build}
dry=${2:-}
case $want in
build | test | real | bench) ;;
*)
	echo "usage: tools/install-deps.sh build|test|real|bench [-n]" >&2
	exit 2
	;;
esac

multiarch=$(uname -m)-linux-gnu
missing=
reasons=

# need SET PACKAGE LOOK REASON: LOOK is a command's name or an absolute path, maybe with a pattern.
need() {
	case $1:$want in
	build:* | test:test | test:real | test:bench | real:real | bench:bench) ;;
	*) return 0 ;;
	esac
	case $3 in
	/*) for path in $3; do [ -e "$path" ] && return 0; done ;;
	*) command -v "$3" >/dev/null 2>&1 && return 0 ;;
	esac
	missing="$missing $2"
	reasons="$reasons  $2: $4
"
}

need build gcc gcc "the compiler"
need build libc6-dev "/usr/include/$multiarch/sys/types.h" "the C library's headers"
need build linux-libc-dev /usr/include/linux/landlock.h "the kernel's headers"
need build meson meson "the build system"
need build ninja-build ninja "runs the build"
need build pkg-config pkg-config "finds the libraries of the helpers"
need build musl-tools "/usr/lib/*-linux-musl/musl-gcc.specs" "the C library that brattice itself is linked to, statically"
need build libyaml-dev /usr/include/yaml.h "reads policies (helper)"
need build libjansson-dev /usr/include/jansson.h "reads agents' settings (helper)"
need build libssl-dev "/usr/include/openssl/evp.h" "signs and verifies audit logs (helper)"
need build libzstd-dev "/usr/include/zstd.h" "compresses audit logs (helper)"
need build zstd zstd "reads audit logs as anyone could, in the demo and the tests"
need build python3 python3 "meson's language; also the demo"
need build git git "the demo's project is a git repository"

need test libcmocka-dev /usr/include/cmocka.h "unit tests"
need test bats bats "end-to-end tests"
need test clang clang "second compiler, fuzzing"
need test libclang-rt-14-dev "/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-$(uname -m).a" "what fuzz targets link to"
need test clang-tidy clang-tidy "static analysis"
need test clang-format clang-format "layout of the code"
need test shellcheck shellcheck "static analysis of the scripts"
need test jq jq "reads records in the tests"
need test procps ps "looks for what outlived a session"
need test util-linux setpriv "runs tests as an ordinary user"
need test bsdutils script "gives a test a terminal"
need test openssh-client ssh-keygen "private keys to hide, in the tests"
need test strace strace "crippled kernels in the tests"
need test tmux tmux "terminals in the tests and the recording"
need test groff groff-base "checks the man pages"
need test attr setfattr "extended attributes in the tests"
need test socat socat "sockets that attacks aim at"
need test iproute2 ip "what the network looks like inside"
need test curl curl "network attempts in the tests"
need test make make "builds inside the sandbox"

need real nodejs node "real tools: Node"
need real npm npm "real tools: npm"
need real asciinema asciinema "plays exported recordings"
need real python3-venv "/usr/lib/python3*/ensurepip /usr/local/lib/python3*/ensurepip" "real tools: virtual environments"
need real python3-pip "pip3" "real tools: pip"
need real cargo cargo "real tools: Rust"
need real golang-go go "real tools: Go"

need bench bubblewrap bwrap "peer"
need bench firejail firejail "peer"
need bench uidmap newuidmap "rootless containers"
need bench crun crun "peer"
need bench npm npm "installs the peer srt"
need bench ripgrep rg "srt wants it"
need bench socat socat "srt wants it"

[ -n "$missing" ] || exit 0

echo "missing to $want:" >&2
printf '%s' "$reasons" >&2
if ! command -v apt-get >/dev/null 2>&1; then
	echo "this is not Debian: install the above (Debian's names) with your package manager" >&2
	exit 1
fi
[ "$dry" != -n ] || exit 1

sudo=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "neither root nor sudo: ask an administrator for: apt-get install$missing" >&2
		exit 1
	fi
	sudo="sudo"
	[ -t 0 ] || sudo="sudo -n"
fi

# shellcheck disable=SC2086 # a list of words
install() {
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing </dev/null >"$log" 2>&1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Package lists may be absent or old: try with what is there, then with fresh ones.
if ! install; then
	$sudo apt-get update -qq </dev/null >&2
	if ! install; then
		cat "$log" >&2
		exit 1
	fi
fi
echo "installed:$missing" >&2
