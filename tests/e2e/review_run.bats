#!/usr/bin/env bats
# Review mode through `brattice run --review`, with the path gate's own records.

bats_require_minimum_version 1.5.0
load review_lib

setup() {
	unshare -Urm true 2>/dev/null || skip "no user namespaces here"
	who=$(id -u)
	[ "$who" != 0 ] || who=user
	world
	mkdir "$W/b"
	cp -a "$BUILD/brattice" "$BUILD/libexec" "$W/b/"
	[ ! -d "$BUILD/share" ] || cp -a "$BUILD/share" "$W/b/"
	[ ! -d "$BUILD/profiles" ] || cp -a "$BUILD/profiles" "$W/b/"
	chmod -R a+rX "$W/b"
	as bash -euc 'cd "$1"; git init -q .; seq 1 100 >a; seq 1 100 >b; mkdir d; echo c >d/c; git add .; git commit -qm first' _ "$P"
}

teardown() {
	[ -z "${W:-}" ] || [ ! -e "$W" ] || { chmod -R u+rwX "$W" && rm -rf "$W"; }
}

brattice() { (cd "$P" && as "$W/b/brattice" "$@"); }

@test "a run in review mode: the project stays clean, diff shows, apply brings it" {
	before=$(tree_of "$P")
	run brattice run --review -- bash -euc 'echo agent >>a; rm b; mv d e; printf "#!/bin/sh\n" >s; chmod +x s; git add -A; git commit -qm agent; echo dirty >>a'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"note  s: new executable script for /bin/sh"* ]]
	[[ "$output" == *"brattice apply "* ]]
	[ "$before" = "$(tree_of "$P")" ]
	run brattice diff last --stat
	[ "$status" -eq 0 ]
	[[ "$output" == *" M a | +2 -0"* ]]
	run brattice apply last
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(as git -C "$P" log -1 --format=%s)" = agent ]
	[ "$(as git -C "$P" status --porcelain)" = " M a" ]
	[ ! -e "$P/d" ] && [ -e "$P/e/c" ]
	as git -C "$P" fsck --no-progress
	run brattice apply last
	[ "$status" -eq 0 ]
	[[ "$output" == *"no pending changes"* ]]
}

@test "what the host saves while the run goes on is a conflict" {
	mkfifo "$W/in" "$W/out"
	chmod 666 "$W/in" "$W/out"
	brattice run --review -- bash -euc 'echo agent >>a; echo agent >>b; echo up; read -r _; echo late >>d/c' <"$W/in" >"$W/out" 3>&- &
	exec 4>"$W/in" 5<"$W/out"
	read -r line <&5
	[ "$line" = up ]
	as bash -euc 'cd "$1"; sed s/^50$/host/ a >a.new; mv a.new a; sed s/^c$/host/ d/c >d/n; mv d/n d/c' _ "$P"
	echo >&4
	exec 4>&- 5<&-
	wait $!
	run brattice apply last
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"conflict a: changed on the host during the run"* ]]
	grep -qx host "$P/a"
	lacks "$P/a" agent
	grep -qx agent "$P/b"
	run brattice discard last --yes
	[ "$status" -eq 0 ]
	grep -qx host "$P/a"
}

@test "a run without review mode: the handoff check lists what it wrote into the project" {
	run brattice run -- bash -euc 'mkdir -p .github/workflows; echo "- run: make" >.github/workflows/ci.yml; ln -s /etc/passwd out; echo plain >plain'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"block out: symlink out of the project, to /etc/passwd"* ]]
	[[ "$output" == *"warn  .github/workflows/ci.yml: "* ]]
	[[ "$output" != *" plain"* ]]
	run brattice run -- bash -euc 'echo plain >plain2'
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run brattice diff last
	[ "$status" -eq 125 ]
	[[ "$output" == *"did not run in review mode"* ]]
}

@test "git status on the host between two applies is no conflict, a staged change is" {
	run brattice run --review -- bash -euc 'echo agent >>a; echo agent >>b; git commit -qam agent'
	[ "$status" -eq 0 ]
	index=$(sha256sum <"$P/.git/index")
	run brattice apply last a
	[ "$status" -eq 0 ]
	as touch -d 2020-01-01 "$P/d/c" # git compares whole seconds
	[ "$(as git -C "$P" status --porcelain)" = " M a" ]
	[ "$index" != "$(sha256sum <"$P/.git/index")" ]
	cp -a "$P/.git/index" "$W/index"
	as bash -euc 'cd "$1"; echo staged >d/c; git add d/c' _ "$P"
	run brattice apply last
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"conflict .git/index: changed on the host"* ]]
	[[ "$output" == *"conflict .git/refs/heads/"*": held back: .git/index of the same repository is in conflict"* ]]
	cp -a "$W/index" "$P/.git/index"
	run brattice apply last
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(as git -C "$P" log -1 --format=%s)" = agent ]
	[ "$(as git -C "$P" status --porcelain)" = " M d/c" ]
}

# Root's sessions run as the project's owner, or where that is root as nobody over an id-mapped project.
@test "as root: the agent is not root, and what is applied belongs to the project's owner" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	for owner in 0 65534 1234; do
		rm -rf "$P" "$W/state"
		mkdir -m 700 "$W/state"
		mkdir -p "$P/d"
		(cd "$P" && git init -q . && seq 1 10 >a && echo b >b && echo c >d/c && echo secret >.env && echo .env >.gitignore && git add . &&
			git -c user.name=T -c user.email=t@example.org commit -qm first)
		chown -R "$owner:$owner" "$P"
		who=root
		before=$(tree_of "$P")
		HOME=$W/home git config --global --replace-all safe.directory '*'
		run brattice run --review --no-terminal -- bash -uc 'id -u; echo agent >>a; rm b; mkdir n; echo n >n/f; ln -s a l; mv d e; chmod +x a
			cat .env; echo x >.git/hooks/post-commit; git add -A; git -c user.name=A -c user.email=a@example.org commit -qm agent; echo in $?; ls -ln'
		echo "$owner: $output"
		[ "$status" -eq 0 ]
		[[ "${lines[0]}" = "$([ "$owner" = 0 ] && echo 65534 || echo "$owner")" ]]
		[[ "$output" == *"in 0"* && "$output" != *secret* ]]
		[ "$before" = "$(tree_of "$P")" ]
		run brattice apply last
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$(git -c safe.directory='*' -C "$P" log -1 --format=%s)" = agent ]
		[ "$(tail -n 1 "$P/a")" = agent ] && [ -x "$P/a" ] && [ ! -e "$P/b" ] && [ ! -e "$P/d" ] && [ -e "$P/e/c" ] && [ "$(cat "$P/n/f")" = n ]
		[ "$(readlink "$P/l")" = a ]
		[ ! -e "$P/.git/hooks/post-commit" ]
		[ -z "$(find "$P" ! \( -uid "$owner" -gid "$owner" \))" ]
	done
}

@test "refresh: refused for a session that runs, with the reason and what to do" {
	mkfifo "$W/in"
	chmod 666 "$W/in"
	brattice run --review --name r --no-terminal -- sh -c 'echo up; read -r _' <"$W/in" >"$W/out" 2>&1 3>&- &
	exec 5>"$W/in"
	for _ in $(seq 300); do
		! grep -q up "$W/out" || break
		sleep 0.05
	done
	run brattice refresh r
	echo >&5
	exec 5>&-
	wait
	echo "$output"
	[ "$status" -eq 125 ]
	[[ "$output" == *"its processes hold files"*"start another"* ]]
	run brattice refresh r
	[ "$status" -eq 0 ]
}
