/*
 * UDP (RFC 768). Datagrams wait in a queue per socket that is bounded in bytes; what does not fit is
 * dropped and counted, as the wire would.
 */
#include "udp.h"

#include <errno.h>
#include <string.h>

#include "checksum.h"
#include "icmp.h"
#include "memory.h"
#include "network.h"
#include "port.h"
#include "socket.h"
#include "wire.h"

enum { DATAGRAM_OVERHEAD = 64 };

static struct udp_endpoint *endpoints;

struct udp_endpoint *udp_open(struct socket *socket) {
  struct udp_endpoint *endpoint = net_allocate_zeroed(sizeof *endpoint);
  if (!endpoint) return NULL;
  endpoint->socket = socket;
  endpoint->last = &endpoint->first;
  endpoint->limit = SOCKET_BUFFER_DEFAULT;
  endpoint->next = endpoints;
  endpoints = endpoint;
  return endpoint;
}

void udp_close(struct udp_endpoint *endpoint) {
  struct udp_datagram *datagram;
  while ((datagram = udp_take(endpoint))) udp_free(datagram);
  struct udp_endpoint **link = &endpoints;
  while (*link != endpoint) link = &(*link)->next;
  *link = endpoint->next;
  net_free(endpoint, sizeof *endpoint);
}

static int overlaps(const struct udp_endpoint *endpoint, uint32_t address, uint16_t port) {
  return endpoint->local_port == port && (!endpoint->local_address || !address ||
                                          endpoint->local_address == address);
}

static int in_use(uint16_t port, const void *address) {
  for (struct udp_endpoint *other = endpoints; other; other = other->next) {
    if (overlaps(other, *(const uint32_t *)address, port)) return 1;
  }
  return 0;
}

int udp_bind(struct udp_endpoint *endpoint, uint32_t address, uint16_t port, int reuse) {
  if (address && !ipv4_is_own(address) && !ipv4_is_broadcast(address)) return EADDRNOTAVAIL;
  if (port == 0) {
    port = port_choose(in_use, &address);
    if (port == 0) return EADDRINUSE;
  } else if (!reuse && in_use(port, &address)) {
    return EADDRINUSE;
  }
  endpoint->local_address = address;
  endpoint->local_port = port;
  return 0;
}

/* Composes header and payload at `to`, which has room for `total` bytes. */
static void compose(uint8_t *to, size_t total, const struct udp_endpoint *endpoint,
                    const struct ipv4_route *route, uint16_t port, const struct iovec *pieces,
                    int count) {
  struct udp_header *header = (struct udp_header *)to;
  uint8_t *at = to + UDP_HEADER_BYTES;
  for (int i = 0; i < count; i++) {
    if (pieces[i].iov_len) memcpy(at, pieces[i].iov_base, pieces[i].iov_len);
    at += pieces[i].iov_len;
  }
  header->source = endpoint->local_port;
  header->destination = port;
  header->length = swap16((uint16_t)total);
  header->checksum = 0;
  uint32_t sum = checksum_pseudo(route->source, route->destination, 17, (uint32_t)total);
  if (to == ipv4_payload() && ipv4_may_leave(route->destination)) {
    header->checksum = (uint16_t)~checksum_finish(sum);
    ipv4_leave_checksum(offsetof(struct udp_header, checksum));
    return;
  }
  uint16_t checksum = checksum_finish(checksum_add(sum, header, total));
  header->checksum = checksum ? checksum : 0xffff; /* 0 on the wire means "none" */
}

int udp_send(struct udp_endpoint *endpoint, uint32_t address, uint16_t port,
             const struct iovec *pieces, int count) {
  const struct socket *socket = endpoint->socket;
  size_t total = UDP_HEADER_BYTES;
  for (int i = 0; i < count; i++) total += pieces[i].iov_len;
  if (total > IPV4_PACKET_MAXIMUM - IPV4_HEADER_BYTES) return EMSGSIZE;
  uint32_t source = endpoint->local_address;
  if (!source || ipv4_is_broadcast(source)) {
    source = ipv4_is_own(address) ? address : network_address();
  }
  struct ipv4_route route = {.source = source,
                             .destination = address,
                             .protocol = 17,
                             .time_to_live = socket->time_to_live,
                             .service = socket->service,
                             .may_fragment = socket->fragmenting == IP_PMTUDISC_DONT};
  if (total <= ipv4_path_mtu(address) - IPV4_HEADER_BYTES) {
    compose(ipv4_payload(), total, endpoint, &route, port, pieces, count);
    return ipv4_send(&route, total);
  }
  if (socket->fragmenting == IP_PMTUDISC_DO) return EMSGSIZE;
  uint8_t *datagram = net_allocate(total);
  if (!datagram) return ENOBUFS;
  compose(datagram, total, endpoint, &route, port, pieces, count);
  int error = ipv4_send_fragments(&route, datagram, total);
  net_free(datagram, total);
  return error;
}

