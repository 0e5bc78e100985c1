/* Everything that is wrong with the policy, collected: a user mends a file once, not once per error. */
#ifndef BRATTICE_POLICY_TOOL_REPORT_H
#define BRATTICE_POLICY_TOOL_REPORT_H

#include "base/buf.h"
#include "base/err.h"
#include "policy/tool/arena.h"

enum { BR_REPORT_MAX = 20 };

/* A place in a file. `line` 0: the file as a whole, or something that has no file. */
struct br_place {
	const char *file; /* as shown to the user: "brattice.yaml", "~/.config/brattice/policy.yaml", "command line" */
	unsigned line, col;
};

enum br_severity {
	BR_SEV_ERROR,   /* the policy can't be read: exit 125 */
	BR_SEV_REFUSED, /* the policy is clear, and is refused: exit 126 */
	BR_SEV_RISK     /* the policy is fine and gives away more than it may seem */
};

struct br_problem {
	struct br_place at;
	enum br_severity severity;
	const char *code; /* stable word for tools: "unknown-key", "widens" … */
	const char *msg;
	const char *mend; /* "" when there is none */
};

struct br_report {
	struct br_arena *arena;
	struct br_problem v[BR_REPORT_MAX];
	size_t n;
	size_t dropped; /* more than fit */
	bool errors;    /* a BR_SEV_ERROR was added */
	bool refused;   /* a BR_SEV_REFUSED was added */
};

void br_report(struct br_report *r, enum br_severity sev, const char *code, struct br_place at, const char *fmt, ...)
    BR_PRINTF(5, 6);
/* The mend of the problem added last. */
void br_report_mend(struct br_report *r, const char *fmt, ...) BR_PRINTF(2, 3);
/* In the order of the files' text; files in the order in which they came. */
void br_report_sort(struct br_report *r);
/* "file:3:5: message" and "  mend: …" lines, for people. */
void br_report_print(const struct br_report *r, struct br_buf *out);
/* One JSON object a line. */
void br_report_json(const struct br_report *r, struct br_buf *out);
/* BR_EXIT_FAILURE when something can't be read, else BR_EXIT_REFUSED when something is refused, else 0. */
int br_report_status(const struct br_report *r);

#endif
