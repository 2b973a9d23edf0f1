/* The network's memory, counted and bounded; see memory.h. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

size_t net_memory_bytes;
static size_t blocks;

size_t net_memory_blocks(void) { return blocks; }

void *net_allocate(size_t bytes) {
  if (bytes > net_memory_limit() - net_memory_bytes) return NULL;
  void *memory = malloc(bytes);
  if (!memory) return NULL;
  net_memory_bytes += bytes;
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
  net_memory_bytes -= bytes;
  blocks--;
  free(memory);
}
