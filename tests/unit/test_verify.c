/* Verification of logs that somebody, or a crash, has changed. Each change must be named, and none may crash the reader. */
#include "audit_log.h"

#include "audit/log/lines.h"
#include "audit/log/merkle.h"
#include "audit/log/segment.h"
#include "audit/log/verify.h"

#include <dirent.h>
#include <inttypes.h>

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

static bool
all_ok(const struct br_verify *v)
{
	return v->integrity == BR_OK && v->completeness == BR_OK && v->clock == BR_OK && v->terminal == BR_OK;
}

static void
expect(const char *dir, enum br_verdict integrity, enum br_verdict completeness, const char *says)
{
	struct br_verify v = look(dir);
	bool said = says[0] == '\0' && v.what[0][0] == '\0';
	for (size_t i = 0; i < BR_ARRAY_LEN(v.what); i++)
		said |= says[0] != '\0' && strstr(v.what[i], says) != NULL;
	if (v.integrity != integrity || v.completeness != completeness || !said)
		fail_msg("%s: integrity %d, completeness %d, \"%s\" (\"%s\"), expected %d, %d, \"%s\"", dir, v.integrity, v.completeness, v.what[0],
		    v.what[1], integrity, completeness, says);
}

static void
event(struct br_log_writer *w, enum br_event_type type, uint64_t i, bool denied)
{
	struct br_event ev = {0};
	br_event_begin(&ev, type);
	br_event_int(&ev, type == BR_EV_GAP ? "count" : "number", (int64_t)i);
	if (type == BR_EV_START)
		br_event_str(&ev, "session", "s1");
	else
		br_event_str(&ev, "program", i % 2 == 0 ? "/usr/bin/cc" : "/bin/sh");
	if (denied)
		br_event_denied(&ev);
	assert_int_equal(br_event_finish(&ev), 0);
	assert_int_equal(br_log_append(w, type, denied, ev.line.p, ev.line.len), 0);
	br_event_free(&ev);
}

/* A log of `n` entries and what comes by itself. */
static void
make(const char *dir, uint64_t n, bool sealed)
{
	br_auto_fd int fd = make_log_dir(dir);
	struct br_log_writer *w = make_log(fd);
	event(w, BR_EV_START, 0, false);
	for (uint64_t i = 1; i < n; i++)
		event(w, i == 3 ? BR_EV_CALL : BR_EV_EXEC, i, i == 3);
	static const char cast[] = "[0.5, \"o\", \"hello\\r\\n\"]";
	assert_int_equal(br_log_terminal(w, cast, sizeof(cast) - 1), 0);
	assert_int_equal(br_log_checkpoint(w), 0);
	if (sealed)
		assert_int_equal(br_log_seal(w, "end"), 0);
	else
		event(w, BR_EV_EXIT, n, false);
	assert_int_equal(br_log_sync(w), 0);
	br_log_free(w);
}

static void
test_good(void **state)
{
	make("good", 10, true);
	struct br_verify v = look("good");
	assert_true(all_ok(&v));
	assert_string_equal(v.what[0], "");
	assert_int_equal(v.entries, 12); /* and `terminal`, `sealed` */
	assert_int_equal(v.covered, 12);
	assert_int_equal(v.checkpoints, 3);
	assert_int_equal(v.gaps, 0);
	assert_string_equal(v.session, "s1");
	assert_true(v.host_known);
	assert_string_equal(v.host.name, "brattice/host/test");
	assert_string_equal(v.key.name, "brattice/session/s1");
	sh("rm -rf none; mkdir none");
	expect("none", BR_TAMPERED, BR_UNKNOWN, "certificate: missing");
}

static void
test_many_segments(void **state)
{
	make("many", 9000, true);
	expect("many", BR_OK, BR_OK, "");
	assert_int_equal(look("many").checkpoints, 5);
	sh("rm -rf plain; cp -r many plain; zstd -dq plain/000001.jsonl.zst");
	expect("plain", BR_OK, BR_OK, ""); /* both forms */
	sh("rm plain/000001.jsonl.zst");
	expect("plain", BR_TAMPERED, BR_OK, "index: what it says of segment 000001 is not so"); /* it says that it is compressed */
	sh("cp many/000001.jsonl.zst plain/; sed -i '7s/exec/exic/' plain/000001.jsonl");
	expect("plain", BR_TAMPERED, BR_OK, "segment 000001: is there twice, and the two are different");
}

/* ---- every byte ---- */

