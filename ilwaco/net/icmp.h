/* ICMP (RFC 792): answers echo requests, reports unreachable ports, and tells transports of errors.
 * The network lock is held. */
#ifndef ILWACO_NET_ICMP_H
#define ILWACO_NET_ICMP_H

#include "ipv4.h"

enum { ICMP_PROTOCOL_UNREACHABLE = 2, ICMP_PORT_UNREACHABLE = 3 };

void icmp_input(const struct ipv4_packet *packet);

/* Tells the sender of `packet` that it cannot be delivered; not more than a bounded number a second. */
void icmp_send_unreachable(const struct ipv4_packet *packet, uint8_t code);
/* ... that its fragments did not all come in time. */
void icmp_send_time_exceeded(const struct ipv4_packet *packet);

/* --- icmp_echo.c */

void icmp_echo_answered(const struct ipv4_packet *packet);
/* An ICMP error about an echo request of ours. */
void icmp_echo_failed(const uint8_t *header, int error);

#endif
