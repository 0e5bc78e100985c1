/* Recovery of logs whose writer died: cut at every byte, killed at every step, and never at the cost of what a checkpoint covers. */
#include "audit_log.h"

#include "audit/log/verify.h"
#include "base/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

static int
recover(const char *dir, struct br_err *e)
{
	struct br_note_signer host = make_host();
	br_auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = br_log_recover(fd, "s1", &host, e);
	br_note_signer_wipe(&host);
	return rc;
}

static struct br_verify
look(const char *dir)
{
	struct br_verify v;
	struct br_err e = BR_ERR_INIT;
	struct br_note_signer host = make_host();
	br_auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (br_log_verify(fd, &host.key, &v, &e) < 0)
		fail_msg("%s", e.msg);
	br_note_signer_wipe(&host);
	return v;
}

static void
event(struct br_log_writer *w, enum br_event_type type, uint64_t i)
{
	struct br_event ev = {0};
	br_event_begin(&ev, type);
	br_event_int(&ev, "number", (int64_t)i);
	assert_int_equal(br_event_finish(&ev), 0);
	assert_int_equal(br_log_append(w, type, false, ev.line.p, ev.line.len), 0);
	br_event_free(&ev);
}

/* `covered` entries under a checkpoint, `more` behind it; then the writer is gone, as by SIGKILL. */
static void
make_dead(const char *dir, uint64_t covered, uint64_t more)
{
	br_auto_fd int fd = make_log_dir(dir);
	struct br_log_writer *w = make_log(fd);
	for (uint64_t i = 0; i < covered; i++)
		event(w, BR_EV_EXEC, i);
	assert_int_equal(br_log_checkpoint(w), 0);
	for (uint64_t i = 0; i < more; i++)
		event(w, BR_EV_EXIT, i);
	assert_int_equal(br_log_sync(w), 0);
	br_log_free(w);
}

static bool
holds(const struct br_buf *b, const char *text)
{
	return memmem(b->p, b->len, text, strlen(text)) != NULL;
}

/* Calls `fn` with each file of a log and its content. */
typedef void file_fn(void *arg, const char *name, const struct br_buf *content);

static void
each_file(const char *dir, file_fn *fn, void *arg)
{
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (const struct dirent *x; (x = readdir(d)) != NULL;) {
		char path[600];
		if (x->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, x->d_name);
		br_auto_buf b = get_file(path);
		fn(arg, x->d_name, &b);
	}
	(void)closedir(d);
}

static void
add_print(void *arg, const char *name, const struct br_buf *content)
{
	unsigned char *print = arg, sum[BR_SHA256_LEN];
	struct br_sha256 s;
	br_sha256_init(&s);
	br_sha256_update(&s, name, strlen(name) + 1);
	br_sha256_update(&s, content->p, content->len);
	br_sha256_final(&s, sum);
	for (size_t i = 0; i < sizeof(sum); i++) /* the order of a directory means nothing */
		print[i] ^= sum[i];
}

/* All that is in the directory, as one hash. */
static void
fingerprint(const char *dir, unsigned char out[BR_SHA256_LEN])
{
	memset(out, 0, BR_SHA256_LEN);
	each_file(dir, add_print, out);
}

static void
copy_file(void *arg, const char *name, const struct br_buf *content)
{
	char path[600];
	(void)snprintf(path, sizeof(path), "%s/%s", (const char *)arg, name);
	put_file(path, content->p != NULL ? content->p : "", content->len);
}

static void
copy_log(const char *from, char *to)
{
	(void)br_rm_tree(AT_FDCWD, to);
	assert_int_equal(mkdir(to, 0700), 0);
	each_file(from, copy_file, to);
}

static void
must_be_recovered(const char *dir, uint64_t covered, int rc, const struct br_err *e)
{
	if (rc != 1)
		fail_msg("%s: %d: %s", dir, rc, e->msg);
	struct br_verify v = look(dir);
	if (v.integrity != BR_OK || v.completeness != BR_CRASHED || v.covered != v.entries || v.entries <= covered)
		fail_msg("%s: integrity %d, completeness %d, %" PRIu64 " of %" PRIu64 " entries covered: %s", dir, v.integrity, v.completeness, v.covered,
		    v.entries, v.what[0]);
	assert_string_equal(v.what[0], "its writer died before it could seal the log, which was closed afterwards");
	/* Once is enough. */
	struct br_err again = BR_ERR_INIT;
	unsigned char before[BR_SHA256_LEN], after[BR_SHA256_LEN];
	fingerprint(dir, before);
	assert_int_equal(recover(dir, &again), 0);
	fingerprint(dir, after);
	assert_memory_equal(before, after, sizeof(after));
}

