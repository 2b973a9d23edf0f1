/*
 * Rings of frames (kernel/abi.ts): the descriptors, and the buffers for frames that come.
 *
 * A VM that gets a frame now and then has one small buffer. One that gets many at once, or large
 * segments, gets a large buffer as well, from the network's memory, for as long as it needs it. The network lock
 * is held.
 */
#ifndef ILWACO_NET_NIC_RING_H
#define ILWACO_NET_NIC_RING_H

#include "nic.h"

/* Adds a piece of a frame to those to be sent; `more`: the frame goes on with the next. */
void nic_ring_add(const void *bytes, size_t length, int more);
unsigned nic_ring_room(void); /* pieces that may be added */

/* Sends what was added; 0: all of it, else the send queue is full. */
int nic_ring_send(void);
void nic_ring_drop(void); /* what could not be sent */

/* The next frame, of `length` bytes from its Ethernet header on, until the next call; NULL: none waits. `small` is
 * the small buffer, always the same. */
struct frame *nic_ring_receive(struct frame *small, size_t *length);

#endif
