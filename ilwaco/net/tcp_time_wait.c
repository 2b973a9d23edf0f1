/*
 * Connections in TIME-WAIT (RFC 9293 section 3.6.1), kept as a few words each.
 *
 * A connection that this side closed first must be remembered for a while: to acknowledge the peer's FIN
 * again, and so that old segments do not fall into a new connection between the same ports. The number is
 * bounded; when it is reached the oldest is forgotten early. All wait equally long, so a queue with one
 * timer is enough.
 */
#include "memory.h"
#include "network.h"
#include "tcp_connection.h"
#include "tcp_reply.h"
#include "wire.h"

#define WAIT_US (60 * 1000000ull)
enum { WAITING_MAXIMUM = 256, BUCKETS = 32 };

struct remnant {
  struct remnant *next;      /* in the queue, oldest first */
  struct remnant *same_hash;
  struct tcp_endpoints at;
  uint32_t snd_nxt, rcv_nxt;
  uint64_t until;
};

static struct remnant *oldest, **newest = &oldest;
static struct remnant *buckets[BUCKETS];
static unsigned count;
static struct net_timer timer;
static int timer_ready;

static struct remnant **bucket_of(const struct tcp_endpoints *at) {
  return &buckets[(at->remote_port >> 8 ^ at->remote_port ^ at->remote_address >> 24) % BUCKETS];
}

static struct remnant *find(const struct tcp_endpoints *at) {
  struct remnant *r = *bucket_of(at);
  while (r && (r->at.remote_port != at->remote_port || r->at.local_port != at->local_port ||
               r->at.remote_address != at->remote_address ||
               r->at.local_address != at->local_address)) {
    r = r->same_hash;
  }
  return r;
}

static void unhash(struct remnant *r) {
  struct remnant **link = bucket_of(&r->at);
  while (*link != r) link = &(*link)->same_hash;
  *link = r->same_hash;
}

static void forget_oldest(void) {
  struct remnant *r = oldest;
  oldest = r->next;
  if (!oldest) newest = &oldest;
  unhash(r);
  net_free(r, sizeof *r);
  count--;
}

static void forget(struct remnant *r) {
  struct remnant **link = &oldest;
  while (*link != r) link = &(*link)->next;
  *link = r->next;
  if (newest == &r->next) newest = link;
  unhash(r);
  net_free(r, sizeof *r);
  count--;
}

static void on_timer(struct net_timer *unused) {
  (void)unused;
  uint64_t now = network_now();
  while (oldest && oldest->until <= now) forget_oldest();
  timer_set(&timer, oldest ? oldest->until : NET_NEVER);
}

void tcp_time_wait_add(const struct tcp_connection *c) {
  if (!timer_ready && !timer_reserve(&timer, on_timer)) return;
  timer_ready = 1;
  if (count == WAITING_MAXIMUM) forget_oldest();
  struct remnant *r = net_allocate(sizeof *r);
  if (!r) return;
  *r = (struct remnant){.at = c->at, .snd_nxt = c->snd_max, .rcv_nxt = c->rcv_nxt};
  r->until = network_now() + WAIT_US;
  r->same_hash = *bucket_of(&r->at);
  *bucket_of(&r->at) = r;
  *newest = r;
  newest = &r->next;
  count++;
  timer_set(&timer, oldest->until);
}

int tcp_time_wait_has(const struct tcp_endpoints *at) { return find(at) != NULL; }

int tcp_time_wait_input(const struct tcp_endpoints *at, const struct tcp_segment *segment) {
  struct remnant *r = find(at);
  if (!r) return 0;
  if (segment->flags & TCP_RST) return 1; /* RFC 1337: it must not end TIME-WAIT */
  if ((segment->flags & TCP_SYN) && seq_after(segment->sequence, r->rcv_nxt)) {
    forget(r);
    timer_set(&timer, oldest ? oldest->until : NET_NEVER);
    return 0;
  }
  if (tcp_segment_span(segment)) tcp_reply_ack(at, r->snd_nxt, r->rcv_nxt);
  return 1;
}

void tcp_each_time_wait(void (*visit)(const struct tcp_endpoints *at, void *context),
                        void *context) {
  for (const struct remnant *r = oldest; r; r = r->next) visit(&r->at, context);
}
