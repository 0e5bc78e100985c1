/* Trees that a hostile program wrote, read through a descriptor of their root: nothing here follows a symlink, crosses a
 * magic link or leaves the tree (openat2(2), RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS), and nothing
 * blocks on a FIFO. Paths are relative without a leading '/'; "" is the root itself. Errors are errno values. */
#ifndef BRATTICE_SESSION_REVIEW_TREE_H
#define BRATTICE_SESSION_REVIEW_TREE_H

#include "base/buf.h"

#include <sys/stat.h>

/* openat2 below `rootfd`; O_CLOEXEC | O_NOFOLLOW are added. A descriptor, or -1 with errno (EXDEV, ELOOP: it left the tree). */
int br_tree_open(int rootfd, const char *rel, int flags, mode_t mode);
/* Opens the directory that holds `rel` (O_PATH); `*name` is the last component, inside `rel`. */
int br_tree_parent(int rootfd, const char *rel, const char **name);
/* lstat. 0 or -1 with errno. */
int br_tree_stat(int rootfd, const char *rel, struct stat *st);
/* Reads at most `max` bytes of a regular file, appending to `b`: a longer file is cut, not an error. -1 with errno; EINVAL
 * when it is no regular file. */
int br_tree_head(int rootfd, const char *rel, struct br_buf *b, size_t max);
/* The target of a symlink, allocated; NULL with errno. */
char *br_tree_link(int rootfd, const char *rel);
/* The value of an extended attribute of an open file or directory: its length, 0 when it has none, -1 with errno. */
ssize_t br_tree_xattr(int fd, const char *name, char *buf, size_t room);

/* A list of names of a directory, sorted by bytes. */
struct br_strv {
	char **v;
	size_t n, cap;
};
int br_strv_add(struct br_strv *l, const char *s, size_t n); /* -1: no memory */
void br_strv_sort(struct br_strv *l);                        /* and drops doubles */
bool br_strv_have(const struct br_strv *sorted, const char *s);
void br_strv_free(struct br_strv *l);
/* The entries of the directory `rel`, but "." and "..". 0 or -1 with errno. */
int br_tree_list(int rootfd, const char *rel, struct br_strv *out);

/* "dir/name", or "name" when `dir` is "". Allocated; NULL when memory ran out. */
char *br_path_join(const char *dir, const char *name);
/* The last component. */
const char *br_path_base(const char *rel);
/* True when some component of `rel` but the last is `name`. */
bool br_path_under(const char *rel, const char *name);

/* True when `path` is `dir` or lies below it. */
bool br_path_within(const char *path, const char *dir);
/* True when `rel` is within one of `paths`; "" stands for everything, and so does an empty list. */
bool br_path_wanted(const struct br_strv *paths, const char *rel);

#endif
