/* See table.h. */
#include "table.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "../common/net.h"
#include "connection.h"

enum { PLACES_FIRST = 8, ACCEPTS_PER_TURN = 64, EVENTS = 64, NONE = UINT32_MAX, LISTENER = UINT32_MAX };

static struct connection *places;
static uint32_t capacity, count, limit, free_place = NONE;
static uint32_t first[WAITS], last[WAITS];
static int epoll, accepting;

/* --- deadlines */

static void unlist(uint32_t place) {
  struct connection *c = &places[place];
  uint8_t list = c->listed;
  if (list == WAITS) return;
  if (c->next == NONE) last[list] = c->previous;
  else places[c->next].previous = c->previous;
  if (c->previous == NONE) first[list] = c->next;
  else places[c->previous].next = c->next;
  c->listed = WAITS;
}

/* The deadline of the connection is the latest of its list. */
static void list(uint32_t place) {
  struct connection *c = &places[place];
  uint8_t to = c->waits_for;
  c->listed = to;
  c->next = NONE;
  c->previous = last[to];
  if (last[to] == NONE) first[to] = place;
  else places[last[to]].next = place;
  last[to] = place;
}

/* Milliseconds until the next deadline, at least one; -1: there is none. */
static int patience(uint64_t now) {
  uint64_t next = UINT64_MAX;
  for (int i = 0; i < WAITS; i++) {
    if (first[i] != NONE && places[first[i]].deadline < next) next = places[first[i]].deadline;
  }
  if (next == UINT64_MAX) return -1;
  return next <= now ? 1 : (int)((next - now) / 1000) + 1;
}

/* --- places */

static int reserve(void) {
  if (free_place != NONE) return 1;
  uint32_t larger = capacity ? capacity * 2 : PLACES_FIRST;
  struct connection *more = realloc(places, larger * sizeof *places);
  if (!more) return 0;
  places = more;
  for (; capacity < larger; capacity++) {
    places[capacity].next = free_place;
    free_place = capacity;
  }
  return 1;
}

/* Waits for the listener only while there is a place. */
static void watch_listener(int listener, int operation) {
  int wanted = count < limit;
  if (operation == EPOLL_CTL_MOD && wanted == accepting) return;
  struct epoll_event event = {.events = wanted ? EPOLLIN : 0, .data.u32 = LISTENER};
  epoll_ctl(epoll, operation, listener, &event);
  accepting = wanted;
}

static void release(uint32_t place) {
  unlist(place);
  connection_close(&places[place]);
  places[place].next = free_place;
  free_place = place;
  count--;
}

/* Goes on with a connection, which may end. */
static void step(uint32_t place, uint64_t now) {
  struct connection *c = &places[place];
  uint64_t deadline = c->deadline;
  int fd = c->fd;
  if (!connection_step(c, now)) {
    if (c->fd < 0) epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); /* a thread has it now */
    release(place);
    return;
  }
  if (c->deadline != deadline || c->waits_for != c->listed) {
    unlist(place);
    list(place);
  }
  uint16_t events = connection_writes(c) ? EPOLLOUT : EPOLLIN;
  if (events == c->events) return;
  c->events = events;
  struct epoll_event event = {.events = events, .data.u32 = place};
  epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void accept_all(int listener, uint64_t now) {
  for (int i = 0; i < ACCEPTS_PER_TURN && count < limit && reserve(); i++) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    uint32_t place = free_place;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = place};
    free_place = places[place].next;
    connection_init(&places[place], fd, now);
    places[place].listed = WAITS;
    places[place].events = EPOLLIN;
    list(place);
    count++;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) release(place);
    else step(place, now); /* the request has often come with the connection */
  }
}

static void expire(uint64_t now) {
  for (int i = 0; i < WAITS; i++) {
    while (first[i] != NONE && places[first[i]].deadline <= now) {
      uint32_t place = first[i];
      connection_timeout(&places[place]);
      release(place);
    }
  }
}

void table_serve(int listener, unsigned maximum) {
  struct epoll_event events[EVENTS];
  limit = maximum;
  for (int i = 0; i < WAITS; i++) first[i] = last[i] = NONE;
  epoll = epoll_create1(0);
  if (epoll < 0 || !reserve()) return;
  watch_listener(listener, EPOLL_CTL_ADD);
  uint64_t now = net_now_us();
  for (;;) {
    int ready = epoll_wait(epoll, events, EVENTS, patience(now));
    if (ready < 0 && errno != EINTR) return;
    now = net_now_us();
    int knock = 0;
    for (int i = 0; i < ready; i++) {
      if (events[i].data.u32 == LISTENER) knock = 1;
      else step(events[i].data.u32, now);
    }
    expire(now);
    if (knock) accept_all(listener, now);
    watch_listener(listener, EPOLL_CTL_MOD);
  }
}
