/* The journal of an apply (`apply.journal` in the session's directory): the temporary names that a crash may have left. */
#ifndef BRATTICE_SESSION_REVIEW_JOURNAL_H
#define BRATTICE_SESSION_REVIEW_JOURNAL_H

#include "base/err.h"

#define BR_JOURNAL "apply.journal"

/* Undoes what an apply that crashed had half done, name by name; what it had done stays done. Lines are
 *
 *	w INO TMP PATH  a new file may be there under the name TMP beside PATH: removed
 *	x INO TMP PATH  it may have been exchanged with PATH: exchanged back, then removed
 *	d 0 TMP PATH    PATH may have been moved to TMP: moved back
 *
 * INO is the new file's inode number, 0 when it was not known; a file under the name TMP with another one is not ours. */
int br_journal_undo(int root, int sessionfd, struct br_err *e);

#endif
