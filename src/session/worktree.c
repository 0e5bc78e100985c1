#include "session/worktree.h"

#include "base/io.h"

#include <fcntl.h>
#include <unistd.h>

/* The first line of a small file below `dir`. */
static bool
read_line(const char *dir, const char *name, char *out, size_t room)
{
	char path[PATH_MAX];
	br_auto_buf b = {0};
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) || br_read_file(AT_FDCWD, path, &b, PATH_MAX) < 0 || b.p == NULL)
		return false;
	b.p[strcspn(b.p, "\r\n")] = '\0';
	return snprintf(out, room, "%s", b.p) < (int)room;
}

bool
br_worktree_common(const char *project, char common[PATH_MAX])
{
	char line[PATH_MAX], joined[2 * PATH_MAX], gitdir[PATH_MAX], back[PATH_MAX], want[PATH_MAX], link[PATH_MAX];
	if (!read_line(project, ".git", line, sizeof(line)) || !br_startswith(line, "gitdir: "))
		return false;
	const char *named = line + strlen("gitdir: ");
	(void)snprintf(joined, sizeof(joined), "%s%s%s", named[0] == '/' ? "" : project, named[0] == '/' ? "" : "/", named);
	if (realpath(joined, gitdir) == NULL || !read_line(gitdir, "gitdir", back, sizeof(back)) || !read_line(gitdir, "commondir", line, sizeof(line)))
		return false;
	if (!br_streq(line, "../..") || snprintf(link, sizeof(link), "%s/.git", project) >= (int)sizeof(link))
		return false;
	(void)snprintf(joined, sizeof(joined), "%s%s%s", back[0] == '/' ? "" : gitdir, back[0] == '/' ? "" : "/", back);
	if (realpath(joined, want) == NULL || !br_streq(want, link))
		return false;
	char *tail = strstr(gitdir, "/.git/worktrees/");
	if (tail == NULL || strchr(tail + strlen("/.git/worktrees/"), '/') != NULL)
		return false;
	tail[strlen("/.git")] = '\0';
	memcpy(common, gitdir, strlen(gitdir) + 1);
	return true;
}
