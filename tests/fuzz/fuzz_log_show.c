/* What puts entries of a log into words and records, on hostile lines. Oracle: no crash; what is shown holds no control character and is UTF-8; a
 * record of a line is one line. */
#include "fuzz.h"

#include "audit/tool/export.h"
#include "audit/tool/keys.h"
#include "base/utf8.h"

static void
must_be_safe(const struct br_buf *b)
{
	uint32_t c;
	for (size_t i = 0; i < b->len;) {
		size_t w = br_utf8_decode(b->p + i, b->len - i, &c);
		MUST(w > 0 && c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0));
		i += w;
	}
}

static void
must_be_lines(br_record_fn *record, const struct br_entry *ev)
{
	struct br_buf out = {0};
	const struct br_export x = {.session = "s", .host = "h x\x1b", .user = "\xff"};
	record(&x, ev, &out);
	MUST(!out.failed && out.len > 0 && out.p[out.len - 1] == '\n');
	out.len--;
	must_be_safe(&out);
	br_buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct br_log_filter execs = {.types = 1U << BR_EV_EXEC}, denied = {.denied = true};
	char *copy = malloc(n > 0 ? n : 1);
	MUST(copy != NULL);
	if (n > 0)
		memcpy(copy, data, n);
	const struct br_log_entry line = {.n = 7, .line = copy, .len = n};
	struct br_entry ev;
	struct br_buf out = {0};
	struct br_keys keys = {0};
	br_entry_parse(&ev, &line);
	br_entry_show(&ev, &out);
	must_be_safe(&out);
	/* The quick look may let pass, never keep back. */
	MUST(br_entry_may_match(&line, &execs) || !br_entry_matches(&ev, &execs));
	MUST(br_entry_may_match(&line, &denied) || !br_entry_matches(&ev, &denied));
	must_be_lines(br_record_ocsf, &ev);
	must_be_lines(br_record_cef, &ev);
	must_be_lines(br_record_syslog, &ev);
	for (size_t i = 0; i < n; i++)
		(void)br_keys_take(&keys, data[i]);
	br_buf_free(&out);
	br_entry_free(&ev);
	free(copy);
	return 0;
}
