/* brattice trust */
#include "cli/command.h"

#include "base/io.h"
#include "session/helper.h"
#include "session/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define FINDINGS_MAX (1UL << 20)

struct opts {
	bool list, remove, yes, json;
};

static const struct br_opt table[] = {
	{"list", 'l', NULL, "print what is trusted", BR_OPT_FLAG, offsetof(struct opts, list), NULL},
	{"remove", 'r', NULL, "trust FILE no longer; instead of a file, its hash may be given", BR_OPT_FLAG, offsetof(struct opts, remove), NULL},
	{"yes", 'y', NULL, "trust it without asking", BR_OPT_FLAG, offsetof(struct opts, yes), NULL},
	{"json", 'j', NULL, "with --list: one JSON object a line", BR_OPT_FLAG, offsetof(struct opts, json), NULL},
};

const struct br_usage br_usage_trust = {
	.command = "trust",
	.synopsis = "[OPTION...] [FILE]",
	.summary = "trust a policy file that lies in a project",
	.about = "A policy in a project may come from anybody, so it is used only after you have said yes to its content. Shows FILE "
		 "(brattice.yaml in the working directory if not given), what `brattice policy check` finds in it, and asks; the answer is remembered for this content at this "
		 "path.\n\n"
		 "Exit status: 0 when it is trusted now, 1 when you said no.",
	.opts = table,
	.nopts = BR_ARRAY_LEN(table),
	.interleave = true,
};

struct listing {
	struct br_buf out;
	bool json;
};

static void
list_line(void *arg, const char *hash, const char *path)
{
	struct listing *l = arg;
	if (l->json) {
		br_buf_printf(&l->out, "{\"sha256\":\"%s\",\"path\":", hash);
		br_buf_put_json(&l->out, path, strlen(path));
		br_buf_puts(&l->out, "}\n");
		return;
	}
	br_buf_printf(&l->out, "%s  ", hash);
	br_buf_put_visible(&l->out, path, strlen(path), false);
	br_buf_putc(&l->out, '\n');
}

static int
list(bool json)
{
	struct br_err e = BR_ERR_INIT;
	struct listing l = {.json = json};
	int status = br_trust_each(list_line, &l, &e) < 0 ? br_cli_fail(&e) : br_cli_put(&l.out, 0);
	br_buf_free(&l.out);
	return status;
}

static int
forget(const char *file)
{
	struct br_err e = BR_ERR_INIT;
	char real[PATH_MAX];
	/* A file that is gone can still be named by its path. */
	const char *what = realpath(file, real) != NULL ? real : file;
	int n = br_trust_remove(what, &e);
	if (n == 0) {
		(void)br_err_set(&e, 0, "%s was not trusted", file);
		(void)br_err_hint(&e, "brattice trust --list prints what is");
	}
	return n > 0 ? 0 : br_cli_fail(&e);
}

/* Resolves the directory, not the file: a symlink as policy file is refused when it is read. */
static int
resolve(const char *file, char out[PATH_MAX], struct br_err *e)
{
	char dir[PATH_MAX], real[PATH_MAX];
	const char *base = strrchr(file, '/');
	base = base != NULL ? base + 1 : file;
	size_t n = (size_t)(base - file);
	if (n >= sizeof(dir) || base[0] == '\0')
		return br_err_set(e, 0, "not the name of a file: %s", file);
	memcpy(dir, file, n);
	dir[n] = '\0';
	if (realpath(n > 0 ? dir : ".", real) == NULL)
		return br_err_set(e, errno, "cannot open the directory of %s", file);
	int k = snprintf(out, PATH_MAX, "%s/%s", br_streq(real, "/") ? "" : real, base);
	return k < PATH_MAX ? 0 : br_err_set(e, ENAMETOOLONG, "%s", file);
}

/* What `policy check` says of the file, for whoever is asked; also that it could not. */
static void
findings(const char *path, struct br_buf *out)
{
	br_auto_buf said = {0};
	br_auto_free char *file = strdup(path);
	struct br_err e = BR_ERR_INIT;
	char *argv[] = {(char[]){"brattice-policy"}, (char[]){"check"}, (char[]){"--"}, file, NULL};
	int status = file != NULL ? br_helper_output("brattice-policy", argv, &said, FINDINGS_MAX, &e) : -1;
	if (status < 0)
		br_buf_printf(out, "brattice policy check could not look at it: %s\n", e.msg);
	else if (status == 0)
		br_buf_puts(out, "What brattice policy check finds in it:\n");
	else
		br_buf_puts(out, "It can't be used as it is; brattice policy check says:\n");
	br_buf_put(out, said.p != NULL ? said.p : "", said.len);
}

/* 1: trusted; 0: the user says no; -1: an error. */
static int
trust(const char *file, bool yes, struct br_err *e)
{
	char path[PATH_MAX], hash[BR_SHA256_HEX];
	br_auto_buf content = {0};
	if (resolve(file, path, e) < 0 || br_trust_read(path, &content, hash, e) < 0)
		return -1;
	int known = br_trust_known(path, hash, e);
	if (known != 0)
		return known;
	if (yes)
		return br_trust_add(path, hash, e) < 0 ? -1 : 1;
	br_auto_fd int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	br_auto_buf more = {0};
	if (tty >= 0)
		findings(path, &more);
	return more.failed ? br_err_set(e, ENOMEM, "what policy check finds") : br_trust_ask(tty, path, hash, more.p, e);
}

int
br_cmd_trust(int argc, char **argv)
{
	struct opts o = {0};
	struct br_err e = BR_ERR_INIT;
	int first = argc, rc = br_cli_options(&br_usage_trust, argc, argv, &o, &first);
	if (rc >= 0)
		return rc;
	if (argc - first > (o.list ? 0 : 1)) {
		(void)br_err_set(&e, 0, "trust takes %s", o.list ? "no file with --list" : "one file");
		return br_cli_fail(&e);
	}
	const char *file = first < argc ? argv[first] : "brattice.yaml";
	if (o.list)
		return list(o.json);
	if (o.remove)
		return forget(file);
	rc = trust(file, o.yes, &e);
	if (rc < 0)
		return br_cli_fail(&e);
	br_warn("%s is %s", file, rc == 1 ? "trusted" : "not trusted");
	return rc == 1 ? 0 : 1;
}
