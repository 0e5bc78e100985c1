/* The journal of an apply (`apply.journal` in the session's directory): the temporary names that a crash may have left. */
#ifndef BRATTICE_SESSION_REVIEW_JOURNAL_H
#define BRATTICE_SESSION_REVIEW_JOURNAL_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/stat.h>

#define BR_JOURNAL "apply.journal"

/* Settles what an apply that crashed had half done, name by name; what it had done stays done. Lines are
 *
 *	w INO TMP - PATH     a new file may be there under the name TMP beside PATH: removed
 *	x INO TMP SEEN PATH  it may have been exchanged with PATH. TMP is the file that was compared (SEEN): removed, the change
 *stands. It is another one: exchanged back d 0 TMP SEEN PATH    PATH may have been moved to TMP: removed, or moved back, in the
 *same way
 *
 * INO is the new file's inode number, 0 when it was not known; a file under the name TMP that is neither is not ours. Forwards
 *and not back where that is safe, because moving the host's file back would change its change time, which later decisions rest
 *on. */
int br_journal_settle(int root, int sessionfd, struct br_err *e);

/* Appends what identifies a file: DEV:INODE:MODE:SIZE:MTIME, or "-" for NULL. */
void br_journal_identity(struct br_buf *b, const struct stat *st);

#endif
