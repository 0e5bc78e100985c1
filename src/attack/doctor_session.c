/* Processes: the services that are attacked, and the sessions that attack. */
#include "doctor.h"

#include "base/io.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

/* A race takes a second. */
#define ANSWER_MS  30000
#define READY_MS   15000
#define END_MS     30000
/* Pids of services are above those of a session's own processes, which begin at 1. */
#define PID_ABOVE  4096
#define EXTRA_FD   9

/* --- a child ---------------------------------------------------------------------------------------------------------------- */

/* In the child. */
static void
become(struct world *w, const struct spawn *s, int in, int out, int log, pid_t parent)
{
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	if (s->at_death != 0 && (prctl(PR_SET_PDEATHSIG, s->at_death) < 0 || getppid() != parent))
		_exit(124);
	/* Where the mount attacks of the control act. */
	if (s->own_mounts && unshare(CLONE_NEWNS) == 0)
		(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	br_auto_free char *key = probe_cat(w->value['H'], "/.ssh/id_ed25519");
	int extra = s->session ? open(key, O_RDONLY | O_CLOEXEC) : -1;
	if (extra >= 0)
		(void)dup2(extra, EXTRA_FD);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(log, 2) < 0 || chdir(s->cwd) < 0)
		_exit(124);
	(void)execve(s->path, s->argv, s->env);
	_exit(124);
}

pid_t
world_spawn(struct world *w, const struct spawn *s)
{
	/* Above what becomes of descriptors in the child. */
	br_auto_fd int null = fcntl(open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, EXTRA_FD + 1);
	br_auto_fd int log = openat(w->dir, "log/messages", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (null < 0 || log < 0)
		return -1;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become(w, s, s->in >= 0 ? s->in : null, s->out >= 0 ? s->out : log, log, parent);
	return pid;
}

int
world_poll(struct world *w, int fd, int ms)
{
	struct pollfd p[2] = {{w->signals, POLLIN, 0}, {fd, POLLIN, 0}};
	struct signalfd_siginfo si;
	int n = w->ended != 0 ? -1 : poll(p, 2, ms);
	if (n > 0 && (p[0].revents & POLLIN) != 0 && read(w->signals, &si, sizeof(si)) == sizeof(si))
		w->ended = (int)si.ssi_signo;
	return w->ended != 0 || n < 0 ? -1 : n > 0;
}

bool
world_wait(struct world *w, pid_t pid, int ms, int *status)
{
	br_auto_fd int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 || world_poll(w, fd, ms) <= 0)
		return false;
	return waitpid(pid, status, 0) == pid;
}

/* --- services --------------------------------------------------------------------------------------------------------------- */

static const struct service {
	char letter;
	const char *line;
	char cwd;          /* letter of a directory */
	const char *value; /* NULL: what the service says */
} services[] = {
    {'A', "victim %W/log/%C", 'W', NULL},
    {'D', "unix daemon.sock %S %H/.ssh/id_ed25519", 'P', "daemon.sock"},
    {'G', "unix agent.sock %S", 'R', "%R/agent.sock"},
    {'U', "dgram datagram.sock %W/log/datagrams", 'P', "datagram.sock"},
    {'B', "abstract %C %S", 'W', "%C"},
    {'T', "tcp 127.0.0.1 %S", 'W', NULL},
    {'K', "shm %N %S", 'W', "%N"},
    {'Q', "mq %C", 'W', "%C"},
    {'Y', "key %C %S", 'W', "%C"},
};

/* Reads one line; what it says after "ready PID " into `said`. */
static bool
wait_ready(struct world *w, int fd, char *said, size_t room)
{
	char line[4200];
	size_t n = 0;
	while (n < sizeof(line) - 1 && (n == 0 || line[n - 1] != '\n')) {
		if (world_poll(w, fd, READY_MS) <= 0 || read(fd, line + n, 1) != 1)
			return false;
		n++;
	}
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	const char *p = br_startswith(line, "ready ") ? strchr(line + 6, ' ') : NULL;
	return p != NULL && snprintf(said, room, "%s", p + 1) < (int)room;
}

static size_t
split(char *line, char **argv, size_t room)
{
	size_t n = 0;
	char *save = NULL;
	for (char *word = strtok_r(line, "\t", &save); word != NULL && n < room - 1; word = strtok_r(NULL, "\t", &save))
		argv[n++] = word;
	argv[n] = NULL;
	return n;
}

