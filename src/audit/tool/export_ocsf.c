/* OCSF 1.8.0 (schema.ocsf.io): one JSON object for each entry. Programs are Process Activity, names File System Activity, what was refused
 * or limited otherwise a Detection Finding; the session itself Application Lifecycle; the rest Base Event. */
#include "audit/tool/export.h"

#include <inttypes.h>

enum {
	BASE_EVENT = 0,
	FILE_ACTIVITY = 1001,
	PROCESS_ACTIVITY = 1007,
	DETECTION_FINDING = 2004,
	APPLICATION_LIFECYCLE = 6002,
};
enum { INFORMATIONAL = 1, LOW, MEDIUM, HIGH };
enum { SUCCESS = 1, FAILURE };
enum { ALLOWED = 1, DENIED };     /* action_id; and disposition_id: allowed, blocked */
enum { OTHER = 99 };

static void
set_text(json_t *o, const char *key, const char *text, size_t n)
{
	if (n > 0)
		(void)json_object_set_new(o, key, json_stringn(text, n));
}

static void
set_shown(json_t *o, const char *key, const json_t *v)
{
	br_auto_buf b = {0};
	if (v == NULL)
		return;
	br_value_show(v, &b);
	set_text(o, key, b.p, b.len);
}

static void
set_int(json_t *o, const char *key, const struct br_entry *ev, const char *from)
{
	const json_t *v = br_entry_get(ev, from);
	if (json_is_integer(v) && json_integer_value(v) >= 0)
		(void)json_object_set_new(o, key, json_integer(json_integer_value(v)));
}

static void
set_uid(const struct br_export *x, json_t *o, int64_t number)
{
	char uid[192];
	(void)snprintf(uid, sizeof(uid), "%s/%" PRId64, x->session, number);
	br_auto_buf b = {0};
	br_buf_put_visible(&b, uid, strlen(uid), false);
	set_text(o, "uid", b.p, b.len);
}

static json_t *
file_of(const json_t *path, const json_t *sha256)
{
	br_auto_buf b = {0};
	json_t *f = json_object();
	if (path != NULL)
		br_value_show(path, &b);
	const char *text = b.p != NULL ? b.p : "?", *base = strrchr(text, '/');
	base = base != NULL && base[1] != '\0' ? base + 1 : text;
	set_text(f, "name", base[0] != '\0' ? base : "?", base[0] != '\0' ? strlen(base) : 1);
	set_text(f, "path", b.p, b.len);
	(void)json_object_set_new(f, "type_id", json_integer(path != NULL ? 0 : OTHER));
	if (json_is_string(sha256)) {
		json_t *h = json_pack("{s:i,s:s}", "algorithm_id", 3, "algorithm", "SHA-256");
		set_shown(h, "value", sha256);
		(void)json_object_set_new(f, "hashes", json_pack("[o]", h));
	}
	return f;
}

static json_t *
process_of(const struct br_export *x, const struct br_entry *ev)
{
	json_t *p = json_object();
	br_auto_buf argv = {0};
	set_int(p, "pid", ev, "pid");
	/* The number of the exec in the session; a process is not known by its pid alone. */
	set_uid(x, p, br_entry_int(ev, "exec", 0));
	br_argv_show(br_entry_get(ev, "argv"), &argv);
	set_text(p, "cmd_line", argv.p, argv.len);
	set_shown(p, "working_directory", br_entry_get(ev, "cwd"));
	if (br_entry_get(ev, "program") != NULL)
		(void)json_object_set_new(p, "file", file_of(br_entry_get(ev, "program"), br_entry_get(ev, "sha256")));
	return p;
}

