#include "session/review/look.h"

#include <errno.h>

#define LINES_MAX 10000
#define LINE_MAX_BYTES 4096

static bool
in_dependencies(const char *rel)
{
	static const char *const dirs[] = {"node_modules", ".venv", "venv", "site-packages", "vendor", "target", ".tox", ".nox",
	    ".yarn", ".pnpm-store", "__pycache__"};
	for (size_t i = 0; i < BR_ARRAY_LEN(dirs); i++)
		if (br_path_under(rel, dirs[i]))
			return true;
	return false;
}

static void
look_symlink(struct br_look *l)
{
	br_auto_free char *to = br_view_link(&l->c->now, l->rel);
	if (to == NULL)
		return;
	switch (br_view_resolve(&l->c->now, l->c->project, l->rel)) {
	case BR_TARGET_OUTSIDE:
		br_look_add(l, BR_HANDOFF_BLOCK, "symlink-out",
		    "symlink out of the project, to %.300s: host tools that follow it read or write there", to);
		break;
	case BR_TARGET_SYSTEM:
		br_look_add(l, BR_HANDOFF_NOTE, "symlink-system", "symlink to %.300s of the system", to);
		break;
	case BR_TARGET_LOOP:
		br_look_add(l, BR_HANDOFF_NOTE, "symlink-loop", "symlink that leads nowhere (a loop, or it can't be read)");
		break;
	case BR_TARGET_INSIDE:
		break;
	}
}

/* What kind of file it is. True when its content is to be looked at. */
static bool
look_type(struct br_look *l)
{
	if (S_ISLNK(l->st.st_mode))
		look_symlink(l);
	else if (S_ISFIFO(l->st.st_mode))
		br_look_add(l, BR_HANDOFF_WARN, "fifo", "FIFO left behind: a host tool that reads the tree blocks on it");
	else if (S_ISSOCK(l->st.st_mode))
		br_look_add(l, BR_HANDOFF_WARN, "socket", "socket left behind: a host tool may connect to it");
	else if (S_ISCHR(l->st.st_mode) || S_ISBLK(l->st.st_mode))
		br_look_add(l, BR_HANDOFF_BLOCK, "device", "device node");
	if (!S_ISLNK(l->st.st_mode) && (l->st.st_mode & (S_ISUID | S_ISGID)) != 0 && !S_ISDIR(l->st.st_mode))
		br_look_add(l, BR_HANDOFF_BLOCK, "setuid", "set%s bit: whoever runs it gets the rights of uid %u, gid %u",
		    (l->st.st_mode & S_ISUID) != 0 ? "uid" : "gid", (unsigned)l->st.st_uid, (unsigned)l->st.st_gid);
	return S_ISREG(l->st.st_mode);
}

static void
look_executable(struct br_look *l)
{
	bool script = l->now.len > 2 && memcmp(l->now.p, "#!", 2) == 0;
	bool elf = l->now.len > 4 && memcmp(l->now.p, "\177ELF", 4) == 0;
	bool x = (l->st.st_mode & 0111) != 0;
	/* Git's own templates, which it never runs. */
	if ((!x && !script) || (br_path_under(l->rel, "hooks") && br_endswith(l->rel, ".sample")))
		return;
	const char *state = l->c->before < 0 ? "touched" : l->st_before.st_mode == 0 ? "new" : "changed";
	const char *kind = l->deps ? "executable-dependency" : "executable";
	if (script) {
		size_t n = strcspn(l->now.p + 2, "\n");
		br_look_add(l, BR_HANDOFF_NOTE, kind, "%s %sscript for %.*s", state, x ? "executable " : "",
		    n < 120 ? (int)n : 120, l->now.p + 2);
	} else {
		br_look_add(l, BR_HANDOFF_NOTE, kind, "%s executable%s", state, elf ? " (ELF)" : "");
	}
}

/* Names of the guarded class were refused by the path gate while the run went on. One that got here all the same is a hole
 * in a layer (what the policy lifted is PLAIN). Items from `had` on were said about this file already, in more telling words.
 */
