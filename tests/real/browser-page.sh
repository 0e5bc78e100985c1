#!/bin/bash
# Serves this directory on loopback and opens a page of it in headless Chromium:
#
#   browser-page.sh PAGE [option of chromium…]
set -euo pipefail
page=$1
shift
exec 3< <(exec python3 -u -c '
import functools, http.server
h = functools.partial(http.server.SimpleHTTPRequestHandler, directory=".")
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), h)
print(s.server_address[1], flush=True)
s.serve_forever()' 2>/dev/null)
server=$!
profile=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true' EXIT
read -r port <&3
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update \
	--disable-sync --user-data-dir="$profile" "$@" "http://127.0.0.1:$port/$page" 2>"$profile/log" || { cat "$profile/log"; exit 1; }
