/* Address resolution (RFC 826). The network lock is held. */
#ifndef ILWACO_NET_ARP_H
#define ILWACO_NET_ARP_H

#include <stddef.h>
#include <stdint.h>

int arp_start(void); /* 0: no memory */

void arp_input(const uint8_t *payload, size_t length);

/* Sends the IPv4 packet of `length` bytes in nic_frame to the neighbour `address`. While the
 * neighbour is being asked for its address a few packets wait; if it never answers they are dropped
 * and their senders are told EHOSTUNREACH. */
void arp_send(uint32_t address, size_t length);

/* A peer reached by way of `address` does not answer: ask for its hardware address anew (RFC 1122 sections 2.3.2.1 and 3.3.1.4). */
void arp_doubt(uint32_t address);

/* Asks who has `address`, which is not this host's yet (RFC 5227 section 2.1). */
void arp_probe(uint32_t address);
/* 1: somebody has answered since, or has probed for the same address. */
int arp_probe_end(void);
/* Tells all neighbours of this host's address. */
void arp_announce(void);

#endif
