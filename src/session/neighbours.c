#include "session/neighbours.h"

#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define ANCESTORS_MAX 64

static int
parent_of(int proc, int pid)
{
	char path[32], buf[512];
	(void)snprintf(path, sizeof(path), "%d/stat", pid);
	br_auto_fd int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, buf, sizeof(buf) - 1) : -1;
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	const char *p = strrchr(buf, ')');
	return p != NULL && strlen(p) > 4 ? (int)strtol(p + 4, NULL, 10) : 0;
}

static bool
is_ancestor(int proc, int pid)
{
	int p = (int)getpid();
	for (int i = 0; i < ANCESTORS_MAX && p > 1; i++) {
		if (p == pid)
			return true;
		p = parent_of(proc, p);
	}
	return false;
}

static bool
works_in(int proc, const char *pid, const char *root)
{
	char path[32], cwd[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%.20s/cwd", pid);
	ssize_t n = readlinkat(proc, path, cwd, sizeof(cwd) - 1);
	size_t len = strlen(root);
	if (n < (ssize_t)len)
		return false;
	cwd[n] = '\0';
	return strncmp(cwd, root, len) == 0 && (cwd[len] == '\0' || cwd[len] == '/');
}

unsigned
br_neighbours(const char *root, char *who, size_t room)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = proc >= 0 ? fdopendir(proc) : NULL;
	unsigned n = 0;
	who[0] = '\0';
	for (struct dirent *de; d != NULL && (de = readdir(d)) != NULL;) {
		char path[32];
		br_auto_buf comm = {0};
		if (de->d_name[0] < '1' || de->d_name[0] > '9' || !works_in(proc, de->d_name, root) ||
		    is_ancestor(proc, (int)strtol(de->d_name, NULL, 10)))
			continue;
		(void)snprintf(path, sizeof(path), "%.20s/comm", de->d_name);
		if (br_read_file(proc, path, &comm, 64) < 0 || comm.p == NULL || br_startswith(comm.p, "brattice"))
			continue;
		comm.p[strcspn(comm.p, "\n")] = '\0';
		if (n++ == 0)
			(void)snprintf(who, room, "%s (process %.20s)", comm.p, de->d_name);
	}
	if (d != NULL)
		(void)closedir(d);
	return n;
}
