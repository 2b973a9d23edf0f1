/* The network's timers: a binary heap; see timer.h. Slot 0 of the heap is not used. */
#include "timer.h"

#include <string.h>

#include "memory.h"

static struct net_timer **heap;
static uint32_t capacity; /* slots allocated, slot 0 included */
static uint32_t reserved; /* timers that may be armed */
static uint32_t armed;

static int grow(void) {
  uint32_t larger = capacity ? capacity * 2 : 16;
  struct net_timer **bigger = net_allocate(larger * sizeof *bigger);
  if (!bigger) return 0;
  if (heap) memcpy(bigger, heap, capacity * sizeof *heap);
  net_free(heap, capacity * sizeof *heap);
  heap = bigger;
  capacity = larger;
  return 1;
}

int timer_reserve(struct net_timer *timer, void (*expire)(struct net_timer *timer)) {
  if (reserved + 2 > capacity && !grow()) return 0;
  reserved++;
  timer->slot = 0;
  timer->expire = expire;
  return 1;
}

void timer_release(struct net_timer *timer) {
  timer_set(timer, NET_NEVER);
  reserved--;
}

static void place(uint32_t slot, struct net_timer *timer) {
  heap[slot] = timer;
  timer->slot = slot;
}

static void sift_up(uint32_t slot) {
  struct net_timer *timer = heap[slot];
  while (slot > 1 && heap[slot / 2]->deadline > timer->deadline) {
    place(slot, heap[slot / 2]);
    slot /= 2;
  }
  place(slot, timer);
}

static void sift_down(uint32_t slot) {
  struct net_timer *timer = heap[slot];
  for (;;) {
    uint32_t child = slot * 2;
    if (child > armed) break;
    if (child < armed && heap[child + 1]->deadline < heap[child]->deadline) child++;
    if (heap[child]->deadline >= timer->deadline) break;
    place(slot, heap[child]);
    slot = child;
  }
  place(slot, timer);
}

static void disarm(struct net_timer *timer) {
  uint32_t slot = timer->slot;
  timer->slot = 0;
  struct net_timer *last = heap[armed--];
  if (last == timer) return;
  place(slot, last);
  sift_up(slot);
  sift_down(last->slot);
}

void timer_set(struct net_timer *timer, uint64_t deadline) {
  if (deadline == NET_NEVER) {
    if (timer->slot) disarm(timer);
    return;
  }
  if (!timer->slot) {
    timer->deadline = deadline;
    place(++armed, timer);
    sift_up(armed);
  } else if (deadline != timer->deadline) {
    timer->deadline = deadline;
    sift_up(timer->slot);
    sift_down(timer->slot);
  }
}

uint64_t timer_next(void) { return armed ? heap[1]->deadline : NET_NEVER; }

void timer_run(uint64_t now) {
  while (armed && heap[1]->deadline <= now) {
    struct net_timer *timer = heap[1];
    disarm(timer);
    timer->expire(timer);
  }
}
