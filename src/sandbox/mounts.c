#include "sandbox/mounts.h"

#include "base/io.h"
#include "sandbox/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* Never missing on purpose: no setuid programs and no device files through any mount but /dev's own. */
static uint64_t
attrs_of(const struct br_plan_op *o)
{
	uint64_t a = BR_MOUNT_ATTR_NOSUID;
	if ((o->flags & BR_PLAN_DEV) == 0)
		a |= BR_MOUNT_ATTR_NODEV;
	if ((o->flags & BR_PLAN_RO) != 0)
		a |= BR_MOUNT_ATTR_RDONLY;
	if ((o->flags & BR_PLAN_NOEXEC) != 0)
		a |= BR_MOUNT_ATTR_NOEXEC;
	return a;
}

/* What was judged is what is bound: a symlink that has come into the path since then leads somewhere else, and a socket would be a
 * way out. -1 with errno; ENOTSOCK stands for the socket. */
static int
open_exact(const char *path)
{
	struct br_open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = BR_RESOLVE_NO_SYMLINKS};
	br_auto_fd int at = br_sys_openat2(AT_FDCWD, path, &how);
	struct stat st;
	if (at < 0 || fstat(at, &st) < 0)
		return -1;
	if (S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		return -1;
	}
	return br_sys_open_tree(at, "", BR_OPEN_TREE_CLONE | BR_OPEN_TREE_CLOEXEC | BR_AT_RECURSIVE | AT_EMPTY_PATH);
}

static int
cannot_bind(const struct br_plan_op *o, struct br_err *e)
{
	bool exact = (o->flags & BR_PLAN_EXACT) != 0;
	if (exact && errno == ELOOP)
		(void)br_err_set(e, 0, "%s leads through a symlink now, which it didn't when the policy was judged", o->src);
	else if (exact && errno == ENOTSOCK)
		(void)br_err_set(e, 0, "%s is a socket of a program outside, which would act for the session", o->src);
	else
		return br_err_set(e, errno, "cannot bring %s into the sandbox", o->src);
	(void)br_err_hint(e, "see who changed it; the next run judges it as it is then");
	return br_err_status(e, BR_EXIT_REFUSED);
}

static int
open_bind(struct br_plan_op *o, int idmap_userns, struct br_err *e)
{
	int fd = (o->flags & BR_PLAN_EXACT) != 0 ?
	             open_exact(o->src) :
	             br_sys_open_tree(AT_FDCWD, o->src, BR_OPEN_TREE_CLONE | BR_OPEN_TREE_CLOEXEC | BR_AT_RECURSIVE);
	if (fd < 0) {
		if ((o->flags & BR_PLAN_OPTIONAL) != 0 && (errno == ENOENT || errno == EACCES || errno == ENOTDIR))
			return 0;
		return cannot_bind(o, e);
	}
	/* Recursive: a mount below that stayed writable would be a hole. */
	struct br_mount_attr a = {.attr_set = attrs_of(o), .propagation = BR_MS_PRIVATE};
	if (idmap_userns >= 0) {
		a.attr_set |= BR_MOUNT_ATTR_IDMAP;
		a.userns_fd = (uint64_t)idmap_userns;
	}
	if (br_sys_mount_setattr(fd, "", AT_EMPTY_PATH | BR_AT_RECURSIVE, &a) < 0) {
		int saved = errno;
		(void)close(fd);
		br_err_set(e, saved, "cannot set the mount attributes of %s", o->src);
		if ((a.attr_set & BR_MOUNT_ATTR_IDMAP) != 0)
			br_err_hint(e, "its file system cannot be id-mapped: run brattice as the user who owns it");
		return -1;
	}
	o->fd = fd;
	return 0;
}

static int
set_option(int fs, const char *key, const char *value, struct br_err *e)
{
	int rc = value != NULL ? br_sys_fsconfig(fs, BR_FSCONFIG_SET_STRING, key, value) :
	                         br_sys_fsconfig(fs, BR_FSCONFIG_SET_FLAG, key, NULL);
	return rc < 0 ? br_err_set(e, errno, "mount option %s=%s", key, value != NULL ? value : "") : 0;
}

