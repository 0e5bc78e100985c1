#!/bin/sh
# Installs the peer srt (and the Node it needs) outside the tree, once: into $BENCH_PEERS, by default
# ${XDG_CACHE_HOME:-~/.cache}/brattice-bench. The other peers are Debian packages (tools/install-deps.sh bench).
set -eu
peers=${BENCH_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/brattice-bench}
[ ! -x "$peers/node_modules/.bin/srt" ] || exit 0
command -v npm >/dev/null || exit 0
mkdir -p "$peers"
npm install --silent --no-audit --no-fund --prefix "$peers" @anthropic-ai/sandbox-runtime 'node@>=22.12 <23' </dev/null
