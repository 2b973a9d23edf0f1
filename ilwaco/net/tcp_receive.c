/*
 * The payload and the FIN of an acceptable segment.
 *
 * What comes out of order goes straight to its place in the receive ring, behind the end; a small set of
 * ranges remembers which bytes are there. Reassembly so costs no further memory than the window that
 * was promised, and the same ranges are the SACK blocks.
 */
#include "memory.h"
#include "network.h"
#include "socket.h"
#include "tcp_connection.h"
#include "wire.h"

enum { DELAYED_ACK_US = 40000 };

/* When memory is short, promise only what is there already, and a little so that nothing stalls. */
static uint32_t room(const struct tcp_connection *c) {
  uint32_t used = c->receive.used;
  uint32_t free = c->receive_limit > used ? c->receive_limit - used : 0;
  if (net_memory_used() > net_memory_limit() / 4 * 3) {
    uint32_t owned = c->receive.capacity > used ? c->receive.capacity - used : 0;
    if (owned < 2u * c->mss && used < 2u * c->mss) owned = 2u * c->mss;
    if (free > owned) free = owned;
  }
  uint32_t expressible = 65535u << c->rcv_scale;
  return free < expressible ? free : expressible;
}

uint32_t tcp_window_edge(const struct tcp_connection *c) {
  return seq_max(c->rcv_nxt + room(c), c->rcv_adv);
}

static void acknowledge_soon(struct tcp_connection *c, int hole_changed, uint32_t length) {
  c->unacknowledged += length > c->mss ? 2 : 1;
  if (hole_changed || c->unacknowledged >= 2) {
    c->ack_now = 1;
  } else if (c->delayed_ack_at == NET_NEVER) {
    c->delayed_ack_at = network_now() + DELAYED_ACK_US;
  }
}

static void take_in_order(struct tcp_connection *c, uint32_t end) {
  int filled = c->out_of_order.count != 0;
  while (c->out_of_order.count && !seq_after(c->out_of_order.range[0].start, end)) {
    end = seq_max(end, c->out_of_order.range[0].end);
    tcp_ranges_trim(&c->out_of_order, end);
  }
  uint32_t length = end - c->rcv_nxt;
  ring_extend(&c->receive, length);
  c->rcv_nxt = end;
  acknowledge_soon(c, filled, length);
  tcp_notify(c, FILE_READABLE);
}

static void take_out_of_order(struct tcp_connection *c, uint32_t start, uint32_t end) {
  network_counters.tcp_out_of_order++;
  if (tcp_ranges_add(&c->out_of_order, start, end)) c->recent_sequence = start;
  tcp_send_ack(c); /* at once and for each, for the peer's fast retransmit (RFC 5681 section 4.2) */
}

static void take_data(struct tcp_connection *c, uint32_t sequence, const uint8_t *data,
                      uint32_t length) {
  uint32_t used = c->receive.used;
  uint32_t limit = used + (c->rcv_adv - c->rcv_nxt);
  if (!ring_place(&c->receive, limit, used + (sequence - c->rcv_nxt), data, length)) {
    network_counters.dropped_memory++;
    return;
  }
  if (sequence == c->rcv_nxt) {
    take_in_order(c, sequence + length);
  } else {
    take_out_of_order(c, sequence, sequence + length);
  }
}

/* 0: the connection is gone. */
static int take_fin(struct tcp_connection *c) {
  c->fin_taken = 1;
  c->rcv_nxt++;
  c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt);
  c->ack_now = 1;
  tcp_notify(c, FILE_ANY);
  switch (c->state) {
    case TCP_ESTABLISHED:
      c->state = TCP_CLOSE_WAIT;
      return 1;
    case TCP_FIN_WAIT_1:
      c->state = TCP_CLOSING;
      return 1;
    case TCP_FIN_WAIT_2:
      tcp_send_ack(c);
      tcp_enter_time_wait(c);
      return 0;
    default:
      return 1;
  }
}

int tcp_receive(struct tcp_connection *c, const struct tcp_segment *segment) {
  if (c->state != TCP_ESTABLISHED && c->state != TCP_FIN_WAIT_1 && c->state != TCP_FIN_WAIT_2) {
    return 1;
  }
  uint32_t sequence = segment->sequence;
  uint32_t length = segment->length;
  const uint8_t *data = segment->data;
  int fin = segment->flags & TCP_FIN;
  if (seq_before(sequence, c->rcv_nxt)) {
    uint32_t old = c->rcv_nxt - sequence;
    if (old > length) old = length;
    data += old;
    length -= old;
    sequence += old;
    c->ack_now = 1;
  }
  if (length > c->rcv_adv - sequence) {
    length = c->rcv_adv - sequence;
    fin = 0;
    c->ack_now = 1;
  }
  if (length && c->orphaned) {
    tcp_send_reset(c); /* nobody will read it (RFC 9293 section 3.6.1, RFC 2525 section 2.17) */
    tcp_drop(c, 0);
    return 0;
  }
  if (fin && !c->fin_seen) {
    c->fin_seen = 1;
    c->fin_sequence = sequence + length;
  }
  if (length) take_data(c, sequence, data, length);
  if (c->fin_seen && c->rcv_nxt == c->fin_sequence) return take_fin(c);
  return 1;
}
