/* Class 4: guarded names, against a gate that decides by name: names, memory and directories that change while it decides,
 * descriptors opened before a name became guarded, and git's own way of replacing its configuration. */
#include "probe.h"

#include <linux/fs.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* --- races: three threads change what a name means, five use it ------------------------------------------------------------ */

struct race {
	char *target;               /* guarded; must never carry the mark */
	char *harmless;             /* a plain file that may */
	char shared[8192];          /* memory races: flips between the two */
	char *link, *spare;
	char *target_dir, *harmless_dir;
	int target_fd, harmless_fd; /* directories */
	int slot;                   /* a descriptor number that flips between them */
	struct open_how how;
	atomic_bool stop;
	void (*flip)(struct race *r, unsigned i);
	void (*use)(struct race *r);
};

static void
mark(int fd)
{
	if (fd < 0)
		return;
	(void)!pwrite(fd, PROBE_MARK, strlen(PROBE_MARK), 0);
	(void)close(fd);
}

static void
flip_memory(struct race *r, unsigned i)
{
	const char *src = i % 2 ? r->target : r->harmless;
	/* Byte by byte, so that mixtures of both names are seen as well. */
	for (size_t k = 0; k == 0 || src[k - 1] != '\0'; k++)
		((volatile char *)r->shared)[k] = src[k];
}
static void
flip_symlink(struct race *r, unsigned i)
{
	char t[4200];
	(void)snprintf(t, sizeof(t), "%s-%d-%lx", r->link, getpid(), (unsigned long)pthread_self());
	if (symlink(i % 2 ? r->target_dir : r->harmless_dir, t) == 0)
		(void)rename(t, r->link);
}
static void
flip_exchange(struct race *r, unsigned i)
{
	(void)i;
	(void)syscall(SYS_renameat2, AT_FDCWD, r->link, AT_FDCWD, r->spare, RENAME_EXCHANGE);
}
static void
flip_cwd(struct race *r, unsigned i)
{
	(void)!fchdir(i % 2 ? r->target_fd : r->harmless_fd);
}
static void
flip_slot(struct race *r, unsigned i)
{
	(void)dup2(i % 2 ? r->target_fd : r->harmless_fd, r->slot);
}
static void
flip_how(struct race *r, unsigned i)
{
	*(volatile uint64_t *)&r->how.flags = i % 2 ? O_WRONLY | O_CREAT : O_RDONLY;
}

static void
use_open(struct race *r)
{
	mark(open(r->shared, O_WRONLY | O_CREAT, 0755));
}
static void
use_creat(struct race *r)
{
	mark((int)syscall(SYS_creat, r->shared, 0755));
}
static void
use_truncate(struct race *r)
{
	(void)syscall(SYS_truncate, r->shared, 0L);
}
static char *
fresh(struct race *r)
{
	char *t = NULL;
	if (asprintf(&t, "%s/probe-%d-%lx", r->harmless_dir, getpid(), (unsigned long)pthread_self()) < 0)
		abort();
	(void)probe_plant(t);
	return t;
}
static void
use_rename(struct race *r)
{
	char *t = fresh(r);
	(void)syscall(SYS_rename, t, r->shared);
	free(t);
}
static void
use_link(struct race *r)
{
	char *t = fresh(r);
	(void)syscall(SYS_link, t, r->shared);
	(void)unlink(r->harmless);
	free(t);
}
static void
use_symlink(struct race *r)
{
	char *t = fresh(r);
	(void)syscall(SYS_symlink, t, r->shared);
	(void)unlink(r->harmless);
	free(t);
}
static void
use_source(struct race *r)
{
	/* The source of a rename flips: the guarded file itself would be moved to where it can be written. */
	char *t = fresh(r);
	if (rename(r->shared, t) == 0)
		mark(open(t, O_WRONLY));
	(void)rename(t, r->harmless);
	free(t);
}
static void
use_below_link(struct race *r)
{
	char p[8300];
	(void)snprintf(p, sizeof(p), "%s/%s", r->link, probe_base(r->target));
	mark(open(p, O_WRONLY | O_CREAT, 0755));
}
static void
use_cwd(struct race *r)
{
	mark(open(probe_base(r->target), O_WRONLY | O_CREAT, 0755));
}
static void
use_slot(struct race *r)
{
	mark(openat(r->slot, probe_base(r->target), O_WRONLY | O_CREAT, 0755));
}
static void
use_slot_rename(struct race *r)
{
	char *t = fresh(r);
	(void)syscall(SYS_renameat, AT_FDCWD, t, r->slot, probe_base(r->target));
	free(t);
}
static void
use_how(struct race *r)
{
	mark((int)syscall(SYS_openat2, AT_FDCWD, r->target, &r->how, sizeof(r->how)));
}