/* All lines of segment 0, however they are stored; empty when they can't be read. */
static struct br_buf
plain_text(const char *dir)
{
	struct br_buf b = {0};
	struct br_lines l = {.fd = -1};
	const char *line;
	size_t n;
	br_auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum br_line kind = BR_LINE_BAD;
	if (br_lines_begin(&l, fd, 0, false) == 0 || br_lines_begin(&l, fd, 0, true) == 0)
		while ((kind = br_lines_next(&l, &line, &n)) == BR_LINE)
			br_buf_put(&b, line, n + 1);
	if (kind != BR_LINE_END)
		br_buf_reset(&b);
	br_lines_free(&l);
	return b;
}

/* A compressed frame has a few bits that mean nothing to a decoder: what they hold is not evidence, what comes out is. */
static bool
same_text(const char *dir, const struct br_buf *was)
{
	br_auto_buf now = plain_text(dir);
	return now.p != NULL && now.len == was->len && memcmp(now.p, was->p, was->len) == 0;
}

static struct br_buf text_before;
static enum br_verdict completeness_before;

typedef void each_fn(const char *path, const struct br_buf *was);

/* Calls `fn` for each file of the log. */
static void
each_file(const char *dir, each_fn *fn)
{
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (const struct dirent *x; (x = readdir(d)) != NULL;) {
		char path[600];
		/* What secrets were hashed with can't be told from other random bytes. */
		if (x->d_name[0] == '.' || br_streq(x->d_name, "salt"))
			continue;
		/* No entry speaks of the recording yet. */
		if (completeness_before != BR_OK && br_streq(x->d_name, "terminal.cast"))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, x->d_name);
		br_auto_buf was = get_file(path);
		fn(path, &was);
		put_file(path, was.p != NULL ? was.p : "", was.len);
	}
	(void)closedir(d);
}

static void
must_be_named(const char *path, const char *change, size_t at)
{
	struct br_verify v = look("bytes");
	bool noticed = !all_ok(&v) && v.what[0][0] != '\0';
	/* Of a log that isn't sealed anyway, only what the change itself does to the verdicts counts, unless it is its uncovered end. */
	if (completeness_before != BR_OK)
		noticed = v.integrity != BR_OK || v.terminal != BR_OK || v.completeness != completeness_before || strstr(v.what[0], "not sealed") == NULL;
	if (!noticed && !(strstr(path, ".zst") != NULL && same_text("bytes", &text_before)))
		fail_msg("%s, byte %zu: %s, and nobody noticed", path, at, change);
}

static void
flip_all(const char *path, const struct br_buf *was)
{
	static const unsigned char masks[] = {0x01, 0x10, 0xff};
	for (size_t i = 0; i < was->len; i++) {
		for (size_t m = 0; m < BR_ARRAY_LEN(masks); m++) {
			br_auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
			unsigned char b = (unsigned char)was->p[i] ^ masks[m];
			assert_int_equal(pwrite(fd, &b, 1, (off_t)i), 1);
			must_be_named(path, "flipped", i);
			assert_int_equal(pwrite(fd, was->p + i, 1, (off_t)i), 1);
		}
	}
}

static void
cut_all(const char *path, const struct br_buf *was)
{
	for (size_t i = was->len; i-- > 0;) {
		assert_int_equal(truncate(path, (off_t)i), 0);
		must_be_named(path, "cut off", i);
	}
}

static void
lengthen(const char *path, const struct br_buf *was)
{
	static const char *const tails[] = {"x", "\n", "{}\n"};
	for (size_t i = 0; i < BR_ARRAY_LEN(tails); i++) {
		br_auto_buf b = {0};
		br_buf_put(&b, was->p, was->len);
		br_buf_puts(&b, tails[i]);
		put_file(path, b.p, b.len);
		must_be_named(path, "lengthened", was->len);
	}
	br_auto_buf twice = {0};
	br_buf_put(&twice, was->p, was->len);
	br_buf_put(&twice, was->p, was->len);
	put_file(path, twice.p, twice.len);
	must_be_named(path, "doubled", was->len);
}

