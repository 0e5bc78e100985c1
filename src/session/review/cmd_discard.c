/* brattice discard: throws the changes of a review-mode session away. brattice refresh: says when the host's changes are seen.
 */
#include "session/review/pending.h"
#include "session/review/review.h"

#include "base/io.h"

#include <unistd.h>

struct opts {
	bool yes;
};

static const struct br_opt OPTS[] = {
    {"yes", 'y', NULL, "does not ask", BR_OPT_FLAG, offsetof(struct opts, yes)},
};

static const struct br_usage USAGE = {
    .command = "discard",
    .synopsis = "SESSION [--yes]",
    .summary = "throws the changes of a review-mode session away",
    .about = "The project stays as it is. Asks on a terminal; elsewhere --yes is needed.",
    .opts = OPTS,
    .nopts = BR_ARRAY_LEN(OPTS),
    .interleave = true,
};

/* True when the user says yes. */
static bool
confirmed(const struct br_pending *p, struct br_err *e)
{
	struct br_changes c = {0};
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		(void)br_err_set(e, 0,
		    "discard throws the changes of session %s away for good, and there is no terminal to ask on", p->meta.id);
		(void)br_err_hint(e, "brattice discard %s --yes", p->meta.id);
		return false;
	}
	if (br_changes_scan(&p->view, &c, e) < 0)
		return false;
	(void)fprintf(stderr, "Throw away %zu changes of session %s for good? [y/N] ", c.n, p->meta.id);
	br_changes_free(&c);
	char answer[16] = "";
	if (fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
		return true;
	(void)br_err_set(e, 0, "nothing was discarded");
	return false;
}

static int
discard(const char *which, bool yes, struct br_err *e)
{
	struct br_pending p;
	int rc = br_pending_open_locked(&p, which, e);
	if (rc == 0 && p.view.upper < 0)
		br_warn("session %s has no pending changes", p.meta.id);
	else if (rc == 0)
		rc = yes || confirmed(&p, e) ? br_pending_finish(&p, e) : -1;
	br_pending_close(&p);
	return rc;
}

int
br_cmd_discard(int argc, char **argv)
{
	struct br_err e = BR_ERR_INIT;
	struct opts o = {0};
	int first = argc;
	int done = br_cli_options(&USAGE, argc, argv, &o, &first);
	if (done >= 0)
		return done;
	if (first + 1 != argc)
		return br_pending_unnamed("discard", first >= argc ? "which session?" : "one session at a time, and all of it");
	return discard(argv[first], o.yes, &e) < 0 ? br_cli_fail(&e) : BR_REVIEW_OK;
}

static const struct br_usage REFRESH = {
    .command = "refresh",
    .synopsis = "SESSION",
    .summary = "shows a review-mode session the host's changes",
    .about =
	"The kernel does not promise that a mounted overlay sees changes of the tree under it. A session sees them when it is "
	"started again; the overlay of one that runs is not remounted, since its processes would go on in the old one. Nothing is "
	"lost: what was changed on both sides is a conflict when it is applied.",
    .interleave = true,
};

int
br_cmd_refresh(int argc, char **argv)
{
	struct br_err e = BR_ERR_INIT;
	struct br_pending p;
	int first = argc;
	int done = br_cli_options(&REFRESH, argc, argv, &e, &first);
	if (done >= 0)
		return done;
	if (first + 1 != argc)
		return br_pending_unnamed("refresh", first >= argc ? "which session?" : "one session at a time");
	int rc = br_pending_open(&p, argv[first], &e);
	if (rc == 0 && p.meta.alive) {
		(void)br_err_set(&e, 0, "session %s runs, and the overlay of a running session can't be remounted: its processes hold files of the present one", p.meta.id);
		(void)br_err_hint(&e, "end it and start another: what the host changed is seen from then on");
		rc = -1;
	}
	br_pending_close(&p);
	return rc < 0 ? br_cli_fail(&e) : BR_REVIEW_OK;
}
