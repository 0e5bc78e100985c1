#include "audit/auditor/sender.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Memory that one long event needed isn't kept. */
#define KEEP_MAX (4U << 20)

int
br_sender_read(struct br_sender *s, size_t max)
{
	br_buf_consume(&s->in, s->at);
	s->at = 0;
	if (s->in.len == 0 && s->in.cap > KEEP_MAX)
		br_buf_free(&s->in);
	char *to = br_buf_room(&s->in, max);
	if (to == NULL)
		return -1;
	ssize_t n;
	do
		n = recv(s->fd, to, max, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n <= 0)
		return -1;
	s->in.len += (size_t)n;
	return 1;
}

int
br_sender_frame(struct br_sender *s, struct br_frame *out)
{
	size_t left = s->in.len - s->at;
	if (left < sizeof(out->head))
		return 0;
	memcpy(&out->head, s->in.p + s->at, sizeof(out->head));
	if (out->head.len > BR_AUDIT_FRAME_MAX)
		return -1;
	if (left - sizeof(out->head) < out->head.len)
		return 0;
	out->data = s->in.p + s->at + sizeof(out->head);
	s->at += sizeof(out->head) + out->head.len;
	return 1;
}

bool
br_frame_valid(const struct br_frame *f)
{
	const struct br_audit_frame *h = &f->head;
	const char *p = f->data;
	if (h->class > BR_CLASS_C || h->type >= BR_EV_TYPES || h->denied > 1)
		return false;
	if (h->kind == 'S')
		return h->len <= 256;
	if (h->len == 0 || memchr(p, '\n', h->len) != NULL)
		return false;
	if (h->kind == 'T')
		return true;
	/* Those three are the log's own words about itself. */
	return h->kind == 'E' && h->type != BR_EV_TERMINAL && h->type != BR_EV_SEALED && h->type != BR_EV_RECOVERED && h->len > 6 &&
	       memcmp(p, "{\"t\":", 5) == 0 && p[h->len - 1] == '}';
}

void
br_sender_ack(struct br_sender *s)
{
	while (s->fd >= 0 && s->unacked > 0) {
		char k[64];
		size_t n = s->unacked < sizeof(k) ? s->unacked : sizeof(k);
		memset(k, 'k', n);
		ssize_t sent = send(s->fd, k, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			br_sender_close(s);
			return;
		}
		s->unacked -= (uint32_t)sent;
	}
	s->unacked = 0;
}

void
br_sender_close(struct br_sender *s)
{
	br_cleanup_fd(&s->fd);
	s->fd = -1;
	s->unacked = 0;
	br_buf_free(&s->in);
	s->at = 0;
}
