/* Logs for tests: a host, a session's log in a directory of its own, entries by number. */
#ifndef BRATTICE_TESTS_AUDIT_LOG_H
#define BRATTICE_TESTS_AUDIT_LOG_H

#include "scratch.h"

#include "audit/log/writer.h"

#define HOST_SEED "0123456789abcdef0123456789abcdef"

static inline struct br_note_signer
make_host(void)
{
	struct br_note_signer host = {0};
	struct br_err e = BR_ERR_INIT;
	assert_int_equal(br_note_signer_load(&host, "brattice/host/test", (const unsigned char *)HOST_SEED, &e), 0);
	return host;
}

/* An empty directory `name` below the working directory, open. */
static inline int
make_log_dir(const char *name)
{
	sh("rm -rf %s; mkdir -m 700 %s", name, name);
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline struct br_log_writer *
make_log(int dirfd)
{
	struct br_err e = BR_ERR_INIT;
	struct br_note_signer host = make_host();
	struct br_log_writer *w = br_log_create(dirfd, "s1", &host, &e);
	if (w == NULL)
		fail_msg("%s", e.msg);
	br_note_signer_wipe(&host);
	return w;
}

/* Entry `i`: at second 1,700,000,000 + i, and never the same line twice. */
static inline size_t
entry_line(char *out, size_t room, uint64_t i, enum br_event_type type)
{
	int n = snprintf(out, room,
	    "{\"t\":%llu.000000,\"m\":%llu.500000,\"type\":\"%s\",\"exec\":%llu,\"program\":\"/usr/bin/cc\",\"argv\":[\"cc\",\"-O2\","
	    "\"-c\",\"src/file-%llu.c\"],\"cwd\":\"/home/user/project\",\"decision\":\"allow\",\"rule\":\"default\"}",
	    1700000000ULL + (unsigned long long)i, (unsigned long long)i, br_event_type_name(type), (unsigned long long)i,
	    (unsigned long long)i * 2654435761ULL % 100003);
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static inline void
append(struct br_log_writer *w, uint64_t from, uint64_t upto, enum br_event_type type, bool denied)
{
	char line[512];
	for (uint64_t i = from; i < upto; i++) {
		size_t n = entry_line(line, sizeof(line), i, type);
		assert_int_equal(br_log_append(w, type, denied, line, n), 0);
	}
}

#endif
