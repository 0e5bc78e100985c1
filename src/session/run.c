/* `brattice run`: from options to a running wall, and back to nothing. */
#include "session/run.h"

#include "base/io.h"
#include "exec/gate.h"
#include "sandbox/limits.h"
#include "sandbox/mounts.h"
#include "session/env.h"
#include "session/home.h"
#include "session/monitor.h"
#include "session/neighbours.h"
#include "session/policy_load.h"
#include "session/project.h"
#include "session/helper.h"
#include "session/scan.h"
#include "session/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOSTNAME "brattice"
#define DRAIN_MS 500
#define NOBODY 65534
#define PIPEFS_MAGIC 0x50495045 /* linux/magic.h */

extern char **environ;

/* A pipe in the place of a descriptor of the user's. */
struct stand_in {
	struct br_monitor *m;
	int *far;
	bool filter;
};

struct session {
	const struct br_run_options *o;
	char *state;
	char home[PATH_MAX], user[64];
	uid_t uid;
	gid_t gid;
	bool root, idmap;
	struct br_project project;
	struct br_policy policy;
	char policy_file[PATH_MAX]; /* the compiled one, in the cache */
	struct br_session_meta meta;
	int lock;
	char dir[PATH_MAX]; /* the session's */
	char upper[PATH_MAX], work[PATH_MAX];
	bool review;
	struct br_limits limits;
	struct br_env env;
	struct br_home ph;
	struct br_plan plan;
	struct br_guard *guard;
	struct br_scan scan;
	int stdio[3];
	int far[3]; /* our ends of pipes that stand in for files, terminals, sockets */
	struct stand_in stand_ins[3];
	struct br_monitor m;
};

static int
find_user(struct session *s, struct br_err *e)
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
find_agent_ids(struct session *s, struct br_err *e)
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
check_apart(const struct session *s, const char *dir, const char *what, struct br_err *e)
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
start_session(struct session *s, struct br_err *e)
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
	return 0;
}