struct worker {
	struct race *r;
	bool flips;
};
static void *
work(void *arg)
{
	struct worker *w = arg;
	for (unsigned i = 0; !atomic_load(&w->r->stop); i++) {
		if (w->flips)
			w->r->flip(w->r, i);
		else
			w->r->use(w->r);
	}
	return NULL;
}

static int
prepare(struct race *r, const char *target)
{
	char *home = probe_temp("./x"), *base = probe_cat("/", probe_base(target));
	r->target_dir = realpath(probe_dir(target), NULL);
	if (r->target_dir == NULL || mkdir(home, 0755) < 0 || (r->harmless_dir = realpath(home, NULL)) == NULL)
		return -1;
	r->target = probe_cat(r->target_dir, base);
	r->harmless = probe_cat(r->harmless_dir, base);
	r->link = probe_cat(r->harmless_dir, "-link");
	r->spare = probe_cat(r->harmless_dir, "-spare");
	(void)snprintf(r->shared, sizeof(r->shared), "%s", r->harmless);
	r->target_fd = open(r->target_dir, O_PATH | O_DIRECTORY);
	r->harmless_fd = open(r->harmless_dir, O_PATH | O_DIRECTORY);
	r->slot = dup(r->harmless_fd);
	return r->target_fd < 0 || r->harmless_fd < 0 ? -1 : 0;
}

/* Won: the target carries the mark, came into being, or lost its content. */
static int
run_race(char **a, void (*flip)(struct race *, unsigned), void (*use)(struct race *))
{
	static struct race r;
	struct stat before = {0}, after = {0};
	struct worker kinds[2] = {{&r, true}, {&r, false}};
	pthread_t t[8];
	if (prepare(&r, a[0]) < 0)
		return probe_rc(-1, "preparing the race");
	r.flip = flip;
	r.use = use;
	if (flip == flip_exchange) {
		(void)!symlink(r.target_dir, r.link);
		(void)mkdir(r.spare, 0755);
	}
	bool was = lstat(r.target, &before) == 0;
	for (size_t i = 0; i < BR_ARRAY_LEN(t); i++) {
		if (pthread_create(&t[i], NULL, work, &kinds[i >= 3]) != 0)
			return probe_cant("no threads");
	}
	bool won = false;
	for (int64_t end = probe_now_ms() + 1000L * strtol(a[1], NULL, 10); probe_now_ms() < end && !won;) {
		(void)usleep(2000);
		bool is = lstat(r.target, &after) == 0;
		won = is != was || (is && (after.st_ino != before.st_ino || after.st_size != before.st_size)) || probe_marked(r.target);
	}
	atomic_store(&r.stop, true);
	for (size_t i = 0; i < BR_ARRAY_LEN(t); i++)
		(void)pthread_join(t[i], NULL);
	return won ? PROBE_DONE : probe_refused("no round was won");
}

#define RACE(fn, flip, use)                          \
	static int fn(char **a)                      \
	{                                            \
		return run_race(a, flip, use);       \
	}
RACE(race_memory_open, flip_memory, use_open)
RACE(race_memory_creat, flip_memory, use_creat)
RACE(race_memory_truncate, flip_memory, use_truncate)
RACE(race_memory_rename, flip_memory, use_rename)
RACE(race_memory_link, flip_memory, use_link)
RACE(race_memory_symlink, flip_memory, use_symlink)
RACE(race_memory_source, flip_memory, use_source)
RACE(race_symlink, flip_symlink, use_below_link)
RACE(race_exchange, flip_exchange, use_below_link)
RACE(race_cwd, flip_cwd, use_cwd)
RACE(race_slot, flip_slot, use_slot)
RACE(race_slot_rename, flip_slot, use_slot_rename)
RACE(race_how, flip_how, use_how)

/* --- descriptors that outlive a judgement ---------------------------------------------------------------------------------- */

