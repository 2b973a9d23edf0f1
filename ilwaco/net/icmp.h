/* ICMP (RFC 792): answers echo requests, reports unreachable ports, and tells transports of errors.
 * The network lock is held. */
#ifndef ILWACO_NET_ICMP_H
#define ILWACO_NET_ICMP_H

#include "ipv4.h"

enum { ICMP_PROTOCOL_UNREACHABLE = 2, ICMP_PORT_UNREACHABLE = 3 };

void icmp_input(const struct ipv4_packet *packet);

/* Tells the sender of `packet` that it cannot be delivered; not more than a bounded number a second. */
void icmp_send_unreachable(const struct ipv4_packet *packet, uint8_t code);

#endif
