/* Ethernet framing. */
#include "ethernet.h"

#include <ilwaco.h>
#include <string.h>

#include "arp.h"
#include "ipv4.h"
#include "network.h"

const uint8_t ethernet_broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

void ethernet_address(uint8_t address[6]) {
  memcpy(address, (const void *)DENALI_REGISTERS->nic_mac, 6);
}

void ethernet_input(struct frame *frame, size_t length) {
  if (length < ETHERNET_HEADER_BYTES) {
    network_counters.dropped_length++;
    return;
  }
  size_t payload = length - ETHERNET_HEADER_BYTES;
  unsigned trusted = VIRTIO_NEEDS_CHECKSUM | VIRTIO_CHECKED;
  unsigned checked = frame->offload.flags & trusted ? IPV4_CHECKED : 0;
  switch (swap16(frame->ethernet.type)) {
    case ETHERTYPE_IPV4:
      /* A switch floods frames whose destination it has not learned: another host's are not ours. */
      if (frame->ethernet.destination[0] & 1) {
        ipv4_input(frame->payload, payload, checked | IPV4_LINK_BROADCAST);
      } else {
        uint8_t own[6];
        ethernet_address(own);
        if (memcmp(frame->ethernet.destination, own, 6) == 0) {
          ipv4_input(frame->payload, payload, checked);
        } else {
          network_counters.dropped_address++;
        }
      }
      break;
    case ETHERTYPE_ARP:
      arp_input(frame->payload, payload);
      break;
    default:
      network_counters.dropped_protocol++;
  }
}

void ethernet_send(const uint8_t destination[6], uint16_t type, size_t payload) {
  struct ethernet_header *header = &nic_frame->ethernet;
  memcpy(header->destination, destination, 6);
  ethernet_address(header->source);
  header->type = swap16(type);
  nic_send(payload);
}
