/*
 * arena: a UDP game server in the manner of Quake II's. The protocol stands in protocol.h, the bounds
 * against strangers in sessions.h.
 *
 *     arena [PORT [SILENCE_MS]]     (27910, 0: any, told on stdout; 5000)
 *
 * One thread: it takes what has come, and every UPDATE_MS moves the world and sends each client the
 * difference from what the client has. A tick that comes late is told in its updates; one that is more
 * than a whole interval late is left out. Every ten seconds with players, and when the last one leaves,
 * it prints a line of JSON with its counters.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../common/net.h"
#include "../common/random.h"
#include "protocol.h"
#include "sessions.h"
#include "world.h"

enum { TICK_US = UPDATE_MS * 1000, REPORT_TICKS = 100, DATAGRAMS_PER_TURN = 256 };

static int udp;
static struct world world;
static struct state history[HISTORY]; /* by tick modulo HISTORY */
static uint32_t tick, late_maximum;
static unsigned players;
static uint64_t silence_us = SILENCE_MS * 1000;

static void send_to(const struct sockaddr_in *to, const uint8_t *bytes, const struct cursor *end) {
  sendto(udp, bytes, (size_t)(end->at - bytes), MSG_NOSIGNAL | MSG_DONTWAIT,
         (const struct sockaddr *)to, sizeof *to);
}

static void end_session(struct session *session) {
  world_leave(&world, (unsigned)(session - sessions));
  session->id = 0;
  players--;
}

/* --- what comes */

static void on_connect(struct cursor *in, size_t length, const struct sockaddr_in *from) {
  uint8_t bytes[DATAGRAM_MAXIMUM];
  uint32_t nonce = get32(in);
  if (length < CONNECT_BYTES) {
    counters.malformed++;
    return;
  }
  struct cursor out = put_header(bytes, CHALLENGE);
  put32(&out, nonce);
  put32(&out, session_cookie(from->sin_addr.s_addr, from->sin_port, nonce));
  send_to(from, bytes, &out);
}

static void refuse(const struct sockaddr_in *from, uint32_t nonce, uint32_t reason) {
  uint8_t bytes[DATAGRAM_MAXIMUM];
  struct cursor out = put_header(bytes, REFUSE);
  put32(&out, nonce);
  put8(&out, reason);
  counters.refused++;
  send_to(from, bytes, &out);
}

static void on_join(struct cursor *in, const struct sockaddr_in *from, uint64_t now) {
  uint8_t bytes[DATAGRAM_MAXIMUM];
  uint32_t nonce = get32(in), cookie = get32(in);
  if (in->failed || cookie != session_cookie(from->sin_addr.s_addr, from->sin_port, nonce)) {
    if (stranger_allowed(now)) refuse(from, nonce, REFUSED_COOKIE);
    return;
  }
  int fresh;
  struct session *session = session_open(from->sin_addr.s_addr, from->sin_port, nonce, now, &fresh);
  if (!session) {
    refuse(from, nonce, REFUSED_FULL);
    return;
  }
  unsigned slot = (unsigned)(session - sessions);
  if (fresh) {
    if (!world.state.entities[slot].kind) players++;
    world_enter(&world, slot);
    counters.joined++;
  }
  struct cursor out = put_header(bytes, ACCEPT);
  put32(&out, nonce);
  put32(&out, session->id);
  put8(&out, slot);
  put16(&out, UPDATE_MS);
  send_to(from, bytes, &out);
}

static void on_input(struct session *session, struct cursor *in, uint64_t now) {
  uint32_t sequence = get32(in), acknowledged = get32(in);
  struct wish wish = {.x = (int8_t)get8(in), .y = (int8_t)get8(in), .buttons = (uint8_t)get8(in)};
  if (in->failed || wish.x < -8 || wish.x > 8 || wish.y < -8 || wish.y > 8 || acknowledged > tick) {
    counters.malformed++;
    return;
  }
  if (++session->inputs > INPUTS_PER_TICK) {
    counters.flooded++;
    return;
  }
  session->heard_at = now;
  if ((int32_t)(sequence - session->input) <= 0) return; /* out of order, or twice */
  session->input = sequence;
  session->input_at = now;
  if (acknowledged > session->acknowledged) session->acknowledged = acknowledged;
  world.wishes[session - sessions] = wish;
}

