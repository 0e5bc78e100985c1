#include "sandbox/limits.h"

#include "base/buf.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define CGROUP2_MAGIC 0x63677270 /* linux/magic.h */

static const struct {
	const char *name;
	enum br_pol_kind kind;
} KINDS[BR_LIMIT_N] = {
    [BR_LIMIT_MEMORY] = {"memory", BR_POL_LIMIT_MEMORY},
    [BR_LIMIT_PIDS] = {"pids", BR_POL_LIMIT_PIDS},
    [BR_LIMIT_CPU] = {"cpu", BR_POL_LIMIT_CPU},
    [BR_LIMIT_DISK] = {"disk", BR_POL_LIMIT_DISK},
    [BR_LIMIT_TIME] = {"time", BR_POL_LIMIT_TIME},
    [BR_LIMIT_FILES] = {"files", BR_POL_LIMIT_FILES},
};

const char *
br_limit_name(enum br_limit_kind k)
{
	return k < BR_LIMIT_N ? KINDS[k].name : "?";
}

const char *
br_limit_how_name(enum br_limit_how h)
{
	static const char *const names[] = {"not set", "enforced", "approximate", "refused"};
	return names[h];
}

static bool
write_value(const char *dir, const char *file, const char *value)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return false;
	br_auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && br_write_all(fd, value, strlen(value)) == 0;
}

static bool
write_number(const char *dir, const char *file, uint64_t n)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return write_value(dir, file, text);
}

/* Our own cgroup in a hierarchy: the line of /proc/self/cgroup whose controller list is `controller` ("" for v2). */
static bool
own_cgroup(const char *text, const char *controller, char *out, size_t room)
{
	for (const char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		const char *a = memchr(line, ':', len);
		const char *b = a != NULL ? memchr(a + 1, ':', len - (size_t)(a + 1 - line)) : NULL;
		if (b != NULL && (size_t)(b - a - 1) == strlen(controller) && strncmp(a + 1, controller, strlen(controller)) == 0)
			return snprintf(out, room, "%.*s", (int)(line + len - b - 1), b + 1) < (int)room;
		line += len;
		line += *line == '\n';
	}
	return false;
}

static void
set(struct br_limits *l, enum br_limit_kind k, enum br_limit_how how, const char *by)
{
	if (l->value[k] != 0 && l->how[k] != BR_LIMIT_ENFORCED) {
		l->how[k] = how;
		l->by[k] = by;
	}
}

/* Makes the cgroup and opens its cgroup.procs; its path, or NULL. */
static const char *
make_group(struct br_limits *l, const char *dir)
{
	char procs[PATH_MAX + 16];
	if (l->n + 1 >= BR_ARRAY_LEN(l->procs) || mkdir(dir, 0755) < 0)
		return NULL;
	(void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
	int fd = open(procs, O_WRONLY | O_CLOEXEC);
	char *copy = strdup(dir);
	if (fd < 0 || copy == NULL) {
		br_cleanup_fd(&fd);
		free(copy);
		(void)rmdir(dir);
		return NULL;
	}
	l->dirs[l->n] = copy;
	l->procs[l->n++] = fd;
	return copy;
}

/* The dead leave their group a moment after they are reaped: the kernel takes them out in its own time. */
static void
remove_group(const char *dir)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	for (int i = 0; rmdir(dir) < 0 && errno == EBUSY && i < 50; i++)
		(void)nanosleep(&moment, NULL);
}

static void
drop_group(struct br_limits *l)
{
	l->n--;
	(void)close(l->procs[l->n]);
	remove_group(l->dirs[l->n]);
	free(l->dirs[l->n]);
	l->procs[l->n] = -1;
}

static void
set_v2(struct br_limits *l, const char *dir)
{
	char cpu[64];
	if (l->value[BR_LIMIT_MEMORY] != 0 && write_number(dir, "memory.max", l->value[BR_LIMIT_MEMORY])) {
		(void)write_value(dir, "memory.swap.max", "0");
		set(l, BR_LIMIT_MEMORY, BR_LIMIT_ENFORCED, "cgroup v2");
	}
	if (l->value[BR_LIMIT_PIDS] != 0 && write_number(dir, "pids.max", l->value[BR_LIMIT_PIDS]))
		set(l, BR_LIMIT_PIDS, BR_LIMIT_ENFORCED, "cgroup v2");
	(void)snprintf(cpu, sizeof(cpu), "%llu 100000", (unsigned long long)l->value[BR_LIMIT_CPU] * 1000);
	if (l->value[BR_LIMIT_CPU] != 0 && write_value(dir, "cpu.max", cpu))
		set(l, BR_LIMIT_CPU, BR_LIMIT_ENFORCED, "cgroup v2");
}

/* v2: beside our own cgroup (a process may move between children of a directory that is delegated to its user), else in it. */
static bool
v2_group(const char *text, const char *id, int up, char *dir, size_t room)
{
	char own[PATH_MAX];
	struct statfs fs;
	const char *root = "/sys/fs/cgroup";
	if (statfs(root, &fs) < 0 || fs.f_type != CGROUP2_MAGIC)
		root = "/sys/fs/cgroup/unified";
	if (statfs(root, &fs) < 0 || fs.f_type != CGROUP2_MAGIC || !own_cgroup(text, "", own, sizeof(own)))
		return false;
	const char *slash = strrchr(own, '/');
	int n = up ? (int)(slash - own) : (int)strlen(own);
	return snprintf(dir, room, "%s%.*s/brattice-%s", root, n, own, id) < (int)room;
}

