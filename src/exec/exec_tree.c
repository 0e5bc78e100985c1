/* Which process runs which exec, whose copy a caller is, and how each ends. */
#include "exec/exec_int.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PIDFD_THREAD_ O_EXCL /* Linux 6.9 */

/* linux/pidfd.h, Linux 6.13; the exit status since 6.15 */
struct pidfd_info_ {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};
#define PIDFD_GET_INFO_ _IOWR(0xFF, 11, struct pidfd_info_)
#define PIDFD_INFO_PID_ 1ULL
#define PIDFD_INFO_EXIT_ 8ULL
#define PIDFD_GET_PID_NAMESPACE_ _IO(0xFF, 5) /* Linux 6.11, as is the next (linux/nsfs.h) */
#define NS_GET_TGID_IN_PIDNS_ _IOR(0xb7, 9, int)

/* proc_pid_stat(5): what is needed of it */
struct stat_line {
	char state;
	long ppid, session, tty;
	unsigned long user_ticks, sys_ticks;
	uint64_t arg_start, env_end;
	int exit_code;
};

/* Field `n` of a line whose fields `have`.. start at p; NULL when there are fewer. */
static const char *
field(const char *p, int have, int n)
{
	for (; p != NULL && have < n; have++) {
		p = strchr(p, ' ');
		p = p != NULL ? p + 1 : NULL;
	}
	return p;
}

static int
read_stat(const struct gate *g, pid_t pid, struct stat_line *s)
{
	char path[32], buf[2048];
	(void)snprintf(path, sizeof(path), "%d/stat", (int)pid);
	br_auto_fd int fd = openat(g->proc, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, buf, sizeof(buf) - 1) : -1;
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	const char *p = strrchr(buf, ')'); /* the name before may hold anything */
	p = p != NULL && p[1] == ' ' ? p + 2 : NULL;
	const char *f[8];
	static const int numbers[8] = {4, 6, 7, 14, 15, 48, 51, 52};
	for (int i = 0; i < 8; i++) {
		f[i] = field(p, 3, numbers[i]);
		if (f[i] == NULL)
			return -1;
	}
	*s = (struct stat_line){.state = p[0],
	    .ppid = strtol(f[0], NULL, 10),
	    .session = strtol(f[1], NULL, 10),
	    .tty = strtol(f[2], NULL, 10),
	    .user_ticks = strtoul(f[3], NULL, 10),
	    .sys_ticks = strtoul(f[4], NULL, 10),
	    .arg_start = strtoull(f[5], NULL, 10),
	    .env_end = strtoull(f[6], NULL, 10),
	    .exit_code = (int)strtol(f[7], NULL, 10)};
	return 0;
}

/* As image_read computes it. */
static uint64_t
key_of(const struct stat_line *s)
{
	return s->arg_start * 0x9e3779b97f4a7c15ULL ^ s->env_end;
}

int
tree_init(struct exec_tree *t, int init_pidfd)
{
	t->keys = calloc(EXEC_KEYS, sizeof(*t->keys));
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->pidns = ioctl(init_pidfd, PIDFD_GET_PID_NAMESPACE_, 0);
	if (t->keys == NULL || t->epoll < 0)
		return t->keys == NULL ? ENOMEM : errno;
	return 0;
}

static struct exec_proc **
bucket_of(struct exec_tree *t, pid_t pid)
{
	return &t->bucket[(unsigned)pid % EXEC_BUCKETS];
}

static bool
has_ended(const struct exec_proc *p)
{
	return br_sys_pidfd_send_signal(p->pidfd, 0) < 0 && errno == ESRCH;
}

struct exec_proc *
tree_find(struct exec_tree *t, pid_t pid)
{
	for (struct exec_proc *p = *bucket_of(t, pid); p != NULL; p = p->next)
		if (p->pid == pid && !has_ended(p))
			return p;
	return NULL;
}

static int
get_info(int pidfd, uint64_t want, struct pidfd_info_ *i)
{
	*i = (struct pidfd_info_){.mask = want};
	return ioctl(pidfd, PIDFD_GET_INFO_, i) < 0 || (i->mask & want) == 0 ? -1 : 0;
}