/* The endpoint that fits best: connected before bound to an address before bound to a port. */
static struct udp_endpoint *find(uint32_t source, uint16_t source_port, uint32_t destination,
                                 uint16_t destination_port) {
  struct udp_endpoint *best = NULL;
  int best_score = -1;
  for (struct udp_endpoint *e = endpoints; e; e = e->next) {
    if (e->local_port != destination_port) continue;
    if (e->local_address && e->local_address != destination) continue;
    if (e->remote_port && (e->remote_port != source_port || e->remote_address != source)) continue;
    int score = (e->remote_port ? 2 : 0) + (e->local_address ? 1 : 0);
    if (score > best_score) {
      best = e;
      best_score = score;
    }
  }
  return best;
}

static void enqueue(struct udp_endpoint *endpoint, const struct ipv4_packet *packet,
                    uint16_t source_port, const uint8_t *bytes, size_t length) {
  size_t cost = length + DATAGRAM_OVERHEAD;
  struct udp_datagram *datagram = NULL;
  if (endpoint->queued + cost <= endpoint->limit) {
    datagram = net_allocate(sizeof *datagram + length);
  }
  if (!datagram) {
    network_counters.dropped_full++;
    return;
  }
  datagram->next = NULL;
  datagram->source = packet->source;
  datagram->source_port = source_port;
  datagram->length = (uint16_t)length;
  memcpy(datagram->bytes, bytes, length);
  *endpoint->last = datagram;
  endpoint->last = &datagram->next;
  endpoint->queued += cost;
  socket_changed(endpoint->socket, FILE_READABLE);
}

void udp_input(const struct ipv4_packet *packet) {
  const struct udp_header *header = (const struct udp_header *)packet->payload;
  size_t length = packet->length < sizeof *header ? 0 : swap16(header->length);
  if (length < sizeof *header || length > packet->length) {
    network_counters.dropped_length++;
    return;
  }
  if (header->checksum != 0 && !packet->checked) {
    uint32_t sum = checksum_pseudo(packet->source, packet->destination, 17, (uint32_t)length);
    if (checksum_finish(checksum_add(sum, header, length)) != 0) {
      network_counters.dropped_checksum++;
      return;
    }
  }
  struct udp_endpoint *endpoint =
      find(packet->source, header->source, packet->destination, header->destination);
  if (!endpoint) {
    network_counters.dropped_port++;
    icmp_send_unreachable(packet, ICMP_PORT_UNREACHABLE);
    return;
  }
  enqueue(endpoint, packet, header->source, (const uint8_t *)(header + 1), length - sizeof *header);
}

void udp_failed(uint32_t source, uint32_t destination, const uint8_t *bytes, int error,
                unsigned mtu) {
  const struct udp_header *header = (const struct udp_header *)bytes;
  struct udp_endpoint *endpoint = find(destination, header->destination, source, header->source);
  if (!endpoint) return;
  if (error == EMSGSIZE) {
    ipv4_path_learn(destination, mtu);
    if (endpoint->socket->fragmenting != IP_PMTUDISC_DO) return; /* the next one will fit */
  }
  if (!endpoint->remote_port) return; /* only a connected socket is told */
  endpoint->socket->error = error;
  socket_changed(endpoint->socket, FILE_ANY);
}

struct udp_datagram *udp_take(struct udp_endpoint *endpoint) {
  struct udp_datagram *datagram = endpoint->first;
  if (!datagram) return NULL;
  endpoint->first = datagram->next;
  if (!endpoint->first) endpoint->last = &endpoint->first;
  endpoint->queued -= datagram->length + (size_t)DATAGRAM_OVERHEAD;
  return datagram;
}

void udp_free(struct udp_datagram *datagram) {
  net_free(datagram, sizeof *datagram + datagram->length);
}

void udp_each(void (*visit)(const struct udp_endpoint *endpoint, void *context), void *context) {
  for (const struct udp_endpoint *e = endpoints; e; e = e->next) visit(e, context);
}