static void
test_clean_death(void **state)
{
	struct br_err e = BR_ERR_INIT;
	make_dead("dead", 5, 3);
	int rc = recover("dead", &e);
	must_be_recovered("dead", 8, rc, &e);
	assert_int_equal(look("dead").entries, 9);
	sh("test ! -e dead/quarantine && test ! -e dead/000000.jsonl");
	sh("zstdcat dead/000000.jsonl.zst | tail -1 | jq -e '.type == \"recovered\" and .quarantined == 0 and (.reason | length) > 0' >out");
	/* The entries are those that there were. */
	sh("test $(zstdcat dead/000000.jsonl.zst | jq -r .type | sort | uniq -c | xargs | tr ' ' _) = 5_exec_3_exit_1_recovered");
}

static void
test_many_segments(void **state)
{
	struct br_err e = BR_ERR_INIT;
	static const uint64_t sizes[][2] = {{1023, 0}, {1024, 0}, {1023, 1}, {1024, 1}, {2000, 1500}, {0, 1024}, {0, 3000}, {5000, 0}};
	for (size_t i = 0; i < BR_ARRAY_LEN(sizes); i++) {
		make_dead("dead", sizes[i][0], sizes[i][1]);
		int rc = recover("dead", &e);
		must_be_recovered("dead", sizes[i][0] + sizes[i][1], rc, &e);
		assert_int_equal(look("dead").entries, sizes[i][0] + sizes[i][1] + 1);
		sh("! ls dead/*.jsonl 2>/dev/null");
	}
}

static void
make_sealed(const char *dir, uint64_t n)
{
	br_auto_fd int fd = make_log_dir(dir);
	struct br_log_writer *w = make_log(fd);
	for (uint64_t i = 0; i < n; i++)
		event(w, BR_EV_EXEC, i);
	assert_int_equal(br_log_seal(w, "end"), 0);
	br_log_free(w);
}

static void
test_nothing_to_do(void **state)
{
	struct br_err e = BR_ERR_INIT;
	sh("rm -rf none; mkdir none");
	assert_int_equal(recover("none", &e), 0);
	/* Sealed. */
	make_sealed("sealed", 1);
	unsigned char before[BR_SHA256_LEN], after[BR_SHA256_LEN];
	fingerprint("sealed", before);
	assert_int_equal(recover("sealed", &e), 0);
	fingerprint("sealed", after);
	assert_memory_equal(before, after, sizeof(after));
	/* Died while it made its files: no command had started. */
	sh("rm sealed/checkpoints sealed/0*; : >sealed/checkpoints; : >sealed/hashes; : >sealed/000000.jsonl");
	assert_int_equal(recover("sealed", &e), 0);
	assert_int_equal(look("sealed").completeness, BR_CRASHED);
	/* Died with the first checkpoint only. */
	make_dead("dead", 0, 0);
	int rc = recover("dead", &e);
	must_be_recovered("dead", 0, rc, &e);
}

/* Killed between the seal and the checkpoint over it. */
static void
test_seal_without_checkpoint(void **state)
{
	struct br_err e = BR_ERR_INIT;
	make_sealed("sealed", 3);
	br_auto_buf notes = get_file("sealed/checkpoints");
	const char *last = notes.p;
	for (const char *p = notes.p; (p = strstr(p, "brattice/session/s1\n")) != NULL; p++)
		last = p;
	assert_int_equal(truncate("sealed/checkpoints", last - notes.p), 0);
	int rc = recover("sealed", &e);
	must_be_recovered("sealed", 4, rc, &e);
	assert_int_equal(look("sealed").entries, 5);
}

/* The monitor may be dead while the writer is still at it. */
static void
test_writer_lives(void **state)
{
	struct br_err e = BR_ERR_INIT;
	br_auto_fd int fd = make_log_dir("lives");
	struct br_log_writer *w = make_log(fd);
	event(w, BR_EV_EXEC, 0);
	assert_int_equal(br_log_sync(w), 0);
	assert_int_equal(recover("lives", &e), -1);
	assert_int_equal(e.sys, EWOULDBLOCK);
	assert_int_equal(br_log_seal(w, "end"), 0);
	br_log_free(w);
	assert_int_equal(recover("lives", &e), 0);
	assert_int_equal(look("lives").completeness, BR_OK);
}

/* ---- every byte ---- */