static void take(uint8_t *bytes, size_t length, const struct sockaddr_in *from, uint64_t now) {
  struct cursor in = {bytes, bytes + length, 0};
  uint32_t magic = get32(&in), type = get8(&in);
  if (in.failed || magic != MAGIC) {
    counters.malformed++;
  } else if (type == CONNECT || type == JOIN) {
    if (type == JOIN) on_join(&in, from, now);
    else if (stranger_allowed(now)) on_connect(&in, length, from);
  } else if (type == INPUT || type == LEAVE) {
    struct session *session = session_find(get32(&in), from->sin_addr.s_addr, from->sin_port);
    if (!session) {
      counters.foreign++;
    } else if (type == INPUT) {
      on_input(session, &in, now);
    } else {
      counters.left++;
      end_session(session);
    }
  } else {
    counters.malformed++;
  }
}

static void take_all(void) {
  static uint8_t bytes[DATAGRAM_MAXIMUM];
  struct sockaddr_in from;
  for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(udp, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
    if (got >= 0) take(bytes, (size_t)got, &from, net_now_us());
    else if (errno == EAGAIN || errno == EWOULDBLOCK) return;
  }
}

/* --- what goes */

static void send_update(const struct session *session, uint32_t checksum, uint64_t due,
                        uint64_t now) {
  static const struct state empty;
  uint8_t bytes[DATAGRAM_MAXIMUM];
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = session->port,
                           .sin_addr.s_addr = session->address};
  uint32_t base = session->acknowledged;
  if (base && tick - base >= HISTORY) base = 0;
  struct cursor out = put_header(bytes, UPDATE);
  put32(&out, session->id);
  put32(&out, tick);
  put32(&out, base);
  put32(&out, session->input);
  put32(&out, session->input ? (uint32_t)(now - session->input_at) : 0);
  put32(&out, (uint32_t)(now - due));
  put32(&out, checksum);
  put_difference(&out, base ? &history[base % HISTORY] : &empty, &world.state);
  send_to(&to, bytes, &out);
}

static void report(void) {
  printf("{\"arena\":\"status\",\"tick\":%u,\"players\":%u,\"joined\":%u,\"left\":%u,\"silent\":%u,"
         "\"refused\":%u,\"strangers_dropped\":%u,\"malformed\":%u,\"foreign\":%u,\"flooded\":%u,"
         "\"late_us_maximum\":%u}\n",
         tick, players, counters.joined, counters.left, counters.silent, counters.refused,
         counters.strangers_dropped, counters.malformed, counters.foreign, counters.flooded,
         late_maximum);
  fflush(stdout);
}

static void run_tick(uint64_t due) {
  uint64_t now = net_now_us();
  for (struct session *session = sessions; session < sessions + PLAYERS; session++) {
    session->inputs = 0;
    if (!session->id || now - session->heard_at < silence_us) continue;
    counters.silent++;
    end_session(session);
  }
  world_tick(&world);
  history[tick % HISTORY] = world.state;
  uint32_t checksum = state_checksum(&world.state);
  for (struct session *session = sessions; session < sessions + PLAYERS; session++) {
    if (session->id) send_update(session, checksum, due, net_now_us());
  }
  uint32_t late = (uint32_t)(net_now_us() - due);
  if (players && late > late_maximum) late_maximum = late;
  if (players && tick % REPORT_TICKS == 0) report();
}

/* Nothing is scheduled while nobody plays: the server costs nothing then. */
static void serve(void) {
  struct pollfd entry = {.fd = udp, .events = POLLIN};
  uint64_t next = net_now_us() + TICK_US;
  for (;;) {
    uint64_t now = net_now_us();
    int timeout = !players ? -1 : now >= next ? 0 : (int)((next - now + 999) / 1000);
    unsigned before = players;
    if (poll(&entry, 1, timeout) < 0 && errno != EINTR) return;
    take_all();
    now = net_now_us();
    if (!before && players) next = now + TICK_US;
    if (players && now >= next) {
      tick++;
      run_tick(next);
      next += TICK_US;
      if (net_now_us() > next + TICK_US) next = net_now_us();
    }
    if (before && !players) report();
  }
}

int main(int argc, char **argv) {
  unsigned port = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : ARENA_PORT;
  if (argc > 2) silence_us = strtoull(argv[2], NULL, 10) * 1000;
  udp = net_bind(SOCK_DGRAM, port, 0);
  if (port > 65535 || udp < 0) {
    fprintf(stderr, "arena: cannot use port %u: %s\n", port, strerror(errno));
    return 1;
  }
  sessions_init();
  world.chance = random_word();
  printf("arena: listening on port %u\n", net_port(udp));
  fflush(stdout);
  serve();
  fprintf(stderr, "arena: poll: %s\n", strerror(errno));
  return 1;
}
