/* brattice diff: what a review-mode session changed, against the project as it is now. */
#include "session/review/pending.h"
#include "session/review/review.h"
#include "session/review/show.h"

#include "base/io.h"

#include <unistd.h>

static const struct br_opt OPTS[] = {
    {"stat", 0, NULL, "only a summary: lines added and removed per file", BR_OPT_FLAG, offsetof(struct br_show_opts, stat)},
    {"name-only", 0, NULL, "only the names", BR_OPT_FLAG, offsetof(struct br_show_opts, names)},
    {"all", 'a', NULL, "also what lies in .git, file by file", BR_OPT_FLAG, offsetof(struct br_show_opts, all)},
    {"patch", 0, NULL, "exact bytes, for git apply or patch; not on a terminal", BR_OPT_FLAG,
	offsetof(struct br_show_opts, exact)},
    {"json", 0, NULL, "one JSON object a line", BR_OPT_FLAG, offsetof(struct br_show_opts, json)},
    {"no-pager", 0, NULL, "no pager on a terminal", BR_OPT_FLAG, offsetof(struct br_show_opts, no_pager)},
};

static const struct br_usage USAGE = {
    .command = "diff",
    .synopsis = "SESSION [PATH…]",
    .summary = "shows what a review-mode session changed",
    .about = "Compares the session's overlay with the project as it is now. Changes in .git are folded into one line "
	     "(--all shows them). Works while the session runs.",
    .opts = OPTS,
    .nopts = BR_ARRAY_LEN(OPTS),
    .interleave = true,
};

static int
show(const char *which, char *const *args, int n, struct br_show_opts *o, struct br_err *e)
{
	struct br_pending p;
	struct br_changes c = {0};
	struct br_strv paths = {0};
	int rc = br_pending_open(&p, which, e);
	if (rc == 0)
		rc = br_pending_paths(&p, args, n, &paths, e);
	if (rc == 0 && p.view.upper < 0)
		br_warn("session %s has no pending changes", p.meta.id);
	else if (rc == 0)
		rc = br_changes_scan(&p.view, &c, e);
	if (rc == 0 && p.view.upper >= 0)
		rc = br_show(&p.view, &c, &paths, o, e);
	br_changes_free(&c);
	br_strv_free(&paths);
	br_pending_close(&p);
	return rc;
}

int
br_cmd_diff(int argc, char **argv)
{
	struct br_err e = BR_ERR_INIT;
	struct br_show_opts o = {0};
	int first = argc;
	int done = br_cli_options(&USAGE, argc, argv, &o, &first);
	if (done >= 0)
		return done;
	/* A terminal would obey them. */
	if (isatty(STDOUT_FILENO))
		o.exact = false;
	if (first >= argc)
		return br_pending_unnamed("diff", "which session?");
	return show(argv[first], argv + first + 1, argc - first - 1, &o, &e) < 0 ? br_cli_fail(&e) : BR_REVIEW_OK;
}
