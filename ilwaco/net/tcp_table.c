/*
 * The table of connections, ephemeral ports and initial sequence numbers.
 *
 * The hash is keyed, so that no peer can aim for one bucket; the table doubles with the number of
 * connections and works on, slower, when there is no memory to do so.
 */
#include <string.h>

#include "hash.h"
#include "memory.h"
#include "network.h"
#include "port.h"
#include "tcp_connection.h"

enum { BUCKETS_MINIMUM = 16 };

static struct tcp_connection **buckets;
static struct tcp_connection *latest; /* found; packets of one connection often come in a row */
static uint32_t bucket_count;
static uint32_t connection_count;

static uint32_t hash(const struct tcp_endpoints *at) {
  return hash_three(at->remote_address, at->local_address,
                    (uint32_t)at->remote_port << 16 | at->local_port);
}

static int same(const struct tcp_endpoints *a, const struct tcp_endpoints *b) {
  return a->remote_address == b->remote_address && a->remote_port == b->remote_port &&
         a->local_port == b->local_port && a->local_address == b->local_address;
}

static void grow(void) {
  uint32_t larger = bucket_count ? bucket_count * 2 : BUCKETS_MINIMUM;
  struct tcp_connection **bigger = net_allocate_zeroed(larger * sizeof *bigger);
  if (!bigger) return;
  for (uint32_t i = 0; i < bucket_count; i++) {
    while (buckets[i]) {
      struct tcp_connection *c = buckets[i];
      buckets[i] = c->hash_next;
      struct tcp_connection **bucket = &bigger[hash(&c->at) & (larger - 1)];
      c->hash_next = *bucket;
      *bucket = c;
    }
  }
  net_free(buckets, bucket_count * sizeof *buckets);
  buckets = bigger;
  bucket_count = larger;
}

int tcp_table_insert(struct tcp_connection *c) {
  if (connection_count >= bucket_count) grow();
  if (!bucket_count) return 0;
  struct tcp_connection **bucket = &buckets[hash(&c->at) & (bucket_count - 1)];
  c->hash_next = *bucket;
  *bucket = c;
  c->hashed = 1;
  connection_count++;
  return 1;
}

void tcp_table_remove(struct tcp_connection *c) {
  if (!c->hashed) return;
  struct tcp_connection **link = &buckets[hash(&c->at) & (bucket_count - 1)];
  while (*link != c) link = &(*link)->hash_next;
  *link = c->hash_next;
  c->hashed = 0;
  if (latest == c) latest = NULL;
  connection_count--;
}

struct tcp_connection *tcp_table_find(const struct tcp_endpoints *at) {
  if (latest && same(&latest->at, at)) return latest;
  if (!bucket_count) return NULL;
  struct tcp_connection *c = buckets[hash(at) & (bucket_count - 1)];
  while (c && !same(&c->at, at)) c = c->hash_next;
  if (c) latest = c;
  return c;
}

int tcp_port_in_use(uint32_t address, uint16_t port, int reuse) {
  if (tcp_listener_find(address, port)) return 1;
  if (reuse) return 0;
  for (uint32_t i = 0; i < bucket_count; i++) {
    for (struct tcp_connection *c = buckets[i]; c; c = c->hash_next) {
      if (c->at.local_port == port && (!address || c->at.local_address == address)) return 1;
    }
  }
  return 0;
}

static int port_taken(uint16_t port, const void *address) {
  return tcp_port_in_use(*(const uint32_t *)address, port, 0);
}

uint16_t tcp_choose_port(uint32_t address) { return port_choose(port_taken, &address); }

uint32_t tcp_initial_sequence(const struct tcp_endpoints *at) {
  return hash(at) + (uint32_t)(network_now() / 4);
}

void tcp_each_connection(void (*visit)(const struct tcp_connection *c, void *context),
                         void *context) {
  for (uint32_t i = 0; i < bucket_count; i++) {
    for (const struct tcp_connection *c = buckets[i]; c; c = c->hash_next) visit(c, context);
  }
}
