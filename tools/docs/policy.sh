#!/bin/sh
# Renews the generated part of docs/policy.md: everything below the marker comes from the key table and the built-in lists.
#
#   tools/docs/policy.sh [BUILD]
set -eu
cd "$(dirname "$0")/../.."
page=docs/policy.md
new=$(mktemp)
trap 'rm -f "$new"' EXIT
sed '/^<!-- from here on generated/q' "$page" > "$new"
"${1:-build}/libexec/brattice/brattice-policy" reference >> "$new"
cat "$new" > "$page"
