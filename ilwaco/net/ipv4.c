/* IPv4 (RFC 791, RFC 1122); see ipv4.h. */
#include "ipv4_send.h"

#include <errno.h>
#include <ilwaco.h>
#include <string.h>

#include "arp.h"
#include "checksum.h"
#include "ethernet.h"
#include "icmp.h"
#include "loopback.h"
#include "network.h"
#include "nic.h"
#include "tcp.h"
#include "udp.h"
#include "wire.h"

static int is_loopback(uint32_t address) { return (address & 0xff) == 127; }

int ipv4_is_own(uint32_t address) {
  return (address && address == network_address()) || is_loopback(address);
}

int ipv4_is_multicast(uint32_t address) { return (address & 0xf0) == 0xe0; }

int ipv4_is_broadcast(uint32_t address) {
  return address == 0xffffffff || address == network_broadcast() || ipv4_is_multicast(address);
}

/* Fills `packet` from a packet whose header is sound; 0: it is not, and was counted. */
static int parse(const uint8_t *bytes, size_t length, struct ipv4_packet *packet) {
  const struct ipv4_header *header = (const struct ipv4_header *)bytes;
  if (length < IPV4_HEADER_BYTES || header->version_and_length >> 4 != 4) {
    network_counters.dropped_length++;
    return 0;
  }
  size_t header_bytes = (header->version_and_length & 15) * 4u;
  size_t total = swap16(header->total_length);
  if (header_bytes < IPV4_HEADER_BYTES || total < header_bytes || total > length) {
    network_counters.dropped_length++;
    return 0;
  }
  if (checksum_finish(checksum_add(0, bytes, header_bytes)) != 0) {
    network_counters.dropped_checksum++;
    return 0;
  }
  packet->header = bytes;
  packet->source = header->source;
  packet->destination = header->destination;
  packet->payload = bytes + header_bytes;
  packet->length = total - header_bytes;
  packet->protocol = header->protocol;
  return 1;
}

static void deliver(const struct ipv4_packet *packet) {
  switch (packet->protocol) {
    case 1:
      icmp_input(packet);
      break;
    case 6:
      tcp_input(packet);
      break;
    case 17:
      udp_input(packet);
      break;
    default:
      network_counters.dropped_protocol++;
      icmp_send_unreachable(packet, ICMP_PROTOCOL_UNREACHABLE);
  }
}

void ipv4_input(const uint8_t *bytes, size_t length, unsigned flags) {
  struct ipv4_packet packet;
  if (!parse(bytes, length, &packet)) return;
  const struct ipv4_header *header = (const struct ipv4_header *)bytes;
  int broadcast = ipv4_is_broadcast(packet.destination);
  if ((!broadcast && !ipv4_is_own(packet.destination)) || ipv4_is_broadcast(packet.source)) {
    network_counters.dropped_address++;
    return;
  }
  packet.broadcast = broadcast || (flags & IPV4_LINK_BROADCAST);
  int fragment = swap16(header->fragment) & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK);
  packet.checked = !fragment && (flags & IPV4_CHECKED);
  if (!fragment) {
    deliver(&packet);
  } else if (ipv4_reassemble(&packet)) {
    deliver(&packet);
    ipv4_reassembly_release();
  }
}

uint8_t *ipv4_payload(void) { return nic_frame->payload + IPV4_HEADER_BYTES; }

size_t ipv4_payload_maximum(void) {
  unsigned mtu = DENALI_REGISTERS->nic_mtu;
  if (mtu > NIC_MTU_MAXIMUM || mtu < 68) mtu = NIC_MTU_MAXIMUM;
  return mtu - IPV4_HEADER_BYTES;
}

/* The neighbour to give a packet to, or 0. */
static uint32_t next_hop(uint32_t destination) {
  uint32_t netmask = DENALI_REGISTERS->nic_netmask;
  if (!network_has_link() || !network_address()) return 0;
  if (((destination ^ network_address()) & netmask) == 0) return destination;
  return DENALI_REGISTERS->nic_gateway;
}

int ipv4_has_route(uint32_t destination) {
  return ipv4_is_own(destination) || ipv4_is_broadcast(destination) || next_hop(destination) != 0;
}

void ipv4_doubt(uint32_t destination) {
  if (!ipv4_is_own(destination)) arp_doubt(next_hop(destination));
}

int ipv4_transmit(const struct ipv4_route *route, uint16_t identification, uint16_t fragment,
                  size_t length) {
  struct ipv4_header *header = (struct ipv4_header *)nic_frame->payload;
  uint32_t destination = route->destination;
  size_t total = IPV4_HEADER_BYTES + length;
  header->version_and_length = 0x45;
  header->service = route->service;
  header->total_length = swap16((uint16_t)total);
  header->identification = swap16(identification);
  header->fragment = swap16(fragment);
  header->time_to_live = route->time_to_live ? route->time_to_live : IPV4_TIME_TO_LIVE;
  header->protocol = route->protocol;
  header->checksum = 0;
  header->source = route->source;
  header->destination = destination;
  header->checksum = checksum_finish(checksum_add(0, header, IPV4_HEADER_BYTES));
  if (ipv4_is_own(destination)) {
    loopback_send(total);
  } else if (ipv4_is_broadcast(destination)) {
    if (!network_has_link()) return ENETUNREACH;
    ethernet_send(ethernet_broadcast, ETHERTYPE_IPV4, total);
  } else {
    uint32_t neighbour = next_hop(destination);
    if (!neighbour) return ENETUNREACH;
    arp_send(neighbour, total);
  }
  return 0;
}

int ipv4_may_leave(uint32_t destination) { return nic_offloads() && !ipv4_is_own(destination); }

void ipv4_leave_checksum(size_t field) { nic_leave_checksum(IPV4_HEADER_BYTES, field); }

void ipv4_leave_segmentation(size_t headers, size_t segment) {
  nic_leave_segmentation(IPV4_HEADER_BYTES + headers, segment);
}

int ipv4_send(const struct ipv4_route *route, size_t length) {
  int error = EMSGSIZE;
  if (length <= ipv4_payload_maximum() || nic_frame->offload.type) {
    int whole = !route->may_fragment && !ipv4_path_is_narrow(route->destination);
    /* What nobody may cut needs no identification (RFC 6864 section 4.1). */
    error = whole ? ipv4_transmit(route, 0, IPV4_DONT_FRAGMENT, length)
                  : ipv4_transmit(route, ipv4_identification(route), 0, length);
  }
  if (error) nic_discard();
  return error;
}

void ipv4_failed(const uint8_t *bytes, size_t length, int error, unsigned mtu) {
  const struct ipv4_header *header = (const struct ipv4_header *)bytes;
  size_t header_bytes = (header->version_and_length & 15) * 4u;
  if (length < IPV4_HEADER_BYTES || header_bytes < IPV4_HEADER_BYTES || length < header_bytes + 8) {
    return;
  }
  const uint8_t *payload = bytes + header_bytes;
  if (!ipv4_is_own(header->source)) return;
  if (header->protocol == 1) {
    icmp_echo_failed(payload, error);
  } else if (header->protocol == 6) {
    tcp_failed(header->source, header->destination, payload, error, mtu);
  } else if (header->protocol == 17) {
    udp_failed(header->source, header->destination, payload, error, mtu);
  }
}
