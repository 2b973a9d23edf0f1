/*
 * The heap: from the end of the image upward to the main thread's stack.
 *
 * Constraints: a page that was never touched costs the host nothing, so the heap is one contiguous
 * stretch that grows only when no free block fits, and bookkeeping lies in the blocks. Boundary
 * tags (Knuth 1973, 2.5 C) let free() coalesce at once; free blocks hang in lists by size.
 *
 * The block that borders on the unused rest is always in use: a free one becomes part of the rest.
 * Payloads are aligned to 16 bytes, as gcc expects on i386. Calls are short and run with interrupts
 * disabled, which makes them safe for threads; handlers must not call them.
 */

#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16u
#define HEADER 8u   /* bytes before the payload */
#define MINIMUM 16u /* smallest block */
#define PAGE 4096u
#define USED 1u
#define PREVIOUS_USED 2u
#define FLAGS 15u

/* A block at an address of the form 16n + 8. `previous_size` is the last word of the block before
 * it and valid only if that is free; the links are valid only if this block is free. */
struct block {
  uint32_t previous_size;
  uint32_t head; /* bytes of the block, and flags */
  struct block *next, *previous;
};

/* Lists 0..31 hold one size each, 16..512; above that two lists share each power of two. */
#define SMALL_LISTS 32
#define LISTS (SMALL_LISTS + 2 * 22)

static struct block *lists[LISTS];
static uint32_t used_lists[(LISTS + 31) / 32]; /* bit i: lists[i] is not empty */

extern char ilwaco_heap[]; /* image.ld */

static char *first; /* the lowest block */
static char *rest;  /* begin of the unused rest; a block would start here */
static char *fresh; /* nothing from here up was ever handed out: it is all zero */
static char *limit;
static uint32_t freed; /* bytes since pages were last given back */

static uint32_t size_of(const struct block *block) { return block->head & ~FLAGS; }

static struct block *at(void *base, uint32_t offset) {
  return (struct block *)((char *)base + offset);
}

static void *payload(struct block *block) { return (char *)block + HEADER; }

static unsigned list_of(uint32_t size) {
  if (size <= SMALL_LISTS * ALIGNMENT) return size / ALIGNMENT - 1;
  unsigned power = 31 - (unsigned)__builtin_clz(size - 1); /* 9.. */
  return SMALL_LISTS + (power - 9) * 2 + (((size - 1) >> (power - 1)) & 1);
}

static void insert(struct block *block) {
  unsigned list = list_of(size_of(block));
  block->previous = NULL;
  block->next = lists[list];
  if (block->next) block->next->previous = block;
  lists[list] = block;
  used_lists[list / 32] |= 1u << list % 32;
}

static void take_out(struct block *block) {
  unsigned list = list_of(size_of(block));
  if (block->next) block->next->previous = block->previous;
  if (block->previous) {
    block->previous->next = block->next;
  } else {
    lists[list] = block->next;
    if (!lists[list]) used_lists[list / 32] &= ~(1u << list % 32);
  }
}

/* The first list from `list` on that holds a block, or LISTS. */
static unsigned next_used_list(unsigned list) {
  for (unsigned word = list / 32; word < sizeof used_lists / sizeof *used_lists; word++) {
    uint32_t bits = used_lists[word];
    if (word == list / 32) bits &= ~0u << list % 32;
    if (bits) return word * 32 + (unsigned)__builtin_ctz(bits);
  }
  return LISTS;
}

static struct block *find_free(uint32_t size) {
  unsigned list = list_of(size);
  for (struct block *block = lists[list]; block; block = block->next) {
    if (size_of(block) >= size) return block;
  }
  list = next_used_list(list + 1);
  return list < LISTS ? lists[list] : NULL;
}

static void start(void) {
  first = fresh = rest = (char *)(((uintptr_t)ilwaco_heap + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1)) +
                 ALIGNMENT - HEADER;
  limit = (char *)(uintptr_t)(VIRTUAL_REGISTERS->memory_size - ilwaco_main_stack_bytes());
}