/* The process of a thread that isn't its leader. */
static pid_t
leader_of(const struct gate *g, pid_t tid)
{
	struct pidfd_info_ i;
	br_auto_fd int fd = br_sys_pidfd_open(tid, PIDFD_THREAD_);
	if (fd >= 0 && get_info(fd, PIDFD_INFO_PID_, &i) == 0)
		return (pid_t)i.tgid;
	char path[32], buf[512];
	(void)snprintf(path, sizeof(path), "%d/status", (int)tid);
	br_auto_fd int st = openat(g->proc, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = st >= 0 ? read(st, buf, sizeof(buf) - 1) : -1;
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	const char *p = strstr(buf, "\nTgid:");
	return p != NULL ? (pid_t)strtol(p + 6, NULL, 10) : 0;
}

struct exec_proc *
tree_of_thread(struct exec_tree *t, const struct gate *g, pid_t tid)
{
	struct exec_proc *p = tree_find(t, tid);
	if (p != NULL)
		return p;
	br_auto_fd int leader = br_sys_pidfd_open(tid, 0);
	pid_t pid = leader >= 0 || errno == ESRCH ? 0 : leader_of(g, tid);
	return pid > 0 ? tree_find(t, pid) : NULL;
}

/* The last exec with that key: of all not too long ago, and of the living. */
static uint64_t
exec_of_key(const struct exec_tree *t, uint64_t key)
{
	const struct exec_key *k = &t->keys[key % EXEC_KEYS];
	if (k->key == key)
		return k->exec;
	uint64_t found = 0;
	for (size_t i = 0; i < EXEC_BUCKETS; i++)
		for (const struct exec_proc *p = t->bucket[i]; p != NULL; p = p->next)
			if (p->key == key && p->exec > found)
				found = p->exec;
	return found;
}

/* Whose copy is it? Where the kernel put the arguments of an image is random and stays with every copy, and prctl(PR_SET_MM), which
 * could change it, is refused. The parent's number tells in most cases, and costs less to find out: not if it may have adopted. */
static uint64_t
parent_exec(const struct gate *g, struct exec_tree *t, struct exec_caller *c)
{
	const struct exec_proc *pp = c->ppid > 0 ? tree_find(t, c->ppid) : NULL;
	c->ppid_inside = pp != NULL ? pp->inside : 0;
	if (pp != NULL && !t->adopters)
		return pp->exec;
	struct stat_line s;
	if (read_stat(g, c->pid, &s) == 0 && s.arg_start != 0) {
		uint64_t number = exec_of_key(t, key_of(&s));
		if (number != 0)
			return number;
	}
	return pp != NULL ? pp->exec : 0;
}

void
tree_caller(const struct gate *g, struct exec_tree *t, pid_t tid, struct exec_caller *out)
{
	*out = (struct exec_caller){.pid = tid, .pidfd = -1};
	out->self = tree_find(t, tid);
	if (out->self == NULL) {
		out->pidfd = br_sys_pidfd_open(tid, 0);
		if (out->pidfd < 0 && errno != ESRCH && errno != EMFILE && errno != ENFILE) {
			out->pid = leader_of(g, tid);
			out->self = out->pid > 0 ? tree_find(t, out->pid) : NULL;
			if (out->self == NULL && out->pid > 0)
				out->pidfd = br_sys_pidfd_open(out->pid, 0);
		}
	}
	if (out->pid <= 0) {
		out->pid = tid;
		return;
	}
	struct pidfd_info_ i;
	struct stat_line s;
	int fd = out->self != NULL ? out->self->pidfd : out->pidfd;
	if (fd >= 0 && get_info(fd, PIDFD_INFO_PID_, &i) == 0)
		out->ppid = (pid_t)i.ppid;
	else if (read_stat(g, out->pid, &s) == 0)
		out->ppid = (pid_t)s.ppid;
	out->parent = out->self != NULL ? out->self->exec : parent_exec(g, t, out);
}

pid_t
tree_inside(const struct gate *g, const struct exec_tree *t, pid_t pid)
{
	if (pid <= 0)
		return 0;
	int n = t->pidns >= 0 ? ioctl(t->pidns, NS_GET_TGID_IN_PIDNS_, pid) : -1;
	if (n > 0)
		return n;
	if (t->pidns >= 0 && errno == ESRCH)
		return 0;
	struct call c = {.g = (struct gate *)(uintptr_t)g, .pid = pid};
	return caller_ns_pid(&c);
}

void
tree_cpu(pid_t pid, uint64_t *user, uint64_t *sys)
{
	/* clock_getcpuclockid(3) makes these; CPUCLOCK_PROF, CPUCLOCK_VIRT and CPUCLOCK_SCHED of include/linux/posix-timers_types.h */
	uint64_t ns[3] = {0};
	for (int i = 0; i < 3; i++) {
		struct timespec ts;
		if (clock_gettime((clockid_t)(~(unsigned)pid << 3 | (unsigned)i), &ts) == 0)
			ns[i] = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	}
	/* The scheduler's sum is exact, the two parts are sampled: divided in their proportion, as getrusage(2) does. */
	uint64_t total = ns[2] / 1000;
	*user = ns[0] > 0 ? (uint64_t)((double)total * ((double)ns[1] / (double)ns[0])) : 0;
	*sys = total - (*user < total ? *user : total);
}

int32_t
tree_tty(const struct gate *g, struct exec_tree *t, pid_t pid)
{
	pid_t session = getsid(pid);
	struct exec_tty *e = &t->ttys[(unsigned)session % EXEC_TTYS];
	/* Leaders take terminals, their session has them. */
	if (e->session == session && session > 0 && session != pid)
		return e->tty;
	struct stat_line s;
	if (read_stat(g, pid, &s) < 0)
		return 0;
	*e = (struct exec_tty){.session = session, .tty = (int32_t)s.tty};
	return e->tty;
}

static struct exec_proc *
add_proc(struct exec_tree *t, struct exec_caller *c)
{
	struct exec_proc *p = t->spare != NULL ? t->spare : malloc(sizeof(*p));
	if (p == NULL)
		return NULL;
	if (t->spare == p)
		t->spare = p->next;
	/* Edge-triggered: once when it ends, once more when it is reaped. */
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.ptr = p};
	if (c->pidfd < 0 || epoll_ctl(t->epoll, EPOLL_CTL_ADD, c->pidfd, &ev) < 0) {
		p->next = t->spare;
		t->spare = p;
		return NULL;
	}
	*p = (struct exec_proc){.pid = c->pid, .pidfd = br_steal_fd(&c->pidfd), .next = *bucket_of(t, c->pid)};
	*bucket_of(t, c->pid) = p;
	t->live++;
	return p;
}