static int
finish_fs(struct br_plan_op *o, int fs, const char *what, struct br_err *e)
{
	if (br_sys_fsconfig(fs, BR_FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
		return br_err_set(e, errno, "cannot make %s for %s", what, o->dst);
	o->fd = br_sys_fsmount(fs, (unsigned)attrs_of(o));
	return o->fd < 0 ? br_err_set(e, errno, "cannot mount %s for %s", what, o->dst) : 0;
}

static int
open_tmpfs(struct br_plan_op *o, struct br_err *e)
{
	char size[32], mode[16], inodes[32];
	(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)o->size);
	(void)snprintf(mode, sizeof(mode), "%o", o->mode);
	(void)snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)o->size / 4096 + 1024);
	br_auto_fd int fs = br_sys_fsopen("tmpfs");
	if (fs < 0)
		return br_err_set(e, errno, "cannot open tmpfs");
	if (set_option(fs, "size", size, e) < 0 || set_option(fs, "mode", mode, e) < 0 || set_option(fs, "nr_inodes", inodes, e) < 0)
		return -1;
	return finish_fs(o, fs, "tmpfs", e);
}

static int
open_simple(struct br_plan_op *o, const char *type, const char *const opts[][2], size_t n, struct br_err *e)
{
	br_auto_fd int fs = br_sys_fsopen(type);
	if (fs < 0)
		return br_err_set(e, errno, "cannot open %s", type);
	for (size_t i = 0; i < n; i++)
		if (set_option(fs, opts[i][0], opts[i][1], e) < 0)
			return -1;
	return finish_fs(o, fs, type, e);
}

/* overlayfs splits lowerdir at ':' and unescapes '\\'. */
static void
put_escaped(struct br_buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == ':' || *s == '\\' || *s == ',')
			br_buf_putc(b, '\\');
		br_buf_putc(b, *s);
	}
}

/* `idmap_userns` as in open_bind, for the layer below. The names of the layer above are the agent's own in any case. */
static int
open_overlay(struct br_plan_op *o, int idmap_userns, struct br_err *e)
{
	br_auto_buf lower = {0};
	br_auto_fd int mapped = -1;
	if (idmap_userns >= 0) {
		struct br_mount_attr a = {
		    .attr_set = BR_MOUNT_ATTR_IDMAP, .propagation = BR_MS_PRIVATE, .userns_fd = (uint64_t)idmap_userns};
		mapped = br_sys_open_tree(AT_FDCWD, o->src, BR_OPEN_TREE_CLONE | BR_OPEN_TREE_CLOEXEC);
		if (mapped < 0 || br_sys_mount_setattr(mapped, "", AT_EMPTY_PATH, &a) < 0) {
			(void)br_err_set(e, errno, "cannot id-map %s", o->src);
			return br_err_hint(e, "its file system cannot be id-mapped: run brattice as the user who owns it");
		}
		br_buf_printf(&lower, "/proc/self/fd/%d", mapped);
	} else {
		put_escaped(&lower, o->src);
	}
	char *nl = strchr(o->data, '\n');
	if (lower.failed || nl == NULL)
		return br_err_set(e, ENOMEM, "overlay of %s", o->dst);
	*nl = '\0';
	br_auto_fd int fs = br_sys_fsopen("overlay");
	if (fs < 0)
		return br_err_set(e, errno, "cannot open overlayfs (review mode needs it)");
	if (set_option(fs, "lowerdir", lower.p, e) < 0 || set_option(fs, "upperdir", o->data, e) < 0 ||
	    set_option(fs, "workdir", nl + 1, e) < 0 || set_option(fs, "userxattr", NULL, e) < 0 || finish_fs(o, fs, "overlay", e) < 0)
		/* Layers that hang nowhere: since Linux 6.15. */
		return mapped < 0 ? -1 : br_err_hint(e, "review mode of a project that root owns needs Linux 6.15: give the project to an "
		                                        "ordinary user, whose sessions need no id-mapping");
	return 0;
}

