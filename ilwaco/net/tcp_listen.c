/*
 * Listening: SYNs become requests, answered requests become connections in the accept queue.
 *
 * A request is a few words, not a connection, and there are at most as many per listener as its backlog
 * (and REQUESTS_MAXIMUM). Beyond that SYNs are answered by cookies, which cost no memory: a flood of SYNs
 * keeps nobody out who answers (tcp_cookie.c). A full accept queue takes no more SYNs.
 *
 * Who has sent the third step believes that he is connected, and may wait for us to speak. If the queue has
 * become full meanwhile, his request stays (that of a cookie is made one) and its SYN-ACK is repeated,
 * which he acknowledges again; if that does not help, he is reset. Nobody is forgotten in silence.
 */
#include <errno.h>

#include "memory.h"
#include "network.h"
#include "socket.h"
#include "tcp_connection.h"
#include "tcp_reply.h"
#include "tcp_request.h"
#include "wire.h"

enum { REQUESTS_MINIMUM = 16, REQUESTS_MAXIMUM = 512, ANSWERS_MAXIMUM = 5, ANSWERS_CROWDED = 2 };
#define ANSWER_INTERVAL_US 1000000u
#define TICK_US 50000u /* answers that are due within one go out together */
#define COOKIE_LIFETIME_US (130 * 1000000ull)

