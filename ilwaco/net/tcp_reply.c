/* Sending a TCP segment: header and checksum; and the answers that need no connection. */
#include "tcp_reply.h"

#include "checksum.h"
#include "network.h"
#include "wire.h"

int tcp_transmit(const struct tcp_endpoints *at, uint32_t sequence, uint32_t acknowledgement,
                 uint8_t flags, uint16_t window, size_t options_length, size_t payload_length) {
  struct tcp_header *header = (struct tcp_header *)ipv4_payload();
  size_t length = TCP_HEADER_BYTES + options_length + payload_length;
  header->source = at->local_port;
  header->destination = at->remote_port;
  header->sequence = swap32(sequence);
  header->acknowledgement = swap32(flags & TCP_ACK ? acknowledgement : 0);
  header->data_offset = (uint8_t)((TCP_HEADER_BYTES + options_length) / 4 << 4);
  header->flags = flags;
  header->window = swap16(window);
  header->checksum = 0;
  header->urgent = 0;
  uint32_t sum = checksum_pseudo(at->local_address, at->remote_address, 6, (uint32_t)length);
  if (ipv4_may_leave(at->remote_address)) {
    header->checksum = (uint16_t)~checksum_finish(sum);
    ipv4_leave_checksum(offsetof(struct tcp_header, checksum));
  } else {
    header->checksum = checksum_finish(checksum_add(sum, header, length));
  }
  struct ipv4_route route = {
      .source = at->local_address, .destination = at->remote_address, .protocol = 6};
  return ipv4_send(&route, length);
}

void tcp_reply_ack(const struct tcp_endpoints *at, uint32_t sequence, uint32_t acknowledgement) {
  tcp_transmit(at, sequence, acknowledgement, TCP_ACK, 0, 0, 0);
}

void tcp_reply_reset(const struct tcp_endpoints *at, const struct tcp_segment *segment) {
  if (segment->flags & TCP_RST) return;
  network_counters.tcp_resets_out++;
  if (segment->flags & TCP_ACK) {
    tcp_transmit(at, segment->acknowledgement, 0, TCP_RST, 0, 0, 0);
  } else {
    uint32_t next = segment->sequence + tcp_segment_span(segment);
    tcp_transmit(at, 0, next, TCP_RST | TCP_ACK, 0, 0, 0);
  }
}
