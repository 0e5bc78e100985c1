/* What the session is to be: whose, where, under which policy, with which environment and limits. */
#include "session/run_int.h"

#include "sandbox/mounts.h"
#include "session/policy_load.h"
#include "session/trust.h"
#include "session/worktree.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

extern char **environ;

static int
find_user(struct br_run *s, struct br_err *e)
{
	const char *home = getenv("HOME");
	const struct passwd *pw = getpwuid(getuid());
	if (home == NULL || home[0] != '/')
		home = pw != NULL ? pw->pw_dir : NULL;
	if (home == NULL || home[0] != '/')
		return br_err_hint(e, br_err_set(e, 0, "HOME is not set") < 0 ? "set it to your home directory" : "");
	(void)snprintf(s->home, sizeof(s->home), "%s", home);
	(void)snprintf(s->user, sizeof(s->user), "%s", pw != NULL ? pw->pw_name : "user");
	s->uid = getuid();
	s->gid = getgid();
	s->root = s->uid == 0;
	if (geteuid() != s->uid)
		return br_err_set(e, 0, "brattice must not be setuid: it needs no privilege");
	return 0;
}

/* Root's power never goes in: the agent gets the project owner's uid, or an unprivileged one and an id-mapped project. */
static int
find_agent_ids(struct br_run *s, struct br_err *e)
{
	struct stat st;
	if (!s->root)
		return 0;
	if (stat(s->project.root, &st) < 0)
		return br_err_set(e, errno, "%s", s->project.root);
	s->uid = st.st_uid != 0 ? st.st_uid : NOBODY;
	s->gid = st.st_uid != 0 ? st.st_gid : NOBODY;
	if (s->gid == 0)
		s->gid = NOBODY;
	s->idmap = st.st_uid == 0;
	const struct passwd *pw = getpwuid(s->uid);
	(void)snprintf(s->user, sizeof(s->user), "%s", s->idmap || pw == NULL ? "agent" : pw->pw_name);
	return 0;
}

static bool
is_at_or_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0' || n == 1);
}

/* Brattice's own directories must lie where the agent can't write: not in the project, nor the project in them. */
static int
check_apart(const struct br_run *s, const char *dir, const char *what, struct br_err *e)
{
	char name[PATH_MAX], real[PATH_MAX] = "/";
	(void)snprintf(name, sizeof(name), "%s", dir);
	/* It may not be there yet: then the nearest directory above it that is. */
	for (char *slash; realpath(name, real) == NULL && (slash = strrchr(name, '/')) != NULL && slash != name;)
		*slash = '\0';
	if (!is_at_or_below(real, s->project.root) && !is_at_or_below(s->project.root, dir))
		return 0;
	(void)br_err_set(e, 0, "the %s directory %s and the project %s lie in one another: the agent could change its own record and policy", what, dir,
	    s->project.root);
	(void)br_err_hint(e, "set BRATTICE_STATE (XDG_RUNTIME_DIR for sockets) to a directory outside of the project");
	return br_err_status(e, BR_EXIT_REFUSED);
}

static int
start_session(struct br_run *s, struct br_err *e)
{
	struct br_session_meta *m = &s->meta;
	s->state = br_state_dir(e);
	if (s->state == NULL || check_apart(s, s->state, "state", e) < 0)
		return -1;
	br_auto_free char *runtime = br_runtime_dir(e);
	if (runtime == NULL || check_apart(s, runtime, "runtime", e) < 0)
		return -1;
	(void)snprintf(m->name, sizeof(m->name), "%s", s->o->name != NULL ? s->o->name : "");
	(void)snprintf(m->state, sizeof(m->state), "starting");
	(void)snprintf(m->wall, sizeof(m->wall), "namespace");
	(void)snprintf(m->project, sizeof(m->project), "%s", s->project.root);
	m->argv = s->o->argv;
	m->pid = (int)getpid();
	if (br_session_create(m, &s->m.session_dir, &s->lock, e) < 0)
		return -1;
	if (snprintf(s->dir, sizeof(s->dir), "%s/sessions/%s", s->state, m->id) >= (int)sizeof(s->dir))
		return br_err_set(e, ENAMETOOLONG, "%s", s->state);
	return s->o->explain ? 0 : br_recorder_start(&s->m.rec, s->m.session_dir, m->id, e);
}

static int
make_overlay_dirs(struct br_run *s, struct br_err *e)
{
	s->review = br_pol_value(&s->policy, BR_POL_REVIEW, 0) != 0;
	s->meta.review = s->meta.pending = s->review;
	if (!s->review)
		return 0;
	(void)snprintf(s->upper, sizeof(s->upper), "%.4000s/upper", s->dir);
	(void)snprintf(s->work, sizeof(s->work), "%.4000s/work", s->dir);
	struct stat st;
	if (stat(s->project.root, &st) < 0 || mkdir(s->upper, 0700) < 0 || mkdir(s->work, 0700) < 0 || chmod(s->upper, st.st_mode & 0777) < 0)
		return br_err_set(e, errno, "cannot make the overlay's directories");
	/* What root mounts passes no check of the mounter's: the owner of the layer above is the agent, as the project's is inside. */
	if (s->root && chown(s->upper, s->uid, s->gid) < 0)
		return br_err_set(e, errno, "cannot give %s to uid %u", s->upper, s->uid);
	return 0;
}

/* tmpfs is memory: each of the two never more than 4 GiB, an eighth of what the machine has, or the session's limit of memory. */
static uint64_t
tmp_size(const struct br_run *s)
{
	uint64_t most = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 8;
	if (most > 4ULL << 30)
		most = 4ULL << 30;
	if (s->limits.value[BR_LIMIT_MEMORY] != 0 && s->limits.value[BR_LIMIT_MEMORY] < most)
		most = s->limits.value[BR_LIMIT_MEMORY];
	uint64_t disk = s->limits.value[BR_LIMIT_DISK];
	return disk != 0 && disk < most ? disk : most;
}

