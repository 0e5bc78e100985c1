#include "policy/tool/keys.h"

#include "policy/tool/value.h"

#define MIB (1ULL << 20)
#define PIB (1ULL << 50)

/* A table reads better than clang-format would have it. */
/* clang-format off */
#define MAP(p, ...)      {.path = (p), .type = BR_KEY_MAP, __VA_ARGS__}
#define WORDS(p, f, ...) {.path = (p), .type = BR_KEY_LIST, .format = (f), __VA_ARGS__}
#define WORD(p, f, ...)  {.path = (p), .type = BR_KEY_WORD, .format = (f), __VA_ARGS__}
#define ONE_OF(p, v, ...) {.path = (p), .type = BR_KEY_WORD, .format = BR_FMT_VALUE, .values = (v), __VA_ARGS__}
#define LATER            .state = BR_KEY_REFUSED

/* In the order of the reference page. */
const struct br_key br_keys[] = {
    {.path = "version", .type = BR_KEY_INT, .min = 1, .max = 1, .dflt = "1", .example = "1",
	.doc = "Version of this file format. A file that says a newer one is refused."},
    WORD("description", BR_FMT_TEXT, .profile_only = true, .doc = "What the profile is for.", .example = "Node.js and npm"),
    MAP("detect", .profile_only = true, .doc = "When the profile is taken without being named."),
    WORDS("detect.commands", BR_FMT_TEXT, .profile_only = true, .dflt = "[]", .example = "[claude]",
	.doc = "Base names of commands that the profile is for."),
    WORDS("detect.files", BR_FMT_IN_TREE, .profile_only = true, .dflt = "[]", .example = "[package.json]",
	.doc = "Files at the project's root that show that the profile is needed."),
    WORDS("profiles", BR_FMT_PROFILE, .dflt = "by command and project files", .example = "[claude-code, node]",
	.doc = "Built-in profiles: what a tool needs to read, keep and be told. The command's own profile is always taken; "
	       "naming any turns detection by project files off, and `[]` turns both off."),

    MAP("filesystem", .doc = "What the session may read and write. Everything not named here or in a profile is absent."),
    WORDS("filesystem.write", BR_FMT_PATH, .dflt = "[.]", .example = "[., ~/shared/build]",
	.doc = "Paths the session may change. Naming any in a project's file, with `--policy` or in /etc replaces the default, "
	       "which is the project; then the rest of the project is read-only."),
    WORDS("filesystem.read", BR_FMT_PATH, .dflt = "[] and what profiles need", .example = "[~/.gitconfig, /opt/sdk]",
	.doc = "Paths outside the project the session may read, in addition to the system's programs and libraries."),
    WORDS("filesystem.system", BR_FMT_SYSTEM, .profile_only = true, .dflt = "/usr, /bin, /lib …", .example = "[/usr]",
	.doc = "Read-only system trees; absent ones are skipped."),
    WORDS("filesystem.etc", BR_FMT_ETC, .profile_only = true, .dflt = "a list without secrets", .example = "[ssl/certs]",
	.doc = "What of /etc the session sees. Everything else in /etc is absent."),
    WORDS("filesystem.hide", BR_FMT_LIFT, .dflt = "the built-in list", .example = "[\"secrets/**\", \"!.env.test\"]",
	.doc = "Files in the project that can't be opened (gitignore patterns). Adds to the built-in list; `!` lifts a built-in entry."),
    WORDS("filesystem.private", BR_FMT_IN_TREE, .dflt = "[]", .example = "[node_modules, .venv]",
	.doc = "Directories of the project of which the session has its own copy, so that the host never runs what it wrote there."),
    WORDS("filesystem.protect", BR_FMT_LIFT, .dflt = "the built-in list", .example = "[\"infra/**\", \"!.vscode/settings.json\"]",
	.doc = "Names in the project that can't be written, replaced or created (gitignore patterns). Adds to the built-in list; "
	       "`!` lifts a built-in entry."),
    ONE_OF("filesystem.protect_action", "deny ask", LATER, .same = "deny", .dflt = "deny", .example = "deny",
	.doc = "What a write to a protected name leads to."),
    {.path = "filesystem.review", .type = BR_KEY_BOOL, .dflt = "false", .example = "true",
	.doc = "Writes to the project go to an overlay, to be looked at with `brattice diff` and moved with `brattice apply`."},

    MAP("home", .doc = "The session's private home, which starts nearly empty."),
    WORDS("home.keep", BR_FMT_IN_HOME, .dflt = "caches and histories", .example = "[.cache/, .mytool/state.json]",
	.doc = "What is kept from one session of the project to its next; a directory ends in `/`."),
    {.path = "home.files", .type = BR_KEY_TABLE, .format = BR_FMT_IN_HOME, .dflt = "{}", .example = "{.npmrc: \"fund=false\\n\"}",
	.doc = "Files written into the home at each start, with their content."},

    MAP("environment", .doc = "The session's environment, built from nothing."),
    WORDS("environment.pass", BR_FMT_ENV_GLOB, .dflt = "terminal, language and editor settings", .example = "[EDITOR, MYTOOL_*]",
	.doc = "Variables taken over from the caller; `PREFIX_*` takes all that begin so."),
    {.path = "environment.set", .type = BR_KEY_TABLE, .format = BR_FMT_ENV, .dflt = "{}", .example = "{CI: \"1\"}",
	.doc = "Variables with their values."},

    MAP("limits", .doc = "What one session may use of the machine, all its processes together."),
    {.path = "limits.memory", .type = BR_KEY_MEMORY, .min = 16 * MIB, .max = PIB, .unlimited = true, .dflt = "75%", .example = "4GiB",
	.doc = "Memory: a size, or a percentage of the machine's."},
    {.path = "limits.pids", .type = BR_KEY_INT, .min = 8, .max = 4194304, .unlimited = true, .dflt = "4096", .example = "2048",
	.doc = "Processes and threads alive at once."},
    {.path = "limits.cpu", .type = BR_KEY_PERCENT, .min = 1, .max = 1000000, .unlimited = true, .dflt = "unlimited", .example = "200%",
	.doc = "CPU time, in percent of one CPU."},
    {.path = "limits.disk", .type = BR_KEY_SIZE, .min = MIB, .max = PIB, .unlimited = true, .dflt = "20GiB", .example = "20GiB",
	.doc = "Bytes written to the session's own storage: home, /tmp, overlay."},
    {.path = "limits.time", .type = BR_KEY_DURATION, .min = 1, .max = 10ULL * 366 * 86400, .unlimited = true, .dflt = "unlimited",
	.example = "4h", .doc = "Wall-clock time after which the session is ended."},
    {.path = "limits.files", .type = BR_KEY_INT, .min = 64, .max = 1U << 30, .dflt = "65536", .example = "65536",
	.doc = "Open files of one process."},
    {.path = "limits.strict", .type = BR_KEY_BOOL, .dflt = "false", .example = "true",
	.doc = "Refuse to start where the machine can enforce a limit only approximately."},

    MAP("commands", .doc = "Which programs may run."),
    ONE_OF("commands.default", "allow ask deny", LATER, .same = "allow", .dflt = "allow", .example = "allow",
	.doc = "What happens to a command that no rule names."),
    WORDS("commands.allow", BR_FMT_TEXT, LATER, .dflt = "[]", .example = "[\"npm run *\", \"git *\"]", .doc = "Commands that run."),
    WORDS("commands.ask", BR_FMT_TEXT, LATER, .dflt = "[]", .example = "[\"git push *\"]", .doc = "Commands that wait for a person."),
    WORDS("commands.deny", BR_FMT_TEXT, LATER, .dflt = "[]", .example = "[\"sudo *\"]", .doc = "Commands that don't run."),
    WORDS("commands.from", BR_FMT_VALUE, LATER, .values = "system home project tmp", .dflt = "all", .example = "[system, project]",
	.doc = "Where a program file may lie."),
    ONE_OF("commands.debug", "allow deny", LATER, .same = "allow", .dflt = "allow", .example = "allow",
	.doc = "Whether debuggers and tracers work on the session's own processes."),

    MAP("network", .doc = "What the session may reach. This version gives it no network but its own loopback."),
    {.path = "network.allow", .type = BR_KEY_MIXED, LATER, .dflt = "[]", .example = "[api.example.com, {host: example.org, port: 8443}]",
	.doc = "Hosts and what may be done with them."},
    WORD("network.allow[].host", BR_FMT_TEXT, LATER, .example = "api.example.com", .doc = "Host name, or `*.` and a domain."),
    WORD("network.allow[].tool", BR_FMT_TEXT, LATER, .example = "npm", .doc = "The registries this tool is configured to use."),
    WORD("network.allow[].port", BR_FMT_PORT, LATER, .dflt = "443", .example = "22", .doc = "Port."),
    ONE_OF("network.allow[].protocol", "tls http ssh tcp", LATER, .dflt = "tls", .example = "ssh", .doc = "What is spoken."),
    WORDS("network.allow[].methods", BR_FMT_TEXT, LATER, .dflt = "all", .example = "[GET, HEAD]", .doc = "HTTP methods."),
    WORDS("network.allow[].paths", BR_FMT_TEXT, LATER, .dflt = "all", .example = "[\"/repos/acme/**\"]", .doc = "Paths of requests."),
    WORDS("network.allow[].programs", BR_FMT_TEXT, LATER, .dflt = "all", .example = "[gh]", .doc = "Programs that may connect."),
    WORD("network.allow[].reads", BR_FMT_TEXT, LATER, .example = "private", .doc = "Label of what is read there."),
    WORD("network.allow[].writes", BR_FMT_TEXT, LATER, .example = "public", .doc = "Label of what is written there."),
    {.path = "network.allow[].http", .type = BR_KEY_INT, LATER, .min = 1, .max = 2, .dflt = "1", .example = "2",
	.doc = "HTTP version offered on inspected connections."},
    ONE_OF("network.allow[].ech", "allow deny", LATER, .dflt = "deny", .example = "allow",
	.doc = "Whether an encrypted ClientHello passes uninspected."),
    {.path = "network.allow[].only_lease", .type = BR_KEY_BOOL, LATER, .dflt = "true", .example = "true",
	.doc = "Refuse requests that carry a credential other than the lease."},
    WORDS("network.deny", BR_FMT_TEXT, .state = BR_KEY_MET, .dflt = "[]", .example = "[\"*.ngrok.io\"]",
	.doc = "Hosts that are never reached. True in this version for every host."),
    ONE_OF("network.private", "deny allow", LATER, .same = "deny", .dflt = "deny", .example = "deny",
	.doc = "Private, link-local and metadata addresses."),
    WORDS("network.host_ports", BR_FMT_PORT, LATER, .dflt = "[]", .example = "[5432]",
	.doc = "Ports of the host's loopback that are reachable inside."),
    WORDS("network.publish", BR_FMT_PORT, LATER, .dflt = "[]", .example = "[3000]",
	.doc = "Ports of the session that are reachable on the host's loopback."),
    WORDS("network.unix", BR_FMT_PATH, LATER, .dflt = "[]", .example = "[~/.mytool/daemon.sock]", .doc = "Sockets of the host."),
    ONE_OF("network.inspect", "auto always never", LATER, .same = "auto", .dflt = "auto", .example = "auto",
	.doc = "Whether TLS is opened to look at requests."),
    MAP("network.limits", LATER, .doc = "Bounds per session and host."),
    {.path = "network.limits.upload", .type = BR_KEY_SIZE, LATER, .dflt = "none", .example = "50MiB", .doc = "Bytes sent."},
    {.path = "network.limits.requests", .type = BR_KEY_RATE, LATER, .dflt = "none", .example = "600/min", .doc = "Requests."},
    {.path = "network.limits.connections", .type = BR_KEY_INT, LATER, .dflt = "none", .example = "256", .doc = "Connections at once."},

    {.path = "credentials", .type = BR_KEY_RECORDS, LATER, .dflt = "[]",
	.example = "[{name: github, from: {command: [gh, auth, token]}, env: GITHUB_TOKEN, use: [{host: api.github.com}]}]",
	.doc = "Secrets that are lent for minutes and never enter the session."},
    WORD("credentials[].name", BR_FMT_TEXT, LATER, .example = "github", .doc = "Name in messages and logs."),
    {.path = "credentials[].from", .type = BR_KEY_ANY, LATER, .example = "{command: [gh, auth, token]}", .doc = "Where it comes from."},
    {.path = "credentials[].ttl", .type = BR_KEY_DURATION, LATER, .dflt = "10m", .example = "10m", .doc = "How long it is lent."},
    WORD("credentials[].env", BR_FMT_ENV, LATER, .example = "GITHUB_TOKEN", .doc = "Variable that holds the placeholder."),
    {.path = "credentials[].use", .type = BR_KEY_RECORDS, LATER, .example = "[{host: api.github.com}]", .doc = "Where it may go."},
    WORD("credentials[].use[].host", BR_FMT_TEXT, LATER, .example = "api.github.com", .doc = "Host."),
    WORD("credentials[].use[].basic_user", BR_FMT_TEXT, LATER, .example = "x-access-token", .doc = "User name of basic authentication."),
    WORD("credentials[].use[].header", BR_FMT_TEXT, LATER, .dflt = "Authorization", .example = "X-Api-Key", .doc = "HTTP header."),

    MAP("approvals", .doc = "How a person is asked. Nothing asks in this version."),
    {.path = "approvals.timeout", .type = BR_KEY_DURATION, LATER, .dflt = "2m", .example = "2m", .doc = "After which the answer is no."},
    WORDS("approvals.channels", BR_FMT_VALUE, LATER, .values = "terminal socket fleet", .dflt = "[terminal]", .example = "[terminal, socket]",
	.doc = "Where the question appears."),

    MAP("audit", .doc = "The record of the session."),
    {.path = "audit.terminal", .type = BR_KEY_BOOL, .dflt = "true", .example = "false",
	.doc = "Record what the command writes to its terminal, byte by byte, for `brattice replay`."},
    {.path = "audit.input", .type = BR_KEY_BOOL, .dflt = "false", .example = "true",
	.doc = "Record what is typed into the terminal too, passwords included."},
    ONE_OF("audit.on_failure", "stop freeze", LATER, .same = "stop", .dflt = "stop", .example = "stop",
	.doc = "What becomes of the session when its record can't be written any more."),
    WORD("audit.keep", BR_FMT_TEXT, LATER, .dflt = "until `brattice gc --older-than`", .example = "30d",
	.doc = "How long, or how much, of the records is kept."),
    {.path = "audit.strict", .type = BR_KEY_BOOL, LATER, .same = "false", .dflt = "false", .example = "true",
	.doc = "Freeze the session while its record can't be witnessed."},

    MAP("alerts", .doc = "Who is told of suspicious acts."),
    WORD("alerts.webhook", BR_FMT_TEXT, LATER, .example = "https://hooks.example.org/x", .doc = "URL that gets each alert."),
    WORDS("alerts.rules", BR_FMT_TEXT, LATER, .dflt = "[]", .example = "[builtin]", .doc = "Sets of rules."),

    {.path = "tests", .type = BR_KEY_RECORDS, .dflt = "[]", .example = "[{write: .git/hooks/pre-commit, expect: deny}]",
	.doc = "What this policy must allow and refuse; run by `brattice policy test`."},
    WORD("tests[].write", BR_FMT_PATH, .example = "src/main.c", .doc = "A path that is written."),
    WORD("tests[].read", BR_FMT_PATH, .example = "~/.ssh/id_ed25519", .doc = "A path that is read."),
    WORD("tests[].run", BR_FMT_TEXT, .example = "git push origin main", .doc = "A command (not enforced by this version: the test fails)."),
    WORD("tests[].connect", BR_FMT_TEXT, .example = "example.org:443", .doc = "A host and port (not enforced by this version: the test fails)."),
    ONE_OF("tests[].expect", "allow ask deny", .example = "deny", .doc = "What must come out."),
};
/* clang-format on */
const size_t br_keys_n = BR_ARRAY_LEN(br_keys);

