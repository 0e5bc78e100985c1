/* Wall and gate, from the record's first line to the moment when the command may start. */
#include "session/run_int.h"

#include "base/io.h"
#include "exec/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* "A, B" as a list. */
static void
put_names(struct br_event *ev, const char *key, const char *names)
{
	br_event_open(ev, key, '[');
	for (const char *p = names; p != NULL && *p != '\0';) {
		size_t n = strcspn(p, ",");
		br_event_strn(ev, NULL, p, n);
		p += n + strspn(p + n, ", ");
	}
	br_event_close(ev, ']');
}

static void
put_limits(struct br_event *ev, const struct br_limits *l)
{
	br_event_open(ev, "limits", '{');
	for (int k = 0; k < BR_LIMIT_N; k++) {
		if (l->value[k] == 0)
			continue;
		br_event_open(ev, br_limit_name((enum br_limit_kind)k), '{');
		br_event_int(ev, "value", (int64_t)l->value[k]);
		br_event_str(ev, "how", br_limit_how_name(l->how[k]));
		br_event_str(ev, "by", l->by[k]);
		br_event_close(ev, '}');
	}
	br_event_close(ev, '}');
}

static void
put_environment(struct br_event *ev, const struct br_env *env)
{
	br_event_open(ev, "env", '[');
	for (char **v = env->v; v != NULL && *v != NULL; v++)
		br_event_strn(ev, NULL, *v, strcspn(*v, "="));
	br_event_close(ev, ']');
	if (env->secrets.len > 0)
		put_names(ev, "withheld", env->secrets.p);
}

/* With its secrets as hashes: a key on the command line is not for the record. */
static void
put_argv(struct br_event *ev, const struct br_run *s)
{
	br_auto_buf b = {0};
	for (char **a = s->o->argv; *a != NULL; a++)
		br_buf_put(&b, *a, strlen(*a) + 1);
	br_event_argv(ev, "argv", b.p, b.len, s->m.rec.salt);
	ev->line.failed |= b.failed;
}

/* What is about to run, where, under what. */
static void
start_event(struct br_event *ev, const struct br_run *s)
{
	struct utsname u = {0};
	(void)uname(&u);
	br_event_begin(ev, BR_EV_START);
	br_event_str(ev, "session", s->meta.id);
	br_event_str(ev, "version", BRATTICE_VERSION);
	put_argv(ev, s);
	br_event_str(ev, "project", s->project.root);
	br_event_str(ev, "cwd", s->project.cwd);
	br_event_str(ev, "wall", "namespace");
	br_event_str(ev, "policy", s->policy.hash);
	br_event_open(ev, "profiles", '[');
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(&s->policy, BR_POL_PROFILE, r)) != NULL;)
		br_event_str(ev, NULL, r->text);
	br_event_close(ev, ']');
	br_event_str(ev, "user", s->user);
	br_event_int(ev, "uid", s->uid);
	br_event_str(ev, "host", u.nodename);
	br_event_str(ev, "kernel", u.release);
	put_environment(ev, &s->env);
	put_limits(ev, &s->limits);
}

int
br_session_open_records(struct br_run *s, struct br_err *e)
{
	int dir = s->m.session_dir;
	s->m.touched_fd = openat(dir, "touched", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	s->m.base_fd = openat(dir, "base", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->m.touched_fd < 0 || s->m.base_fd < 0)
		return br_err_set(e, errno, "cannot open the session's list of changes");
	(void)snprintf(s->meta.policy, sizeof(s->meta.policy), "%s", s->policy.hash);
	/* The compiled policy never changes under its name, which is its hash: a link will do. */
	if (linkat(AT_FDCWD, s->policy_file, dir, "log/policy", 0) < 0)
		return br_err_set(e, errno, "cannot keep the policy in the session's record");
	start_event(&s->m.rec.event, s);
	/* Should the auditor be dead already, br_session_release_gate tells: a wall that can't be made says better what is the matter. */
	(void)br_recorder_post(&s->m.rec, BR_CLASS_A);
	return 0;
}

int
br_session_block_signals(struct br_run *s, struct br_err *e)
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

int
br_session_start_wall(struct br_run *s, struct br_err *e)
{
	struct br_wall_config c = {.plan = &s->plan,
	    .argv = s->o->argv,
	    .envp = s->env.v,
	    .cwd = s->project.cwd,
	    .hostname = BR_RUN_HOSTNAME,
	    .uid = s->uid,
	    .gid = s->gid,
	    .root = s->root,
	    .terminal = s->m.term.fd >= 0,
	    .stdio = {s->stdio[0], s->stdio[1], s->stdio[2]},
	    .rlimits = {.files = s->limits.value[BR_LIMIT_FILES], .pids = s->limits.value[BR_LIMIT_PIDS], .fsize = s->limits.value[BR_LIMIT_DISK]}};
	memcpy(c.cgroup_procs, s->limits.procs, sizeof(c.cgroup_procs));
	const int drop[] = {s->far[0], s->far[1], s->far[2], s->lock, s->m.session_dir, s->m.rec.fd, s->m.rec.gate_fd, s->m.rec.said, s->m.touched_fd, s->m.base_fd, s->m.sigfd,
	    s->m.term.fd, s->ph.made.fd, s->ph.made.project, s->m.copy_fd};
	memcpy(c.drop, drop, sizeof(drop));
	c.ndrop = BR_ARRAY_LEN(drop);
	(void)br_terminal_size(&s->m.term, &c.rows, &c.cols);
	return br_wall_start(&s->m.wall, &c, e);
}

/* While init mounts: what is to be hidden. */
int
br_session_send_masks(struct br_run *s, struct br_err *e)
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

int
br_session_start_gate(struct br_run *s, struct br_err *e)
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
		    .audit = s->m.rec.gate_fd,
		    /* Closing the last descriptor of an inotify group waits for a grace period of the kernel's, some 10 ms. */
		    .hold = s->m.late != NULL ? br_latecomers_fd(s->m.late) : -1,
		    .guard = s->guard,
		    .policy = &s->policy,
		    .project = s->project.root,
		    .common = s->common[0] != '\0' ? s->common : NULL,
		    .uid = s->uid,
		    .gid = s->gid,
		    .root = s->root,
		    .review = s->review,
		    .umask = mask,
		    .started_ms = s->meta.started_ms,
		    .memory = s->limits.how[BR_LIMIT_MEMORY] == BR_LIMIT_APPROXIMATE ? s->limits.value[BR_LIMIT_MEMORY] : 0};
		memcpy(c.salt, s->m.rec.salt, sizeof(c.salt));
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != s->meta.pid)
			_exit(1);
		br_gate_main(&c);
	}
	(void)close(pair[1]);
	(void)close(s->m.wall.gate_sock);
	s->m.wall.gate_sock = -1;
	(void)close(s->m.rec.gate_fd);
	s->m.rec.gate_fd = -1;
	s->m.gate_pid = pid;
	s->m.gate_sock = pair[0];
	return 0;
}

/* While init still mounts, the auditor makes the log and writes the start to disk; only then may the gate let init start the command. */
int
br_session_release_gate(struct br_run *s, struct br_err *e)
{
	if (br_recorder_settle(&s->m.rec) < 0) {
		br_recorder_cause(&s->m.rec, errno, e);
		return -1;
	}
	if (br_send_frame(s->m.gate_sock, "A", 1, NULL, 0) < 0)
		return br_err_set(e, errno, "the path gate died while it started");
	return 0;
}
