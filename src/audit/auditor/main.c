/* brattice-auditor: owns the log of one session and its signing key, and only appends.
 *
 *	brattice-auditor SESSION LOGDIR STATEDIR STREAM…
 *
 * The last three are numbers of inherited descriptors: the log directory (empty but for `salt` and `policy`), the state directory
 * (host.key), and one stream for each sender (audit/client.h). It says 'R' on the first stream when the log is there. It has no parent that
 * it needs: it ends when the log is sealed, or when it can't be written; then it says why on its standard error and exits with 1, and the
 * senders' next word fails. */
#include "audit/auditor/confine.h"
#include "audit/auditor/serve.h"
#include "audit/log/hostkey.h"
#include "base/opt.h"
#include "base/proctitle.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/socket.h>
#include <unistd.h>

/* An inherited descriptor, which nobody inherits from here. */
static int
inherited(const char *arg, struct br_err *e)
{
	int64_t n;
	if (br_parse_number(arg, &n, e) < 0)
		return -1;
	if (n < 3 || n > INT32_MAX || fcntl((int)n, F_SETFD, FD_CLOEXEC) < 0)
		return br_err_set(e, 0, "brattice-auditor: %s is no descriptor", arg);
	return (int)n;
}

static struct br_log_writer *
start(const char *session, int logdir, int statedir, struct br_err *e)
{
	struct br_note_signer host;
	if (br_host_key_load(statedir, true, &host, e) < 0)
		return NULL;
	(void)close(statedir);
	struct br_log_writer *w = br_auditor_confine(logdir, e) < 0 ? NULL : br_log_create(logdir, session, &host, e);
	br_note_signer_wipe(&host);
	return w;
}

static int
run(int argc, char **argv, struct br_err *e)
{
	struct br_sender senders[BR_SENDERS_MAX] = {0};
	char session[BR_KEY_NAME_MAX];
	size_t n = (size_t)argc - 4;
	int logdir = inherited(argv[2], e), statedir = logdir < 0 ? -1 : inherited(argv[3], e);
	if (statedir < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		senders[i].fd = inherited(argv[4 + i], e);
		if (senders[i].fd < 0)
			return -1;
	}
	(void)snprintf(session, sizeof(session), "%s", argv[1]);
	br_retitle("brattice: auditor"); /* takes argv away */
	struct br_log_writer *w = start(session, logdir, statedir, e);
	if (w == NULL)
		return br_err_wrap(e, "the audit log can't be begun");
	int rc = send(senders[0].fd, "R", 1, MSG_NOSIGNAL) == 1 || errno == EPIPE ? 0 : br_err_set(e, errno, "the first stream");
	if (rc == 0)
		rc = br_auditor_serve(w, senders, n, e);
	/* The answer to the seal is out; closing ends the streams before the compressor, for which nobody should wait, is done. */
	for (size_t i = 0; i < n; i++)
		br_sender_close(&senders[i]);
	br_log_free(w);
	return rc;
}

int
main(int argc, char **argv)
{
	struct br_err e = BR_ERR_INIT;
	if (argc < 5 || argc > 4 + BR_SENDERS_MAX) {
		(void)fprintf(stderr, "usage: brattice-auditor SESSION LOGDIR STATEDIR STREAM...\n");
		return 2;
	}
	br_auditor_detach();
	/* No file of the host's decides how we sign, and reading it would cost a third of the start. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return 1;
	if (run(argc, argv, &e) == 0)
		return 0;
	br_err_print(&e);
	return 1;
}
