/* brattice-review handoff: run by the monitor at the end of every run. */
#include "session/review/index.h"
#include "session/review/review.h"

#include "base/io.h"
#include "base/opt.h"
#include "policy/builtin.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Names looked at below a directory that was moved into place as a whole. */
#define WALK_MAX 200000
/* Names of the private home that are said of those that go with it. */
#define GONE_SHOWN 6

static const char HEAD[] = "brattice: what this run changed that the host, or the next session, may execute or trust:\n";

struct opts {
	const char *session, *project, *policy;
	bool json, colour;
};

static const struct br_opt OPTS[] = {
    {"session", 0, "DIR", "the session's directory", BR_OPT_STRING, offsetof(struct opts, session)},
    {"project", 0, "DIR", "the project on the host", BR_OPT_STRING, offsetof(struct opts, project)},
    {"policy", 0, "FILE", "the compiled policy of the run", BR_OPT_STRING, offsetof(struct opts, policy)},
    {"json", 0, NULL, "one JSON object a line", BR_OPT_FLAG, offsetof(struct opts, json)},
    {"colour", 0, NULL, "colours", BR_OPT_FLAG, offsetof(struct opts, colour)},
};

static const struct br_usage USAGE = {
    .command = "handoff",
    .synopsis = "--session DIR --project DIR --policy FILE [--json] [--colour]",
    .summary = "what the changes of a run could make the host execute or trust",
    .about = "Exit status: 0 nothing or notes, 1 warnings, 2 what acts with nobody looking or reaches out of the project.",
    .opts = OPTS,
    .nopts = BR_ARRAY_LEN(OPTS),
};

