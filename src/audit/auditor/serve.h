/* The auditor's loop: from the first event to the seal. */
#ifndef BRATTICE_AUDITOR_SERVE_H
#define BRATTICE_AUDITOR_SERVE_H

#include "audit/auditor/sender.h"
#include "audit/log/writer.h"
#include "base/err.h"

#define BR_SENDERS_MAX 8

/* Records what the senders send until one of them seals the log or all are gone; then seals it. 0, or -1 with `e` when the log can't be
 * written: the caller ends, and the senders see that. */
int br_auditor_serve(struct br_log_writer *w, struct br_sender *senders, size_t n, struct br_err *e);

#endif