static int
open_records(struct session *s, struct br_err *e)
{
	int dir = s->m.session_dir;
	if (br_events_open(&s->m.events, dir) < 0)
		return br_err_set(e, errno, "cannot open the session's record");
	s->m.touched_fd = openat(dir, "touched", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	s->m.base_fd = openat(dir, "base", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->m.touched_fd < 0 || s->m.base_fd < 0)
		return br_err_set(e, errno, "cannot open the session's list of changes");
	(void)snprintf(s->meta.policy, sizeof(s->meta.policy), "%s", s->policy.hash);
	br_event_begin(&s->m.events, "start");
	br_event_str(&s->m.events, "session", s->meta.id);
	br_event_strv(&s->m.events, "argv", s->o->argv);
	br_event_str(&s->m.events, "project", s->project.root);
	br_event_str(&s->m.events, "policy", s->policy.hash);
	br_event_str(&s->m.events, "wall", "namespace");
	if (s->env.secrets.len > 0)
		br_event_str(&s->m.events, "withheld", s->env.secrets.p);
	for (int k = 0; k < BR_LIMIT_N; k++) {
		char key[32], text[96];
		if (s->limits.value[k] == 0)
			continue;
		(void)snprintf(key, sizeof(key), "limit.%s", br_limit_name((enum br_limit_kind)k));
		(void)snprintf(text, sizeof(text), "%llu %s (%s)", (unsigned long long)s->limits.value[k], br_limit_how_name(s->limits.how[k]),
		    s->limits.by[k]);
		br_event_str(&s->m.events, key, text);
	}
	if (br_event_commit(&s->m.events, false) < 0)
		return br_err_set(e, errno, "cannot write the session's record");
	return 0;
}

static int
make_overlay_dirs(struct session *s, struct br_err *e)
{
	s->review = br_pol_value(&s->policy, BR_POL_REVIEW, 0) != 0;
	s->meta.review = s->meta.pending = s->review;
	if (!s->review)
		return 0;
	if (s->root) {
		(void)br_err_set(e, 0, "review mode as root is not in this version");
		return br_err_hint(e, "run brattice as the user who owns the project");
	}
	(void)snprintf(s->upper, sizeof(s->upper), "%.4000s/upper", s->dir);
	(void)snprintf(s->work, sizeof(s->work), "%.4000s/work", s->dir);
	struct stat st;
	if (stat(s->project.root, &st) < 0 || mkdir(s->upper, 0700) < 0 || mkdir(s->work, 0700) < 0 || chmod(s->upper, st.st_mode & 0777) < 0)
		return br_err_set(e, errno, "cannot make the overlay's directories");
	return 0;
}

/* tmpfs is memory: each of the two never more than 4 GiB or an eighth of what the machine has. */
static uint64_t
tmp_size(const struct session *s)
{
	uint64_t most = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 8;
	if (most > 4ULL << 30)
		most = 4ULL << 30;
	uint64_t disk = s->limits.value[BR_LIMIT_DISK];
	return disk != 0 && disk < most ? disk : most;
}

static int
build_plan(struct session *s, struct br_err *e)
{
	struct br_plan_input in = {.policy = &s->policy,
	    .project = s->project.root,
	    .home = s->home,
	    .home_src = s->ph.dir,
	    .keeps = s->ph.keeps,
	    .nkeeps = s->ph.nkeeps,
	    .user = s->user,
	    .uid = s->uid,
	    .gid = s->gid,
	    .hostname = HOSTNAME,
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

/* May the command have this descriptor of the user's itself? Pipes and /dev/null only: with a file it could change the file's
 * mode or truncate it, with a terminal type into it, with a socket pass descriptors, with a directory leave the sandbox. */
static bool
is_harmless(int fd, const struct stat *st)
{
	struct statfs fs;
	if (S_ISFIFO(st->st_mode))
		return fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int
set_stdio(struct session *s, struct br_err *e)
{
	for (int i = 0; i < 3; i++) {
		struct stat st;
		int pair[2];
		s->stdio[i] = s->far[i] = -1;
		if (fstat(i, &st) < 0) {
			s->stdio[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		} else if (S_ISDIR(st.st_mode)) {
			(void)br_err_set(e, 0, "descriptor %d is a directory", i);
			return br_err_hint(e, "redirect it to a file, a pipe or /dev/null");
		} else if (is_harmless(i, &st)) {
			s->stdio[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		} else {
			if (pipe2(pair, O_CLOEXEC) < 0)
				return br_err_set(e, errno, "pipe");
			s->stdio[i] = pair[i == 0 ? 0 : 1];
			s->far[i] = pair[i == 0 ? 1 : 0];
		}
		if (s->stdio[i] < 0)
			return br_err_set(e, errno, "cannot hand over descriptor %d", i);
	}
	return 0;
}

/* What goes to a terminal is filtered; a file or a socket gets the bytes. */
static void
copy_output(void *arg, const char *data, size_t n, struct br_buf *out)
{
	struct stand_in *p = arg;
	if (p->filter)
		br_term_filter(&p->m->filter, data, n, out);
	else
		br_buf_put(out, data, n);
}

/* End of file, or a reader that is gone, on one side becomes the same on the other. */
static void
close_far(void *arg)
{
	struct stand_in *p = arg;
	br_cleanup_fd(p->far);
	*p->far = -1;
}

static void
start_pipes(struct session *s)
{
	struct br_monitor *m = &s->m;
	for (int i = 0; i < 3; i++) {
		if (s->far[i] < 0)
			continue;
		struct stand_in *p = &s->stand_ins[i];
		*p = (struct stand_in){.m = m, .far = &s->far[i], .filter = isatty(i) != 0};
		/* Our end never blocks: the relay polls. */
		(void)fcntl(s->far[i], F_SETFL, O_NONBLOCK);
		struct br_relay *r = i == 0 ? br_relay_new(m->loop, 0, s->far[0], NULL, close_far, p) :
		                              br_relay_new(m->loop, s->far[i], i, copy_output, close_far, p);
		if (r != NULL)
			m->relays[m->nrelays++] = r;
	}
}

static int
block_signals(struct session *s, struct br_err *e)
{
	static const int sigs[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGWINCH, SIGUSR1, SIGUSR2, SIGCHLD};
	sigset_t set;
	(void)sigemptyset(&set);
	for (size_t i = 0; i < BR_ARRAY_LEN(sigs); i++)
		(void)sigaddset(&set, sigs[i]);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return br_err_set(e, errno, "cannot block signals");
	s->m.sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->m.sigfd < 0 ? br_err_set(e, errno, "signalfd") : 0;
}

static int
start_wall(struct session *s, struct br_err *e)
{
	struct br_wall_config c = {.plan = &s->plan,
	    .argv = s->o->argv,
	    .envp = s->env.v,
	    .cwd = s->project.cwd,
	    .hostname = HOSTNAME,
	    .uid = s->uid,
	    .gid = s->gid,
	    .root = s->root,
	    .terminal = s->m.term.fd >= 0,
	    .stdio = {s->stdio[0], s->stdio[1], s->stdio[2]},
	    .rlimits = {.files = s->limits.value[BR_LIMIT_FILES], .pids = s->limits.value[BR_LIMIT_PIDS], .fsize = s->limits.value[BR_LIMIT_DISK]}};
	memcpy(c.cgroup_procs, s->limits.procs, sizeof(c.cgroup_procs));
	const int drop[] = {s->far[0], s->far[1], s->far[2], s->lock, s->m.session_dir, s->m.events.fd, s->m.touched_fd, s->m.base_fd, s->m.sigfd,
	    s->m.term.fd, s->ph.made.fd, s->ph.made.project};
	memcpy(c.drop, drop, sizeof(drop));
	c.ndrop = BR_ARRAY_LEN(drop);
	(void)br_terminal_size(&s->m.term, &c.rows, &c.cols);
	return br_wall_start(&s->m.wall, &c, e);
}

/* While init mounts: what is to be hidden. */
static int
send_masks(struct session *s, struct br_err *e)
{
	s->guard = br_guard_new(&s->policy, e);
	if (s->guard == NULL)
		return -1;
	/* In review mode the host's later files don't show through reliably anyway, but a secret might: watched all the same. */
	s->m.late = br_latecomers_new(s->guard, s->project.root, br_monitor_mask, &s->m);
	if (s->m.late == NULL)
		br_warn("cannot watch the project for secrets that arrive later: %s", strerror(errno));
	if (br_scan_project(&s->scan, s->project.root, s->guard, s->m.late, e) < 0)
		return -1;
	if (s->scan.truncated)
		br_warn("the project is so large that not all of it was searched for secrets to hide");
	size_t at = 0, root = strlen(s->project.root);
	const char *p = s->scan.hidden.p;
	for (uint32_t i = 0; i < s->scan.nhidden; i++) {
		size_t n = strlen(p);
		if (at + root + n + 2 > BR_WALL_MASK_AREA)
			return br_err_set(e, 0, "too many hidden files in the project (%u)", s->scan.nhidden);
		memcpy(s->m.wall.masks + at, s->project.root, root);
		s->m.wall.masks[at + root] = '/';
		memcpy(s->m.wall.masks + at + root + 1, p, n + 1);
		at += root + n + 2;
		p += n + 1;
	}
	return br_wall_send_masks(&s->m.wall, s->scan.nhidden, e);
}

static int
start_gate(struct session *s, struct br_err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return br_err_set(e, errno, "socketpair");
	pid_t pid = fork();
	if (pid < 0)
		return br_err_set(e, errno, "cannot start the path gate");
	if (pid == 0) {
		mode_t mask = umask(0);
		(void)umask(mask);
		struct br_gate_config c = {.init_pidfd = s->m.wall.pidfd,
		    .init_sock = s->m.wall.gate_sock,
		    .monitor_sock = pair[1],
		    .guard = s->guard,
		    .policy = &s->policy,
		    .project = s->project.root,
		    .uid = s->uid,
		    .gid = s->gid,
		    .root = s->root,
		    .review = s->review,
		    .umask = mask,
		    .started_ms = s->meta.started_ms,
		    .memory = s->limits.how[BR_LIMIT_MEMORY] == BR_LIMIT_APPROXIMATE ? s->limits.value[BR_LIMIT_MEMORY] : 0};
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != s->meta.pid)
			_exit(1);
		br_gate_main(&c);
	}
	(void)close(pair[1]);
	(void)close(s->m.wall.gate_sock);
	s->m.wall.gate_sock = -1;
	s->m.gate_pid = pid;
	s->m.gate_sock = pair[0];
	return 0;
}

/* While init still mounts, the start goes to disk; only then may the gate let init start the command. */
static int
release_gate(struct session *s, struct br_err *e)
{
	if (fdatasync(s->m.events.fd) < 0)
		return br_err_set(e, errno, "cannot write the session's record");
	if (br_send_frame(s->m.gate_sock, "A", 1, NULL, 0) < 0)
		return br_err_set(e, errno, "the path gate died while it started");
	return 0;
}

static bool
trusted_by_option(const struct br_run_options *o, const char *hash)
{
	for (size_t i = 0; i < o->trust.n; i++)
		if (br_streq(o->trust.v[i], hash))
			return true;
	return false;
}

/* What the compiler found that files of the project take for the session, one a line. */
static int
list_taken(const struct br_policy *policy, struct br_buf *out, struct br_err *e)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(policy, BR_POL_WARNING, r)) != NULL;) {
		for (const char *p = r->text; *p != '\0'; p++)
			br_buf_putc(out, *p != '\n' ? *p : '?'); /* a name must not look like another line */
		br_buf_putc(out, '\n');
	}
	br_buf_putc(out, '\0');
	return out->failed ? br_err_set(e, ENOMEM, "what the policy takes") : 0;
}

/* A policy that lies in the project may have been written by the last session, or by whoever sent the project. */
static int
check_trust(struct session *s, struct br_err *e)
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

/* Before anything enters them: should this process be killed, gc finds them by its record. */
static int
record_cgroups(struct session *s, struct br_err *e)
{
	size_t at = 0;
	for (size_t i = 0; i < s->limits.n; i++) {
		int n = snprintf(s->meta.cgroup + at, sizeof(s->meta.cgroup) - at, "%s%s", at > 0 ? "\n" : "", s->limits.dirs[i]);
		if (n < 0 || at + (size_t)n >= sizeof(s->meta.cgroup)) {
			s->meta.cgroup[at] = '\0';
			return br_err_set(e, ENAMETOOLONG, "the session's cgroup %s", s->limits.dirs[i]);
		}
		at += (size_t)n;
	}
	return s->limits.n > 0 ? br_session_write_meta(s->m.session_dir, &s->meta, e) : 0;
}

static int
prepare(struct session *s, struct br_err *e)
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
	if (br_env_build(&s->env, &in, e) < 0 || br_limits_setup(&s->limits, &s->policy, s->meta.id, e) < 0 || record_cgroups(s, e) < 0 || make_overlay_dirs(s, e) < 0)
		return -1;
	s->m.time_limit = s->limits.value[BR_LIMIT_TIME];
	return br_home_prepare(&s->ph, &s->policy, &s->project, s->home, s->state, s->dir, s->root ? (int)s->uid : -1, s->root ? (int)s->gid : -1, e);
}

static int
explain(struct session *s)
{
	br_auto_buf b = {0};
	br_plan_print(&s->plan, &b);
	for (char **v = s->env.v; v != NULL && *v != NULL; v++)
		br_buf_printf(&b, "env     %.*s\n", (int)strcspn(*v, "="), *v);
	if (s->env.secrets.len > 0)
		br_buf_printf(&b, "withheld (look like secrets): %s\n", s->env.secrets.p);
	for (int k = 0; k < BR_LIMIT_N; k++)
		if (s->limits.value[k] != 0)
			br_buf_printf(&b, "limit   %s %llu: %s (%s)\n", br_limit_name((enum br_limit_kind)k), (unsigned long long)s->limits.value[k],
			    br_limit_how_name(s->limits.how[k]), s->limits.by[k]);
	(void)br_write_all(STDOUT_FILENO, b.p != NULL ? b.p : "", b.len);
	return 0;
}

/* For a person at a terminal, before the command owns the screen. */
static void
say_at_start(const struct session *s)
{
	for (int k = 0; k < BR_LIMIT_N; k++)
		if (s->limits.how[k] == BR_LIMIT_REFUSED)
			br_warn("limits.%s is not enforced: it %s", br_limit_name((enum br_limit_kind)k), s->limits.by[k]);
	if (s->m.term.fd < 0)
		return;
	if (s->env.secrets.len > 0)
		br_warn("kept out of the sandbox, since they look like secrets: %s (--env NAME passes one on)", s->env.secrets.p);
	char who[128];
	if (!s->review && br_neighbours(s->project.root, who, sizeof(who)) > 0)
		br_warn("%s works in this project too, and may run what the agent writes at once; --review keeps it apart", who);
}

/* The wall's own errors name the call that failed; which of an old kernel, a filter around us or a security module it was, they
 * can't tell. */
static void
hint_missing(struct br_err *e)
{
	if (e->hint[0] == '\0' && (e->sys == ENOSYS || e->sys == EPERM || e->sys == EOPNOTSUPP))
		(void)br_err_hint(e, "this kernel, or a sandbox around brattice, refuses it: run brattice outside of any other sandbox; "
				     "`brattice doctor` shows what this machine can enforce");
}

static int
launch(struct session *s, struct br_err *e)
{
	struct br_monitor *m = &s->m;
	if (open_records(s, e) < 0)
		return -1;
	if (!s->o->no_terminal && br_terminal_open(&m->term, e) < 0)
		return -1;
	m->filter.latin = br_terminal_is_latin();
	m->term.filter = &m->filter;
	if (m->term.fd < 0 && set_stdio(s, e) < 0)
		return -1;
	say_at_start(s);
	m->uid = s->uid;
	m->gid = s->gid;
	if (block_signals(s, e) < 0 || start_wall(s, e) < 0)
		return -1;
	if (send_masks(s, e) < 0 || start_gate(s, e) < 0 || release_gate(s, e) < 0) {
		br_wall_cause(&m->wall, e);
		return -1;
	}
	for (int i = 0; i < 3; i++)
		br_cleanup_fd(&s->stdio[i]); /* the command has them */
	s->stdio[0] = s->stdio[1] = s->stdio[2] = -1;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)snprintf(s->meta.state, sizeof(s->meta.state), "running");
	if (br_session_write_meta(m->session_dir, &s->meta, e) < 0)
		return -1;
	start_pipes(s);
	/* While init still mounts: what sessions that were killed left behind. */
	struct br_gc_report gone = {0};
	struct br_err ignored = BR_ERR_INIT;
	(void)br_session_gc(-1, &gone, &ignored);
	return br_monitor_loop(m, e);
}

