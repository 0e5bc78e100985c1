/* BR_GUARD_KEEP: files that git on the host runs and that their own tool writes again at every install (husky's `_`). Refusing
 * the write would break the install, and what will be written isn't known when the file is opened. So the caller gets a decoy,
 * the file stays, and when the decoy is closed its content is compared: the same is nothing new, anything else is a recorded
 * refusal. */
#include "exec/gate_int.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define KEEP_MAX (1U << 20)

int
keep_open(const struct call *c, const struct place *p, const struct br_guard_answer *why, uint64_t flags)
{
	br_auto_buf now = {0};
	struct stat st;
	bool there = fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (there && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (!there && (flags & O_CREAT) == 0)
		return -ENOENT;
	if (there && !S_ISREG(st.st_mode))
		return 0;
	if (there && (flags & O_TRUNC) == 0 && br_read_file(p->parent, p->name, &now, KEEP_MAX) < 0)
		return 0;
	int fd = git_open_decoy(c, p, why, now.p != NULL ? now.p : "", now.len);
	if (fd >= 0 && (flags & O_APPEND) != 0)
		(void)fcntl(fd, F_SETFL, O_APPEND);
	return fd;
}

/* The directory itself, empty, runs nothing. */
bool
keep_permits(const char *op, const struct place *p)
{
	return br_streq(op, "mkdir") && br_streq(p->name, "_");
}

/* husky 9 removes this one, which its predecessor left, before it writes it again; an error there would fail the install. */
bool
keep_unlink(const struct call *c, const struct place *p)
{
	struct stat st;
	return br_streq(p->name, "husky.sh") && judge(c->g, p, false).cls == BR_GUARD_KEEP &&
	       fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

void
keep_settle(struct gate *g, const struct pending_link *l)
{
	br_auto_buf now = {0};
	br_auto_buf wrote = {0};
	bool there = br_read_file(l->parent, l->name, &now, KEEP_MAX) == 0;
	bool read = lseek(l->decoy, 0, SEEK_SET) == 0 && br_read_all(l->decoy, &wrote, KEEP_MAX) == 0;
	if (there && read && now.len == wrote.len && (now.len == 0 || memcmp(now.p, wrote.p, now.len) == 0))
		return;
	struct seccomp_notif none = {0};
	struct call c = {.g = g, .req = &none, .pid = l->pid};
	report_denied(&c, there ? "write" : "create", l->path, l->rule, l->origin,
	    "what was written is dropped: run the tool that owns the file on the host", EACCES);
}
