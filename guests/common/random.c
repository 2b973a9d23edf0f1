/* See random.h. */
#include "random.h"

#if __has_include(<ilwaco.h>) && !defined DENALI_NATIVE
#include <ilwaco.h>

uint32_t random_word(void) { return ilwaco_random32(); }

#else
#include <sys/random.h>

uint32_t random_word(void) {
  uint32_t word = 0;
  return getrandom(&word, sizeof word, 0) == sizeof word ? word : 0x5eed5eed;
}
#endif