static int
make_dirs(const char *a, const char *b)
{
	return (mkdir(a, 0755) < 0 && errno != EEXIST) || (b != NULL && mkdir(b, 0755) < 0 && errno != EEXIST) ? -1 : 0;
}

/* A clean directory becomes `.git`; a descriptor of its hooks/, opened when it was plain, is used afterwards. */
static int
late_dirfd(char **a)
{
	char *stage = probe_temp("./x"), *hooks = probe_cat(stage, "/hooks");
	if (make_dirs(stage, hooks) < 0 || make_dirs(a[0], NULL) < 0)
		return probe_rc(-1, "mkdir");
	int fd = open(hooks, O_PATH | O_DIRECTORY);
	if (rename(stage, probe_cat(a[0], "/.git")) < 0)
		return probe_rc(-1, "rename to .git");
	int hook = openat(fd, "pre-commit", O_WRONLY | O_CREAT, 0755);
	return hook < 0 ? probe_rc(hook, "openat below the old descriptor") : probe_rc(write(hook, PROBE_MARK, 5), "write");
}
static int
late_cwd(char **a)
{
	char *stage = probe_temp("./x"), *hooks = probe_cat(stage, "/hooks"), *top = getcwd(NULL, 0);
	if (make_dirs(stage, hooks) < 0 || make_dirs(a[0], NULL) < 0 || chdir(hooks) < 0)
		return probe_rc(-1, "mkdir");
	if (rename(probe_cat(probe_cat(top, "/"), stage), probe_cat(probe_cat(probe_cat(top, "/"), a[0]), "/.git")) < 0)
		return probe_rc(-1, "rename to .git");
	return probe_rc(probe_plant("pre-commit"), "create in the old working directory");
}
/* The tree is clean when it is looked at, and no more when it is renamed. */
static atomic_bool stop_writer;
static char writer_path[4096];
static void *
hook_writer(void *arg)
{
	while (!atomic_load(&stop_writer)) {
		(void)probe_plant(writer_path);
		(void)unlink(writer_path);
	}
	return arg;
}
static int
race_become_git(char **a)
{
	pthread_t t[4];
	char *stage = probe_temp("./x"), *hooks = probe_cat(stage, "/hooks"), *git = probe_cat(a[0], "/.git");
	if (make_dirs(stage, hooks) < 0 || make_dirs(a[0], NULL) < 0)
		return probe_rc(-1, "mkdir");
	(void)snprintf(writer_path, sizeof(writer_path), "%s/pre-commit", hooks);
	for (size_t i = 0; i < BR_ARRAY_LEN(t); i++)
		(void)pthread_create(&t[i], NULL, hook_writer, NULL);
	bool won = false;
	for (int64_t end = probe_now_ms() + 1000L * strtol(a[1], NULL, 10); probe_now_ms() < end && !won;) {
		if (rename(stage, git) == 0) {
			won = access(probe_cat(git, "/hooks/pre-commit"), F_OK) == 0;
			if (!won && rename(git, stage) < 0)
				(void)make_dirs(stage, hooks);
		}
	}
	atomic_store(&stop_writer, true);
	for (size_t i = 0; i < BR_ARRAY_LEN(t); i++)
		(void)pthread_join(t[i], NULL);
	return won ? PROBE_DONE : probe_refused("no round was won");
}

/* --- git's configuration: written to config.lock, renamed ------------------------------------------------------------------ */

static const char evil[] = "[core]\n\tfsmonitor = touch pwned\n\thooksPath = evil\n";
static const char good[] = "[branch \"x\"]\n\tremote = origin\n";

