/*
 * The NIC's driver: one instruction per frame each way.
 *
 * Rules for callers: hold the network lock, except in nic_wait and nic_wake. There is one frame to
 * compose in and one to receive in, so a frame is used up before the next.
 */
#ifndef ILWACO_NET_NIC_H
#define ILWACO_NET_NIC_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum { NIC_MTU_MAXIMUM = 1500 };

/* Two bytes in front so that what follows the Ethernet header is aligned. */
struct frame {
  uint16_t padding;
  struct ethernet_header ethernet;
  uint8_t payload[NIC_MTU_MAXIMUM];
};

extern struct frame nic_transmit_frame;

void nic_start(void);

/* Sends nic_transmit_frame with `payload` bytes behind the Ethernet header. If the send queue is full
 * it waits until there is room, at most a second; then the frame is dropped and counted. */
void nic_send(size_t payload);

/* Takes one frame in and hands it to ethernet_input; 0: none waits. */
int nic_receive(void);

/* Waits for a frame, for nic_wake or for `deadline` (microseconds of ilwaco_now_us). */
void nic_wait(uint64_t deadline);
void nic_wake(void);

#endif