/* Gives back what lies in a used block behind its first `size` bytes. */
static void release(struct block *block);
static void trim(struct block *block, uint32_t size) {
  uint32_t surplus = size_of(block) - size;
  if (surplus < MINIMUM) return;
  block->head -= surplus;
  struct block *tail = at(block, size);
  tail->head = surplus | USED | PREVIOUS_USED;
  release(tail);
}

static void release(struct block *block) {
  uint32_t size = size_of(block);
  freed += size;
  if (!(block->head & PREVIOUS_USED)) {
    size += block->previous_size;
    block = at(block, -block->previous_size);
    take_out(block);
  }
  struct block *next = at(block, size);
  if ((char *)next == rest) {
    rest = (char *)block;
    return;
  }
  if (!(next->head & USED)) {
    take_out(next);
    size += size_of(next);
    next = at(block, size);
  }
  block->head = size | PREVIOUS_USED; /* two free neighbours would have been joined */
  next->previous_size = size;
  next->head &= ~PREVIOUS_USED;
  insert(block);
}

static struct block *allocate(uint32_t size) {
  struct block *block = find_free(size);
  if (block) {
    take_out(block);
    block->head |= USED;
    at(block, size_of(block))->head |= PREVIOUS_USED;
    trim(block, size);
    return block;
  }
  if (size > (uint32_t)(limit - rest)) return NULL;
  block = (struct block *)rest;
  block->head = size | USED | PREVIOUS_USED;
  rest += size;
  if (rest > fresh) fresh = rest;
  return block;
}

/* Bytes of a block with a payload of `size`, or 0 if that is more than any memory. */
static uint32_t block_size(size_t size) {
  if (size > DENALI_MEMORY_MAXIMUM) return 0;
  uint32_t bytes = (size + HEADER - 4 + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
  return bytes < MINIMUM ? MINIMUM : bytes;
}

static struct block *used_block(void *memory) {
  struct block *block = at(memory, -HEADER);
  if ((uintptr_t)memory % ALIGNMENT || (char *)block < ilwaco_heap || (char *)block >= rest ||
      !(block->head & USED)) {
    ilwaco_panic("free or realloc of what malloc did not return, or twice");
  }
  return block;
}

static void *out_of_memory(void) {
  errno = ENOMEM;
  return NULL;
}

void *malloc(size_t size) {
  uint32_t bytes = block_size(size);
  unsigned before = ilwaco_interrupts_disable();
  if (!limit) start();
  struct block *block = bytes ? allocate(bytes) : NULL;
  ilwaco_interrupts_restore(before);
  return block ? payload(block) : out_of_memory();
}

void free(void *memory) {
  if (!memory) return;
  unsigned before = ilwaco_interrupts_disable();
  release(used_block(memory));
  ilwaco_interrupts_restore(before);
}

size_t malloc_usable_size(void *memory) {
  return memory ? size_of(used_block(memory)) - (HEADER - 4) : 0;
}

void *calloc(size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) return out_of_memory();
  unsigned before = ilwaco_interrupts_disable();
  if (!limit) start();
  char *zero = fresh;
  char *memory = malloc(total);
  ilwaco_interrupts_restore(before);
  if (memory && memory < zero) {
    /* The last word may be the next block's previous_size, so it is never fresh. */
    size_t dirty = (size_t)(zero - memory) + 4;
    memset(memory, 0, dirty < total ? dirty : total);
  }
  return memory;
}

/* Tries to change a used block's size where it is. */
static int resize(struct block *block, uint32_t size) {
  uint32_t old = size_of(block);
  struct block *next = at(block, old);
  if (size > old && (char *)next == rest) {
    if (size - old > (uint32_t)(limit - rest)) return 0;
    rest += size - old;
    if (rest > fresh) fresh = rest;
    block->head += size - old;
    return 1;
  }
  if (size > old) {
    if ((next->head & USED) || old + size_of(next) < size) return 0;
    take_out(next);
    block->head += size_of(next);
    at(block, size_of(block))->head |= PREVIOUS_USED;
  }
  trim(block, size);
  return 1;
}