static void
look_guard(struct br_look *l, size_t had)
{
	if (l->c->guard == NULL)
		return;
	bool quiet = l->h->n > had;
	for (size_t i = had; i < l->h->n; i++)
		if (l->h->items[i].level == BR_HANDOFF_BLOCK)
			return;
	struct br_guard_answer a = br_guard_classify(l->c->guard, l->rel, S_ISDIR(l->st.st_mode));
	switch (a.cls) {
	case BR_GUARD_DENY:
	case BR_GUARD_KEEP:
		br_look_add(l, BR_HANDOFF_BLOCK, "guarded",
		    "guarded name (%.200s, %.200s): host tools trust it with nobody looking", a.rule, a.origin);
		break;
	case BR_GUARD_HIDDEN:
		/* Hidden by a default name, such as `.env`: the run may make one where there was none, and read its own. */
		if ((a.flags & BR_POLF_DEFAULT) != 0 && l->st_before.st_mode == 0)
			br_look_add(l, BR_HANDOFF_NOTE, "hidden",
			    "a file of this name (%.200s) holds secrets as a rule: this one is the run's own", a.rule);
		else
			br_look_add(l, BR_HANDOFF_BLOCK, "hidden", "hidden name (%.200s, %.200s): the run had no right to it",
			    a.rule, a.origin);
		break;
	case BR_GUARD_WATCHED:
		if (!quiet && !S_ISDIR(l->st.st_mode))
			br_look_add(l, l->deps ? BR_HANDOFF_NOTE : BR_HANDOFF_WARN, l->deps ? "dependency" : "watched",
			    "watched name (%.200s): read it before a host tool acts on it", a.rule);
		break;
	case BR_GUARD_PLAIN:
	case BR_GUARD_GITCONFIG: /* br_look_git judges these three */
	case BR_GUARD_GITLINK:
	case BR_GUARD_COMMONDIR:
		break;
	}
}

static void
look_content(struct br_look *l)
{
	static br_look_fn *const detectors[] = {br_look_named, br_look_package, br_look_git, br_look_lines, br_look_secret};
	if (br_view_head(&l->c->now, l->rel, &l->now, BR_LOOK_MAX) < 0) {
		br_look_add(l, BR_HANDOFF_WARN, "unreadable", "can't be read (%s): not looked at", strerror(errno));
		return;
	}
	if (l->now.p == NULL)
		br_buf_puts(&l->now, "");
	if (S_ISREG(l->st_before.st_mode) && br_tree_head(l->c->before, l->rel, &l->before, BR_LOOK_MAX) < 0)
		br_buf_reset(&l->before);
	look_executable(l);
	size_t had = l->h->n;
	for (size_t i = 0; i < BR_ARRAY_LEN(detectors); i++)
		detectors[i](l);
	look_guard(l, had);
}

void
br_handoff_look(struct br_handoff *h, const struct br_handoff_ctx *c, const char *rel)
{
	struct br_look l = {.h = h, .c = c, .rel = rel, .base = br_path_base(rel), .deps = in_dependencies(rel)};
	if (br_view_stat(&c->now, rel, &l.st) == BR_SIDE_NONE)
		return;
	if (c->before < 0 || br_tree_stat(c->before, rel, &l.st_before) < 0)
		l.st_before.st_mode = 0;
	if (look_type(&l))
		look_content(&l);
	else if (S_ISDIR(l.st.st_mode))
		br_look_git(&l);
	else
		look_guard(&l, h->n);
	if (l.now.failed || l.before.failed)
		h->failed = true;
	br_buf_free(&l.now);
	br_buf_free(&l.before);
}

static int
by_text(const void *pa, const void *pb)
{
	return strcmp(*(char *const *)pa, *(char *const *)pb);
}

static void
split_lines(const struct br_buf *b, struct br_strv *out)
{
	for (size_t at = 0; at < b->len && out->n < LINES_MAX;) {
		const char *nl = memchr(b->p + at, '\n', b->len - at);
		size_t n = nl != NULL ? (size_t)(nl - (b->p + at)) : b->len - at;
		if (br_strv_add(out, b->p + at, n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES) < 0)
			return;
		at += n + 1;
	}
}

void
br_look_new_lines(struct br_look *l, br_look_line_fn *fn)
{
	struct br_strv now = {0}, before = {0};
	split_lines(&l->now, &now);
	split_lines(&l->before, &before);
	if (before.n > 0)
		qsort(before.v, before.n, sizeof(*before.v), by_text);
	for (size_t i = 0; i < now.n; i++) {
		const char *key = now.v[i];
		if (before.n == 0 || bsearch(&key, before.v, before.n, sizeof(*before.v), by_text) == NULL)
			fn(l, key, strlen(key));
	}
	if (now.n >= LINES_MAX)
		br_look_add(l, BR_HANDOFF_WARN, "too-long", "only its first %d lines were looked at", LINES_MAX);
	br_strv_free(&now);
	br_strv_free(&before);
}
