/*
 * A connection's time: round-trip estimate and retransmission timeout (RFC 6298), zero-window probes,
 * delayed acknowledgements, keepalive, and the end of connections that nobody owns any more.
 *
 * Four deadlines share one timer in the heap. RFC 6298 asks for a minimum timeout of one second; like
 * Linux this uses 200 ms, with delayed acknowledgements of 40 ms well below it.
 */
#include <errno.h>

#include "network.h"
#include "socket.h"
#include "tcp_connection.h"

#define RTO_MINIMUM_US 200000u
#define RTO_MAXIMUM_US 60000000u
#define TAIL_PROBE_MARGIN_US 10000u
#define SILENCE_MAXIMUM_US (120 * 1000000ull) /* of a peer that does not answer probes */
enum { SYN_RETRIES = 5, RETRIES = 12, ORPHAN_RETRIES = 7 };

void tcp_rtt_sample(struct tcp_connection *c, uint32_t rtt) {
  if (rtt == 0) rtt = 1;
  if (c->srtt == 0) {
    c->srtt = rtt;
    c->rttvar = rtt / 2;
  } else {
    uint32_t error = rtt > c->srtt ? rtt - c->srtt : c->srtt - rtt;
    c->rttvar = c->rttvar - c->rttvar / 4 + error / 4;
    c->srtt = c->srtt - c->srtt / 8 + rtt / 8;
  }
  uint32_t rto = c->srtt + 4 * c->rttvar;
  c->rto = rto < RTO_MINIMUM_US ? RTO_MINIMUM_US : rto > RTO_MAXIMUM_US ? RTO_MAXIMUM_US : rto;
}

static uint64_t backed_off(const struct tcp_connection *c) {
  uint64_t interval = (uint64_t)c->rto << (c->retries < 16 ? c->retries : 16);
  return interval < RTO_MAXIMUM_US ? interval : RTO_MAXIMUM_US;
}

/* The program's own patience with a peer that acknowledges nothing (RFC 5482), µs; 0: it has set none. */
static uint64_t patience(const struct tcp_connection *c) {
  return c->socket ? c->socket->user_timeout_ms * 1000ull : 0;
}

/* Whether it has been tried for as long as the program says; if it says nothing, `otherwise`. */
static int is_over(const struct tcp_connection *c, uint64_t now, int otherwise) {
  uint64_t limit = patience(c);
  return limit ? now - c->stalled_at >= limit : otherwise;
}

static int give_up(struct tcp_connection *c) {
  if (!tcp_connecting(c)) tcp_send_reset(c);
  tcp_drop(c, ETIMEDOUT);
  return 0;
}

static void count_retry(struct tcp_connection *c) {
  if (c->retries < UINT8_MAX) c->retries++;
}

/* Whether to send something again before the timeout: the last segment, so that the peer reports what it
 * has, or in recovery the first one, whose repetition may be lost. With one segment in flight the peer
 * may just be delaying its acknowledgement. */
static int may_probe_tail(const struct tcp_connection *c) {
  return c->sack && c->srtt && c->state >= TCP_ESTABLISHED && !c->tail_probed && c->retries == 0 &&
         c->snd_max - c->snd_una > tcp_payload_room(c);
}

void tcp_arm_retransmit(struct tcp_connection *c) {
  uint64_t wait = backed_off(c);
  uint64_t probe = 2 * (uint64_t)c->srtt + TAIL_PROBE_MARGIN_US;
  c->tail_due = may_probe_tail(c) && probe < wait;
  c->retransmit_at = network_now() + (c->tail_due ? probe : wait);
  if (!c->retries || !patience(c)) return;
  uint64_t end = c->stalled_at + patience(c);
  if (end < c->retransmit_at) c->retransmit_at = end;
}

void tcp_arm_after_send(struct tcp_connection *c) {
  int armed = c->retransmit_at != NET_NEVER && !c->probing;
  if (armed && !c->tail_due && !may_probe_tail(c)) return; /* the oldest segment's time goes on */
  c->probing = 0;
  tcp_arm_retransmit(c);
}

