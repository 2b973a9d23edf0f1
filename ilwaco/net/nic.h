/*
 * The NIC's driver. With rings (kernel/abi.ts) many frames are handed over by one instruction; without,
 * it is one instruction per frame.
 *
 * Rules for callers: hold the network lock, except in nic_wait and nic_wake. A frame is composed at
 * nic_frame, which every nic_send moves, and may end in bytes that lie elsewhere. With rings it leaves at nic_flush
 * at the latest, which must come before the lock is given up.
 */
#ifndef ILWACO_NET_NIC_H
#define ILWACO_NET_NIC_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum { NIC_MTU_MAXIMUM = 1500 };
/* Payload that is attached, not copied: fewer bytes are copied in less time than it takes to tell of them. */
enum { NIC_ATTACH_MINIMUM = 256 };

/* What follows the Ethernet header is aligned. */
struct frame {
  struct virtio_header offload;
  struct ethernet_header ethernet;
  uint8_t payload[NIC_MTU_MAXIMUM];
};

extern struct frame *nic_frame;

void nic_start(void);

/* Whether frames may leave checksums and segmentation to others. */
int nic_offloads(void);

/* The frame leaves to others the checksum of the transport that begins at `start` bytes of the payload, to be
 * stored `field` bytes behind that. There is the sum of the pseudo header now. */
void nic_leave_checksum(size_t start, size_t field);

/* ... and is to be cut into segments of `segment` bytes behind `headers` bytes of the payload. */
void nic_leave_segmentation(size_t headers, size_t segment);

/* The frame goes on with `length` bytes at `bytes`, which stay as they are until nic_send has returned. At most
 * three times. */
void nic_attach(const void *bytes, size_t length);

/* Sends nic_frame with `payload` bytes behind the Ethernet header, of which the last are those attached. If
 * the send queue is full it waits until there is room, at most a second; then frames are dropped and counted. */
void nic_send(size_t payload);
void nic_flush(void);

/* Instead of nic_send: the frame is not sent. nic_take copies its payload of `length` bytes, those attached
 * included, and what it leaves to others. */
void nic_discard(void);
void nic_take(uint8_t *payload, size_t length, struct virtio_header *offload);

/* Composes a frame again that nic_take has copied. */
void nic_put(const uint8_t *payload, size_t length, const struct virtio_header *offload);

/* Takes one frame in and hands it to ethernet_input; 0: none waits. */
int nic_receive(void);

/* Waits for a frame, for nic_wake or for `deadline` (microseconds of ilwaco_now_us). */
void nic_wait(uint64_t deadline);
void nic_wake(void);

/* Who is in nic_wait goes on waiting, for another deadline; who is about to be is woken. */
void nic_move_deadline(uint64_t deadline);

#endif
