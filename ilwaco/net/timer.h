/*
 * The network's timers: a binary heap of deadlines, so that ten thousand connections cost a few
 * comparisons per change and an idle network has no deadline at all.
 *
 * Rules for callers: hold the network lock. A timer lives inside its owner. timer_reserve comes
 * once before a timer is used, and timer_release after it; in between arming never fails.
 */
#ifndef ILWACO_NET_TIMER_H
#define ILWACO_NET_TIMER_H

#include <stdint.h>

#define NET_NEVER UINT64_MAX

struct net_timer {
  uint64_t deadline; /* microseconds of ilwaco_now_us */
  uint32_t slot;     /* place in the heap from 1, 0: not armed */
  void (*expire)(struct net_timer *timer);
};

/* The structure whose member `timer` this is. */
#define TIMER_OWNER(address, type) \
  ((type *)(void *)((char *)(address)-__builtin_offsetof(type, timer)))

int timer_reserve(struct net_timer *timer, void (*expire)(struct net_timer *timer)); /* 0: no memory */
void timer_release(struct net_timer *timer);

/* Arms, moves or (NET_NEVER) disarms. */
void timer_set(struct net_timer *timer, uint64_t deadline);

uint64_t timer_next(void); /* the earliest deadline, or NET_NEVER */
void timer_run(uint64_t now);

#endif
