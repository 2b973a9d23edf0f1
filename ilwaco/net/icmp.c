/* ICMP (RFC 792, RFC 1122 section 3.2.2); see icmp.h. */
#include "icmp.h"

#include <errno.h>
#include <string.h>

#include "checksum.h"
#include "network.h"
#include "wire.h"

enum { ECHO_REPLY = 0, UNREACHABLE = 3, ECHO_REQUEST = 8 };
enum { FRAGMENTATION_NEEDED = 4 };
enum { ERRORS_PER_SECOND = 100, QUOTED_BYTES = 8 };

static void transmit(const struct ipv4_packet *packet, size_t length) {
  struct icmp_header *header = (struct icmp_header *)ipv4_payload();
  header->checksum = 0;
  header->checksum = checksum_finish(checksum_add(0, header, length));
  uint32_t source = ipv4_is_own(packet->destination) ? packet->destination : network_address();
  ipv4_send(1, source, packet->source, length);
}

static void answer_echo(const struct ipv4_packet *packet) {
  if (packet->length > ipv4_payload_maximum() || packet->broadcast) return;
  memcpy(ipv4_payload(), packet->payload, packet->length);
  ipv4_payload()[0] = ECHO_REPLY;
  transmit(packet, packet->length);
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
  } else if (header->type == UNREACHABLE) {
    unsigned mtu = header->code == FRAGMENTATION_NEEDED ? swap16(header->sequence) : 0;
    ipv4_failed(packet->payload + sizeof *header, packet->length - sizeof *header,
                unreachable_error(header->code), mtu);
  }
}

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

void icmp_send_unreachable(const struct ipv4_packet *packet, uint8_t code) {
  if (packet->broadcast || !may_report()) return;
  size_t quoted = (size_t)(packet->payload - packet->header);
  quoted += packet->length < QUOTED_BYTES ? packet->length : QUOTED_BYTES;
  struct icmp_header *header = (struct icmp_header *)ipv4_payload();
  memset(header, 0, sizeof *header);
  header->type = UNREACHABLE;
  header->code = code;
  memcpy(header + 1, packet->header, quoted);
  transmit(packet, sizeof *header + quoted);
}