static char cut[] = "cut";
static const char *const tails[] = {NULL, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"};

/* `dead` with `file` cut to each length, by itself and with what a file system that lost power may put there. A cut below what the last
 * whole checkpoint covers is no crash: what was synced was there. */
static void
cut_every_byte(const char *file)
{
	char path[100];
	(void)snprintf(path, sizeof(path), "dead/%s", file);
	br_auto_buf was = get_file(path);
	for (size_t i = 0; i <= was.len; i++) {
		for (size_t t = 0; t < BR_ARRAY_LEN(tails); t++) {
			struct br_err e = BR_ERR_INIT;
			unsigned char before[BR_SHA256_LEN], after[BR_SHA256_LEN];
			copy_log("dead", cut);
			(void)snprintf(path, sizeof(path), "cut/%s", file);
			br_auto_buf now = {0};
			br_buf_put(&now, was.p, i);
			if (tails[t] != NULL)
				br_buf_put(&now, tails[t], 20);
			put_file(path, now.p != NULL ? now.p : "", now.len);
			struct br_verify v = look("cut");
			fingerprint("cut", before);
			int rc = recover("cut", &e);
			if (v.integrity == BR_OK) {
				must_be_recovered("cut", v.covered, rc, &e);
				continue;
			}
			/* Altered: left as it is. */
			if (rc != -1)
				fail_msg("%s cut at %zu: %d, though %s", file, i, rc, v.what[0]);
			fingerprint("cut", after);
			assert_memory_equal(before, after, sizeof(after));
		}
	}
}

static void
test_every_byte(void **state)
{
	make_dead("dead", 2, 2);
	cut_every_byte("000000.jsonl");
	cut_every_byte("hashes");
	cut_every_byte("checkpoints");
}

/* Whatever is cut and how, the covered entries are the same before and after, and what was cut is kept. */
static void
test_quarantine(void **state)
{
	struct br_err e = BR_ERR_INIT;
	make_dead("dead", 1000, 1500);
	/* Hashes that never came, of entries in two segments; and half a line. */
	assert_int_equal(truncate("dead/hashes", (off_t)1010 * 32 + 7), 0);
	sh("printf half >>dead/000002.jsonl; printf 'brattice/session/s1\\n12' >>dead/checkpoints");
	sh("(zstdcat dead/*.zst 2>/dev/null; cat dead/*.jsonl) | head -1010 | sha256sum >kept; cp -r dead was");
	int rc = recover("dead", &e);
	must_be_recovered("dead", 1010, rc, &e);
	assert_int_equal(look("dead").entries, 1011);
	sh("zstdcat dead/*.zst | head -1010 | sha256sum | cmp - kept");
	sh("test ! -e dead/000002.jsonl && test ! -e dead/000001.jsonl.zst");
	br_auto_buf q = get_file("dead/quarantine");
	assert_true(holds(&q, "{\"file\":\"000000.jsonl.zst\",\"offset\":0,"));
	assert_true(holds(&q, "{\"file\":\"000001.jsonl.zst\",\"offset\":0,"));
	assert_true(holds(&q, "{\"file\":\"000002.jsonl\",\"offset\":0,"));
	assert_true(holds(&q, "half\n"));
	assert_true(holds(&q, "{\"file\":\"hashes\",\"offset\":32320,\"bytes\":7}\n"));
	assert_true(holds(&q, ",\"bytes\":22}\nbrattice/session/s1\n12\n"));
	sh("test $(zstdcat dead/000000.jsonl.zst | tail -1 | jq .quarantined) = $(stat -c %%s dead/quarantine)");
}

static void
test_altered(void **state)
{
	struct br_err e = BR_ERR_INIT;
	static const char *const changes[] = {"sed -i '2s/exec/exic/' cut/000000.jsonl", "rm cut/hashes", "rm cut/certificate", "rm cut/checkpoints",
	    "rm cut/000000.jsonl", "printf x | dd of=cut/hashes bs=1 seek=40 conv=notrunc status=none",
	    "sed -i 's/^3$/2/' cut/checkpoints", "sed -i 3d cut/000000.jsonl"};
	for (size_t i = 0; i < BR_ARRAY_LEN(changes); i++) {
		unsigned char before[BR_SHA256_LEN], after[BR_SHA256_LEN];
		make_dead("dead", 3, 2);
		sh("rm -rf cut; cp -r dead cut; %s", changes[i]);
		fingerprint("cut", before);
		if (recover("cut", &e) != -1 || strstr(e.msg, "was altered") == NULL)
			fail_msg("after %s: %s", changes[i], e.msg);
		fingerprint("cut", after);
		assert_memory_equal(before, after, sizeof(after));
	}
	struct br_note_signer other;
	assert_int_equal(br_note_signer_new(&other, "brattice/host/test", &e), 0);
	br_auto_fd int fd = open("dead", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(br_log_recover(fd, "s1", &other, &e), -1);
	br_note_signer_wipe(&other);
	struct br_note_signer host = make_host();
	assert_int_equal(br_log_recover(fd, "s2", &host, &e), -1);
	br_note_signer_wipe(&host);
}

/* ---- killed itself ---- */

static char self[4096];

/* The same program, `test_recover recover DIR`, killed at the n-th call of a kind; false when it came through. (Leaks can't be looked for in
 * a program that is traced.) */
static bool
killed_at(const char *call, unsigned n)
{
	char line[8192];
	(void)snprintf(line, sizeof(line),
	    "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 strace -qq -o /dev/null -e trace=%s -e inject=%s:signal=KILL:when=%u %s recover cut "
	    "2>/dev/null",
	    call, call, n, self);
	int rc = system(line); /* NOLINT(cert-env33-c): the command line is the test's own */
	if (rc == 0)
		return false;
	assert_true(WIFSIGNALED(rc) || WEXITSTATUS(rc) == 128 + SIGKILL);
	return true;
}

static void
test_killed_at_every_step(void **state)
{
	static const char *const calls[] = {"write", "pwrite64", "ftruncate", "unlinkat", "fdatasync", "fsync", "rename,renameat,renameat2"};
	/* A torn end of each kind, over two segments. */
	make_dead("dead", 1020, 10);
	assert_int_equal(truncate("dead/hashes", (off_t)1022 * 32 + 5), 0);
	sh("printf half >>dead/000001.jsonl; printf 'brattice/session/s1\\n1' >>dead/checkpoints");
	for (size_t i = 0; i < BR_ARRAY_LEN(calls); i++) {
		unsigned n = 1;
		for (;; n++) {
			struct br_err e = BR_ERR_INIT;
			copy_log("dead", cut);
			bool killed = killed_at(calls[i], n);
			int rc = recover("cut", &e);
			struct br_verify v = look("cut");
			if (rc < 0 || v.integrity != BR_OK || v.completeness != BR_CRASHED || v.covered != v.entries || v.entries < 1023 || v.entries > 1024)
				fail_msg("killed at %s number %u: %d %s; integrity %d, completeness %d, %" PRIu64 " of %" PRIu64 " covered: %s", calls[i], n, rc,
				    e.msg, v.integrity, v.completeness, v.covered, v.entries, v.what[0]);
			if (!killed)
				break;
		}
		assert_true(n > 1); /* or the list of calls is out of date */
	}
}

/* A writer that is killed for real while it writes: what it said was on disk is there. */
static void
test_killed_writer(void **state)
{
	for (unsigned round = 0; round < 10; round++) {
		int p[2];
		assert_int_equal(pipe2(p, O_CLOEXEC), 0);
		br_auto_fd int fd = make_log_dir("killed");
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct br_log_writer *w = make_log(fd);
			for (uint64_t i = 1;; i++) {
				event(w, BR_EV_EXEC, i);
				if (i % (7 + 31 * round) == 0 && (br_log_checkpoint(w) < 0 || write(p[1], &i, sizeof(i)) < 0))
					_exit(1);
				if (i % 5 == 0)
					(void)br_log_flush(w);
			}
		}
		(void)close(p[1]);
		uint64_t said = 0, wanted = 100 + 1000ULL * round;
		while (said < wanted)
			assert_int_equal(read(p[0], &said, sizeof(said)), sizeof(said));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		while (read(p[0], &wanted, sizeof(wanted)) == sizeof(wanted))
			said = wanted;
		(void)close(p[0]);
		struct br_err e = BR_ERR_INIT;
		int rc = recover("killed", &e);
		must_be_recovered("killed", said, rc, &e);
	}
}

/* In memory: recovery syncs a lot. */
static int
enter(void **state)
{
	(void)snprintf(scratch_dir, sizeof(scratch_dir), "/dev/shm/brattice-test-XXXXXX");
	if (mkdtemp(scratch_dir) == NULL)
		return enter_scratch(state);
	return chdir(scratch_dir);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && br_streq(argv[1], "recover")) {
		struct br_err e = BR_ERR_INIT;
		return recover(argv[2], &e) < 0 ? 1 : 0;
	}
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return 1;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_clean_death),
	    cmocka_unit_test(test_many_segments),
	    cmocka_unit_test(test_nothing_to_do),
	    cmocka_unit_test(test_seal_without_checkpoint),
	    cmocka_unit_test(test_writer_lives),
	    cmocka_unit_test(test_every_byte),
	    cmocka_unit_test(test_quarantine),
	    cmocka_unit_test(test_altered),
	    cmocka_unit_test(test_killed_at_every_step),
	    cmocka_unit_test(test_killed_writer),
	};
	return cmocka_run_group_tests_name("recover", tests, enter, leave_scratch);
}
