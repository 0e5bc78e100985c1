#include "sandbox/caps.h"

#include "sandbox/sys.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>

static int
set_caps(uint64_t permitted)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {0};
	d[0].effective = d[0].permitted = (uint32_t)permitted;
	d[1].effective = d[1].permitted = (uint32_t)(permitted >> 32);
	return (int)syscall(SYS_capset, &h, d);
}

static int
drop_bounding(void)
{
	for (unsigned long c = 0; c < 64; c++)
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0)
			return errno == EINVAL ? 0 : -1; /* past the kernel's last capability */
	return 0;
}

int
br_caps_drop_all(struct br_err *e)
{
	/* SECBIT_NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off, NO_CAP_AMBIENT_RAISE, all locked: linux/securebits.h */
	if (drop_bounding() < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECUREBITS, 0xefUL, 0, 0, 0) < 0 || set_caps(0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return br_err_set(e, errno, "cannot drop capabilities");
	return 0;
}

int
br_caps_raise_all(struct br_err *e)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {0};
	if (syscall(SYS_capget, &h, d) < 0)
		return br_err_set(e, errno, "cannot read capabilities");
	d[0].effective = d[0].permitted;
	d[1].effective = d[1].permitted;
	return syscall(SYS_capset, &h, d) < 0 ? br_err_set(e, errno, "cannot raise capabilities") : 0;
}

int
br_caps_keep_only(unsigned cap, struct br_err *e)
{
	return set_caps(1ULL << cap) < 0 ? br_err_set(e, errno, "cannot reduce capabilities") : 0;
}
