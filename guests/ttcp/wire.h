/*
 * What two ttcps say to each other. All numbers are 32 bits in network byte order.
 *
 * Every measurement begins with a TCP connection to the server. The client sends a request, the server
 * answers it with a reply, and then, by mode:
 *
 *   MODE_TCP_SEND     the client sends data until it closes its half; the server answers with a result
 *   MODE_TCP_RECEIVE  the server sends data and closes its half
 *   MODE_TCP_LATENCY  the client sends `length` bytes, the server sends them back; and so on until the
 *                     client closes
 *   MODE_UDP_*        the reply names a UDP port of the server, for this measurement alone. Datagrams
 *                     begin with a header; the TCP connection says when it is over:
 *   MODE_UDP_SEND     the client sends datagrams, then over TCP how many; the server answers with a
 *                     result as soon as all have come, or none has come for DRAIN_MS
 *   MODE_UDP_RECEIVE  the client sends HELLO datagrams until data comes; the server sends datagrams,
 *                     then over TCP how many
 *   MODE_UDP_LATENCY  the server sends every datagram back
 *
 * With FLAG_VERIFY, data is the pattern of pattern.h: by offset in a stream, by number in datagrams.
 */
#ifndef TTCP_WIRE_H
#define TTCP_WIRE_H

#include <stdint.h>

enum { TTCP_PORT = 5001, WIRE_MAGIC = 0x54544350, WIRE_VERSION = 1, DRAIN_MS = 300 };

enum mode {
  MODE_TCP_SEND,
  MODE_TCP_RECEIVE,
  MODE_TCP_LATENCY,
  MODE_UDP_SEND,
  MODE_UDP_RECEIVE,
  MODE_UDP_LATENCY,
  MODES
};

enum { FLAG_VERIFY = 1 };

enum { TCP_LENGTH_MAXIMUM = 1 << 20, UDP_LENGTH_MINIMUM = 16, UDP_LENGTH_MAXIMUM = 65507 };

struct request {
  uint32_t magic, version, mode, flags;
  uint32_t length;               /* of a write or of a datagram, bytes */
  uint32_t count_high, count_low; /* bytes to send, 0: no bound */
  uint32_t milliseconds;         /* for how long, 0: no bound */
  uint32_t kilobits;             /* per second, for datagrams; 0: no bound */
};

struct reply {
  uint32_t magic, version;
  uint32_t refusal; /* 0, or a REFUSAL_ */
  uint32_t port;
};

enum { REFUSAL_REQUEST = 1, REFUSAL_BUSY = 2, REFUSAL_RESOURCES = 3 };

struct result {
  uint32_t bytes_high, bytes_low;
  uint32_t us_high, us_low;         /* from the first byte to the last */
  uint32_t wrong_high, wrong_low;   /* bytes that differ from the pattern */
  uint32_t datagrams, duplicates, reordered;
};

enum { KIND_HELLO = 1, KIND_DATA = 2 };

struct datagram {
  uint32_t magic, kind;
  uint32_t number; /* from 0 */
  uint32_t length; /* of all, header included: tells a truncated one */
};

#endif
