/*
 * Headers as they stand on the wire (RFC 826, 791, 792, 768, 9293), and access to big-endian fields.
 *
 * The structures are made of bytes-wide or packed members, so they may lie at any address. Addresses
 * and ports keep network byte order everywhere inside the stack (names without suffix); a value in
 * host order says so.
 */
#ifndef ILWACO_NET_WIRE_H
#define ILWACO_NET_WIRE_H

#include <stdint.h>

#define WIRE __attribute__((packed))

static inline uint16_t swap16(uint16_t value) { return (uint16_t)(value << 8 | value >> 8); }
static inline uint32_t swap32(uint32_t value) { return __builtin_bswap32(value); }

enum { ETHERNET_ADDRESS_BYTES = 6, ETHERNET_HEADER_BYTES = 14 };
enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP = 0x0806 };

struct ethernet_header {
  uint8_t destination[6], source[6];
  uint16_t type;
} WIRE;

/* What a frame leaves to others (virtio 1.2, 5.1.6: struct virtio_net_hdr). Little endian. */
enum { VIRTIO_NEEDS_CHECKSUM = 1, VIRTIO_CHECKED = 2, VIRTIO_TCPV4 = 1 };

struct virtio_header {
  uint8_t flags, type;
  uint16_t headers, segment;         /* bytes of all headers, and of each segment's payload */
  uint16_t checksum_start, checksum; /* where the transport begins, and its checksum behind that */
} WIRE;

struct arp_packet {
  uint16_t hardware, protocol;
  uint8_t hardware_bytes, protocol_bytes;
  uint16_t operation;
  uint8_t sender_mac[6];
  uint32_t sender;
  uint8_t target_mac[6];
  uint32_t target;
} WIRE;

enum { IPV4_HEADER_BYTES = 20 };
enum { IPV4_DONT_FRAGMENT = 0x4000, IPV4_MORE_FRAGMENTS = 0x2000, IPV4_OFFSET_MASK = 0x1fff };

struct ipv4_header {
  uint8_t version_and_length, service;
  uint16_t total_length, identification, fragment;
  uint8_t time_to_live, protocol;
  uint16_t checksum;
  uint32_t source, destination;
} WIRE;

struct icmp_header {
  uint8_t type, code;
  uint16_t checksum;
  uint16_t identifier, sequence; /* of echo; `sequence` is the next-hop MTU in "fragmentation needed" */
} WIRE;

enum { UDP_HEADER_BYTES = 8 };

struct udp_header {
  uint16_t source, destination, length, checksum;
} WIRE;

enum { TCP_HEADER_BYTES = 20, TCP_OPTIONS_MAXIMUM = 40 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

struct tcp_header {
  uint16_t source, destination;
  uint32_t sequence, acknowledgement;
  uint8_t data_offset, flags; /* offset in 32-bit words in the upper four bits */
  uint16_t window, checksum, urgent;
} WIRE;

#endif
