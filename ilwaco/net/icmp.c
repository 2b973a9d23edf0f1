/* ICMP (RFC 792, RFC 1122 section 3.2.2); see icmp.h. */
#include "icmp.h"

#include <errno.h>
#include <string.h>

#include "checksum.h"
#include "memory.h"
#include "network.h"
#include "wire.h"

enum { ECHO_REPLY = 0, UNREACHABLE = 3, ECHO_REQUEST = 8, TIME_EXCEEDED = 11 };
enum { REASSEMBLY_TIME_EXCEEDED = 1 };
enum { FRAGMENTATION_NEEDED = 4 };
enum { ERRORS_PER_SECOND = 100, QUOTED_BYTES = 8 };

static struct ipv4_route route_back(const struct ipv4_packet *packet) {
  uint32_t own = ipv4_is_own(packet->destination) ? packet->destination : network_address();
  return (struct ipv4_route){.source = own, .destination = packet->source, .protocol = 1};
}

static void complete(uint8_t *message, size_t length) {
  struct icmp_header *header = (struct icmp_header *)message;
  header->checksum = 0;
  header->checksum = checksum_finish(checksum_add(0, message, length));
}

static void answer_large_echo(const struct ipv4_packet *packet, const struct ipv4_route *route) {
  uint8_t *message = net_allocate(packet->length);
  if (!message) {
    network_counters.dropped_memory++;
    return;
  }
  memcpy(message, packet->payload, packet->length);
  message[0] = ECHO_REPLY;
  complete(message, packet->length);
  ipv4_send_fragments(route, message, packet->length);
  net_free(message, packet->length);
}

static void answer_echo(const struct ipv4_packet *packet) {
  if (packet->broadcast) return;
  struct ipv4_route route = route_back(packet);
  if (packet->length > ipv4_path_mtu(route.destination) - IPV4_HEADER_BYTES) {
    answer_large_echo(packet, &route);
    return;
  }
  memcpy(ipv4_payload(), packet->payload, packet->length);
  ipv4_payload()[0] = ECHO_REPLY;
  complete(ipv4_payload(), packet->length);
  ipv4_send(&route, packet->length);
}

/* The error number of an "unreachable" message, by code (RFC 1122 section 3.2.2.1). */
static int unreachable_error(uint8_t code) {
  switch (code) {
    case ICMP_PROTOCOL_UNREACHABLE:
    case ICMP_PORT_UNREACHABLE:
      return ECONNREFUSED;
    case FRAGMENTATION_NEEDED:
      return EMSGSIZE;
    case 0:
    case 6:
    case 11:
      return ENETUNREACH;
    default:
      return EHOSTUNREACH;
  }
}

void icmp_input(const struct ipv4_packet *packet) {
  const struct icmp_header *header = (const struct icmp_header *)packet->payload;
  if (packet->length < sizeof *header) {
    network_counters.dropped_length++;
    return;
  }
  if (checksum_finish(checksum_add(0, packet->payload, packet->length)) != 0) {
    network_counters.dropped_checksum++;
    return;
  }
  if (header->type == ECHO_REQUEST) {
    answer_echo(packet);
  } else if (header->type == ECHO_REPLY) {
    icmp_echo_answered(packet);
  } else if (header->type == UNREACHABLE) {
    unsigned mtu = header->code == FRAGMENTATION_NEEDED ? swap16(header->sequence) : 0;
    ipv4_failed(packet->payload + sizeof *header, packet->length - sizeof *header,
                unreachable_error(header->code), mtu);
  }
}

static int is_query(uint8_t type) { return type == ECHO_REQUEST || type == ECHO_REPLY; }

static int may_report(void) {
  static uint64_t second;
  static unsigned sent;
  uint64_t now = network_now();
  if (now - second >= 1000000) {
    second = now;
    sent = 0;
  }
  return sent++ < ERRORS_PER_SECOND;
}

static void report(const struct ipv4_packet *packet, uint8_t type, uint8_t code) {
  if (packet->broadcast || !may_report()) return;
  if (packet->protocol == 1 && (!packet->length || !is_query(packet->payload[0]))) return;
  size_t quoted = (size_t)(packet->payload - packet->header);
  quoted += packet->length < QUOTED_BYTES ? packet->length : QUOTED_BYTES;
  struct icmp_header *header = (struct icmp_header *)ipv4_payload();
  memset(header, 0, sizeof *header);
  header->type = type;
  header->code = code;
  memcpy(header + 1, packet->header, quoted);
  struct ipv4_route route = route_back(packet);
  complete(ipv4_payload(), sizeof *header + quoted);
  ipv4_send(&route, sizeof *header + quoted);
}

void icmp_send_unreachable(const struct ipv4_packet *packet, uint8_t code) {
  report(packet, UNREACHABLE, code);
}

void icmp_send_time_exceeded(const struct ipv4_packet *packet) {
  report(packet, TIME_EXCEEDED, REASSEMBLY_TIME_EXCEEDED);
}
