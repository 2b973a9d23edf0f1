/* Threads and memory as <denali/inspect.h> shows them. */
#include "../core/core.h"

#include <denali/inspect.h>
#include <string.h>

static enum inspect_thread_state state_of(const struct ilwaco_thread *thread) {
  if (thread == ilwaco_current) return INSPECT_RUNNING;
  if (ilwaco_is_ready(thread)) return INSPECT_READY;
  return thread->deadline == ILWACO_NO_DEADLINE ? INSPECT_WAITING : INSPECT_SLEEPING;
}

int inspect_threads(struct inspect_thread *list, int capacity) {
  unsigned before = ilwaco_interrupts_disable();
  int count = 0;
  const struct ilwaco_thread *thread = ilwaco_youngest;
  while (thread && thread->older) thread = thread->older;
  for (; thread; thread = thread->younger, count++) {
    if (count >= capacity) continue;
    struct inspect_thread *entry = &list[count];
    entry->id = thread->id;
    memcpy(entry->name, thread->name, sizeof entry->name);
    entry->state = state_of(thread);
    entry->stack_bytes = thread->stack_bytes;
  }
  ilwaco_interrupts_restore(before);
  return count;
}

void inspect_memory(struct inspect_memory *memory) {
  struct ilwaco_heap_sizes heap;
  ilwaco_heap_sizes(&heap);
  memory->total = VIRTUAL_REGISTERS->memory_size;
  memory->image = heap.begin;
  memory->heap_used = heap.used;
  memory->heap_free = heap.free;
  memory->untouched = heap.limit - heap.end;
  memory->stack = memory->total - heap.limit;
}