static void
set_actor(const struct br_export *x, json_t *o, const struct br_entry *ev, bool parent)
{
	json_t *p = json_object(), *actor = json_object();
	set_int(p, "pid", ev, parent ? "ppid" : "pid");
	set_shown(p, "name", parent ? NULL : br_entry_get(ev, "comm"));
	if (parent && br_entry_int(ev, "parent", 0) > 0)
		set_uid(x, p, br_entry_int(ev, "parent", 0));
	if (json_object_size(p) > 0)
		(void)json_object_set_new(actor, "process", p);
	else
		json_decref(p);
	if (json_object_size(actor) == 0)
		set_text(actor, "app_name", "brattice", 8);
	if (x->user[0] != '\0') {
		br_auto_buf b = {0};
		json_t *user = json_object();
		br_buf_put_visible(&b, x->user, strlen(x->user), false);
		set_text(user, "name", b.p, b.len);
		(void)json_object_set_new(actor, "user", user);
	}
	(void)json_object_set_new(o, "actor", actor);
}

static int
file_activity(const struct br_entry *ev)
{
	static const struct {
		const char *op;
		int activity;
	} ops[] = {{"create", 1}, {"mkdir", 1}, {"mknod", 1}, {"symlink", 1}, {"link", 1}, {"read", 2}, {"write", 3}, {"truncate", 3}, {"unlink", 4},
	    {"rmdir", 4}, {"remove", 4}, {"delete", 4}, {"rename", 5}, {"utimes", 6}, {"chmod", 7}, {"chown", 7}, {"setxattr", 6}, {"open", 14}};
	br_auto_buf b = {0};
	const char *op = br_entry_text(ev, "op", &b);
	for (size_t i = 0; i < BR_ARRAY_LEN(ops); i++)
		if (br_streq(ops[i].op, op))
			return ops[i].activity;
	return OTHER;
}

static void
set_finding(const struct br_export *x, json_t *o, const struct br_entry *ev)
{
	br_auto_buf title = {0};
	json_t *info = json_object();
	set_uid(x, info, (int64_t)ev->n);
	br_entry_show(ev, &title);
	set_text(info, "title", title.p, title.len);
	(void)json_object_set_new(info, "types", json_pack("[s]", br_event_type_name(ev->type)));
	(void)json_object_set_new(o, "finding_info", info);
}

struct kind {
	int class, activity, severity, status;
};

static struct kind
kind_of(const struct br_entry *ev)
{
	switch (ev->type) {
	case BR_EV_START:
		return (struct kind){APPLICATION_LIFECYCLE, 3, INFORMATIONAL, SUCCESS};
	case BR_EV_END:
		return (struct kind){APPLICATION_LIFECYCLE, 4, INFORMATIONAL, SUCCESS};
	case BR_EV_EXEC:
		return (struct kind){PROCESS_ACTIVITY, 1, ev->denied ? MEDIUM : INFORMATIONAL, ev->denied ? FAILURE : SUCCESS};
	case BR_EV_EXEC_FAILED:
		return (struct kind){PROCESS_ACTIVITY, 1, ev->denied ? MEDIUM : INFORMATIONAL, FAILURE};
	case BR_EV_EXIT:
		return (struct kind){PROCESS_ACTIVITY, 2, INFORMATIONAL, SUCCESS};
	case BR_EV_PATH:
		return (struct kind){FILE_ACTIVITY, file_activity(ev), ev->denied ? MEDIUM : INFORMATIONAL, ev->denied ? FAILURE : SUCCESS};
	case BR_EV_WATCH:
		return (struct kind){FILE_ACTIVITY, file_activity(ev), INFORMATIONAL, SUCCESS};
	case BR_EV_ALERT:
		return (struct kind){DETECTION_FINDING, 1, HIGH, SUCCESS};
	case BR_EV_CALL:
	case BR_EV_GAP:
	case BR_EV_RECOVERED:
		return (struct kind){DETECTION_FINDING, 1, MEDIUM, SUCCESS};
	case BR_EV_LIMIT:
	case BR_EV_HANDOFF:
		return (struct kind){DETECTION_FINDING, 1, LOW, SUCCESS};
	case BR_EV_TERMINAL:
	case BR_EV_SEALED:
	case BR_EV_NOTE:
	case BR_EV_TYPES:
		break;
	}
	return (struct kind){BASE_EVENT, OTHER, INFORMATIONAL, SUCCESS};
}

