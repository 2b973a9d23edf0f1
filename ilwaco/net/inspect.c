/* Sockets and counters as <denali/inspect.h> shows them. */
#include <denali/inspect.h>
#include <string.h>

#include "memory.h"
#include "network.h"
#include "tcp_connection.h"
#include "udp.h"

struct gathering {
  struct inspect_socket *list;
  int capacity, count;
};

static struct sockaddr_in address_of(uint32_t address, uint16_t port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = port, .sin_addr = {.s_addr = address}};
}

static struct inspect_socket *add(struct gathering *all, int protocol,
                                  const struct tcp_endpoints *at, const char *state) {
  static struct inspect_socket beyond;
  struct inspect_socket *entry = all->count < all->capacity ? &all->list[all->count] : &beyond;
  all->count++;
  memset(entry, 0, sizeof *entry);
  entry->protocol = protocol;
  entry->local = address_of(at->local_address, at->local_port);
  if (at->remote_port) entry->remote = address_of(at->remote_address, at->remote_port);
  entry->state = state;
  return entry;
}

static void add_connection(const struct tcp_connection *c, void *context) {
  static const char *const names[] = {
      [TCP_CLOSED] = "CLOSED",           [TCP_SYN_SENT] = "SYN-SENT",
      [TCP_SYN_RECEIVED] = "SYN-RECEIVED", [TCP_ESTABLISHED] = "ESTABLISHED",
      [TCP_FIN_WAIT_1] = "FIN-WAIT-1",   [TCP_FIN_WAIT_2] = "FIN-WAIT-2",
      [TCP_CLOSE_WAIT] = "CLOSE-WAIT",   [TCP_CLOSING] = "CLOSING",
      [TCP_LAST_ACK] = "LAST-ACK",
  };
  struct inspect_socket *entry = add(context, IPPROTO_TCP, &c->at, names[c->state]);
  entry->receive_queue = c->receive.used;
  entry->send_queue = c->send.used;
  entry->round_trip_us = c->srtt;
  entry->congestion_window = c->cwnd;
}

static void add_listener(uint32_t address, uint16_t port, unsigned waiting, unsigned backlog,
                         void *context) {
  struct tcp_endpoints at = {.local_address = address, .local_port = port};
  struct inspect_socket *entry = add(context, IPPROTO_TCP, &at, "LISTEN");
  entry->receive_queue = waiting;
  entry->send_queue = backlog;
}

static void add_remnant(const struct tcp_endpoints *at, void *context) {
  add(context, IPPROTO_TCP, at, "TIME-WAIT");
}

static void add_endpoint(const struct udp_endpoint *endpoint, void *context) {
  struct tcp_endpoints at = {endpoint->local_address, endpoint->remote_address,
                             endpoint->local_port, endpoint->remote_port};
  add(context, IPPROTO_UDP, &at, "")->receive_queue = (uint32_t)endpoint->queued;
}

int inspect_sockets(struct inspect_socket *list, int capacity) {
  struct gathering all = {list, capacity, 0};
  network_lock();
  tcp_each_listener(add_listener, &all);
  tcp_each_connection(add_connection, &all);
  tcp_each_time_wait(add_remnant, &all);
  udp_each(add_endpoint, &all);
  network_unlock();
  return all.count;
}

void inspect_network(struct inspect_network *network) {
  network_lock();
  network->memory_used = (uint32_t)net_memory_used();
  network->memory_limit = (uint32_t)net_memory_limit();
  network->memory_blocks = (uint32_t)net_memory_blocks();
  network_unlock();
}

int inspect_counter(int index, const char **name, uint32_t *value) {
  static const struct {
    const char *name;
    const uint32_t *value;
  } list[] = {
#define COUNTER(field) {#field, &network_counters.field}
      COUNTER(frames_in),          COUNTER(frames_out),
      COUNTER(dropped_length),     COUNTER(dropped_checksum),
      COUNTER(dropped_fragment),   COUNTER(dropped_address),
      COUNTER(dropped_protocol),   COUNTER(dropped_port),
      COUNTER(dropped_full),       COUNTER(dropped_memory),
      COUNTER(dropped_unresolved), COUNTER(dropped_transmit),
      COUNTER(tcp_retransmits),    COUNTER(tcp_fast_retransmits),
      COUNTER(tcp_timeouts),       COUNTER(tcp_out_of_order),
      COUNTER(tcp_duplicates),     COUNTER(tcp_challenge_acks),
      COUNTER(tcp_resets_in),      COUNTER(tcp_resets_out),
      COUNTER(tcp_cookies_sent),   COUNTER(tcp_cookies_taken),
#undef COUNTER
  };
  if (index < 0 || index >= (int)(sizeof list / sizeof *list)) return 0;
  *name = list[index].name;
  *value = *list[index].value;
  return 1;
}
