#include "base/loop.h"

#include "base/io.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

struct br_watch {
	struct br_loop *loop;
	struct br_watch *next;
	br_loop_fn *fn;
	void *arg;
	uint64_t due; /* timers: microseconds; 0 for descriptors */
	int fd;
	bool dead;
};

struct br_loop {
	int ep;
	bool stop;
	struct br_watch *watches;
};

struct br_loop *
br_loop_new(void)
{
	struct br_loop *l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->ep = epoll_create1(EPOLL_CLOEXEC);
	if (l->ep < 0) {
		free(l);
		return NULL;
	}
	return l;
}

static void
sweep(struct br_loop *l, bool all)
{
	for (struct br_watch **pp = &l->watches; *pp != NULL;) {
		struct br_watch *w = *pp;
		if (w->dead || all) {
			*pp = w->next;
			free(w);
		} else {
			pp = &w->next;
		}
	}
}

void
br_loop_free(struct br_loop *l)
{
	if (l == NULL)
		return;
	sweep(l, true);
	(void)close(l->ep);
	free(l);
}

static struct br_watch *
new_watch(struct br_loop *l, br_loop_fn *fn, void *arg)
{
	struct br_watch *w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	w->fd = -1;
	w->next = l->watches;
	l->watches = w;
	return w;
}

struct br_watch *
br_loop_add(struct br_loop *l, int fd, uint32_t events, br_loop_fn *fn, void *arg)
{
	struct br_watch *w = new_watch(l, fn, arg);
	if (w == NULL)
		return NULL;
	struct epoll_event ev = {.events = events, .data.ptr = w};
	if (epoll_ctl(l->ep, EPOLL_CTL_ADD, fd, &ev) < 0) {
		w->dead = true;
		return NULL;
	}
	w->fd = fd;
	return w;
}

int
br_loop_mod(struct br_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};
	return epoll_ctl(w->loop->ep, EPOLL_CTL_MOD, w->fd, &ev);
}

void
br_loop_del(struct br_watch *w)
{
	if (w == NULL || w->dead)
		return;
	if (w->fd >= 0)
		(void)epoll_ctl(w->loop->ep, EPOLL_CTL_DEL, w->fd, NULL);
	w->dead = true;
}

struct br_watch *
br_loop_after(struct br_loop *l, uint64_t us, br_loop_fn *fn, void *arg)
{
	struct br_watch *w = new_watch(l, fn, arg);
	if (w != NULL)
		w->due = br_now_us() + us + 1;
	return w;
}

static int
wait_ms(const struct br_loop *l)
{
	uint64_t least = UINT64_MAX;
	for (const struct br_watch *w = l->watches; w != NULL; w = w->next)
		if (!w->dead && w->due != 0 && w->due < least)
			least = w->due;
	if (least == UINT64_MAX)
		return -1;
	uint64_t now = br_now_us();
	if (least <= now)
		return 0;
	uint64_t ms = (least - now + 999) / 1000;
	return ms > 3600000 ? 3600000 : (int)ms;
}

static void
fire_timers(struct br_loop *l)
{
	uint64_t now = br_now_us();
	for (struct br_watch *w = l->watches; w != NULL; w = w->next) {
		if (w->dead || w->due == 0 || w->due > now)
			continue;
		w->dead = true;
		w->fn(w->arg, 0);
	}
}

int
br_loop_run(struct br_loop *l)
{
	while (!l->stop) {
		struct epoll_event ev[32];
		int n = epoll_wait(l->ep, ev, BR_ARRAY_LEN(ev), wait_ms(l));
		if (n < 0 && errno != EINTR)
			return -1;
		for (int i = 0; i < n; i++) {
			struct br_watch *w = ev[i].data.ptr;
			if (!w->dead)
				w->fn(w->arg, ev[i].events);
		}
		fire_timers(l);
		sweep(l, false);
	}
	return 0;
}

void
br_loop_stop(struct br_loop *l)
{
	l->stop = true;
}
