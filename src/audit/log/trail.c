#include "audit/log/trail.h"

#include "audit/log/lines.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#define SMALL_MAX 65536
/* A million checkpoints: a denial each 10 ms for three hours. */
#define NOTES_MAX (512U << 20)

#define ORIGIN    "brattice/session/"
#define CERT_HEAD "brattice/certificate/v1"

static int BR_PRINTF(2, 3) tampered(struct br_trail *t, const char *fmt, ...)
{
	if (t->verdict == BR_OK) {
		va_list ap;
		va_start(ap, fmt);
		(void)vsnprintf(t->why, sizeof(t->why), fmt, ap);
		va_end(ap);
		t->verdict = BR_TAMPERED;
	}
	return 0;
}

/* ---- certificate ---- */

/* The next line of `p`; false when there is none. */
static bool
take_line(const char **p, size_t *n, const char **line, size_t *len)
{
	const char *nl = memchr(*p, '\n', *n);
	if (nl == NULL)
		return false;
	*line = *p;
	*len = (size_t)(nl - *p);
	*n -= *len + 1;
	*p = nl + 1;
	return true;
}

/* Name and number of the key of the first signature line, for people; its public half isn't in a note. */
static void
name_of_signer(struct br_note_key *k, const struct br_note *note, const char *p)
{
	if (p == NULL)
		return;
	const char *sig = p + note->text_len + 1 + 4, *space = memchr(sig, ' ', note->len - note->text_len - 5);
	unsigned v[6] = {0};
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	if (space == NULL || (size_t)(space - sig) >= sizeof(k->name))
		return;
	memset(k, 0, sizeof(*k));
	memcpy(k->name, sig, (size_t)(space - sig));
	for (size_t i = 0; i < 6; i++)
		v[i] = (unsigned)(strchr(digits, space[1 + i]) - digits); /* br_note_parse took it for base64 of 5 bytes or more */
	k->id = v[0] << 26 | v[1] << 20 | v[2] << 14 | v[3] << 8 | v[4] << 2 | v[5] >> 4;
}

static bool
parse_certificate(struct br_trail *t, const struct br_note *note)
{
	const char *p = note->text, *line;
	size_t n = note->text_len, len;
	if (!take_line(&p, &n, &line, &len) || len != strlen(CERT_HEAD) || memcmp(line, CERT_HEAD, len) != 0)
		return false;
	if (!take_line(&p, &n, &line, &len) || len <= strlen(ORIGIN) || len >= sizeof(t->origin) || memcmp(line, ORIGIN, strlen(ORIGIN)) != 0)
		return false;
	memcpy(t->origin, line, len);
	if (!take_line(&p, &n, &line, &len) || br_note_key_parse(&t->key, line, len) < 0 || !br_streq(t->key.name, t->origin))
		return false;
	return take_line(&p, &n, &line, &len) && len > 0 && n == 0; /* the time */
}

/* The host's public key that travels with a bundle; no proof of anything, but a name for who says so. */
static bool
bundled_host(int dirfd, struct br_note_key *k)
{
	br_auto_buf b = {0};
	if (br_read_file(dirfd, "host.pub", &b, SMALL_MAX) < 0 || b.len == 0)
		return false;
	return br_note_key_parse(k, b.p, b.len - (b.p[b.len - 1] == '\n')) == 0;
}

static int
read_certificate(struct br_trail *t, int dirfd, const struct br_note_key *trusted, struct br_err *e)
{
	br_auto_buf b = {0};
	struct br_note note;
	if (br_read_file(dirfd, "certificate", &b, SMALL_MAX) < 0) {
		if (br_is_no_file(errno))
			return tampered(t, "certificate: %s", errno == ENOENT ? "missing" : "not what it should be");
		return br_err_set(e, errno, "cannot read the log's certificate");
	}
	if (br_note_parse(&note, b.p != NULL ? b.p : "", b.len) < 0 || note.len != b.len || !parse_certificate(t, &note))
		return tampered(t, "certificate: not a certificate of a session's key");
	name_of_signer(&t->host, &note, b.p);
	if (trusted != NULL) {
		if (!br_note_verify(&note, b.p, trusted))
			return tampered(t, "certificate: not signed by the host's key %s+%08" PRIx32 " but by %s+%08" PRIx32 ", or forged",
			    trusted->name, trusted->id, t->host.name, t->host.id);
		t->host = *trusted;
		t->host_known = t->host_checks = true;
		return 0;
	}
	struct br_note_key k;
	if (!bundled_host(dirfd, &k))
		return 0;
	if (!br_note_verify(&note, b.p, &k))
		return tampered(t, "certificate: not signed by the key in host.pub, %s+%08" PRIx32, k.name, k.id);
	t->host = k;
	t->host_checks = true;
	return 0;
}

/* ---- checkpoints ---- */

/* How far `p` goes along a pattern: each step takes at least `min` and at most `max` bytes. */
struct step {
	const char *literal; /* or, when NULL, any of `set` */
	const char *set;
	size_t min, max;
};

/* Whether `p` is a beginning, and no more, of a checkpoint of this log: what a death between two writes leaves. A file system that lost
 * its power may also leave zeros where bytes should have come. */
