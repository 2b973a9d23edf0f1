/* A hash under a secret, so that outsiders cannot choose what collides or guess a result: HalfSipHash-2-4
 * (Aumasson and Bernstein), 32 bits. */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

uint32_t keyed_hash(const uint32_t key[2], const void *bytes, size_t length);

#endif
