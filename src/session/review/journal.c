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
	const char *tmp, *rel;
};

/* Splits one line in place. False when it is damaged: the last one may be, when the machine lost power. */
static bool
parse(char *line, struct entry *en)
{
	char *end;
	if (line[0] == '\0' || line[1] != ' ')
		return false;
	en->op = line[0];
	errno = 0;
	en->ino = (ino_t)strtoull(line + 2, &end, 10);
	if (errno != 0 || *end != ' ')
		return false;
	en->tmp = end + 1;
	/* A temporary name has no space, but a name that is locked may: then its length is known from the path. */
	char *rel = strchr(end + 1, ' ');
	if (rel == NULL)
		return false;
	*rel = '\0';
	en->rel = rel + 1;
	return br_unescape(rel + 1) && strchr(en->tmp, '/') == NULL && en->rel[0] != '\0';
}

static ino_t
inode_of(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

static void
undo(int root, const struct entry *en)
{
	const char *name;
	br_auto_fd int dir = br_tree_parent(root, en->rel, &name);
	ino_t tmp = dir >= 0 ? inode_of(dir, en->tmp) : 0;
	if (tmp == 0)
		return;
	if (en->op == 'd') {
		(void)syscall(SYS_renameat2, dir, en->tmp, dir, name, RENAME_NOREPLACE);
		return;
	}
	if (en->op == 'x' && en->ino != 0 && tmp != en->ino && inode_of(dir, name) == en->ino &&
	    syscall(SYS_renameat2, dir, en->tmp, dir, name, RENAME_EXCHANGE) == 0)
		tmp = en->ino;
	/* A `w` without a number is of a name that nobody but us makes. */
	if (tmp == en->ino || (en->op == 'w' && en->ino == 0 && br_startswith(en->tmp, ".brattice-")))
		(void)unlinkat(dir, en->tmp, 0);
}

int
br_journal_undo(int root, int sessionfd, struct br_err *e)
{
	struct br_buf b = {0};
	if (br_read_file(sessionfd, BR_JOURNAL, &b, JOURNAL_MAX) < 0) {
		int saved = errno;
		br_buf_free(&b);
		return saved == ENOENT ? 0 : br_err_set(e, saved, "cannot read the journal of an earlier apply");
	}
	/* Backwards: what happened last is undone first. */
	while (b.len > 0) {
		b.p[b.len - 1] = '\0';
		char *nl = memrchr(b.p, '\n', b.len - 1);
		char *line = nl != NULL ? nl + 1 : b.p;
		struct entry en;
		if (parse(line, &en))
			undo(root, &en);
		b.len = nl != NULL ? (size_t)(nl - b.p) + 1 : 0;
	}
	br_buf_free(&b);
	return 0;
}