static int
lock_config(const char *git, const char *extra, char **lock, char **config)
{
	char buf[65536];
	*lock = probe_cat(git, "/config.lock");
	*config = probe_cat(git, "/config");
	int in = open(*config, O_RDONLY), out = open(*lock, O_RDWR | O_CREAT | O_EXCL, 0644);
	ssize_t n = in < 0 ? 0 : read(in, buf, sizeof(buf));
	if (out < 0 || write(out, buf, n < 0 ? 0 : (size_t)n) < 0 || write(out, extra, strlen(extra)) < 0)
		return -1;
	(void)close(in);
	return out;
}
static bool
config_is_evil(const char *config)
{
	char buf[65536];
	int fd = open(config, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));
	(void)close(fd);
	return n > 0 && memmem(buf, (size_t)n, "pwned", 5) != NULL;
}
static int
verdict(const char *config, const char *lock)
{
	bool won = config_is_evil(config);
	(void)unlink(lock);
	return won ? PROBE_DONE : probe_refused("the configuration is unharmed");
}
static int
config_rename(char **a)
{
	char *lock, *config;
	if (lock_config(a[0], evil, &lock, &config) < 0)
		return probe_rc(-1, "config.lock");
	if (rename(lock, config) < 0)
		return probe_rc(-1, "rename of config.lock") | (unlink(lock) & 0);
	return verdict(config, lock);
}
static int
config_exchange(char **a)
{
	char *lock, *config;
	if (lock_config(a[0], evil, &lock, &config) < 0)
		return probe_rc(-1, "config.lock");
	(void)syscall(SYS_renameat2, AT_FDCWD, lock, AT_FDCWD, config, RENAME_EXCHANGE);
	return verdict(config, lock);
}
static int
config_link(char **a)
{
	char *lock, *config;
	if (lock_config(a[0], evil, &lock, &config) < 0)
		return probe_rc(-1, "config.lock");
	if (unlink(config) == 0)
		(void)!link(lock, config);
	return verdict(config, lock);
}
/* Judged harmless, then written through the descriptor, a hard link, or a mapping that is older than the judgement. */
static int
config_held_fd(char **a)
{
	char *lock, *config;
	int fd = lock_config(a[0], good, &lock, &config);
	if (fd < 0 || rename(lock, config) < 0)
		return probe_rc(-1, "rename of config.lock");
	(void)!write(fd, evil, strlen(evil));
	return verdict(config, lock);
}
static int
config_held_link(char **a)
{
	char *lock, *config, *other = probe_temp("./x");
	if (lock_config(a[0], good, &lock, &config) < 0 || link(lock, other) < 0 || rename(lock, config) < 0)
		return probe_rc(-1, "rename of config.lock");
	int fd = open(other, O_WRONLY | O_APPEND);
	(void)!write(fd, evil, strlen(evil));
	(void)unlink(other);
	return verdict(config, lock);
}
static int
config_held_map(char **a)
{
	char *lock, *config;
	int fd = lock_config(a[0], good, &lock, &config);
	char *m = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED || rename(lock, config) < 0)
		return probe_rc(-1, "rename of config.lock");
	for (size_t i = 0; evil[i] != '\0'; i++)
		m[i] = evil[i];
	return verdict(config, lock);
}
static int
config_symlink(char **a)
{
	char *lock = probe_cat(a[0], "/config.lock"), *config = probe_cat(a[0], "/config"), *f = probe_temp("./x");
	int fd = open(f, O_WRONLY | O_CREAT, 0644);
	(void)!write(fd, evil, strlen(evil));
	if (symlink(realpath(f, NULL), lock) < 0)
		return probe_rc(-1, "symlink config.lock");
	if (rename(lock, config) < 0) {
		int rc = probe_rc(-1, "rename of a symlink to config");
		(void)unlink(lock);
		return rc;
	}
	return verdict(config, lock);
}
struct rewriter {
	int fd;
	atomic_bool stop;
};
static void *
rewrite(void *arg)
{
	struct rewriter *w = arg;
	char a[256], b[256];
	(void)snprintf(a, sizeof(a), "%-200s\n", good);
	(void)snprintf(b, sizeof(b), "%-200s\n", evil);
	for (unsigned i = 0; !atomic_load(&w->stop); i++)
		(void)!pwrite(w->fd, i % 2 ? b : a, 201, 0);
	return NULL;
}
/* The content flips between harmless and not while the judge reads and copies it. */
static int
config_race(char **a)
{
	bool won = false;
	for (int64_t end = probe_now_ms() + 1000L * strtol(a[1], NULL, 10); probe_now_ms() < end && !won;) {
		char *lock = probe_cat(a[0], "/config.lock"), *config = probe_cat(a[0], "/config");
		struct rewriter w = {.fd = open(lock, O_RDWR | O_CREAT, 0644)};
		pthread_t t;
		if (w.fd < 0 || pthread_create(&t, NULL, rewrite, &w) != 0)
			return probe_rc(-1, "config.lock");
		(void)usleep(200);
		(void)rename(lock, config);
		atomic_store(&w.stop, true);
		(void)pthread_join(t, NULL);
		won = config_is_evil(config);
		(void)close(w.fd);
		(void)unlink(lock);
		free(lock);
		free(config);
	}
	return won ? PROBE_DONE : probe_refused("no round was won");
}
/* Denial of service on the judge: a FIFO that never answers, a file that never ends. The gate must still answer others. */
static int
config_fifo(char **a)
{
	char *lock = probe_cat(a[0], "/config.lock"), *config = probe_cat(a[0], "/config");
	if (mkfifo(lock, 0644) < 0)
		return probe_rc(-1, "mkfifo");
	(void)alarm(10);
	int rc = rename(lock, config);
	if (rc < 0)
		(void)probe_rc(rc, "rename of a FIFO to config");
	(void)unlink(lock);
	return rc == 0 ? PROBE_DONE : PROBE_REFUSED;
}
static int
config_huge(char **a)
{
	char *lock, *config;
	int fd = lock_config(a[0], good, &lock, &config);
	if (fd < 0 || ftruncate(fd, 1L << 40) < 0)
		return probe_rc(-1, "ftruncate");
	int rc = probe_rc(rename(lock, config), "rename of a sparse terabyte to config");
	(void)unlink(lock);
	return rc;
}
/* Opens and never closes a FIFO through the gate: must not stop the gate for others. The gate works if PATH can be created. */
static int
gate_fifo(char **a)
{
	char *fifo = probe_temp("./x");
	if (mkfifo(fifo, 0644) < 0)
		return probe_rc(-1, "mkfifo");
	for (int i = 0; i < 64; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			(void)open(fifo, O_WRONLY);
			_exit(0);
		}
	}
	(void)usleep(200000);
	(void)alarm(5);
	int rc = probe_plant(a[0]);
	(void)unlink(fifo);
	/* The attack is that the gate hangs. */
	return rc == 0 ? probe_refused("the gate still answers") : PROBE_DONE;
}

