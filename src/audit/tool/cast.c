#include "audit/tool/cast.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define TERMINAL_MAX 10000
#define LINE_MAX_BYTES (64 << 20)

static FILE *
open_file(int dirfd, int *why)
{
	struct stat st;
	br_auto_fd int fd = openat(dirfd, "terminal.cast", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	*why = errno;
	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	*why = EINVAL;
	FILE *f = S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
	if (f != NULL)
		(void)br_steal_fd(&fd);
	return f;
}

static int
damaged(const struct br_cast *c, const char *what, struct br_err *e)
{
	return br_err_set(e, 0, "terminal.cast, line %" PRIu64 ": %s", c->number, what);
}

/* The next whole line as JSON. 1, 0 the end, -1. */
static int
next_json(struct br_cast *c, json_t **out, struct br_err *e)
{
	for (;;) {
		ssize_t n = getline(&c->line, &c->cap, c->file);
		if (n < 0)
			return ferror(c->file) ? br_err_set(e, errno, "cannot read terminal.cast") : 0;
		c->number++;
		if (n == 0 || c->line[n - 1] != '\n')
			return 0;
		if (n > LINE_MAX_BYTES)
			return damaged(c, "longer than any of ours", e);
		if (c->line[0] == '#' || c->line[0] == '\n')
			continue;
		*out = json_loadb(c->line, (size_t)n, JSON_ALLOW_NUL, NULL);
		return *out != NULL ? 1 : damaged(c, "is no JSON", e);
	}
}

static unsigned
size_of(const json_t *term, const char *key, unsigned otherwise)
{
	json_int_t v = json_integer_value(json_object_get(term, key));
	return v > 0 && v <= TERMINAL_MAX ? (unsigned)v : otherwise;
}

static int
take_header(struct br_cast *c, struct br_err *e)
{
	int rc = next_json(c, &c->header, e);
	if (rc <= 0)
		return rc;
	if (!json_is_object(c->header) || json_integer_value(json_object_get(c->header, "version")) != 3)
		return damaged(c, "is not the header of an asciicast of version 3", e);
	const json_t *term = json_object_get(c->header, "term");
	c->cols = size_of(term, "cols", 80);
	c->rows = size_of(term, "rows", 24);
	json_int_t at = json_integer_value(json_object_get(c->header, "timestamp"));
	c->begun_s = at > 0 && at < 253402300799 ? (int64_t)at : 0;
	return 1;
}

int
br_cast_open(struct br_cast *c, int dirfd, struct br_err *e)
{
	int why;
	*c = (struct br_cast){.file = open_file(dirfd, &why)};
	if (c->file == NULL)
		return why == ENOENT ? 0 : br_err_set(e, why, "cannot open terminal.cast");
	int rc = take_header(c, e);
	if (rc <= 0)
		br_cast_close(c);
	return rc;
}

int
br_cast_next(struct br_cast *c, struct br_cast_event *ev, struct br_err *e)
{
	json_t *j = NULL;
	int rc = next_json(c, &j, e);
	if (rc <= 0)
		return rc;
	const json_t *interval = json_array_get(j, 0), *code = json_array_get(j, 1), *data = json_array_get(j, 2);
	double d = json_number_value(interval);
	if (!json_is_number(interval) || json_string_length(code) != 1 || !json_is_string(data)) {
		json_decref(j);
		return damaged(c, "is no event", e);
	}
	c->at += d > 0 && d < 1e9 ? d : 0;
	ev->at = c->at;
	ev->code = json_string_value(code)[0];
	br_buf_reset(&ev->data);
	br_buf_put(&ev->data, json_string_value(data), json_string_length(data));
	json_decref(j);
	return ev->data.failed ? br_err_set(e, ENOMEM, "cannot read terminal.cast") : 1;
}

void
br_cast_close(struct br_cast *c)
{
	if (c->file != NULL)
		(void)fclose(c->file);
	json_decref(c->header);
	free(c->line);
	*c = (struct br_cast){0};
}
