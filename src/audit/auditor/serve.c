#include "audit/auditor/serve.h"

#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* docs/log-format.md, "Durability": class B within 100 ms, of which the sync itself has its share. */
#define SYNC_US 50000U
#define CHECKPOINT_US 1000000U
/* A sender of nothing but class B, which the exec gate is, is listened to every 3 ms: waking us for each of its events would cost it, and
 * with it each exec of the sandbox, more than sending it. Its stream holds what comes meanwhile. Of the 5 ms that class B has until it is
 * written the rest is for the processor to be free. */
#define REST_US 3000U

struct auditor {
	struct br_log_writer *w;
	struct br_sender *senders;
	size_t n;
	struct br_event gap;
	uint64_t entries;    /* how many there were at the last checkpoint */
	uint64_t dirty_us;   /* since when something is written and not synced; 0: nothing is */
	uint64_t checked_us; /* last checkpoint */
	struct br_sender *sealer;
	char reason[257];
};

static int
lost(const char *what, struct br_err *e)
{
	int sys = errno;
	(void)br_err_set(e, sys, "the audit log can't be %s, so the session ends", what);
	return br_err_hint(e, sys == ENOSPC || sys == EDQUOT ? "make room on the disk that holds brattice's state" :
							       "look after the disk that holds brattice's state");
}

/* What could not be recorded is said in the log. */
static int
record_gap(struct auditor *a, const char *why)
{
	struct br_event *ev = &a->gap;
	br_event_begin(ev, BR_EV_GAP);
	br_event_str(ev, "what", "the stream of events of one of brattice's processes");
	br_event_int(ev, "count", 1);
	br_event_str(ev, "why", why);
	return br_event_finish(ev) < 0 ? -1 : br_log_append(a->w, BR_EV_GAP, false, ev->line.p, ev->line.len);
}

static int
record(struct auditor *a, struct br_sender *s, const struct br_frame *f)
{
	const struct br_audit_frame *h = &f->head;
	if (a->dirty_us == 0)
		a->dirty_us = br_now_us();
	if (h->kind == 'T')
		return br_log_terminal(a->w, f->data, h->len);
	if (h->kind == 'S') {
		a->sealer = s;
		memcpy(a->reason, f->data, h->len);
		a->reason[h->len] = '\0';
		return 0;
	}
	if (h->class == BR_CLASS_A) {
		s->unacked++;
		s->waits = true;
	}
	return br_log_append(a->w, (enum br_event_type)h->type, h->denied != 0, f->data, h->len);
}

/* Records the whole frames that were read of `s`. -1: the log can't be written. */
static int
take_frames(struct auditor *a, struct br_sender *s)
{
	struct br_frame f;
	int rc = 0;
	while (a->sealer == NULL && (rc = br_sender_frame(s, &f)) > 0 && br_frame_valid(&f)) {
		if (record(a, s, &f) < 0)
			return -1;
	}
	if (a->sealer != NULL || rc == 0)
		return 0;
	/* Not a frame, or not one that may be. Nothing behind it can be trusted. */
	br_sender_close(s);
	return record_gap(a, "it sent what is no event, and was closed");
}

/* One sender's turn. */
static int
take(struct auditor *a, struct br_sender *s, size_t max)
{
	int rc = br_sender_read(s, max);
	if (rc > 0) {
		rc = take_frames(a, s);
		/* Not in the middle of a long event. */
		s->rests = s->waits || s->fd < 0 || s->at < s->in.len ? 0 : br_now_us() + REST_US;
		return rc;
	}
	if (rc == 0)
		return 0;
	bool cut = s->in.len > s->at;
	br_sender_close(s);
	return cut ? record_gap(a, "it died within an event") : 0;
}

/* Waits for senders or for what is due. -1 when poll fails. */
static int
wait_for_senders(struct auditor *a, struct pollfd p[BR_SENDERS_MAX])
{
	uint64_t now = br_now_us(), due = UINT64_MAX;
	if (a->dirty_us != 0)
		due = a->dirty_us + SYNC_US;
	if (br_log_size(a->w) > a->entries && a->checked_us + CHECKPOINT_US < due)
		due = a->checked_us + CHECKPOINT_US;
	for (size_t i = 0; i < a->n; i++) {
		struct br_sender *s = &a->senders[i];
		if (s->rests <= now)
			s->rests = 0;
		else if (s->rests < due)
			due = s->rests;
		p[i] = (struct pollfd){.fd = s->rests != 0 ? -1 : s->fd, .events = POLLIN};
	}
	int ms = due == UINT64_MAX ? -1 : due <= now ? 0 : (int)((due - now + 999) / 1000);
	return poll(p, a->n, ms) < 0 && errno != EINTR ? -1 : 0;
}

