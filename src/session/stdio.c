/* The command's descriptors 0, 1 and 2 when it has no terminal of its own. */
#include "session/run_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PIPEFS_MAGIC 0x50495045 /* linux/magic.h */

/* May the command have this descriptor of the user's itself? Pipes and /dev/null only: with a file it could change the file's
 * mode or truncate it, with a terminal type into it, with a socket pass descriptors, with a directory leave the sandbox. */
static bool
is_harmless(int fd, const struct stat *st)
{
	struct statfs fs;
	if (S_ISFIFO(st->st_mode))
		return fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

int
br_session_set_stdio(struct br_run *s, struct br_err *e)
{
	for (int i = 0; i < 3; i++) {
		struct stat st;
		int pair[2];
		s->stdio[i] = s->far[i] = -1;
		bool closed = fstat(i, &st) < 0;
		if (closed && errno != EBADF)
			return br_err_set(e, errno, "cannot look at descriptor %d", i);
		if (closed) {
			s->stdio[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		} else if (S_ISDIR(st.st_mode)) {
			(void)br_err_set(e, 0, "descriptor %d is a directory", i);
			return br_err_hint(e, "redirect it to a file, a pipe or /dev/null");
		} else if (is_harmless(i, &st)) {
			s->stdio[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		} else {
			if (pipe2(pair, O_CLOEXEC) < 0)
				return br_err_set(e, errno, "pipe");
			s->stdio[i] = pair[i == 0 ? 0 : 1];
			s->far[i] = pair[i == 0 ? 1 : 0];
		}
		if (s->stdio[i] < 0)
			return br_err_set(e, errno, "cannot hand over descriptor %d", i);
	}
	return 0;
}

/* What goes to a terminal is filtered; a file or a socket gets the bytes. */
static void
copy_output(void *arg, const char *data, size_t n, struct br_buf *out)
{
	struct stand_in *p = arg;
	if (p->filter)
		br_term_filter(&p->m->filter, data, n, out);
	else
		br_buf_put(out, data, n);
}

/* End of file, or a reader that is gone, on one side becomes the same on the other. */
static void
close_far(void *arg)
{
	struct stand_in *p = arg;
	br_cleanup_fd(p->far);
	*p->far = -1;
}

int
br_session_start_pipes(struct br_run *s, struct br_err *e)
{
	struct br_monitor *m = &s->m;
	for (int i = 0; i < 3; i++) {
		if (s->far[i] < 0)
			continue;
		struct stand_in *p = &s->stand_ins[i];
		*p = (struct stand_in){.m = m, .far = &s->far[i], .filter = isatty(i) != 0};
		/* Our end never blocks: the relay polls. */
		(void)fcntl(s->far[i], F_SETFL, O_NONBLOCK);
		struct br_relay *r = i == 0 ? br_relay_new(m->loop, 0, s->far[0], NULL, close_far, p) :
		                              br_relay_new(m->loop, s->far[i], i, copy_output, close_far, p);
		if (r == NULL)
			return br_err_set(e, errno, "cannot pass on descriptor %d", i);
		m->relays[m->nrelays++] = r;
	}
	return 0;
}
