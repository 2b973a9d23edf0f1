/* UDP (RFC 768). The network lock is held. Addresses and ports in network byte order. */
#ifndef ILWACO_NET_UDP_H
#define ILWACO_NET_UDP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "ipv4.h"

struct socket;

struct udp_datagram {
  struct udp_datagram *next;
  uint32_t source;
  uint16_t source_port;
  uint16_t length;
  uint8_t bytes[];
};

struct udp_endpoint {
  struct udp_endpoint *next;
  struct socket *socket;
  uint32_t local_address, remote_address; /* 0: any */
  uint16_t local_port, remote_port;
  struct udp_datagram *first, **last;
  size_t queued, limit; /* bytes waiting, and how many may */
};

/* A new endpoint without a port, or NULL: no memory. */
struct udp_endpoint *udp_open(struct socket *socket);
void udp_close(struct udp_endpoint *endpoint);

/* `port` 0 chooses one. 0, EADDRINUSE, EADDRNOTAVAIL. */
int udp_bind(struct udp_endpoint *endpoint, uint32_t address, uint16_t port, int reuse);

/* Sends one datagram; 0, EMSGSIZE, ENOBUFS, or another error number of ipv4_send. */
int udp_send(struct udp_endpoint *endpoint, uint32_t address, uint16_t port,
             const struct iovec *pieces, int count);

/* Takes the first datagram off the queue; the caller gives it to udp_free. NULL: none. */
struct udp_datagram *udp_take(struct udp_endpoint *endpoint);
void udp_free(struct udp_datagram *datagram);

void udp_each(void (*visit)(const struct udp_endpoint *endpoint, void *context), void *context);

void udp_input(const struct ipv4_packet *packet);
void udp_failed(uint32_t source, uint32_t destination, const uint8_t *header, int error,
                unsigned mtu);

#endif
