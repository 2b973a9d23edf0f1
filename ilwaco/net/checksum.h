/* The Internet checksum (RFC 1071). */
#ifndef ILWACO_NET_CHECKSUM_H
#define ILWACO_NET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds `length` bytes to a partial sum. All pieces but the last must have an even length. */
uint32_t checksum_add(uint32_t sum, const void *bytes, size_t length);

/* Adds TCP's and UDP's pseudo header; `length` is that of header and payload. */
uint32_t checksum_pseudo(uint32_t source, uint32_t destination, uint8_t protocol, uint32_t length);

/* The field's value, as it is stored. Over data which contain a right checksum it is 0. */
uint16_t checksum_finish(uint32_t sum);

#endif
