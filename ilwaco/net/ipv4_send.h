/* Between ipv4.c and ipv4_fragment.c. */
#ifndef ILWACO_NET_IPV4_SEND_H
#define ILWACO_NET_IPV4_SEND_H

#include "ipv4.h"

/* Sends the `length` bytes at ipv4_payload; `fragment` is the header's field of flags and offset. */
int ipv4_transmit(const struct ipv4_route *route, uint16_t identification, uint16_t fragment,
                  size_t length);

/* Differs between datagrams of one route, and is not the same count for all hosts (RFC 7739 says why). */
uint16_t ipv4_identification(const struct ipv4_route *route);

#endif
