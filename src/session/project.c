#include "session/project.h"

#include "base/sha256.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_at_or_above(const char *dir, const char *path)
{
	size_t n = strlen(dir);
	if (n == 1)
		return true;
	return strncmp(dir, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool
holds(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	return snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) && lstat(path, &st) == 0;
}

static int
refuse(const char *what, struct br_err *e)
{
	(void)br_err_set(e, 0, "the project would be %s: everything in it would be open to the agent", what);
	(void)br_err_status(e, BR_EXIT_REFUSED);
	return br_err_hint(e, "go to the project's own directory, or name it with --cwd; --force if you mean it");
}

int
br_project_find(struct br_project *p, const char *dir, const char *home, bool force, struct br_err *e)
{
	char real_home[PATH_MAX];
	if (realpath(dir != NULL ? dir : ".", p->cwd) == NULL)
		return br_err_set(e, errno, "cannot use the directory %s", dir != NULL ? dir : "one is in");
	if (realpath(home, real_home) == NULL)
		(void)snprintf(real_home, sizeof(real_home), "%s", home);
	struct stat st;
	if (stat(p->cwd, &st) < 0 || !S_ISDIR(st.st_mode))
		return br_err_set(e, ENOTDIR, "%s", p->cwd);
	if (access(p->cwd, R_OK | X_OK) < 0) {
		(void)br_err_set(e, errno, "cannot read the project %s", p->cwd);
		return br_err_hint(e, "run brattice as a user who may");
	}
	(void)snprintf(p->root, sizeof(p->root), "%s", p->cwd);
	for (char up[PATH_MAX], *slash = NULL; slash == NULL || up[0] != '\0'; *slash = '\0') {
		if (slash == NULL)
			memcpy(up, p->cwd, sizeof(up));
		if (is_at_or_above(up, real_home))
			break;
		if (holds(up, "brattice.yaml") || holds(up, ".git")) {
			memcpy(p->root, up, sizeof(up));
			break;
		}
		slash = strrchr(up, '/');
	}
	if (!force && br_streq(p->root, "/"))
		return refuse("the whole machine (/)", e);
	if (!force && is_at_or_above(p->root, real_home))
		return refuse(br_streq(p->root, real_home) ? "your home directory" : "a directory that holds your home", e);
	char hex[BR_SHA256_HEX];
	br_sha256_of(p->root, strlen(p->root), hex);
	memcpy(p->hash, hex, 16);
	p->hash[16] = '\0';
	return 0;
}
