#include "session/review/merge.h"

#include "policy/gitconfig.h"
#include "session/review/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#define CONFIG_MAX ((size_t)1 << 20)

static void say(struct br_verdict *v, enum br_verdict_kind kind, const char *fmt, ...) BR_PRINTF(3, 4);

static void
say(struct br_verdict *v, enum br_verdict_kind kind, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	v->kind = kind;
	(void)vsnprintf(v->why, sizeof(v->why), fmt, ap);
	va_end(ap);
}

bool
br_commondir_inside(const char *text, size_t n)
{
	return n >= 5 && memcmp(text, "../..", 5) == 0 && strspn(text + 5, "\r\n") == n - 5;
}

bool
br_gitconfig_path_inside(void *arg, const char *path)
{
	const char *project = arg;
	if (strstr(path, "..") != NULL)
		return false;
	return path[0] == '/' ? br_path_within(path, project) : path[0] != '~';
}

/* How many directories deep a relative path ends up below where it started, or -1 when it ever rises above it. */
static int
depth_of(const char *path, int start)
{
	int depth = start;
	for (const char *p = path; *p != '\0' && depth >= 0;) {
		size_t k = strcspn(p, "/");
		if (k == 2 && memcmp(p, "..", 2) == 0)
			depth--;
		else if (k > 0 && !(k == 1 && *p == '.'))
			depth++;
		p += k + (p[k] == '/');
	}
	return depth;
}

bool
br_gitlink_inside(const char *project, const char *rel, const char *text, size_t n)
{
	char to[4096];
	if (n < 9 || n >= sizeof(to) || memcmp(text, "gitdir: ", 8) != 0)
		return false;
	size_t k = strcspn(text + 8, "\r\n");
	if (k != n - 8 && strspn(text + 8 + k, "\r\n") != n - 8 - k)
		return false;
	memcpy(to, text + 8, k);
	to[k] = '\0';
	if (strstr(to, ".git/worktrees/") == NULL && strstr(to, ".git/modules/") == NULL)
		return false;
	int start = 0;
	for (const char *p = rel; (p = strchr(p, '/')) != NULL; p++)
		start++;
	if (to[0] != '/')
		return depth_of(to, start) > 0;
	return br_path_within(to, project) && depth_of(to + strlen(project), 0) > 0;
}

/* Reads the new content of a small file that is judged by what it says. */
static bool
content(const struct br_merge *m, const struct br_change *c, struct br_buf *b, struct br_verdict *v)
{
	if (S_ISREG(c->after.st_mode) && br_tree_head(m->view->upper, c->rel, b, CONFIG_MAX + 1) == 0 && b->len <= CONFIG_MAX &&
	    !b->failed) {
		br_buf_puts(b, "");
		return true;
	}
	say(v, BR_VERDICT_GUARDED, "guarded, and its content can't be read");
	return false;
}

static void
judge_config(const struct br_merge *m, const struct br_change *c, struct br_verdict *v)
{
	struct br_buf now = {0}, before = {0};
	struct br_gitconfig_refusal why = {0};
	void *project = (void *)(uintptr_t)m->project;
	if (content(m, c, &now, v)) {
		bool had = S_ISREG(c->before.st_mode) && br_tree_head(m->view->lower, c->rel, &before, CONFIG_MAX) == 0 &&
			   before.len > 0;
		if (!br_gitconfig_judge(
			now.p, now.len, had ? before.p : NULL, had ? before.len : 0, br_gitconfig_path_inside, project, &why))
			say(v, BR_VERDICT_GUARDED, "git configuration, line %u: %s%s%s", why.line, why.key,
			    why.key[0] != '\0' ? ": " : "", why.why);
	}
	br_buf_free(&now);
	br_buf_free(&before);
}

static void
judge_link(const struct br_merge *m, const struct br_change *c, struct br_verdict *v, bool commondir)
{
	struct br_buf b = {0};
	if (content(m, c, &b, v)) {
		bool ok = commondir ? br_commondir_inside(b.p, b.len) : br_gitlink_inside(m->project, c->rel, b.p, b.len);
		if (!ok)
			say(v, BR_VERDICT_GUARDED, "it would send git to another directory, and to the configuration there");
	}
	br_buf_free(&b);
}