static void
try_v2(struct br_limits *l, const char *text, const char *id)
{
	char path[PATH_MAX];
	for (int up = 1; up >= 0; up--) {
		const char *dir = v2_group(text, id, up, path, sizeof(path)) ? make_group(l, path) : NULL;
		if (dir == NULL)
			continue;
		set_v2(l, dir);
		bool useful = false;
		for (int k = 0; k < BR_LIMIT_N; k++)
			useful |= l->how[k] == BR_LIMIT_ENFORCED;
		if (useful)
			return;
		drop_group(l);
	}
}

static const struct {
	enum br_limit_kind kind;
	const char *controllers[3];
	const char *file;
} V1[] = {{BR_LIMIT_MEMORY, {"memory"}, "memory.limit_in_bytes"},
    {BR_LIMIT_PIDS, {"pids"}, "pids.max"},
    {BR_LIMIT_CPU, {"cpu,cpuacct", "cpu"}, "cpu.cfs_quota_us"}};

static bool
v1_group(const char *text, const char *id, const char *controller, char *dir, size_t room)
{
	char own[PATH_MAX];
	return own_cgroup(text, controller, own, sizeof(own)) &&
	    snprintf(dir, room, "/sys/fs/cgroup/%s%s/brattice-%s", controller, br_streq(own, "/") ? "" : own, id) < (int)room;
}

static void
try_v1(struct br_limits *l, const char *text, const char *id)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < BR_ARRAY_LEN(V1); i++) {
		enum br_limit_kind k = V1[i].kind;
		for (size_t j = 0; V1[i].controllers[j] != NULL && l->value[k] != 0 && l->how[k] != BR_LIMIT_ENFORCED; j++) {
			const char *dir = v1_group(text, id, V1[i].controllers[j], path, sizeof(path)) ? make_group(l, path) : NULL;
			if (dir == NULL)
				continue;
			uint64_t v = k == BR_LIMIT_CPU ? l->value[k] * 1000 : l->value[k];
			if (write_number(dir, V1[i].file, v))
				set(l, k, BR_LIMIT_ENFORCED, "cgroup v1");
			else
				drop_group(l);
		}
	}
}

/* The text of /proc/self/cgroup, when a limit of the policy wants a group; else NULL. */
static const char *
read_own(const struct br_policy *p, struct br_buf *text)
{
	if (br_pol_value(p, KINDS[BR_LIMIT_MEMORY].kind, 0) == 0 && br_pol_value(p, KINDS[BR_LIMIT_PIDS].kind, 0) == 0 &&
	    br_pol_value(p, KINDS[BR_LIMIT_CPU].kind, 0) == 0)
		return NULL;
	return br_read_file(AT_FDCWD, "/proc/self/cgroup", text, 65536) == 0 ? text->p : NULL;
}

void
br_limits_groups(struct br_buf *out, const struct br_policy *p, const char *session_id)
{
	br_auto_buf text = {0};
	char path[PATH_MAX];
	const char *own = read_own(p, &text);
	for (int up = 1; own != NULL && up >= 0; up--)
		if (v2_group(own, session_id, up, path, sizeof(path)))
			br_buf_printf(out, "%s\n", path);
	for (size_t i = 0; own != NULL && i < BR_ARRAY_LEN(V1); i++)
		for (size_t j = 0; V1[i].controllers[j] != NULL; j++)
			if (br_pol_value(p, KINDS[V1[i].kind].kind, 0) != 0 && v1_group(own, session_id, V1[i].controllers[j], path, sizeof(path)))
				br_buf_printf(out, "%s\n", path);
}

static int
check_strict(const struct br_limits *l, struct br_err *e)
{
	for (int k = 0; k < BR_LIMIT_N; k++) {
		if (l->value[k] == 0 || l->how[k] == BR_LIMIT_ENFORCED)
			continue;
		(void)br_err_set(e, 0, "limits.%s can only be %s here, and limits.strict is set", KINDS[k].name, br_limit_how_name(l->how[k]));
		(void)br_err_hint(e, "run in a systemd user session (cgroup v2 delegation), see `brattice doctor`; or set limits.strict: false");
		return br_err_status(e, BR_EXIT_REFUSED);
	}
	return 0;
}

int
br_limits_setup(struct br_limits *l, const struct br_policy *p, const char *session_id, struct br_err *e)
{
	br_auto_buf text = {0};
	*l = (struct br_limits){.procs = {-1, -1, -1, -1}};
	for (int k = 0; k < BR_LIMIT_N; k++)
		l->value[k] = br_pol_value(p, KINDS[k].kind, 0);
	const char *own = read_own(p, &text);
	if (own != NULL) {
		try_v2(l, own, session_id);
		try_v1(l, own, session_id);
	}
	set(l, BR_LIMIT_PIDS, BR_LIMIT_ENFORCED, "RLIMIT_NPROC in the user namespace");
	set(l, BR_LIMIT_MEMORY, BR_LIMIT_APPROXIMATE, "measured every 250 ms");
	set(l, BR_LIMIT_CPU, BR_LIMIT_REFUSED, "needs cgroups");
	set(l, BR_LIMIT_DISK, BR_LIMIT_APPROXIMATE, "tmpfs sizes, RLIMIT_FSIZE for each file");
	set(l, BR_LIMIT_TIME, BR_LIMIT_ENFORCED, "the monitor's clock");
	set(l, BR_LIMIT_FILES, BR_LIMIT_ENFORCED, "RLIMIT_NOFILE");
	return br_pol_value(p, BR_POL_LIMIT_STRICT, 0) != 0 ? check_strict(l, e) : 0;
}

void
br_limits_finish(struct br_limits *l)
{
	while (l->n > 0)
		drop_group(l);
}