bool
service_start(struct world *w, char letter, const char *line, char cwd, const char *value)
{
	br_auto_buf words = {0}, result = {0};
	char *argv[16] = {(char[]){"brattice-attack"}, (char[]){"host"}}, said[4200];
	br_auto_free char *secret = probe_cat("SECRET_OF_VICTIM=", w->value['E']);
	char *env[] = {secret, NULL};
	int p[2];
	if (w->nservices == BR_ARRAY_LEN(w->services) || !world_expand(w, line, &words) || pipe2(p, O_CLOEXEC) < 0)
		return false;
	(void)split(words.p, argv + 2, BR_ARRAY_LEN(argv) - 2);
	struct spawn s = {.path = w->self, .cwd = w->value[(unsigned char)cwd], .argv = argv, .env = env, .in = -1, .out = p[1], .at_death = SIGTERM};
	pid_t pid = world_spawn(w, &s);
	(void)close(p[1]);
	bool ok = pid > 0 && wait_ready(w, p[0], said, sizeof(said));
	(void)close(p[0]);
	if (pid > 0)
		w->services[w->nservices++] = pid;
	if (!ok || !world_expand(w, value != NULL ? value : "", &result))
		return false;
	world_set(w, letter, "%s", value != NULL ? result.p : said);
	if (letter == 'A')
		world_set(w, 'V', "%d", pid);
	return true;
}

/* In a new container pids are small, and would name processes of the session's own. */
static void
spend_pids(void)
{
	for (int i = 0; i < PID_ABOVE; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		if (pid > 0)
			(void)waitpid(pid, NULL, 0);
		if (pid < 0 || pid > PID_ABOVE)
			return;
	}
}

void
services_start(struct world *w)
{
	char hex[2 * 2 + 1];
	br_random_hex(hex, 2);
	world_set(w, 'N', "0x6272%s", hex);
	spend_pids();
	for (size_t i = 0; i < BR_ARRAY_LEN(services) && w->ended == 0; i++) {
		free(w->value[(unsigned char)services[i].letter]);
		w->value[(unsigned char)services[i].letter] = NULL;
		(void)service_start(w, services[i].letter, services[i].line, services[i].cwd, services[i].value);
	}
}

void
services_stop(struct world *w)
{
	for (size_t i = 0; i < w->nservices; i++) {
		int status = 0;
		(void)kill(w->services[i], SIGTERM);
		(void)kill(w->services[i], SIGCONT);
		/* Also when a signal has come: it takes a moment only. */
		br_auto_fd int fd = (int)syscall(SYS_pidfd_open, w->services[i], 0);
		struct pollfd p = {fd, POLLIN, 0};
		if (fd >= 0 && poll(&p, 1, READY_MS) <= 0)
			(void)kill(w->services[i], SIGKILL);
		(void)waitpid(w->services[i], &status, 0);
	}
	w->nservices = 0;
}

/* --- sessions --------------------------------------------------------------------------------------------------------------- */

static pid_t
spawn_session(struct world *w, char *const *command, int in, int out, bool terminal)
{
	char *argv[32] = {NULL};
	size_t n = 0;
	br_auto_free char *output = probe_cat(w->value['W'], "/log/terminal"), *queue = probe_cat(w->value['W'], "/log/queue");
	char *const front[] = {(char[]){"brattice-attack"}, (char[]){"host"}, (char[]){"pty"}, output, queue};
	for (size_t i = 0; i < BR_ARRAY_LEN(front) && terminal; i++)
		argv[n++] = front[i];
	char *const wall[] = {(char *)(uintptr_t)w->brattice, (char[]){"run"}, (char[]){"--no-terminal"}, (char[]){"--"}};
	for (size_t i = 0; i < BR_ARRAY_LEN(wall) && !w->bare; i++)
		if (i != 2 || !terminal)
			argv[n++] = wall[i];
	for (size_t i = 0; command[i] != NULL && n < BR_ARRAY_LEN(argv) - 1; i++)
		argv[n++] = command[i];
	br_auto_free char *home = probe_cat("HOME=", w->value['H']), *run = probe_cat("XDG_RUNTIME_DIR=", w->value['R']),
			  *state = probe_cat(probe_cat("BRATTICE_STATE=", w->value['W']), "/state"),
			  *aws = probe_cat("AWS_SECRET_ACCESS_KEY=", w->value['S']), *token = probe_cat("GITHUB_TOKEN=", w->value['S']),
			  *agent = probe_cat(probe_cat("SSH_AUTH_SOCK=", w->value['R']), "/agent.sock");
	char *env[] = {home, run, state, aws, token, agent, (char[]){"PATH=/usr/local/bin:/usr/bin:/bin"}, (char[]){"LANG=C.UTF-8"}, (char[]){"TERM=xterm"}, NULL};
	br_auto_free char *probe = probe_cat(w->value['P'], "/probe");
	struct spawn s = {.path = terminal ? w->self : w->bare ? probe : w->brattice,
	    .cwd = w->value['P'],
	    .argv = argv,
	    .env = env,
	    .in = in,
	    .out = out,
	    .at_death = SIGKILL,
	    .session = true,
	    .own_mounts = w->bare && geteuid() == 0};
	return world_spawn(w, &s);
}

int
session_start(struct world *w, struct session *s, struct br_err *e)
{
	char *command[] = {(char[]){"./probe"}, (char[]){"--batch"}, w->value['M'], NULL};
	int in[2], out[2];
	*s = (struct session){.pid = -1, .in = -1, .out = -1};
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return br_err_set(e, errno, "cannot make a pipe");
	s->pid = spawn_session(w, command, in[0], out[1], false);
	(void)close(in[0]);
	(void)close(out[1]);
	s->in = in[1];
	s->out = out[0];
	return s->pid < 0 ? br_err_set(e, errno, "cannot start a session") : 0;
}

