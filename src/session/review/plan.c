#include "session/review/plan.h"

#include <errno.h>

/* What is wanted, and what must happen for it: the directories above it. */
static bool
wanted(const struct br_change *c, const struct br_strv *paths)
{
	if (br_path_wanted(paths, c->rel))
		return true;
	if (!c->in_the_way && !(c->kind == BR_CHANGE_ADD && S_ISDIR(c->after.st_mode)))
		return false;
	for (size_t i = 0; i < paths->n; i++)
		if (br_path_within(paths->v[i], c->rel))
			return true;
	return false;
}

int
br_plan_make(
    struct br_plan *p, const struct br_merge *m, const struct br_changes *c, const struct br_strv *paths, struct br_err *e)
{
	*p = (struct br_plan){.v = calloc(c->n + 1, sizeof(*p->v))};
	if (p->v == NULL)
		return br_err_set(e, errno, "cannot plan the apply");
	for (size_t i = 0; i < c->n; i++) {
		if (!wanted(&c->v[i], paths))
			continue;
		struct br_plan_item *it = &p->v[p->n++];
		it->c = &c->v[i];
		br_merge_decide(m, it->c, &it->v);
	}
	return 0;
}

void
br_plan_free(struct br_plan *p)
{
	free(p->v);
	*p = (struct br_plan){0};
}

void
br_plan_look(const struct br_plan *p, const struct br_handoff_ctx *ctx, struct br_handoff *h)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].v.kind == BR_VERDICT_APPLY && p->v[i].c->kind != BR_CHANGE_DEL)
			br_handoff_look(h, ctx, p->v[i].c->rel);
}

static void
outcome(struct br_plan *p, struct br_plan_item *it, enum br_placed got)
{
	int err = errno;
	switch (got) {
	case BR_PLACED:
		it->done = true;
		return;
	case BR_PLACE_CHANGED:
		it->v.kind = BR_VERDICT_CONFLICT;
		(void)snprintf(it->v.why, sizeof(it->v.why), "%s",
		    it->c->kind == BR_CHANGE_DEL && S_ISDIR(it->c->before.st_mode) ? "the directory is not empty on the host"
		    : it->c->kind == BR_CHANGE_ADD ? "something of this name appeared on the host, or its directory is gone"
						   : "changed on the host just now");
		return;
	case BR_PLACE_LOCKED:
		it->v.kind = BR_VERDICT_CONFLICT;
		(void)snprintf(it->v.why, sizeof(it->v.why), "git on the host is at work (%.200s.lock is there)", it->c->rel);
		return;
	case BR_PLACE_FAILED:
		break;
	}
	it->v.kind = BR_VERDICT_CONFLICT;
	(void)snprintf(it->v.why, sizeof(it->v.why), "cannot be written: %s", strerror(err));
	p->failed =
	    err == ENOSPC || err == EDQUOT || err == EROFS || err == EIO || err == ENOMEM || err == EMFILE || err == ENFILE;
}

static void
run_one(struct br_plan *p, struct br_plan_item *it, struct br_place *place)
{
	const struct br_change *c = it->c;
	if (it->v.kind != BR_VERDICT_APPLY || it->done || p->failed)
		return;
	errno = 0;
	if (c->kind == BR_CHANGE_DEL)
		outcome(p, it, br_place_remove(place, c, &it->v.seen));
	else if (S_ISDIR(c->after.st_mode) && c->kind == BR_CHANGE_ADD)
		outcome(p, it, br_place_dir(place, c));
	else if (S_ISDIR(c->after.st_mode) || (c->kind == BR_CHANGE_MOD && !c->content))
		outcome(p, it, br_place_mode(place, c));
	else
		outcome(p, it, br_place_put(place, c, &it->v.seen, it->lock));
}

static bool
is_directory_mode(const struct br_plan_item *it)
{
	return S_ISDIR(it->c->after.st_mode) && it->c->kind != BR_CHANGE_DEL;
}

/* Makes of directories, files and removals in the order of the list; then the state of repositories, whose refs must not name
 * objects that are not there yet, the index last of all; then the modes of directories, which may forbid writing in them, from
 * the inside out. */
void
br_plan_run(struct br_plan *p, struct br_place *place)
{
	for (size_t i = 0; i < p->n; i++) {
		struct br_plan_item *it = &p->v[i];
		if (!it->state && !(it->c->kind == BR_CHANGE_MOD && is_directory_mode(it)))
			run_one(p, it, place);
	}
	for (int index = 0; index < 2; index++)
		for (size_t i = 0; i < p->n; i++)
			if (p->v[i].state && br_streq(br_path_base(p->v[i].c->rel), "index") == (index == 1))
				run_one(p, &p->v[i], place);
	for (size_t i = p->n; i > 0; i--) {
		struct br_plan_item *it = &p->v[i - 1];
		if (!is_directory_mode(it) || it->v.kind != BR_VERDICT_APPLY || p->failed)
			continue;
		it->done = false;
		outcome(p, it, br_place_mode(place, it->c));
	}
}
