/*
 * The requests under way. The device holds DISK_QUEUE_REQUESTS of them, each known by a slot, which is
 * its tag; further ones wait here, first come first served.
 *
 * Everything between submit and complete runs with interrupts disabled or inside the interrupt handler.
 */

#include <denali/block.h>
#include <errno.h>
#include <ilwaco.h>
#include <stddef.h>

#include "device.h"

#define SLOTS DENALI_DISK_QUEUE_REQUESTS

_Static_assert(BLOCK_REQUEST_BLOCKS == DENALI_DISK_REQUEST_BLOCKS, "ABI");
_Static_assert(sizeof(struct ilwaco_queue) == sizeof(((struct block_request *)0)->waiters),
               "block.h cannot name ilwaco_queue");

static struct block_request *slots[SLOTS];
static uint8_t free_slots[SLOTS];
static unsigned free_count;
static struct block_request *first, *last;
static int started;

static ILWACO_HANDLER struct ilwaco_queue *waiters(struct block_request *request) {
  return (struct ilwaco_queue *)request->waiters;
}

static ILWACO_HANDLER int send(struct block_request *request) {
  unsigned slot = free_slots[free_count - 1];
  struct denali_disk_request order = {
      .tag = slot,
      .disk = (unsigned)request->device,
      .operation = request->operation,
      .block = request->block,
      .count = request->count,
      .buffer = (uintptr_t)request->buffer,
  };
  if (ilwaco_outs(DENALI_PORT_DISK_SUBMIT, &order, sizeof order)) return 0;
  free_count--;
  slots[slot] = request;
  return 1;
}

static ILWACO_HANDLER void send_waiting(void) {
  while (first && free_count && send(first)) first = first->next;
}

static ILWACO_HANDLER int error_of(unsigned status) {
  switch (status) {
    case DENALI_DISK_DONE: return 0;
    case DENALI_DISK_FULL: return ENOSPC;
    case DENALI_DISK_READ_ONLY: return EROFS;
    case DENALI_DISK_INVALID: return EINVAL;
    case DENALI_DISK_ABSENT: return ENODEV;
    default: return EIO;
  }
}

static ILWACO_HANDLER void complete(struct denali_disk_completion completion) {
  if (completion.tag >= SLOTS || !slots[completion.tag]) return;
  struct block_request *request = slots[completion.tag];
  slots[completion.tag] = NULL;
  free_slots[free_count++] = completion.tag;
  request->error = error_of(completion.status);
  request->open = 0;
  ilwaco_wake_all(waiters(request));
  if (request->done) request->done(request);
}

static ILWACO_HANDLER void on_disk(void) {
  struct denali_disk_completion ended[8];
  unsigned count;
  do {
    count = ilwaco_ins(DENALI_PORT_DISK_COMPLETE, ended, sizeof ended) / sizeof *ended;
    for (unsigned i = 0; i < count; i++) complete(ended[i]);
  } while (count == sizeof ended / sizeof *ended);
  send_waiting();
}

static ILWACO_HANDLER void start(void) {
  started = 1;
  for (; free_count < SLOTS; free_count++) free_slots[free_count] = free_count;
  ilwaco_on_interrupt(DENALI_INTERRUPT_DISK, on_disk);
}

static ILWACO_HANDLER int check(const struct block_request *request) {
  const struct denali_disk *entry = block_entry(request->device);
  if (!entry) return ENODEV;
  if (request->operation == BLOCK_FLUSH) return request->block || request->count ? EINVAL : 0;
  if (request->operation != BLOCK_READ && request->operation != BLOCK_WRITE) return EINVAL;
  if (request->count < 1 || request->count > BLOCK_REQUEST_BLOCKS) return EINVAL;
  if (request->block >= entry->blocks || request->count > entry->blocks - request->block) {
    return EINVAL;
  }
  int refused = request->operation == BLOCK_WRITE && entry->flags & DENALI_DISK_FLAG_READ_ONLY;
  return refused ? EROFS : 0;
}

ILWACO_HANDLER int block_submit(struct block_request *request) {
  int error = check(request);
  if (error) {
    errno = error;
    return -1;
  }
  unsigned before = ilwaco_interrupts_disable();
  if (!started) start();
  request->open = 1;
  request->next = NULL;
  request->waiters[0] = request->waiters[1] = NULL;
  if (first) last->next = request;
  else first = request;
  last = request;
  send_waiting();
  ilwaco_interrupts_restore(before);
  return 0;
}

int block_wait(struct block_request *request) {
  unsigned before = ilwaco_interrupts_disable();
  while (request->open) ilwaco_wait(waiters(request), ILWACO_NO_DEADLINE);
  ilwaco_interrupts_restore(before);
  if (!request->error) return 0;
  errno = request->error;
  return -1;
}
