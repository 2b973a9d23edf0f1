/*
 * IPv4 (RFC 791): one address, one link, one gateway. The network lock is held.
 *
 * What is sent in one piece has Don't Fragment set unless its socket asks otherwise, and the path's MTU
 * is learned from who cannot forward it (RFC 1191; ipv4_path.c). Larger datagrams are fragmented here
 * (ipv4_fragment.c), and fragments that come are put together within bounds (ipv4_reassembly.c).
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
  uint8_t protocol;
  int checked;   /* the transport's checksum needs no look */
  int broadcast; /* by IPv4 or by Ethernet destination: must not be answered by an error */
};

/* Flags of ipv4_input: it came by a broadcast of the link; the transport's checksum needs no look. */
enum { IPV4_LINK_BROADCAST = 1, IPV4_CHECKED = 2 };

void ipv4_input(const uint8_t *bytes, size_t length, unsigned flags);

/* Where a packet's payload is composed before ipv4_send. */
uint8_t *ipv4_payload(void);
size_t ipv4_payload_maximum(void);

/* How a packet goes out. */
struct ipv4_route {
  uint32_t source, destination;
  uint8_t protocol;
  uint8_t time_to_live; /* 0: the default */
  uint8_t service;      /* the type-of-service byte */
  uint8_t may_fragment; /* on the way: Don't Fragment is not set */
};

enum { IPV4_TIME_TO_LIVE = 64, IPV4_PACKET_MAXIMUM = 65535 };

int ipv4_has_route(uint32_t destination);

/* Whether the transport's checksum of a packet to `destination` may be left to others. */
int ipv4_may_leave(uint32_t destination);

/* Leaves to others the checksum `field` bytes behind the start of the payload. */
void ipv4_leave_checksum(size_t field);

/* Leaves it to others, too, to cut the packet into segments of `segment` bytes behind `headers` of its payload: then it
 * may be as large as an IPv4 packet. */
void ipv4_leave_segmentation(size_t headers, size_t segment);

/* Sends `length` bytes of payload. 0, or ENETUNREACH if there is no route, EMSGSIZE if it does not fit
 * the link. */
int ipv4_send(const struct ipv4_route *route, size_t length);

/* Sends a payload of up to 65,515 bytes in fragments which the path takes. 0 or an error number. */
int ipv4_send_fragments(const struct ipv4_route *route, const uint8_t *payload, size_t length);

/* --- ipv4_path.c */

/* Bytes of the largest packet, header included, that is known to reach `destination` unfragmented. */
unsigned ipv4_path_mtu(uint32_t destination);
/* A router cannot forward packets of more than `mtu` bytes (0: it did not say) to `destination`. */
void ipv4_path_learn(uint32_t destination, unsigned mtu);
/* The path takes less than any path should: packets to it may be fragmented. */
int ipv4_path_is_narrow(uint32_t destination);

/* --- ipv4_reassembly.c */

/* Takes a fragment. 1: it completed a datagram, which `packet` now describes, until
 * ipv4_reassembly_release; 0: it did not, or it was dropped and counted. */
int ipv4_reassemble(struct ipv4_packet *packet);
void ipv4_reassembly_release(void);

/* A transport protocol hears nothing from `destination`: the way there may be out of date. */
void ipv4_doubt(uint32_t destination);

/* Tells the transport that the packet it sent (of which at least header and 8 bytes are given) failed
 * with `error`; `mtu` is the next hop's for EMSGSIZE, else 0. */
void ipv4_failed(const uint8_t *bytes, size_t length, int error, unsigned mtu);

int ipv4_is_own(uint32_t address);
int ipv4_is_broadcast(uint32_t address); /* or multicast */
int ipv4_is_multicast(uint32_t address);

#endif
