/* Ethernet framing. The network lock is held. */
#ifndef ILWACO_NET_ETHERNET_H
#define ILWACO_NET_ETHERNET_H

#include <stddef.h>
#include <stdint.h>

#include "nic.h"

extern const uint8_t ethernet_broadcast[6];

/* Hands a frame of `length` bytes (Ethernet header included) to ARP or IPv4. */
void ethernet_input(struct frame *frame, size_t length);

/* Completes the Ethernet header of nic_frame and sends it. `type` in host order. */
void ethernet_send(const uint8_t destination[6], uint16_t type, size_t payload);

/* This NIC's own address. */
void ethernet_address(uint8_t address[6]);

#endif
