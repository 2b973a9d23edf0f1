/*
 * One side of a measurement: sending and receiving, the same for client and server.
 *
 * Functions return 0, or -1 with errno; what has been counted until then stands in the tally.
 */
#ifndef TTCP_TRANSFER_H
#define TTCP_TRANSFER_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* What was asked for, in host byte order. */
struct plan {
  enum mode mode;
  int verify;
  uint32_t length;
  uint64_t count; /* bytes, 0: no bound */
  uint32_t milliseconds;
  uint32_t kilobits;
};

struct tally {
  uint64_t bytes, us, wrong;
  uint32_t datagrams, duplicates, reordered;
  uint32_t sent; /* datagrams that the other side says it sent */
};

/* Sends a stream as planned and closes its half. */
int stream_send(int fd, const struct plan *plan, uint8_t *buffer, struct tally *tally);

/* Receives to the end of the stream. */
int stream_receive(int fd, const struct plan *plan, uint8_t *buffer, struct tally *tally);

/* Sends datagrams on a connected UDP socket, then their number on the TCP connection. */
int datagrams_send(int udp, int tcp, const struct plan *plan, uint8_t *buffer, struct tally *tally);

/* Receives datagrams until the other side has said on `tcp` how many it sent and they are all here, or
 * the wire is silent. */
int datagrams_receive(int udp, int tcp, const struct plan *plan, uint8_t *buffer,
                      struct tally *tally);

#endif