void *realloc(void *memory, size_t size) {
  if (!memory) return malloc(size);
  uint32_t bytes = block_size(size);
  if (!bytes) return out_of_memory();
  unsigned before = ilwaco_interrupts_disable();
  struct block *block = used_block(memory);
  size_t old = size_of(block) - (HEADER - 4);
  int resized = resize(block, bytes);
  ilwaco_interrupts_restore(before);
  if (resized) return memory;
  void *moved = malloc(size);
  if (!moved) return NULL;
  memcpy(moved, memory, old < size ? old : size);
  free(memory);
  return moved;
}

void *reallocarray(void *memory, size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) return out_of_memory();
  return realloc(memory, total);
}

void *memalign(size_t alignment, size_t size) {
  if (alignment & (alignment - 1)) {
    errno = EINVAL;
    return NULL;
  }
  if (alignment <= ALIGNMENT) return malloc(size);
  uint32_t bytes = block_size(size);
  if (!bytes || alignment > DENALI_MEMORY_MAXIMUM) return out_of_memory();
  unsigned before = ilwaco_interrupts_disable();
  if (!limit) start();
  struct block *block = allocate(bytes + alignment + MINIMUM);
  if (block) {
    uintptr_t memory = (uintptr_t)payload(block);
    uint32_t lead = -memory & (alignment - 1);
    if (lead) {
      struct block *aligned = at(block, lead);
      aligned->head = (size_of(block) - lead) | USED | PREVIOUS_USED;
      block->head -= size_of(aligned);
      release(block);
      block = aligned;
    }
    trim(block, bytes);
  }
  ilwaco_interrupts_restore(before);
  return block ? payload(block) : out_of_memory();
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
  if (alignment < sizeof(void *) || (alignment & (alignment - 1))) return EINVAL;
  int before = errno;
  void *result = memalign(alignment, size);
  errno = before;
  if (!result) return ENOMEM;
  *memory = result;
  return 0;
}

void ilwaco_heap_sizes(struct ilwaco_heap_sizes *sizes) {
  unsigned before = ilwaco_interrupts_disable();
  if (!limit) start();
  sizes->used = sizes->free = 0;
  for (char *block = first; block < rest; block += size_of((struct block *)block)) {
    uint32_t size = size_of((struct block *)block);
    *(((struct block *)block)->head & USED ? &sizes->used : &sizes->free) += size;
  }
  sizes->begin = (uint32_t)(uintptr_t)first;
  sizes->end = (uint32_t)(uintptr_t)rest;
  sizes->limit = (uint32_t)(uintptr_t)limit;
  ilwaco_interrupts_restore(before);
}

static char *page_above(const char *at) {
  return (char *)(((uintptr_t)at + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
}

static void discard(char *from, char *to) {
  if (to > from) ilwaco_outs(DENALI_PORT_MEMORY_DISCARD, from, (unsigned long)(to - from));
}

/* Gives pages that hold nothing back to the host: those of large free blocks, and of the rest. */
void ilwaco_heap_trim(void) {
  if (freed < PAGE || !(VIRTUAL_REGISTERS->features & DENALI_FEATURE_MEMORY_DISCARD)) return;
  freed = 0;
  for (unsigned list = next_used_list(list_of(PAGE)); list < LISTS;
       list = list + 1 < LISTS ? next_used_list(list + 1) : LISTS) {
    for (struct block *block = lists[list]; block; block = block->next) {
      discard((char *)(block + 1), (char *)block + size_of(block));
    }
  }
  char *clean = page_above(rest), *end = page_above(fresh);
  discard(clean, end < limit ? end : limit);
  if (fresh > clean) fresh = clean;
}
