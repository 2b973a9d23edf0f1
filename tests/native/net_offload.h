/*
 * What a card does with a frame that leaves its checksum and its segmentation to others (virtio 1.2,
 * 5.1.6.2): gives `emit` the complete frames that it stands for.
 */
#ifndef NET_OFFLOAD_H
#define NET_OFFLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "../../ilwaco/net/wire.h"

void net_complete(uint8_t *frame, size_t length, const struct virtio_header *offload,
                  void (*emit)(const void *frame, size_t length));

#endif
