/*
 * Half-open connections: SYNs that were answered and wait for the third step. A few words each, in a
 * table per listener. The network lock is held.
 */
#ifndef ILWACO_NET_TCP_REQUEST_H
#define ILWACO_NET_TCP_REQUEST_H

#include "tcp.h"
#include "tcp_segment.h"

struct tcp_request {
  struct tcp_request *next; /* in its bucket */
  struct tcp_endpoints at;
  uint32_t irs, iss;
  uint32_t ts_recent;
  uint16_t mss; /* the peer's */
  uint8_t scale;
  uint8_t answers; /* SYN-ACKs sent */
  unsigned has_scale : 1;
  unsigned sack : 1;
  unsigned timestamps : 1;
  unsigned acknowledged : 1; /* the third step has come, and found no place */
  uint64_t again_at; /* when to answer once more */
};

enum { TCP_REQUEST_BUCKETS = 16 };

struct tcp_requests {
  struct tcp_request *bucket[TCP_REQUEST_BUCKETS];
  unsigned count;
};

struct tcp_request *tcp_request_find(const struct tcp_requests *all, const struct tcp_endpoints *at);
struct tcp_request *tcp_request_add(struct tcp_requests *all, const struct tcp_endpoints *at); /* NULL: no memory */
void tcp_request_remove(struct tcp_requests *all, struct tcp_request *request);

/* What the peer asks for by its SYN. */
void tcp_request_take(struct tcp_request *request, const struct tcp_endpoints *at,
                      const struct tcp_segment *syn);

/* --- tcp_cookie.c */

/* The initial sequence number which holds the request; and the timestamp, which holds its options. */
uint32_t tcp_cookie_make(const struct tcp_request *request);
uint32_t tcp_cookie_timestamp(const struct tcp_request *request);

/* Restores the request that this third step answers; 0: it answers no cookie of the last minutes. */
int tcp_cookie_take(struct tcp_request *request, const struct tcp_endpoints *at,
                    const struct tcp_segment *segment);

#endif