const struct br_key *
br_key_find(const char *path)
{
	for (size_t i = 0; i < br_keys_n; i++)
		if (br_streq(br_keys[i].path, path))
			return &br_keys[i];
	return NULL;
}

bool
br_key_is_child(const struct br_key *k, const char *parent, const char **name)
{
	const char *p = k->path;
	size_t n = strlen(parent);
	if (n > 0) {
		if (strncmp(p, parent, n) != 0 || p[n] != '.')
			return false;
		p += n + 1;
	}
	*name = p;
	return p[strcspn(p, ".[")] == '\0';
}

bool
br_key_allows(const struct br_key *k, const char *word)
{
	size_t n = strlen(word);
	for (const char *v = k->values; v != NULL && *v != '\0';) {
		size_t m = strcspn(v, " ");
		if (n == m && memcmp(v, word, n) == 0)
			return true;
		v += m + (v[m] == ' ');
	}
	return false;
}

void
br_key_put_number(struct br_buf *b, const struct br_key *k, uint64_t v)
{
	if (k->type == BR_KEY_SIZE || k->type == BR_KEY_MEMORY)
		br_value_put_size(b, v);
	else if (k->type == BR_KEY_DURATION)
		br_value_put_duration(b, v);
	else
		br_buf_printf(b, "%llu%s", (unsigned long long)v, k->type == BR_KEY_PERCENT ? "%" : "");
}
