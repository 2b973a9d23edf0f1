/*
 * IPv4 (RFC 791): one address, one link, one gateway. Fragments are dropped and counted; every packet
 * sent has Don't Fragment set and fits the link. The network lock is held.
 */
#ifndef ILWACO_NET_IPV4_H
#define ILWACO_NET_IPV4_H

#include <stddef.h>
#include <stdint.h>

/* What a transport protocol gets of a packet. Addresses in network byte order. */
struct ipv4_packet {
  const uint8_t *header; /* the IPv4 header and what follows it, for ICMP errors */
  uint32_t source, destination;
  const uint8_t *payload;
  size_t length; /* of the payload */
  int broadcast; /* by IPv4 or by Ethernet destination: must not be answered by an error */
};

void ipv4_input(const uint8_t *bytes, size_t length, int link_broadcast);

/* Where a packet's payload is composed before ipv4_send. */
uint8_t *ipv4_payload(void);
size_t ipv4_payload_maximum(void);

/* Sends `length` bytes of payload. 0, or ENETUNREACH if there is no route, EMSGSIZE if it does not fit. */
int ipv4_send(uint8_t protocol, uint32_t source, uint32_t destination, size_t length);

/* A transport protocol hears nothing from `destination`: the way there may be out of date. */
void ipv4_doubt(uint32_t destination);

/* Tells the transport that the packet it sent (of which at least header and 8 bytes are given) failed
 * with `error`; `mtu` is the next hop's for EMSGSIZE, else 0. */
void ipv4_failed(const uint8_t *bytes, size_t length, int error, unsigned mtu);

int ipv4_is_own(uint32_t address);
int ipv4_is_broadcast(uint32_t address); /* or multicast */

#endif
