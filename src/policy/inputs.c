#include "policy/inputs.h"

#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 1 << 20, MAX_NAMES = 10000 };

static int
set_state(char out[BR_SHA256_HEX], const char *word)
{
	memcpy(out, word, strlen(word) + 1);
	return 0;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
hash_names(DIR *d, char out[BR_SHA256_HEX])
{
	char **names = NULL;
	size_t n = 0, cap = 0;
	int rc = -1;
	errno = 0;
	for (struct dirent *de; (de = readdir(d)) != NULL; errno = 0) {
		if (br_streq(de->d_name, ".") || br_streq(de->d_name, ".."))
			continue;
		if (n == MAX_NAMES) {
			errno = EFBIG;
			goto out;
		}
		if (n == cap) {
			cap = cap == 0 ? 16 : cap * 2;
			char **more = reallocarray(names, cap, sizeof(*names));
			if (more == NULL)
				goto out;
			names = more;
		}
		if ((names[n] = strdup(de->d_name)) == NULL)
			goto out;
		n++;
	}
	if (errno != 0)
		goto out;
	if (n > 0)
		qsort(names, n, sizeof(*names), compare_names);
	struct br_sha256 s;
	unsigned char sum[BR_SHA256_LEN];
	br_sha256_init(&s);
	for (size_t i = 0; i < n; i++) {
		br_sha256_update(&s, names[i], strlen(names[i]));
		br_sha256_update(&s, "\n", 1);
	}
	br_sha256_final(&s, sum);
	br_sha256_hex(sum, out);
	rc = 0;
out:
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return rc;
}

static int
hash_directory(const char *path, char out[BR_SHA256_HEX])
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		(void)close(fd);
		return -1;
	}
	int rc = hash_names(d, out);
	int saved = errno;
	(void)closedir(d);
	errno = saved;
	return rc;
}

int
br_input_state(const char *path, bool presence, char out[BR_SHA256_HEX])
{
	struct stat st;
	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? set_state(out, "absent") : -1;
	if (presence)
		return set_state(out, "present");
	if (S_ISDIR(st.st_mode))
		return hash_directory(path, out);
	br_auto_buf b = {0};
	if (br_read_file(AT_FDCWD, path, &b, MAX_FILE) < 0)
		return -1;
	br_sha256_of(b.p != NULL ? b.p : "", b.len, out);
	return 0;
}

void
br_input_variable(const char *name, char out[BR_SHA256_HEX])
{
	const char *value = getenv(name);
	if (value == NULL)
		(void)set_state(out, "absent");
	else
		br_sha256_of(value, strlen(value), out);
}

int
br_input_program(const char *path, char out[BR_SHA256_HEX])
{
	struct stat st;
	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? set_state(out, "absent") : -1;
	char text[160];
	(void)snprintf(text, sizeof(text), "%lld %llu %lld.%ld %lld.%ld", (long long)st.st_size, (unsigned long long)st.st_ino,
	    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	br_sha256_of(text, strlen(text), out);
	return 0;
}

static int
state_now(const struct br_pol_rec *r, char out[BR_SHA256_HEX])
{
	if ((r->flags & BR_POLF_PROGRAM) != 0)
		return br_input_program(r->text, out);
	if ((r->flags & BR_POLF_VARIABLE) == 0)
		return br_input_state(r->text, (r->flags & BR_POLF_PRESENCE) != 0, out);
	br_input_variable(r->text, out);
	return 0;
}

/* A grant leads where it led when it was judged. */
static bool
leads_there(const struct br_policy *p, enum br_pol_kind kind)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(p, kind, r)) != NULL;) {
		br_auto_free char *real = realpath(r->text, NULL);
		if (!br_streq(real != NULL ? real : "", r->data))
			return false;
	}
	return true;
}

bool
br_inputs_unchanged(const struct br_policy *p)
{
	for (const struct br_pol_rec *r = NULL; (r = br_pol_next(p, BR_POL_INPUT, r)) != NULL;) {
		char now[BR_SHA256_HEX];
		if (state_now(r, now) < 0 || !br_streq(now, r->data))
			return false;
	}
	return leads_there(p, BR_POL_WRITE) && leads_there(p, BR_POL_READ);
}