static int
checkpoint(struct auditor *a)
{
	if (br_log_checkpoint(a->w) < 0)
		return -1;
	a->entries = br_log_size(a->w);
	a->checked_us = br_now_us();
	a->dirty_us = 0;
	return 0;
}

/* What the round's events want: those who wait for the disk share one sync; the others' lines are with the kernel before the next
 * round, and on disk in time. */
static int
settle(struct auditor *a)
{
	bool waiting = false;
	for (size_t i = 0; i < a->n; i++)
		waiting |= a->senders[i].unacked > 0;
	uint64_t now = br_now_us();
	if (waiting || (br_log_size(a->w) > a->entries && now - a->checked_us >= CHECKPOINT_US)) {
		if (checkpoint(a) < 0)
			return -1;
	} else if (br_log_flush(a->w) < 0) {
		return -1;
	} else if (a->dirty_us != 0 && now - a->dirty_us >= SYNC_US) {
		if (br_log_sync(a->w) < 0)
			return -1;
		a->dirty_us = 0;
	}
	for (size_t i = 0; i < a->n; i++)
		br_sender_ack(&a->senders[i]);
	return 0;
}

/* What the others had sent when the seal came. Not what they go on to send: they could go on for ever. */
static int
take_rest(struct auditor *a)
{
	struct br_sender *sealer = a->sealer;
	int rc = 0;
	for (size_t i = 0; i < a->n && rc == 0; i++) {
		struct br_sender *s = &a->senders[i];
		int queued = 0;
		if (s == sealer || s->fd < 0 || ioctl(s->fd, FIONREAD, &queued) < 0)
			continue;
		a->sealer = NULL; /* lets frames through */
		rc = take_frames(a, s); /* what was read already */
		while (queued > 0 && s->fd >= 0 && rc == 0) {
			size_t max = (size_t)queued < BR_SENDER_ROUND ? (size_t)queued : BR_SENDER_ROUND;
			rc = take(a, s, max);
			queued -= (int)max;
		}
	}
	a->sealer = sealer;
	return rc;
}

static int
seal(struct auditor *a, struct br_err *e)
{
	char reason[sizeof(a->reason)];
	(void)snprintf(reason, sizeof(reason), "%s", a->sealer != NULL ? a->reason : "the monitor died");
	if (a->sealer != NULL && take_rest(a) < 0)
		return lost("written", e);
	if (br_log_seal(a->w, reason) < 0)
		return lost("sealed", e);
	if (a->sealer != NULL)
		a->sealer->unacked++;
	for (size_t i = 0; i < a->n; i++)
		br_sender_ack(&a->senders[i]);
	return 0;
}

static bool
any_left(const struct auditor *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->senders[i].fd >= 0)
			return true;
	return false;
}

int
br_auditor_serve(struct br_log_writer *w, struct br_sender *senders, size_t n, struct br_err *e)
{
	struct pollfd p[BR_SENDERS_MAX];
	struct auditor a = {.w = w, .senders = senders, .n = n, .checked_us = br_now_us()};
	int rc = 0;
	while (rc == 0 && a.sealer == NULL && any_left(&a)) {
		if (wait_for_senders(&a, p) < 0) {
			rc = br_err_set(e, errno, "poll");
			break;
		}
		for (size_t i = 0; i < n && rc == 0 && a.sealer == NULL; i++) {
			if (p[i].revents != 0 && take(&a, &senders[i], BR_SENDER_ROUND) < 0)
				rc = lost("written", e);
		}
		if (rc == 0 && a.sealer == NULL && settle(&a) < 0)
			rc = lost("written", e);
	}
	if (rc == 0)
		rc = seal(&a, e);
	br_event_free(&a.gap);
	return rc;
}
