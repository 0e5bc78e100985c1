/* Files that a host tool executes, by their name: what runs them, and when. */
#include "session/review/look.h"

#include "policy/glob.h"

struct named {
	const char *pattern; /* gitignore semantics, relative to the project */
	enum br_handoff_level level;
	const char *kind;
	const char *what;
};

#define CI(p, where)                                                                                                           \
	{                                                                                                                      \
		p, BR_HANDOFF_WARN, "ci", "CI: " where " runs its steps after the next push, with the repository's secrets"    \
	}
#define BUILD(p, tool, when)                                                                                                   \
	{                                                                                                                      \
		p, BR_HANDOFF_NOTE, "build", tool " executes it at " when                                                      \
	}
#define HOOKS(p, tool, when)                                                                                                   \
	{                                                                                                                      \
		p, BR_HANDOFF_WARN, "git-hook-manager", tool " runs its commands at " when                                     \
	}
#define CONFIG(p, tool)                                                                                                        \
	{                                                                                                                      \
		p, BR_HANDOFF_NOTE, "tool-config", "program code that " tool " (and an editor's language server) loads"        \
	}

static const struct named NAMED[] = {
    CI(".github/workflows/**", "GitHub"),
    CI(".github/actions/**", "GitHub"),
    CI(".gitea/workflows/**", "Gitea"),
    CI(".forgejo/workflows/**", "Forgejo"),
    CI("action.yml", "GitHub"),
    CI("action.yaml", "GitHub"),
    CI(".gitlab-ci.yml", "GitLab"),
    CI(".gitlab/ci/**", "GitLab"),
    CI(".circleci/**", "CircleCI"),
    CI("Jenkinsfile", "Jenkins"),
    CI(".travis.yml", "Travis"),
    CI("azure-pipelines*.yml", "Azure Pipelines"),
    CI("bitbucket-pipelines.yml", "Bitbucket"),
    CI(".drone.yml", "Drone"),
    CI(".woodpecker*", "Woodpecker"),
    CI(".buildkite/**", "Buildkite"),
    CI(".cirrus.yml", "Cirrus"),
    CI("appveyor.yml", "AppVeyor"),
    CI("cloudbuild.yaml", "Google Cloud Build"),
    HOOKS(".pre-commit-config.yaml", "pre-commit", "the next git commit"),
    HOOKS(".pre-commit-hooks.yaml", "pre-commit", "the next git commit of a repository that uses it"),
    HOOKS("lefthook.y*ml", "lefthook", "the next git commit or push"),
    HOOKS(".lefthook.y*ml", "lefthook", "the next git commit or push"),
    HOOKS(".lefthook/**", "lefthook", "the next git commit or push"),
    HOOKS(".husky/**", "git (husky)", "the next git commit or push"),
    HOOKS(".overcommit.yml", "overcommit", "the next git commit"),
    HOOKS(".lintstagedrc*", "lint-staged", "the next git commit"),
    HOOKS("lint-staged.config.*", "lint-staged", "the next git commit"),
    HOOKS(".simple-git-hooks.*", "simple-git-hooks", "the next git commit"),
    BUILD("Makefile", "make", "the next make"),
    BUILD("makefile", "make", "the next make"),
    BUILD("GNUmakefile", "make", "the next make"),
    BUILD("*.mk", "make", "the next make"),
    BUILD("Makefile.am", "automake", "the next build"),
    BUILD("configure", "the shell", "the next ./configure"),
    BUILD("configure.ac", "autoconf", "the next autoreconf"),
    BUILD("autogen.sh", "the shell", "the next build"),
    BUILD("CMakeLists.txt", "cmake", "the next configure (an IDE does that on opening the folder)"),
    BUILD("CMakePresets.json", "cmake", "the next configure (an IDE does that on opening the folder)"),
    BUILD("*.cmake", "cmake", "the next configure (an IDE does that on opening the folder)"),
    BUILD("meson.build", "meson", "the next build"),
    BUILD("meson_options.txt", "meson", "the next build"),
    BUILD("SConstruct", "scons", "the next build"),
    BUILD("BUILD", "bazel", "the next build"),
    BUILD("BUILD.bazel", "bazel", "the next build"),
    BUILD("WORKSPACE", "bazel", "the next build"),
    BUILD("MODULE.bazel", "bazel", "the next build"),
    BUILD("build.rs", "cargo (and rust-analyzer, by itself)", "the next build"),
    BUILD("Cargo.toml", "cargo (and rust-analyzer, by itself)", "the next build, with its build scripts and macros"),
    BUILD("setup.py", "pip", "the next install"),
    BUILD("setup.cfg", "pip", "the next install"),
    BUILD("pyproject.toml", "pip", "the next install (build backend)"),
    BUILD("conftest.py", "pytest", "the next test run or discovery by an editor"),
    BUILD("noxfile.py", "nox", "its next run"),
    BUILD("tox.ini", "tox", "its next run"),
    BUILD("pytest.ini", "pytest", "the next test run"),
    BUILD("requirements*.txt", "pip", "the next install, with the packages' own scripts"),
    BUILD("Rakefile", "rake", "its next run"),
    BUILD("Gemfile", "bundler", "its next run"),
    BUILD("*.gemspec", "gem", "the next build"),
    BUILD("build.gradle*", "gradle", "the next build (an IDE imports it by itself)"),
    BUILD("settings.gradle*", "gradle", "the next build (an IDE imports it by itself)"),
    BUILD("gradlew", "the shell", "the next build"),
    BUILD("gradle-wrapper.properties", "gradlew", "the next build: it downloads what this names, and runs it"),
    BUILD("gradle-wrapper.jar", "gradlew", "the next build"),
    BUILD("pom.xml", "maven", "the next build"),
    BUILD("build.sbt", "sbt", "the next build"),
    BUILD("mvnw", "the shell", "the next build"),
    BUILD("maven-wrapper.properties", "mvnw", "the next build: it downloads what this names, and runs it"),
    BUILD("build.zig", "zig", "the next build"),
    BUILD("mix.exs", "mix", "the next build"),
    BUILD("Package.swift", "swift", "the next build"),
    BUILD("*.csproj", "msbuild", "the next build"),
    BUILD("Directory.Build.*", "msbuild", "the next build"),
    BUILD("justfile", "just", "its next run"),
    BUILD("Justfile", "just", "its next run"),
    BUILD("Taskfile.y*ml", "task", "its next run"),
    BUILD("flake.nix", "nix", "the next build or shell"),
    BUILD("shell.nix", "nix", "the next shell"),
    BUILD("default.nix", "nix", "the next build"),
    BUILD("Vagrantfile", "vagrant", "its next run"),
    BUILD("Dockerfile*", "docker", "the next image build"),
    BUILD("*.Dockerfile", "docker", "the next image build"),
    BUILD("Containerfile", "podman", "the next image build"),
    BUILD("docker-compose*.y*ml", "docker compose", "the next up: it may mount any directory of the host"),
    BUILD("compose.y*ml", "docker compose", "the next up: it may mount any directory of the host"),
    CONFIG("eslint.config.*", "eslint"),
    CONFIG(".eslintrc.*", "eslint"),
    CONFIG("prettier.config.*", "prettier"),
    CONFIG(".prettierrc.*", "prettier"),
    CONFIG("vite.config.*", "vite"),
    CONFIG("vitest.config.*", "vitest"),
    CONFIG("webpack.config.*", "webpack"),
    CONFIG("rollup.config.*", "rollup"),
    CONFIG("jest.config.*", "jest"),
    CONFIG("babel.config.*", "babel"),
    CONFIG("postcss.config.*", "postcss"),
    CONFIG("tailwind.config.*", "tailwind"),
    CONFIG("next.config.*", "next"),
    CONFIG("svelte.config.*", "svelte"),
    CONFIG("astro.config.*", "astro"),
    CONFIG("nuxt.config.*", "nuxt"),
    CONFIG("playwright.config.*", "playwright"),
    CONFIG("gulpfile.*", "gulp"),
    CONFIG("Gruntfile.*", "grunt"),
    CONFIG(".pnp.*", "node"),
    {"sitecustomize.py", BR_HANDOFF_WARN, "python-startup", "every Python that has this folder in its path runs it at start"},
    {"usercustomize.py", BR_HANDOFF_WARN, "python-startup", "every Python that has this folder in its path runs it at start"},
    {".yarn/**", BR_HANDOFF_WARN, "yarn", "yarn runs releases and plugins from there at its next command"},
    {".envrc", BR_HANDOFF_WARN, "shell-env", "direnv runs it on entering the folder, once allowed"},
    {".npmrc", BR_HANDOFF_WARN, "tool-trust", "npm in this folder takes its registry, tokens and script shell from it"},
    {".yarnrc*", BR_HANDOFF_WARN, "tool-trust", "yarn in this folder runs the yarnPath and plugins that it names"},
    {".pnpmfile.cjs", BR_HANDOFF_WARN, "tool-trust", "pnpm in this folder runs it at the next install"},
    {".cargo/config*", BR_HANDOFF_WARN, "tool-trust",
	"cargo in this folder runs the wrappers, linkers and runners that it names"},
    {"rust-toolchain*", BR_HANDOFF_WARN, "tool-trust", "cargo in this folder runs the toolchain that it names"},
    {".bazelrc", BR_HANDOFF_WARN, "tool-trust", "bazel in this folder takes its options"},
    {".mcp.json", BR_HANDOFF_WARN, "agent", "coding agents start the servers that it names"},
    {".claude/**", BR_HANDOFF_WARN, "agent", "Claude Code in this folder takes hooks, commands and rights from it"},
    {".codex/**", BR_HANDOFF_WARN, "agent", "Codex in this folder takes its settings from it"},
    {".gemini/**", BR_HANDOFF_WARN, "agent", "Gemini in this folder takes its settings from it"},
    {".cursor/**", BR_HANDOFF_WARN, "agent", "Cursor in this folder takes rules and servers from it"},
    {"opencode.json*", BR_HANDOFF_WARN, "agent", "opencode in this folder takes its settings from it"},
    {"CLAUDE.md", BR_HANDOFF_NOTE, "agent-instructions", "instructions that coding agents follow"},
    {"AGENTS.md", BR_HANDOFF_NOTE, "agent-instructions", "instructions that coding agents follow"},
    {"GEMINI.md", BR_HANDOFF_NOTE, "agent-instructions", "instructions that coding agents follow"},
    {".vscode/**", BR_HANDOFF_WARN, "editor",
	"VS Code runs tasks and takes interpreter paths from it, once the folder is trusted"},
    {".idea/**", BR_HANDOFF_WARN, "editor", "JetBrains IDEs run configurations and start-up tasks from it"},
    {".zed/**", BR_HANDOFF_WARN, "editor", "Zed runs tasks and language servers from it"},
    {".devcontainer/**", BR_HANDOFF_WARN, "editor",
	"the editor builds and starts this container, with commands on the host (initializeCommand)"},
    {".devcontainer.json", BR_HANDOFF_WARN, "editor",
	"the editor builds and starts this container, with commands on the host (initializeCommand)"},
    {"*.code-workspace", BR_HANDOFF_WARN, "editor", "VS Code takes tasks and settings from it"},
    {".nvim.lua", BR_HANDOFF_WARN, "editor", "Neovim runs it on start in this folder (exrc)"},
    {".exrc", BR_HANDOFF_WARN, "editor", "vi runs it on start in this folder (exrc)"},
    {".vimrc", BR_HANDOFF_WARN, "editor", "Vim runs it on start in this folder (exrc)"},
    {".dir-locals.el", BR_HANDOFF_WARN, "editor", "Emacs takes variables, some of them code, from it"},
};

void
br_look_named(struct br_look *l)
{
	for (size_t i = 0; i < BR_ARRAY_LEN(NAMED); i++) {
		const struct named *n = &NAMED[i];
		/* A pattern of several components is meant at any depth: packages and clones have their own. */
		const char *slash = strchr(n->pattern, '/');
		bool hit;
		if (slash != NULL) {
			char deep[96];
			(void)snprintf(deep, sizeof(deep), "**/%s", n->pattern);
			hit = br_glob_match(deep, l->rel, false, BR_GLOB_ICASE);
		} else {
			hit = br_glob_match(n->pattern, l->base, false, 0);
		}
		if (!hit)
			continue;
		/* What an installer unpacked is run by the tool that installed it; the installs themselves are listed. */
		br_look_add(l, l->deps ? BR_HANDOFF_NOTE : n->level, l->deps ? "dependency" : n->kind, "%s%s",
		    l->c->before >= 0 && l->st_before.st_mode == 0 ? "new: " : "", n->what);
		return;
	}
}
