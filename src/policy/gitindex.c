#include "policy/gitindex.h"

#include "base/buf.h"

enum {
	HEADER = 12,
	STAT = 40,          /* ctime mtime dev ino mode uid gid size */
	MODE_AT = 24,       /* in STAT */
	NAME_MAX_LEN = 4096 /* git itself refuses longer paths on every system we run on (PATH_MAX) */
};

enum { FLAG_EXTENDED = 0x4000, FLAG_NAME_LEN = 0xfff };
enum { MODE_TYPE = 0170000, MODE_DIR = 0040000 };

struct reader {
	const unsigned char *data;
	size_t n; /* without the hash at the end */
	size_t at;
	size_t hash_len;
	uint32_t version;
	char name[NAME_MAX_LEN + 1]; /* of the present entry; version 4 builds each from the one before */
	size_t name_len;
	uint32_t mode;
	const char *why;
};

static uint32_t
be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool
fail(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

/* The variable-length number before a name in version 4 ("offset encoding" in gitformat-pack(5)). */
static bool
read_offset(struct reader *r, size_t *out)
{
	size_t v = 0;
	for (int i = 0; r->at < r->n && i < 5; i++) {
		unsigned char c = r->data[r->at++];
		v = (v << 7) + (c & 0x7f);
		if ((c & 0x80) == 0) {
			*out = v;
			return true;
		}
		v++;
	}
	return fail(r, "bad name prefix");
}

/* The bytes up to a NUL, behind `keep` bytes of the name before. */
static bool
read_name(struct reader *r, size_t keep)
{
	const unsigned char *from = r->data + r->at;
	const unsigned char *nul = memchr(from, '\0', r->n - r->at);
	if (nul == NULL)
		return fail(r, "a name runs past the end");
	size_t len = (size_t)(nul - from);
	if (len > NAME_MAX_LEN - keep)
		return fail(r, "a name is too long");
	memcpy(r->name + keep, from, len + 1);
	r->name_len = keep + len;
	r->at += len + 1;
	return true;
}

static bool
read_entry(struct reader *r)
{
	size_t start = r->at, fixed = STAT + r->hash_len + 2, strip = 0;
	if (r->n - r->at < fixed)
		return fail(r, "an entry runs past the end");
	const unsigned char *p = r->data + start;
	r->mode = be32(p + MODE_AT);
	unsigned flags = (unsigned)p[STAT + r->hash_len] << 8 | p[STAT + r->hash_len + 1];
	if ((flags & FLAG_EXTENDED) != 0) {
		fixed += 2;
		if (r->version < 3 || r->n - r->at < fixed)
			return fail(r, "extended flags where there are none");
	}
	r->at += fixed;
	if (r->version == 4 && (!read_offset(r, &strip) || strip > r->name_len))
		return fail(r, "bad name prefix");
	if (!read_name(r, r->version == 4 ? r->name_len - strip : 0))
		return false;
	size_t said = flags & FLAG_NAME_LEN;
	if (said != (r->name_len < FLAG_NAME_LEN ? r->name_len : FLAG_NAME_LEN))
		return fail(r, "an entry's length does not match its name");
	if (r->version == 4)
		return true;
	/* NULs up to a multiple of eight; read_name took the first. */
	size_t end = start + ((r->at - start + 7) & ~(size_t)7);
	if (end > r->n)
		return fail(r, "an entry runs past the end");
	while (r->at < end)
		if (r->data[r->at++] != '\0')
			return fail(r, "bad padding");
	return true;
}

static void
put_hex(char *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

/* The extensions must end exactly where the checksum starts: that is how the two hash lengths are told apart. One whose name
 * starts with a small letter changes what the entries mean, so an unknown one is refused. */
static bool
read_extensions(struct reader *r, struct br_gitindex_info *info)
{
	while (r->at < r->n) {
		if (r->n - r->at < 8)
			return fail(r, "bytes left over behind the entries");
		const unsigned char *p = r->data + r->at;
		size_t size = be32(p + 4);
		if (size > r->n - r->at - 8)
			return fail(r, "an extension runs past the end");
		if (memcmp(p, "link", 4) == 0) {
			if (size < r->hash_len)
				return fail(r, "bad split index");
			put_hex(info->split, p + 8, r->hash_len);
		} else if (memcmp(p, "sdir", 4) == 0) {
			info->sparse = true;
		} else if (p[0] < 'A' || p[0] > 'Z') {
			return fail(r, "an extension that this version of Brattice does not know");
		}
		r->at += 8 + size;
	}
	return true;
}

struct names {
	const char *const *list;
	size_t n;
	bool *tracked;
};

/* The first name that is not before `key`. */
static size_t
lower_bound(const struct names *names, const char *key)
{
	size_t lo = 0, hi = names->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (strcmp(names->list[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
mark(const struct names *names, const struct reader *r)
{
	size_t i = lower_bound(names, r->name);
	if ((r->mode & MODE_TYPE) != MODE_DIR) {
		if (i < names->n && br_streq(names->list[i], r->name))
			names->tracked[i] = true;
		return;
	}
	/* A directory of a sparse index, "a/b/": everything that starts so. */
	for (; i < names->n && r->name_len > 0 && strncmp(names->list[i], r->name, r->name_len) == 0; i++)
		names->tracked[i] = true;
}

static bool
read_index(struct reader *r, const struct names *names, struct br_gitindex_info *info)
{
	uint32_t entries = be32(r->data + 8);
	/* The smallest entry, so that a forged count ends at once. */
	if (entries > (r->n - HEADER) / (STAT + r->hash_len + 2))
		return fail(r, "more entries than fit");
	r->at = HEADER;
	for (uint32_t i = 0; i < entries; i++) {
		if (!read_entry(r))
			return false;
		mark(names, r);
	}
	*info = (struct br_gitindex_info){.version = r->version, .entries = entries, .hash_len = r->hash_len};
	return read_extensions(r, info);
}

int
br_gitindex_tracked(const void *data, size_t n, const char *const *names, size_t count, bool *tracked,
    struct br_gitindex_info *info, struct br_err *e)
{
	static const size_t hash_lens[] = {20, 32};
	const unsigned char *p = data;
	if (n < HEADER + 20 || memcmp(p, "DIRC", 4) != 0)
		return br_err_set(e, 0, "not a git index");
	uint32_t version = be32(p + 4);
	if (version < 2 || version > 4)
		return br_err_set(e, 0, "git index of version %u, which is not known", version);
	bool *found = calloc(count + 1, sizeof(bool));
	struct reader *r = malloc(sizeof(*r));
	const char *why = NULL;
	struct br_gitindex_info got = {0};
	bool ok = false;
	for (size_t i = 0; found != NULL && r != NULL && !ok && i < BR_ARRAY_LEN(hash_lens) && n >= HEADER + hash_lens[i];
	     i++) {
		*r = (struct reader){.data = p, .n = n - hash_lens[i], .hash_len = hash_lens[i], .version = version};
		memset(found, 0, count);
		struct names sought = {.list = names, .n = count, .tracked = found};
		ok = read_index(r, &sought, &got);
		if (i == 0)
			why = r->why;
	}
	for (size_t i = 0; ok && i < count; i++)
		tracked[i] |= found[i];
	if (info != NULL)
		*info = got;
	bool no_memory = found == NULL || r == NULL;
	free(found);
	free(r);
	if (no_memory)
		return br_err_set(e, 0, "out of memory");
	return ok ? 0 : br_err_set(e, 0, "git index is damaged: %s", why);
}
