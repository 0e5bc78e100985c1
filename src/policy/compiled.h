/* The compiled policy: what the helper makes of all layers once, and what every later start reads.
 *
 * A flat file: a header with a checksum, then records. Everything that needs YAML, JSON, globs over the file
 * system or judgement about layers has happened when it is written; the reader checks bounds and checksum and
 * allocates one block. Both sides use this file; nobody else knows the layout.
 *
 * Paths in records are absolute and lexically normal (no "//", "/./", "/../"), or project-relative globs where
 * the kind says so. `origin` is "file:line" (or "built-in", "profile node:12", "command line") for messages. */
#ifndef BRATTICE_POLICY_COMPILED_H
#define BRATTICE_POLICY_COMPILED_H

#include "base/buf.h"
#include "base/err.h"

enum br_pol_kind {
	/* filesystem; text = absolute path. Of WRITE and READ data = the same without symlinks, as it was judged: that is what is bound,
	 * under the name `text`; "" when nothing was there */
	BR_POL_WRITE = 1, /* bound read-write */
	BR_POL_READ,      /* bound read-only; skipped silently when absent and BR_POLF_OPTIONAL */
	BR_POL_SYSTEM,    /* read-only system tree (/usr …); always OPTIONAL */
	BR_POL_ETC,       /* path below /etc that the sandbox sees; always OPTIONAL */
	/* filesystem; text = glob with gitignore semantics, relative to the project */
	BR_POL_HIDE,         /* EACCES on open */
	BR_POL_UNHIDE,       /* lifts a default or wider hide */
	BR_POL_PRIVATE,      /* project-relative path the sandbox has its own copy of */
	BR_POL_PROTECT,      /* guarded; BR_POLF_ROOT_ONLY: only at the root of the project and of repositories */
	BR_POL_UNPROTECT,    /* lifts a default guard */
	BR_POL_WATCH,        /* allowed, recorded, listed by the handoff check */
	/* private home; text = path relative to home */
	BR_POL_HOME_KEEP,    /* directory (trailing '/') or file kept per project between sessions */
	BR_POL_HOME_FILE,    /* file written at each start: text = path, data = content */
	/* environment */
	BR_POL_ENV_PASS, /* name, or prefix glob such as LC_* , passed from the user's environment */
	BR_POL_ENV_SET,  /* NAME=VALUE */
	/* numbers; value holds it, text is empty */
	BR_POL_LIMIT_MEMORY, /* bytes */
	BR_POL_LIMIT_PIDS,
	BR_POL_LIMIT_CPU,    /* percent of one CPU */
	BR_POL_LIMIT_DISK,   /* bytes written to private storage (home, tmp, overlay) */
	BR_POL_LIMIT_TIME,   /* seconds */
	BR_POL_LIMIT_FILES,  /* RLIMIT_NOFILE */
	BR_POL_LIMIT_STRICT, /* 1: refuse where a limit is only approximate */
	BR_POL_REVIEW,       /* 1: the project is an overlay */
	/* about the policy itself */
	BR_POL_PROFILE, /* text = name of a profile in force */
	BR_POL_INPUT,   /* text = absolute path, data = its state as br_input_state() tells it (policy/inputs.h); BR_POLF_UNTRUSTED: lies in the project */
	BR_POL_WARNING, /* text = something the user should see at start */
	/* filesystem; text = glob as above */
	BR_POL_KEEP, /* guarded, but its own tool's writes are accepted and dropped */
	/* audit */
	BR_POL_AUDIT_TERMINAL, /* 1: terminal.cast is written */
	BR_POL_AUDIT_INPUT,    /* 1: with what is typed */
	BR_POL_KIND_END
};

enum {
	BR_POLF_OPTIONAL = 1 << 0,
	BR_POLF_UNTRUSTED = 1 << 1,
	BR_POLF_ROOT_ONLY = 1 << 2,
	BR_POLF_DEFAULT = 1 << 3, /* from the built-in lists or a profile */
	BR_POLF_EXEC = 1 << 4,    /* BR_POL_READ/WRITE: programs may be executed from there (default for both) */
	BR_POLF_IF_KEY = 1 << 5,  /* BR_POL_HIDE: only a file whose content is a private key (br_is_private_key) */
	BR_POLF_PRESENCE = 1 << 6, /* BR_POL_INPUT: only whether it is there counts */
	BR_POLF_VARIABLE = 1 << 7, /* BR_POL_INPUT: text = name of an environment variable */
	BR_POLF_PROGRAM = 1 << 8,  /* BR_POL_INPUT: the compiler itself, by its size and times */
};

struct br_pol_rec {
	enum br_pol_kind kind;
	uint32_t flags;
	uint64_t value;
	const char *text;   /* NUL-terminated; may hold any byte but NUL */
	const char *data;   /* NUL-terminated, "" when unused */
	size_t data_len;
	const char *origin; /* NUL-terminated */
};

struct br_policy {
	struct br_pol_rec *recs;
	size_t n;
	char *block;    /* owns the strings */
	char hash[65];  /* SHA-256 of the records: the policy's name in logs */
};

/* Writer: records are appended to `out`, then sealed. */
struct br_pol_writer {
	struct br_buf body;
	uint32_t count;
};
void br_pol_add(struct br_pol_writer *w, enum br_pol_kind kind, uint32_t flags, uint64_t value, const char *text,
    const char *data, size_t data_len, const char *origin);
/* Header + checksum + records into `out`; returns -1 when memory ran out. Frees the writer's buffer. */
int br_pol_seal(struct br_pol_writer *w, struct br_buf *out);

/* Reads a sealed file from memory. On -1 `e` says what is wrong (the caller compiles again). */
int br_pol_parse(const void *data, size_t n, struct br_policy *out, struct br_err *e);
void br_pol_free(struct br_policy *p);

/* The first record of a kind at or after index `from`; NULL when there is none. Loop:
 *   for (const struct br_pol_rec *r = NULL; (r = br_pol_next(p, BR_POL_WRITE, r)) != NULL;) */
const struct br_pol_rec *br_pol_next(const struct br_policy *p, enum br_pol_kind kind, const struct br_pol_rec *after);
/* The value of a number kind, or `dflt` when the policy doesn't set it. */
uint64_t br_pol_value(const struct br_policy *p, enum br_pol_kind kind, uint64_t dflt);

#endif
