#include "policy/compiled.h"

#include "base/sha256.h"

/* Layout: magic[8] "BRPOL001", u32 record count, u32 reserved, sha256 of the records[32], then records of
 * u32 kind, u32 flags, u64 value, u32 text_len, u32 data_len, u32 origin_len, u32 reserved, text NUL data NUL origin NUL,
 * padded to 8. Native byte order: the file never leaves the machine that made it. */
static const char MAGIC[8] = {'B', 'R', 'P', 'O', 'L', '0', '0', '1'};

struct file_head {
	char magic[8];
	uint32_t count;
	uint32_t reserved;
	unsigned char sum[BR_SHA256_LEN];
};
struct rec_head {
	uint32_t kind;
	uint32_t flags;
	uint64_t value;
	uint32_t text_len;
	uint32_t data_len;
	uint32_t origin_len;
	uint32_t reserved;
};

void
br_pol_add(struct br_pol_writer *w, enum br_pol_kind kind, uint32_t flags, uint64_t value, const char *text,
    const char *data, size_t data_len, const char *origin)
{
	struct rec_head h = {.kind = kind,
	    .flags = flags,
	    .value = value,
	    .text_len = (uint32_t)strlen(text),
	    .data_len = (uint32_t)data_len,
	    .origin_len = (uint32_t)strlen(origin)};
	br_buf_put(&w->body, &h, sizeof(h));
	br_buf_put(&w->body, text, h.text_len + 1U);
	br_buf_put(&w->body, data, data_len);
	br_buf_putc(&w->body, '\0');
	br_buf_put(&w->body, origin, h.origin_len + 1U);
	while (!w->body.failed && w->body.len % 8 != 0)
		br_buf_putc(&w->body, '\0');
	w->count++;
}

int
br_pol_seal(struct br_pol_writer *w, struct br_buf *out)
{
	struct file_head h = {.count = w->count};
	memcpy(h.magic, MAGIC, sizeof(MAGIC));
	struct br_sha256 s;
	br_sha256_init(&s);
	br_sha256_update(&s, w->body.p != NULL ? w->body.p : "", w->body.len);
	br_sha256_final(&s, h.sum);
	br_buf_put(out, &h, sizeof(h));
	br_buf_put(out, w->body.p != NULL ? w->body.p : "", w->body.len);
	bool bad = w->body.failed || out->failed;
	br_buf_free(&w->body);
	w->count = 0;
	return bad ? -1 : 0;
}

static int
damaged(struct br_err *e, const char *why)
{
	return br_err_set(e, 0, "compiled policy is damaged: %s", why);
}

int
br_pol_parse(const void *data, size_t n, struct br_policy *out, struct br_err *e)
{
	*out = (struct br_policy){0};
	struct file_head h;
	if (n < sizeof(h))
		return damaged(e, "too short");
	memcpy(&h, data, sizeof(h));
	if (memcmp(h.magic, MAGIC, sizeof(MAGIC)) != 0)
		return damaged(e, "another version");
	size_t len = n - sizeof(h);
	const char *body = (const char *)data + sizeof(h);
	struct br_sha256 s;
	unsigned char sum[BR_SHA256_LEN];
	br_sha256_init(&s);
	br_sha256_update(&s, body, len);
	br_sha256_final(&s, sum);
	if (memcmp(sum, h.sum, sizeof(sum)) != 0)
		return damaged(e, "checksum does not match");
	if (h.reserved != 0 || h.count > len / sizeof(struct rec_head))
		return damaged(e, "record count");
	out->block = malloc(len + 1);
	out->recs = calloc(h.count + 1U, sizeof(*out->recs));
	if (out->block == NULL || out->recs == NULL) {
		br_pol_free(out);
		return br_err_set(e, 0, "out of memory");
	}
	memcpy(out->block, body, len);
	size_t at = 0;
	for (uint32_t i = 0; i < h.count; i++) {
		struct rec_head r;
		if (len - at < sizeof(r))
			goto bad;
		memcpy(&r, out->block + at, sizeof(r));
		at += sizeof(r);
		uint64_t need = (uint64_t)r.text_len + r.data_len + r.origin_len + 3;
		if (need > len - at || r.kind == 0 || r.kind >= BR_POL_KIND_END)
			goto bad;
		struct br_pol_rec *o = &out->recs[i];
		o->kind = (enum br_pol_kind)r.kind;
		o->flags = r.flags;
		o->value = r.value;
		o->text = out->block + at;
		o->data = o->text + r.text_len + 1;
		o->data_len = r.data_len;
		o->origin = o->data + r.data_len + 1;
		if (o->text[r.text_len] != '\0' || o->data[r.data_len] != '\0' || o->origin[r.origin_len] != '\0')
			goto bad;
		at += (size_t)need;
		at = (at + 7) & ~(size_t)7;
		if (at > len)
			goto bad;
	}
	/* The checksum covers the records, not their count: a smaller one would drop rules. */
	if (at != len)
		goto bad;
	out->n = h.count;
	br_sha256_hex(sum, out->hash);
	return 0;
bad:
	br_pol_free(out);
	return damaged(e, "a record runs past its end");
}

void
br_pol_free(struct br_policy *p)
{
	free(p->recs);
	free(p->block);
	*p = (struct br_policy){0};
}

const struct br_pol_rec *
br_pol_next(const struct br_policy *p, enum br_pol_kind kind, const struct br_pol_rec *after)
{
	for (size_t i = after == NULL ? 0 : (size_t)(after - p->recs) + 1; i < p->n; i++)
		if (p->recs[i].kind == kind)
			return &p->recs[i];
	return NULL;
}

uint64_t
br_pol_value(const struct br_policy *p, enum br_pol_kind kind, uint64_t dflt)
{
	const struct br_pol_rec *last = NULL;
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(p, kind, r)) != NULL;)
		last = r;
	return last != NULL ? last->value : dflt;
}