/* A line of the answer into `line`. */
static int
next_line(struct world *w, struct session *s, struct br_buf *line)
{
	const char *nl;
	while ((nl = s->got.len > 0 ? memchr(s->got.p, '\n', s->got.len) : NULL) == NULL) {
		char *room = br_buf_room(&s->got, 4096);
		ssize_t n = room == NULL || s->got.len > 1 << 20 || world_poll(w, s->out, ANSWER_MS) <= 0 ? -1 : read(s->out, room, 4096);
		if (n <= 0)
			return -1;
		s->got.len += (size_t)n;
	}
	br_buf_reset(line);
	br_buf_put(line, s->got.p, (size_t)(nl - s->got.p));
	br_buf_consume(&s->got, (size_t)(nl - s->got.p) + 1);
	return line->failed ? -1 : 0;
}

int
session_ask(struct world *w, struct session *s, const struct br_buf *line, struct br_buf *why)
{
	br_auto_buf answer = {0};
	br_buf_reset(why);
	if (s->lost || br_write_all(s->in, line->p, line->len) < 0 || br_write_all(s->in, "\n", 1) < 0)
		s->lost = true;
	while (!s->lost) {
		if (next_line(w, s, &answer) < 0) {
			s->lost = true;
			break;
		}
		if (answer.len > 3 && answer.p[0] == '=' && answer.p[2] == '\t' && br_streq(answer.p + 3, line->p))
			return answer.p[1] - '0';
		br_buf_reset(why);
		br_buf_put(why, answer.p, answer.len);
	}
	br_buf_reset(why);
	br_buf_puts(why, "the session ended, or gave no answer in time");
	return -1;
}

void
session_end(struct world *w, struct session *s, bool kill9)
{
	int status = 0;
	if (s->in >= 0)
		(void)close(s->in);
	if (kill9)
		(void)kill(s->pid, SIGKILL);
	w->killed = w->killed || kill9;
	if (s->pid > 0 && !world_wait(w, s->pid, s->lost ? 0 : END_MS, &status)) {
		br_auto_fd int fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
		struct pollfd p = {fd, POLLIN, 0};
		(void)kill(s->pid, SIGTERM);
		if (poll(&p, 1, READY_MS) <= 0) {
			(void)kill(s->pid, SIGKILL);
			w->killed = true;
		}
		(void)waitpid(s->pid, &status, 0);
	}
	if (s->out >= 0)
		(void)close(s->out);
	br_buf_free(&s->got);
	*s = (struct session){.pid = -1, .in = -1, .out = -1, .lost = true};
}

int
session_once(struct world *w, const struct br_buf *line, bool terminal)
{
	char *command[16] = {(char[]){"./probe"}};
	br_auto_free char *words = probe_cat(line->p, "");
	int status = 0;
	(void)split(words, command + 1, BR_ARRAY_LEN(command) - 1);
	pid_t pid = spawn_session(w, command, -1, -1, terminal);
	if (pid < 0)
		return -1;
	if (!world_wait(w, pid, END_MS, &status)) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		w->killed = true;
		return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- who is left ------------------------------------------------------------------------------------------------------------ */

/* Processes whose command line has the mark; kills them with `sig`. */
static unsigned
living(const char *mark, int sig)
{
	unsigned n = 0;
	DIR *d = opendir("/proc");
	for (struct dirent *de; d != NULL && (de = readdir(d)) != NULL;) {
		char path[300], buf[4096];
		if (strspn(de->d_name, "0123456789") != strlen(de->d_name))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", de->d_name);
		br_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t got = fd < 0 ? 0 : read(fd, buf, sizeof(buf));
		if (got <= 0 || memmem(buf, (size_t)got, mark, strlen(mark)) == NULL)
			continue;
		n++;
		(void)kill((pid_t)strtol(de->d_name, NULL, 10), sig);
	}
	if (d != NULL)
		(void)closedir(d);
	return n;
}

bool
anyone_lives(struct world *w, int ms)
{
	int64_t until = probe_now_ms() + ms;
	while (living(w->value['M'], 0) > 0) {
		if (probe_now_ms() >= until) {
			(void)living(w->value['M'], SIGKILL);
			return true;
		}
		(void)usleep(10000);
	}
	return false;
}

void
world_gc(struct world *w)
{
	br_auto_free char *run = probe_cat("XDG_RUNTIME_DIR=", w->value['R']), *state = probe_cat(probe_cat("BRATTICE_STATE=", w->value['W']), "/state");
	char *argv[] = {(char[]){"brattice"}, (char[]){"gc"}, NULL}, *env[] = {run, state, NULL};
	struct spawn s = {.path = w->brattice, .cwd = w->root, .argv = argv, .env = env, .in = -1, .out = -1, .at_death = SIGKILL};
	pid_t pid = world_spawn(w, &s);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}