int
br_session_plan(struct br_run *s, struct br_err *e)
{
	struct br_plan_input in = {.policy = &s->policy,
	    .project = s->project.root,
	    .common = s->common[0] != '\0' ? s->common : NULL,
	    .home = s->home,
	    .home_src = s->ph.dir,
	    .keeps = s->ph.keeps,
	    .nkeeps = s->ph.nkeeps,
	    .user = s->user,
	    .uid = s->uid,
	    .gid = s->gid,
	    .hostname = BR_RUN_HOSTNAME,
	    .upper = s->review ? s->upper : NULL,
	    .work = s->review ? s->work : NULL,
	    .tmp_size = tmp_size(s)};
	if (br_plan_build(&s->plan, &in, e) < 0)
		return -1;
	if (!s->root)
		return 0;
	/* Only root can reach some of the sources; and it is root that may id-map. */
	br_auto_fd int ns = s->idmap ? br_wall_idmap_ns(s->uid, s->gid, e) : -1;
	return s->idmap && ns < 0 ? -1 : br_mounts_open_sources(&s->plan, ns, s->project.root, e);
}

static bool
trusted_by_option(const struct br_run_options *o, const char *hash)
{
	for (size_t i = 0; i < o->trust.n; i++)
		if (br_streq(o->trust.v[i], hash))
			return true;
	return false;
}

/* What the compiler found that files of the project take for the session, one a line; empty when there is nothing. */
static int
list_taken(const struct br_policy *policy, struct br_buf *out, struct br_err *e)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(policy, BR_POL_WARNING, r)) != NULL;) {
		br_buf_puts(out, out->len == 0 ? "What this takes beyond the project's own files:\n  - " : "  - ");
		for (const char *p = r->text; *p != '\0'; p++)
			br_buf_put(out, *p != '\n' ? p : "?", 1); /* a name must not look like another line */
		br_buf_putc(out, '\n');
	}
	br_buf_putc(out, '\0');
	return out->failed ? br_err_set(e, ENOMEM, "what the policy takes") : 0;
}

/* A policy that lies in the project may have been written by the last session, or by whoever sent the project. */
static int
check_trust(struct br_run *s, struct br_err *e)
{
	br_auto_buf taken = {0};
	if (list_taken(&s->policy, &taken, e) < 0)
		return -1;
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(&s->policy, BR_POL_INPUT, r)) != NULL;) {
		if ((r->flags & BR_POLF_UNTRUSTED) == 0 || strlen(r->data) != 64 || trusted_by_option(s->o, r->data))
			continue;
		int known = br_trust_known(r->text, r->data, e);
		if (known == 0 && isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
			known = br_trust_ask(STDERR_FILENO, r->text, r->data, taken.p, e);
		if (known > 0)
			continue;
		if (known == 0) {
			(void)br_err_set(e, 0, "%s is a policy that you have not trusted yet", r->text);
			(void)br_err_hint(e, "read it, then: brattice trust %s (or, in CI: --trust-policy %s)", r->text, r->data);
		}
		return br_err_status(e, BR_EXIT_REFUSED);
	}
	return 0;
}

/* Before they are made: should this process be killed, gc finds them by its record. */
static int
record_cgroups(struct br_run *s, struct br_err *e)
{
	br_auto_buf groups = {0};
	br_limits_groups(&groups, &s->policy, s->meta.id);
	if (groups.failed || groups.len >= sizeof(s->meta.cgroup))
		return br_err_set(e, groups.failed ? ENOMEM : ENAMETOOLONG, "cannot record the session's cgroups");
	if (groups.len == 0)
		return 0;
	groups.p[groups.len - 1] = '\0';
	memcpy(s->meta.cgroup, groups.p, groups.len);
	return br_session_write_meta(s->m.session_dir, &s->meta, e);
}

int
br_session_prepare(struct br_run *s, struct br_err *e)
{
	if (find_user(s, e) < 0 || br_project_find(&s->project, s->o->cwd, s->home, s->o->force, e) < 0 || find_agent_ids(s, e) < 0 ||
	    start_session(s, e) < 0 || br_policy_load(&s->policy, s->policy_file, s->o, &s->project, s->home, s->state, e) < 0 || check_trust(s, e) < 0)
		return -1;
	const struct br_env_input in = {.policy = &s->policy,
	    .given = &s->o->env,
	    .outer = environ,
	    .home = s->home,
	    .user = s->user,
	    .session = s->meta.id,
	    .uid = s->uid};
	if (br_env_build(&s->env, &in, e) < 0 || record_cgroups(s, e) < 0 ||
	    br_limits_setup(&s->limits, &s->policy, s->meta.id, e) < 0 || make_overlay_dirs(s, e) < 0)
		return -1;
	s->m.record_terminal = br_pol_value(&s->policy, BR_POL_AUDIT_TERMINAL, 0) != 0;
	s->m.record_input = br_pol_value(&s->policy, BR_POL_AUDIT_INPUT, 0) != 0;
	s->m.time_limit = s->limits.value[BR_LIMIT_TIME];
	/* In review mode the repository is no part of the overlay, and an id-mapped project does not make it writable: git then says
	 * that it is not there. */
	if (s->review || s->idmap || !br_worktree_common(s->project.root, s->common))
		s->common[0] = '\0';
	return br_home_prepare(&s->ph, &s->policy, &s->project, s->home, s->state, s->dir, s->root ? (int)s->uid : -1, s->root ? (int)s->gid : -1, e);
}