static void
set_common(const struct br_export *x, json_t *o, const struct br_entry *ev, const struct kind *k)
{
	br_auto_buf message = {0}, host = {0};
	json_t *meta = json_pack("{s:s,s:{s:s,s:s,s:s},s:s,s:I,s:[s,s]}", "version", "1.8.0", "product", "name", "Brattice", "vendor_name", "Brattice",
	    "version", BRATTICE_VERSION, "log_name", "audit", "sequence", (json_int_t)ev->n, "profiles", "host", "security_control");
	set_uid(x, meta, (int64_t)ev->n);
	(void)json_object_set_new(o, "metadata", meta);
	(void)json_object_set_new(o, "class_uid", json_integer(k->class));
	(void)json_object_set_new(o, "category_uid", json_integer(k->class / 1000));
	(void)json_object_set_new(o, "activity_id", json_integer(k->activity));
	(void)json_object_set_new(o, "type_uid", json_integer((json_int_t)k->class * 100 + k->activity));
	(void)json_object_set_new(o, "severity_id", json_integer(k->severity));
	(void)json_object_set_new(o, "status_id", json_integer(k->status));
	(void)json_object_set_new(o, "time", json_integer(ev->t_us / 1000));
	br_entry_show(ev, &message);
	set_text(o, "message", message.p, message.len);
	if (k->activity == OTHER)
		(void)json_object_set_new(o, "activity_name", json_string(br_event_type_name(ev->type)));
	br_buf_put_visible(&host, x->host, strlen(x->host), false);
	json_t *device = json_pack("{s:i}", "type_id", 0);
	set_text(device, "hostname", host.len > 0 ? host.p : "unknown", host.len > 0 ? host.len : 7);
	(void)json_object_set_new(o, "device", device);
}

static void
set_decision(json_t *o, const struct br_entry *ev, const struct kind *k)
{
	bool known = ev->denied || br_entry_get(ev, "decision") != NULL;
	if (k->class == BASE_EVENT || k->class == APPLICATION_LIFECYCLE || !known)
		return;
	int id = ev->denied ? DENIED : ALLOWED;
	(void)json_object_set_new(o, "action_id", json_integer(id));
	(void)json_object_set_new(o, "disposition_id", json_integer(id));
	json_t *rule = json_object();
	set_shown(rule, "name", br_entry_get(ev, "rule"));
	if (json_object_size(rule) > 0)
		(void)json_object_set_new(o, "policy", rule);
	else
		json_decref(rule);
}

void
br_record_ocsf(const struct br_export *x, const struct br_entry *ev, struct br_buf *out)
{
	const struct kind k = kind_of(ev);
	json_t *o = json_object();
	set_common(x, o, ev, &k);
	set_decision(o, ev, &k);
	switch (k.class) {
	case PROCESS_ACTIVITY:
		(void)json_object_set_new(o, "process", process_of(x, ev));
		set_actor(x, o, ev, true);
		set_int(o, "exit_code", ev, "status");
		break;
	case FILE_ACTIVITY:
		(void)json_object_set_new(o, "file", file_of(br_entry_get(ev, "path"), NULL));
		set_actor(x, o, ev, false);
		break;
	case DETECTION_FINDING:
		set_finding(x, o, ev);
		set_actor(x, o, ev, false);
		break;
	case APPLICATION_LIFECYCLE:
		(void)json_object_set_new(o, "app", json_pack("{s:s,s:s,s:s}", "name", "Brattice", "vendor_name", "Brattice", "version", BRATTICE_VERSION));
		set_actor(x, o, ev, false);
		break;
	default:
		break;
	}
	br_auto_free char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text == NULL) {
		out->failed = true;
		return;
	}
	br_buf_puts(out, text);
	br_buf_putc(out, '\n');
}
