#include "session/review/journal.h"

#include "session/review/place.h"
#include "session/review/record.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define JOURNAL_MAX ((size_t)1 << 30)

struct entry {
	char op;
	ino_t ino;
	const char *tmp, *seen, *rel;
};

void
br_journal_identity(struct br_buf *b, const struct stat *st)
{
	if (st == NULL)
		br_buf_putc(b, '-');
	else
		br_buf_printf(b, "%llu:%llu:%o:%lld:%lld.%09ld", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
		    (unsigned)st->st_mode, (long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

/* Splits one line in place. False when it is damaged: the last one may be, when the machine lost power. */
static bool
parse(char *line, struct entry *en)
{
	char *rest = line, *end;
	const char *op = br_field_next(&rest), *ino = br_field_next(&rest);
	en->tmp = br_field_next(&rest);
	en->seen = br_field_next(&rest);
	if (en->seen == NULL || op[0] == '\0' || op[1] != '\0' || !br_unescape(rest) || rest[0] == '\0')
		return false;
	en->op = op[0];
	en->rel = rest;
	errno = 0;
	en->ino = (ino_t)strtoull(ino, &end, 10);
	return errno == 0 && *end == '\0' && en->tmp[0] != '\0' && strchr(en->tmp, '/') == NULL;
}

static bool
stat_in(int dir, const char *name, struct stat *st)
{
	return fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool
was_seen(const struct entry *en, const struct stat *st)
{
	struct br_buf b = {0};
	br_journal_identity(&b, st);
	bool same = !b.failed && br_streq(b.p, en->seen);
	br_buf_free(&b);
	return same;
}

static void
settle(int root, const struct entry *en)
{
	const char *name;
	struct stat tmp, now;
	br_auto_fd int dir = br_tree_parent(root, en->rel, &name);
	if (dir < 0 || !stat_in(dir, en->tmp, &tmp))
		return;
	bool ours = en->ino != 0 ? tmp.st_ino == en->ino : en->op == 'w' && br_startswith(en->tmp, ".brattice-");
	if (en->op == 'x' && !ours) {
		/* Exchanged: our file has taken the place. Else the name is another's, such as a lock of git's. */
		if (!stat_in(dir, name, &now) || now.st_ino != en->ino)
			return;
		ours = was_seen(en, &tmp) || syscall(SYS_renameat2, dir, en->tmp, dir, name, RENAME_EXCHANGE) == 0;
	}
	if (en->op == 'd' && !was_seen(en, &tmp))
		(void)syscall(SYS_renameat2, dir, en->tmp, dir, name, RENAME_NOREPLACE);
	else if (ours || en->op == 'd')
		(void)unlinkat(dir, en->tmp, 0);
}

int
br_journal_settle(int root, int sessionfd, struct br_err *e)
{
	struct br_buf b = {0};
	if (br_read_file(sessionfd, BR_JOURNAL, &b, JOURNAL_MAX) < 0) {
		int saved = errno;
		br_buf_free(&b);
		return saved == ENOENT ? 0 : br_err_set(e, saved, "cannot read the journal of an earlier apply");
	}
	/* Backwards: what happened last is settled first. */
	while (b.len > 0) {
		b.p[b.len - 1] = '\0';
		char *nl = memrchr(b.p, '\n', b.len - 1);
		char *line = nl != NULL ? nl + 1 : b.p;
		struct entry en;
		if (parse(line, &en))
			settle(root, &en);
		b.len = nl != NULL ? (size_t)(nl - b.p) + 1 : 0;
	}
	br_buf_free(&b);
	return 0;
}
