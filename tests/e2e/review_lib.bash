# Worlds for the tests of review mode: a project, a session with an overlay over it, and the oracle: a plain copy of the project
# in which the same commands run. Every test body runs twice when we are root: as root and as an ordinary user.

# as COMMAND…: as the user of this world.
as() {
	if [ "$who" = user ]; then
		setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$W/home" BRATTICE_STATE="$W/state" "$@"
	else
		env HOME="$W/home" BRATTICE_STATE="$W/state" "$@"
	fi
}

BUILD=$(realpath "${BUILD:-build}")

# lacks FILE PATTERN (a plain `! grep` would not fail a test)
lacks() { if grep -q -- "$2" "$1"; then return 1; fi; }

world() {
	W=$(mktemp -d /tmp/brattice-review.XXXXXX)
	P=$W/project
	cp "$BUILD/libexec/brattice/brattice-review" "$BUILD/tests/unit/mkpolicy" "$W/"
	mkdir -m 700 "$W/state" "$W/state/sessions" "$W/state/policy"
	mkdir "$P" "$W/home"
	chmod 755 "$W"
	[ "$who" != user ] || chown -R 65534:65534 "$W"
	cd "$W" # where the source tree lies, the ordinary user may not be able to look
	as git config --global user.name T
	as git config --global user.email t@example.org
	as git config --global init.defaultBranch main
	policy=$(as "$W/mkpolicy" "$W/state/policy/any-name" protect .envrc protect .npmrc watch package.json)
	export GIT_AUTHOR_DATE="2026-01-01T00:00:00Z" GIT_COMMITTER_DATE="2026-01-01T00:00:00Z"
}

# both FUNCTION: the test body, for each kind of user that we can be.
both() {
	local users
	users=$(id -u)
	[ "$users" != 0 ] || users="root user"
	for who in $users; do
		world
		"$1"
		chmod -R u+rwX "$W" && rm -rf "$W"
	done
}

now_ms() { date +%s%3N; }

# Past the kernel's coarse clock, so that what was written before is older than what comes after.
tick() {
	local t
	t=$(now_ms)
	until [ "$(now_ms)" -gt $((t + 12)) ]; do :; done
}

# A session that begins now.
session() {
	tick
	S=20261124-120000-$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
	D=$W/state/sessions/$S
	as mkdir -m 700 "$D"
	as mkdir "$D/upper" "$D/work"
	as sh -c "cat >'$D/meta'" <<-END
		brattice-session 1
		id $S
		name 
		state ended
		wall namespace
		project $P
		policy $policy
		cgroup 
		pid 1
		review 1
		pending 1
		started $(now_ms)
		ended 0
		status 0
		arg true
		end 1
	END
}

# base PATH…: what the path gate writes before a file is copied up.
base() {
	local f
	for f in "$@"; do
		printf '%s %s %s %s %s\n' "$(sha256sum <"$P/$f" | cut -d' ' -f1)" "$(stat -c '%s %a' "$P/$f" | tr '\n' ' ' | sed 's/ $//')" \
			"$(stat -c %.9Y "$P/$f" | tr -d .)" "" "$f" | sed 's/  */ /g' | as tee -a "$D/base" >/dev/null
	done
}

# inside SCRIPT: in the overlay, mounted over the project's own path.
inside() {
	as unshare -Urm bash -euc '
		mount -t overlay ovl -o "userxattr,lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$1"
		cd "$1"
		eval "$3"' _ "$P" "$D" "$1"
}

# oracle SCRIPT: the same in a plain copy, at the same path.
oracle() {
	rm -rf "$W/copy"
	as cp -a "$P" "$W/copy"
	as unshare -Urm bash -euc 'mount --bind "$2" "$1"; cd "$1"; eval "$3"' _ "$P" "$W/copy" "$1"
}

# What a tree holds: types, modes, targets and content. Of .git only what a user sees of it, since its index keeps inode numbers.
tree_of() {
	(
		cd "$1"
		find . -path ./.git -prune -o -path '*/.git/*' -prune -o -type l -printf '%p %y %l\0' -o -printf '%p %y %m\0' |
			sort -z | tr '\0\n' '\n?'
		find . -path '*/.git/*' -prune -o -type f -print0 | sort -z | xargs -0r sha256sum
		if [ -d .git ]; then
			as git -c safe.directory='*' fsck --no-progress 2>&1
			as git -c safe.directory='*' log --oneline --all --stat
			as git -c safe.directory='*' status --porcelain
			as git -c safe.directory='*' ls-files -s
		fi
	)
}

times='find . -path "*/.git/*" -prune -o -type d -o -printf "%p %T@\0" | sort -z | tr "\0\n" "\n?"'

# review COMMAND…: the program under test; its status in $status, its output in $output.
review() { run as "$W/brattice-review" "$@"; }

# same_as_oracle SCRIPT: runs it in both, applies, compares; times of files with what they were in the overlay.
same_as_oracle() {
	oracle "$1"
	session
	inside "$1"
	inside "$times" >"$W/times"
	review apply "$S" --accept-risks
	echo "$output"
	[ "$status" -eq 0 ]
	diff <(tree_of "$W/copy") <(tree_of "$P")
	diff "$W/times" <(cd "$P" && eval "$times")
	[ ! -e "$D/upper" ]
	[ "$(find "$P" -name '.brattice*' | wc -l)" -eq 0 ]
}
