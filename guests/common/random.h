/* Numbers that outsiders should not guess: in a VM they are as good as ilwaco_random32. */
#ifndef COMMON_RANDOM_H
#define COMMON_RANDOM_H

#include <stdint.h>

uint32_t random_word(void);

#endif
