/* What the entries of a log say, as far as it can be checked: clocks, gaps, the terminal's recording, the seal. */
#include "audit/log/head.h"
#include "audit/log/lines.h"
#include "audit/log/verify_int.h"
#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000)
/* Events come from several processes, each stamped before it is sent. */
#define DISORDER (60 * SECOND)
/* How far the two clocks may part between two entries. */
#define STEP       (2 * SECOND)
#define POLICY_MAX (64U << 20)

static void
check_clock(struct br_check *c, uint64_t n, const struct br_head *h)
{
	enum br_verdict *v = &c->out->clock;
	int64_t step = (h->t - h->m) - (c->t_us - c->m_us);
	bool began = c->clock_began;
	c->clock_began = true;
	/* Recovery writes after the machine has started again, maybe: its clocks are others. */
	if (began && h->type != BR_EV_RECOVERED) {
		if (h->m < c->m_us - DISORDER && *v != BR_TAMPERED)
			br_check_bad(c, v, BR_TAMPERED, "clock: entry %" PRIu64 " is %" PRId64 " s older than the one before it", n, (c->m_us - h->m) / SECOND);
		else if (step < -STEP && *v != BR_TAMPERED)
			br_check_bad(c, v, BR_TAMPERED, "clock: set back by %" PRId64 " s before entry %" PRIu64, -step / SECOND, n);
		else if (step > STEP && *v == BR_OK)
			br_check_bad(c, v, BR_UNKNOWN, "clock: set forward, or the machine slept, by %" PRId64 " s before entry %" PRIu64, step / SECOND, n);
	}
	c->t_us = h->t;
	c->m_us = h->m;
}

/* ---- terminal ---- */

/* SHA-256 of the next `n` bytes of the recording; false when it has fewer. */
static bool
hash_cast(struct br_check *c, uint64_t n, char hex[BR_SHA256_HEX])
{
	unsigned char buf[65536], sum[BR_SHA256_LEN];
	struct br_sha256 s;
	br_sha256_init(&s);
	while (n > 0) {
		ssize_t r = pread(c->cast_fd, buf, n < sizeof(buf) ? (size_t)n : sizeof(buf), (off_t)c->cast_at);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		br_sha256_update(&s, buf, (size_t)r);
		c->cast_at += (uint64_t)r;
		n -= (uint64_t)r;
	}
	br_sha256_final(&s, sum);
	br_sha256_hex(sum, hex);
	return true;
}

static void
check_terminal(struct br_check *c, uint64_t n, const json_t *event)
{
	enum br_verdict *v = &c->out->terminal;
	char hex[BR_SHA256_HEX] = "";
	json_int_t offset = json_integer_value(json_object_get(event, "offset")), bytes = json_integer_value(json_object_get(event, "bytes"));
	const char *want = json_string_value(json_object_get(event, "sha256"));
	if (*v == BR_TAMPERED)
		return; /* where the following ranges begin is not known any more */
	if (c->cast_fd < 0)
		c->cast_fd = br_open_regular(c->dirfd, "terminal.cast");
	if (c->cast_fd < 0)
		br_check_bad(c, v, BR_TAMPERED, "terminal.cast: missing");
	else if (want == NULL || offset < 0 || bytes < 0 || (uint64_t)offset != c->cast_at)
		br_check_bad(c, v, BR_TAMPERED, "terminal.cast: entry %" PRIu64 " does not go on at byte %" PRIu64, n, c->cast_at);
	else if (!hash_cast(c, (uint64_t)bytes, hex))
		br_check_bad(c, v, BR_TAMPERED, "terminal.cast: ends at byte %" PRIu64 ", before what entry %" PRIu64 " speaks of", c->cast_at, n);
	else if (!br_streq(hex, want))
		br_check_bad(c, v, BR_TAMPERED, "terminal.cast: bytes %" PRIu64 " to %" PRIu64 " are not those that entry %" PRIu64 " speaks of",
		    (uint64_t)offset, c->cast_at - 1, n);
}

static void
check_cast_end(struct br_check *c, bool closed)
{
	enum br_verdict *v = &c->out->terminal;
	struct stat st;
	if (c->cast_fd < 0)
		c->cast_fd = br_open_regular(c->dirfd, "terminal.cast");
	if (c->cast_fd < 0 || *v == BR_TAMPERED || fstat(c->cast_fd, &st) < 0 || (uint64_t)st.st_size <= c->cast_at || !closed)
		return;
	br_check_bad(c, v, c->recovered ? BR_CRASHED : BR_TAMPERED, "terminal.cast: no entry speaks of what follows byte %" PRIu64, c->cast_at);
}

