/* Memory that is counted: of values, of what clients send, and of what waits for them. */
#ifndef KVD_MEMORY_H
#define KVD_MEMORY_H

#include <stddef.h>
#include <stdint.h>

extern size_t memory_used, memory_peak;
extern size_t memory_limit; /* commands that need more are refused beyond it */

/* Never NULL: if the machine has none left although the limit is not reached, the process ends and
 * says so. The log is what it was. */
void *memory_get(size_t bytes);
void *memory_resize(void *memory, size_t bytes);
void memory_free(void *memory);

/* Whether so much more may be taken for what clients send and are sent: a quarter beyond the limit is for that, and
 * an eighth more for small pieces, so that those who take much shut nobody out who needs little. */
int memory_allows(size_t bytes);

/* As memory_resize, for that: NULL if it is not allowed or not there, and `memory` is what it was. */
void *memory_try(void *memory, size_t bytes);

#endif
