/*
 * Listening: SYNs become requests, answered requests become connections in the accept queue.
 *
 * A request is a few words, not a connection, and there are at most as many per listener as its backlog
 * (and REQUESTS_MAXIMUM): beyond that a SYN pushes out the oldest, so that a flood of SYNs costs bounded
 * memory and a client that answers promptly still gets in.
 */
#include <errno.h>

#include "memory.h"
#include "network.h"
#include "socket.h"
#include "tcp_connection.h"
#include "tcp_reply.h"
#include "wire.h"

enum { REQUESTS_MINIMUM = 16, REQUESTS_MAXIMUM = 1024, ANSWERS_MAXIMUM = 5 };
#define ANSWER_INTERVAL_US 1000000u

struct request {
  struct request *next; /* oldest first */
  struct tcp_endpoints at;
  uint32_t irs, iss;
  uint32_t ts_recent;
  uint16_t mss;
  uint8_t scale;
  uint8_t answers; /* SYN-ACKs sent */
  unsigned has_scale : 1;
  unsigned sack : 1;
  unsigned timestamps : 1;
  uint64_t again_at;
};

struct tcp_listener {
  struct tcp_listener *next;
  struct socket *socket;
  uint32_t address; /* 0: any */
  uint16_t port;
  unsigned backlog;
  struct request *requests;
  unsigned request_count;
  struct tcp_connection *accept_first, **accept_last;
  unsigned accept_count;
  struct net_timer timer;
};

static struct tcp_listener *listeners;

struct tcp_listener *tcp_listener_find(uint32_t address, uint16_t port) {
  struct tcp_listener *l = listeners;
  while (l && (l->port != port || (l->address && address && l->address != address))) l = l->next;
  return l;
}

static void send_syn_ack(struct request *request) {
  struct tcp_options options = {.mss = tcp_own_mss(),
                                .has_scale = request->has_scale,
                                .scale = tcp_scale_for(SOCKET_BUFFER_MAXIMUM),
                                .sack_permitted = request->sack,
                                .has_timestamp = request->timestamps,
                                .timestamp = (uint32_t)(network_now() / 1000),
                                .timestamp_echo = request->ts_recent};
  size_t length = tcp_options_write(ipv4_payload() + TCP_HEADER_BYTES, &options);
  uint32_t window = SOCKET_BUFFER_DEFAULT > 65535 ? 65535 : SOCKET_BUFFER_DEFAULT;
  tcp_transmit(&request->at, request->iss, request->irs + 1, TCP_SYN | TCP_ACK, (uint16_t)window,
               length, 0);
  request->answers++;
  request->again_at = network_now() + ((uint64_t)ANSWER_INTERVAL_US << (request->answers - 1));
}

static struct request **find_request(struct tcp_listener *l, const struct tcp_endpoints *at) {
  struct request **link = &l->requests;
  while (*link && ((*link)->at.remote_port != at->remote_port ||
                   (*link)->at.remote_address != at->remote_address ||
                   (*link)->at.local_address != at->local_address)) {
    link = &(*link)->next;
  }
  return link;
}

static void remove_request(struct tcp_listener *l, struct request **link) {
  struct request *request = *link;
  *link = request->next;
  l->request_count--;
  net_free(request, sizeof *request);
}

static void set_timer(struct tcp_listener *l) {
  uint64_t next = NET_NEVER;
  for (struct request *r = l->requests; r; r = r->next) {
    if (r->again_at < next) next = r->again_at;
  }
  timer_set(&l->timer, next);
}

static void on_timer(struct net_timer *timer) {
  struct tcp_listener *l = TIMER_OWNER(timer, struct tcp_listener);
  uint64_t now = network_now();
  for (struct request **link = &l->requests; *link;) {
    struct request *request = *link;
    if (request->again_at <= now) {
      if (request->answers >= ANSWERS_MAXIMUM) {
        remove_request(l, link);
        continue;
      }
      ipv4_doubt(request->at.remote_address);
      send_syn_ack(request);
    }
    link = &request->next;
  }
  set_timer(l);
}

int tcp_listen(struct socket *socket, uint32_t address, uint16_t port, unsigned backlog,
               struct tcp_listener **listener) {
  if (tcp_listener_find(address, port)) return EADDRINUSE;
  struct tcp_listener *l = net_allocate_zeroed(sizeof *l);
  if (!l) return ENOBUFS;
  if (!timer_reserve(&l->timer, on_timer)) {
    net_free(l, sizeof *l);
    return ENOBUFS;
  }
  l->socket = socket;
  l->address = address;
  l->port = port;
  l->accept_last = &l->accept_first;
  tcp_set_backlog(l, backlog);
  l->next = listeners;
  listeners = l;
  *listener = l;
  return 0;
}

void tcp_set_backlog(struct tcp_listener *l, unsigned backlog) { l->backlog = backlog ? backlog : 1; }

int tcp_acceptable(const struct tcp_listener *l) { return l->accept_count != 0; }

struct tcp_connection *tcp_accept(struct tcp_listener *l) {
  struct tcp_connection *c = l->accept_first;
  if (!c) return NULL;
  tcp_listener_forget(c);
  return c;
}

