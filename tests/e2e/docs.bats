#!/usr/bin/env bats
# Man pages and completions say what the program says.

setup() {
	BRATTICE=${BRATTICE:-$PWD/build/brattice}
	DOCS=$(dirname "$BRATTICE")/man
	ROOT=$PWD
	cd "$BATS_TEST_TMPDIR"
	export BRATTICE_STATE=$BATS_TEST_TMPDIR/state
}

commands() { "$BRATTICE" --dump-options | python3 -c 'import json,sys; [print(c["usage"]["command"]) for g in json.load(sys.stdin)["groups"] for c in g["commands"]]'; }
options() { "$BRATTICE" "$1" --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'; }

@test "what was built is what the program's tables make now" {
	"$ROOT/tools/gen-docs.py" "$BRATTICE" fresh
	for f in fresh/*; do
		cmp "$f" "$DOCS/$(basename "$f")"
	done
}

@test "each command has a page, with each of its options, and the pages are sound" {
	for c in $(commands); do
		page=$DOCS/brattice-$c.1
		[ -s "$page" ]
		grep -q "brattice\\\\-$c" "$DOCS/brattice.1"
		for o in $(options "$c"); do
			grep -qF -- "${o//-/\\-}" "$page" || { echo "$page lacks $o"; return 1; }
		done
	done
	for page in "$DOCS"/*.1; do
		run groff -man -Tutf8 -ww -z "$page"
		[ "$status" -eq 0 ]
		[ -z "$output" ]
	done
}

# complete WORD…: what bash offers for the last word.
complete_bash() {
	bash --norc -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); PATH=$0:$PATH; _brattice; printf "%s\n" "${COMPREPLY[@]}"' \
		"$(dirname "$BRATTICE")" "$DOCS/brattice" "$@"
}

@test "bash completes commands, options, values and files" {
	run complete_bash brattice at
	[ "$output" = attach ]
	run complete_bash brattice run --wal
	[ "$output" = --wall ]
	run complete_bash brattice run --wall nam
	[ "$output" = namespace ]
	touch some-policy.yaml
	run complete_bash brattice run --policy some
	[ "$output" = some-policy.yaml ]
	run complete_bash brattice kill la
	[ "$output" = last ]
	run complete_bash brattice policy expl
	[ "$output" = explain ]
	for c in $(commands); do
		for o in $(options "$c"); do
			run complete_bash brattice "$c" "$o"
			[[ " ${lines[*]} " == *" $o "* ]] || { echo "$c $o: $output"; return 1; }
		done
	done
}

@test "zsh and fish accept theirs" {
	bash -n "$DOCS/brattice"
	if ! command -v zsh >/dev/null || ! command -v fish >/dev/null; then
		skip "zsh and fish are not both installed"
	fi
	zsh -n "$DOCS/_brattice"
	fish -n "$DOCS/brattice.fish"
	PATH=$(dirname "$BRATTICE"):$PATH run fish --no-config -c "source $DOCS/brattice.fish; complete -C 'brattice run --wal'"
	[[ $output == --wall* ]]
	PATH=$(dirname "$BRATTICE"):$PATH run fish --no-config -c "source $DOCS/brattice.fish; complete -C 'brattice att'"
	[[ $output == attach* ]]
}