static bool
is_torn(const struct br_trail *t, const char *p, size_t n)
{
	static const char digits[] = "0123456789", b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	const struct step steps[] = {{t->origin, NULL, 0, 0}, {"\n", NULL, 0, 0}, {NULL, digits, 1, 20}, {"\n", NULL, 0, 0}, {NULL, b64, 44, 44},
	    {"\n\n\xe2\x80\x94 ", NULL, 0, 0}, {NULL, NULL, 0, 0}, {" ", NULL, 0, 0}, {NULL, b64, 92, 92}};
	size_t at = 0;
	while (n > 0 && p[n - 1] == '\0')
		n--;
	for (size_t s = 0; s < BR_ARRAY_LEN(steps) && at < n; s++) {
		const struct step *x = &steps[s];
		size_t k = 0;
		if (x->literal != NULL) {
			while (at < n && x->literal[k] != '\0' && p[at] == x->literal[k])
				at++, k++;
			if (at < n && x->literal[k] != '\0')
				return false;
			continue;
		}
		/* Without a set: a key's name, the session's or the host's. */
		while (at < n && (x->set != NULL ? k < x->max && p[at] != '\0' && strchr(x->set, p[at]) != NULL : p[at] != ' ' && p[at] != '\n'))
			at++, k++;
		if (at < n && k < x->min)
			return false;
	}
	return at == n;
}

static int
add_mark(struct br_trail *t, const struct br_mark *m)
{
	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 64 : t->cap * 2;
		struct br_mark *v = reallocarray(t->mark, cap, sizeof(*v));
		if (v == NULL)
			return -1;
		t->mark = v;
		t->cap = cap;
	}
	t->mark[t->n++] = *m;
	return 0;
}

/* Whether it may follow the mark before it. */
static bool
in_order(struct br_trail *t, const struct br_mark *m)
{
	const struct br_mark *last = t->n > 0 ? &t->mark[t->n - 1] : NULL;
	if (last == NULL) {
		if (m->size != 0 && !m->by_host)
			(void)tampered(t, "checkpoints: the first has size %" PRIu64 ", not 0", m->size);
	} else if (m->size < last->size) {
		(void)tampered(t, "checkpoints: size %" PRIu64 " after size %" PRIu64, m->size, last->size);
	} else if (last->by_host && !m->by_host) {
		(void)tampered(t, "checkpoints: the session's key signed size %" PRIu64 " after it was dead", m->size);
	}
	return t->verdict == BR_OK;
}

/* 1 a valid one, 0 not one (said in `verdict`), -1 no memory. */
static int
judge_note(struct br_trail *t, const struct br_note *note, size_t at)
{
	struct br_mark m = {.end = at + note->len};
	const char *p = t->notes.p + at, *origin;
	size_t origin_len;
	if (br_checkpoint_parse(note->text, note->text_len, &origin, &origin_len, &m.size, m.root) < 0)
		return tampered(t, "checkpoints: number %zu, at byte %zu, is not a checkpoint", t->n, at);
	if (origin_len != strlen(t->origin) || memcmp(origin, t->origin, origin_len) != 0)
		return tampered(t, "checkpoints: number %zu, of size %" PRIu64 ", is another session's", t->n, m.size);
	m.by_host = !br_note_verify(note, p, &t->key);
	if (m.by_host && t->host_checks && !br_note_verify(note, p, &t->host))
		return tampered(t, "checkpoints: the signature of number %zu, of size %" PRIu64 ", does not verify", t->n, m.size);
	if (m.by_host && !t->host_checks) {
		struct br_note_key k = {0};
		name_of_signer(&k, note, p);
		if (!br_streq(k.name, t->host.name) || k.id != t->host.id)
			return tampered(t, "checkpoints: the signature of number %zu, of size %" PRIu64 ", does not verify", t->n, m.size);
		t->verdict = BR_UNKNOWN; /* closed by the host's key, which we don't have */
		(void)snprintf(t->why, sizeof(t->why), "checkpoints: number %zu is signed by the host, %s+%08" PRIx32 ", whose key is needed to verify it",
		    t->n, k.name, k.id);
		return 0;
	}
	if (!in_order(t, &m))
		return 0;
	return add_mark(t, &m) < 0 ? -1 : 1;
}

static int
read_checkpoints(struct br_trail *t, int dirfd, struct br_err *e)
{
	if (br_read_file(dirfd, "checkpoints", &t->notes, NOTES_MAX) < 0 && !br_is_no_file(errno))
		return br_err_set(e, errno, "cannot read the log's checkpoints");
	const char *p = t->notes.p;
	size_t n = t->notes.len;
	while (t->good < n) {
		struct br_note note;
		if (br_note_parse(&note, p + t->good, n - t->good) < 0) {
			t->torn = is_torn(t, p + t->good, n - t->good);
			if (!t->torn)
				(void)tampered(t, "checkpoints: at byte %zu there is no signed note", t->good);
			break;
		}
		int rc = judge_note(t, &note, t->good);
		if (rc < 0)
			return br_err_set(e, ENOMEM, "cannot read the log's checkpoints");
		if (rc == 0)
			break;
		t->good += note.len;
	}
	if (t->n == 0 && t->verdict == BR_OK)
		t->verdict = BR_CRASHED;
	return 0;
}

int
br_trail_read(struct br_trail *t, int dirfd, const struct br_note_key *trusted, struct br_err *e)
{
	memset(t, 0, sizeof(*t));
	t->verdict = BR_OK;
	if (read_certificate(t, dirfd, trusted, e) < 0)
		return -1;
	/* Without the session's key there is nothing to check them with. */
	return t->key.name[0] != '\0' ? read_checkpoints(t, dirfd, e) : 0;
}

void
br_trail_free(struct br_trail *t)
{
	br_buf_free(&t->notes);
	free(t->mark);
	memset(t, 0, sizeof(*t));
}
