/* A small event loop over epoll: descriptors and timers, one thread, no hidden state.
 *
 * A callback may add and remove any watch, its own too: removed watches are freed after the round. */
#ifndef BRATTICE_BASE_LOOP_H
#define BRATTICE_BASE_LOOP_H

#include "base/defs.h"

struct br_loop;
struct br_watch;

/* `events`: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as in epoll_ctl(2). */
typedef void br_loop_fn(void *arg, uint32_t events);

struct br_loop *br_loop_new(void); /* NULL with errno */
void br_loop_free(struct br_loop *l);
/* Watches `fd` (not owned). NULL with errno. */
struct br_watch *br_loop_add(struct br_loop *l, int fd, uint32_t events, br_loop_fn *fn, void *arg);
int br_loop_mod(struct br_watch *w, uint32_t events);
void br_loop_del(struct br_watch *w); /* NULL is fine */
/* Calls `fn` once (events = 0) after `us` microseconds. NULL with errno. Freed after it fired. */
struct br_watch *br_loop_after(struct br_loop *l, uint64_t us, br_loop_fn *fn, void *arg);
/* Runs until br_loop_stop; 0, or -1 with errno when epoll fails. */
int br_loop_run(struct br_loop *l);
void br_loop_stop(struct br_loop *l);

#endif
