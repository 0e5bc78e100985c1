#include "session/policy_load.h"

#include "base/io.h"
#include "base/sha256.h"
#include "policy/inputs.h"
#include "session/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLICY_MAX (4U << 20)

struct args {
	const char *v[512];
	size_t n;
	bool full;
};

static void
arg(struct args *a, const char *name, const char *value)
{
	if (a->n + 3 > BR_ARRAY_LEN(a->v)) {
		a->full = true;
		return;
	}
	a->v[a->n++] = name;
	if (value != NULL)
		a->v[a->n++] = value;
	a->v[a->n] = NULL;
}

static void
args_of(struct args *a, const char *name, const struct br_opt_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		arg(a, name, l->v[i]);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

/* The cache's key: all that the helper is told (its other inputs are recorded in what it makes), and who we are. */
static void
cache_name(const struct args *a, char out[BR_SHA256_HEX])
{
	struct br_sha256 s;
	unsigned char d[BR_SHA256_LEN];
	char cwd[PATH_MAX] = "";
	br_sha256_init(&s);
	br_sha256_update(&s, BRATTICE_VERSION, sizeof(BRATTICE_VERSION));
	for (size_t i = 0; i < a->n; i++)
		br_sha256_update(&s, a->v[i], strlen(a->v[i]) + 1);
	(void)!getcwd(cwd, sizeof(cwd)); /* relative --read and --policy depend on it */
	br_sha256_update(&s, cwd, strlen(cwd));
	br_sha256_final(&s, d);
	br_sha256_hex(d, out);
}

/* -1 without a message: compile. */
static int
from_cache(struct br_policy *out, const char *file)
{
	br_auto_buf b = {0};
	struct br_err ignored = BR_ERR_INIT;
	if (br_read_file(AT_FDCWD, file, &b, POLICY_MAX) < 0 || br_pol_parse(b.p, b.len, out, &ignored) < 0)
		return -1;
	if (br_inputs_unchanged(out))
		return 0;
	br_pol_free(out);
	return -1;
}

static int
compile(struct args *a, const char *file, struct br_err *e)
{
	arg(a, "--out", file);
	int rc = br_helper_run("brattice-policy", (char *const *)(uintptr_t)a->v, e);
	if (rc == 0)
		return 0;
	if (rc > 0) {
		/* With its own statuses the helper has said it all; with others it didn't come to that. */
		if (rc == BR_EXIT_REFUSED || rc == BR_EXIT_FAILURE)
			(void)br_err_set(e, 0, "%s", "");
		else
			(void)br_err_set(e, 0, "cannot compile the policy: brattice-policy ended with status %d", rc);
		e->status = rc == BR_EXIT_REFUSED ? BR_EXIT_REFUSED : BR_EXIT_FAILURE;
	}
	return -1;
}

int
br_policy_load(struct br_policy *out, char path[PATH_MAX], const struct br_run_options *o, const struct br_project *p, const char *home,
    const char *state, struct br_err *e)
{
	struct args a = {0};
	char dir[PATH_MAX], file[PATH_MAX + 80], key[BR_SHA256_HEX];
	arg(&a, "brattice-policy", "compile");
	arg(&a, "--home", home);
	arg(&a, "--project", p->root);
	arg(&a, "--state", state);
	arg(&a, "--command", base_name(o->argv[0]));
	args_of(&a, "--policy", &o->policy);
	args_of(&a, "--profile", &o->profile);
	args_of(&a, "--read", &o->read);
	args_of(&a, "--write", &o->write);
	if (o->review)
		arg(&a, "--review", NULL);
	if (a.full)
		return br_err_set(e, 0, "too many policy options");
	if (snprintf(dir, sizeof(dir), "%s/policy", state) >= (int)sizeof(dir) || (mkdir(dir, 0700) < 0 && errno != EEXIST))
		return br_err_set(e, errno, "cannot make %s", dir);
	cache_name(&a, key);
	if (snprintf(file, sizeof(file), "%s/%s", dir, key) >= PATH_MAX)
		return br_err_set(e, ENAMETOOLONG, "%s", dir);
	memcpy(path, file, strlen(file) + 1);
	if (from_cache(out, file) == 0)
		return 0;
	if (compile(&a, file, e) < 0)
		return -1;
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, file, &b, POLICY_MAX) < 0)
		return br_err_set(e, errno, "cannot read the compiled policy %s", file);
	if (br_pol_parse(b.p, b.len, out, e) < 0)
		return -1;
	/* The session's record names it by its hash: under that name it stays when the cache's entry is compiled anew. */
	char named[PATH_MAX + 80];
	(void)snprintf(named, sizeof(named), "%s/%s", dir, out->hash);
	if (link(file, named) < 0 && errno != EEXIST)
		return br_err_set(e, errno, "cannot keep the compiled policy as %s", named);
	return 0;
}
