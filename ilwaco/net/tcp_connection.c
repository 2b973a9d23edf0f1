/* The life of a TCP connection as its socket steers it; see tcp.h. */
#include "tcp_connection.h"

#include <errno.h>

#include "memory.h"
#include "network.h"
#include "socket.h"
#include "wire.h"

enum { ORPHAN_PATIENCE_S = 60 };

uint16_t tcp_own_mss(void) { return (uint16_t)(ipv4_payload_maximum() - TCP_HEADER_BYTES); }

uint16_t tcp_path_mss(const struct tcp_connection *c) {
  unsigned mss = ipv4_path_mtu(c->at.remote_address) - IPV4_HEADER_BYTES - TCP_HEADER_BYTES;
  if (c->timestamps) mss -= TCP_TIMESTAMP_BYTES;
  return (uint16_t)(mss < TCP_MSS_MINIMUM ? TCP_MSS_MINIMUM : mss);
}

void tcp_take_mss(struct tcp_connection *c, uint16_t offered) {
  uint16_t path = tcp_path_mss(c);
  if (c->timestamps) offered -= offered > TCP_TIMESTAMP_BYTES ? TCP_TIMESTAMP_BYTES : 0;
  c->mss = offered < path ? offered : path;
  if (c->mss < TCP_MSS_MINIMUM) c->mss = TCP_MSS_MINIMUM;
}

uint8_t tcp_scale_for(uint32_t limit) {
  uint8_t scale = 0;
  while (scale < 14 && (65535u << scale) < limit) scale++;
  return scale;
}

void tcp_configure(struct tcp_connection *c) {
  const struct socket *socket = c->socket;
  c->send_limit = socket->send_limit;
  c->receive_limit = socket->receive_limit;
  c->no_delay = socket->no_delay;
  tcp_keepalive_reset(c);
  tcp_reschedule(c);
}

struct tcp_connection *tcp_connection_new(struct socket *socket, const struct tcp_endpoints *at) {
  struct tcp_connection *c = net_allocate_zeroed(sizeof *c);
  if (!c) return NULL;
  if (!timer_reserve(&c->timer, tcp_expire)) {
    net_free(c, sizeof *c);
    return NULL;
  }
  c->at = *at;
  c->mss = TCP_MSS_DEFAULT;
  c->rto = 1000000;
  c->retransmit_at = c->delayed_ack_at = c->keepalive_at = c->linger_at = NET_NEVER;
  c->send_limit = c->receive_limit = SOCKET_BUFFER_DEFAULT;
  c->socket = socket;
  if (socket) tcp_configure(c);
  return c;
}

static void release(struct tcp_connection *c) {
  tcp_output_forget(c);
  timer_release(&c->timer);
  ring_free(&c->send);
  ring_free(&c->receive);
  net_free(c, sizeof *c);
}

void tcp_notify(struct tcp_connection *c, unsigned events) {
  if (c->socket) socket_changed(c->socket, events);
}

void tcp_drop(struct tcp_connection *c, int error) {
  c->state = TCP_CLOSED;
  c->error = (uint8_t)error;
  c->retransmit_at = c->delayed_ack_at = c->keepalive_at = c->linger_at = NET_NEVER;
  timer_set(&c->timer, NET_NEVER);
  ring_free(&c->send);
  c->snd_nxt = c->snd_max = c->snd_una;
  tcp_table_remove(c);
  if (c->listener) tcp_listener_forget(c);
  if (c->socket) {
    tcp_notify(c, FILE_ANY);
  } else {
    release(c);
  }
}

void tcp_enter_time_wait(struct tcp_connection *c) {
  tcp_time_wait_add(c);
  tcp_drop(c, 0);
}

int tcp_connect(struct socket *socket, const struct tcp_endpoints *at,
                struct tcp_connection **connection) {
  if (ipv4_is_broadcast(at->remote_address)) return ENETUNREACH;
  if (!ipv4_has_route(at->remote_address)) return ENETUNREACH;
  if (tcp_table_find(at) || tcp_time_wait_has(at)) return EADDRNOTAVAIL;
  struct tcp_connection *c = tcp_connection_new(socket, at);
  if (!c) return ENOBUFS;
  if (!tcp_table_insert(c)) {
    release(c);
    return ENOBUFS;
  }
  c->state = TCP_SYN_SENT;
  c->iss = tcp_initial_sequence(at);
  c->snd_una = c->iss;
  c->snd_nxt = c->snd_max = c->recover = c->iss + 1;
  c->rcv_scale = tcp_scale_for(SOCKET_BUFFER_MAXIMUM);
  *connection = c;
  tcp_send_syn(c);
  tcp_arm_retransmit(c);
  tcp_reschedule(c);
  return 0;
}

void tcp_attach(struct tcp_connection *c, struct socket *socket) {
  c->socket = socket;
  tcp_configure(c);
}

long tcp_write(struct tcp_connection *c, const void *bytes, size_t length, int more) {
  if (c->error) return -tcp_take_error(c);
  if (c->state == TCP_CLOSED || c->fin_wanted) return -EPIPE;
  if (c->state < TCP_ESTABLISHED) return -EAGAIN;
  if (length > SOCKET_BUFFER_MAXIMUM) length = SOCKET_BUFFER_MAXIMUM;
  uint32_t taken = ring_append(&c->send, c->send_limit, bytes, (uint32_t)length);
  int released = c->more && !more;
  c->more = more != 0;
  if (taken || released) tcp_output(c);
  return taken || !length ? (long)taken : -EAGAIN;
}

