/* See memory.h. Each block carries its size in front. */
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

size_t memory_used, memory_peak, memory_limit;

enum { FRONT = 8, SMALL = 32 << 10 };

static size_t size_of(const void *memory) {
  return memory ? *(const size_t *)((const char *)memory - FRONT) : 0;
}

static void *resize(void *memory, size_t bytes) {
  size_t before = size_of(memory);
  char *block = realloc(memory ? (char *)memory - FRONT : NULL, bytes + FRONT);
  if (!block) return NULL;
  *(size_t *)block = bytes + FRONT;
  memory_used += bytes + FRONT - before;
  if (memory_used > memory_peak) memory_peak = memory_used;
  return block + FRONT;
}

void *memory_resize(void *memory, size_t bytes) {
  void *resized = resize(memory, bytes);
  if (resized) return resized;
  fprintf(stderr, "kvd: the machine has no memory left for %lu bytes: maxmemory is too high\n",
          (unsigned long)bytes);
  exit(1);
}

void *memory_get(size_t bytes) { return memory_resize(NULL, bytes); }

int memory_allows(size_t bytes) {
  uint64_t most = (uint64_t)memory_limit + memory_limit / 4;
  if (bytes <= SMALL) most += memory_limit / 8;
  return memory_used + bytes <= most;
}

void *memory_try(void *memory, size_t bytes) {
  size_t before = size_of(memory);
  return bytes > before && !memory_allows(bytes - before) ? NULL : resize(memory, bytes);
}

void memory_free(void *memory) {
  if (!memory) return;
  memory_used -= size_of(memory);
  free((char *)memory - FRONT);
}
