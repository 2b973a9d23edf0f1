/* Single segments that belong to no connection. */
#ifndef ILWACO_NET_TCP_REPLY_H
#define ILWACO_NET_TCP_REPLY_H

#include "tcp.h"
#include "tcp_segment.h"

/* Completes and sends the segment whose options (`options_length` bytes) and payload lie behind the
 * TCP header in ipv4_payload(). */
int tcp_transmit(const struct tcp_endpoints *at, uint32_t sequence, uint32_t acknowledgement,
                 uint8_t flags, uint16_t window, size_t options_length, size_t payload_length);

void tcp_reply_ack(const struct tcp_endpoints *at, uint32_t sequence, uint32_t acknowledgement);

/* The RST that answers a segment for which there is no connection (RFC 9293 section 3.10.7.1). */
void tcp_reply_reset(const struct tcp_endpoints *at, const struct tcp_segment *segment);

#endif
