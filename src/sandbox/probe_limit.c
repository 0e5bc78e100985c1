/* Which limits a control group enforces here: version 2 where a directory is delegated to this user, version 1 as root,
 * else what is polled instead. */
#include "sandbox/probe_impl.h"

#include "base/buf.h"
#include "base/io.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/* One line of /proc/self/cgroup (cgroups(7)): the path of this process in the hierarchy that has `controller`,
 * or in version 2's ("0::") when `controller` is "". False when there is none. */
static bool
own_path(const char *controller, char out[static PATH_MAX])
{
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, "/proc/self/cgroup", &b, 65536) < 0)
		return false;
	for (char *line = b.p; line != NULL && *line != '\0';) {
		char *next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		char *names = strchr(line, ':');
		char *path = names != NULL ? strchr(names + 1, ':') : NULL;
		if (path != NULL) {
			*path++ = '\0';
			names++;
			char list[256];
			char want[64];
			(void)snprintf(list, sizeof(list), ",%s,", names);
			(void)snprintf(want, sizeof(want), ",%s,", controller);
			if (*controller == '\0' ? *names == '\0' : strstr(list, want) != NULL)
				return (size_t)snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
		}
		line = next;
	}
	return false;
}

/* Where a hierarchy is mounted, by the type and the options of its line in /proc/self/mounts. */
static bool
mount_point(const char *type, const char *controller, char out[static PATH_MAX])
{
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, "/proc/self/mounts", &b, 1 << 20) < 0)
		return false;
	for (char *line = b.p; line != NULL && *line != '\0';) {
		char *next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		char where[512];
		char fs[64];
		char opts[512];
		if (sscanf(line, "%*s %511s %63s %511s", where, fs, opts) == 3 && br_streq(fs, type)) {
			char list[520];
			char want[64];
			(void)snprintf(list, sizeof(list), ",%s,", opts);
			(void)snprintf(want, sizeof(want), ",%s,", controller);
			if (*controller == '\0' || strstr(list, want) != NULL)
				return (size_t)snprintf(out, PATH_MAX, "%s", where) < PATH_MAX;
		}
		line = next;
	}
	return false;
}

static bool
has_word(const char *dir, const char *file, const char *word)
{
	char path[2 * PATH_MAX + 64];
	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, path, &b, 4096) < 0 || b.len == 0)
		return false;
	char *save = NULL;
	for (char *w = strtok_r(b.p, " \n", &save); w != NULL; w = strtok_r(NULL, " \n", &save)) {
		if (br_streq(w, word))
			return true;
	}
	return false;
}

/* A writable group whose children can have this controller. */
static bool
delegated(const char *dir, const char *controller)
{
	return access(dir, W_OK) == 0 && has_word(dir, "cgroup.controllers", controller);
}

static bool
enforced(struct br_probe *p, const char *controller)
{
	char root[PATH_MAX];
	char own[PATH_MAX];
	char dir[2 * PATH_MAX];
	if (mount_point("cgroup2", "", root) && own_path("", own)) {
		(void)snprintf(dir, sizeof(dir), "%s%s", root, br_streq(own, "/") ? "" : own);
		if (delegated(dir, controller)) {
			br_probe_set(p, BR_PROBE_ENFORCED, "by the delegated control group %.200s", dir);
			return true;
		}
	}
	if (mount_point("cgroup", controller, root) && own_path(controller, own)) {
		(void)snprintf(dir, sizeof(dir), "%s%s", root, br_streq(own, "/") ? "" : own);
		if (access(dir, W_OK) == 0) {
			br_probe_set(p, BR_PROBE_ENFORCED, "by a version 1 control group below %.190s", dir);
			return true;
		}
	}
	return false;
}

static const char mend[] = "systemd-run --user --scope -p Delegate=yes brattice run … (a login session with systemd), or run as root";

void
br_probe_limit_memory(struct br_probe *p)
{
	if (enforced(p, "memory"))
		return;
	br_probe_set(p, BR_PROBE_APPROXIMATE, "no control group of this user's: the sum is measured every 250 ms");
	br_probe_mend(p, "%s", mend);
}

void
br_probe_limit_pids(struct br_probe *p)
{
	if (!enforced(p, "pids"))
		br_probe_set(p, BR_PROBE_ENFORCED, "by RLIMIT_NPROC, which counts in the session's own user namespace");
}

void
br_probe_limit_cpu(struct br_probe *p)
{
	if (enforced(p, "cpu"))
		return;
	br_probe_set(p, BR_PROBE_MISSING, "no control group of this user's");
	br_probe_mend(p, "%s", mend);
}
