#include "session/review/pending.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int
br_pending_open(struct br_pending *p, const char *which, struct br_err *e)
{
	*p = (struct br_pending){.dir = -1, .lock = -1, .view = {.upper = -1, .lower = -1}};
	if (br_session_find(which, false, &p->meta, &p->dir, e) < 0)
		return -1;
	if (br_streq(p->meta.state, "damaged"))
		return br_err_set(e, 0, "the record (meta) of session %s is damaged: its project is not known", p->meta.id);
	if (!p->meta.review) {
		(void)br_err_set(
		    e, 0, "session %s did not run in review mode: its changes are in the project already", p->meta.id);
		return br_err_hint(e, "start with brattice run --review, or look at them with git diff");
	}
	p->view.lower = open(p->meta.project, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->view.lower < 0)
		return br_err_set(e, errno, "cannot open the project %s", p->meta.project);
	p->view.upper = openat(p->dir, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->view.upper < 0 && errno != ENOENT)
		return br_err_set(e, errno, "cannot open the overlay of session %s", p->meta.id);
	return 0;
}

int
br_pending_open_locked(struct br_pending *p, const char *which, struct br_err *e)
{
	if (br_pending_open(p, which, e) < 0)
		return -1;
	if (p->meta.alive) {
		(void)br_err_set(e, 0, "session %s still runs: it could change what was just checked", p->meta.id);
		return br_err_hint(e, "end it first: brattice stop %s", p->meta.id);
	}
	p->lock = openat(p->dir, "review.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->lock < 0)
		return br_err_set(e, errno, "cannot lock session %s", p->meta.id);
	if (flock(p->lock, LOCK_EX | LOCK_NB) < 0)
		return br_err_set(
		    e, errno == EWOULDBLOCK ? 0 : errno, "another apply or discard of session %s is at work", p->meta.id);
	return 0;
}

void
br_pending_close(struct br_pending *p)
{
	br_cleanup_fd(&p->dir);
	br_cleanup_fd(&p->lock);
	br_cleanup_fd(&p->view.upper);
	br_cleanup_fd(&p->view.lower);
	br_session_meta_free(&p->meta);
}

int
br_pending_finish(struct br_pending *p, struct br_err *e)
{
	/* `pending` first: if we die in between, gc may remove the rest. */
	p->meta.pending = false;
	if (br_session_write_meta(p->dir, &p->meta, e) < 0)
		return -1;
	if (br_rm_tree(p->dir, "upper") < 0 || br_rm_tree(p->dir, "work") < 0)
		return br_err_set(e, errno, "cannot remove the overlay of session %s", p->meta.id);
	(void)unlinkat(p->dir, "base", 0);
	return 0;
}

/* Removes "." and empty components and resolves "..", all by name: the project's own symlinks are not followed. */
static char *
normal(const char *path)
{
	char *out = malloc(strlen(path) + 2);
	size_t n = 0;
	if (out == NULL)
		return NULL;
	out[0] = '\0';
	for (const char *p = path; *p != '\0';) {
		size_t k = strcspn(p, "/");
		if (k == 2 && memcmp(p, "..", 2) == 0) {
			while (n > 0 && out[--n] != '/')
				;
		} else if (k > 0 && !(k == 1 && *p == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, k);
			n += k;
		}
		out[n] = '\0';
		p += k + (p[k] == '/');
	}
	return out;
}

int
br_pending_paths(const struct br_pending *p, char *const *args, int n, struct br_strv *out, struct br_err *e)
{
	const char *project = p->meta.project;
	br_auto_free char *cwd = getcwd(NULL, 0);
	const char *from = cwd != NULL && br_path_within(cwd, project) ? cwd : project;
	for (int i = 0; i < n; i++) {
		br_auto_free char *joined = args[i][0] == '/' ? strdup(args[i]) : br_path_join(from, args[i]);
		br_auto_free char *path = joined != NULL ? normal(joined) : NULL;
		if (path == NULL)
			return br_err_set(e, ENOMEM, "cannot read the path %s", args[i]);
		if (!br_path_within(path, project))
			return br_err_set(e, 0, "%s is not in the project %s", args[i], project);
		const char *rel = path + strlen(project) + (path[strlen(project)] == '/');
		if (br_strv_add(out, rel, strlen(rel)) < 0)
			return br_err_set(e, ENOMEM, "cannot read the path %s", args[i]);
	}
	return 0;
}

int
br_pending_unnamed(const char *command, const char *why)
{
	struct br_err e = BR_ERR_INIT;
	(void)br_err_set(&e, 0, "%s: %s", command, why);
	(void)br_err_hint(&e, "brattice %s last, or an id of brattice ps --all", command);
	return br_cli_fail(&e);
}
