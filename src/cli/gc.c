/* brattice gc */
#include "cli/command.h"

#include "session/state.h"

struct opts {
	int64_t older_than;
	bool json;
};

static const struct br_opt table[] = {
	{"older-than", 0, "AGE", "also remove the whole record of sessions that ended longer ago than this: 12h, 30d, 8w", BR_OPT_DURATION,
	    offsetof(struct opts, older_than), NULL},
	{"json", 'j', NULL, "the result as one JSON object", BR_OPT_FLAG, offsetof(struct opts, json), NULL},
};

const struct br_usage br_usage_gc = {
	.command = "gc",
	.synopsis = "[OPTION...]",
	.summary = "remove what dead sessions left",
	.about = "Removes private homes, sockets and empty cgroups of sessions whose monitor died, and marks them as ended. Records stay, "
		 "unless --older-than is given. Sessions in review mode whose changes were neither applied nor discarded always stay.",
	.opts = table,
	.nopts = BR_ARRAY_LEN(table),
	.interleave = true,
};

static void
put_bytes(struct br_buf *out, uint64_t n)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	double v = (double)n;
	size_t u = 0;
	for (; v >= 1024 && u + 1 < BR_ARRAY_LEN(units); u++)
		v /= 1024;
	br_buf_printf(out, "%.*f %s", u == 0 ? 0 : 1, v, units[u]);
}

static void
put_report(struct br_buf *out, const struct br_gc_report *r, bool json)
{
	if (json) {
		br_buf_printf(out, "{\"dead\":%u,\"removed\":%u,\"sockets\":%u,\"bytes\":%llu}\n", r->dead, r->removed, r->sockets,
		    (unsigned long long)r->bytes);
		return;
	}
	br_buf_printf(out, "cleaned up after %u dead session%s, removed %u record%s and %u socket%s: ", r->dead, r->dead == 1 ? "" : "s",
	    r->removed, r->removed == 1 ? "" : "s", r->sockets, r->sockets == 1 ? "" : "s");
	put_bytes(out, r->bytes);
	br_buf_putc(out, '\n');
}

int
br_cmd_gc(int argc, char **argv)
{
	struct opts o = {.older_than = -1};
	struct br_err e = BR_ERR_INIT;
	int first = argc, rc = br_cli_options(&br_usage_gc, argc, argv, &o, &first);
	if (rc >= 0)
		return rc;
	if (first < argc) {
		(void)br_err_set(&e, 0, "gc takes no operands, \"%s\" is one", argv[first]);
		return br_cli_fail(&e);
	}
	struct br_gc_report r;
	int status = br_session_gc(o.older_than, &r, &e) < 0 ? br_cli_fail(&e) : 0;
	br_auto_buf out = {0};
	put_report(&out, &r, o.json);
	return br_cli_put(&out, status);
}
