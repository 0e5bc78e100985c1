/* Reading what lies outside: docs/threat-model.md classes 1 and 2. `SECRET` is a string that the file holds: an open that shows
 * something else (a private home's file of the same name) is no leak. */
#include "probe.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int
holds(int fd, const char *secret)
{
	static char buf[65536];
	/* From the beginning: a descriptor that was handed over shares its offset with others. */
	(void)lseek(fd, 0, SEEK_SET);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	if (n < 0)
		return probe_rc(-1, "read");
	return memmem(buf, (size_t)n, secret, strlen(secret)) != NULL ? PROBE_DONE : probe_refused("the content is another");
}

static int
leak(long fd, const char *call, const char *secret)
{
	return fd < 0 ? probe_rc(fd, call) : holds((int)fd, secret);
}

static int
read_open(char **a)
{
	return leak(syscall(SYS_open, a[0], O_RDONLY), "open", a[1]);
}
static int
read_openat(char **a)
{
	return leak(syscall(SYS_openat, AT_FDCWD, a[0], O_RDONLY), "openat", a[1]);
}
static int
read_openat2(char **a)
{
	struct open_how how = {.flags = O_RDONLY};
	return leak(syscall(SYS_openat2, AT_FDCWD, a[0], &how, sizeof(how)), "openat2", a[1]);
}
static int
read_rdwr(char **a)
{
	return leak(syscall(SYS_open, a[0], O_RDWR), "open O_RDWR", a[1]);
}

/* A gate that performs everything with O_CREAT opens with its own rights, which may be more than ours. */
static int
read_create(char **a)
{
	return leak(syscall(SYS_open, a[0], O_RDONLY | O_CREAT, 0644), "open O_RDONLY|O_CREAT", a[1]);
}
static int
read_dirfd_create(char **a)
{
	int dir = open(probe_dir(a[0]), O_PATH | O_DIRECTORY);
	return dir < 0 ? probe_rc(dir, "open O_PATH") : leak(syscall(SYS_openat, dir, probe_base(a[0]), O_RDONLY | O_CREAT, 0644), "openat O_RDONLY|O_CREAT", a[1]);
}

static int
read_below(const char *root, char **a)
{
	char *p = probe_cat(root, a[0]);
	return leak(open(p, O_RDONLY), p, a[1]);
}
static int
read_self_root(char **a)
{
	return read_below("/proc/self/root", a);
}
static int
read_thread_root(char **a)
{
	return read_below("/proc/thread-self/root", a);
}
static int
read_init_root(char **a)
{
	return read_below("/proc/1/root", a);
}
static int
read_double_slash(char **a)
{
	return read_below("/.//./", a);
}
static int
read_dotdot(char **a)
{
	return read_below("../../../../../../../../../../../../../../../..", a);
}

/* The root and the working directory of every process that /proc shows, and what its descriptors lead to. */
static int
read_any_proc(char **a)
{
	DIR *d = opendir("/proc");
	if (d == NULL)
		return probe_rc(-1, "opendir /proc");
	const char *const ways[] = {"root", "cwd/../../../../../../../..", "task/%s/root"};
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		for (size_t i = 0; i < 2 && strspn(e->d_name, "0123456789") == strlen(e->d_name); i++) {
			char p[8192];
			(void)snprintf(p, sizeof(p), "/proc/%s/%s%s", e->d_name, ways[i], a[0]);
			int fd = open(p, O_RDONLY | O_NONBLOCK);
			if (fd >= 0 && holds(fd, a[1]) == PROBE_DONE)
				return PROBE_DONE;
		}
	}
	return probe_refused("no process leads there");
}

