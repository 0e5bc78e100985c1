/* The meta file of a session. */
#include "session/state.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_MAX (256UL * 1024)
#define ARGV_MAX (64UL * 1024)

/* The first and the last line: a file without them is torn. */
#define META_HEAD "brattice-session 1\n"
#define META_TAIL "end 1\n"

enum kind { TEXT, FLAG, NUMBER, WIDE };

#define FIELD(key, kind, member)                                                                                   \
	{                                                                                                          \
		key, kind, offsetof(struct br_session_meta, member), sizeof(((struct br_session_meta *)NULL)->member) \
	}
static const struct field {
	const char *key;
	enum kind kind;
	size_t at;
	size_t size;
} fields[] = {
	FIELD("id", TEXT, id),
	FIELD("name", TEXT, name),
	FIELD("state", TEXT, state),
	FIELD("wall", TEXT, wall),
	FIELD("project", TEXT, project),
	FIELD("policy", TEXT, policy),
	FIELD("cgroup", TEXT, cgroup),
	FIELD("pid", NUMBER, pid),
	FIELD("review", FLAG, review),
	FIELD("pending", FLAG, pending),
	FIELD("started", WIDE, started_ms),
	FIELD("ended", WIDE, ended_ms),
	FIELD("status", NUMBER, status),
};

static void
put_field(struct br_buf *b, const struct br_session_meta *m, const struct field *f)
{
	const void *at = (const char *)m + f->at;
	br_buf_printf(b, "%s ", f->key);
	switch (f->kind) {
	case TEXT:
		br_buf_put_field(b, at);
		break;
	case FLAG:
		br_buf_putc(b, *(const bool *)at ? '1' : '0');
		break;
	case NUMBER:
		br_buf_printf(b, "%d", *(const int *)at);
		break;
	case WIDE:
		br_buf_printf(b, "%lld", (long long)*(const int64_t *)at);
		break;
	}
	br_buf_putc(b, '\n');
}

int
br_session_write_meta(int dirfd, const struct br_session_meta *m, struct br_err *e)
{
	br_auto_buf b = {0};
	br_buf_puts(&b, META_HEAD);
	for (size_t i = 0; i < BR_ARRAY_LEN(fields); i++)
		put_field(&b, m, &fields[i]);
	size_t args = b.len;
	for (char *const *a = m->argv; a != NULL && *a != NULL && b.len - args < ARGV_MAX; a++) {
		size_t left = ARGV_MAX - (b.len - args);
		br_auto_free char *cut = strndup(*a, left);
		if (cut == NULL)
			return br_err_set(e, errno, "cannot write the session's record");
		br_buf_puts(&b, "arg ");
		br_buf_put_field(&b, cut);
		br_buf_putc(&b, '\n');
	}
	br_buf_puts(&b, META_TAIL);
	if (b.failed)
		return br_err_set(e, ENOMEM, "cannot write the session's record");
	char tmp[32], rnd[9];
	br_random_hex(rnd, 4);
	(void)snprintf(tmp, sizeof(tmp), "meta.%s.tmp", rnd);
	br_auto_fd int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return br_err_set(e, errno, "cannot write the session's record (meta)");
	if (br_write_all(fd, b.p, b.len) < 0 || renameat(dirfd, tmp, dirfd, "meta") < 0) {
		int saved = errno;
		(void)unlinkat(dirfd, tmp, 0);
		return br_err_set(e, saved, "cannot write the session's record (meta)");
	}
	return 0;
}

static bool
parse_wide(const char *s, int64_t least, int64_t most, int64_t *out)
{
	errno = 0;
	char *end;
	long long v = strtoll(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || v < least || v > most)
		return false;
	*out = v;
	return true;
}

static bool
take_field(struct br_session_meta *m, const struct field *f, char *value)
{
	void *at = (char *)m + f->at;
	int64_t v;
	switch (f->kind) {
	case TEXT: {
		if (!br_unescape(value))
			return false;
		size_t n = strlen(value);
		if (n >= f->size)
			return false;
		memcpy(at, value, n + 1);
		return true;
	}
	case FLAG:
		*(bool *)at = value[0] == '1';
		return (value[0] == '0' || value[0] == '1') && value[1] == '\0';
	case NUMBER:
		if (!parse_wide(value, INT_MIN, INT_MAX, &v))
			return false;
		*(int *)at = (int)v;
		return true;
	case WIDE:
		/* Not before 1970, not after the year 9999: what prints as a date. */
		return parse_wide(value, 0, 253402300799999, at);
	}
	return false;
}

