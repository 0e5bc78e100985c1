/* The writer. What it wrote is read by zstd, sha256sum and a dozen lines of Python that know RFC 6962 and nothing of our code. */
#include "audit_log.h"

#include "audit/log/pack.h"
#include "audit/log/segment.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

/* check.py DIR: prints "size root" of each checkpoint after it has recomputed it, and the number of entries at the end. */
static const char check_py[] =
    "import sys, os, glob, hashlib, base64, subprocess\n"
    "d = sys.argv[1]\n"
    "def h(b): return hashlib.sha256(b).digest()\n"
    "def root(l):\n"
    "    if len(l) == 0: return h(b'')\n"
    "    if len(l) == 1: return l[0]\n"
    "    k = 1\n"
    "    while k * 2 < len(l): k *= 2\n"
    "    return h(b'\\1' + root(l[:k]) + root(l[k:]))\n"
    "lines, n = [], 0\n"
    "while True:\n"
    "    p = '%s/%06d.jsonl' % (d, n)\n"
    "    if os.path.exists(p): data = open(p, 'rb').read()\n"
    "    elif os.path.exists(p + '.zst'): data = subprocess.run(['zstd', '-dcq', p + '.zst'], check=True, stdout=-1).stdout\n"
    "    else: break\n"
    "    s = data.split(b'\\n')\n"
    "    assert s[-1] == b'' and len(s) - 1 <= 1024, 'segment %d' % n\n"
    "    lines += s[:-1]; n += 1\n"
    "leaves = [h(b'\\0' + l) for l in lines]\n"
    "assert open(d + '/hashes', 'rb').read() == b''.join(leaves), 'hashes'\n"
    "for note in open(d + '/checkpoints').read().split('brattice/session/s1\\n')[1:]:\n"
    "    size, r = note.split('\\n')[:2]\n"
    "    assert base64.b64decode(r) == root(leaves[:int(size)]), 'root at ' + size\n"
    "    print(size)\n"
    "print('entries', len(lines))\n";

static void
check(const char *dir, const char *expected)
{
	put_file("check.py", check_py, sizeof(check_py) - 1);
	sh("python3 check.py %s > seen", dir);
	br_auto_buf seen = get_file("seen");
	assert_string_equal(seen.p != NULL ? seen.p : "", expected);
}

static void
test_create(void **state)
{
	br_auto_fd int dir = make_log_dir("create");
	struct br_log_writer *w = make_log(dir);
	/* Nothing was appended, and yet it is there, signed: "it never ran" can't be said later. */
	check("create", "0\nentries 0\n");
	sh("test \"$(stat -c %%a create/* | sort -u)\" = 600");
	sh("test \"$(stat -c %%s create/salt)\" = 32");
	struct br_note_signer host = make_host();
	br_auto_buf cert = get_file("create/certificate"), notes = get_file("create/checkpoints");
	struct br_note note;
	assert_int_equal(br_note_parse(&note, cert.p, cert.len), 0);
	assert_int_equal(note.len, cert.len);
	assert_true(br_note_verify(&note, cert.p, &host.key));
	/* Line 3 of the certificate is the key of the checkpoints. */
	struct br_note_key key;
	const char *line = note.text;
	for (int i = 0; i < 2; i++)
		line = strchr(line, '\n') + 1;
	assert_int_equal(br_note_key_parse(&key, line, strcspn(line, "\n")), 0);
	assert_string_equal(key.name, "brattice/session/s1");
	assert_memory_equal(note.text, "brattice/certificate/v1\nbrattice/session/s1\n", 44);
	assert_int_equal(br_note_parse(&note, notes.p, notes.len), 0);
	assert_true(br_note_verify(&note, notes.p, &key));
	assert_false(br_note_verify(&note, notes.p, &host.key));
	br_note_signer_wipe(&host);
	br_log_free(w);
	/* A log is never written over. */
	struct br_err e = BR_ERR_INIT;
	host = make_host();
	assert_null(br_log_create(dir, "s1", &host, &e));
	br_note_signer_wipe(&host);
}