void tcp_listener_forget(struct tcp_connection *c) {
  struct tcp_listener *l = c->listener;
  struct tcp_connection **link = &l->accept_first;
  while (*link != c) link = &(*link)->accept_next;
  *link = c->accept_next;
  if (l->accept_last == &c->accept_next) l->accept_last = link;
  l->accept_count--;
  c->listener = NULL;
  c->accept_next = NULL;
}

void tcp_listener_close(struct tcp_listener *l) {
  struct tcp_listener **link = &listeners;
  while (*link != l) link = &(*link)->next;
  *link = l->next;
  while (l->requests) remove_request(l, &l->requests);
  struct tcp_connection *c;
  while ((c = tcp_accept(l))) {
    tcp_send_reset(c);
    tcp_drop(c, 0);
  }
  timer_release(&l->timer);
  net_free(l, sizeof *l);
}

static unsigned requests_maximum(const struct tcp_listener *l) {
  if (l->backlog < REQUESTS_MINIMUM) return REQUESTS_MINIMUM;
  return l->backlog < REQUESTS_MAXIMUM ? l->backlog : REQUESTS_MAXIMUM;
}

static void on_syn(struct tcp_listener *l, const struct tcp_endpoints *at,
                   const struct tcp_segment *segment) {
  struct request **link = find_request(l, at);
  if (*link && (*link)->irs == segment->sequence) {
    send_syn_ack(*link);
    set_timer(l);
    return;
  }
  if (*link) remove_request(l, link);
  if (l->accept_count >= l->backlog) {
    network_counters.dropped_full++;
    return;
  }
  if (l->request_count >= requests_maximum(l)) {
    network_counters.dropped_full++;
    remove_request(l, &l->requests);
  }
  struct request *request = net_allocate_zeroed(sizeof *request);
  if (!request) {
    network_counters.dropped_memory++;
    return;
  }
  const struct tcp_options *options = &segment->options;
  request->at = *at;
  request->irs = segment->sequence;
  request->iss = tcp_initial_sequence(at);
  request->mss = options->mss ? options->mss : TCP_MSS_DEFAULT;
  request->has_scale = options->has_scale;
  request->scale = options->scale;
  request->sack = options->sack_permitted;
  request->timestamps = options->has_timestamp;
  request->ts_recent = options->timestamp;
  link = &l->requests;
  while (*link) link = &(*link)->next;
  *link = request;
  l->request_count++;
  send_syn_ack(request);
  set_timer(l);
}

static struct tcp_connection *connection_from(const struct request *request) {
  struct tcp_connection *c = tcp_connection_new(NULL, &request->at);
  if (!c) return NULL;
  if (!tcp_table_insert(c)) {
    tcp_drop(c, 0);
    return NULL;
  }
  c->iss = request->iss;
  c->snd_una = c->snd_nxt = c->snd_max = c->recover = request->iss + 1;
  c->irs = request->irs;
  c->rcv_nxt = c->last_ack_sent = request->irs + 1;
  c->rcv_adv = c->rcv_nxt + (SOCKET_BUFFER_DEFAULT > 65535 ? 65535 : SOCKET_BUFFER_DEFAULT);
  tcp_take_mss(c, request->mss);
  if (request->has_scale) {
    c->snd_scale = request->scale;
    c->rcv_scale = tcp_scale_for(SOCKET_BUFFER_MAXIMUM);
  }
  c->sack = request->sack;
  c->timestamps = request->timestamps;
  c->ts_recent = request->ts_recent;
  c->ts_recent_at = (uint32_t)(network_now() / 1000000);
  c->state = TCP_ESTABLISHED;
  return c;
}

static void on_answer(struct tcp_listener *l, struct request **link,
                      const struct tcp_segment *segment) {
  struct request *request = *link;
  uint32_t offset = segment->sequence - (request->irs + 1);
  if (segment->acknowledgement != request->iss + 1 || offset > 65535) {
    tcp_reply_reset(&request->at, segment);
    return;
  }
  if (l->accept_count >= l->backlog) {
    network_counters.dropped_full++; /* the SYN-ACK goes out again and brings another chance */
    return;
  }
  struct tcp_connection *c = connection_from(request);
  if (!c) {
    network_counters.dropped_memory++;
    return;
  }
  c->snd_wl1 = segment->sequence;
  c->snd_wl2 = segment->acknowledgement;
  c->snd_wnd = c->snd_wnd_max = (uint32_t)segment->window << c->snd_scale;
  c->last_received_at = c->last_sent_at = network_now();
  tcp_congestion_start(c);
  c->listener = l;
  *l->accept_last = c;
  l->accept_last = &c->accept_next;
  l->accept_count++;
  remove_request(l, link);
  set_timer(l);
  socket_changed(l->socket);
  tcp_segment_arrives(c, segment);
}

void tcp_listener_input(struct tcp_listener *l, const struct tcp_endpoints *at,
                        const struct tcp_segment *segment) {
  struct request **link = find_request(l, at);
  if (segment->flags & TCP_RST) {
    if (*link && segment->sequence == (*link)->irs + 1) {
      remove_request(l, link);
      set_timer(l);
    }
  } else if (segment->flags & TCP_SYN) {
    if (segment->flags & TCP_ACK) {
      tcp_reply_reset(at, segment);
    } else {
      on_syn(l, at, segment);
    }
  } else if (segment->flags & TCP_ACK) {
    if (*link) {
      on_answer(l, link, segment);
    } else {
      tcp_reply_reset(at, segment);
    }
  }
}
