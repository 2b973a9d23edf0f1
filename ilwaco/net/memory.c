/* The network's memory, counted and bounded; see memory.h. */
#include "memory.h"

#include <denali.h>
#include <stdlib.h>
#include <string.h>

static size_t used, blocks;

size_t net_memory_used(void) { return used; }

size_t net_memory_blocks(void) { return blocks; }

size_t net_memory_limit(void) { return DENALI_REGISTERS->memory_size / 4; }

void *net_allocate(size_t bytes) {
  if (bytes > net_memory_limit() - used) return NULL;
  void *memory = malloc(bytes);
  if (!memory) return NULL;
  used += bytes;
  blocks++;
  return memory;
}

void *net_allocate_zeroed(size_t bytes) {
  void *memory = net_allocate(bytes);
  if (memory) memset(memory, 0, bytes);
  return memory;
}

void net_free(void *memory, size_t bytes) {
  if (!memory) return;
  used -= bytes;
  blocks--;
  free(memory);
}