static void
test_sealed(void **state)
{
	br_auto_fd int dir = make_log_dir("sealed");
	struct br_log_writer *w = make_log(dir);
	append(w, 0, 9000, BR_EV_EXEC, false);
	assert_int_equal(br_log_size(w), 9000);
	assert_int_equal(br_log_seal(w, "the command ended"), 0);
	assert_int_equal(br_log_append(w, BR_EV_EXEC, false, "{}", 2), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(br_log_terminal(w, "x", 1), -1);
	br_log_free(w);
	check("sealed", "0\n4096\n8192\n9001\nentries 9001\n");
	sh("test $(ls sealed/*.jsonl.zst | wc -l) = 9 && ! ls sealed/*.jsonl sealed/*.tmp 2>list");
	sh("zstdcat sealed/000008.jsonl.zst | tail -n 1 | jq -e '.type == \"sealed\" and .entries == 9001 and .reason == \"the command "
	   "ended\"' >list");
	/* The format says one frame with the size and a checksum. */
	sh("zstd -lv sealed/000000.jsonl.zst 2>&1 | grep -q 'Check: XXH64'");
}

/* Without a seal: what was flushed is there, and what was not synced is covered by no checkpoint. */
static void
test_flush_and_sync(void **state)
{
	br_auto_fd int dir = make_log_dir("flush");
	struct br_log_writer *w = make_log(dir);
	append(w, 0, 10, BR_EV_EXEC, false);
	check("flush", "0\nentries 0\n");
	assert_int_equal(br_log_flush(w), 0);
	check("flush", "0\nentries 10\n");
	append(w, 10, 4100, BR_EV_EXEC, false);
	assert_int_equal(br_log_flush(w), 0);
	check("flush", "0\nentries 4100\n");
	assert_int_equal(br_log_sync(w), 0);
	check("flush", "0\n4096\nentries 4100\n");
	assert_int_equal(br_log_checkpoint(w), 0);
	assert_int_equal(br_log_checkpoint(w), 0); /* nothing new: no second one */
	check("flush", "0\n4096\n4100\nentries 4100\n");
	br_log_free(w);
}

static void
test_lines(void **state)
{
	br_auto_fd int dir = make_log_dir("lines");
	struct br_log_writer *w = make_log(dir);
	assert_int_equal(br_log_append(w, BR_EV_NOTE, false, "a\nb", 3), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(br_log_append(w, BR_EV_TYPES, false, "{}", 2), -1);
	assert_int_equal(br_log_terminal(w, "a\nb", 3), -1);
	assert_int_equal(br_log_append(w, BR_EV_NOTE, false, "", 0), 0);
	/* 3 MB in one entry, not cut. */
	char *big = malloc(3 << 20);
	assert_non_null(big);
	memset(big, 'x', 3 << 20);
	assert_int_equal(br_log_append(w, BR_EV_NOTE, false, big, 3 << 20), 0);
	free(big);
	assert_int_equal(br_log_checkpoint(w), 0);
	check("lines", "0\n2\nentries 2\n");
	br_log_free(w);
}

static void
test_index(void **state)
{
	br_auto_fd int dir = make_log_dir("index");
	struct br_log_writer *w = make_log(dir);
	struct br_index x;
	append(w, 0, 1024, BR_EV_EXEC, false);
	append(w, 1024, 1025, BR_EV_PATH, true);
	append(w, 1025, 2048, BR_EV_EXIT, false);
	append(w, 2048, 2050, BR_EV_EXEC, false);
	assert_int_equal(br_log_seal(w, "x"), 0);
	br_log_free(w);
	br_auto_buf index = get_file("index/index");
	assert_int_equal(index.len, 3 * BR_INDEX_RECORD);
	for (uint64_t i = 0; i < 3; i++) {
		br_index_get(&x, (const unsigned char *)index.p + i * BR_INDEX_RECORD);
		assert_int_equal(x.first, i * 1024);
		assert_int_equal(x.entries, i < 2 ? 1024 : 3);
		assert_int_equal(x.flags, i == 1 ? BR_INDEX_DENIED : 0);
		assert_int_equal(x.from_us, (1700000000 + i * 1024) * 1000000);
		if (i < 2)
			assert_int_equal(x.to_us, (1700000000 + i * 1024 + 1023) * 1000000);
		sh("test $(zstdcat index/00000%u.jsonl.zst | wc -c) = %u", (unsigned)i, x.plain);
		sh("test $(stat -c %%s index/00000%u.jsonl.zst) = %u", (unsigned)i, x.packed);
	}
	assert_int_equal(x.types, 1U << BR_EV_EXEC | 1U << BR_EV_SEALED);
	br_index_get(&x, (const unsigned char *)index.p + BR_INDEX_RECORD);
	assert_int_equal(x.types, 1U << BR_EV_PATH | 1U << BR_EV_EXIT);
}

static void
test_terminal(void **state)
{
	br_auto_fd int dir = make_log_dir("terminal");
	struct br_log_writer *w = make_log(dir);
	char line[64];
	assert_int_equal(br_log_terminal(w, "{\"version\":3}", 13), 0);
	for (int i = 0; i < 20000; i++) {
		int n = snprintf(line, sizeof(line), "[0.1,\"o\",\"%d\"]", i);
		assert_int_equal(br_log_terminal(w, line, (size_t)n), 0);
	}
	append(w, 0, 3, BR_EV_EXEC, false);
	assert_int_equal(br_log_seal(w, "x"), 0);
	br_log_free(w);
	check("terminal", "0\n5\nentries 5\n");
	sh("test $(wc -l <terminal/terminal.cast) = 20001");
	sh("zstdcat terminal/000000.jsonl.zst | jq -e -s --arg sum \"$(sha256sum <terminal/terminal.cast | cut -c1-64)\" --argjson n \"$(stat "
	   "-c %%s terminal/terminal.cast)\" 'map(select(.type == \"terminal\")) == [{t: .[3].t, m: .[3].m, type: \"terminal\", offset: 0, "
	   "bytes: $n, sha256: $sum}]' >list");
}

/* A file that can't grow: every road says so, and nothing is acknowledged. */
static void
test_full(void **state)
{
	br_auto_fd int dir = make_log_dir("full");
	struct br_log_writer *w = make_log(dir);
	struct rlimit before, small = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	char *big = malloc(2 << 20);
	assert_non_null(big);
	memset(big, 'x', 2 << 20);
	int rc = br_log_append(w, BR_EV_NOTE, false, big, 2 << 20), saved = errno;
	int rc2 = br_log_checkpoint(w), saved2 = errno;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	free(big);
	assert_int_equal(rc, -1);
	assert_int_equal(saved, EFBIG);
	assert_int_equal(rc2, -1);
	assert_int_equal(saved2, EFBIG);
	br_log_free(w);
}

/* A packer that died: with half a file, with both forms. The next one finishes. */
static void
test_packing_again(void **state)
{
	br_auto_fd int dir = make_log_dir("pack");
	struct br_log_writer *w = make_log(dir);
	append(w, 0, 3000, BR_EV_EXEC, false);
	assert_int_equal(br_log_seal(w, "x"), 0);
	br_log_free(w);
	sh("cd pack && zstd -dq 000000.jsonl.zst && printf half > 000000.jsonl.zst.tmp && zstd -dq --rm 000001.jsonl.zst");
	check("pack", "0\n3001\nentries 3001\n");
	assert_int_equal(br_pack_segments(dir, -1, 0, 3), 0);
	sh("test \"$(cd pack && echo 0*)\" = '000000.jsonl.zst 000001.jsonl.zst 000002.jsonl.zst'");
	check("pack", "0\n3001\nentries 3001\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_create),
	    cmocka_unit_test(test_sealed),
	    cmocka_unit_test(test_flush_and_sync),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_index),
	    cmocka_unit_test(test_terminal),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_packing_again),
	};
	return cmocka_run_group_tests_name("audit_writer", tests, enter_scratch, leave_scratch);
}