static int
read_symlink(char **a)
{
	char *t = probe_temp("./x");
	if (symlink(a[0], t) < 0)
		return probe_rc(-1, "symlink");
	int rc = leak(open(t, O_RDONLY), "open of a symlink", a[1]);
	(void)unlink(t);
	return rc;
}
static int
read_symlink_dir(char **a)
{
	char *t = probe_temp("./x"), *dir = probe_dir(a[0]);
	if (symlink(dir, t) < 0)
		return probe_rc(-1, "symlink");
	char *p = probe_cat(probe_cat(t, "/"), probe_base(a[0]));
	int rc = leak(open(p, O_RDONLY), "open through a symlink", a[1]);
	(void)unlink(t);
	return rc;
}
static int
read_hardlink(char **a)
{
	char *t = probe_temp("./x");
	if (syscall(SYS_linkat, AT_FDCWD, a[0], AT_FDCWD, t, 0) < 0)
		return probe_rc(-1, "linkat");
	int rc = leak(open(t, O_RDONLY), "open of a hard link", a[1]);
	(void)unlink(t);
	return rc;
}
static int
read_rename_in(char **a)
{
	char *t = probe_temp("./x");
	if (syscall(SYS_rename, a[0], t) < 0)
		return probe_rc(-1, "rename");
	int rc = leak(open(t, O_RDONLY), "open", a[1]);
	(void)rename(t, a[0]);
	return rc;
}
static int
read_opath(char **a)
{
	int fd = open(a[0], O_PATH);
	if (fd < 0)
		return probe_rc(fd, "open O_PATH");
	char p[64];
	(void)snprintf(p, sizeof(p), "/proc/self/fd/%d", fd);
	return leak(open(p, O_RDONLY), p, a[1]);
}
static int
read_mmap(char **a)
{
	int fd = open(a[0], O_RDONLY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return probe_rc(-1, "open");
	char *m = mmap(NULL, (size_t)st.st_size + 1, PROT_READ, MAP_PRIVATE, fd, 0);
	if (m == MAP_FAILED)
		return probe_rc(-1, "mmap");
	return memmem(m, (size_t)st.st_size, a[1], strlen(a[1])) != NULL ? PROBE_DONE : probe_refused("another content");
}
static int
read_chdir(char **a)
{
	if (chdir(probe_dir(a[0])) < 0)
		return probe_rc(-1, "chdir");
	return leak(open(probe_base(a[0]), O_RDONLY), "open", a[1]);
}
/* The handle is made here of what can be named here; `shocker` guessed the root's (inode 2). */
static int
read_by_handle(char **a)
{
	struct {
		struct file_handle h;
		unsigned char room[128];
	} f = {.h.handle_bytes = 128};
	int mount = 0, dir = open(probe_dir(a[0]), O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		dir = open(".", O_RDONLY | O_DIRECTORY);
	if (name_to_handle_at(AT_FDCWD, a[0], &f.h, &mount, 0) < 0)
		return probe_rc(-1, "name_to_handle_at");
	return leak(open_by_handle_at(dir, &f.h, O_RDONLY), "open_by_handle_at", a[1]);
}
/* ext4: a handle of 8 bytes, inode and generation. Walks the inodes that a guess would try first. */
static int
read_guessed_handle(char **a)
{
	struct {
		struct file_handle h;
		uint32_t ino, gen;
	} f = {.h = {.handle_bytes = 8, .handle_type = 1}};
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	f.ino = 2;
	int root = open_by_handle_at(dir, &f.h, O_RDONLY | O_DIRECTORY);
	if (root < 0)
		return probe_rc(root, "open_by_handle_at of inode 2");
	return leak(openat(root, a[0] + 1, O_RDONLY), "openat below inode 2", a[1]);
}
static int
read_stat(char **a)
{
	struct stat st;
	return probe_rc(stat(a[0], &st), "stat");
}
static int
read_statx(char **a)
{
	char sx[256]; /* struct statx, which not every C library has */
	return probe_rc(syscall(SYS_statx, AT_FDCWD, a[0], 0, 0x7ff, sx), "statx");
}
static int
read_access(char **a)
{
	return probe_rc(syscall(SYS_faccessat2, AT_FDCWD, a[0], F_OK, 0), "faccessat2");
}
static int
read_inotify(char **a)
{
	return probe_rc(inotify_add_watch(inotify_init1(0), a[0], IN_ALL_EVENTS), "inotify_add_watch");
}
static int
read_list(char **a)
{
	DIR *d = opendir(a[0]);
	if (d == NULL)
		return probe_rc(-1, "opendir");
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (strstr(e->d_name, a[1]) != NULL)
			return PROBE_DONE;
	}
	return probe_refused("not listed");
}
static int
read_exec(char **a)
{
	(void)execl(a[0], a[0], (char *)NULL);
	return probe_rc(-1, "execve");
}

/* A symlink that eight threads turn to and fro between an innocent file and the secret. */
struct flip {
	const char *link, *good, *bad, *secret;
	atomic_bool stop, won;
};
static void *
flipper(void *arg)
{
	struct flip *f = arg;
	char *t = probe_cat(f->link, "-t");
	for (unsigned i = 0; !atomic_load(&f->stop); i++) {
		if (symlink(i % 2 ? f->good : f->bad, t) == 0)
			(void)rename(t, f->link);
	}
	return NULL;
}
static void *
reader(void *arg)
{
	struct flip *f = arg;
	char buf[4096];
	while (!atomic_load(&f->stop)) {
		int fd = open(f->link, O_RDONLY | O_NONBLOCK);
		ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));
		if (n > 0 && memmem(buf, (size_t)n, f->secret, strlen(f->secret)) != NULL)
			atomic_store(&f->won, true);
		if (fd >= 0)
			(void)close(fd);
	}
	return NULL;
}
static int
read_symlink_race(char **a)
{
	struct flip f = {.link = probe_temp("./x"), .good = probe_temp("./x"), .bad = a[0], .secret = a[1]};
	pthread_t t[8];
	if (probe_plant(f.good) < 0)
		return probe_cant("no file can be made here");
	for (size_t i = 0; i < BR_ARRAY_LEN(t); i++)
		(void)pthread_create(&t[i], NULL, i < 2 ? flipper : reader, &f);
	for (int64_t end = probe_now_ms() + 1000L * strtol(a[2], NULL, 10); probe_now_ms() < end && !atomic_load(&f.won);)
		(void)usleep(10000);
	atomic_store(&f.stop, true);
	for (size_t i = 0; i < BR_ARRAY_LEN(t); i++)
		(void)pthread_join(t[i], NULL);
	(void)unlink(f.link);
	(void)unlink(f.good);
	return atomic_load(&f.won) ? PROBE_DONE : probe_refused("no open reached the secret");
}

