/* See memory.h. Each block carries its size in front. */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

size_t memory_used, memory_peak, memory_limit;

enum { FRONT = 8 };

void *memory_resize(void *memory, size_t bytes) {
  char *block = memory ? (char *)memory - FRONT : NULL;
  if (block) memory_used -= *(size_t *)block;
  block = realloc(block, bytes + FRONT);
  if (!block) {
    fprintf(stderr, "kvd: the machine has no memory left for %lu bytes: maxmemory is too high\n",
            (unsigned long)bytes);
    exit(1);
  }
  *(size_t *)block = bytes + FRONT;
  memory_used += bytes + FRONT;
  if (memory_used > memory_peak) memory_peak = memory_used;
  return block + FRONT;
}

void *memory_get(size_t bytes) { return memory_resize(NULL, bytes); }

void memory_free(void *memory) {
  if (!memory) return;
  memory_used -= *(size_t *)((char *)memory - FRONT);
  free((char *)memory - FRONT);
}
