/* brattice apply: moves the changes of a review-mode session into the project. */
#include "session/review/index.h"
#include "session/review/pending.h"
#include "session/review/plan.h"
#include "session/review/review.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct opts {
	bool accept_risks, json, dry_run;
	const char *policy;
};

static const struct br_opt OPTS[] = {
    {"accept-risks", 0, NULL, "applies although the handoff check found what should be looked at first", BR_OPT_FLAG,
	offsetof(struct opts, accept_risks)},
    {"dry-run", 'n', NULL, "only says what would be done", BR_OPT_FLAG, offsetof(struct opts, dry_run)},
    {"policy", 0, "FILE", "a compiled policy, instead of the one of the run", BR_OPT_STRING, offsetof(struct opts, policy)},
    {"json", 0, NULL, "one JSON object a line", BR_OPT_FLAG, offsetof(struct opts, json)},
};

static const struct br_usage USAGE = {
    .command = "apply",
    .synopsis = "SESSION [PATH…]",
    .summary = "moves the changes of a review-mode session into the project",
    .about =
	"The handoff check comes first: what acts on the host with nobody looking, or reaches out of the project, stops it. "
	"Then each file is merged three-way: one that the host changed during the run is a conflict, is not written and stays "
	"in the session. Run it again to continue after an interruption.\n\n"
	"Exit status: 0 all applied, 1 conflicts are left, 2 stopped by the handoff check with nothing written.",
    .opts = OPTS,
    .nopts = BR_ARRAY_LEN(OPTS),
    .interleave = true,
};

struct apply {
	const struct opts *o;
	struct br_pending p;
	struct br_policy policy;
	struct br_guard *guard;
	struct br_base base;
	char index[BR_SHA256_HEX];
	struct br_changes changes;
	struct br_strv paths, names;
	struct br_plan plan;
	struct br_buf out;
};

static int
open_guard(struct apply *a, struct br_err *e)
{
	if (a->o->policy != NULL) {
		a->guard = br_review_guard(AT_FDCWD, a->o->policy, &a->policy, e);
		return a->guard != NULL ? 0 : -1;
	}
	a->guard = br_review_guard_of_run(a->p.dir, a->p.meta.policy, &a->policy, e);
	return a->guard != NULL ? 0 : -1;
}

static int
prepare(struct apply *a, char *const *args, int n, struct br_err *e)
{
	if (br_pending_paths(&a->p, args, n, &a->paths, e) < 0 || open_guard(a, e) < 0 ||
	    br_base_read(a->p.dir, &a->base, e) < 0 || br_changes_scan(&a->p.view, &a->changes, e) < 0)
		return -1;
	if (br_changes_names(&a->changes, &a->names) < 0)
		return br_err_set(e, ENOMEM, "cannot list the changes");
	if (br_review_repos(a->guard, a->p.view.lower, &a->names, NULL, e) < 0)
		return -1;
	br_index_kept(a->p.dir, a->index);
	const struct br_merge m = {.view = &a->p.view,
	    .base = &a->base,
	    .guard = a->guard,
	    .project = a->p.meta.project,
	    .started_ms = a->p.meta.started_ms,
	    .index = a->index};
	if (br_plan_make(&a->plan, &m, &a->changes, &a->paths, e) < 0)
		return -1;
	br_plan_git(&a->plan, a->p.view.lower);
	return 0;
}

/* Prints the findings; true when they stop the apply. */
static bool
handoff_stops(struct apply *a)
{
	struct br_handoff h = {0};
	const struct br_handoff_ctx ctx = {
	    .now = a->p.view, .before = a->p.view.lower, .project = a->p.meta.project, .guard = a->guard, .touched = &a->names};
	br_plan_look(&a->plan, &ctx, &h);
	if (h.n > 0 && !a->o->json)
		br_buf_puts(&a->out, "Handoff check:\n");
	br_handoff_print(&h, &a->out, br_cli_colour(STDOUT_FILENO), a->o->json);
	bool stops = br_handoff_worst(&h) == BR_HANDOFF_BLOCK && !a->o->accept_risks;
	br_handoff_free(&h);
	return stops;
}

static const char *
outcome_name(const struct br_plan_item *it, bool dry)
{
	switch (it->v.kind) {
	case BR_VERDICT_APPLY:
		return dry ? "would apply" : it->done ? "applied" : "not reached";
	case BR_VERDICT_SKIP:
		return "skipped";
	case BR_VERDICT_CONFLICT:
		return "conflict";
	case BR_VERDICT_GUARDED:
		break;
	}
	return "guarded";
}

static void
report_item(struct apply *a, const struct br_plan_item *it)
{
	const char *name = outcome_name(it, a->o->dry_run);
	if (a->o->json) {
		br_buf_printf(&a->out, "{\"outcome\":\"%s\",\"path\":", name);
		br_buf_put_json(&a->out, it->c->rel, strlen(it->c->rel));
		br_buf_puts(&a->out, ",\"why\":");
		br_buf_put_json(&a->out, it->v.why, strlen(it->v.why));
		br_buf_puts(&a->out, "}\n");
	} else if (!it->done) {
		br_buf_printf(&a->out, "  %s ", name);
		br_buf_put_visible(&a->out, it->c->rel, strlen(it->c->rel), false);
		br_buf_puts(&a->out, it->v.why[0] != '\0' ? ": " : "");
		br_buf_put_visible(&a->out, it->v.why, strlen(it->v.why), false);
		br_buf_putc(&a->out, '\n');
	}
}