/* Descriptors that the launcher's caller left open: any that shows the secret, or a directory outside. */
static int
inherited_fd(char **a)
{
	int rc = PROBE_REFUSED;
	for (int fd = 3; fd < 1024; fd++) {
		char buf[4096], p[64];
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		(void)snprintf(p, sizeof(p), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(p, buf, sizeof(buf) - 1);
		printf("descriptor %d: %.*s\n", fd, (int)(n < 0 ? 0 : n), buf);
		n = pread(fd, buf, sizeof(buf), 0);
		if (n > 0 && memmem(buf, (size_t)n, a[0], strlen(a[0])) != NULL)
			rc = PROBE_DONE;
		if (openat(fd, "..", O_PATH | O_DIRECTORY) >= 0)
			rc = PROBE_DONE;
	}
	return rc == PROBE_DONE ? rc : probe_refused("nothing is inherited that leads out");
}
/* Standard descriptors: a directory or file there may be reopened for more than it was opened for. */
static int
inherited_std(char **a)
{
	for (int fd = 0; fd < 3; fd++) {
		char p[64];
		(void)snprintf(p, sizeof(p), "/proc/self/fd/%d", fd);
		int w = open(p, O_WRONLY | O_APPEND);
		if (w >= 0 && write(w, a[0], strlen(a[0])) > 0)
			return PROBE_DONE;
	}
	return probe_refused("no standard descriptor could be reopened for writing");
}
/* A broker outside that sends a descriptor over a socket in the tree. */
static int
recv_fd(char **a)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", a[0]);
	if (connect(s, (struct sockaddr *)&un, sizeof(un)) < 0)
		return probe_rc(-1, "connect");
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	if (recvmsg(s, &m, 0) < 0 || CMSG_FIRSTHDR(&m) == NULL)
		return probe_rc(-1, "recvmsg");
	int fd;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return holds(fd, a[1]);
}
static int
environment(char **a)
{
	for (char **e = environ; *e != NULL; e++) {
		if (strstr(*e, a[0]) != NULL)
			return PROBE_DONE;
	}
	return probe_refused("not in the environment");
}
/* Any process that /proc shows whose FILE (environ, cmdline …) holds the secret. */
static int
proc_file(char **a)
{
	DIR *d = opendir("/proc");
	if (d == NULL)
		return probe_rc(-1, "opendir /proc");
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char p[512], self[32];
		(void)snprintf(self, sizeof(self), "%d", getpid());
		(void)snprintf(p, sizeof(p), "/proc/%s/%s", e->d_name, a[0]);
		int fd = strspn(e->d_name, "0123456789") != strlen(e->d_name) || br_streq(e->d_name, self) ? -1 : open(p, O_RDONLY);
		if (fd >= 0 && holds(fd, a[1]) == PROBE_DONE)
			return PROBE_DONE;
	}
	return probe_refused("no process shows it");
}

