/* One player of arena: joins, walks at random, and notes when updates come. */
#ifndef ARENA_BOT_H
#define ARENA_BOT_H

#include <netinet/in.h>
#include <stdint.h>

#include "../arena/protocol.h"

enum { SENT = 64 };

/* Samples that grow; one that finds no memory is left out. */
struct samples {
  int32_t *values;
  uint32_t count, capacity;
};

void samples_add(struct samples *samples, int32_t value);

struct bot {
  int fd;
  enum { CONNECTING, JOINING, PLAYING, ENDED } stage;
  uint32_t nonce, cookie, session;
  uint64_t next; /* when it sends again, microseconds */
  uint32_t input;
  uint64_t sent_at[SENT]; /* of inputs, by sequence modulo SENT */
  int refused;

  struct state states[HISTORY]; /* by tick modulo HISTORY */
  uint32_t ticks[HISTORY];
  uint32_t newest, first;

  uint32_t updates, duplicates, reordered, wrong, undecodable, whole;
  uint64_t bytes;
  uint64_t origin; /* arrival of the first update, as if it were that of tick 0 */
  uint32_t jitter; /* RFC 3550 section 6.4.1, microseconds times 16 */
  int32_t last_offset;
  struct samples offsets;   /* of arrivals from the schedule that `origin` begins, microseconds */
  struct samples behind;    /* what the server says of its own lateness */
  struct samples round_trips;
};

/* Opens its socket. 0 or -1. */
int bot_init(struct bot *bot, const struct sockaddr_in *server, uint32_t nonce);

/* Takes all that has come. */
void bot_receive(struct bot *bot);

/* Sends what is due; returns when it wants to again. */
uint64_t bot_send(struct bot *bot, uint64_t now);

void bot_leave(struct bot *bot);

#endif