uint64_t
tree_begin(struct exec_tree *t, struct exec_caller *c, uint64_t key)
{
	struct exec_proc *p = c->self;
	uint64_t number = ++t->last;
	if (key != 0)
		t->keys[key % EXEC_KEYS] = (struct exec_key){key, number};
	if (p == NULL)
		p = add_proc(t, c);
	else
		tree_cpu(p->pid, &p->user0, &p->sys0);
	c->self = p;
	if (p == NULL)
		return number;
	p->exec = number;
	p->key = key;
	p->since = br_now_us();
	p->leaving = false;
	return number;
}

static void
take_zombie(struct exec_proc *p, const struct stat_line *s, struct exec_end *out)
{
	out->status = s->exit_code;
	if (out->cpu)
		return;
	uint64_t tick = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	p->user = s->user_ticks * tick;
	p->sys = s->sys_ticks * tick;
	out->cpu = true;
}

static bool
end_of_reaped(struct exec_tree *t, struct exec_end *out)
{
	struct pidfd_info_ i;
	if (get_info(out->proc->pidfd, PIDFD_INFO_EXIT_, &i) < 0)
		return false;
	t->reaped_known = true;
	out->status = i.exit_code;
	return true;
}

/* A process that has ended. Once it is reaped its pidfd tells how, and says so a second time; before, it stands in /proc. False: not yet. */
static bool
fill_end(const struct gate *g, struct exec_tree *t, struct exec_proc *p, struct exec_end *out, bool late)
{
	struct stat_line s;
	*out = (struct exec_end){.proc = p, .status = -1, .cpu = p->leaving};
	for (int reaped = 0; reaped < 2; reaped++) {
		if (end_of_reaped(t, out))
			return true;
		if (!late && t->reaped_known && p->leaving) {
			t->zombies += !p->zombie;
			p->zombie = true;
			return false;
		}
		bool zombie = read_stat(g, p->pid, &s) == 0 && (s.state == 'Z' || s.state == 'X');
		if (!has_ended(p)) { /* so the number is still its own */
			if (zombie)
				take_zombie(p, &s, out);
			return zombie;
		}
	}
	return true;
}

size_t
tree_ends(const struct gate *g, struct exec_tree *t, struct exec_end out[EXEC_ENDS], bool late)
{
	struct epoll_event ev[EXEC_ENDS];
	size_t ended = 0;
	if (late && t->zombies > 0) {
		for (size_t i = 0; i < EXEC_BUCKETS && ended < EXEC_ENDS; i++)
			for (struct exec_proc *p = t->bucket[i]; p != NULL && ended < EXEC_ENDS; p = p->next)
				if (p->zombie)
					ended += fill_end(g, t, p, &out[ended], true);
		if (ended > 0)
			return ended;
	}
	int n = epoll_wait(t->epoll, ev, EXEC_ENDS, 0);
	for (int i = 0; i < n; i++)
		ended += fill_end(g, t, ev[i].data.ptr, &out[ended], late);
	return ended;
}

void
tree_forget(struct exec_tree *t, struct exec_proc *p)
{
	struct exec_proc **at = bucket_of(t, p->pid);
	while (*at != NULL && *at != p)
		at = &(*at)->next;
	if (*at != NULL)
		*at = p->next;
	t->zombies -= p->zombie;
	t->live--;
	struct exec_tty *e = &t->ttys[(unsigned)p->pid % EXEC_TTYS];
	if (e->session == p->pid)
		e->session = 0;
	br_cleanup_fd(&p->pidfd);
	p->next = t->spare;
	t->spare = p;
}
