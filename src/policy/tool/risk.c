#include "policy/tool/risk.h"

#include <strings.h>

static void
risk(const struct br_policy_set *s, const struct br_rule *r, const char *code, const char *msg, const char *mend)
{
	br_report(s->r, BR_SEV_RISK, code, br_layer_place(r->layer, r->node), "%s", msg);
	br_report_mend(s->r, "%s", mend);
}

static bool
has_word(const char *name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasestr(name, words[i]) != NULL)
			return true;
	return false;
}

static bool
looks_secret(const char *name)
{
	static const char *const words[] = {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY", "APIKEY",
	    "ACCESS_KEY", "PRIVATE_KEY", "_AUTH", "SESSION_KEY"};
	return has_word(name, words, BR_ARRAY_LEN(words)) || br_endswith(name, "_KEY") || br_endswith(name, "_PAT");
}

/* True when `pattern`, a name or "PREFIX*", takes the variable. */
static bool
takes(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);
	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, name, n - 1) == 0;
	return br_streq(pattern, name);
}

static const char *
env_reaches_out(const char *pattern)
{
	static const char *const outside[] = {"SSH_AUTH_SOCK", "SSH_AGENT_PID", "DBUS_SESSION_BUS_ADDRESS",
	    "DBUS_SYSTEM_BUS_ADDRESS", "DOCKER_HOST", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR",
	    "GPG_AGENT_INFO", "TMUX", "STY"};
	static const char *const code[] = {"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "NODE_OPTIONS",
	    "PYTHONSTARTUP", "PYTHONPATH", "PERL5OPT", "PERL5LIB", "RUBYOPT", "JAVA_TOOL_OPTIONS", "GIT_SSH", "GIT_SSH_COMMAND",
	    "GIT_EXTERNAL_DIFF", "PROMPT_COMMAND"};
	for (size_t i = 0; i < BR_ARRAY_LEN(outside); i++)
		if (takes(pattern, outside[i]))
			return "points at a program outside, which the session can't reach";
	for (size_t i = 0; i < BR_ARRAY_LEN(code); i++)
		if (takes(pattern, code[i]))
			return "makes every program in the session load code";
	return NULL;
}

static void
path_risks(const struct br_policy_set *s, const struct br_rule *r)
{
	bool write = r->kind == BR_POL_WRITE;
	const char *shown = br_path_show(s->a, &s->places, r->text), *why = br_path_risk(&s->places, r->text, write);
	if (write && !br_path_under(r->text, s->places.project))
		risk(s, r, "writes-outside",
		    br_arena_printf(s->a, "the session may change %s, outside the project%s%s%s", shown,
			why != NULL ? " (" : "", why != NULL ? why : "", why != NULL ? ")" : ""),
		    "nothing there is protected by name, and nobody looks at the change; name the smallest directory that will "
		    "do");
	else if (!write && why != NULL)
		risk(s, r, "reads-secrets", br_arena_printf(s->a, "the session may read %s: %s", shown, why),
		    "whatever a session can read, whoever steers the agent has");
}

static void
env_risks(const struct br_policy_set *s, const struct br_rule *r)
{
	bool set = r->kind == BR_POL_ENV_SET;
	const char *name = set ? br_arena_strndup(s->a, r->text, strcspn(r->text, "=")) : r->text, *why = env_reaches_out(name);
	if (why != NULL)
		risk(s, r, "environment", br_arena_printf(s->a, "%s %s", name, why), "remove it unless that is meant");
	else if (looks_secret(name) && set)
		risk(s, r, "secret-in-environment",
		    br_arena_printf(s->a, "%s looks like a secret, and stands in a policy file", name),
		    "keep secrets out of files; give them with --env for the runs that need them");
	else if (looks_secret(name))
		risk(s, r, "secret-in-environment",
		    br_arena_printf(s->a, "%s looks like a secret; a policy does not pass those", name),
		    "name it with --env for the runs that need it");
}