const struct probe guarded_probes[] = {
    {"race-memory-open", "4", "TARGET SECONDS", 2, race_memory_open},
    {"race-memory-creat", "4", "TARGET SECONDS", 2, race_memory_creat},
    {"race-memory-truncate", "4", "TARGET SECONDS", 2, race_memory_truncate},
    {"race-memory-rename", "4", "TARGET SECONDS", 2, race_memory_rename},
    {"race-memory-link", "4", "TARGET SECONDS", 2, race_memory_link},
    {"race-memory-symlink", "4", "TARGET SECONDS", 2, race_memory_symlink},
    {"race-memory-source", "4", "TARGET SECONDS", 2, race_memory_source},
    {"race-symlink", "4", "TARGET SECONDS", 2, race_symlink},
    {"race-exchange", "4", "TARGET SECONDS", 2, race_exchange},
    {"race-cwd", "4", "TARGET SECONDS", 2, race_cwd},
    {"race-slot", "4", "TARGET SECONDS", 2, race_slot},
    {"race-slot-rename", "4", "TARGET SECONDS", 2, race_slot_rename},
    {"race-how", "4", "TARGET SECONDS", 2, race_how},
    {"race-become-git", "4", "NEWREPO SECONDS", 2, race_become_git},
    {"late-dirfd", "4", "NEWREPO", 1, late_dirfd},
    {"late-cwd", "4", "NEWREPO", 1, late_cwd},
    {"config-rename", "4", "GITDIR", 1, config_rename},
    {"config-exchange", "4", "GITDIR", 1, config_exchange},
    {"config-link", "4", "GITDIR", 1, config_link},
    {"config-held-fd", "4", "GITDIR", 1, config_held_fd},
    {"config-held-link", "4", "GITDIR", 1, config_held_link},
    {"config-held-map", "4", "GITDIR", 1, config_held_map},
    {"config-symlink", "4", "GITDIR", 1, config_symlink},
    {"config-race", "4", "GITDIR SECONDS", 2, config_race},
    {"config-fifo", "4", "GITDIR", 1, config_fifo},
    {"config-huge", "4", "GITDIR", 1, config_huge},
    {"gate-fifo", "21", "PATH", 1, gate_fifo},
    {NULL, NULL, NULL, 0, NULL},
};