const struct probe read_probes[] = {
    {"read-open", "1", "PATH SECRET", 2, read_open},
    {"read-openat", "1", "PATH SECRET", 2, read_openat},
    {"read-openat2", "1", "PATH SECRET", 2, read_openat2},
    {"read-rdwr", "1", "PATH SECRET", 2, read_rdwr},
    {"read-create", "1", "PATH SECRET", 2, read_create},
    {"read-dirfd-create", "1", "PATH SECRET", 2, read_dirfd_create},
    {"read-self-root", "1", "PATH SECRET", 2, read_self_root},
    {"read-thread-root", "1", "PATH SECRET", 2, read_thread_root},
    {"read-init-root", "1", "PATH SECRET", 2, read_init_root},
    {"read-any-proc", "1", "PATH SECRET", 2, read_any_proc},
    {"read-double-slash", "2", "PATH SECRET", 2, read_double_slash},
    {"read-dotdot", "1", "PATH SECRET", 2, read_dotdot},
    {"read-symlink", "1", "PATH SECRET", 2, read_symlink},
    {"read-symlink-dir", "1", "PATH SECRET", 2, read_symlink_dir},
    {"read-hardlink", "1", "PATH SECRET", 2, read_hardlink},
    {"read-rename-in", "1", "PATH SECRET", 2, read_rename_in},
    {"read-opath", "1", "PATH SECRET", 2, read_opath},
    {"read-mmap", "1", "PATH SECRET", 2, read_mmap},
    {"read-chdir", "1", "PATH SECRET", 2, read_chdir},
    {"read-by-handle", "1", "PATH SECRET", 2, read_by_handle},
    {"read-guessed-handle", "1", "PATH SECRET", 2, read_guessed_handle},
    {"read-symlink-race", "1", "PATH SECRET SECONDS", 3, read_symlink_race},
    {"see-stat", "1", "PATH", 1, read_stat},
    {"see-statx", "1", "PATH", 1, read_statx},
    {"see-access", "1", "PATH", 1, read_access},
    {"see-inotify", "1", "PATH", 1, read_inotify},
    {"see-list", "1", "DIR NAME", 2, read_list},
    {"exec-path", "1", "PATH", 1, read_exec},
    {"inherited-fd", "1", "SECRET", 1, inherited_fd},
    {"inherited-std", "3", "TEXT", 1, inherited_std},
    {"recv-fd", "1", "SOCKET SECRET", 2, recv_fd},
    {"environment", "25", "SECRET", 1, environment},
    {"proc-file", "19", "FILE SECRET", 2, proc_file},
    {NULL, NULL, NULL, 0, NULL},
};
