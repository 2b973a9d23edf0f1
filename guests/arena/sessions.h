/*
 * Who plays: sessions by address and port, and what is allowed to those who have none.
 *
 * A session is only made for a cookie, which is a function of the address, the nonce and a secret: whoever
 * forges his address never sees it. Strangers' datagrams are answered at a bounded rate; sessions are
 * bounded in all and for each address; a client that is silent for SILENCE_MS is gone.
 */
#ifndef ARENA_SESSIONS_H
#define ARENA_SESSIONS_H

#include <stdint.h>

#include "protocol.h"

enum {
  SILENCE_MS = 5000,
  PER_ADDRESS = 16,            /* sessions of one address */
  STRANGERS_PER_SECOND = 1000, /* answers to those without a cookie; as many at once */
  INPUTS_PER_TICK = 8          /* of one session; what exceeds is dropped */
};

struct session {
  uint32_t id;      /* 0: the slot is free */
  uint32_t address; /* as in sockaddr_in */
  uint16_t port;
  uint32_t nonce;
  uint64_t heard_at; /* microseconds */
  uint32_t input;    /* sequence of the newest */
  uint32_t acknowledged; /* tick of the newest update that it has */
  uint64_t input_at;
  unsigned inputs;   /* in this tick */
};

extern struct session sessions[PLAYERS];

/* Counted from the start. */
struct counters {
  uint32_t joined, left, silent, refused, strangers_dropped, malformed, foreign, flooded;
};
extern struct counters counters;

void sessions_init(void);
uint32_t session_cookie(uint32_t address, uint16_t port, uint32_t nonce);

/* 1: a stranger may be answered now. */
int stranger_allowed(uint64_t now);

/* The session of this id, address and port, or NULL. */
struct session *session_find(uint32_t id, uint32_t address, uint16_t port);

/* A `fresh` session, or the one that this client has already for the same nonce; NULL: full. */
struct session *session_open(uint32_t address, uint16_t port, uint32_t nonce, uint64_t now, int *fresh);

#endif