/* Returns how many were left undone that count. */
static size_t
report(struct apply *a)
{
	size_t added = 0, changed = 0, removed = 0, left = 0;
	for (size_t i = 0; i < a->plan.n; i++) {
		const struct br_plan_item *it = &a->plan.v[i];
		report_item(a, it);
		left += !it->done && it->v.kind != BR_VERDICT_SKIP && !(a->o->dry_run && it->v.kind == BR_VERDICT_APPLY);
		added += it->done && it->c->kind == BR_CHANGE_ADD;
		changed += it->done && it->c->kind == BR_CHANGE_MOD;
		removed += it->done && it->c->kind == BR_CHANGE_DEL;
	}
	for (size_t i = 0; i < a->changes.skipped.n; i++, left++) {
		br_buf_puts(&a->out, a->o->json ? "{\"outcome\":\"unreadable\",\"path\":" : "  unreadable ");
		if (a->o->json)
			br_buf_put_json(&a->out, a->changes.skipped.v[i], strlen(a->changes.skipped.v[i]));
		else
			br_buf_put_visible(&a->out, a->changes.skipped.v[i], strlen(a->changes.skipped.v[i]), false);
		br_buf_puts(&a->out, a->o->json ? "}\n" : "\n");
	}
	if (!a->o->json && !a->o->dry_run)
		br_buf_printf(&a->out, "Applied: %zu new, %zu changed, %zu removed%s\n", added, changed, removed,
		    left > 0 ? "; the rest stays in the session" : "");
	return left;
}

/* The overlay is given up only when nothing that can be applied is left in it, and the project is on the disk. */
static int
finish(struct apply *a, struct br_err *e)
{
	struct br_changes rest = {0};
	int rc = br_changes_scan(&a->p.view, &rest, e);
	bool empty = rest.skipped.n == 0;
	for (size_t i = 0; i < rest.n; i++)
		empty = empty && rest.v[i].inert;
	br_changes_free(&rest);
	if (rc < 0 || !empty)
		return rc;
	if (syncfs(a->p.view.lower) < 0)
		return br_err_set(e, errno, "cannot write the project to the disk");
	return br_pending_finish(&a->p, e);
}

static int
run(struct apply *a, struct br_err *e)
{
	struct br_place place;
	if (br_place_begin(&place, a->p.view.lower, a->p.view.upper, a->p.dir, e) < 0)
		return -1;
	br_plan_run(&a->plan, &place);
	br_place_end(&place, a->p.dir);
	size_t left = report(a);
	if (finish(a, e) < 0)
		return -1;
	return left > 0 ? BR_REVIEW_CONFLICT : BR_REVIEW_OK;
}

static void
flush(struct apply *a)
{
	if (a->out.len > 0)
		(void)br_write_all(STDOUT_FILENO, a->out.p, a->out.len);
	br_buf_reset(&a->out);
}

static int
apply(struct apply *a, const char *which, char *const *args, int n, struct br_err *e)
{
	if (br_pending_open_locked(&a->p, which, e) < 0)
		return -1;
	if (a->p.view.upper < 0) {
		br_warn("session %s has no pending changes", a->p.meta.id);
		return BR_REVIEW_OK;
	}
	/* What a crash left half done is settled before anything is compared. */
	if (br_journal_settle(a->p.view.lower, a->p.dir, e) < 0 || prepare(a, args, n, e) < 0)
		return -1;
	bool stops = handoff_stops(a);
	flush(a);
	if (stops) {
		br_warn("nothing was applied: look at what is marked `block` first; apply other paths by name, or all with "
			"--accept-risks");
		return BR_REVIEW_BLOCKED;
	}
	if (a->o->dry_run)
		return report(a) > 0 ? BR_REVIEW_CONFLICT : BR_REVIEW_OK;
	return run(a, e);
}

static void
apply_free(struct apply *a)
{
	br_plan_free(&a->plan);
	br_changes_free(&a->changes);
	br_strv_free(&a->paths);
	br_strv_free(&a->names);
	br_base_free(&a->base);
	br_guard_free(a->guard);
	br_pol_free(&a->policy);
	br_pending_close(&a->p);
	br_buf_free(&a->out);
}

int
br_cmd_apply(int argc, char **argv)
{
	struct br_err e = BR_ERR_INIT;
	struct opts o = {0};
	int first = argc;
	int done = br_cli_options(&USAGE, argc, argv, &o, &first);
	if (done >= 0)
		return done;
	if (first >= argc)
		return br_pending_unnamed("apply", "which session?");
	struct apply a = {.o = &o};
	int status = apply(&a, argv[first], argv + first + 1, argc - first - 1, &e);
	flush(&a);
	apply_free(&a);
	return status < 0 ? br_cli_fail(&e) : status;
}
