#include "sandbox/landlock.h"

#include "sandbox/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <unistd.h>

/* Newer than Debian 12's headers: include/uapi/linux/landlock.h of 6.10 and 6.12. */
#define FS_IOCTL_DEV (1ULL << 15)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

static const uint64_t READ_RIGHTS = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

int
br_landlock_abi(void)
{
	long v = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return v > 0 ? (int)v : 0;
}

static uint64_t
handled(int abi)
{
	uint64_t h = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* ABI 1: EXECUTE … MAKE_SYM */
	if (abi >= 2)
		h |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		h |= 1ULL << 14; /* TRUNCATE */
	if (abi >= 5)
		h |= FS_IOCTL_DEV;
	return h;
}

static int
allow(int rs, const char *path, uint64_t rights, struct br_err *e)
{
	br_auto_fd int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? 0 : br_err_set(e, errno, "landlock: %s", path);
	struct landlock_path_beneath_attr a = {.parent_fd = fd, .allowed_access = rights};
	if (!S_ISDIR(st.st_mode))
		a.allowed_access &= LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | FS_IOCTL_DEV;
	if (syscall(SYS_landlock_add_rule, rs, LANDLOCK_RULE_PATH_BENEATH, &a, 0) < 0)
		return br_err_set(e, errno, "landlock: cannot add %s", path);
	return 0;
}

int
br_landlock_restrict(const struct br_plan *p, struct br_err *e)
{
	int abi = br_landlock_abi();
	if (abi < BR_LANDLOCK_MIN_ABI) {
		br_err_set(e, 0, "this kernel has no Landlock of ABI %d or later", BR_LANDLOCK_MIN_ABI);
		return br_err_hint(e, "boot Linux 5.19 or later with landlock in the lsm= list; `brattice doctor` shows what is there");
	}
	struct ruleset_attr attr = {.handled_access_fs = handled(abi)};
	if (abi >= 6)
		attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	size_t len = abi >= 6 ? sizeof(attr) : sizeof(attr.handled_access_fs);
	br_auto_fd int rs = (int)syscall(SYS_landlock_create_ruleset, &attr, len, 0);
	if (rs < 0)
		return br_err_set(e, errno, "cannot make a Landlock ruleset");
	/* Listing directories of the sandbox's own root is harmless, and `ls /` should work. */
	if (allow(rs, "/", LANDLOCK_ACCESS_FS_READ_DIR, e) < 0 || allow(rs, "/etc", READ_RIGHTS, e) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		const struct br_plan_op *o = &p->ops[i];
		uint64_t rights = READ_RIGHTS;
		if (o->kind == BR_PLAN_SYMLINK || o->kind == BR_PLAN_FILE || o->kind == BR_PLAN_DIR || br_startswith(o->dst, "/etc/"))
			continue;
		if (br_startswith(o->dst, "/dev/") && o->kind == BR_PLAN_BIND)
			continue; /* covered by /dev */
		if ((o->flags & BR_PLAN_NOEXEC) != 0)
			rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
		if (abi >= 5 && br_streq(o->dst, "/dev"))
			rights |= FS_IOCTL_DEV;
		if (allow(rs, o->dst, rights, e) < 0)
			return -1;
	}
	if (syscall(SYS_landlock_restrict_self, rs, 0) < 0)
		return br_err_set(e, errno, "cannot enter the Landlock domain");
	return 0;
}
