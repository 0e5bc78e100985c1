#include "audit/auditor/confine.h"

#include <errno.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than Debian 12's headers: include/uapi/linux/landlock.h of 6.7 (ABI 4) and 6.12 (ABI 6). */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* bind and connect TCP */
	uint64_t scoped;             /* abstract sockets and signals */
};

#define FILES_MAX 256

void
br_auditor_detach(void)
{
	static const int ignored[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2};
	for (size_t i = 0; i < BR_ARRAY_LEN(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)setsid(); /* fails only for a leader, which is what it is for */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* 1 done, 0 the kernel has no Landlock, -1 with errno. */
static int
landlock(int logdir)
{
	static const size_t sizes[] = {0, 8, 8, 8, 16, 16}; /* of the attributes, by ABI; from 6 on all */
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi <= 0)
		return 0;
	uint64_t fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* ABI 1: EXECUTE to MAKE_SYM */
	fs |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
	fs |= abi >= 3 ? 1ULL << 14 : 0; /* TRUNCATE */
	fs |= abi >= 5 ? 1ULL << 15 : 0; /* IOCTL_DEV */
	const struct ruleset_attr attr = {.handled_access_fs = fs, .handled_access_net = 3, .scoped = 3};
	size_t size = (size_t)abi < BR_ARRAY_LEN(sizes) ? sizes[abi] : sizeof(attr);
	br_auto_fd int rs = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	const struct landlock_path_beneath_attr dir = {
	    .parent_fd = logdir,
	    .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE | (abi >= 3 ? 1ULL << 14 : 0),
	};
	if (rs < 0 || syscall(SYS_landlock_add_rule, rs, LANDLOCK_RULE_PATH_BENEATH, &dir, 0) < 0)
		return -1;
	return syscall(SYS_landlock_restrict_self, rs, 0) < 0 ? -1 : 1;
}

int
br_auditor_confine(int logdir, struct br_err *e)
{
	const struct rlimit no_core = {0};
	struct rlimit files = {0};
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return br_err_set(e, errno, "cannot confine the auditor");
	if (files.rlim_max > FILES_MAX)
		files.rlim_cur = files.rlim_max = FILES_MAX;
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return br_err_set(e, errno, "cannot confine the auditor");
	return landlock(logdir) < 0 ? br_err_set(e, errno, "cannot confine the auditor: Landlock") : 0;
}