/* ---- single events ---- */

static void
check_start(struct br_check *c, uint64_t n, const json_t *event)
{
	const char *session = json_string_value(json_object_get(event, "session")), *policy = json_string_value(json_object_get(event, "policy"));
	const char *origin = c->trail.origin[0] != '\0' ? c->trail.origin + strlen("brattice/session/") : NULL;
	if (session != NULL && origin != NULL && !br_streq(session, origin))
		br_check_bad(c, &c->out->integrity, BR_TAMPERED, "entry %" PRIu64 ": starts session %s, but the log is that of %s", n, session, origin);
	if (policy != NULL && c->policy[0] == '\0')
		(void)snprintf(c->policy, sizeof(c->policy), "%s", policy);
}

/* The few entries that are about the log itself. */
static void
check_json(struct br_check *c, uint64_t n, int type, const char *line, size_t len)
{
	json_error_t why;
	json_t *event = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	if (event == NULL) {
		br_check_bad(c, &c->out->clock, BR_UNKNOWN, "entry %" PRIu64 ": not JSON: %s", n, why.text);
		return;
	}
	json_int_t count;
	switch (type) {
	case BR_EV_START:
		check_start(c, n, event);
		break;
	case BR_EV_TERMINAL:
		check_terminal(c, n, event);
		break;
	case BR_EV_GAP:
		count = json_integer_value(json_object_get(event, "count"));
		if (count < 1 || __builtin_add_overflow(c->out->gaps, (uint64_t)count, &c->out->gaps))
			c->out->gaps += count < 1 && c->out->gaps < UINT64_MAX;
		break;
	case BR_EV_SEALED:
		if (c->sealed_at == UINT64_MAX) {
			c->sealed_at = n;
			c->sealed_says = (uint64_t)json_integer_value(json_object_get(event, "entries"));
		}
		break;
	default:
		break;
	}
	json_decref(event);
}

void
br_check_event(struct br_check *c, uint64_t n, const char *line, size_t len)
{
	struct br_head h = {0};
	if (!br_head_read(line, len, c->last_type, &h)) {
		if (c->out->clock == BR_OK)
			br_check_bad(c, &c->out->clock, BR_UNKNOWN, "entry %" PRIu64 ": not an event", n);
		c->last_type = -1;
		c->now_times = c->now_types = false;
		return;
	}
	c->last_type = h.type;
	check_clock(c, n, &h);
	c->now_types &= h.type >= 0;
	br_head_index(&c->now, &h, line, len);
	if (h.type == BR_EV_RECOVERED && !c->recovered)
		c->recovered_at = n;
	c->recovered |= h.type == BR_EV_RECOVERED;
	if (h.type == BR_EV_START || h.type == BR_EV_TERMINAL || h.type == BR_EV_GAP || h.type == BR_EV_SEALED)
		check_json(c, n, h.type, line, len);
}

/* ---- files beside the entries ---- */

/* A compiled policy (policy/compiled.c): magic, count, SHA-256 of the records, the records. Its name is that hash. */
static void
check_policy(struct br_check *c)
{
	enum { SUM_AT = 16, RECORDS_AT = SUM_AT + BR_SHA256_LEN };
	br_auto_buf b = {0};
	char hex[BR_SHA256_HEX] = "", head[BR_SHA256_HEX] = "";
	if (c->policy[0] == '\0' || (br_read_file(c->dirfd, "policy", &b, POLICY_MAX) < 0 && errno == ENOENT))
		return;
	if (b.len >= RECORDS_AT && memcmp(b.p, "BRPOL001", 8) == 0) {
		br_sha256_of(b.p + RECORDS_AT, b.len - RECORDS_AT, hex);
		br_sha256_hex((const unsigned char *)b.p + SUM_AT, head);
	}
	if (!br_streq(hex, c->policy) || !br_streq(hex, head))
		br_check_bad(c, &c->out->integrity, BR_TAMPERED, "policy: not the one that the session ran with");
}

void
br_check_files(struct br_check *c, bool closed)
{
	check_cast_end(c, closed);
	check_policy(c);
}