static void
remove_it(const char *path, const struct br_buf *was)
{
	assert_int_equal(unlink(path), 0);
	must_be_named(path, "removed", 0);
	assert_int_equal(mkdir(path, 0700), 0);
	must_be_named(path, "a directory", 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	must_be_named(path, "a FIFO", 0);
	assert_int_equal(unlink(path), 0);
}

static void
test_every_byte_of_a_sealed_log(void **state)
{
	make("bytes", 4, true);
	completeness_before = BR_OK;
	text_before = plain_text("bytes");
	assert_true(text_before.len > 0);
	each_file("bytes", flip_all);
	each_file("bytes", cut_all);
	each_file("bytes", lengthen);
	each_file("bytes", remove_it);
	expect("bytes", BR_OK, BR_OK, "");
	br_buf_free(&text_before);
}

static void
test_every_byte_of_an_open_log(void **state)
{
	make("bytes", 3, false);
	expect("bytes", BR_OK, BR_CRASHED, "not sealed: the last checkpoint covers 3 of 4 entries");
	completeness_before = BR_CRASHED;
	text_before = plain_text("bytes");
	each_file("bytes", flip_all);
	br_buf_free(&text_before);
}

/* ---- whole pieces ---- */

static void
fresh(const char *dir)
{
	make("source", 4200, true);
	sh("rm -rf %s; cp -r source %s", dir, dir);
}

static void
test_segments(void **state)
{
	fresh("log");
	expect("log", BR_OK, BR_OK, "");
	sh("cd log && mv 000001.jsonl.zst x && mv 000002.jsonl.zst 000001.jsonl.zst && mv x 000002.jsonl.zst");
	expect("log", BR_TAMPERED, BR_OK, "entry 1024 (segment 000001): in its place stands entry 2048 of this log");
	fresh("log");
	sh("rm log/000002.jsonl.zst");
	expect("log", BR_TAMPERED, BR_CRASHED, "segment 000002 is missing (there is 000003)");
	fresh("log");
	sh("rm log/000004.jsonl.zst");
	expect("log", BR_TAMPERED, BR_CRASHED, "entries 4096 to 4201: missing, though a checkpoint covers them");
	fresh("log");
	sh("cp log/000001.jsonl.zst log/000005.jsonl.zst");
	expect("log", BR_TAMPERED, BR_OK, "segment 000005: not of this log, which ends before it");
	fresh("log");
	sh("cp log/000001.jsonl.zst log/000003.jsonl.zst");
	expect("log", BR_TAMPERED, BR_OK, "entry 3072 (segment 000003): in its place stands entry 1024 of this log");
	/* A line taken out, put in, twice, and two in the other's place. */
	static const char *const edits[] = {"500d", "500i\\\\{}", "500p", "500{h;d};501G"};
	for (size_t i = 0; i < BR_ARRAY_LEN(edits); i++) {
		fresh("log");
		sh("cd log && zstd -dq --rm 000000.jsonl.zst && sed -i '%s' 000000.jsonl && zstd -q --rm 000000.jsonl", edits[i]);
		expect("log", BR_TAMPERED, i < 1 ? BR_CRASHED : BR_OK, i == 1 ? "entry 499 (segment 000000, line 500) does not match its hash" : "entry ");
	}
}

/* Whoever alters an entry can mend hashes and index, but not what was signed. */
static void
test_mended_hashes(void **state)
{
	fresh("log");
	sh("cd log && zstd -dq --rm 000001.jsonl.zst && sed -i '9s/exec/exic/' 000001.jsonl");
	br_auto_buf text = get_file("log/000001.jsonl");
	const char *line = text.p;
	for (int i = 0; i < 8; i++)
		line = strchr(line, '\n') + 1;
	unsigned char leaf[BR_HASH];
	br_merkle_leaf(line, (size_t)(strchr(line, '\n') - line), leaf);
	br_auto_fd int fd = open("log/hashes", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, leaf, sizeof(leaf), (off_t)(1024 + 8) * BR_HASH), BR_HASH);
	sh("cd log && zstd -q --rm 000001.jsonl");
	expect("log", BR_TAMPERED, BR_OK, "entries 0 to 4095: not those that the checkpoint of size 4096 signed, and `hashes` was altered with them");
}

static void
test_other_sessions(void **state)
{
	/* An older session's segment, its checkpoints, its certificate: same host, another session. */
	fresh("log");
	br_auto_fd int fd = make_log_dir("older");
	struct br_err e = BR_ERR_INIT;
	struct br_note_signer host = make_host();
	struct br_log_writer *w = br_log_create(fd, "s0", &host, &e);
	assert_non_null(w);
	append(w, 0, 4200, BR_EV_EXEC, false);
	assert_int_equal(br_log_seal(w, "end"), 0);
	br_log_free(w);
	br_note_signer_wipe(&host);
	sh("rm -rf log2; cp -r log log2; cp older/000001.jsonl.zst log2/");
	expect("log2", BR_TAMPERED, BR_OK, "entry 1024 (segment 000001, line 1) does not match its hash");
	sh("rm -rf log2; cp -r log log2; cp older/checkpoints log2/");
	expect("log2", BR_TAMPERED, BR_UNKNOWN, "checkpoints: number 0, of size 0, is another session's");
	sh("rm -rf log2; cp -r log log2; cat older/checkpoints >>log2/checkpoints");
	expect("log2", BR_TAMPERED, BR_OK, "checkpoints: number 4, of size 0, is another session's");
	sh("rm -rf log2; cp -r log log2; cp older/certificate log2/");
	expect("log2", BR_TAMPERED, BR_UNKNOWN, "is another session's");
}

