/* A log directory of any bytes, verified and recovered. Input: a byte of flags, then files: a byte that names one, two of its length, its
 * bytes. With HONEST the lines of segment 0 get the hashes and checkpoints that belong to them first, and the input's files are put over
 * those, so that what is behind the signatures is reached too.
 * Oracle: both end; what is found whole was signed; a recovery leaves a log that verifies as a crash and covers no less than before; twice is as
 * once. */
#include "fuzz.h"

#include "audit/log/merkle.h"
#include "audit/log/verify.h"
#include "audit/log/writer.h"
#include "base/io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HONEST = 1, SEAL = 2, TRUST = 4, CUT = 8 };

static const char *const names[] = {"000000.jsonl", "000000.jsonl.zst", "hashes", "checkpoints", "certificate", "index", "terminal.cast", "policy",
    "000001.jsonl", "host.pub", "000002.jsonl.zst", "quarantine"};

static const struct br_note_signer *
host(void)
{
	static struct br_note_signer s;
	static const unsigned char seed[BR_ED25519_SEED] = "0123456789abcdef0123456789abcde";
	struct br_err e = BR_ERR_INIT;
	if (s.pkey == NULL)
		MUST(br_note_signer_load(&s, "brattice/host/fuzz", seed, &e) == 0);
	return &s;
}

static void
put(int dir, const char *name, const void *data, size_t n)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0 && br_write_all(fd, data, n) == 0);
	(void)close(fd);
}

/* The lines of `text` as a log; a checkpoint after each fourth. */
static void
make_honest(int dir, const char *text, size_t n, unsigned flags)
{
	struct br_err e = BR_ERR_INIT;
	struct br_log_writer *w = br_log_create(dir, "s1", host(), &e);
	MUST(w != NULL);
	for (const char *nl; n > 0 && (nl = memchr(text, '\n', n)) != NULL; n -= (size_t)(nl + 1 - text), text = nl + 1) {
		MUST(br_log_append(w, BR_EV_EXEC, false, text, (size_t)(nl - text)) == 0);
		if (br_log_size(w) % 4 == 0)
			MUST(br_log_checkpoint(w) == 0);
	}
	if ((flags & SEAL) != 0)
		MUST(br_log_seal(w, "end") == 0);
	MUST(br_log_sync(w) == 0);
	br_log_free(w);
}

struct piece {
	unsigned file;
	const uint8_t *p;
	size_t n;
};

static size_t
take_pieces(const uint8_t *data, size_t n, struct piece *v, size_t max)
{
	size_t k = 0;
	while (n >= 3 && k < max) {
		size_t len = data[1] | (size_t)data[2] << 8;
		len = len < n - 3 ? len : n - 3;
		v[k++] = (struct piece){data[0] % BR_ARRAY_LEN(names), data + 3, len};
		data += 3 + len;
		n -= 3 + len;
	}
	return k;
}

static int
fresh_dir(void)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/log", fuzz_dir());
	(void)br_rm_tree(AT_FDCWD, path);
	MUST(mkdir(path, 0700) == 0);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(dir >= 0);
	return dir;
}

static void
look(int dir, bool trust, struct br_verify *v)
{
	struct br_err e = BR_ERR_INIT;
	MUST(br_log_verify(dir, trust ? &host()->key : NULL, v, &e) == 0);
	bool ok = v->integrity == BR_OK && v->completeness == BR_OK && v->clock == BR_OK && v->terminal == BR_OK;
	MUST(ok == (v->what[0][0] == '\0'));
	MUST(v->covered <= v->entries);
	MUST(v->completeness != BR_OK || v->covered == v->entries || v->integrity != BR_OK);
}

static void
mend(int dir, const struct br_verify *before)
{
	struct br_err e = BR_ERR_INIT;
	struct br_verify after;
	int rc = br_log_recover(dir, "s1", host(), &e);
	MUST(rc >= 0 || e.msg[0] != '\0');
	if (rc <= 0)
		return;
	look(dir, true, &after);
	MUST(after.covered >= before->covered && after.covered > 0);
	if (before->integrity == BR_OK)
		MUST(after.integrity == BR_OK && after.completeness == BR_CRASHED && after.covered == after.entries);
	MUST(br_log_recover(dir, "s1", host(), &e) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct piece v[16];
	struct br_verify seen;
	if (n < 1)
		return 0;
	unsigned flags = data[0];
	size_t k = take_pieces(data + 1, n - 1, v, BR_ARRAY_LEN(v)), first = 0;
	int dir = fresh_dir();
	if ((flags & HONEST) != 0 && k > 0) {
		make_honest(dir, (const char *)v[0].p, v[0].n, flags);
		first = 1;
	}
	for (size_t i = first; i < k; i++) {
		int fd = openat(dir, names[v[i].file], O_RDWR | O_CLOEXEC);
		off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
		/* Cut a file that is there, or lengthen it; else put one. */
		if (fd >= 0 && (flags & CUT) != 0 && v[i].n > 0 && end > 0)
			MUST(ftruncate(fd, end - v[i].p[0] % (end + 1)) == 0);
		else if (fd >= 0 && (flags & CUT) != 0)
			MUST(br_write_all(fd, v[i].p, v[i].n) == 0);
		else
			put(dir, names[v[i].file], v[i].p, v[i].n);
		br_cleanup_fd(&fd);
	}
	look(dir, (flags & TRUST) != 0, &seen);
	look(dir, true, &seen);
	mend(dir, &seen);
	(void)close(dir);
	return 0;
}
