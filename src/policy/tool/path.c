#include "policy/tool/path.h"

#include <sys/stat.h>
#include <unistd.h>

char *
br_path_normal(struct br_arena *a, const char *base, const char *home, const char *text)
{
	const char *parts[2] = {"", text};
	if (text[0] == '~' && (text[1] == '/' || text[1] == '\0')) {
		parts[0] = home;
		parts[1] = text + 1;
	} else if (text[0] != '/') {
		parts[0] = base;
	}
	char *out = br_arena_alloc(a, strlen(parts[0]) + strlen(text) + 3);
	size_t n = 0;
	for (size_t i = 0; i < 2; i++) {
		for (const char *p = parts[i]; *p != '\0';) {
			size_t m = strcspn(p, "/");
			if (m == 2 && p[0] == '.' && p[1] == '.') {
				while (n > 0 && out[--n] != '/')
					;
			} else if (m > 0 && !(m == 1 && p[0] == '.')) {
				out[n++] = '/';
				memcpy(out + n, p, m);
				n += m;
			}
			p += m + (p[m] == '/');
		}
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return out;
}

bool
br_path_under(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	if (br_streq(dir, "/"))
		return true;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* At `dir`, below it, or above it. */
static bool
touches(const char *path, const char *dir)
{
	return dir != NULL && dir[0] != '\0' && (br_path_under(path, dir) || br_path_under(dir, path));
}

/* Granting one of these, or a directory that holds it, hands the session a process outside: a read-only mount doesn't stop
 * connect(2). Whether the socket is there now doesn't matter, since its program may start later. */
static const char *
socket_reason(struct br_arena *a, const struct br_places *pl, const char *path)
{
	static const char *const fixed[] = {"~/.docker/run/docker.sock", "~/.docker/desktop/docker.sock",
	    "~/.colima/default/docker.sock", "~/.gnupg/S.gpg-agent", "~/.1password/agent.sock",
	    "/var/snap/lxd/common/lxd/unix.socket", "/var/lib/incus/unix.socket"};
	const char *agent = getenv("SSH_AUTH_SOCK"), *docker = getenv("DOCKER_HOST");
	const char *dynamic[] = {agent, docker != NULL && br_startswith(docker, "unix://") ? docker + 7 : NULL};
	struct stat st;
	for (size_t i = 0; i < BR_ARRAY_LEN(fixed) + BR_ARRAY_LEN(dynamic); i++) {
		const char *s = i < BR_ARRAY_LEN(fixed) ? fixed[i] : dynamic[i - BR_ARRAY_LEN(fixed)];
		if (s == NULL || (s[0] != '/' && s[0] != '~'))
			continue;
		s = br_path_normal(a, "/", pl->home, s);
		if (br_path_under(s, path))
			return br_arena_printf(a, "%s is a socket of a program outside, which would act for the session", s);
	}
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		return "it is a socket of a program outside, which would act for the session";
	return NULL;
}

static const char *
judge(struct br_arena *a, const struct br_places *pl, const char *path, bool write)
{
	static const struct {
		const char *dir;
		bool below; /* everything below it too */
		bool only_write;
		const char *why;
	} rules[] = {
	    {"/proc", true, false, "the session has its own /proc"},
	    {"/sys", true, false, "it shows and changes the machine"},
	    {"/dev", true, false, "the session has its own devices"},
	    {"/run", true, false, "it holds the sockets of services outside, which would act for the session"},
	    {"/var/run", true, false, "it holds the sockets of services outside, which would act for the session"},
	    {"/var", false, false, "it holds the data of all services"},
	    {"/tmp", false, false, "it holds other programs' files and sockets; the session has its own"},
	    {"/tmp/.X11-unix", true, false, "whoever reaches the display types for the user"},
	    {"/etc", false, false, "it holds password hashes and keys"},
	    {"/etc/shadow", true, false, "it holds password hashes"},
	    {"/etc/gshadow", true, false, "it holds password hashes"},
	    {"/etc/sudoers", true, false, "it says who becomes root"},
	    {"/etc/sudoers.d", true, false, "it says who becomes root"},
	    {"/etc/ssl/private", true, false, "it holds private keys"},
	    {"/etc", true, true, "it configures the machine"},
	    {"/boot", true, true, "the machine starts from it"},
	    {"/bin", true, true, "the host runs programs from it"},
	    {"/sbin", true, true, "the host runs programs from it"},
	    {"/lib", true, true, "the host loads code from it"},
	    {"/lib32", true, true, "the host loads code from it"},
	    {"/lib64", true, true, "the host loads code from it"},
	    {"/usr", true, true, "the host runs programs from it"},
	    {"/var/spool/cron", true, true, "the host runs what it holds"},
	};
	if (br_streq(path, "/"))
		return "it is the whole machine";
	if (br_streq(path, pl->home))
		return "it is the whole home directory, with its keys and logins";
	if (br_path_under(pl->home, path))
		return "it holds the home directory, with its keys and logins";
	if (touches(path, pl->state))
		return "it holds brattice's own state, which the session must not reach";
	if (write && touches(path, pl->config))
		return "it holds brattice's own configuration";
	for (size_t i = 0; i < BR_ARRAY_LEN(rules); i++)
		if (write >= rules[i].only_write &&
		    (rules[i].below ? br_path_under(path, rules[i].dir) : br_streq(path, rules[i].dir)))
			return rules[i].why;
	return socket_reason(a, pl, path);
}

const char *
br_path_refused(struct br_arena *a, const struct br_places *pl, const char *path, bool write, const char **out)
{
	br_auto_free char *real = realpath(path, NULL);
	*out = real != NULL ? br_arena_strdup(a, real) : "";
	/* The project's own place is judged by `run`, which asks for --force where it must. */
	if (br_streq(path, pl->project))
		return NULL;
	const char *why = judge(a, pl, path, write);
	if (why != NULL)
		return why;
	if (real == NULL || br_streq(real, path))
		return NULL;
	struct br_places real_pl = *pl;
	br_auto_free char *real_home = realpath(pl->home, NULL), *real_state = realpath(pl->state, NULL);
	if (real_home != NULL)
		real_pl.home = real_home;
	if (real_state != NULL)
		real_pl.state = real_state;
	why = judge(a, &real_pl, real, write);
	return why != NULL ? br_arena_printf(a, "it leads to %s: %s", real, why) : NULL;
}

const char *
br_path_risk(const struct br_places *pl, const char *path, bool write)
{
	static const struct {
		const char *dir, *why;
	} rules[] = {
	    {".ssh", "SSH keys"},
	    {".aws", "AWS credentials"},
	    {".azure", "Azure credentials"},
	    {".config/gcloud", "Google Cloud credentials"},
	    {".config/gh", "the GitHub login"},
	    {".config/hub", "the GitHub login"},
	    {".netrc", "passwords"},
	    {".git-credentials", "passwords"},
	    {".gnupg", "private keys"},
	    {".kube", "Kubernetes credentials"},
	    {".docker", "registry passwords"},
	    {".npmrc", "a registry token"},
	    {".pypirc", "registry passwords"},
	    {".cargo/credentials", "a registry token"},
	    {".cargo/credentials.toml", "a registry token"},
	    {".password-store", "passwords"},
	    {".local/share/keyrings", "passwords"},
	    {".mozilla", "browser logins"},
	    {".config/google-chrome", "browser logins"},
	    {".config/chromium", "browser logins"},
	    {".claude", "the agent's login and settings"},
	    {".claude.json", "the agent's login and settings"},
	    {".codex", "the agent's login and settings"},
	    {".gemini", "the agent's login and settings"},
	    {".bash_history", "commands with what was typed into them"},
	    {".zsh_history", "commands with what was typed into them"},
	    {".config", "logins of many programs"},
	    {".local/share", "logins of many programs"},
	};
	if (!br_path_under(path, pl->home) || br_path_under(path, pl->project))
		return NULL;
	const char *rel = path + strlen(pl->home);
	rel += *rel == '/';
	for (size_t i = 0; i < BR_ARRAY_LEN(rules); i++) {
		bool whole = br_streq(rules[i].dir, ".config") || br_streq(rules[i].dir, ".local/share");
		if (whole ? br_streq(rel, rules[i].dir) : touches(rel, rules[i].dir))
			return rules[i].why;
	}
	return write ? "files of the user outside the project" : NULL;
}

const char *
br_path_show(struct br_arena *a, const struct br_places *pl, const char *path)
{
	if (br_streq(pl->home, "/") || !br_path_under(path, pl->home))
		return path;
	return br_arena_printf(a, "~%s", path + strlen(pl->home));
}
