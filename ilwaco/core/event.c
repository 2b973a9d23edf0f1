/* A signal from an interrupt handler to a thread. See ilwaco.h. */

#include "core.h"

void ilwaco_event_signal(struct ilwaco_event *event) {
  unsigned before = ilwaco_interrupts_disable();
  if (!ilwaco_wake_one(&event->waiters)) event->signalled = 1;
  ilwaco_interrupts_restore(before);
}

void ilwaco_event_move_deadline(struct ilwaco_event *event, uint64_t deadline_us) {
  unsigned before = ilwaco_interrupts_disable();
  if (event->waiters.first) {
    ilwaco_move_deadline(event->waiters.first, deadline_us);
  } else {
    event->signalled = 1;
  }
  ilwaco_interrupts_restore(before);
}

int ilwaco_event_wait(struct ilwaco_event *event, uint64_t deadline_us) {
  unsigned before = ilwaco_interrupts_disable();
  int signalled = event->signalled;
  if (signalled) {
    event->signalled = 0;
  } else {
    signalled = ilwaco_wait(&event->waiters, deadline_us);
  }
  ilwaco_interrupts_restore(before);
  return signalled;
}
