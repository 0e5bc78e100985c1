#!/usr/bin/env bats
# Ways to make the host's git run something (docs/threat-model.md class 4). The oracle is the host's git itself, used in the project and in
# every repository that could have been planted: a command of the attacker that it runs leaves a file outside.
load lib
load plants

setup_file() { world_make; }
teardown_file() { world_remove; }
setup() {
	if [ -d "$W/template/keep" ]; then rm -rf "$W/template/app" && mv "$W/template/keep" "$W/template/app"; fi
	project_reset
}
teardown() { stop_hosts; }

@test "core.fsmonitor by git config" { plants 'git config core.fsmonitor "$PWN; false"'; }
@test "core.fsmonitor by a write" { plants 'printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> .git/config'; }
@test "core.fsmonitor by mv over config" {
	plants '{ cat .git/config; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n"; } > c && mv -f c .git/config'
}
@test "core.fsmonitor by config.lock and a rename" {
	plants '{ cat .git/config; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n"; } > .git/config.lock && mv -f .git/config.lock .git/config'
}
@test "core.fsmonitor by a symlink in config's place" {
	plants 'cp .git/config evil.cfg; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> evil.cfg; ln -sf ../evil.cfg .git/config'
}
@test "core.fsmonitor through a link to git's directory" {
	plants 'ln -s .git g; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> g/config'
}
@test "core.fsmonitor while git's directory has another name" {
	plants 'mv .git g; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> g/config; mv g .git'
}
@test "core.fsmonitor in a copy that takes git's place" {
	plants 'cp -a .git g; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> g/config; mv .git g2; mv g .git'
}
@test "syntax of the configuration: every way to write the key" {
	local s
	for s in '[CORE]\n\tFsMonitor = "%s; false"\n' '[core]fsmonitor="%s; false"\n' '[ core ]\nfsmonitor = "%s; false"\n' '[core] ; c\n\tfsmonitor = \\\n"%s; false"\n' \
		'[core]\r\n\tfsmonitor = "%s; false"\r\n' '[core]\n\tfsmonitor = "touch" " " x; %s\n' '[branch "x"]\n\tremote = o\n[core]\n\tfsmonitor="%s; false"' \
		'[core "" ]\n[core]\n\tfsmonitor = "%s; false"\n' '[x "]\n[core]\n"]\n[core]\n\tfsmonitor = "%s; false"\n' '\xef\xbb\xbf[core]\n\tfsmonitor = "%s; false"\n'; do
		project_reset
		inside /bin/sh -c "printf '$s' '$(pwn)' > t; cat .git/config t > .git/config.lock && mv -f .git/config.lock .git/config; cat t .git/config > .git/config.lock && mv -f .git/config.lock .git/config" \
			> "$W/log/inside" 2>&1 || true
		host_git_battery || { echo "OPEN: $s"; return 1; }
	done
	# One of them as a control.
	project_reset
	me /bin/sh -c "printf '[core]fsmonitor=\"%s; false\"\n' '$(pwn)' >> .git/config"
	! host_git_battery
}
@test "other keys that execute or redirect, by git config" {
	local k bad=0
	for k in core.hooksPath core.sshCommand core.pager core.editor core.askPass core.gitProxy core.worktree core.attributesFile core.excludesFile \
		core.alternateRefsCommand alias.st include.path includeIf.gitdir:/.path credential.helper url.x.insteadOf diff.external diff.x.command \
		diff.x.textconv filter.x.clean filter.x.smudge filter.x.process merge.x.driver gpg.program gpg.ssh.program gpg.x509.program \
		sequence.editor interactive.diffFilter pager.log remote.origin.uploadpack remote.origin.receivepack remote.origin.vcs \
		submodule.x.update uploadpack.packObjectsHook receive.procReceiveRefs trailer.x.command trailer.x.cmd man.x.cmd browser.x.cmd \
		difftool.x.cmd mergetool.x.cmd guitool.x.cmd web.browser sendemail.smtpServer instaweb.httpd http.proxy http.cookieFile \
		http.sslCAInfo extensions.worktreeConfig protocol.ext.allow init.templateDir commit.template \
		tag.gpgSign sendemail.tocmd imap.tunnel gc.recentObjectsHook hook.x.command fsmonitor.x fsck.skipList; do
		me git config "$k" "!$(pwn)" || { echo "no control: $k"; continue; }
		project_reset
		inside git config "$k" "!$(pwn)" > "$W/log/inside" 2>&1 || true
		if [ -n "$(me git config --local --get "$k")" ]; then echo "OPEN: $k"; bad=1; fi
		project_reset
	done
	[ "$bad" -eq 0 ]
}
@test "an ext:: URL and an upload-pack of a remote" {
	inside git remote add evil "ext::sh -c $(pwn)" || true
	inside git config remote.origin.url '-u$(touch x)' || true
	inside git config remote.evil2.url "ssh://-oProxyCommand=touch%20x/x" || true
	host_git_battery
}
@test "a hook, by a write, a move, a link, a directory that takes the place" {
	plants 'printf "#!/bin/sh\n$PWN\n" > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout'
	plants 'printf "#!/bin/sh\n$PWN\n" > h; chmod +x h; mv h .git/hooks/pre-commit'
	plants 'printf "#!/bin/sh\n$PWN\n" > h; chmod +x h; ln h .git/hooks/pre-commit'
	plants 'printf "#!/bin/sh\n$PWN\n" > h; chmod +x h; ln -s ../../h .git/hooks/pre-commit'
	plants 'mkdir hk; printf "#!/bin/sh\n$PWN\n" > hk/pre-commit; chmod +x hk/pre-commit; rm -rf .git/hooks; mv hk .git/hooks'
	plants 'mkdir hk; printf "#!/bin/sh\n$PWN\n" > hk/pre-commit; chmod +x hk/pre-commit; rm -rf .git/hooks; ln -s ../hk .git/hooks'
	plants 'rm -f .git/hooks/*.sample; printf "#!/bin/sh\n$PWN\n" > .git/hooks/x.sample; chmod +x .git/hooks/x.sample; mv .git/hooks/x.sample .git/hooks/pre-commit'
	plants 'printf "#!/bin/sh\n$PWN\n" > .git/hooks/pre-commit.sample; chmod +x .git/hooks/pre-commit.sample; ln -s pre-commit.sample .git/hooks/pre-commit'
}
@test "a repository made in the run: hooks and configuration" {
	plants 'git init -q new; printf "#!/bin/sh\n$PWN\n" > new/.git/hooks/post-checkout; chmod +x new/.git/hooks/post-checkout; git -C new commit -q --allow-empty -m x'
	plants 'git init -q new; git -C new config core.fsmonitor "$PWN; false"'
	plants 'git init -q new; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> new/.git/config'
	plants 'mkdir t; mkdir t/hooks; printf "#!/bin/sh\n$PWN\n" > t/hooks/post-checkout; chmod +x t/hooks/post-checkout; git init -q --template=t new; git -C new commit -q --allow-empty -m x'
}
@test "a repository built under another name, then renamed" {
	plants 'git init -q --bare stage; git --git-dir=stage config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> stage/config; mkdir -p new; mv stage new/.git'
	plants 'git init -q --bare stage; git --git-dir=stage config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> stage/config; mkdir -p new; ln -s ../stage new/.git'
	plants 'mkdir a; git init -q --bare a/git; git --git-dir=a/git config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> a/git/config; mkdir -p new/x; mv a/git a/.git; mv a/.git new/'
	plants 'mkdir a; git init -q --bare a/git; git --git-dir=a/git config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> a/git/config; mv a/git a/.git; mv a new'
}
@test "a .git file with a foreign gitdir" {
	plants 'git init -q --bare evil; git --git-dir=evil config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> evil/config; mkdir -p new; echo "gitdir: ../evil" > new/.git'
	plants 'git init -q --bare evil; git --git-dir=evil config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> evil/config; mkdir -p new; echo "gitdir: ../evil" > new/g; mv new/g new/.git'
	plants 'git init -q --separate-git-dir=evil new; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> evil/config'
	plants 'git init -q --bare evil; git --git-dir=evil config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> evil/config; rm -rf .git; echo "gitdir: evil" > .git'
	plants 'git init -q --bare evil; git --git-dir=evil config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> evil/config; mkdir -p new; echo "gitdir: ../evil" > x; mkdir y; ln x new/.git'
}
@test "a gitdir that leads to a worktree or module of the tree, where the attacker planted one" {
	plants 'mkdir -p .git/modules/x; git init -q --bare .git/modules/x; git --git-dir=.git/modules/x config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> .git/modules/x/config; mkdir -p new; echo "gitdir: ../.git/modules/x" > new/.git'
	plants 'git init -q --bare stage; git --git-dir=stage config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> stage/config; mkdir -p .git/modules new; mv stage .git/modules/x; echo "gitdir: ../.git/modules/x" > new/.git'
	plants 'git init -q --bare stage; git --git-dir=stage config core.bare false; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> stage/config; mkdir -p .git/modules new; ln -s ../../stage .git/modules/x; echo "gitdir: ../.git/modules/x" > new/.git'
}
@test "commondir and worktree configuration" {
	plants 'git init -q --bare evil; git --git-dir=evil config core.bare false; git --git-dir=evil commit-tree -m x $(git --git-dir=evil write-tree) > /dev/null; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> evil/config; git worktree add -q new; echo "$PWD/evil" > .git/worktrees/new/commondir'
	plants 'git worktree add -q new; echo evil; mkdir -p evil/hooks; printf "#!/bin/sh\n$PWN\n" > evil/hooks/post-checkout; chmod +x evil/hooks/post-checkout; cp -a .git/. evil/; printf "#!/bin/sh\n$PWN\n" > evil/hooks/post-checkout; chmod +x evil/hooks/post-checkout; echo ../../../evil > .git/worktrees/new/commondir'
	plants 'git config extensions.worktreeConfig true; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" > .git/config.worktree'
	plants 'echo "$PWD/evil" > .git/commondir; cp -a .git evil; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> evil/config'
}
@test "attributes with a driver that the user's own configuration names" {
	git config -f "$H/.gitconfig" diff.x.textconv "$(pwn); cat"
	give
	plants 'mkdir -p .git/info; echo "* diff=x" > .git/info/attributes; echo more >> README'
	git config -f "$H/.gitconfig" --unset diff.x.textconv
}
@test "a bare repository planted at the root" {
	# A project without a repository: git would take the directory itself for one.
	rm -rf "$P/.git"
	mv "$W/template/app" "$W/template/keep"
	cp -a "$P" "$W/template/app"
	plants 'git init -q --bare .; git config core.bare false; git config core.worktree .; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> config'
	plants 'git init -q --bare x; git --git-dir=x config core.bare false; git --git-dir=x config core.worktree .; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> x/config; mv x/* .'
	plants 'mkdir .git; git init -q; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> .git/config'
}
@test "a bare repository planted below: git takes a directory for one when it is entered" {
	project_reset
	plants 'git init -q --bare evil; git --git-dir=evil config core.bare false; git --git-dir=evil config core.worktree ..; printf "[core]\n\tfsmonitor = \"$PWN; false\"\n" >> evil/config'
}
