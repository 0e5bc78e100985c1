/* The auditor as a process: what it acknowledges is there whatever happens to it, and no sender can harm the others' record.
 *
 * BRATTICE_AUDIT_KILLS: how often it is killed under load (20). */
#include "scratch.h"

#include "audit/client.h"
#include "audit/log/hostkey.h"
#include "audit/log/reader.h"
#include "audit/log/verify.h"
#include "base/opt.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

extern char **environ;

/* An auditor with two senders. The state directory is "state", its log state/NAME, its standard error the file "stderr". */
struct running {
	pid_t pid;
	int logdir;
	int stream[2];
};

static struct running
start(const char *name)
{
	struct running r;
	char path[64], numbers[4][16];
	int theirs[2], statedir;
	(void)snprintf(path, sizeof(path), "state/%s", name);
	sh("mkdir -p state && rm -rf %s && mkdir -m 700 %s", path, path);
	r.logdir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	statedir = open("state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(r.logdir >= 0 && statedir >= 0);
	for (int i = 0; i < 2; i++) {
		int fds[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		r.stream[i] = fds[0];
		theirs[i] = fds[1];
	}
	const int pass[4] = {r.logdir, statedir, theirs[0], theirs[1]};
	for (int i = 0; i < 4; i++) {
		assert_int_equal(fcntl(pass[i], F_SETFD, 0), 0);
		(void)snprintf(numbers[i], sizeof(numbers[i]), "%d", pass[i]);
	}
	char *const argv[] = {(char *)AUDITOR, (char *)name, numbers[0], numbers[1], numbers[2], numbers[3], NULL};
	posix_spawn_file_actions_t fa;
	assert_int_equal(posix_spawn_file_actions_init(&fa), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(&fa, 2, "stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600), 0);
	assert_int_equal(posix_spawn(&r.pid, AUDITOR, &fa, NULL, argv, environ), 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	for (int i = 1; i < 4; i++)
		(void)close(pass[i]);
	assert_int_equal(fcntl(r.logdir, F_SETFD, FD_CLOEXEC), 0);
	return r;
}

static struct running
start_ready(const char *name)
{
	struct running r = start(name);
	if (br_audit_ready(r.stream[0]) != 0) {
		br_auto_buf b = get_file("stderr");
		fail_msg("not ready: %s", b.p != NULL ? b.p : "");
	}
	return r;
}

static void
hang_up(struct running *r, int i)
{
	if (r->stream[i] >= 0)
		(void)close(r->stream[i]);
	r->stream[i] = -1;
}

/* Waits for its end; the exit status, or minus the signal. */
static int
end(struct running *r)
{
	int st;
	hang_up(r, 0);
	hang_up(r, 1);
	assert_int_equal(waitpid(r->pid, &st, 0), r->pid);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -WTERMSIG(st);
}

/* An event with a number and a name in it. */
static int
send_event(int fd, enum br_event_type type, const char *who, uint64_t n)
{
	struct br_event ev = {0};
	br_event_begin(&ev, type);
	br_event_str(&ev, "who", who);
	br_event_int(&ev, "n", (int64_t)n);
	assert_int_equal(br_event_finish(&ev), 0);
	int rc = br_audit_send(fd, &ev), saved = errno;
	br_event_free(&ev);
	errno = saved;
	return rc;
}

/* How many entries have `what` in them, and the number of the last one. */
static uint64_t
count(int logdir, const char *what, uint64_t *last)
{
	struct br_err e = BR_ERR_INIT;
	struct br_log_entry x;
	uint64_t n = 0;
	int rc;
	struct br_log_reader *r = br_log_open(logdir, &e);
	assert_non_null(r);
	while ((rc = br_log_next(r, &x, &e)) > 0) {
		if (memmem(x.line, x.len, what, strlen(what)) != NULL) {
			n++;
			if (last != NULL)
				*last = x.n;
		}
	}
	if (rc < 0)
		fail_msg("%s", e.msg);
	br_log_close(r);
	return n;
}

static bool
is_sealed(int logdir)
{
	struct br_err e = BR_ERR_INIT;
	struct br_log_reader *r = br_log_open(logdir, &e);
	assert_non_null(r);
	bool yes = br_log_sealed(r);
	br_log_close(r);
	return yes;
}

/* Whole, or what a writer's death leaves: but never evidence of tampering. */
static void
assert_verdict(int logdir, const struct br_note_key *host, enum br_verdict completeness)
{
	struct br_err e = BR_ERR_INIT;
	struct br_verify v;
	assert_int_equal(br_log_verify(logdir, host, &v, &e), 0);
	if (v.integrity != BR_OK || v.completeness != completeness || v.clock != BR_OK || v.terminal != BR_OK)
		fail_msg("integrity %d, completeness %d, clock %d, terminal %d: %s", (int)v.integrity, (int)v.completeness, (int)v.clock, (int)v.terminal,
		    v.what[0]);
}

/* The whole life: two senders, a terminal, the seal. */
static void
test_life(void **state)
{
	struct running r = start_ready("life");
	assert_int_equal(send_event(r.stream[0], BR_EV_START, "monitor", 1), 0);
	assert_int_equal(send_event(r.stream[1], BR_EV_EXEC, "gate", 1), 0);
	assert_int_equal(br_audit_send_terminal(r.stream[0], "{\"version\":3}", 13), 0);
	/* B on the other stream, then the seal on this one: what was sent before the seal is in the log. */
	assert_int_equal(send_event(r.stream[1], BR_EV_EXEC, "gate", 2), 0);
	assert_int_equal(br_audit_seal(r.stream[0], "the command ended"), 0);
	/* Readable at once: the answer to the seal comes when all is on disk. */
	assert_int_equal(count(r.logdir, "\"who\":\"gate\"", NULL), 2);
	assert_int_equal(count(r.logdir, "\"reason\":\"the command ended\"", NULL), 1);
	assert_int_equal(count(r.logdir, "\"type\":\"terminal\"", NULL), 1);
	assert_true(is_sealed(r.logdir));
	assert_int_equal(end(&r), 0);
	assert_verdict(r.logdir, NULL, BR_OK);
	(void)close(r.logdir);
}

/* The monitor dies: the auditor goes on for the gate, and seals when that is gone as well. */
static void
test_orphan(void **state)
{
	struct running r = start_ready("orphan");
	assert_int_equal(send_event(r.stream[0], BR_EV_EXEC, "monitor", 1), 0);
	hang_up(&r, 0);
	assert_int_equal(send_event(r.stream[1], BR_EV_PATH, "gate", 1), 0);
	assert_int_equal(end(&r), 0);
	assert_int_equal(count(r.logdir, "\"who\":\"monitor\"", NULL), 1);
	assert_int_equal(count(r.logdir, "the monitor died", NULL), 1);
	assert_int_equal(count(r.logdir, "\"type\":\"gap\"", NULL), 0);
	assert_true(is_sealed(r.logdir));
	(void)close(r.logdir);
}

/* What a terminal or a service manager sends to the whole group doesn't end the record, and its looks are its own. */
static void
test_signals(void **state)
{
	static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGTTOU, SIGPIPE, SIGUSR1};
	struct running r = start_ready("signals");
	for (size_t i = 0; i < BR_ARRAY_LEN(signals); i++) {
		assert_int_equal(kill(r.pid, signals[i]), 0);
		assert_int_equal(send_event(r.stream[0], BR_EV_PATH, "monitor", i), 0);
	}
	assert_int_equal(getsid(r.pid), r.pid);
	sh("tr -d '\\0' </proc/%d/cmdline | grep -q '^brattice: auditor$'", (int)r.pid);
	sh("grep -q '^NoNewPrivs:.1$' /proc/%d/status", (int)r.pid);
	/* Not dumpable: its files in /proc are root's, whoever runs it. */
	sh("test \"$(stat -c %%U /proc/%d/mem)\" = root", (int)r.pid);
	assert_int_equal(end(&r), 0);
	(void)close(r.logdir);
}

/* One frame in one piece: a bad head ends the stream, and then nothing behind it could be sent any more. */
static void
send_raw(int fd, uint32_t len, uint8_t kind, uint8_t class, uint8_t type, const char *data, size_t n)
{
	const struct br_audit_frame f = {.len = len, .kind = kind, .class = class, .type = type};
	br_auto_buf b = {0};
	br_buf_put(&b, &f, sizeof(f));
	br_buf_put(&b, data, n);
	assert_int_equal(send(fd, b.p, b.len, MSG_NOSIGNAL), b.len);
}

/* True when the other end closes: waits for it. */
static bool
closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void
test_garbage(void **state)
{
	static const char ok[] = "{\"t\":1.000000,\"m\":1.000000,\"type\":\"x\"}";
	static const struct {
		const char *what;
		uint32_t len;
		uint8_t kind, class, type;
		const char *data;
	} cases[] = {
	    {"unknown kind", sizeof(ok) - 1, 'X', 1, BR_EV_EXEC, ok},
	    {"unknown class", sizeof(ok) - 1, 'E', 7, BR_EV_EXEC, ok},
	    {"unknown type", sizeof(ok) - 1, 'E', 1, BR_EV_TYPES, ok},
	    {"a seal as an event", sizeof(ok) - 1, 'E', 0, BR_EV_SEALED, ok},
	    {"recovery as an event", sizeof(ok) - 1, 'E', 0, BR_EV_RECOVERED, ok},
	    {"too long", BR_AUDIT_FRAME_MAX + 1, 'E', 1, BR_EV_EXEC, ok},
	    {"longest number", UINT32_MAX, 'E', 1, BR_EV_EXEC, ok},
	    {"two lines", 45, 'E', 1, BR_EV_EXEC, "{\"t\":1.000000,\"m\":1.000000}\n{\"t\":1.000000,\"m\"}"},
	    {"nothing", 0, 'E', 1, BR_EV_EXEC, ""},
	    {"no object", 10, 'E', 1, BR_EV_EXEC, "0123456789"},
	    {"a reason without end", 257, 'S', 0, BR_EV_SEALED,
		"................................................................................................................................"
		"................................................................................................................................"
		"................................................................................................................................"},
	};
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		struct running r = start_ready("garbage");
		assert_int_equal(send_event(r.stream[1], BR_EV_EXEC, "gate", 1), 0);
		send_raw(r.stream[1], cases[i].len, cases[i].kind, cases[i].class, cases[i].type, cases[i].data,
		    strnlen(cases[i].data, cases[i].len));
		if (!closed(r.stream[1]))
			fail_msg("goes on after: %s", cases[i].what);
		/* The other one isn't harmed, and the log says that something is missing. */
		assert_int_equal(send_event(r.stream[0], BR_EV_PATH, "monitor", 1), 0);
		assert_int_equal(br_audit_seal(r.stream[0], "end"), 0);
		assert_int_equal(end(&r), 0);
		assert_int_equal(count(r.logdir, "\"who\":\"gate\"", NULL), 1);
		assert_int_equal(count(r.logdir, "\"type\":\"gap\"", NULL), 1);
		assert_int_equal(count(r.logdir, "\"type\":\"", NULL), 4);
		(void)close(r.logdir);
	}
}

/* A sender that dies within a frame: within the head, within the data. */
static void
test_half(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct running r = start_ready("half");
		if (i == 0)
			assert_int_equal(send(r.stream[1], "\x10\0\0", 3, MSG_NOSIGNAL), 3);
		else
			send_raw(r.stream[1], 100, 'E', BR_CLASS_A, BR_EV_PATH, "{\"t\":1", 6);
		hang_up(&r, 1);
		assert_int_equal(end(&r), 0);
		assert_int_equal(count(r.logdir, "\"type\":\"gap\"", NULL), 1);
		assert_int_equal(count(r.logdir, "\"type\":\"", NULL), 2);
		assert_true(is_sealed(r.logdir));
		(void)close(r.logdir);
	}
}

/* 2 MB of arguments with a newline, ANSI and no UTF-8, whole. */
static void
test_large(void **state)
{
	struct running r = start_ready("large");
	struct br_event ev = {0};
	size_t n = 2 << 20;
	char *arg = malloc(n);
	assert_non_null(arg);
	memset(arg, 'a', n);
	static const char odd[] = {'\n', '\033', '[', '3', '1', 'm', '\xff'};
	memcpy(arg, odd, sizeof(odd));
	br_event_begin(&ev, BR_EV_PATH);
	br_event_strn(&ev, "path", arg, n);
	assert_int_equal(br_event_finish(&ev), 0);
	assert_int_equal(br_audit_send(r.stream[0], &ev), 0);
	put_file("arg", arg, n);
	sh("jq -j 'select(.type == \"path\") | .path.base64' state/large/000000.jsonl | base64 -d | cmp - arg");
	br_event_free(&ev);
	free(arg);
	assert_int_equal(end(&r), 0);
	(void)close(r.logdir);
}

/* The log can't grow: nothing is acknowledged any more, the senders see the end, and somebody is told why. */
static void
test_full(void **state)
{
	struct rlimit before, small;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){.rlim_cur = 65536, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	struct running r = start_ready("full");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	uint64_t acked = 0;
	while (send_event(r.stream[0], BR_EV_PATH, "monitor", acked) == 0)
		assert_true(++acked < 65536);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(end(&r), 1);
	br_auto_buf said = get_file("stderr");
	assert_non_null(strstr(said.p, "the audit log can't be written, so the session ends: File too large"));
	assert_non_null(strstr(said.p, "mend:"));
	/* All that it acknowledged is there. */
	assert_true(acked > 100);
	assert_true(count(r.logdir, "\"who\":\"monitor\"", NULL) >= acked);
	assert_false(is_sealed(r.logdir));
	(void)close(r.logdir);
}

/* Of four that start at once in a fresh state directory, one makes the host's key, and all use it. */
static void
test_host_key(void **state)
{
	struct running r[4];
	struct br_err e = BR_ERR_INIT;
	struct br_note_key pub;
	struct br_note_signer host;
	sh("rm -rf state");
	for (int i = 0; i < 4; i++) {
		char name[8];
		(void)snprintf(name, sizeof(name), "k%d", i);
		r[i] = start(name);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(br_audit_ready(r[i].stream[0]), 0);
	br_auto_fd int statedir = open("state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(br_host_pub_load(statedir, &pub, &e), 0);
	for (int i = 0; i < 4; i++) {
		br_auto_buf cert = {0};
		struct br_note note;
		assert_int_equal(br_read_file(r[i].logdir, "certificate", &cert, 4096), 0);
		assert_int_equal(br_note_parse(&note, cert.p, cert.len), 0);
		assert_true(br_note_verify(&note, cert.p, &pub));
		assert_int_equal(end(&r[i]), 0);
		(void)close(r[i].logdir);
	}
	sh("test \"$(cd state && echo host*)\" = 'host.key host.pub' && test $(stat -c %%a state/host.key) = 600");
	assert_int_equal(br_host_key_load(statedir, false, &host, &e), 0);
	assert_memory_equal(host.key.pub, pub.pub, sizeof(pub.pub));
	br_note_signer_wipe(&host);
}

/* A key that isn't one, or isn't secret: no log, and it says what to do. */
static void
test_bad_host_key(void **state)
{
	static const struct {
		const char *how, *says;
	} cases[] = {
	    {"chmod 640 host.key", "not this user's alone"},
	    {": > host.key", "is not a key"},
	    {"sed -i s/PRIVATE/PUBLIC/ host.key", "is not a key"},
	    {"sed -i 's/^\\(.*+\\)[0-9a-f]\\{8\\}+/\\100000000+/' host.key", "is not a key"},
	    {"sed -i 's/.$/!/' host.key", "is not a key"},
	    {"truncate -s -10 host.key", "is not a key"},
	    {"head -c 100000 /dev/zero >> host.key; sed -i 's/^PRI/X/' host.key", "is not a key"},
	    {"mv host.key k; ln -s k host.key", "cannot be opened"},
	    {"rm host.key; mkdir host.key", "is not a file"},
	};
	for (size_t i = 0; i < BR_ARRAY_LEN(cases); i++) {
		sh("rm -rf state");
		struct running r = start_ready("first");
		assert_int_equal(end(&r), 0);
		(void)close(r.logdir);
		sh("cd state && { %s; }", cases[i].how);
		r = start("second");
		assert_int_equal(br_audit_ready(r.stream[0]), -1);
		assert_int_equal(errno, EPIPE);
		assert_int_equal(end(&r), 1);
		(void)close(r.logdir);
		br_auto_buf said = get_file("stderr");
		if (said.p == NULL || strstr(said.p, cases[i].says) == NULL)
			fail_msg("%s: it says: %s", cases[i].how, said.p != NULL ? said.p : "");
	}
	sh("rm -rf state");
}

/* Sends one event of class B again and again, until it is told to stop, or `max` times, or the stream ends. */
struct flood {
	int fd;
	size_t bytes; /* of each event, about */
	uint64_t max;
	_Atomic uint64_t sent; /* how many are all sent */
	_Atomic bool stop;
};

static void *
flood(void *arg)
{
	struct flood *f = arg;
	struct br_event ev = {0};
	char *pad = calloc(1, f->bytes + 1);
	if (pad == NULL)
		return NULL;
	memset(pad, 'x', f->bytes);
	br_event_begin(&ev, BR_EV_EXEC);
	br_event_str(&ev, "who", "flood");
	br_event_strn(&ev, "pad", pad, f->bytes);
	if (br_event_finish(&ev) == 0)
		while (!f->stop && f->sent < f->max && br_audit_send(f->fd, &ev) == 0)
			f->sent++;
	br_event_free(&ev);
	free(pad);
	return NULL;
}

/* How far a sender can be ahead of the record, in bytes: what a socket holds (twice net.core.wmem_default, which is 208 KiB), and one
 * round's. */
#define AHEAD_MAX (1U << 20)

/* While one sender floods, the other's denials wait for no more of the flood than what lay before the auditor when they came. The
 * events are long, so that they are sent faster than they can be recorded: there is always one more to read. */
static void
test_flood(void **state)
{
	struct running r = start_ready("flood");
	struct flood f = {.fd = r.stream[1], .bytes = 65536, .max = 4096};
	pthread_t t;
	uint64_t before[100], ahead = AHEAD_MAX / f.bytes;
	assert_int_equal(pthread_create(&t, NULL, flood, &f), 0);
	for (uint64_t i = 0; i < BR_ARRAY_LEN(before); i++) {
		before[i] = f.sent;
		assert_int_equal(send_event(r.stream[0], BR_EV_PATH, "denied", i), 0);
	}
	f.stop = true;
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(br_audit_seal(r.stream[0], "end"), 0);
	assert_int_equal(end(&r), 0);
	assert_int_equal(count(r.logdir, "\"who\":\"flood\"", NULL), f.sent);
	/* In the log, between the flood's event that was the last one before a denial was sent and the denial itself. */
	struct br_err e = BR_ERR_INIT;
	struct br_log_entry x;
	struct br_log_reader *log = br_log_open(r.logdir, &e);
	uint64_t floods = 0, denials = 0;
	while (br_log_next(log, &x, &e) > 0) {
		floods += memmem(x.line, x.len, "\"who\":\"flood\"", 13) != NULL;
		if (memmem(x.line, x.len, "\"who\":\"denied\"", 14) == NULL)
			continue;
		if (floods > before[denials] + ahead)
			fail_msg("denial %d waited for %d events of the flood", (int)denials, (int)(floods - before[denials]));
		denials++;
	}
	br_log_close(log);
	assert_int_equal(denials, BR_ARRAY_LEN(before));
	(void)close(r.logdir);
}

static uint64_t
kills(void)
{
	struct br_err e = BR_ERR_INIT;
	int64_t n = 20;
	const char *said = getenv("BRATTICE_AUDIT_KILLS");
	if (said != NULL)
		assert_int_equal(br_parse_number(said, &n, &e), 0);
	return (uint64_t)n;
}

/* Sends denials until the stream ends; how many were acknowledged. */
struct denier {
	int fd;
	_Atomic uint64_t acked;
};

static void *
deny(void *arg)
{
	struct denier *d = arg;
	/* An exec before each: what was sent before an acknowledged event on the same stream is as safe as that. */
	while (send_event(d->fd, BR_EV_EXEC, "before", d->acked) == 0 && send_event(d->fd, BR_EV_PATH, "denied", d->acked) == 0)
		d->acked++;
	return NULL;
}

/* SIGKILL while both senders are at it, after a number of denials that is another one each time. */
static void
test_kill(void **state)
{
	struct br_err e = BR_ERR_INIT;
	struct br_note_signer host;
	struct running first = start_ready("first");
	assert_int_equal(end(&first), 0);
	(void)close(first.logdir);
	br_auto_fd int statedir = open("state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(br_host_key_load(statedir, false, &host, &e), 0);
	for (uint64_t round = 0, rounds = kills(); round < rounds; round++) {
		struct running r = start_ready("kill");
		struct denier d = {.fd = r.stream[0]};
		struct flood f = {.fd = r.stream[1], .bytes = 100, .max = UINT64_MAX};
		pthread_t t[2];
		int st;
		assert_int_equal(pthread_create(&t[0], NULL, deny, &d), 0);
		assert_int_equal(pthread_create(&t[1], NULL, flood, &f), 0);
		while (d.acked < round * 7 % 61)
			assert_int_equal(poll(NULL, 0, 1), 0);
		assert_int_equal(kill(r.pid, SIGKILL), 0);
		assert_int_equal(pthread_join(t[0], NULL), 0);
		assert_int_equal(pthread_join(t[1], NULL), 0);
		assert_int_equal(waitpid(r.pid, &st, 0), r.pid);
		/* Nothing acknowledged is lost, nor what came before it; one more may be there that nobody was told of. */
		uint64_t denied = count(r.logdir, "\"who\":\"denied\"", NULL), execs = count(r.logdir, "\"who\":\"before\"", NULL);
		assert_in_range(denied, d.acked, d.acked + 1);
		assert_in_range(execs, d.acked, d.acked + 1);
		/* Of the rest no more than what was on its way. */
		uint64_t seen = count(r.logdir, "\"who\":\"flood\"", NULL);
		assert_in_range(seen, f.sent > AHEAD_MAX / f.bytes ? f.sent - AHEAD_MAX / f.bytes : 0, f.sent + 1);
		assert_false(is_sealed(r.logdir));
		assert_verdict(r.logdir, &host.key, BR_CRASHED);
		/* The next one closes it, and keeps all that was acknowledged; a line whose hash was still to come goes to quarantine. */
		assert_int_equal(br_log_recover(r.logdir, "kill", &host, &e), 1);
		assert_in_range(count(r.logdir, "\"who\":\"denied\"", NULL), d.acked, denied);
		assert_int_equal(count(r.logdir, "\"type\":\"recovered\"", NULL), 1);
		assert_true(is_sealed(r.logdir));
		assert_verdict(r.logdir, &host.key, BR_CRASHED);
		hang_up(&r, 0);
		hang_up(&r, 1);
		(void)close(r.logdir);
	}
	br_note_signer_wipe(&host);
}

int
main(void)
{
	/* The leak checker of a sanitizer build must look into its process, and the auditor lets nobody. */
	(void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_life),
	    cmocka_unit_test(test_orphan),
	    cmocka_unit_test(test_signals),
	    cmocka_unit_test(test_garbage),
	    cmocka_unit_test(test_half),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_host_key),
	    cmocka_unit_test(test_bad_host_key),
	    cmocka_unit_test(test_flood),
	    cmocka_unit_test(test_kill),
	};
	return cmocka_run_group_tests_name("auditor", tests, enter_scratch, leave_scratch);
}
