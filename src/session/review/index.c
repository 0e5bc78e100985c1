#include "session/review/index.h"

#include "base/io.h"
#include "policy/gitindex.h"
#include "session/review/record.h"

/* gitformat-index(5), "Index entry": ctime, mtime, dev, ino | mode | uid, gid, size | object name | flags */
enum { AT_MODE = 24, AT_OBJECT = 40, AT_FLAGS = 60, AT_NAME = 62, HEADER = 12, TRAILER = 20 };

/* Adds one entry to the hash; its length with padding, 0 when it is cut. */
static size_t
entry(struct br_sha256 *s, const unsigned char *p, size_t n, unsigned version)
{
	if (n < AT_NAME + 1)
		return 0;
	bool extended = version >= 3 && (p[AT_FLAGS] & 0x40) != 0;
	size_t at = AT_NAME + (extended ? 2U : 0U);
	const unsigned char *nul = n > at ? memchr(p + at, '\0', n - at) : NULL;
	if (nul == NULL)
		return 0;
	br_sha256_update(s, p + AT_MODE, 4);
	/* Object, flags and the name with its NUL stand together. */
	br_sha256_update(s, p + AT_OBJECT, (size_t)(nul - p) + 1 - AT_OBJECT);
	/* One to eight NULs, so that the next entry begins at a multiple of eight. */
	size_t len = ((size_t)(nul - p) + 8) & ~(size_t)7;
	return len <= n ? len : 0;
}

bool
br_index_digest(const void *data, size_t n, char hex[BR_SHA256_HEX])
{
	const unsigned char *p = data;
	struct br_gitindex_info info;
	/* Sound, and of the one form that is read here. */
	if (n < HEADER + TRAILER || br_gitindex_tracked(data, n, NULL, 0, NULL, &info, NULL) < 0 || info.hash_len != 20 ||
	    (info.version != 2 && info.version != 3) || info.sparse || info.split[0] != '\0')
		return false;
	struct br_sha256 s;
	unsigned char sum[BR_SHA256_LEN];
	br_sha256_init(&s);
	size_t at = HEADER, end = n - TRAILER;
	for (uint32_t i = 0; i < info.entries; i++) {
		size_t len = entry(&s, p + at, end - at, info.version);
		if (len == 0)
			return false;
		at += len;
	}
	br_sha256_final(&s, sum);
	br_sha256_hex(sum, hex);
	return true;
}

void
br_index_keep(int sessionfd, int lower, const struct br_base *base)
{
	const struct br_base_entry *en = br_base_find(base, BR_INDEX);
	struct br_buf b = {0};
	char hex[BR_SHA256_HEX];
	if (en != NULL && br_tree_head(lower, BR_INDEX, &b, BR_INDEX_MAX) == 0) {
		br_sha256_of(b.p, b.len, hex);
		if (br_streq(hex, en->sha256) && br_index_digest(b.p, b.len, hex))
			(void)br_replace_file(sessionfd, "index.digest", hex, BR_SHA256_HEX - 1, 0600);
	}
	br_buf_free(&b);
}

void
br_index_kept(int sessionfd, char hex[BR_SHA256_HEX])
{
	struct br_buf b = {0};
	hex[0] = '\0';
	if (br_read_file(sessionfd, "index.digest", &b, BR_SHA256_HEX) == 0 && b.len == BR_SHA256_HEX - 1)
		memcpy(hex, b.p, BR_SHA256_HEX);
	br_buf_free(&b);
}