/* Adds what lies below a directory: a rename brings in a whole tree under one touched name. */
static int
walk(int root, const char *rel, struct br_strv *out, size_t *budget)
{
	struct stat st;
	if (br_tree_stat(root, rel, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	struct br_strv todo = {0};
	int rc = br_strv_add(&todo, rel, strlen(rel));
	while (rc == 0 && todo.n > 0) {
		br_auto_free char *dir = todo.v[--todo.n];
		struct br_strv entries = {0};
		(void)br_tree_list(root, dir, &entries); /* unreadable: its own name is listed already */
		for (size_t i = 0; rc == 0 && i < entries.n; i++) {
			br_auto_free char *p = br_path_join(dir, entries.v[i]);
			if (p == NULL || *budget == 0 || br_strv_add(out, p, strlen(p)) < 0)
				rc = -1;
			else if (br_tree_stat(root, p, &st) == 0 && S_ISDIR(st.st_mode))
				rc = br_strv_add(&todo, p, strlen(p));
			if (rc == 0)
				--*budget;
		}
		br_strv_free(&entries);
	}
	br_strv_free(&todo);
	return rc;
}

static int
names_of_run(int session, int root, const char *project, struct br_strv *names, struct br_err *e)
{
	struct br_touched t;
	if (br_touched_read(session, project, &t, e) < 0)
		return -1;
	size_t budget = WALK_MAX;
	int rc = 0;
	*names = t.names;
	t.names = (struct br_strv){0};
	for (size_t i = 0; rc == 0 && i < t.moved.n; i++)
		rc = walk(root, t.moved.v[i], names, &budget);
	br_strv_sort(names);
	br_touched_free(&t);
	return rc < 0 ? br_err_set(e, 0, "the run moved trees of more than %d names: too many to look at", WALK_MAX) : 0;
}

static int
names_of_overlay(const struct br_view *v, struct br_strv *names, struct br_handoff *h, struct br_err *e)
{
	struct br_changes c = {0};
	int rc = br_changes_scan(v, &c, e);
	for (size_t i = 0; i < c.skipped.n; i++)
		br_handoff_add(
		    h, BR_HANDOFF_WARN, "unreadable", c.skipped.v[i], "can't be read: not looked at, and not applied");
	if (rc == 0 && br_changes_names(&c, names) < 0)
		rc = br_err_set(e, ENOMEM, "cannot list the changes");
	br_changes_free(&c);
	return rc;
}

struct home_names {
	struct br_handoff *h;
	struct br_buf gone; /* "~/a, ~/b" */
	unsigned n;
};

static int
home_name(void *arg, const char *how, const char *name)
{
	struct home_names *names = arg;
	const struct br_builtin_home *known = br_builtin_home_find(name);
	const char *what = known != NULL ? known->what : "";
	br_auto_buf path = {0};
	br_buf_printf(&path, "~/%s", name);
	if (path.failed) {
		names->h->failed = true;
	} else if (br_streq(how, "gone")) {
		if (names->n++ < GONE_SHOWN)
			br_buf_printf(&names->gone, "%s%s", names->gone.len > 0 ? ", " : "", path.p);
	} else if (br_streq(how, "cut")) {
		br_handoff_add(names->h, BR_HANDOFF_WARN, "home-incomplete", path.p, "there is more in it than is looked at");
	} else if (br_streq(how, "kept")) {
		br_handoff_add(names->h, BR_HANDOFF_WARN, "home-kept", path.p, "kept for the next session (home.keep); %s", what);
	} else {
		br_handoff_add(names->h, BR_HANDOFF_WARN, "home-host", path.p, "your own, changed while the session ran; %s", what);
	}
	return 0;
}

/* What the monitor found in homes. What goes with the private home harms nobody, and an agent writes its own settings at each start:
 * that is one note. */
static int
look_at_homes(int session, struct br_handoff *h, struct br_err *e)
{
	struct home_names names = {.h = h};
	int rc = br_home_changes_read(session, home_name, &names, e);
	if (rc == 0 && names.n > 0)
		br_handoff_add(h, BR_HANDOFF_NOTE, "home-gone", "~",
		    "changed in the private home, and gone with it: %s%s (home.keep keeps what it names)",
		    names.gone.p != NULL ? names.gone.p : "", names.n > GONE_SHOWN ? " …" : "");
	br_buf_free(&names.gone);
	return rc;
}

/* Where the changes of review mode are, for somebody who has just come back to a shell. */
static void
say_pending(struct br_buf *out, const struct opts *o)
{
	const char *id = br_path_base(o->session);
	br_buf_printf(out,
	    "brattice: the changes wait for you: brattice diff %s, then brattice apply %s or brattice discard %s\n", id, id,
	    id);
}

/* For the session's record: the whole list, one JSON object a line. */
static int
keep_for_record(const char *session, struct br_handoff *h, struct br_err *e)
{
	br_auto_buf list = {0};
	br_auto_fd int dir = open(session, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	br_handoff_print(h, &list, false, true);
	if (list.failed || dir < 0 || br_replace_file(dir, "handoff", list.p != NULL ? list.p : "", list.len, 0600) < 0)
		return br_err_set(e, list.failed ? ENOMEM : errno, "cannot keep the list of the handoff check");
	return 0;
}

static void
report(struct br_handoff *h, const struct opts *o, bool pending)
{
	struct br_buf out = {0};
	br_handoff_print(h, &out, o->colour, o->json);
	if (h->n > 0 && !o->json)
		(void)br_write_all(STDOUT_FILENO, HEAD, sizeof(HEAD) - 1);
	if (pending && !o->json)
		say_pending(&out, o);
	if (out.len > 0)
		(void)br_write_all(STDOUT_FILENO, out.p, out.len);
	br_buf_free(&out);
}

/* What an apply will want to know, and nobody could tell it later. */
static int
keep_for_apply(int session, int root, const char *policy, struct br_err *e)
{
	struct br_base base;
	if (br_review_keep_policy(session, policy, e) < 0 || br_base_read(session, &base, e) < 0)
		return -1;
	br_index_keep(session, root, &base);
	br_base_free(&base);
	return 0;
}

static int
check(const struct opts *o, struct br_handoff *h, bool *pending, struct br_err *e)
{
	br_auto_fd int session = open(o->session, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (session < 0)
		return br_err_set(e, errno, "cannot open the session's directory %s", o->session);
	br_auto_fd int root = open(o->project, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return br_err_set(e, errno, "cannot open the project %s", o->project);
	br_auto_fd int upper = openat(session, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (upper < 0 && errno != ENOENT)
		return br_err_set(e, errno, "cannot open the session's overlay");
	if (upper >= 0 && keep_for_apply(session, root, o->policy, e) < 0)
		return -1;
	if (look_at_homes(session, h, e) < 0)
		return -1;
	struct br_policy policy = {0};
	struct br_guard *guard = br_review_guard(AT_FDCWD, o->policy, &policy, e);
	struct br_strv names = {0};
	struct br_handoff_ctx c = {.now = {.upper = upper, .lower = root},
	    .before = upper >= 0 ? root : -1,
	    .project = o->project,
	    .guard = guard,
	    .touched = &names};
	int rc = guard == NULL ? -1 : 0;
	if (rc == 0)
		rc = upper >= 0 ? names_of_overlay(&c.now, &names, h, e) : names_of_run(session, root, o->project, &names, e);
	if (rc == 0)
		rc = br_review_repos(guard, root, &names, upper >= 0 ? NULL : &names, e);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		br_handoff_look(h, &c, names.v[i]);
	*pending = upper >= 0 && names.n > 0;
	br_strv_free(&names);
	br_guard_free(guard);
	br_pol_free(&policy);
	return rc;
}

int
br_cmd_handoff(int argc, char **argv)
{
	struct br_err e = BR_ERR_INIT;
	struct opts o = {0};
	int first = 0;
	if (br_opt_parse(&USAGE, argc, argv, &o, &first, &e) != 0 || o.session == NULL || o.project == NULL ||
	    o.policy == NULL) {
		if (e.msg[0] == '\0')
			(void)br_err_set(&e, 0, "usage: brattice-review handoff %s", USAGE.synopsis);
		br_err_print(&e);
		return BR_EXIT_FAILURE;
	}
	struct br_handoff h = {0};
	int status = BR_EXIT_FAILURE;
	bool pending = false;
	if (check(&o, &h, &pending, &e) < 0 || keep_for_record(o.session, &h, &e) < 0) {
		br_err_print(&e);
	} else {
		int worst = br_handoff_worst(&h);
		report(&h, &o, pending);
		status = worst == BR_HANDOFF_BLOCK ? BR_REVIEW_BLOCKED : worst == BR_HANDOFF_WARN ? 1 : BR_REVIEW_OK;
	}
	br_handoff_free(&h);
	return status;
}