/* The same name, another key: signatures and certificate of somebody else. */
static void
test_forged(void **state)
{
	fresh("log");
	br_auto_fd int fd = make_log_dir("forged");
	struct br_err e = BR_ERR_INIT;
	struct br_note_signer mallory;
	assert_int_equal(br_note_signer_new(&mallory, "brattice/host/test", &e), 0);
	struct br_log_writer *w = br_log_create(fd, "s1", &mallory, &e);
	assert_non_null(w);
	append(w, 0, 20, BR_EV_EXEC, false);
	assert_int_equal(br_log_seal(w, "end"), 0);
	br_log_free(w);
	br_note_signer_wipe(&mallory);
	expect("forged", BR_TAMPERED, BR_UNKNOWN, "certificate: not signed by the host's key");
	sh("rm -rf log2; cp -r log log2; cp forged/checkpoints log2/");
	expect("log2", BR_TAMPERED, BR_UNKNOWN, "checkpoints: the signature of number 0, of size 0, does not verify");
	/* Without a key to believe it is what it says it is: a log by somebody. */
	struct br_verify v;
	br_auto_fd int dir = open("forged", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(br_log_verify(dir, NULL, &v, &e), 0);
	assert_int_equal(v.integrity, BR_OK);
	assert_false(v.host_known);
	assert_string_equal(v.host.name, "brattice/host/test");
	assert_int_not_equal(v.host.id, 0);
}

static void
test_checkpoints(void **state)
{
	static const char take[] = "import sys\n"
				   "notes = open('log/checkpoints').read().split('brattice/session/s1\\n')[1:]\n"
				   "keep = [i for i in range(len(notes)) if str(i) in sys.argv[1:]]\n"
				   "open('log/checkpoints', 'w').write(''.join('brattice/session/s1\\n' + notes[i] for i in keep))\n";
	put_file("take.py", take, sizeof(take) - 1);
	fresh("log");
	assert_int_equal(look("log").checkpoints, 4); /* 0, 4096, 4200 and the seal */
	sh("python3 take.py 1 2 3");
	expect("log", BR_TAMPERED, BR_UNKNOWN, "checkpoints: the first has size 4096, not 0");
	fresh("log");
	sh("python3 take.py 0 2 3");
	expect("log", BR_TAMPERED, BR_OK, "checkpoints: that of size 4096 is missing");
	fresh("log");
	sh("python3 take.py 0 1 2");
	expect("log", BR_OK, BR_CRASHED, "not sealed: the last checkpoint covers 4200 of 4202 entries");
	fresh("log");
	sh("python3 take.py");
	expect("log", BR_TAMPERED, BR_UNKNOWN, "checkpoints: none, though there are entries");
	fresh("log");
	sh("tac log/checkpoints >x; mv x log/checkpoints");
	expect("log", BR_TAMPERED, BR_UNKNOWN, "checkpoints: at byte 0 there is no signed note");
}

static void
test_terminal(void **state)
{
	make("log", 10, true);
	sh("sed -i s/hello/hullo/ log/terminal.cast");
	struct br_verify v = look("log");
	assert_int_equal(v.terminal, BR_TAMPERED);
	assert_int_equal(v.integrity, BR_OK);
	assert_string_equal(v.what[0], "terminal.cast: bytes 0 to 23 are not those that entry 10 speaks of");
	make("log", 10, true);
	sh("rm log/terminal.cast");
	assert_int_equal(look("log").terminal, BR_TAMPERED);
	make("log", 10, true);
	sh("echo x >>log/terminal.cast");
	v = look("log");
	assert_int_equal(v.terminal, BR_TAMPERED);
	assert_string_equal(v.what[0], "terminal.cast: no entry speaks of what follows byte 24");
}

static void
put_line(struct br_log_writer *w, enum br_event_type type, const char *line)
{
	assert_int_equal(br_log_append(w, type, false, line, strlen(line)), 0);
}

static void
test_clock_and_gaps(void **state)
{
	br_auto_fd int fd = make_log_dir("clock");
	struct br_log_writer *w = make_log(fd);
	put_line(w, BR_EV_EXEC, "{\"t\":1700000100.000000,\"m\":100.000000,\"type\":\"exec\"}");
	put_line(w, BR_EV_GAP, "{\"t\":1700000101.000000,\"m\":101.000000,\"type\":\"gap\",\"what\":\"exec\",\"count\":7,\"why\":\"?\"}");
	put_line(w, BR_EV_GAP, "{\"t\":1700000102.000000,\"m\":101.900000,\"type\":\"gap\",\"what\":\"exec\"}");
	put_line(w, BR_EV_EXEC, "{\"t\":1699996502.000000,\"m\":102.000000,\"type\":\"exec\"}");
	assert_int_equal(br_log_checkpoint(w), 0);
	br_log_free(w);
	struct br_verify v = look("clock");
	assert_int_equal(v.clock, BR_TAMPERED);
	assert_string_equal(v.what[0], "clock: set back by 3600 s before entry 3");
	assert_int_equal(v.gaps, 8);
	assert_int_equal(v.integrity, BR_OK);
	/* A laptop that sleeps: only a remark. */
	br_auto_fd int fd2 = make_log_dir("clock2");
	w = make_log(fd2);
	put_line(w, BR_EV_EXEC, "{\"t\":1700000100.000000,\"m\":100.000000,\"type\":\"exec\"}");
	put_line(w, BR_EV_EXEC, "{\"t\":1700009999.000000,\"m\":102.000000,\"type\":\"exec\"}");
	put_line(w, BR_EV_EXEC, "not an event");
	assert_int_equal(br_log_checkpoint(w), 0);
	br_log_free(w);
	assert_int_equal(look("clock2").clock, BR_UNKNOWN);
}

static void
test_policy_and_session(void **state)
{
	br_auto_fd int fd = make_log_dir("policy");
	struct br_log_writer *w = make_log(fd);
	static const char records[] = "these are the records";
	unsigned char file[48 + sizeof(records)] = "BRPOL001";
	char hex[BR_SHA256_HEX];
	struct br_sha256 s;
	memcpy(file + 48, records, sizeof(records));
	br_sha256_init(&s);
	br_sha256_update(&s, records, sizeof(records));
	br_sha256_final(&s, file + 16);
	br_sha256_hex(file + 16, hex);
	struct br_event ev = {0};
	br_event_begin(&ev, BR_EV_START);
	br_event_str(&ev, "session", "s2");
	br_event_str(&ev, "policy", hex);
	assert_int_equal(br_event_finish(&ev), 0);
	assert_int_equal(br_log_append(w, BR_EV_START, false, ev.line.p, ev.line.len), 0);
	assert_int_equal(br_log_seal(w, "end"), 0);
	br_log_free(w);
	br_event_free(&ev);
	put_file("policy/policy", file, sizeof(file));
	struct br_verify v = look("policy");
	assert_string_equal(v.what[0], "entry 0: starts session s2, but the log is that of s1");
	assert_string_equal(v.what[1], "");
	file[50] ^= 1;
	put_file("policy/policy", file, sizeof(file));
	v = look("policy");
	assert_string_equal(v.what[1], "policy: not the one that the session ran with");
}

/* A log that is read while it grows has nothing wrong with it but its end. */
static void
test_growing(void **state)
{
	br_auto_fd int fd = make_log_dir("grow");
	struct br_log_writer *w = make_log(fd);
	event(w, BR_EV_START, 0, false);
	for (uint64_t i = 1; i < 5000; i++) {
		event(w, BR_EV_EXEC, i, false);
		if (i % 311 == 0)
			assert_int_equal(br_log_flush(w), 0);
		if (i % 700 == 0)
			assert_int_equal(br_log_checkpoint(w), 0);
		if (i % 97 == 0)
			assert_int_equal(look("grow").integrity, BR_OK);
	}
	assert_int_equal(br_log_seal(w, "end"), 0);
	br_log_free(w);
	expect("grow", BR_OK, BR_OK, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_many_segments),
	    cmocka_unit_test(test_every_byte_of_a_sealed_log),
	    cmocka_unit_test(test_every_byte_of_an_open_log),
	    cmocka_unit_test(test_segments),
	    cmocka_unit_test(test_mended_hashes),
	    cmocka_unit_test(test_other_sessions),
	    cmocka_unit_test(test_forged),
	    cmocka_unit_test(test_checkpoints),
	    cmocka_unit_test(test_terminal),
	    cmocka_unit_test(test_clock_and_gaps),
	    cmocka_unit_test(test_policy_and_session),
	    cmocka_unit_test(test_growing),
	};
	return cmocka_run_group_tests_name("verify", tests, enter_scratch, leave_scratch);
}
