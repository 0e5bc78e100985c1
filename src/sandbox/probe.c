#include "sandbox/probe_impl.h"

#include "base/buf.h"
#include "base/io.h"

#include <fcntl.h>
#include <stdarg.h>

static const struct br_feature features[BR_FEATURE_COUNT] = {
	[BR_FEATURE_USER_NS] = {"user namespaces", "namespaces", "3.8",
		"an ordinary user builds a wall without root", true, br_probe_user_ns},
	[BR_FEATURE_NAMESPACES] = {"other namespaces", "namespaces", "4.6",
		"mounts, processes, network, IPC, host name and cgroups of its own", true, br_probe_namespaces},
	[BR_FEATURE_TIME_NS] = {"time namespace", "namespaces", "5.6",
		"clocks of its own", false, br_probe_time_ns},
	[BR_FEATURE_MOUNT_SETATTR] = {"recursive mount attributes", "files", "5.12",
		"a read-only tree with no writable mount below it", true, br_probe_mount_setattr},
	[BR_FEATURE_PROC] = {"/proc of its own", "files", "3.8",
		"processes outside are absent", true, br_probe_proc},
	[BR_FEATURE_LANDLOCK] = {"Landlock", "files", "5.19",
		"the file boundary a second time, by another mechanism", true, br_probe_landlock},
	[BR_FEATURE_OPENAT2] = {"openat2", "gates", "5.6",
		"paths are resolved inside the sandbox's root, in one step", true, br_probe_openat2},
	[BR_FEATURE_NOTIFY] = {"seccomp notification", "gates", "5.19",
		"guarded paths are decided outside, while the caller waits", true, br_probe_notify},
	[BR_FEATURE_ADDFD_SEND] = {"descriptors in an answer", "gates", "5.14",
		"the file that was decided on is the file the caller gets", true, br_probe_addfd_send},
	[BR_FEATURE_SYNC_WAKE_UP] = {"synchronous wake-up", "gates", "6.6",
		"a gate's round trip costs 13 µs instead of 22", false, br_probe_sync_wake_up},
	[BR_FEATURE_MEMORY_READ] = {"reading a child's memory", "gates", "3.2",
		"a caller's path is copied once, then decided on", true, br_probe_memory_read},
	[BR_FEATURE_PIDFD] = {"pidfd", "gates", "5.6",
		"a process is named by a descriptor, not by a number that can be reused, and its open files can be shared", true, br_probe_pidfd},
	[BR_FEATURE_LIMIT_MEMORY] = {"memory", "limits", "4.5",
		"the sandbox can't exhaust the machine's memory", false, br_probe_limit_memory},
	[BR_FEATURE_LIMIT_PIDS] = {"processes", "limits", "4.5",
		"a fork bomb stays inside", false, br_probe_limit_pids},
	[BR_FEATURE_LIMIT_CPU] = {"cpu", "limits", "4.15",
		"the sandbox gets its share and no more", false, br_probe_limit_cpu},
	[BR_FEATURE_PID_MAX] = {"pid_max of its own", "limits", "6.14",
		"a hard limit on processes without any cgroup", false, br_probe_pid_max},
	[BR_FEATURE_OVERLAY] = {"overlayfs without root", "review", "5.11",
		"changes go to a layer of their own until they are applied", false, br_probe_overlay},
	[BR_FEATURE_IDMAP] = {"idmapped mounts", "review", "5.12",
		"root's sessions show the project's owners as they are", false, br_probe_idmap},
	[BR_FEATURE_TIOCSTI] = {"no typing into terminals", "terminal", "6.2",
		"TIOCSTI is off; the agent has a pty of its own either way", false, br_probe_tiocsti},
};

const struct br_feature *
br_feature(enum br_feature_id id)
{
	return &features[id];
}

void
br_probe_run(enum br_feature_id id, struct br_probe *out)
{
	*out = (struct br_probe){.state = BR_PROBE_MISSING};
	features[id].probe(out);
}

int
br_probe_hint(enum br_feature_id id, struct br_err *e)
{
	struct br_probe p;
	br_probe_run(id, &p);
	if (p.state == BR_PROBE_MISSING && p.mend[0] != '\0')
		return br_err_hint(e, "%s (%s: %s)", p.mend, features[id].name, p.detail);
	return -1;
}

void
br_probe_set(struct br_probe *p, enum br_probe_state state, const char *fmt, ...)
{
	p->state = state;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(p->detail, sizeof(p->detail), fmt, ap);
	va_end(ap);
}

void
br_probe_mend(struct br_probe *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(p->mend, sizeof(p->mend), fmt, ap);
	va_end(ap);
}

long
br_probe_sysctl(const char *path, long absent)
{
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, path, &b, 64) < 0 || b.len == 0)
		return absent;
	char *end;
	long v = strtol(b.p, &end, 10);
	return end == b.p ? absent : v;
}