int
br_mounts_open_sources(struct br_plan *p, int idmap_userns, const char *idmap_src, struct br_err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		struct br_plan_op *o = &p->ops[i];
		bool idmap = idmap_userns >= 0 && o->src != NULL && br_streq(o->src, idmap_src);
		if (o->kind == BR_PLAN_BIND && o->fd < 0 && open_bind(o, idmap ? idmap_userns : -1, e) < 0)
			return -1;
		if (o->kind == BR_PLAN_OVERLAY && o->fd < 0 && open_overlay(o, idmap ? idmap_userns : -1, e) < 0)
			return -1;
	}
	return 0;
}

/* File systems of our own belong to the user namespace that makes them: in init, but for an overlay of root's. */
static int
open_own(struct br_plan_op *o, struct br_err *e)
{
	static const char *const pts[][2] = {{"newinstance", NULL}, {"ptmxmode", "0666"}, {"mode", "620"}};
	switch (o->kind) {
	case BR_PLAN_TMPFS:
		return open_tmpfs(o, e);
	case BR_PLAN_PROC:
		/* Read-only: nothing below /proc may be written but by the path gate. */
		o->flags |= BR_PLAN_RO | BR_PLAN_NOEXEC;
		return open_simple(o, "proc", NULL, 0, e);
	case BR_PLAN_DEVPTS:
		o->flags |= BR_PLAN_DEV | BR_PLAN_NOEXEC;
		return open_simple(o, "devpts", pts, BR_ARRAY_LEN(pts), e);
	case BR_PLAN_MQUEUE:
		o->flags |= BR_PLAN_NOEXEC;
		return open_simple(o, "mqueue", NULL, 0, e);
	case BR_PLAN_OVERLAY:
		return open_overlay(o, -1, e);
	case BR_PLAN_DIR:
	case BR_PLAN_BIND:
	case BR_PLAN_SYMLINK:
	case BR_PLAN_FILE:
		break;
	}
	return 0;
}

/* Paths of the plan are absolute; the new root is reached by its descriptor. */
static const char *
rel(const char *path)
{
	while (*path == '/')
		path++;
	return *path != '\0' ? path : ".";
}

static int
make_parents(int root, const char *dst, bool itself, struct br_err *e)
{
	char path[PATH_MAX];
	size_t n = strlen(rel(dst));
	if (n >= sizeof(path))
		return br_err_set(e, ENAMETOOLONG, "%s", dst);
	memcpy(path, rel(dst), n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && !(path[i] == '\0' && itself))
			continue;
		char keep = path[i];
		path[i] = '\0';
		if (mkdirat(root, path, 0755) < 0 && errno != EEXIST)
			return br_err_set(e, errno, "cannot make /%s in the sandbox", path);
		path[i] = keep;
	}
	return 0;
}

static int
put_file(int root, const struct br_plan_op *o, struct br_err *e)
{
	br_auto_fd int fd = openat(root, rel(o->dst), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, o->mode);
	if (fd < 0 || (o->data != NULL && br_write_all(fd, o->data, strlen(o->data)) < 0))
		return br_err_set(e, errno, "cannot write %s in the sandbox", o->dst);
	return 0;
}