long tcp_peek(struct tcp_connection *c, size_t offset, void *bytes, size_t length) {
  uint32_t available = c->receive.used;
  if (offset >= available) {
    if (c->error) return -tcp_take_error(c);
    return tcp_read_ended(c) ? 0 : -EAGAIN;
  }
  uint32_t taken = length < available - offset ? (uint32_t)length : available - (uint32_t)offset;
  ring_copy(&c->receive, (uint32_t)offset, bytes, taken);
  return (long)taken;
}

long tcp_read(struct tcp_connection *c, void *bytes, size_t length) {
  long taken = tcp_peek(c, 0, bytes, length);
  if (taken <= 0) return taken;
  ring_drop(&c->receive, (uint32_t)taken, c->out_of_order.count != 0);
  if (c->state != TCP_CLOSED && !c->fin_taken) {
    /* Tell the peer of new room only when it is worth a segment (RFC 9293 section 3.8.6.2.2). */
    uint32_t gain = tcp_window_edge(c) - c->rcv_adv;
    uint32_t worth = c->receive_limit / 2 < 2u * c->mss ? c->receive_limit / 2 : 2u * c->mss;
    if (gain >= worth) tcp_send_ack(c);
  }
  return taken;
}

void tcp_uncork(struct tcp_connection *c) {
  c->more = 0;
  if (c->state >= TCP_ESTABLISHED) tcp_output(c);
}

size_t tcp_available(const struct tcp_connection *c) { return c->receive.used; }

size_t tcp_queued(const struct tcp_connection *c) { return c->send.used; }

int tcp_connecting(const struct tcp_connection *c) {
  return c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED;
}

int tcp_read_ended(const struct tcp_connection *c) {
  return c->fin_taken || c->state == TCP_CLOSED;
}

int tcp_write_ended(const struct tcp_connection *c) {
  return c->fin_wanted || c->state == TCP_CLOSED;
}

int tcp_readable(const struct tcp_connection *c) {
  return c->receive.used || c->error || tcp_read_ended(c);
}

/* Woken when a third of the buffer is free, so that a writer does not run for every segment. */
int tcp_writable(const struct tcp_connection *c) {
  if (c->error || tcp_write_ended(c)) return 1;
  return c->state >= TCP_ESTABLISHED && c->send.used <= c->send_limit - c->send_limit / 3;
}

int tcp_unsent(const struct tcp_connection *c) {
  return c->state >= TCP_ESTABLISHED && (c->send.used || c->snd_una != c->snd_max);
}

int tcp_has_error(const struct tcp_connection *c) { return c->error != 0; }

int tcp_take_error(struct tcp_connection *c) {
  int error = c->error;
  c->error = 0;
  return error;
}

void tcp_get_endpoints(const struct tcp_connection *c, struct tcp_endpoints *at) { *at = c->at; }

unsigned tcp_segment_size(const struct tcp_connection *c) { return tcp_payload_room(c); }

void tcp_shutdown(struct tcp_connection *c) {
  if (c->fin_wanted) return;
  switch (c->state) {
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
      c->state = TCP_FIN_WAIT_1;
      break;
    case TCP_CLOSE_WAIT:
      c->state = TCP_LAST_ACK;
      break;
    default:
      return;
  }
  c->fin_wanted = 1;
  tcp_output(c);
}

void tcp_close(struct tcp_connection *c, int reset) {
  int unread = c->receive.used != 0 || c->out_of_order.count != 0;
  c->socket = NULL;
  if (c->state == TCP_CLOSED) {
    release(c);
  } else if (c->state == TCP_SYN_SENT) {
    tcp_drop(c, 0);
  } else if (reset || unread) {
    tcp_send_reset(c);
    tcp_drop(c, 0);
  } else {
    c->orphaned = 1;
    c->linger_at = network_now() + ORPHAN_PATIENCE_S * 1000000ull;
    if (c->fin_wanted) {
      tcp_reschedule(c);
    } else {
      tcp_shutdown(c);
    }
  }
}

void tcp_failed(uint32_t source, uint32_t destination, const uint8_t *bytes, int error,
                unsigned mtu) {
  const struct tcp_header *header = (const struct tcp_header *)bytes;
  struct tcp_endpoints at = {source, destination, header->source, header->destination};
  struct tcp_connection *c = tcp_table_find(&at);
  uint32_t sequence = swap32(header->sequence);
  /* Only who saw our segments knows numbers in flight (RFC 5927). */
  if (!c || seq_before(sequence, c->snd_una) || seq_after(sequence, c->snd_max)) return;
  if (error == EMSGSIZE) {
    ipv4_path_learn(destination, mtu);
    if (tcp_path_mss(c) < c->mss) {
      c->mss = tcp_path_mss(c);
      c->snd_nxt = c->snd_una;
      tcp_output(c);
    }
  } else if (tcp_connecting(c)) {
    tcp_drop(c, error);
  }
}
