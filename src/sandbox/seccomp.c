#include "sandbox/seccomp.h"

#include "sandbox/sys.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const struct sock_filter FILTER[] = {
#include "seccomp_filter.inc"
};

int
br_seccomp_install(struct br_err *e)
{
	struct sock_fprog prog = {.len = BR_ARRAY_LEN(FILTER), .filter = (struct sock_filter *)(uintptr_t)FILTER};
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
	if (fd >= 0)
		return fd;
	int saved = errno;
	br_err_set(e, saved, "cannot install the seccomp filter");
	if (saved == EBUSY)
		br_err_hint(e, "an enclosing sandbox already holds the seccomp listener; start brattice outside of it, or turn the outer one off "
		               "(Claude Code: `/sandbox` off; Codex: --sandbox danger-full-access), brattice encloses the whole agent");
	else if (saved == EINVAL)
		br_err_hint(e, "the kernel is older than 5.19 or was built without CONFIG_SECCOMP_FILTER; see `brattice doctor`");
	return -1;
}