/* What the gate still had to say when the last process inside ended. */
static void
drain_gate(struct session *s)
{
	struct br_monitor *m = &s->m;
	char frame[65536];
	if (m->gate_sock < 0)
		return;
	while (!m->gate_done) {
		struct pollfd p = {.fd = m->gate_sock, .events = POLLIN};
		if (poll(&p, 1, 2000) != 1)
			break;
		ssize_t n = br_recv_frame(m->gate_sock, frame, sizeof(frame), NULL, NULL);
		if (n <= 0)
			break;
		if (frame[0] == 'T')
			(void)br_write_all(m->touched_fd, frame + 1, (size_t)n - 1);
		else if (frame[0] == 'B')
			(void)br_write_all(m->base_fd, frame + 1, (size_t)n - 1);
		else if (frame[0] == 'Z')
			break;
	}
	/* Not waited for: it has nothing left to do but give its namespaces back. */
	(void)kill(m->gate_pid, SIGKILL);
	(void)close(m->gate_sock);
	m->gate_sock = -1;
}

/* What the changes could make the host execute; the helper stays quiet when there is nothing. */
static void
handoff(struct session *s)
{
	struct stat st;
	struct br_err e = BR_ERR_INIT;
	char policy[PATH_MAX + 16];
	if (s->m.touched_fd < 0 || fstat(s->m.touched_fd, &st) < 0 || st.st_size == 0 || s->policy_file[0] == '\0')
		return;
	(void)snprintf(policy, sizeof(policy), "%s", s->policy_file);
	char *argv[] = {(char[]){"brattice-review"}, (char[]){"handoff"}, (char[]){"--session"}, s->dir, (char[]){"--project"}, s->project.root,
	    (char[]){"--policy"}, policy, isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL ? (char[]){"--colour"} : NULL, NULL};
	if (br_helper_run("brattice-review", argv, &e) < 0)
		br_err_print(&e);
}

