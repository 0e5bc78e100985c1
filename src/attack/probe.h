/* The attack probes: each tries one way out of the sandbox and says whether it worked.
 *
 * `brattice-attack NAME ARG…` exits with 0 when the attack succeeded (bad inside the wall), 1 when it was refused (and prints the
 * call and errno), 2 when it cannot be tried here (and prints why). A probe is worth something only if it exits with 0
 * outside the wall: tests and `brattice doctor --attack` run each both ways.
 *
 * Every probe runs in a child of its own, which exits right after: descriptors and memory are left to the kernel. System
 * calls are made raw, because the C library picks one of several forms and an attacker picks all of them. */
#ifndef BRATTICE_ATTACK_PROBE_H
#define BRATTICE_ATTACK_PROBE_H

#include "base/defs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum probe_result { PROBE_DONE = 0, PROBE_REFUSED = 1, PROBE_CANT = 2 };

struct probe {
	const char *name;
	const char *cls;  /* class of docs/threat-model.md */
	const char *args; /* for --list */
	int nargs;        /* at least */
	int (*run)(char **args);
};

/* Tables, each ended by a row without a name. */
extern const struct probe read_probes[], write_probes[], meta_probes[], guarded_probes[], kernel_probes[], socket_probes[],
    process_probes[], terminal_probes[], limit_probes[];

extern const struct probe *const probe_tables[];
extern const size_t probe_ntables;
/* NULL when there is none of that name. */
const struct probe *probe_find(const char *name);
/* Runs it in a child, so that a filter that kills is told from one that refuses, and a batch goes on; a probe_result. */
int probe_run(const struct probe *p, char **args);

/* The result of a call whose success is the attack: prints "CALL: error" when it failed. */
int probe_rc(long rc, const char *call);
/* The result of a call that is made with senseless arguments, so that it does no harm: any error but a refusal (EPERM,
 * EACCES, ENOSYS) shows that the kernel's own code was reached. */
int probe_reached(long rc, const char *call);
int probe_cant(const char *fmt, ...) BR_PRINTF(1, 2);
int probe_refused(const char *fmt, ...) BR_PRINTF(1, 2);

/* Directory part and last part of a path; allocated. */
char *probe_dir(const char *path);
const char *probe_base(const char *path);
/* `a` + `b`, allocated; aborts without memory. */
char *probe_cat(const char *a, const char *b);
/* A new name in the directory of `path`, on the same file system. */
char *probe_temp(const char *path);
/* Writes PROBE_MARK to a new file. */
int probe_plant(const char *path);
/* True when `path` can be read and begins with PROBE_MARK. */
bool probe_marked(const char *path);
/* Milliseconds since an arbitrary point (CLOCK_MONOTONIC). */
int64_t probe_now_ms(void);

#define PROBE_MARK "#!/bin/sh\n# probe was here\n"

#endif
