# The guarded names of the default policy, as paths in the tests' project.
GUARDED_ROOT=".claude/settings.json .claude/settings.local.json .claude/hooks/h.sh .claude/agents/a.md .claude/commands/c.md
	.claude/skills/s/SKILL.md .claude/workflows/w.md .mcp.json .claude.json .codex/config.toml .gemini/settings.json .cursor/mcp.json
	.cursor/rules/r.mdc opencode.json .vscode/tasks.json .vscode/settings.json .vscode/launch.json .idea/workspace.xml
	.zed/settings.json .devcontainer/devcontainer.json .devcontainer.json .husky/pre-commit .npmrc .yarnrc .yarnrc.yml
	.yarn/releases/yarn.cjs .yarn/plugins/p.cjs bunfig.toml .pnpmfile.cjs .cargo/config.toml .mvn/extensions.xml .mvn/jvm.config
	.bazelrc .bazeliskrc rust-toolchain.toml .ripgreprc pyrightconfig.json .gitconfig .bashrc .bash_profile .bash_login
	.bash_aliases .bash_logout .profile .zshrc .zprofile .zshenv .zlogin .zlogout brattice.yaml brattice.local.yaml"
GUARDED_ANY=".envrc sub/.envrc sub/dir/.envrc"
GUARDED_GIT=".git/hooks/pre-commit .git/hooks/post-checkout .git/config .git/config.worktree .git/info/attributes .git/commondir
	nested/.git/hooks/pre-commit nested/.git/config nested/.git/info/attributes .git/modules/m/hooks/pre-commit .git/modules/m/config
	.git/worktrees/w/commondir .git/worktrees/w/config.worktree"

# A nested repository, a submodule's and a worktree's git directory.
plant_repositories() {
	(
		cd "$P"
		export HOME=$H
		git init -q nested
		git -C nested commit -q --allow-empty -m one
		mkdir -p .git/modules/m .git/worktrees/w
		git init -q --bare .git/modules/m
		rm -rf .git/modules/m/hooks .git/hooks .git/info/attributes
		mkdir -p .git/hooks .git/modules/m/hooks nested/.git/hooks .git/info
		echo ../.. > .git/worktrees/w/commondir
		echo "$P/probe-wt/.git" > .git/worktrees/w/gitdir
		echo 'ref: refs/heads/main' > .git/worktrees/w/HEAD
	)
}
plant_guarded() {
	local f
	for f in $GUARDED_ROOT $GUARDED_ANY .git/hooks/pre-commit .git/hooks/post-checkout .git/info/attributes nested/.git/hooks/pre-commit; do
		mkdir -p "$P/$(dirname "$f")"
		echo "# planted" > "$P/$f"
	done
	# A project's own policy would have to be trusted first.
	rm -f "$P/brattice.yaml" "$P/brattice.local.yaml"
}