void tcp_reschedule(struct tcp_connection *c) {
  uint64_t next = c->retransmit_at;
  if (c->delayed_ack_at < next) next = c->delayed_ack_at;
  if (c->keepalive_at < next) next = c->keepalive_at;
  if (c->linger_at < next) next = c->linger_at;
  timer_set(&c->timer, next);
}

void tcp_keepalive_reset(struct tcp_connection *c) {
  c->keepalive_count = 0;
  c->keepalive_at = c->socket && c->socket->keepalive && c->state >= TCP_ESTABLISHED
                        ? network_now() + c->socket->keepalive_idle_s * 1000000ull
                        : NET_NEVER;
}

/* 0: the connection is gone. */
static int on_keepalive(struct tcp_connection *c, uint64_t now) {
  const struct socket *socket = c->socket;
  if (!socket || !socket->keepalive) {
    c->keepalive_at = NET_NEVER;
    return 1;
  }
  uint64_t due = c->last_received_at + socket->keepalive_idle_s * 1000000ull;
  if (c->keepalive_count == 0 && due > now) {
    c->keepalive_at = due;
    return 1;
  }
  uint64_t end = c->last_received_at + patience(c);
  if (patience(c) ? c->keepalive_count && now >= end
                  : c->keepalive_count >= socket->keepalive_probes) {
    return give_up(c);
  }
  if (c->keepalive_count < UINT8_MAX) c->keepalive_count++;
  c->keepalive_at = now + socket->keepalive_interval_s * 1000000ull;
  if (patience(c) && end > now && end < c->keepalive_at) c->keepalive_at = end;
  tcp_send_probe(c);
  return 1;
}

/* 0: the connection is gone. */
static int on_timeout(struct tcp_connection *c, uint64_t now) {
  if (c->retries) ipv4_doubt(c->at.remote_address);
  else if (!c->tail_due) c->stalled_at = now - c->rto;
  if (tcp_connecting(c)) {
    if (is_over(c, now, c->retries >= SYN_RETRIES)) return give_up(c);
    count_retry(c);
    tcp_send_syn(c);
    tcp_arm_retransmit(c);
    return 1;
  }
  if (c->probing || c->snd_wnd == 0) {
    uint64_t silence = now - c->last_received_at;
    if (is_over(c, now, silence > SILENCE_MAXIMUM_US)) return give_up(c);
    count_retry(c);
    if (c->snd_wnd) {
      c->send_small = 1;
      tcp_output(c);
    } else {
      tcp_send_probe(c);
    }
    if (c->retransmit_at <= now) tcp_arm_retransmit(c);
    return 1;
  }
  if (c->tail_due) {
    c->tail_due = 0;
    c->tail_probed = 1;
    if (c->recovering) {
      c->resend_head = 1;
      tcp_output(c);
    } else {
      tcp_send_tail(c);
    }
    tcp_arm_retransmit(c);
    return 1;
  }
  if (is_over(c, now, c->retries >= (c->orphaned ? ORPHAN_RETRIES : RETRIES))) return give_up(c);
  network_counters.tcp_timeouts++;
  tcp_congestion_timeout(c);
  count_retry(c);
  c->timing = 0;
  tcp_arm_retransmit(c);
  tcp_output(c);
  return 1;
}

void tcp_expire(struct net_timer *timer) {
  struct tcp_connection *c = TIMER_OWNER(timer, struct tcp_connection);
  uint64_t now = network_now();
  if (c->linger_at <= now) {
    if (c->state != TCP_FIN_WAIT_2) tcp_send_reset(c);
    tcp_drop(c, 0);
    return;
  }
  if (c->delayed_ack_at <= now) tcp_send_ack(c);
  if (c->keepalive_at <= now && !on_keepalive(c, now)) return;
  if (c->retransmit_at <= now && !on_timeout(c, now)) return;
  tcp_reschedule(c);
}
