/* The project as a run left it: the tree itself, or in review mode the overlay's upper directory laid over it.
 *
 * The kernel's rules (Documentation/filesystems/overlayfs.rst), for a mount with `userxattr`, without redirects and metacopy:
 * a character device 0:0 in the upper tree is a whiteout; a directory with `user.overlay.opaque` = "y" hides the lower one.
 * We read them ourselves because the overlay is no longer mounted, and never was in the host's mount namespace. */
#ifndef BRATTICE_SESSION_REVIEW_VIEW_H
#define BRATTICE_SESSION_REVIEW_VIEW_H

#include "session/review/tree.h"

struct br_view {
	int upper; /* -1: no overlay */
	int lower; /* the project on the host */
};

enum br_side { BR_SIDE_NONE, BR_SIDE_UPPER, BR_SIDE_LOWER };

/* True for the mark that overlayfs leaves where something was removed. */
bool br_is_whiteout(const struct stat *st);
/* 1: the open upper directory hides the lower one; 0: it is merged; -1: errno. */
int br_is_opaque(int dirfd);

/* Which tree holds `rel` in the merged view, and its lstat. NONE: absent (or unreadable). */
enum br_side br_view_stat(const struct br_view *v, const char *rel, struct stat *st);
/* As br_tree_head and br_tree_link, in the merged view. */
int br_view_head(const struct br_view *v, const char *rel, struct br_buf *b, size_t max);
char *br_view_link(const struct br_view *v, const char *rel);

enum br_target {
	BR_TARGET_INSIDE,  /* ends below the root (there or dangling) */
	BR_TARGET_SYSTEM,  /* leaves it for a directory that only root writes: /usr /bin /lib /lib64 /opt /nix */
	BR_TARGET_OUTSIDE, /* leaves it */
	BR_TARGET_LOOP     /* more than 40 links (ELOOP for everybody) */
};
/* Where the symlink `rel` leads, following every link of the view on the way as the kernel would. `project` is the absolute
 * path of the root on the host: an absolute target below it is inside. */
enum br_target br_view_resolve(const struct br_view *v, const char *project, const char *rel);

#endif