struct tcp_listener {
  struct tcp_listener *next;
  struct socket *socket;
  uint32_t address; /* 0: any */
  uint16_t port;
  unsigned backlog;
  struct tcp_requests requests;
  uint64_t cookies_until; /* third steps may answer cookies */
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

static void transmit_syn_ack(const struct tcp_request *request, uint32_t timestamp) {
  struct tcp_options options = {.mss = tcp_own_mss(),
                                .has_scale = request->has_scale,
                                .scale = tcp_scale_for(SOCKET_BUFFER_MAXIMUM),
                                .sack_permitted = request->sack,
                                .has_timestamp = request->timestamps,
                                .timestamp = timestamp,
                                .timestamp_echo = request->ts_recent};
  size_t length = tcp_options_write(ipv4_payload() + TCP_HEADER_BYTES, &options);
  uint32_t window = SOCKET_BUFFER_DEFAULT > 65535 ? 65535 : SOCKET_BUFFER_DEFAULT;
  tcp_transmit(&request->at, request->iss, request->irs + 1, TCP_SYN | TCP_ACK, (uint16_t)window,
               length, 0);
}

static void answer_later(struct tcp_listener *l, struct tcp_request *request) {
  request->answers++;
  request->again_at = network_now() + ((uint64_t)ANSWER_INTERVAL_US << (request->answers - 1));
  if (!l->timer.slot || request->again_at < l->timer.deadline) timer_set(&l->timer, request->again_at);
}

static void answer(struct tcp_listener *l, struct tcp_request *request) {
  transmit_syn_ack(request, (uint32_t)(network_now() / 1000));
  answer_later(l, request);
}

/* By a cookie: nothing is kept. */
static void answer_statelessly(struct tcp_listener *l, const struct tcp_endpoints *at,
                               const struct tcp_segment *syn) {
  struct tcp_request request;
  tcp_request_take(&request, at, syn);
  if (!request.timestamps) request.has_scale = request.sack = 0;
  request.iss = tcp_cookie_make(&request);
  l->cookies_until = network_now() + COOKIE_LIFETIME_US;
  network_counters.tcp_cookies_sent++;
  transmit_syn_ack(&request, tcp_cookie_timestamp(&request));
}

static unsigned requests_maximum(const struct tcp_listener *l) {
  if (l->backlog < REQUESTS_MINIMUM) return REQUESTS_MINIMUM;
  return l->backlog < REQUESTS_MAXIMUM ? l->backlog : REQUESTS_MAXIMUM;
}

static void give_up(struct tcp_listener *l, struct tcp_request *r) {
  if (r->acknowledged) {
    network_counters.tcp_resets_out++;
    tcp_transmit(&r->at, r->iss + 1, 0, TCP_RST, 0, 0, 0);
  }
  tcp_request_remove(&l->requests, r);
}

/* Answers once more who has not reacted; gives up in the end, earlier when there are many. */
static void on_timer(struct net_timer *timer) {
  struct tcp_listener *l = TIMER_OWNER(timer, struct tcp_listener);
  uint64_t now = network_now(), next = NET_NEVER;
  int crowded = l->requests.count > requests_maximum(l) / 2;
  for (unsigned i = 0; i < TCP_REQUEST_BUCKETS; i++) {
    for (struct tcp_request *r = l->requests.bucket[i], *following; r; r = following) {
      following = r->next;
      int maximum = crowded && !r->acknowledged ? ANSWERS_CROWDED : ANSWERS_MAXIMUM;
      if (r->again_at <= now + TICK_US && r->answers >= maximum) {
        give_up(l, r);
        continue;
      }
      if (r->again_at <= now + TICK_US) {
        ipv4_doubt(r->at.remote_address);
        answer(l, r);
      }
      if (r->again_at < next) next = r->again_at;
    }
  }
  timer_set(&l->timer, next);
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
  for (unsigned i = 0; i < TCP_REQUEST_BUCKETS; i++) {
    while (l->requests.bucket[i]) give_up(l, l->requests.bucket[i]);
  }
  struct tcp_connection *c;
  while ((c = tcp_accept(l))) {
    tcp_send_reset(c);
    tcp_drop(c, 0);
  }
  timer_release(&l->timer);
  net_free(l, sizeof *l);
}

/* RFC 5961 section 4, for a half-open connection. */
static void challenge(const struct tcp_request *request) {
  if (tcp_may_challenge()) tcp_reply_ack(&request->at, request->iss + 1, request->irs + 1);
}

static void on_syn(struct tcp_listener *l, const struct tcp_endpoints *at,
                   const struct tcp_segment *segment) {
  struct tcp_request *request = tcp_request_find(&l->requests, at);
  if (request) {
    /* Another sequence number: a peer that starts anew will reset the old request, a forger cannot. */
    if (request->irs == segment->sequence) {
      answer(l, request);
    } else {
      challenge(request);
    }
    return;
  }
  if (l->accept_count >= l->backlog) {
    network_counters.dropped_full++;
    return;
  }
  if (l->requests.count < requests_maximum(l)) request = tcp_request_add(&l->requests, at);
  if (!request) {
    answer_statelessly(l, at, segment);
    return;
  }
  tcp_request_take(request, at, segment);
  request->iss = tcp_initial_sequence(at);
  answer(l, request);
}

static struct tcp_connection *connection_from(const struct tcp_request *request) {
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
  if (request->has_scale) {
    c->snd_scale = request->scale;
    c->rcv_scale = tcp_scale_for(SOCKET_BUFFER_MAXIMUM);
  }
  c->sack = request->sack;
  c->timestamps = request->timestamps;
  tcp_take_mss(c, request->mss);
  c->ts_recent = request->ts_recent;
  c->ts_recent_at = (uint32_t)(network_now() / 1000000);
  c->state = TCP_ESTABLISHED;
  return c;
}

/* The third step. 0: there is no place for the connection. */
static int establish(struct tcp_listener *l, const struct tcp_request *request,
                     const struct tcp_segment *segment) {
  if (l->accept_count >= l->backlog) {
    network_counters.dropped_full++;
    return 0;
  }
  struct tcp_connection *c = connection_from(request);
  if (!c) {
    network_counters.dropped_memory++;
    return 0;
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
  socket_changed(l->socket, FILE_ANY);
  tcp_segment_arrives(c, segment);
  return 1;
}

/* There was no place for who answered this cookie: keeps his request. */
static void keep(struct tcp_listener *l, const struct tcp_request *from_cookie,
                 const struct tcp_segment *segment) {
  struct tcp_request *request = NULL;
  if (l->requests.count < REQUESTS_MAXIMUM) request = tcp_request_add(&l->requests, &from_cookie->at);
  if (!request) {
    tcp_reply_reset(&from_cookie->at, segment);
    return;
  }
  struct tcp_request *next = request->next;
  *request = *from_cookie;
  request->next = next;
  request->acknowledged = 1;
  answer_later(l, request);
}

static void on_answer(struct tcp_listener *l, const struct tcp_endpoints *at,
                      const struct tcp_segment *segment) {
  struct tcp_request *request = tcp_request_find(&l->requests, at);
  struct tcp_request from_cookie;
  if (request) {
    uint32_t offset = segment->sequence - (request->irs + 1);
    if (offset > 65535) {
      challenge(request);
    } else if (segment->acknowledgement != request->iss + 1) {
      tcp_reply_reset(at, segment);
    } else if (establish(l, request, segment)) {
      tcp_request_remove(&l->requests, request);
    } else {
      request->acknowledged = 1;
    }
  } else if (network_now() < l->cookies_until && tcp_cookie_take(&from_cookie, at, segment)) {
    network_counters.tcp_cookies_taken++;
    if (!establish(l, &from_cookie, segment)) keep(l, &from_cookie, segment);
  } else {
    tcp_reply_reset(at, segment);
  }
}

void tcp_listener_input(struct tcp_listener *l, const struct tcp_endpoints *at,
                        const struct tcp_segment *segment) {
  if (segment->flags & TCP_RST) {
    struct tcp_request *request = tcp_request_find(&l->requests, at);
    if (request && segment->sequence == request->irs + 1) {
      tcp_request_remove(&l->requests, request);
    }
  } else if (segment->flags & TCP_SYN) {
    if (segment->flags & TCP_ACK) {
      tcp_reply_reset(at, segment);
    } else {
      on_syn(l, at, segment);
    }
  } else if (segment->flags & TCP_ACK) {
    on_answer(l, at, segment);
  }
}

void tcp_each_listener(void (*visit)(uint32_t address, uint16_t port, unsigned waiting,
                                     unsigned backlog, void *context),
                       void *context) {
  for (const struct tcp_listener *l = listeners; l; l = l->next) {
    visit(l->address, l->port, l->accept_count, l->backlog, context);
  }
}
