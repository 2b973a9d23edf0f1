/*
 * The threads that wait with a deadline, as a pairing heap (Fredman et al. 1986): insertion in
 * O(1), removal in O(log n) amortised, no memory beyond the links in the threads. `timer_back` is
 * the left sibling, or the parent of a first child.
 */

#include "core.h"

struct ilwaco_thread *ilwaco_timer_first;

/* Both are roots; NULL is an empty heap. */
static struct ilwaco_thread *meld(struct ilwaco_thread *a, struct ilwaco_thread *b) {
  if (!a) return b;
  if (!b) return a;
  if (b->deadline < a->deadline) {
    struct ilwaco_thread *swap = a;
    a = b;
    b = swap;
  }
  b->timer_sibling = a->timer_child;
  if (a->timer_child) a->timer_child->timer_back = b;
  a->timer_child = b;
  b->timer_back = a;
  return a;
}

/* Melds a list of siblings into one heap: in pairs from the left, then the pairs from the right. */
static struct ilwaco_thread *meld_siblings(struct ilwaco_thread *list) {
  struct ilwaco_thread *pairs = NULL;
  while (list) {
    struct ilwaco_thread *a = list, *b = a->timer_sibling;
    list = b ? b->timer_sibling : NULL;
    a->timer_sibling = a->timer_back = NULL;
    if (b) b->timer_sibling = b->timer_back = NULL;
    struct ilwaco_thread *pair = meld(a, b);
    pair->timer_sibling = pairs;
    pairs = pair;
  }
  struct ilwaco_thread *heap = NULL;
  while (pairs) {
    struct ilwaco_thread *rest = pairs->timer_sibling;
    pairs->timer_sibling = NULL;
    heap = meld(heap, pairs);
    pairs = rest;
  }
  return heap;
}

void ilwaco_timer_insert(struct ilwaco_thread *thread, uint64_t deadline_us) {
  thread->deadline = deadline_us;
  thread->timer_child = thread->timer_sibling = thread->timer_back = NULL;
  ilwaco_timer_first = meld(ilwaco_timer_first, thread);
}

void ilwaco_timer_remove(struct ilwaco_thread *thread) {
  struct ilwaco_thread *children = meld_siblings(thread->timer_child);
  if (thread == ilwaco_timer_first) {
    ilwaco_timer_first = children;
  } else {
    if (thread->timer_back->timer_child == thread) {
      thread->timer_back->timer_child = thread->timer_sibling;
    } else {
      thread->timer_back->timer_sibling = thread->timer_sibling;
    }
    if (thread->timer_sibling) thread->timer_sibling->timer_back = thread->timer_back;
    ilwaco_timer_first = meld(ilwaco_timer_first, children);
  }
  thread->timer_child = thread->timer_sibling = thread->timer_back = NULL;
  thread->deadline = ILWACO_NO_DEADLINE;
}