/* The place where a mount goes: made when it isn't there, never through a symlink that something else put in the way. */
static int
open_target(int root, const struct br_plan_op *o, struct br_err *e)
{
	struct br_open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = BR_RESOLVE_IN_ROOT | BR_RESOLVE_NO_SYMLINKS};
	int fd = br_sys_openat2(root, rel(o->dst), &how);
	if (fd >= 0 || (o->flags & BR_PLAN_MUST_EXIST) != 0)
		return fd >= 0 ? fd : br_err_set(e, errno, "%s is not there", o->dst);
	struct stat st = {.st_mode = S_IFDIR};
	if (o->fd >= 0 && fstat(o->fd, &st) < 0)
		return br_err_set(e, errno, "%s", o->dst);
	if (make_parents(root, o->dst, S_ISDIR(st.st_mode), e) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode)) {
		br_auto_fd int file = openat(root, rel(o->dst), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (file < 0)
			return br_err_set(e, errno, "cannot make the mount point %s", o->dst);
	}
	fd = br_sys_openat2(root, rel(o->dst), &how);
	return fd >= 0 ? fd : br_err_set(e, errno, "cannot open the mount point %s", o->dst);
}

static int
place(int root, struct br_plan_op *o, struct br_err *e)
{
	switch (o->kind) {
	case BR_PLAN_DIR:
		if (make_parents(root, o->dst, true, e) < 0)
			return -1;
		return fchmodat(root, rel(o->dst), o->mode, 0) < 0 ? br_err_set(e, errno, "chmod %s", o->dst) : 0;
	case BR_PLAN_SYMLINK:
		if (make_parents(root, o->dst, false, e) < 0)
			return -1;
		return symlinkat(o->src, root, rel(o->dst)) < 0 && errno != EEXIST ? br_err_set(e, errno, "symlink %s", o->dst) : 0;
	case BR_PLAN_FILE:
		return make_parents(root, o->dst, false, e) < 0 ? -1 : put_file(root, o, e);
	case BR_PLAN_BIND:
		if (o->fd < 0)
			return 0; /* optional and absent */
		break;
	case BR_PLAN_TMPFS:
	case BR_PLAN_PROC:
	case BR_PLAN_DEVPTS:
	case BR_PLAN_MQUEUE:
	case BR_PLAN_OVERLAY:
		if (o->fd < 0 && open_own(o, e) < 0)
			return -1;
		break;
	}
	br_auto_fd int at = open_target(root, o, e);
	if (at < 0)
		return -1;
	if (br_sys_move_mount(o->fd, "", at, "", BR_MOVE_MOUNT_F_EMPTY_PATH | BR_MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return br_err_set(e, errno, "cannot mount %s", o->dst);
	(void)close(br_steal_fd(&o->fd));
	return 0;
}

/* Any existing directory serves as the place where the new root hangs until pivot_root. */
static int
attach_root(struct br_plan_op *root, struct br_err *e)
{
	static const char *const places[] = {"/tmp", "/run", "/mnt", "/var", "/usr"};
	if (open_tmpfs(root, e) < 0)
		return -1;
	for (size_t i = 0; i < BR_ARRAY_LEN(places); i++) {
		if (br_sys_move_mount(root->fd, "", AT_FDCWD, places[i], BR_MOVE_MOUNT_F_EMPTY_PATH) == 0)
			return fchdir(root->fd) < 0 ? br_err_set(e, errno, "cannot enter the new root") : 0;
	}
	return br_err_set(e, errno, "cannot attach the new root");
}

int
br_mounts_build(struct br_plan *p, struct br_err *e)
{
	if (br_sys_mount("none", "/", NULL, BR_MS_REC | BR_MS_PRIVATE, NULL) < 0)
		return br_err_set(e, errno, "cannot make the mounts private");
	/* The overlay's layers are named by path, so it too is opened while the host's tree is whole. */
	for (size_t i = 0; i < p->n; i++)
		if (p->ops[i].kind == BR_PLAN_OVERLAY && p->ops[i].fd < 0 && open_own(&p->ops[i], e) < 0)
			return -1;
	if (br_mounts_open_sources(p, -1, NULL, e) < 0)
		return -1;
	struct br_plan_op root = {.kind = BR_PLAN_TMPFS, .mode = 0755, .size = 4 << 20, .dst = (char[]){"/"}, .fd = -1};
	if (attach_root(&root, e) < 0)
		return -1;
	br_auto_fd int rootfd = root.fd;
	for (size_t i = 0; i < p->n; i++)
		if (place(rootfd, &p->ops[i], e) < 0)
			return -1;
	if (br_sys_pivot_root(".", ".") < 0 || br_sys_umount2(".", BR_MNT_DETACH) < 0 || chdir("/") < 0)
		return br_err_set(e, errno, "cannot change to the new root");
	return 0;
}

static int
make_masks(int *file, int *dir, struct br_err *e)
{
	struct br_plan_op t = {.kind = BR_PLAN_TMPFS, .flags = 0, .mode = 0700, .size = 16 << 10, .dst = (char[]){"mask"}, .fd = -1};
	if (open_tmpfs(&t, e) < 0)
		return -1;
	br_auto_fd int fs = t.fd;
	br_auto_fd int f = openat(fs, "f", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (f < 0 || mkdirat(fs, "d", 0) < 0)
		return br_err_set(e, errno, "cannot make the mask of hidden files");
	*file = openat(fs, "f", O_PATH | O_CLOEXEC);
	*dir = openat(fs, "d", O_PATH | O_CLOEXEC);
	/* A detached mount can't be cloned from by older kernels: attach it where nothing is, out of sight below /run. */
	if (mkdirat(AT_FDCWD, "/run/brattice/mask", 0700) < 0 ||
	    br_sys_move_mount(fs, "", AT_FDCWD, "/run/brattice/mask", BR_MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return br_err_set(e, errno, "cannot attach the mask of hidden files");
	return *file < 0 || *dir < 0 ? br_err_set(e, errno, "cannot open the mask of hidden files") : 0;
}

static int
mask_one(const char *path, int file, int dir, struct br_err *e)
{
	struct br_open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW, .resolve = BR_RESOLVE_NO_SYMLINKS};
	br_auto_fd int at = br_sys_openat2(AT_FDCWD, path, &how);
	struct stat st;
	if (at < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR))
		return 0; /* renamed or replaced by the host meanwhile: nothing to mask by that name */
	if (at < 0 || fstat(at, &st) < 0)
		return br_err_set(e, errno, "cannot hide %s", path);
	br_auto_fd int m = br_sys_open_tree(S_ISDIR(st.st_mode) ? dir : file, "",
	    BR_OPEN_TREE_CLONE | BR_OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	struct br_mount_attr a = {.attr_set = BR_MOUNT_ATTR_RDONLY | BR_MOUNT_ATTR_NOEXEC | BR_MOUNT_ATTR_NOSUID | BR_MOUNT_ATTR_NODEV};
	if (m < 0 || br_sys_mount_setattr(m, "", AT_EMPTY_PATH, &a) < 0 ||
	    br_sys_move_mount(m, "", at, "", BR_MOVE_MOUNT_F_EMPTY_PATH | BR_MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return br_err_set(e, errno, "cannot hide %s", path);
	return 0;
}

int
br_mounts_mask(const char *const *paths, size_t n, struct br_err *e)
{
	if (n == 0)
		return 0;
	br_auto_fd int file = -1;
	br_auto_fd int dir = -1;
	if (make_masks(&file, &dir, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (mask_one(paths[i], file, dir, e) < 0)
			return -1;
	/* The clones stay; the place they came from goes. */
	if (br_sys_umount2("/run/brattice/mask", BR_MNT_DETACH) < 0 || unlinkat(AT_FDCWD, "/run/brattice/mask", AT_REMOVEDIR) < 0)
		return br_err_set(e, errno, "cannot remove the mask of hidden files");
	return 0;
}

int
br_mounts_seal(struct br_err *e)
{
	static const char *const dirs[] = {"/", "/dev"};
	struct br_mount_attr a = {.attr_set = BR_MOUNT_ATTR_RDONLY};
	for (size_t i = 0; i < BR_ARRAY_LEN(dirs); i++)
		if (br_sys_mount_setattr(AT_FDCWD, dirs[i], 0, &a) < 0)
			return br_err_set(e, errno, "cannot make %s read-only", dirs[i]);
	return 0;
}