static bool
take_arg(struct br_session_meta *m, size_t *n, char *value)
{
	if (!br_unescape(value))
		return false;
	char **v = realloc(m->argv, (*n + 2) * sizeof(*v)); /* as many as META_MAX bytes have lines */
	if (v == NULL)
		return false;
	m->argv = v;
	v[*n] = strdup(value);
	v[*n + 1] = NULL;
	return v[(*n)++] != NULL;
}

static bool
parse_meta(char *text, size_t len, struct br_session_meta *m)
{
	const size_t head = sizeof(META_HEAD) - 1, tail = sizeof(META_TAIL) - 1;
	if (len < head + tail || memcmp(text, META_HEAD, head) != 0 || memcmp(text + len - tail, META_TAIL, tail) != 0 ||
	    memchr(text, '\0', len) != NULL)
		return false;
	size_t args = 0;
	char *end = text + len - tail;
	for (char *line = text + head; line < end;) {
		char *nl = memchr(line, '\n', (size_t)(end - line));
		if (nl == NULL)
			return false;
		*nl = '\0';
		char *value = strchr(line, ' ');
		if (value == NULL)
			return false;
		*value++ = '\0';
		/* Unknown keys are of a later version: skipped. */
		for (size_t i = 0; i < BR_ARRAY_LEN(fields); i++)
			if (br_streq(fields[i].key, line) && !take_field(m, &fields[i], value))
				return false;
		if (br_streq(line, "arg") && !take_arg(m, &args, value))
			return false;
		line = nl + 1;
	}
	return true;
}

int
br_session_read_meta(int dirfd, struct br_session_meta *m, struct br_err *e)
{
	*m = (struct br_session_meta){0};
	br_auto_fd int fd = openat(dirfd, "meta", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return br_err_set(e, errno, "cannot open the session's record (meta)");
	struct stat st;
	if (fstat(fd, &st) < 0)
		return br_err_set(e, errno, "cannot look at the session's record (meta)");
	if (!S_ISREG(st.st_mode))
		return br_err_set(e, EINVAL, "the session's record (meta) is not a regular file");
	br_auto_buf b = {0};
	if (br_read_all(fd, &b, META_MAX) < 0)
		return br_err_set(e, errno, "cannot read the session's record (meta)");
	if (b.p == NULL || !parse_meta(b.p, b.len, m)) {
		br_session_meta_free(m);
		*m = (struct br_session_meta){0};
		return br_err_set(e, EBADMSG, "the session's record (meta) is damaged");
	}
	return 0;
}

void
br_session_meta_free(struct br_session_meta *m)
{
	for (char **a = m->argv; a != NULL && *a != NULL; a++)
		free(*a);
	free(m->argv);
	m->argv = NULL;
}

static void
put_text(struct br_buf *out, const char *key, const char *value)
{
	br_buf_printf(out, ",\"%s\":", key);
	br_buf_put_json(out, value, strlen(value));
}

/* Milliseconds as seconds, like the "t" of events. */
static void
put_time(struct br_buf *out, const char *key, int64_t ms)
{
	if (ms > 0)
		br_buf_printf(out, ",\"%s\":%lld.%03d", key, (long long)(ms / 1000), (int)(ms % 1000));
	else
		br_buf_printf(out, ",\"%s\":null", key);
}

void
br_session_put_json(struct br_buf *out, const struct br_session_meta *m)
{
	br_buf_puts(out, "{\"id\":");
	br_buf_put_json(out, m->id, strlen(m->id));
	put_text(out, "name", m->name);
	put_text(out, "state", m->state);
	br_buf_printf(out, ",\"alive\":%s", m->alive ? "true" : "false");
	if (m->ended_ms > 0 && m->status >= 0)
		br_buf_printf(out, ",\"status\":%d", m->status);
	else
		br_buf_puts(out, ",\"status\":null");
	put_time(out, "started", m->started_ms);
	put_time(out, "ended", m->ended_ms);
	put_text(out, "wall", m->wall);
	put_text(out, "project", m->project);
	put_text(out, "policy", m->policy);
	br_buf_printf(out, ",\"pid\":%d,\"review\":%s,\"pending\":%s,\"argv\":[", m->pid, m->review ? "true" : "false",
	    m->pending ? "true" : "false");
	for (char *const *a = m->argv; a != NULL && *a != NULL; a++) {
		if (a != m->argv)
			br_buf_putc(out, ',');
		br_buf_put_json(out, *a, strlen(*a));
	}
	br_buf_puts(out, "]}");
}
