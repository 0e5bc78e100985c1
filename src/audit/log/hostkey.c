#include "audit/log/hostkey.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SECRET "PRIVATE+KEY+"
#define SEED_BASE64 44 /* of 33 bytes, no padding */
#define FILE_MAX 512

static int
unusable(struct br_err *e, int sys, const char *why)
{
	(void)br_err_set(e, sys, "host.key in the state directory %s", why);
	return br_err_hint(e, "put back the right one from a backup; or move it and host.pub away for a new one to be made: then the logs so "
			      "far are of an unknown host");
}

/* PRIVATE+KEY+name+id+base64. -1 for anything else. */
static int
parse(struct br_note_signer *out, const char *p, size_t n, struct br_err *e)
{
	unsigned char raw[SEED_BASE64];
	char name[BR_KEY_NAME_MAX], id[16];
	const char *end = memchr(p, '\n', n), *from = p + strlen(SECRET);
	if (end == NULL || n < strlen(SECRET) + SEED_BASE64 + 11 || memcmp(p, SECRET, strlen(SECRET)) != 0)
		return -1;
	/* From the end: base64 may hold plus signs, the name doesn't. */
	const char *b64 = end - SEED_BASE64;
	if (b64 - from < 11 || b64[-1] != '+' || b64[-10] != '+' || (size_t)(b64 - 10 - from) >= sizeof(name))
		return -1;
	memcpy(name, from, (size_t)(b64 - 10 - from));
	name[b64 - 10 - from] = '\0';
	if (EVP_DecodeBlock(raw, (const unsigned char *)b64, SEED_BASE64) != 1 + BR_ED25519_SEED || raw[0] != 1)
		return -1;
	int rc = br_note_signer_load(out, name, raw + 1, e);
	OPENSSL_cleanse(raw, sizeof(raw));
	if (rc < 0)
		return -1;
	(void)snprintf(id, sizeof(id), "%08" PRIx32, out->key.id);
	if (memcmp(id, b64 - 9, 8) == 0)
		return 0;
	br_note_signer_wipe(out);
	return -1;
}

/* 0, 1 it is absent, -1 with `e`. */
static int
load(int statedir, struct br_note_signer *out, struct br_err *e)
{
	char text[FILE_MAX];
	struct stat st;
	br_auto_fd int fd = openat(statedir, "host.key", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 1 : unusable(e, errno, "cannot be opened");
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return unusable(e, 0, "is not a file");
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		(void)br_err_set(e, 0, "host.key in the state directory is not this user's alone");
		return br_err_hint(e, "chmod 600 it, if nobody else can have read it; a key that others know proves nothing");
	}
	ssize_t n = read(fd, text, sizeof(text));
	int rc = n < 0 ? -1 : parse(out, text, (size_t)n, e);
	OPENSSL_cleanse(text, sizeof(text));
	return rc < 0 ? unusable(e, n < 0 ? errno : 0, "is not a key") : 0;
}

/* "brattice/host/" and the host's name, as far as a key's name may have its characters. */
static void
name_key(char *out, size_t room)
{
	struct utsname u;
	size_t n = (size_t)snprintf(out, room, "brattice/host/");
	if (uname(&u) < 0)
		(void)snprintf(u.nodename, sizeof(u.nodename), "unknown");
	for (const char *p = u.nodename; *p != '\0' && n + 1 < room; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-';
		out[n] = '.';
		if (plain)
			out[n] = *p;
		n++;
	}
	out[n] = '\0';
}

/* The key under a name of its own first, whole and on disk, then linked to its place: nobody ever reads half a key, and the name is
 * taken only once. */
static int
put_key(int statedir, const struct br_note_signer *s)
{
	char line[FILE_MAX], tmp[40], rnd[17];
	unsigned char raw[1 + BR_ED25519_SEED] = {1};
	memcpy(raw + 1, s->seed, BR_ED25519_SEED);
	int n = snprintf(line, sizeof(line) - SEED_BASE64 - 2, SECRET "%s+%08" PRIx32 "+", s->key.name, s->key.id);
	n += EVP_EncodeBlock((unsigned char *)line + n, raw, sizeof(raw));
	line[n++] = '\n';
	br_random_hex(rnd, 8);
	(void)snprintf(tmp, sizeof(tmp), "host.key.%s.tmp", rnd);
	br_auto_fd int fd = openat(statedir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = fd < 0 || br_write_all(fd, line, (size_t)n) < 0 || fdatasync(fd) < 0 ? -1 : 0;
	OPENSSL_cleanse(line, sizeof(line));
	OPENSSL_cleanse(raw, sizeof(raw));
	if (rc == 0 && linkat(statedir, tmp, statedir, "host.key", 0) < 0 && errno != EEXIST)
		rc = -1;
	int saved = errno;
	(void)unlinkat(statedir, tmp, 0);
	if (rc == 0)
		return fsync(statedir);
	errno = saved;
	return -1;
}

static int
put_pub(int statedir, const struct br_note_key *k)
{
	br_auto_buf line = {0};
	struct stat st;
	if (fstatat(statedir, "host.pub", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	br_note_key_put(&line, k);
	br_buf_putc(&line, '\n');
	return line.failed ? -1 : br_replace_file(statedir, "host.pub", line.p, line.len, 0644);
}

int
br_host_key_load(int statedir, bool create, struct br_note_signer *out, struct br_err *e)
{
	char name[BR_KEY_NAME_MAX];
	int rc = load(statedir, out, e);
	if (rc == 1 && !create)
		return br_err_set(e, ENOENT, "host.key in the state directory");
	if (rc == 1) {
		struct br_note_signer fresh;
		name_key(name, sizeof(name));
		if (br_note_signer_new(&fresh, name, e) < 0)
			return -1;
		rc = put_key(statedir, &fresh) < 0 ? br_err_set(e, errno, "cannot make host.key in the state directory") : load(statedir, out, e);
		br_note_signer_wipe(&fresh);
	}
	if (rc != 0)
		return -1;
	if (create && put_pub(statedir, &out->key) < 0) {
		br_note_signer_wipe(out);
		return br_err_set(e, errno, "cannot make host.pub in the state directory");
	}
	return 0;
}

int
br_host_pub_load(int statedir, struct br_note_key *out, struct br_err *e)
{
	br_auto_buf b = {0};
	if (br_read_file(statedir, "host.pub", &b, FILE_MAX) < 0)
		return br_err_set(e, errno, "host.pub in the state directory");
	const char *nl = b.len > 0 ? memchr(b.p, '\n', b.len) : NULL;
	if (nl == NULL || br_note_key_parse(out, b.p, (size_t)(nl - b.p)) < 0)
		return br_err_set(e, 0, "host.pub in the state directory is not a key");
	return 0;
}