/* True when the directory of `rel` is still a git directory after the run: of one that goes as a whole (git worktree remove),
 * its configuration goes too. */
static bool
repository_stays(const struct br_merge *m, const char *rel)
{
	struct stat st;
	const char *base = br_path_base(rel);
	br_auto_free char *dir = strndup(rel, base > rel ? (size_t)(base - rel - 1) : 0);
	br_auto_free char *head = dir != NULL ? br_path_join(dir, "HEAD") : NULL;
	return head == NULL || br_view_stat(m->view, head, &st) != BR_SIDE_NONE;
}

/* git on the host appends to and truncates files such as .git/logs/HEAD through a symlink. */
static bool
link_out_of_git(const struct br_merge *m, const struct br_change *c)
{
	return c->kind != BR_CHANGE_DEL && S_ISLNK(c->after.st_mode) && br_guard_in_git(c->rel) &&
	       br_view_resolve(m->view, m->project, c->rel) != BR_TARGET_INSIDE;
}

/* The guard's word. Changing or removing what is guarded is refused here as it was in the run: an overlay may also hold what
 * the gate never saw. */
static void
ask_guard(const struct br_merge *m, const struct br_change *c, struct br_verdict *v)
{
	bool dir = S_ISDIR((c->kind == BR_CHANGE_DEL ? c->before : c->after).st_mode);
	struct br_guard_answer a = br_guard_classify(m->guard, c->rel, dir);
	switch (a.cls) {
	case BR_GUARD_PLAIN:
	case BR_GUARD_WATCHED:
		return;
	case BR_GUARD_DENY:
	case BR_GUARD_KEEP:
		say(v, BR_VERDICT_GUARDED, "guarded (%.200s, %.200s)", a.rule, a.origin);
		return;
	case BR_GUARD_HIDDEN:
		/* Hidden by a default name (`.env`), which the run may make where there is none. */
		if ((a.flags & BR_POLF_DEFAULT) != 0 && c->kind == BR_CHANGE_ADD)
			return;
		say(v, BR_VERDICT_GUARDED, "hidden from the run (%.200s, %.200s)", a.rule, a.origin);
		return;
	case BR_GUARD_GITCONFIG:
	case BR_GUARD_GITLINK:
	case BR_GUARD_COMMONDIR:
		break;
	}
	if (dir)
		return;
	if (c->kind == BR_CHANGE_DEL) {
		if (a.cls != BR_GUARD_GITLINK && repository_stays(m, c->rel))
			say(v, BR_VERDICT_GUARDED, "guarded (%.200s, %.200s), and its repository stays", a.rule, a.origin);
		return;
	}
	if (a.cls == BR_GUARD_GITCONFIG)
		judge_config(m, c, v);
	else
		judge_link(m, c, v, a.cls == BR_GUARD_COMMONDIR);
}

