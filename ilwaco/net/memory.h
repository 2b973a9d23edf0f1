/*
 * The network's memory: taken from malloc, counted, and bounded by a quarter of the VM's memory, so
 * that peers cannot starve the program by what they send or leave unread. A caller that gets NULL
 * drops the packet or refuses the connection; nothing here blocks. The network lock is held.
 */
#ifndef ILWACO_NET_MEMORY_H
#define ILWACO_NET_MEMORY_H

#include <denali.h>
#include <stddef.h>

void *net_allocate(size_t bytes);           /* not cleared */
void *net_allocate_zeroed(size_t bytes);    /* cleared */
void net_free(void *memory, size_t bytes);  /* NULL is allowed */

extern size_t net_memory_bytes;
static inline size_t net_memory_used(void) { return net_memory_bytes; }
static inline size_t net_memory_limit(void) { return DENALI_REGISTERS->memory_size / 4; }
size_t net_memory_blocks(void); /* allocations; tables that grow stay one each */

#endif
