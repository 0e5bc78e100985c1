/* Calls that no program inside may make: refused with EPERM, and on record once for each program that tries. */
#include "exec/gate_int.h"

#include "sandbox/sys.h"

#include <errno.h>

static const struct {
	int nr;
	const char *name;
	const char *why;
} CALLS[] = {
    {SYS_unshare, "unshare", "new namespaces"},
    {SYS_clone, "clone", "new namespaces"},
    {SYS_setns, "setns", "another namespace"},
    {SYS_mount, "mount", ""},
    {SYS_umount2, "umount2", ""},
    {SYS_pivot_root, "pivot_root", ""},
    {SYS_chroot, "chroot", ""},
    {SYS_open_tree, "open_tree", ""},
    {SYS_move_mount, "move_mount", ""},
    {SYS_fsopen, "fsopen", ""},
    {SYS_fsconfig, "fsconfig", ""},
    {SYS_fsmount, "fsmount", ""},
    {SYS_fspick, "fspick", ""},
    {SYS_mount_setattr, "mount_setattr", ""},
    {SYS_bpf, "bpf", ""},
    {SYS_perf_event_open, "perf_event_open", ""},
    {SYS_userfaultfd, "userfaultfd", ""},
    {SYS_keyctl, "keyctl", "the user's keyring is shared with the host"},
    {SYS_add_key, "add_key", "the user's keyring is shared with the host"},
    {SYS_request_key, "request_key", "the user's keyring is shared with the host"},
    {SYS_ptrace, "ptrace", "attaching to a process that is not an own traced child"},
    {SYS_process_vm_writev, "process_vm_writev", ""},
    {SYS_pidfd_getfd, "pidfd_getfd", ""},
    {SYS_open_by_handle_at, "open_by_handle_at", ""},
    {SYS_kexec_load, "kexec_load", ""},
    {SYS_init_module, "init_module", ""},
    {SYS_finit_module, "finit_module", ""},
    {SYS_reboot, "reboot", ""},
};

enum outcome
do_refuse(const struct call *c, struct answer *a)
{
	char number[32], comm[16];
	const char *name = number, *why = "";
	(void)snprintf(number, sizeof(number), "system call %d", c->req->data.nr);
	for (size_t i = 0; i < BR_ARRAY_LEN(CALLS); i++) {
		if (CALLS[i].nr == c->req->data.nr) {
			name = CALLS[i].name;
			why = CALLS[i].why;
		}
	}
	a->err = EPERM;
	caller_comm(c, comm);
	if (seen_before(c->g, name, comm))
		return DONE;
	if (c->req->data.nr == SYS_unshare || c->req->data.nr == SYS_clone)
		why = "a sandbox inside the sandbox; switch the inner one off (Claude Code: sandbox.enabled false; Codex: --sandbox "
		      "danger-full-access; Chromium: --no-sandbox): brattice encloses the whole agent";
	report_denied(c, "call", name, "seccomp", "built-in", why, EPERM);
	return DONE;
}
