/* Entries in words. */
#include "audit/event.h"
#include "audit/tool/entry.h"

#include <inttypes.h>

void
br_seconds_show(double s, struct br_buf *out)
{
	if (s < 0 || s > 1e12)
		br_buf_puts(out, "?");
	else if (s < 1)
		br_buf_printf(out, "%.0f ms", s * 1e3);
	else if (s < 60)
		br_buf_printf(out, "%.1f s", s);
	else if (s < 3600)
		br_buf_printf(out, "%d min %02d s", (int)(s / 60), (int)s % 60);
	else
		br_buf_printf(out, "%" PRId64 " h %02d min", (int64_t)(s / 3600), (int)((int64_t)s / 60 % 60));
}

/* " word value", when there is one. */
static void
put_if(const struct br_entry *x, struct br_buf *out, const char *before, const char *key, const char *after)
{
	const json_t *v = br_entry_get(x, key);
	if (v == NULL)
		return;
	br_buf_puts(out, before);
	br_value_show(v, out);
	br_buf_puts(out, after);
}

static void
put_denied(const struct br_entry *x, struct br_buf *out)
{
	if (!x->denied)
		return;
	br_buf_puts(out, ": denied");
	put_if(x, out, " by ", "rule", "");
	put_if(x, out, " (", "origin", ")");
	put_if(x, out, ": ", "why", "");
}

static void
put_who(const struct br_entry *x, struct br_buf *out)
{
	if (br_entry_get(x, "pid") == NULL && br_entry_get(x, "comm") == NULL)
		return;
	br_buf_puts(out, "  [");
	put_if(x, out, "", "comm", "");
	put_if(x, out, br_entry_get(x, "comm") != NULL ? " " : "", "pid", "]");
	if (br_entry_get(x, "pid") == NULL)
		br_buf_putc(out, ']');
}

static void
put_errno(const struct br_entry *x, struct br_buf *out)
{
	const json_t *v = br_entry_get(x, "errno");
	int64_t err = br_entry_int(x, "errno", -1);
	if (v == NULL)
		return;
	br_buf_puts(out, ": ");
	if (err > 0 && err < 4096)
		br_buf_puts(out, strerror((int)err));
	else
		br_value_show(v, out);
}

static void
show_exec(const struct br_entry *x, struct br_buf *out)
{
	br_auto_buf program = {0};
	const json_t *argv = br_entry_get(x, "argv");
	put_if(x, out, "#", "exec", " ");
	if (json_is_array(argv) && json_array_size(argv) > 0)
		br_argv_show(argv, out);
	else
		put_if(x, out, "", "program", "");
	const char *path = br_entry_text(x, "program", &program), *base = strrchr(path, '/');
	br_auto_buf first = {0};
	if (json_is_array(argv) && br_value_bytes(json_array_get(argv, 0), &first) && first.p != NULL && path[0] != '\0' &&
	    !br_streq(first.p, path) && !br_streq(first.p, base != NULL ? base + 1 : path))
		put_if(x, out, "  (", "program", ")");
	put_errno(x, out);
	put_denied(x, out);
	/* What lay in the caller's memory: not what the kernel loaded. */
	br_buf_puts(out, json_is_true(br_entry_get(x, "hint")) && x->type == BR_EV_EXEC ? "  (as asked for)" : "");
	put_if(x, out, "  [by #", "parent", "]");
}

static void
show_exit(const struct br_entry *x, struct br_buf *out)
{
	double wall = br_entry_seconds(x, "wall_s");
	put_if(x, out, "#", "exec", " ");
	put_if(x, out, "status ", "status", "");
	put_if(x, out, "signal ", "signal", "");
	if (wall >= 0) {
		br_buf_puts(out, " after ");
		br_seconds_show(wall, out);
	}
	put_if(x, out, ", ", "rss_kb", " kB");
}

static void
show_start(const struct br_entry *x, struct br_buf *out)
{
	br_argv_show(br_entry_get(x, "argv"), out);
	put_if(x, out, "  in ", "project", "");
	put_if(x, out, "  wall ", "wall", "");
	put_if(x, out, "  user ", "user", "");
	put_if(x, out, "  policy ", "policy", "");
}

static void
show_end(const struct br_entry *x, struct br_buf *out)
{
	double wall = br_entry_seconds(x, "wall_s");
	put_if(x, out, "status ", "status", "");
	put_if(x, out, ", ", "reason", "");
	put_if(x, out, ", ", "denied", " denied");
	if (wall >= 0) {
		br_buf_puts(out, " after ");
		br_seconds_show(wall, out);
	}
}

static void
show_act(const struct br_entry *x, struct br_buf *out)
{
	put_if(x, out, "", "op", " ");
	put_if(x, out, "", "call", "");
	put_if(x, out, "", "path", "");
	put_denied(x, out);
	put_if(x, out, " (", "errno", ")");
	put_who(x, out);
}

/* Whatever it says: what is not known by name is not kept back. */
static void
show_rest(const struct br_entry *x, struct br_buf *out)
{
	const char *key;
	json_t *v;
	bool first = true;
	json_object_foreach(x->json, key, v)
	{
		if (br_streq(key, "t") || br_streq(key, "m") || (br_streq(key, "type") && x->type != BR_EV_TYPES))
			continue;
		br_buf_puts(out, first ? "" : " ");
		br_buf_put_visible(out, key, strlen(key), false);
		br_buf_putc(out, '=');
		br_value_show(v, out);
		first = false;
	}
}

void
br_entry_show(const struct br_entry *x, struct br_buf *out)
{
	if (x->json == NULL) {
		br_buf_puts(out, "not an event: ");
		br_buf_put_visible(out, x->raw, x->len, false);
		return;
	}
	switch (x->type) {
	case BR_EV_START:
		show_start(x, out);
		break;
	case BR_EV_END:
		show_end(x, out);
		break;
	case BR_EV_EXEC:
	case BR_EV_EXEC_FAILED:
		show_exec(x, out);
		break;
	case BR_EV_EXIT:
		show_exit(x, out);
		break;
	case BR_EV_PATH:
	case BR_EV_WATCH:
	case BR_EV_CALL:
		show_act(x, out);
		break;
	case BR_EV_NOTE:
		put_if(x, out, "", "text", "");
		break;
	case BR_EV_LIMIT:
	case BR_EV_TERMINAL:
	case BR_EV_GAP:
	case BR_EV_ALERT:
	case BR_EV_HANDOFF:
	case BR_EV_SEALED:
	case BR_EV_RECOVERED:
	case BR_EV_TYPES:
		show_rest(x, out);
		break;
	}
}