/* Everything that was made goes, in the opposite order; safe wherever the start stopped. */
static void
finish(struct session *s, int status)
{
	struct br_monitor *m = &s->m;
	br_monitor_kill(m);
	br_limits_finish(&s->limits);
	for (size_t i = 0; i < m->nrelays; i++) {
		if (m->pty < 0 || i == 0)
			br_relay_drain(m->relays[i], DRAIN_MS);
		br_relay_free(m->relays[i]);
	}
	if (m->term.fd >= 0)
		br_terminal_restore(&m->term);
	drain_gate(s);
	if (m->control != NULL)
		br_control_close(m->control, status);
	if (m->events.fd >= 0) {
		br_event_begin(&m->events, "end");
		br_event_int(&m->events, "status", status);
		br_event_int(&m->events, "denied", m->denied);
		(void)br_event_commit(&m->events, false);
		/* On its way to disk, but not waited for: after a power cut the session reads as ended by a crash, which is true. */
		(void)sync_file_range(m->events.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		br_events_close(&m->events);
	}
	handoff(s);
	if (s->meta.id[0] != '\0') {
		br_home_finish(&s->ph, &s->policy);
		struct br_err ignored = BR_ERR_INIT;
		(void)br_session_end(m->session_dir, &s->meta, status, &ignored);
	}
}

static void
release(struct session *s)
{
	struct br_monitor *m = &s->m;
	br_loop_free(m->loop);
	br_home_free(&s->ph);
	br_plan_free(&s->plan);
	br_latecomers_free(m->late);
	br_guard_free(s->guard);
	br_scan_free(&s->scan);
	br_env_free(&s->env);
	br_pol_free(&s->policy);
	free(s->state);
	int *const fds[] = {&m->session_dir, &s->lock, &m->touched_fd, &m->base_fd, &m->sigfd, &m->pty, &m->term.fd, &s->stdio[0], &s->stdio[1],
	    &s->stdio[2], &s->far[0], &s->far[1], &s->far[2]};
	for (size_t i = 0; i < BR_ARRAY_LEN(fds); i++)
		br_cleanup_fd(fds[i]);
}

int
br_run(const struct br_run_options *o, struct br_err *e)
{
	struct session s = {.o = o, .lock = -1, .limits = {.procs = {-1, -1, -1, -1}}, .stdio = {-1, -1, -1}, .far = {-1, -1, -1}};
	s.m = (struct br_monitor){.session_dir = -1, .json_fd = (int)o->json_events, .touched_fd = -1, .base_fd = -1, .gate_sock = -1, .sigfd = -1,
	    .term = {.fd = -1}, .pty = -1, .events = {.fd = -1}, .wall = {.pidfd = -1, .userns = -1, .mntns = -1, .sock = -1, .gate_sock = -1}, .meta = &s.meta};
	s.m.loop = br_loop_new();
	int rc = s.m.loop == NULL ? br_err_set(e, errno, "epoll") : prepare(&s, e);
	if (rc == 0)
		rc = build_plan(&s, e);
	if (rc == 0 && o->explain)
		rc = explain(&s);
	else if (rc == 0)
		rc = launch(&s, e) < 0 ? -1 : s.m.status;
	if (rc < 0)
		hint_missing(e);
	finish(&s, rc >= 0 ? rc : e->status);
	release(&s);
	return rc;
}
