#!/usr/bin/env bats
# The built-in profiles: toolchains in a home run inside, secrets beside them are absent, whatever profiles are on.

load lib

setup_file() { real_setup_file git; }
teardown_file() { real_teardown_file; }
setup() {
	real_setup
	[ "${WALL:-brattice}" != none ] || skip "profiles are the wall's"
	wall_options=()
	local p
	for p in claude-code codex gemini opencode aider node python rust go java git browser; do
		wall_options+=(--profile "$p")
	done
}
teardown() { real_teardown; }

# Where tools keep what opens doors, beside the programs and settings that profiles let in.
secrets=(
	.ssh/id_ed25519 .ssh/config .gnupg/private-keys-v1.d/k.key .netrc .git-credentials .config/git/credentials
	.npmrc .npm-global/etc/npmrc .nvm/.npmrc .yarnrc.yml .config/pnpm/rc .config/yarn/auth
	.cargo/credentials.toml .cargo/credentials .cargo/config.toml
	.pypirc .config/pip/pip.conf .pip/pip.conf .local/share/uv/credentials/credentials.toml .config/pypoetry/auth.toml
	.m2/settings.xml .m2/settings-security.xml .gradle/gradle.properties .gradle/init.gradle .sdkman/etc/config .config/go/env
	.aws/credentials .aws/config .azure/accessTokens.json .config/gcloud/credentials.db .kube/config .docker/config.json
	.config/gh/hosts.yml .config/glab-cli/config.yml .config/hub .vault-token .terraform.d/credentials.tfrc.json
	.claude/.credentials.json .claude.json .claude/settings.json .claude/settings.local.json
	.codex/auth.json .codex/config.toml .gemini/oauth_creds.json .gemini/settings.json .gemini/.env
	.local/share/opencode/auth.json .local/share/opencode/mcp-auth.json .config/opencode/opencode.json .aider.conf.yml .env
	.config/chromium/Default/Cookies .mozilla/firefox/p.default/logins.json .cache/ms-playwright-auth/state.json
	.local/share/keyrings/login.keyring .password-store/x.gpg .bash_history .zsh_history .python_history .psql_history .pgpass .my.cnf
	.config/fish/fish_variables .bashrc .profile .zshenv .local/share/mise/secrets .asdf/.secret .volta/.secret
)

@test "no profile shows a secret of the home" {
	local s
	for s in "${secrets[@]}"; do
		as mkdir -p "$WORK/home/$(dirname "$s")"
		echo "planted-secret in $s" | put "$WORK/home/$s"
	done
	succeeds wall_sh 'grep -rs planted-secret "$HOME" || true; for s in "$@"; do [ ! -s "$HOME/$s" ] || grep -s planted-secret "$HOME/$s" || true; done; echo looked' sh "${secrets[@]}"
	same "looked" "$output"
}

@test "programs of version managers and of agents' installers run from the home" {
	local p
	for p in .nvm/versions/node/v22.0.0/bin .volta/bin .volta/tools/image/node/22.0.0/bin .fnm/node-versions/v22/installation/bin \
		.local/share/fnm/node-versions/v22/installation/bin .local/share/mise/installs/node/22/bin .asdf/installs/nodejs/22/bin \
		.npm-global/bin .npm-global/lib/node_modules/x/bin .bun/bin .deno/bin .pyenv/versions/3.12.0/bin .pyenv/shims \
		.local/share/uv/python/cpython-3.12/bin .local/share/uv/tools/x/bin miniconda3/bin .local/bin .local/share/pipx/venvs/x/bin \
		.local/pipx/venvs/x/bin .local/share/pypoetry/venv/bin .rustup/toolchains/stable/bin .cargo/bin sdk/go1.24/bin go/bin \
		.sdkman/candidates/java/current/bin .jdks/jdk-21/bin .local/share/claude/versions .claude/local .opencode/bin; do
		as mkdir -p "$WORK/home/$p"
		printf '#!/bin/sh\necho "ran %s"\n' "$p" | put "$WORK/home/$p/tool"
		as chmod +x "$WORK/home/$p/tool"
		echo "$p"
	done | put "$PROJ/places"
	succeeds wall_sh 'while read -r p; do "$HOME/$p/tool"; done <places'
	same "$(sed 's/^/ran /' "$PROJ/places")" "$output"
}

@test "what a profile lets in is read-only: no program in the home can be replaced" {
	as mkdir -p "$WORK/home/.local/bin" "$WORK/home/.nvm/versions/node/v1/bin"
	printf '#!/bin/sh\n' | put "$WORK/home/.local/bin/claude"
	run wall_sh 'echo x >>~/.local/bin/claude || echo refused; echo x >~/.local/bin/git || echo refused; rm ~/.local/bin/claude || echo refused
		mv ~/.local/bin ~/.local/b || echo refused; echo x >~/.nvm/versions/node/v1/bin/node || echo refused'
	same 5 "$(grep -c '^refused$' <<<"$output")"
	same "claude" "$(as ls "$WORK/home/.local/bin")"
	same "#!/bin/sh" "$(as cat "$WORK/home/.local/bin/claude")"
	same "" "$(as ls "$WORK/home/.nvm/versions/node/v1/bin")"
}

@test "the user's name and address come with git's profile; a global setting made inside stays inside" {
	small_repository
	succeeds wall_sh 'git config user.email; git config --global alias.x status || true; echo end'
	has "test@example.org"
	[[ $(as cat "$WORK/home/.gitconfig") != *alias* ]]
}
