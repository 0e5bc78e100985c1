#!/bin/bash
# The arrows between the folders of src/ (CONTRIBUTING.md): who may include whose headers. Prints each include that points upwards.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

# may FOLDER INCLUDED: the folders below it, and itself. The helpers' programs stand on top of what they use.
may() {
	case $1 in
	base) [ "$2" = base ] ;;
	audit) [[ "$2" =~ ^(base|audit)$ ]] ;;
	policy) [[ "$2" =~ ^(base|policy)$ ]] ;;
	sandbox) [[ "$2" =~ ^(base|policy|sandbox)$ ]] ;;
	exec) [[ "$2" =~ ^(base|audit|policy|sandbox|exec)$ ]] ;;
	session) [[ "$2" =~ ^(base|audit|policy|sandbox|exec|session)$ ]] ;;
	cli) [[ "$2" =~ ^(base|audit|policy|sandbox|exec|session|cli)$ ]] ;;
	audit/tool) [[ "$2" =~ ^(base|audit|policy|session|audit/tool)$ ]] ;;
	policy/tool) [[ "$2" =~ ^(base|policy|policy/tool|session)$ ]] ;;
	session/review) [[ "$2" =~ ^(base|policy|session|session/review)$ ]] ;;
	*) true ;;
	esac
}

# folder PATH: the layer it belongs to.
folder() {
	case $1 in
	audit/tool/* | policy/tool/* | session/review/*) echo "${1%/*}" ;;
	*/*) echo "${1%%/*}" ;;
	esac
}

bad=0
while IFS=: read -r file line text; do
	included=$(sed -n 's/^#include "\(.*\)".*/\1/p' <<< "$text")
	to=$(folder "$included")
	from=$(folder "${file#src/}")
	if [ -n "$to" ] && ! may "$from" "$to"; then
		echo "$file:$line: error: $from must not include $included"
		bad=1
	fi
done < <(grep -rn '^#include "' src)
exit "$bad"