static bool
same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Hash of a regular file of the host, and its stat, taken so that both belong together. -1 with errno. */
static int
hash_file(int root, const char *rel, struct stat *st, char hex[BR_SHA256_HEX])
{
	struct stat after;
	br_auto_fd int fd = br_tree_open(root, rel, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	br_auto_free char *buf = malloc(65536);
	if (fd < 0 || buf == NULL || fstat(fd, st) < 0)
		return -1;
	struct br_sha256 s;
	br_sha256_init(&s);
	for (ssize_t n; (n = read(fd, buf, 65536)) != 0;) {
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			br_sha256_update(&s, buf, (size_t)n);
	}
	unsigned char sum[BR_SHA256_LEN];
	br_sha256_final(&s, sum);
	br_sha256_hex(sum, hex);
	if (fstat(fd, &after) < 0)
		return -1;
	if (!same_stat(st, &after)) {
		errno = EBUSY;
		return -1;
	}
	return 0;
}

static int64_t
ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* What can't be compared is not the same. */
static bool
same_as_base(const struct br_merge *m, const struct br_change *c, const struct br_base_entry *b, struct br_verdict *v)
{
	char hex[BR_SHA256_HEX];
	if (!S_ISREG(c->before.st_mode) || (uint64_t)c->before.st_size != b->size)
		return false;
	if (b->sha256[0] == '\0')
		return ns_of(&c->before.st_mtim) == b->mtime_ns;
	return hash_file(m->view->lower, c->rel, &v->seen, hex) == 0 && br_streq(hex, b->sha256);
}

/* True for .git/index when git on the host has only refreshed it. */
static bool
same_index(const struct br_merge *m, const struct br_change *c)
{
	struct br_buf b = {0};
	char hex[BR_SHA256_HEX];
	bool same = m->index[0] != '\0' && br_streq(c->rel, BR_INDEX) && S_ISREG(c->before.st_mode) &&
		    br_tree_head(m->view->lower, c->rel, &b, BR_INDEX_MAX) == 0 && br_index_digest(b.p, b.len, hex) &&
		    br_streq(hex, m->index);
	br_buf_free(&b);
	return same;
}

static void
against_base(const struct br_merge *m, const struct br_change *c, const struct br_base_entry *b, struct br_verdict *v)
{
	if (!same_as_base(m, c, b, v) && !same_index(m, c))
		say(v, BR_VERDICT_CONFLICT, "changed on the host during the run");
	else if (((b->mode ^ c->before.st_mode) & 0777) != 0)
		say(v, BR_VERDICT_CONFLICT, "its mode was changed on the host during the run");
}

/* True when names in the nearest directory of the host above `rel` came or went since the start. A base alone does not say that
 * the host had the file: the run may have made it in a way that the gate saw only later (below a directory that it moved). */
static bool
directory_changed(const struct br_merge *m, const char *rel)
{
	br_auto_free char *dir = strdup(rel);
	while (dir != NULL) {
		struct stat st;
		char *slash = strrchr(dir, '/');
		*(slash != NULL ? slash : dir) = '\0';
		if (br_tree_stat(m->view->lower, dir, &st) == 0)
			return ns_of(&st.st_mtim) >= m->started_ms * 1000000;
		if (slash == NULL)
			break;
	}
	return true;
}

/* What the host's file was at copy-up is known for files; for symlinks, and for files that the run replaced or removed without
 * opening them, the change time says whether anybody touched them since: it can't be set back by a program. */
static void
ask_host(const struct br_merge *m, const struct br_change *c, struct br_verdict *v)
{
	const struct br_base_entry *b = br_base_find(m->base, c->rel);
	v->seen = c->before;
	if (c->kind == BR_CHANGE_ADD) {
		if (b != NULL && !S_ISDIR(c->after.st_mode) && directory_changed(m, c->rel))
			say(v, BR_VERDICT_CONFLICT, "removed on the host during the run");
		return;
	}
	if (S_ISDIR(c->before.st_mode))
		return;
	if (b != NULL)
		against_base(m, c, b, v);
	else if (ns_of(&c->before.st_ctim) >= m->started_ms * 1000000)
		say(v, BR_VERDICT_CONFLICT, "created or changed on the host during the run");
}

void
br_merge_decide(const struct br_merge *m, const struct br_change *c, struct br_verdict *v)
{
	*v = (struct br_verdict){.kind = BR_VERDICT_APPLY};
	if (c->inert && c->kind != BR_CHANGE_DEL) {
		bool file = S_ISREG(c->after.st_mode) || S_ISDIR(c->after.st_mode);
		bool device = S_ISCHR(c->after.st_mode) || S_ISBLK(c->after.st_mode);
		say(v, BR_VERDICT_SKIP,
		    file                         ? "set-id or sticky bits are not applied"
		    : device                     ? "a device node is not applied"
		    : S_ISFIFO(c->after.st_mode) ? "a FIFO is not applied"
						 : "a socket is not applied");
		return;
	}
	if (link_out_of_git(m, c))
		say(v, BR_VERDICT_GUARDED,
		    "a symlink that leads from .git out of the project: git on the host would write through it");
	else
		ask_guard(m, c, v);
	if (v->kind == BR_VERDICT_APPLY)
		ask_host(m, c, v);
}
