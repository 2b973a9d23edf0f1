/*
 * A keyed hash for tables that strangers fill and for numbers that strangers must not guess:
 * HalfSipHash-2-4 (Aumasson, Bernstein: the 32-bit variant of SipHash), over 12 bytes.
 */
#ifndef ILWACO_NET_HASH_H
#define ILWACO_NET_HASH_H

#include <stdint.h>

/* Chooses the key; until then it is zero. */
void hash_seed(void);

uint32_t hash_three(uint32_t a, uint32_t b, uint32_t c);

#endif
