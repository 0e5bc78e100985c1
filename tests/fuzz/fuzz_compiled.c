/* Input: a compiled policy whose magic and checksum are put right first, since no mutation would find them; and as it is. What
 * was read is used: every string, and the guard made of it. */
#include "fuzz.h"

#include "base/sha256.h"
#include "policy/compiled.h"
#include "policy/guard.h"

enum { HEAD = 8 + 4 + 4 + BR_SHA256_LEN };

static void
use(const struct br_policy *p)
{
	size_t sum = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct br_pol_rec *r = &p->recs[i];
		sum += strlen(r->text) + strlen(r->origin) + r->data_len;
		MUST(r->data[r->data_len] == '\0');
		MUST(r->kind > 0 && r->kind < BR_POL_KIND_END);
	}
	(void)br_pol_value(p, BR_POL_LIMIT_MEMORY, sum);
	struct br_err e = BR_ERR_INIT;
	struct br_guard *g = br_guard_new(p, &e);
	if (g != NULL) {
		(void)br_guard_classify(g, "a/.git/hooks/x", false);
		(void)br_guard_classify(g, "src/a.b.c/Makefile", false);
		(void)br_guard_classify_tree(g, "src/x");
		(void)br_guard_hidden(g, "x/.env", false);
	}
	br_guard_free(g);
}

static void
parse(const void *data, size_t n)
{
	struct br_policy p;
	struct br_err e = BR_ERR_INIT;
	if (br_pol_parse(data, n, &p, &e) != 0) {
		MUST(e.msg[0] != '\0' && p.recs == NULL && p.block == NULL);
		return;
	}
	use(&p);
	br_pol_free(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	parse(data, n);
	if (n < HEAD)
		return 0;
	unsigned char *mended = malloc(n);
	MUST(mended != NULL);
	memcpy(mended, data, n);
	static const char magic[8] = {'B', 'R', 'P', 'O', 'L', '0', '0', '1'};
	memcpy(mended, magic, sizeof(magic));
	struct br_sha256 s;
	br_sha256_init(&s);
	br_sha256_update(&s, mended + HEAD, n - HEAD);
	br_sha256_final(&s, mended + HEAD - BR_SHA256_LEN);
	parse(mended, n);
	free(mended);
	return 0;
}
