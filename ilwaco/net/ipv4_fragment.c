/* Datagrams in pieces (RFC 791 section 2.3): the sending side. */
#include <errno.h>
#include <string.h>

#include "hash.h"
#include "ipv4_send.h"
#include "wire.h"

uint16_t ipv4_identification(const struct ipv4_route *route) {
  static uint16_t count;
  return (uint16_t)(hash_three(route->destination, route->source, route->protocol) + count++);
}

int ipv4_send_fragments(const struct ipv4_route *route, const uint8_t *payload, size_t length) {
  if (length > IPV4_PACKET_MAXIMUM - IPV4_HEADER_BYTES) return EMSGSIZE;
  size_t step = (ipv4_path_mtu(route->destination) - IPV4_HEADER_BYTES) & ~(size_t)7;
  uint16_t identification = ipv4_identification(route);
  for (size_t offset = 0; offset < length; offset += step) {
    size_t left = length - offset;
    size_t piece = left < step ? left : step;
    uint16_t field = (uint16_t)(offset / 8 | (left > piece ? IPV4_MORE_FRAGMENTS : 0));
    memcpy(ipv4_payload(), payload + offset, piece);
    int error = ipv4_transmit(route, identification, field, piece);
    if (error) return error;
  }
  return 0;
}
