/*
 * The protocol of arena, version 1: a game over UDP in the manner of Quake II.
 *
 * All numbers are big-endian. A datagram begins with MAGIC (4 bytes) and a type (1 byte):
 *
 *   CONNECT    client: nonce (4), zeros up to CONNECT_BYTES. The server answers CHALLENGE: the nonce, cookie (4).
 *              Nothing is remembered for it, and no answer is longer than what it answers: an address
 *              that was forged gets no more than the forger sent, and gives nobody a session.
 *   JOIN       client: nonce, cookie. The server answers ACCEPT: the nonce, session (4), the client's own slot (1),
 *              milliseconds between updates (2); or REFUSE: the nonce, reason (1). The same JOIN again gets
 *              the same answer.
 *   INPUT      client: session, sequence (4) of this input, newest update that came (4, 0: none), move x and
 *              y (1 each, signed), buttons (1). Older than the newest input: dropped.
 *   UPDATE     server, every UPDATE_MS to each client: session, tick (4, from 1), base (4), newest input that
 *              came (4), microseconds since it came (4), microseconds that this update is behind
 *              its schedule (4), checksum of the state (4), then the state as the difference from that of
 *              tick `base`; base 0 is the empty state.
 *   LEAVE      either side: session. It is over. Sent once; a lost one is what timeouts are for.
 *
 * The state is SLOTS entities. A difference is, for each entity that differs: slot (1), mask (1), and the fields
 * whose bits stand in the mask, in their order. The end of the datagram is the end of the difference.
 *
 * An update that is lost is never sent again: the next one is the difference from the newest state that the
 * client says it has, as long as the server still has that one (HISTORY ticks), else from the empty
 * state. The checksum tells a client that it decoded what the server meant.
 */
#ifndef ARENA_PROTOCOL_H
#define ARENA_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define MAGIC 0x41524e31u /* "ARN1" */

enum { ARENA_PORT = 27910, UPDATE_MS = 100, HISTORY = 32, PLAYERS = 64, MISSILES = 32 };
enum { SLOTS = PLAYERS + MISSILES, CONNECT_BYTES = 32, DATAGRAM_MAXIMUM = 1400 };

enum type { CONNECT = 1, CHALLENGE, JOIN, ACCEPT, REFUSE, INPUT, UPDATE, LEAVE };
enum { REFUSED_FULL = 1, REFUSED_COOKIE = 2 };
enum { BUTTON_FIRE = 1 };

/* kind: 0 is nothing; then all other fields are 0 too. */
enum { KIND_NOTHING, KIND_PLAYER, KIND_MISSILE };
struct entity {
  uint8_t kind, heading, health;
  int16_t x, y;
  uint16_t score;
};
enum { FIELD_KIND = 1, FIELD_HEADING = 2, FIELD_HEALTH = 4, FIELD_X = 8, FIELD_Y = 16, FIELD_SCORE = 32 };

struct state {
  struct entity entities[SLOTS];
};

uint32_t state_checksum(const struct state *state);

/* --- datagrams, written and read within their bounds */

struct cursor {
  uint8_t *at, *end;
  int failed; /* something did not fit, or was not there */
};

void put8(struct cursor *cursor, uint32_t value);
void put16(struct cursor *cursor, uint32_t value);
void put32(struct cursor *cursor, uint32_t value);
uint32_t get8(struct cursor *cursor);
uint32_t get16(struct cursor *cursor);
uint32_t get32(struct cursor *cursor);

/* Starts a datagram of a type. */
struct cursor put_header(uint8_t *bytes, enum type type);

/* The difference from `base` to `state`; it fits into a datagram. */
void put_difference(struct cursor *cursor, const struct state *base, const struct state *state);

/* Changes `state`, which is the base, by the rest of the datagram. 0: it is not well formed. */
int get_difference(struct cursor *cursor, struct state *state);

#endif