/* What a shell, an agent or git in the session's next run would execute or believe. */
static void
keep_risk(const struct br_policy_set *s, const struct br_rule *r)
{
	static const char *const runs[] = {".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases",
	    ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".zlogout", ".gitconfig", ".config", ".npmrc", ".yarnrc",
	    ".yarnrc.yml", ".local", ".local/bin", ".local/lib", "bin", ".ssh", ".gnupg", ".claude", ".claude.json",
	    ".claude/settings.json", ".claude/hooks", ".claude/agents", ".claude/commands", ".claude/skills", ".claude/plugins",
	    ".codex", ".codex/config.toml", ".gemini", ".gemini/settings.json", ".cargo", ".cargo/bin", ".cargo/config.toml",
	    ".npm-global", ".vimrc", ".vim", ".emacs", ".emacs.d", ".tmux.conf", ".inputrc", ".m2", ".gradle", ".gradle/init.d",
	    "go", "go/bin", ".deno/bin", ".bun/bin", ".pyenv", ".nvm"};
	size_t n = strlen(r->text);
	n -= n > 0 && r->text[n - 1] == '/';
	for (size_t i = 0; i < BR_ARRAY_LEN(runs); i++) {
		if (strlen(runs[i]) != n || strncmp(runs[i], r->text, n) != 0)
			continue;
		risk(s, r, "keeps-code",
		    br_arena_printf(s->a, "~/%s is kept: what one session writes there, the next one runs", r->text),
		    "keep caches and histories only");
	}
}

static const struct br_ynode *
last_setting(const struct br_policy_set *s, const char *key, const struct br_layer **from)
{
	const struct br_ynode *found = NULL;
	for (size_t i = 0; i < s->n; i++) {
		const struct br_ynode *n = br_ynode_find(s->layers[i].root, key);
		if (n == NULL || s->layers[i].rank < BR_RANK_USER)
			continue;
		found = n;
		*from = &s->layers[i];
	}
	return found;
}

/* Said only when somebody wrote "unlimited": a default that is unlimited is the documentation's business. */
static void
limit_risks(const struct br_policy_set *s)
{
	static const struct {
		const char *key, *what;
	} limits[] = {{"limits.memory", "one session can take all of the machine's memory"},
	    {"limits.pids", "one session can fill the process table"}, {"limits.disk", "one session can fill the disk"},
	    {"limits.time", "a session that hangs or waits runs on for ever"}};
	for (size_t i = 0; i < BR_ARRAY_LEN(limits); i++) {
		const struct br_layer *l = NULL;
		const struct br_ynode *n = last_setting(s, limits[i].key, &l);
		if (n == NULL || !br_streq(n->text, "unlimited"))
			continue;
		br_report(
		    s->r, BR_SEV_RISK, "unlimited", br_layer_place(l, n), "%s: unlimited: %s", limits[i].key, limits[i].what);
		br_report_mend(s->r, "give it a number");
	}
}

void
br_find_risks(const struct br_policy_set *s, const struct br_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct br_rule *r = &rules->v[i];
		if (r->layer == NULL || r->layer->rank < BR_RANK_USER)
			continue;
		if (r->kind == BR_POL_WRITE || r->kind == BR_POL_READ)
			path_risks(s, r);
		else if (r->kind == BR_POL_UNPROTECT)
			risk(s, r, "lifts-guard",
			    br_arena_printf(
				s->a, "\"!%s\" lets the session change what programs outside act on unasked", r->text),
			    "remove it, or use --review for the run that needs it");
		else if (r->kind == BR_POL_UNHIDE)
			risk(s, r, "lifts-hide",
			    br_arena_printf(s->a, "\"!%s\" lets the session read files that are hidden by default", r->text),
			    "make sure that none of them holds a secret");
		else if (r->kind == BR_POL_ENV_PASS || r->kind == BR_POL_ENV_SET)
			env_risks(s, r);
		else if (r->kind == BR_POL_HOME_KEEP)
			keep_risk(s, r);
	}
	limit_risks(s);
}
